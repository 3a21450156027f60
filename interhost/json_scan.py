"""JSON for the hook path: one value out of a text, and one string into a text.

The standard library's ``json`` imports ``re``, and together they cost a hook as much as starting Python does (9 ms);
the scanner underneath is a C function that needs neither. Every number is a float: no hook decides by one, and a
number of any length is no mistake.
"""

from __future__ import annotations

from _json import encode_basestring_ascii, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class _Rules:
    """What the scanner asks of its decoder."""

    strict = False  # control characters within a string are no reason to lose an event
    object_hook = None
    object_pairs_hook = None
    parse_int = float
    parse_float = float
    parse_constant = float


_scan: Callable[[str, int], tuple[object, int]] = make_scanner(_Rules)  # type: ignore[arg-type] # typed for its own caller


def scan(text: str) -> tuple[object, int] | None:
    """The first JSON value of a text, and where it ends; ``None`` when it holds no complete one."""
    start = len(text) - len(text.lstrip(" \t\n\r"))
    try:
        return _scan(text, start)
    except (StopIteration, ValueError, RecursionError, SystemError):
        # SystemError: to raise its own error, the scanner looks for json.decoder among the imported modules.
        return None


def quote(text: str) -> str:
    """A string as JSON, in ASCII on one line."""
    return encode_basestring_ascii(text)
