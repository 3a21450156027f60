"""How long a context was in each phase, by the transitions that were told of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from interhost_hookspecs.phases import CHAINS, canonical_phase
from interhost_hookspecs.reading import first_line

_END = "done"


class PhaseSpan(NamedTuple):
    """A stay in one phase.

    Attributes:
        phase: Its name, as it was told.
        model: The vocabulary it belongs to.
        start: When the context came into it.
        end: When it left; the time of the telling for the phase it is in.
        is_open: It is still in it.
    """

    phase: str
    model: str
    start: datetime
    end: datetime
    is_open: bool

    @property
    def duration(self) -> timedelta:
        """How long it stayed."""
        return self.end - self.start

    @property
    def following(self) -> str | None:
        """The phase after this one in its own vocabulary."""
        chain = CHAINS.get(self.model, ())
        rest = chain[chain.index(self.phase) + 1 :] if self.phase in chain else ()
        return rest[0] if rest else None


def list_spans(moves: Iterable[tuple[datetime, Mapping[str, object]]], now: datetime) -> list[PhaseSpan]:
    """The stays, in order. The same move told by two producers is one; nobody stays in ``done``.

    Args:
        moves: Time and payload of each ``phase_transition``, in order.
        now: When the last stay is counted to.
    """
    spans: list[PhaseSpan] = []
    for at, payload in moves:
        phase, model = first_line(payload, "to"), first_line(payload, "phase_model") or ""
        if not phase or (spans and _is_same(spans[-1].phase, phase)):
            continue
        if spans:
            spans[-1] = spans[-1]._replace(end=at, is_open=False)
        spans.append(PhaseSpan(phase, model, at, max(at, now), is_open=True))
    if spans and spans[-1].phase == _END:
        spans[-1] = spans[-1]._replace(end=spans[-1].start, is_open=False)
    return spans


def phase_times(spans: Sequence[PhaseSpan]) -> dict[str, tuple[timedelta, bool]]:
    """How long it was in each phase altogether, in the order it came into them, and whether it still is."""
    times: defaultdict[str, timedelta] = defaultdict(timedelta)
    for span in spans:
        times[span.phase] += span.duration
    open_one = spans[-1].phase if spans and spans[-1].is_open else None
    return {phase: (time, phase == open_one) for phase, time in times.items() if time or phase != _END}


def _is_same(one: str, other: str) -> bool:
    return one == other or (canonical_phase(one) is not None and canonical_phase(one) == canonical_phase(other))
