"""Whatever somebody's data holds, as something that JSON has: for errors, which must come through in any case."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

_DEEPEST = 50
_LONGEST_NUMBER = 1000


def to_plain(value: object, depth: int = 0) -> Any:
    """The nearest value that JSON has. Never raises.

    Keys become text; a number that is not finite, too long, or deeper than 50 levels becomes text, as does every object
    that is no mapping and no list, tuple or set. Halves of characters are replaced. What contains itself ends there.
    """
    try:
        return _plain(value, depth)
    except Exception:  # an object of somebody's own that cannot even be looked at
        return f"<{type(value).__name__}>"


def _plain(value: object, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return to_text(value)
    if isinstance(value, int):
        return int(value) if value.bit_length() < _LONGEST_NUMBER else hex(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if depth >= _DEEPEST:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {to_text(key): to_plain(one, depth + 1) for key, one in list(value.items())}
    if isinstance(value, list | tuple | set | frozenset):
        return _list(value, depth)
    return to_text(value)


def _list(values: Iterable[object], depth: int) -> list[Any]:
    return [to_plain(value, depth + 1) for value in list(values)]


def to_text(value: object) -> str:
    """Text for anything, in whole characters. Never raises."""
    try:
        text = value if isinstance(value, str) else str(value)
        return text.encode("utf-8", "replace").decode()
    except Exception:  # its own fault
        return f"<{type(value).__name__}>"
