"""Lines of interphase's telemetry: which are usable, and which belong together.

The file has no project, no session and one-second timestamps, and other programs write into it too. What belongs
together stands next to each other: a ``phase_transition`` and its ``phase_advance`` are one move, a ``gate_check``
knows the phases that its ``gate_enforce`` decides about.

Source: ``reference/modules/interphase.md`` section 1.3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import BEAD_ID

from interhost_interphase.phases import clean_phase

TELEMETRY = Path(".clavain", "telemetry.jsonl")
"""The telemetry file, below the user's home."""

OWN_REASON = "interbus:"
"""Begins the reason of every move that this adapter makes; its echo is not told again."""

EVENTS: Mapping[str, tuple[str, ...]] = {
    "phase_transition": ("phase",),
    "phase_advance": ("phase",),
    "gate_check": (),
    "gate_enforce": ("decision",),
    # bd's text for "no phase" in either of the two is no disagreement, although interphase writes the line.
    "phase_desync": ("bead_phase", "artifact_phase"),
    "discovery_select": ("action",),
}
"""The events that are read, and the keys a line of each must have besides event, bead and timestamp."""

_SECOND_HALF = {"phase_transition": "phase_advance", "gate_check": "gate_enforce"}
# Within one call of interphase only bd and a search for findings lie between the halves; an hour between them means
# two calls.
PAIR_WINDOW = timedelta(seconds=30)
_SETTLE = timedelta(seconds=2)


@frozen(kw_only=True)
class Entry:
    """One usable line of interphase.

    Attributes:
        index: Its position among the lines of this look.
        event: Kind of line.
        bead: Bead it is about.
        at: When it was written.
        keys: The whole line.
    """

    index: int
    event: str
    bead: str
    at: datetime
    keys: Mapping[str, object]

    @property
    def is_echo(self) -> bool:
        """Whether this adapter itself caused it."""
        return self.text("reason").startswith(OWN_REASON)

    def text(self, key: str) -> str:
        """The text of a key; empty when it is absent or no text."""
        value = self.keys.get(key)
        return value if isinstance(value, str) else ""


def list_entries(lines: Iterable[str]) -> list[Entry]:
    """The usable lines: interphase's own, complete, and about a bead."""
    return [entry for index, line in enumerate(lines) if (entry := _read_entry(index, line))]


def count_unfinished(entries: Sequence[Entry], total: int, now: datetime) -> int:
    """How many of the ``total`` lines to leave for the next look, because the second half may be on its way."""
    if not entries or entries[-1].event not in _SECOND_HALF:
        return 0
    is_young = timedelta(0) <= now - entries[-1].at < _SETTLE
    return total - entries[-1].index if is_young else 0


def pair_halves(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Group the lines: a second half with its first, if that is the line before it about the same bead, else alone."""
    groups: list[list[Entry]] = []
    latest: dict[str, list[Entry]] = {}
    for entry in entries:
        if _completes(latest.get(entry.bead), entry):
            latest[entry.bead].append(entry)
        else:
            latest[entry.bead] = [entry]
            groups.append(latest[entry.bead])
    return groups


def read_object(text: str | bytes) -> dict[str, object]:
    """The JSON object in a text; an empty one for everything else, absurdly deep nesting included."""
    try:
        keys = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return keys if isinstance(keys, dict) else {}


def read_time(value: object) -> datetime | None:
    """An RFC 3339 time; ``None`` for anything without a time zone."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None


def _read_entry(index: int, line: str) -> Entry | None:
    keys = read_object(line)
    event, bead, at = keys.get("event"), keys.get("bead"), read_time(keys.get("timestamp"))
    if not isinstance(event, str) or not isinstance(bead, str) or at is None:
        return None
    needs = EVENTS.get(event)
    usable = needs is not None and re.fullmatch(BEAD_ID, bead) and all(clean_phase(keys.get(key)) for key in needs)
    return Entry(index=index, event=event, bead=bead, at=at, keys=keys) if usable else None


def _completes(group: list[Entry] | None, entry: Entry) -> bool:
    if group is None or _SECOND_HALF.get(group[-1].event) != entry.event:
        return False
    return group[-1].text("phase") == entry.text("phase") and abs(entry.at - group[-1].at) <= PAIR_WINDOW
