"""What is remembered about nudges, as text: read in every spelling that exists, written in exactly one.

The one that is written is what a shell can read line by line; ``docs/interbase.md`` has it. Reading repairs: whatever
of a damaged file can still be understood is kept. Source: design section 10, decision 6.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

DISMISSED_AFTER = 3
"""Tips without an answer."""
_MOST = 1_000_000
_ENTRY = re.compile(r'"([^"\\\x00-\x1f]{1,300}:[^"\\\x00-\x1f]{1,300})"\s*:\s*(\{[^{}]*\})')
_KNOWN = ("ignores", "dismissed")


class Entry(NamedTuple):
    """What is remembered about one pair of plugin and companion.

    Attributes:
        ignores: Sessions in which the tip was shown, and the companion not installed.
        dismissed: There is to be no further tip.
        more: Keys that are not ours.
    """

    ignores: int = 0
    dismissed: bool = False
    more: tuple[tuple[str, Any], ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether there is to be no further tip."""
        return self.dismissed or self.ignores >= DISMISSED_AFTER


class State(NamedTuple):
    """The whole file.

    Attributes:
        entries: By ``plugin:companion``.
        others: What stands beside them and is not ours.
        damage: What is wrong with the file, so that it is set aside before it is written; else empty.
    """

    entries: dict[str, Entry]
    others: dict[str, Any]
    damage: str = ""


def parse_state(data: bytes | None) -> State:
    """Read the file's content; never raises.

    Args:
        data: ``None`` where there is no file.
    """
    if data is None:
        return State({}, {})
    try:
        document = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return State(dict(_salvage(data)), {}, "not JSON")
    if not isinstance(document, dict):
        return State({}, {}, "not a JSON object")
    entries, others, damaged = {}, {}, []
    for key, value in document.items():
        if ":" not in key:
            others[key] = value
            continue
        entry, is_sound = _entry(value)
        if entry is not None:
            entries[key] = entry
        if not is_sound:
            damaged.append(key)
    return State(entries, others, f"key {damaged[0]!r}: not an entry" if damaged else "")


def compose_state(state: State) -> bytes:
    """The file's content: one line for each entry, in the order of their bytes."""
    lines = {key: f"{json.dumps(key)}: {_text(entry)}" for key, entry in state.entries.items()}
    lines |= {key: f"{json.dumps(key)}: {json.dumps(value)}" for key, value in state.others.items()}
    text = ",\n".join(line for _, line in sorted(lines.items()))
    return f"{{\n{text}\n}}\n".encode() if text else b"{\n}\n"


def parse_count(data: bytes | None) -> int | None:
    """How many tips a session has had, from the content of its file; ``None`` when that cannot be told."""
    if data is None:
        return 0
    try:
        document = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return _number(document.get("count")) if isinstance(document, dict) else None


def compose_count(count: int) -> bytes:
    """The content of a session's file."""
    return f'{{"count": {count}}}\n'.encode()


def _text(entry: Entry) -> str:
    return json.dumps({"ignores": entry.ignores, "dismissed": entry.dismissed, **dict(entry.more)})


def _entry(value: object) -> tuple[Entry | None, bool]:
    """What can be understood of an entry, and whether that is all of it."""
    if isinstance(value, dict):
        ignores, dismissed = _number(value.get("ignores", 0)), _truth(value.get("dismissed", False))
        more = tuple((key, one) for key, one in value.items() if key not in _KNOWN)
        entry = Entry(ignores or 0, dismissed or False, more)
        return entry, ignores is not None and dismissed is not None
    if isinstance(value, bool):
        return Entry(0, value), False
    ignores = _number(value)
    return (None if ignores is None else Entry(ignores)), False


def _number(value: object) -> int | None:
    """A count, also one that is written as text or with a fraction of zero; at most a million."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,18}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        return None
    return min(int(value), _MOST) if value == int(value) else None


def _truth(value: object) -> bool | None:
    """Yes or no, also as text or number."""
    if isinstance(value, str):
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            value.strip().lower()
        )
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def _salvage(data: bytes) -> Iterator[tuple[str, Entry]]:
    """Entries that are whole in a file that is not."""
    for key, text in _ENTRY.findall(data.decode("utf-8", "replace")):
        try:
            entry, _ = _entry(json.loads(text, parse_constant=_refuse))
        except (ValueError, RecursionError):
            continue
        if entry is not None:
            yield key, entry


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
