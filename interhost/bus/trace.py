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


def trace_event(bus: Bus, event_id: str) -> TraceNode | None:
    """The tree below one event, or ``None`` when the log does not have it."""
    stored = bus.log.get(event_id)
    return _node(bus, stored) if stored else None


def _node(bus: Bus, stored: Stored) -> TraceNode:
    # A reaction is always younger than its cause, so the tree cannot have a cycle.
    reactions = [event for event in bus.log.reactions(stored.envelope.event_id) if event.seq > stored.seq]
    return TraceNode(stored, tuple(_deliveries(bus, stored)), tuple(_node(bus, event) for event in reactions))


def _deliveries(bus: Bus, stored: Stored) -> Iterator[DeliveryTrace]:
    attempts: dict[str, list[Attempt]] = {}
    for attempt in bus.store.attempts(stored.seq):
        attempts.setdefault(attempt.consumer, []).append(attempt)
    unfinished = {consumer: rest for consumer, *rest in bus.log.waiting(stored.seq)}
    dead = {letter.consumer: letter for letter in bus.log.dead_letters() if letter.seq == stored.seq}
    positions = {position.subscription.consumer: position for position in bus.log.positions()}
    for consumer in sorted({*attempts, *unfinished, *dead, *positions}):
        tried = tuple(attempts.get(consumer, ()))
        if consumer in dead:
            letter = dead[consumer]
            yield DeliveryTrace(consumer, "dead", f"after {letter.attempts} attempts: {letter.reason}", tried)
        elif consumer in unfinished:
            count, due, leased = unfinished[consumer]
            state = "running" if leased else "retrying" if count else "waiting"
            yield DeliveryTrace(consumer, state, tried[-1].reason if tried else "", tried, due or None)
        elif tried:
            yield DeliveryTrace(consumer, tried[-1].outcome, tried[-1].reason, tried)
        elif consumer in positions and (other := _not_attempted(stored, positions[consumer])):
            yield other


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
