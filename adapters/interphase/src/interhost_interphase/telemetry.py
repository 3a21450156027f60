"""Lines of interphase's telemetry: which are usable, and which belong together.

The file has no project, no session and one-second timestamps, and other programs write into it too. What belongs
together stands next to each other: a ``phase_transition`` and its ``phase_advance`` are one move, a ``gate_check``
knows the phases that its ``gate_enforce`` decides about.

Source: ``reference/modules/interphase.md`` section 1.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from attrs import define, frozen
from interhost_hookspecs.phases import clean_phase
from interhost_hookspecs.reading import is_bead, read_object, read_time

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
_PAIR_WINDOW = timedelta(seconds=30)
_SETTLE = timedelta(seconds=2)


@frozen
class Entry:
    """One usable line: its position in this look, what it is about, when it was written, and the whole of it."""

    index: int
    event: str
    bead: str
    at: datetime
    keys: Mapping[str, object]

    def text(self, key: str) -> str:
        """The text of a key; empty when it is absent or no text."""
        value = self.keys.get(key)
        return value if isinstance(value, str) else ""


@define
class Lines:
    """The lines of one fact: the first, the one that completes it, and the gate's check about the same move."""

    first: Entry
    last: Entry
    check: Entry | None

    def take(self, entry: Entry) -> bool:
        """Whether a line is the second half, which completes this."""
        if _SECOND_HALF.get(self.last.event) != entry.event or not _is_same(self.last, "phase", entry):
            return False
        self.last = entry
        self.check = self.first if self.first.event == "gate_check" else self.check
        return True

    @property
    def is_echo(self) -> bool:
        """Whether this adapter itself caused it."""
        return self.last.text("reason").startswith(OWN_REASON)


def list_entries(lines: Iterable[str]) -> list[Entry]:
    """The usable lines: interphase's own, complete, and about a bead."""
    return [entry for index, line in enumerate(lines) if (entry := _read_entry(index, line))]


def count_unfinished(entries: Sequence[Entry], total: int, now: datetime) -> int:
    """How many of the ``total`` lines to leave for the next look, because the second half may be on its way."""
    if not entries or entries[-1].event not in _SECOND_HALF:
        return 0
    is_young = timedelta(0) <= now - entries[-1].at < _SETTLE
    return total - entries[-1].index if is_young else 0


def group_lines(entries: Iterable[Entry]) -> list[Lines]:
    """Group a second half with its first, if that is the line before it about the same bead; a move follows a check."""
    groups: list[Lines] = []
    latest: dict[str, Lines] = {}
    checks: dict[str, Entry] = {}
    for entry in entries:
        if entry.bead in latest and latest[entry.bead].take(entry):
            continue
        check = checks.get(entry.bead)
        latest[entry.bead] = Lines(entry, entry, check if check and _is_same(check, "to", entry) else None)
        groups.append(latest[entry.bead])
        if entry.event == "gate_check":
            checks[entry.bead] = entry
    return groups


def _is_same(before: Entry, key: str, entry: Entry) -> bool:
    return before.text(key) == entry.text("phase") and abs(entry.at - before.at) <= _PAIR_WINDOW


def _read_entry(index: int, line: str) -> Entry | None:
    keys = read_object(line)
    event, bead, at = keys.get("event"), keys.get("bead"), read_time(keys.get("timestamp"))
    needs = EVENTS.get(event) if isinstance(event, str) else None
    if needs is None or not is_bead(bead) or at is None or not all(clean_phase(keys.get(key)) for key in needs):
        return None
    return Entry(index, str(event), bead, at, keys)
