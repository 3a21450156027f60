"""The recorded life of one event."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope
from interhost.bus.ids import new_id
from interhost.bus.log import BACKOFF_SECONDS, MAX_ATTEMPTS, Lease, Subscription
from interhost.bus.store import Attempt
from interhost.bus.trace import DeliveryTrace, trace_event

fact = partial(
    compose,
    intent="notify",
    payload='{"text": "x"}',
    context_id="iv-a1",
    producer="cli",
    door="cli",
    allow_unknown=True,
)


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def micros(self) -> int:
        return int(self.now * 1_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bus(tmp_path: Path, clock: Clock) -> Iterator[Bus]:
    with Bus(tmp_path / "state", clock=clock) as bus:
        yield bus


def subscribe(bus: Bus, consumer: str, *intents: str) -> None:
    bus.log.subscribe(Subscription(consumer, intents or ("*",)), start=None)


def take(bus: Bus, consumer: str = "alpha") -> Lease:
    (lease,) = bus.log.fetch(consumer)
    return lease


def finish(bus: Bus, lease: Lease, clock: Clock, outcome: str, reason: str) -> Attempt:
    """End an attempt as the host does."""
    attempt = Attempt(lease.consumer, lease.attempt, clock.micros(), clock.micros() + 1, outcome, reason)
    with bus.database.transaction():
        if outcome == "error":
            bus.log.nack(lease, reason)
        else:
            bus.log.ack(lease)
        bus.store.record_attempt(lease.stored.seq, attempt)
    return attempt


def deliveries(bus: Bus, envelope: Envelope) -> list[DeliveryTrace]:
    node = trace_event(bus, envelope.event_id)
    assert node is not None
    assert node.stored.envelope == envelope
    return list(node.deliveries)


def test_an_unknown_event_has_no_trace(bus: Bus) -> None:
    """None, not an empty tree."""
    assert trace_event(bus, new_id()) is None


def test_an_event_that_nobody_wants_has_no_deliveries(bus: Bus) -> None:
    """A consumer of other subjects is not told to have ignored it."""
    subscribe(bus, "alpha", "review_pass@1")
    envelope = fact()
    bus.publish(envelope)
    assert deliveries(bus, envelope) == []


@pytest.mark.parametrize("outcome", ["done", "skipped", "degraded", "failed"])
def test_a_finished_delivery_shows_its_outcome(bus: Bus, clock: Clock, outcome: str) -> None:
    """With its reason and every attempt that led there."""
    subscribe(bus, "alpha")
    envelope = fact()
    bus.publish(envelope)
    first = finish(bus, take(bus), clock, "error", "no luck")
    clock.now += BACKOFF_SECONDS[0]
    second = finish(bus, take(bus), clock, outcome, "that is how it went")
    assert deliveries(bus, envelope) == [DeliveryTrace("alpha", outcome, "that is how it went", (first, second))]


def test_a_delivery_goes_from_waiting_over_running_and_retrying_to_dead(bus: Bus, clock: Clock) -> None:
    """Each state says what there is to know: nothing yet, until when, why and when again, why given up."""
    subscribe(bus, "alpha")
    envelope = fact()
    bus.publish(envelope)
    assert deliveries(bus, envelope) == [DeliveryTrace("alpha", "waiting", "no host has offered it yet")]
    attempts: tuple[Attempt, ...] = ()
    for wait in (*BACKOFF_SECONDS, None):
        lease = take(bus)
        (running,) = deliveries(bus, envelope)
        assert (running.state, running.attempts, running.due) == ("running", attempts, clock.micros() + 30_000_000)
        attempts += (finish(bus, lease, clock, "error", f"no luck {lease.attempt}"),)
        if wait:
            due = clock.micros() + int(wait * 1_000_000)
            retrying = DeliveryTrace("alpha", "retrying", f"no luck {lease.attempt}", attempts, due)
            assert deliveries(bus, envelope) == [retrying]
            clock.now += wait
    dead = DeliveryTrace("alpha", "dead", f"after {MAX_ATTEMPTS} attempts: no luck {MAX_ATTEMPTS}", attempts)
    assert deliveries(bus, envelope) == [dead]
    bus.log.redrive("alpha", 1)
    (again,) = deliveries(bus, envelope)
    assert (again.state, again.attempts) == ("waiting", attempts)


def test_a_deferred_delivery_waits_until_its_time(bus: Bus, clock: Clock) -> None:
    """The attempt that asked for it is shown with its reason."""
    subscribe(bus, "alpha")
    envelope = fact()
    bus.publish(envelope)
    lease, until = take(bus), clock.micros() + 60_000_000
    attempt = Attempt("alpha", 1, clock.micros(), clock.micros(), "deferred", "the review is running")
    bus.log.release(lease, until)
    bus.store.record_attempt(1, attempt)
    assert deliveries(bus, envelope) == [DeliveryTrace("alpha", "waiting", "the review is running", (attempt,), until)]


@pytest.mark.parametrize(
    ("intents", "changes", "reason"),
    [
        (("notify@1",), {"intent": "notify@2.0"}, "version: understands notify@1"),
        (("notify@2", "notify@3"), {}, "version: understands notify@2, notify@3"),
        (("tool.used@2",), {"intent": "tool.used@1.0"}, "version: understands tool.used@2"),
        (("notify@1",), {"intent": "tool.used@1.0"}, "unknown: does not consume this intent"),
        (("review_pass@1",), {"consumers": ("alpha",)}, "unknown: does not consume this intent"),
        (("review_pass@1",), {}, None),
        (("notify@1",), {"intent": "notify@2.0", "consumers": ("beta",)}, None),
        (("notify@1",), {"intent": "notify@2.0", "producer": "alpha"}, None),
    ],
    ids=str,
)
def test_what_a_consumer_cannot_take_is_shown_as_ignored(
    bus: Bus, intents: tuple[str, ...], changes: dict[str, object], reason: str | None
) -> None:
    """Another major, an unknown name, or an address that is not honoured; never an error."""
    subscribe(bus, "alpha", *intents)
    envelope = fact(**changes)  # type: ignore[arg-type]  # a table of keyword arguments
    bus.publish(envelope)
    assert bus.log.fetch("alpha") == []
    expected = [] if reason is None else [DeliveryTrace("alpha", "ignored", reason)]
    assert deliveries(bus, envelope) == expected


def test_what_was_there_before_a_consumer_is_not_its_matter(bus: Bus) -> None:
    """An adapter that is installed later neither waits for old events nor ignores them."""
    envelope = fact()
    bus.publish(envelope)
    subscribe(bus, "alpha")
    assert deliveries(bus, envelope) == []


def test_what_was_passed_over_is_not_said_to_wait(bus: Bus) -> None:
    """A consumer that wants more from now on is not offered what it did not want then."""
    subscribe(bus, "alpha", "review_pass@1")
    envelope = fact()
    bus.publish(envelope)
    bus.publish(fact(intent="review_pass", payload='{"verdict": null, "counts": {}}'))
    take(bus)
    subscribe(bus, "alpha", "review_pass@1", "notify@1")
    assert bus.log.fetch("alpha") == []
    (trace,) = deliveries(bus, envelope)
    assert (trace.state, trace.reason) == ("ignored", "passed over: it did not consume this intent then")


def test_every_consumer_has_its_own_line_by_name(bus: Bus, clock: Clock) -> None:
    """What one has done says nothing about another."""
    for name in ("gamma", "alpha", "beta"):
        subscribe(bus, name)
    envelope = fact()
    bus.publish(envelope)
    finish(bus, take(bus, "beta"), clock, "done", "ok")
    take(bus, "gamma")
    states = [(one.consumer, one.state) for one in deliveries(bus, envelope)]
    assert states == [("alpha", "waiting"), ("beta", "done"), ("gamma", "running")]


def test_reactions_hang_below_what_they_react_to(bus: Bus) -> None:
    """To any depth, in the order they were published, and nothing else is in the tree."""

    def publish(cause: Envelope | None, producer: str = "alpha") -> Envelope:
        envelope = fact(producer=producer, extensions={"caused_by": cause.event_id} if cause else None)
        bus.publish(envelope)
        return envelope

    root = publish(None, "cli")
    first, second = publish(root), publish(root, "beta")
    below = publish(first, "beta")
    publish(None, "cli")
    node = trace_event(bus, root.event_id)
    assert node is not None
    assert [one.stored.envelope for one in node.reactions] == [first, second]
    assert [[one.stored.envelope for one in child.reactions] for child in node.reactions] == [[below], []]
    middle = trace_event(bus, first.event_id)
    assert middle is not None
    assert middle == node.reactions[0]


def test_events_that_claim_to_cause_each_other_end_somewhere(bus: Bus) -> None:
    """A forged cause cannot make the tree endless: only what is younger is below."""
    one, other = new_id(), new_id()
    for event_id, cause in ((one, other), (other, one)):
        bus.publish(fact(event_id=event_id, extensions={"caused_by": cause}))
    node = trace_event(bus, one)
    assert node is not None
    assert [child.stored.envelope.event_id for child in node.reactions] == [other]
    assert node.reactions[0].reactions == ()
