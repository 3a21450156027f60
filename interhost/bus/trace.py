"""The recorded life of one envelope: who was offered it, what each did, and what came of that.

Attempts are rows; "ignored" is computed from the event and the recorded subscriptions.
Source: design section 7, step 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from interhost.bus.bus import Bus
from interhost.bus.catalogue import canonical_intents
from interhost.bus.log import Position, Stored
from interhost.bus.store import Attempt


class DeliveryTrace(NamedTuple):
    """What became of one event for one consumer.

    Attributes:
        consumer: Whose delivery it is.
        state: The outcome, or ``waiting``, ``running``, ``retrying``, ``dead``, ``ignored``.
        reason: Why, in one line.
        attempts: Every attempt, in order.
        due: When it is tried next, in microseconds since the epoch; ``None`` when it only waits for its turn.
    """

    consumer: str
    state: str
    reason: str
    attempts: tuple[Attempt, ...] = ()
    due: int | None = None


class TraceNode(NamedTuple):
    """One event, its deliveries, and the events published in reaction to it."""

    stored: Stored
    deliveries: tuple[DeliveryTrace, ...]
    reactions: tuple[TraceNode, ...]


class Tracer:
    """Traces several events of one bus; what holds for all of them is read once.

    Args:
        bus: The bus. What happens in it meanwhile is not seen in subscriptions and dead letters.
    """

    def __init__(self, bus: Bus) -> None:
        """Read the subscriptions and the dead letters."""
        self._bus = bus
        self._positions = {position.subscription.consumer: position for position in bus.log.positions()}
        self._dead = {(letter.seq, letter.consumer): letter for letter in bus.log.dead_letters()}

    def tree(self, stored: Stored) -> TraceNode:
        """An event, its deliveries, and everything that was published in reaction to it."""
        # A reaction is always younger than its cause, so the tree cannot have a cycle.
        events = self._bus.log.reactions(stored.envelope.event_id)
        reactions = [event for event in events if event.seq > stored.seq]
        return TraceNode(stored, tuple(self.deliveries(stored)), tuple(map(self.tree, reactions)))

    def deliveries(self, stored: Stored) -> Iterator[DeliveryTrace]:
        """What became of an event for each consumer, in name order."""
        attempts: dict[str, list[Attempt]] = {}
        for attempt in self._bus.store.attempts(stored.seq):
            attempts.setdefault(attempt.consumer, []).append(attempt)
        unfinished = {consumer: rest for consumer, *rest in self._bus.log.waiting(stored.seq)}
        dead = {consumer for seq, consumer in self._dead if seq == stored.seq}
        for consumer in sorted({*attempts, *unfinished, *dead, *self._positions}):
            tried = tuple(attempts.get(consumer, ()))
            if letter := self._dead.get((stored.seq, consumer)):
                yield DeliveryTrace(consumer, "dead", f"after {letter.attempts} attempts: {letter.reason}", tried)
            elif consumer in unfinished:
                count, due, leased = unfinished[consumer]
                state = "running" if leased else "retrying" if count else "waiting"
                yield DeliveryTrace(consumer, state, tried[-1].reason if tried else "", tried, due or None)
            elif tried:
                yield DeliveryTrace(consumer, tried[-1].outcome, tried[-1].reason, tried)
            elif consumer in self._positions and (other := _not_attempted(stored, self._positions[consumer])):
                yield other


def trace_event(bus: Bus, event_id: str) -> TraceNode | None:
    """The tree below one event, or ``None`` when the log does not have it."""
    stored = bus.log.get(event_id)
    return Tracer(bus).tree(stored) if stored else None


def _not_attempted(stored: Stored, position: Position) -> DeliveryTrace | None:
    """Why a consumer that was there has no attempt; ``None`` when the event is simply not its subject."""
    subscription, envelope = position.subscription, stored.envelope
    if stored.seq <= position.since or not subscription.concerns(envelope):
        return None
    if subscription.wants(envelope):
        if stored.seq <= position.head:
            return DeliveryTrace(subscription.consumer, "ignored", "passed over: it did not consume this intent then")
        return DeliveryTrace(subscription.consumer, "waiting", "no host has offered it yet")
    majors = [intent for intent in subscription.intents if intent.partition("@")[0] == envelope.name]
    if majors:
        return DeliveryTrace(subscription.consumer, "ignored", f"version: understands {', '.join(majors)}")
    if envelope.name not in canonical_intents() or subscription.consumer in envelope.consumers:
        return DeliveryTrace(subscription.consumer, "ignored", "unknown: does not consume this intent")
    return None
