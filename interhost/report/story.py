"""Everything the bus knows of one context, in the order a person asks for it. Reading changes nothing.

Source: design sections 1 (the third kind of user) and 7, step 6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from interhost_hookspecs.reading import read_object, read_time

from interhost.bus.bus import Bus
from interhost.bus.log import Query, Stored
from interhost.bus.trace import DeliveryTrace, Tracer
from interhost.report.headlines import headline
from interhost.report.phases import PhaseSpan, list_spans

MOST_EVENTS = 2000
"""Events of one story; of a longer one, the newest are told."""
_ACTED = frozenset(("done", "degraded", "failed", "dead"))


class Moment(NamedTuple):
    """One fact of the story.

    Attributes:
        stored: The event.
        payload: What it says.
        at: When it happened.
        headline: What happened, in one line.
        deliveries: What became of it, for everyone it concerns.
    """

    stored: Stored
    payload: Mapping[str, object]
    at: datetime
    headline: str
    deliveries: tuple[DeliveryTrace, ...]

    @property
    def name(self) -> str:
        """The intent's name."""
        return self.stored.envelope.name

    @property
    def reactions(self) -> list[DeliveryTrace]:
        """The deliveries that came to something, or to nothing although they should have."""
        return [one for one in self.deliveries if one.state not in ("skipped", "ignored")]


class Actor(NamedTuple):
    """Who took part.

    Attributes:
        name: An adapter, ``shell`` or ``cli``.
        told: How many facts it told.
        acted: How many of its deliveries ended in each outcome, ``skipped`` left out.
    """

    name: str
    told: int
    acted: Mapping[str, int]


class Story(NamedTuple):
    """What is known of one context.

    Attributes:
        context: Its id.
        moments: What happened, oldest first.
        left_out: How many older events are not told.
        spans: How long it was in each phase, in order.
        actors: Who took part, by name.
        now: When the story was told.
    """

    context: str
    moments: Sequence[Moment]
    left_out: int
    spans: Sequence[PhaseSpan]
    actors: Sequence[Actor]
    now: datetime

    @property
    def duration(self) -> timedelta:
        """From the first to the last fact."""
        return self.moments[-1].at - self.moments[0].at if self.moments else timedelta()


def tell_story(bus: Bus, context: str, now: datetime) -> Story:
    """Read the story of a context; one that nothing is known of has no moments.

    Args:
        bus: The bus.
        context: The context's id.
        now: The time, with time zone.
    """
    found = bus.log.read(Query(context_id=context, last=MOST_EVENTS + 1))
    left_out = _count_before(bus, context, found[1].seq) if len(found) > MOST_EVENTS else 0
    tracer = Tracer(bus)
    moments = sorted((_moment(stored, tracer) for stored in found[-MOST_EVENTS:]), key=_order)
    spans = list_spans(((one.at, one.payload) for one in moments if one.name == "phase_transition"), now)
    return Story(context, moments, left_out, spans, list(_actors(moments)), now)


def _moment(stored: Stored, tracer: Tracer) -> Moment:
    payload = read_object(stored.envelope.payload)
    stated = read_time(stored.envelope.extensions.get("occurred_at"))
    at = stated or datetime.fromtimestamp(stored.ts / 1e6, UTC)
    return Moment(stored, payload, at, headline(stored.envelope, payload), tuple(tracer.deliveries(stored)))


def _order(moment: Moment) -> tuple[datetime, int]:
    """When it happened; of the same moment, in the log's order."""
    return moment.at, moment.stored.seq


def _count_before(bus: Bus, context: str, seq: int) -> int:
    """How many events of a context stand before one, counted page by page."""
    count, after = 0, 0
    while page := bus.log.read(Query(after=after, context_id=context)):
        count += sum(one.seq < seq for one in page)
        after = page[-1].seq
        if after >= seq:
            break
    return count


def _actors(moments: Iterable[Moment]) -> Iterator[Actor]:
    told = Counter(one.stored.envelope.producer for one in moments)
    acted: dict[str, Counter[str]] = {}
    for moment in moments:
        for delivery in moment.deliveries:
            if delivery.state in _ACTED:
                acted.setdefault(delivery.consumer, Counter())[delivery.state] += 1
    for name in sorted({*told, *acted}):
        yield Actor(name, told[name], acted.get(name, Counter()))
