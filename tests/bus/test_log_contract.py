"""What every engine of the event log does.

An engine joins by a row in ``ENGINES``; where engines may differ, a check reads the declared capabilities. Nothing
below the table knows SQLite.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope
from interhost.bus.ids import new_id
from interhost.bus.log import (
    BACKOFF_SECONDS,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    Capabilities,
    EventLog,
    Header,
    Lease,
    Query,
    Stored,
    Subscription,
)
from interhost.errors import InputError

SECOND = 1_000_000
Opener = Callable[[Path, Callable[[], float]], AbstractContextManager[EventLog]]


class Engine(NamedTuple):
    """How to open an engine on a directory, and what it must declare."""

    open: Opener
    capabilities: Capabilities


@contextmanager
def open_sqlite(root: Path, clock: Callable[[], float]) -> Iterator[EventLog]:
    with Bus(root, clock=clock) as bus:
        yield bus.log


ENGINES = {
    "sqlite": Engine(open_sqlite, Capabilities(dedup="retention", fenced_ack=True, ack_durable=0.0, keeps_newest=True)),
}


class World:
    """One engine on one directory with one clock, which a check moves itself."""

    def __init__(self, engine: Engine, root: Path, stack: ExitStack) -> None:
        self.engine = engine
        self.now = 1_800_000_000.0
        self._root = root
        self._stack = stack

    def clock(self) -> float:
        return self.now

    def connect(self) -> AbstractContextManager[EventLog]:
        """One more log on the same events, to be closed by the caller."""
        return self.engine.open(self._root, self.clock)

    def open(self) -> EventLog:
        """One more log on the same events, closed after the check."""
        return self._stack.enter_context(self.connect())


@pytest.fixture(params=list(ENGINES))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(ENGINES[request.param], tmp_path / "state", stack)


@pytest.fixture
def log(world: World) -> EventLog:
    return world.open()


fact = partial(
    compose,
    intent="notify@1.0",
    payload='{"text": "hello"}',
    context_id="iv-a1",
    producer="cli",
    door="cli",
    allow_unknown=True,
)


def subscribe(log: EventLog, *consumers: str, intents: tuple[str, ...] = ("*",), start: int | None = 0) -> None:
    for consumer in consumers:
        log.subscribe(Subscription(consumer, intents), start=start)


def seqs(stored: list[Stored]) -> list[int]:
    return [one.seq for one in stored]


def leased(leases: list[Lease]) -> list[tuple[int, int]]:
    """Each lease as (sequence number, attempt)."""
    return [(lease.stored.seq, lease.attempt) for lease in leases]


def take(log: EventLog, consumer: str) -> Lease:
    """The one lease that is due."""
    (lease,) = log.fetch(consumer)
    return lease


def in_child(work: Callable[[], None]) -> int:
    """Do something in a forked process and answer with its wait status; the child runs nothing of pytest's."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)  # only a child that ended itself on purpose ends otherwise
    return os.waitpid(child, 0)[1]


def test_the_engine_declares_what_it_can(world: World) -> None:
    """Checks below read the declaration, so it must be the agreed one."""
    assert world.open().capabilities == world.engine.capabilities


# Append ---------------------------------------------------------------------------------------------------------------


def test_sequence_numbers_rise_in_the_order_of_appends(log: EventLog) -> None:
    """Position is commit order, and the log's end is the last one."""
    assert log.end() == 0
    given = [log.append(fact()).seq for _ in range(5)]
    assert given == sorted(set(given))
    assert seqs(log.read(Query())) == given
    assert log.end() == given[-1]


def test_an_envelope_comes_back_as_it_was_given(log: EventLog) -> None:
    """Every field is kept, and the payload to the byte: its spaces, its order, its escapes."""
    envelope = fact(
        payload='{ "z" : 1.50,\n "text":"\\u00e9 é \\ud83d" , "extra": [ ] }',
        context_id="project:wid gets é",
        artifact_path="/srv/a b.md",
        severity="warn",
        consumers=("beta", "alpha"),
        source_hook="PostToolUse:Write",
        session_id="s-1",
        dedupe_key="k",
        extensions={"depth": 2, "nested": {"list": [1, None, "é"]}, "caused_by": new_id()},
    )
    log.append(envelope)
    (stored,) = log.read(Query())
    assert stored.envelope == envelope
    assert log.get(envelope.event_id) == stored


def test_an_id_that_nobody_stored_is_not_there(log: EventLog) -> None:
    """Looking for an event by an unknown id answers None."""
    log.append(fact())
    assert log.get(new_id()) is None


def test_the_same_id_with_the_same_content_is_stored_once(log: EventLog) -> None:
    """The second append answers with the first position, and uses up no number."""
    envelope = fact()
    first = log.append(envelope)
    again = log.append(envelope)
    after = log.append(fact())
    assert (first.duplicate, again.duplicate, after.duplicate) == (False, True, False)
    assert again.seq == first.seq
    assert seqs(log.read(Query())) == [first.seq, after.seq]


@pytest.mark.parametrize(
    "other",
    [fact(payload='{"text": "other"}'), fact(payload='{"text":"hello"}'), fact(intent="notify@1.1")],
    ids=["payload", "spelling", "intent"],
)
def test_the_same_id_with_other_content_is_refused(log: EventLog, other: Envelope) -> None:
    """An id stands for one content for ever; the message names it, and the first content stays."""
    envelope = fact()
    log.append(envelope)
    with pytest.raises(InputError, match=envelope.event_id):
        log.append(other._replace(event_id=envelope.event_id))
    assert [one.envelope for one in log.read(Query())] == [envelope]


def test_the_time_of_storing_never_decreases(world: World) -> None:
    """A clock that is set back leaves the order of times and positions the same."""
    log = world.open()
    for now in (1000.0, 2000.0, 1500.0, 2500.0):
        world.now = now
        log.append(fact())
    assert [one.ts for one in log.read(Query())] == [1000 * SECOND, 2000 * SECOND, 2000 * SECOND, 2500 * SECOND]


def test_an_appended_event_survives_the_death_of_its_writer(world: World) -> None:
    """Once append has returned, kill -9 takes nothing."""
    envelope = fact()

    def write_and_die() -> None:
        with world.connect() as log:
            log.append(envelope)
            os.kill(os.getpid(), signal.SIGKILL)

    assert os.WTERMSIG(in_child(write_and_die)) == signal.SIGKILL
    assert [one.envelope for one in world.open().read(Query())] == [envelope]


# Read -----------------------------------------------------------------------------------------------------------------


def test_pages_follow_each_other_without_gap_or_overlap(log: EventLog) -> None:
    """Reading on after the last position seen gives everything once, in order."""
    given = [log.append(fact()).seq for _ in range(7)]
    pages: list[list[int]] = []
    after = 0
    while page := seqs(log.read(Query(after=after), limit=3)):
        pages.append(page)
        after = page[-1]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [seq for page in pages for seq in page] == given


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), "abcdef"),
        (Query(intents=("review_pass",)), "bc"),
        (Query(intents=("review_pass@1.0",)), "b"),
        (Query(intents=("review_*",)), "bcd"),
        (Query(intents=("review_pass@1.*",)), "b"),
        (Query(intents=("*",)), "abcdef"),
        (Query(intents=("tool.*",)), "e"),
        (Query(intents=("notify", "tool.used")), "aef"),
        (Query(intents=("review",)), ""),
        (Query(context_id="iv-b"), "bd"),
        (Query(producer="alpha"), "cf"),
        (Query(after=3), "def"),
        (Query(after=6), ""),
        (Query(after=2, intents=("review_*",), context_id="iv-b"), "d"),
        (Query(since=1003 * SECOND), "cdef"),
        (Query(since=1003 * SECOND + 1), "def"),
        (Query(until=1003 * SECOND), "ab"),
        (Query(since=1002 * SECOND, until=1005 * SECOND), "bcd"),
        (Query(since=0), "abcdef"),
        (Query(since=9999 * SECOND), ""),
        (Query(until=0), ""),
        (Query(after=4, since=1002 * SECOND), "ef"),
        (Query(last=2), "ef"),
        (Query(last=99), "abcdef"),
        (Query(last=1, intents=("review_*",)), "d"),
        (Query(last=2, until=1004 * SECOND), "bc"),
        (Query(last=3, after=4), "ef"),
    ],
    ids=str,
)
def test_a_query_answers_with_exactly_what_fits(world: World, query: Query, expected: str) -> None:
    """Every condition must hold; what fits comes in log order, whatever the conditions are."""
    log = world.open()
    for second, (intent, context, producer) in enumerate(
        [
            ("notify@1.0", "iv-a", "cli"),
            ("review_pass@1.0", "iv-b", "cli"),
            ("review_pass@2.0", "iv-a", "alpha"),
            ("review_round@1.0", "iv-b", "cli"),
            ("tool.used@1.0", "iv-c", "cli"),
            ("notify@1.4", "iv-a", "alpha"),
        ],
        start=1001,
    ):
        world.now = second
        payload = json.dumps({"text": "x", "verdict": None, "counts": {}, "label": chr(ord("a") + second - 1001)})
        log.append(fact(intent=intent, context_id=context, producer=producer, payload=payload))
    assert "".join(json.loads(one.envelope.payload)["label"] for one in log.read(query)) == expected


# Who gets what --------------------------------------------------------------------------------------------------------


def test_a_new_consumer_starts_at_the_end(log: EventLog) -> None:
    """Installing an adapter replays nothing of what was there before."""
    log.append(fact())
    subscribe(log, "alpha", start=None)
    assert not log.has_work("alpha")
    assert log.fetch("alpha") == []
    new = log.append(fact())
    assert leased(log.fetch("alpha", 10)) == [(new.seq, 1)]


def test_a_consumer_that_starts_at_zero_gets_everything(log: EventLog) -> None:
    """Start 0 is the request for the whole history, in order."""
    given = [log.append(fact(context_id=f"iv-{number}")).seq for number in range(3)]
    subscribe(log, "alpha", start=0)
    assert leased(log.fetch("alpha", 10)) == [(seq, 1) for seq in given]


def test_a_start_in_the_middle_is_the_position_before_the_first(log: EventLog) -> None:
    """Start is exclusive: the event at that position is not delivered."""
    given = [log.append(fact()).seq for _ in range(3)]
    subscribe(log, "alpha", start=given[0])
    assert leased(log.fetch("alpha", 10)) == [(seq, 1) for seq in given[1:]]


def test_every_consumer_gets_every_event(log: EventLog) -> None:
    """Consumers do not compete: what one has finished is still there for the other."""
    subscribe(log, "alpha", "beta")
    given = [log.append(fact(context_id=f"iv-{number}")).seq for number in range(3)]
    for lease in log.fetch("alpha", 10):
        assert log.ack(lease)
    assert log.fetch("alpha", 10) == []
    assert leased(log.fetch("beta", 10)) == [(seq, 1) for seq in given]


def test_an_unknown_consumer_gets_nothing(log: EventLog) -> None:
    """Fetching for a name that never subscribed is empty, and makes it no consumer."""
    log.append(fact())
    assert not log.has_work("nobody")
    assert log.fetch("nobody") == []
    assert log.positions() == []


@pytest.mark.parametrize(
    ("intents", "envelope", "delivered"),
    [
        (("notify@1",), {"intent": "notify@1.0"}, True),
        (("notify@1",), {"intent": "notify@1.7"}, True),
        (("notify@1",), {"intent": "notify@2.0"}, False),
        (("notify@1",), {"intent": "notify@10.0"}, False),
        (("notify@1", "notify@2"), {"intent": "notify@2.0"}, True),
        (("notify@1",), {"intent": "tool.notify@1.0"}, False),
        (("tool.used@1",), {"intent": "tool.used@1.0"}, True),
        (("*",), {"intent": "tool.used@3.0"}, True),
        ((), {}, False),
        (("*",), {"producer": "alpha"}, False),
        (("*",), {"producer": "alpha", "consumers": ("alpha",)}, False),
        (("*",), {"consumers": ("alpha",)}, True),
        (("*",), {"consumers": ("beta", "alpha")}, True),
        (("*",), {"consumers": ("beta",)}, False),
        (("notify@1",), {"consumers": ("alpha",), "intent": "tool.used@1.0"}, False),
    ],
    ids=str,
)
def test_a_consumer_receives_what_it_wants_and_nothing_else(
    log: EventLog, intents: tuple[str, ...], envelope: dict[str, object], delivered: bool
) -> None:
    """The major decides, ``*`` is everything, an address is honoured, and nobody receives what it produced itself."""
    subscribe(log, "alpha", intents=intents)
    log.append(fact(**envelope))  # type: ignore[arg-type]  # a table of keyword arguments
    assert bool(log.fetch("alpha")) is delivered
    assert not log.has_work("alpha")


def test_a_changed_subscription_keeps_its_position(log: EventLog) -> None:
    """Wanting more neither replays what was passed over nor repeats what was done."""
    subscribe(log, "alpha", intents=("notify@1",))
    log.append(fact(intent="tool.used@1.0"))
    assert log.ack(take_after(log, fact()))
    subscribe(log, "alpha", intents=("notify@1", "tool.used@1"), start=0)
    new = log.append(fact(intent="tool.used@1.0"))
    assert leased(log.fetch("alpha", 10)) == [(new.seq, 1)]
    (position,) = log.positions()
    assert position.subscription == Subscription("alpha", ("notify@1", "tool.used@1"))
    assert (position.since, position.head) == (0, new.seq)


def test_what_was_not_wanted_then_is_not_offered_later(world: World) -> None:
    """Also when the host that passed it over is gone, or has never been there: wanting more replays no history."""
    with world.connect() as log:
        subscribe(log, "alpha", "beta", intents=("notify@1",))
        log.append(fact(intent="tool.used@1.0"))
        assert log.fetch("alpha") == []
    with world.connect() as log:
        subscribe(log, "alpha", "beta", intents=("notify@1", "tool.used@1"))
        assert [log.fetch("alpha"), log.fetch("beta")] == [[], []]
        assert not log.has_work("alpha")
        new = log.append(fact(intent="tool.used@1.0"))
        assert leased(log.fetch("alpha", 10)) == leased(log.fetch("beta", 10)) == [(new.seq, 1)]


def test_a_changed_subscription_loses_nothing_that_waits(world: World) -> None:
    """What was wanted and not yet offered is delivered afterwards, as long as it is still wanted."""
    log = world.open()
    subscribe(log, "alpha", intents=("notify@1",))
    waiting = log.append(fact()).seq
    subscribe(log, "alpha", intents=("notify@1", "tool.used@1"))
    assert leased(log.fetch("alpha", 10)) == [(waiting, 1)]


def take_after(log: EventLog, envelope: Envelope) -> Lease:
    log.append(envelope)
    return take(log, "alpha")


@pytest.mark.parametrize("ask", ["has_work", "fetch"])
def test_a_subscription_that_is_widened_during_a_look_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    """Another process wants more and publishes, after this one has read what is wanted and before it has looked."""
    lane, other = world.open(), world.open()
    subscribe(lane, "alpha", intents=("notify@1",))
    headers, published = lane.headers, list[int]()

    def widen_and_publish(after: int, limit: int) -> list[Header]:
        if not published:
            subscribe(other, "alpha", intents=("notify@1", "tool.used@1"))
            published.append(other.append(fact(intent="tool.used@1.0")).seq)
        return headers(after, limit)

    monkeypatch.setattr(lane, "headers", widen_and_publish)
    leases = lane.fetch("alpha") if ask == "fetch" else []
    if ask == "has_work":
        lane.has_work("alpha")
    leases += lane.fetch("alpha")
    assert leased(leases) == [(published[0], 1)]


def test_positions_say_how_far_everyone_is(world: World) -> None:
    """By name: what each wants, where it began, what it was offered."""
    log = world.open()
    first = log.append(fact()).seq
    subscribe(log, "beta", start=None)
    subscribe(log, "alpha", start=0)
    second = log.append(fact()).seq
    log.fetch("alpha", 10)
    alpha, beta = log.positions()
    assert (alpha.subscription.consumer, alpha.since, alpha.head) == ("alpha", 0, second)
    assert (beta.subscription.consumer, beta.since, beta.head) == ("beta", first, first)
    assert alpha.seen == world.now * SECOND


# Leases ---------------------------------------------------------------------------------------------------------------


def test_what_is_leased_is_not_given_twice(world: World) -> None:
    """While a lease is out nobody else gets the event; after the ack nobody ever does."""
    log = world.open()
    subscribe(log, "alpha")
    lease = take_after(log, fact())
    assert (lease.consumer, lease.attempt, lease.lost) == ("alpha", 1, False)
    assert log.fetch("alpha", 10) == []
    assert log.ack(lease)
    world.now += 10 * LEASE_SECONDS
    assert not log.has_work("alpha")
    assert log.fetch("alpha", 10) == []


def test_an_ack_is_given_once(log: EventLog) -> None:
    """A second ack, nack, release or extension of a finished delivery says that the lease is gone."""
    subscribe(log, "alpha")
    lease = take_after(log, fact())
    assert log.ack(lease)
    assert [log.ack(lease), log.nack(lease, "x"), log.release(lease), log.extend(lease)] == [False] * 4
    assert log.fetch("alpha") == []
    assert log.dead_letters() == []


def test_a_lease_that_ran_out_goes_to_the_next_and_the_late_one_changes_nothing(world: World) -> None:
    """The event comes again as a further attempt, marked lost; only its present holder can end it."""
    log = world.open()
    subscribe(log, "alpha")
    late = take_after(log, fact())
    world.now += LEASE_SECONDS - 0.1
    assert log.fetch("alpha") == []
    world.now += 0.2
    assert log.has_work("alpha")
    new = take(log, "alpha")
    assert (new.stored, new.attempt, new.lost) == (late.stored, 2, True)
    if not log.capabilities.fenced_ack:
        return
    assert [log.ack(late), log.nack(late, "late"), log.release(late), log.extend(late, 999)] == [False] * 4
    assert log.fetch("alpha") == []
    assert log.ack(new)


def test_a_late_last_attempt_buries_nothing(world: World) -> None:
    """A worker that fails after its lease went to somebody else cannot make a dead letter of it."""
    log = world.open()
    if not log.capabilities.fenced_ack:
        pytest.skip("the engine declares that acks are not fenced")
    subscribe(log, "alpha")
    late = take_after(log, fact())
    for _ in range(MAX_ATTEMPTS - 1):
        world.now += LEASE_SECONDS + 1
        late, holder = take(log, "alpha"), late
        assert not log.nack(holder, "late")
    assert late.attempt == MAX_ATTEMPTS
    assert log.ack(late)
    assert not log.nack(late, "too late")
    assert log.dead_letters() == []


def test_two_fetchers_never_hold_one_lease(world: World) -> None:
    """Two hosts of one consumer share its events: each goes to exactly one of them."""
    first, second = world.open(), world.open()
    subscribe(first, "alpha")
    given = [first.append(fact(context_id=f"iv-{number}")).seq for number in range(6)]
    one, other = [first.fetch("alpha", 2) + second.fetch("alpha", 1) for _ in range(2)]
    assert sorted(seq for seq, _ in leased(one + other)) == given
    assert first.fetch("alpha") == second.fetch("alpha") == []


def test_processes_share_the_work_without_doing_any_of_it_twice(world: World, tmp_path: Path) -> None:
    """Four real processes that fetch and ack at once deliver 80 events exactly once."""
    with world.connect() as log:
        subscribe(log, "alpha")
        given = [log.append(fact(context_id=f"iv-{number % 7}")).seq for number in range(80)]
    children = []
    for number in range(4):
        if (child := os.fork()) == 0:
            try:
                with world.connect() as log, (tmp_path / f"done-{number}").open("w") as done:
                    while log.has_work("alpha"):
                        for lease in log.fetch("alpha", 3):
                            done.write(f"{lease.stored.seq} {lease.attempt} {log.ack(lease)}\n")
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    lines = [line for number in range(4) for line in (tmp_path / f"done-{number}").read_text().splitlines()]
    assert sorted(lines) == sorted(f"{seq} 1 True" for seq in given)


def test_an_extended_lease_lasts_longer(world: World) -> None:
    """A worker that says it is still busy keeps its event beyond the first deadline, counted from then."""
    log = world.open()
    subscribe(log, "alpha")
    lease = take_after(log, fact())
    world.now += 20
    assert log.extend(lease, 60)
    world.now += 59
    assert log.fetch("alpha") == []
    world.now += 2
    again = take(log, "alpha")
    assert (again.attempt, again.lost) == (2, True)


def test_events_of_one_fetch_can_be_finished_in_any_order(world: World) -> None:
    """An ack ends its own delivery and no other."""
    log = world.open()
    subscribe(log, "alpha")
    for number in range(3):
        log.append(fact(context_id=f"iv-{number}"))
    first, middle, last = log.fetch("alpha", 3)
    assert log.ack(last)
    assert log.ack(first)
    world.now += LEASE_SECONDS + 1
    assert leased(log.fetch("alpha", 3)) == [(middle.stored.seq, 2)]


def test_an_ack_survives_the_death_of_its_worker(world: World) -> None:
    """A delivery that was acknowledged before kill -9 does not come again."""
    with world.connect() as log:
        subscribe(log, "alpha")
        log.append(fact(context_id="iv-1"))
        unfinished = log.append(fact(context_id="iv-2")).seq
        durable = log.capabilities.ack_durable

    def work_and_die() -> None:
        with world.connect() as log:
            done, _ = log.fetch("alpha", 2)
            log.ack(done)
            time.sleep(durable)
            os.kill(os.getpid(), signal.SIGKILL)

    assert os.WTERMSIG(in_child(work_and_die)) == signal.SIGKILL
    world.now += LEASE_SECONDS + 1
    (again,) = world.open().fetch("alpha", 10)
    assert (again.stored.seq, again.attempt, again.lost) == (unfinished, 2, True)


# Trying again ---------------------------------------------------------------------------------------------------------


def test_a_failed_delivery_comes_back_after_its_backoff_and_dies_after_the_fifth(world: World) -> None:
    """The waits are 1, 5, 30 and 120 seconds; then it is a dead letter with its reason and its body."""
    assert BACKOFF_SECONDS == (1.0, 5.0, 30.0, 120.0)
    assert len(BACKOFF_SECONDS) == MAX_ATTEMPTS - 1
    log = world.open()
    subscribe(log, "alpha")
    envelope = fact()
    lease = take_after(log, envelope)
    for attempt, wait in enumerate(BACKOFF_SECONDS, start=2):
        assert log.nack(lease, "no luck")
        assert log.next_due(["alpha"]) == int((world.now + wait) * SECOND)
        world.now += wait - 0.1
        assert not log.has_work("alpha")
        assert log.fetch("alpha") == []
        world.now += 0.2
        lease = take(log, "alpha")
        assert (lease.attempt, lease.lost, lease.stored.envelope) == (attempt, False, envelope)
    assert log.dead_letters() == []
    assert log.nack(lease, "given up")
    (letter,) = log.dead_letters()
    assert (letter.consumer, letter.seq, letter.event_id) == ("alpha", lease.stored.seq, envelope.event_id)
    assert (letter.attempts, letter.reason, letter.ts) == (MAX_ATTEMPTS, "given up", int(world.now * SECOND))
    assert letter.body == envelope.to_json()
    world.now += 10_000
    assert not log.has_work("alpha")
    assert log.next_due(["alpha"]) is None


def test_a_worker_that_dies_on_the_last_attempt_leaves_a_dead_letter(world: World) -> None:
    """Five lost leases are five attempts: the next fetch buries the delivery instead of trying for ever."""
    log = world.open()
    subscribe(log, "alpha")
    envelope = fact()
    log.append(envelope)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert leased(log.fetch("alpha")) == [(1, attempt)]
        world.now += LEASE_SECONDS + 1
    assert log.has_work("alpha")
    assert log.fetch("alpha") == []
    (letter,) = log.dead_letters()
    assert (letter.event_id, letter.attempts) == (envelope.event_id, MAX_ATTEMPTS)
    assert "died" in letter.reason
    assert not log.has_work("alpha")


def test_a_failed_delivery_holds_up_nobody(world: World) -> None:
    """While one event waits for its retry, later ones of the same context go on."""
    log = world.open()
    subscribe(log, "alpha")
    log.nack(take_after(log, fact()), "no luck")
    assert take_after(log, fact()).attempt == 1


def test_what_is_given_back_costs_no_attempt(world: World) -> None:
    """A release is due at once and counts for nothing, however often."""
    log = world.open()
    subscribe(log, "alpha")
    log.append(fact())
    for _ in range(2 * MAX_ATTEMPTS):
        lease = take(log, "alpha")
        assert (lease.attempt, lease.lost) == (1, False)
        assert log.release(lease)
    assert log.dead_letters() == []


def test_a_later_attempt_given_back_keeps_its_number(world: World) -> None:
    """Only the attempt that was given back is uncounted, not the failures before it."""
    log = world.open()
    subscribe(log, "alpha")
    log.nack(take_after(log, fact()), "no luck")
    world.now += BACKOFF_SECONDS[0]
    lease = take(log, "alpha")
    assert log.release(lease)
    assert take(log, "alpha").attempt == lease.attempt == 2


def test_a_deferred_delivery_comes_when_it_was_asked_for(world: World) -> None:
    """Not before ``until``, then with the same number."""
    log = world.open()
    subscribe(log, "alpha")
    until = int((world.now + 3600) * SECOND)
    assert log.release(take_after(log, fact()), until)
    assert log.next_due(["alpha"]) == until
    world.now += 3599
    assert log.fetch("alpha") == []
    world.now += 1
    assert take(log, "alpha").attempt == 1


def test_a_redriven_dead_letter_is_delivered_with_all_its_attempts(world: World) -> None:
    """It leaves the dead letters, begins at attempt 1 for its consumer alone, and can be redriven once."""
    log = world.open()
    subscribe(log, "alpha", "beta")
    lease = take_after(log, fact())
    log.ack(take(log, "beta"))
    for wait in BACKOFF_SECONDS:
        log.nack(lease, "no luck")
        world.now += wait
        lease = take(log, "alpha")
    log.nack(lease, "given up")
    assert not log.redrive("beta", lease.stored.seq)
    assert not log.redrive("alpha", lease.stored.seq + 1)
    assert log.redrive("alpha", lease.stored.seq)
    assert not log.redrive("alpha", lease.stored.seq)
    assert log.dead_letters() == []
    assert log.fetch("beta") == []
    again = take(log, "alpha")
    assert (again.stored, again.attempt, again.lost) == (lease.stored, 1, False)
    assert log.nack(again, "no luck")
    assert log.dead_letters() == []


# Order per context ----------------------------------------------------------------------------------------------------


def test_first_attempts_of_one_context_keep_the_logs_order(world: World) -> None:
    """While one fetcher works on a context's event, another is given other contexts only; then the next one comes."""
    one, other = world.open(), world.open()
    subscribe(one, "alpha")
    first, second = (one.append(fact(context_id="iv-a")).seq for _ in range(2))
    elsewhere = one.append(fact(context_id="iv-b")).seq
    working = take(one, "alpha")
    assert working.stored.seq == first
    assert leased(other.fetch("alpha", 10)) == [(elsewhere, 1)]
    assert other.fetch("alpha", 10) == []
    assert one.ack(working)
    assert leased(other.fetch("alpha", 10)) == [(second, 1)]


@pytest.mark.parametrize("end", ["nack", "die"])
def test_a_context_goes_on_once_its_first_attempt_is_over(world: World, end: str) -> None:
    """Order is promised for first attempts: a failure or a lost worker frees the context as an ack does."""
    log = world.open()
    subscribe(log, "alpha")
    first, second = (log.append(fact(context_id="iv-a")).seq for _ in range(2))
    working = take(log, "alpha")
    assert log.fetch("alpha") == []
    if end == "nack":
        log.nack(working, "no luck")
        assert leased(log.fetch("alpha", 10)) == [(second, 1)]
    else:
        world.now += LEASE_SECONDS + 1
        assert leased(log.fetch("alpha", 10)) == [(first, 2), (second, 1)]


def test_one_fetch_may_take_a_whole_context_in_order(log: EventLog) -> None:
    """One worker that takes several events at once has them in log order, so the context need not wait."""
    subscribe(log, "alpha")
    given = [log.append(fact(context_id="iv-a")).seq for _ in range(4)]
    assert leased(log.fetch("alpha", 10)) == [(seq, 1) for seq in given]


def test_a_crowded_context_holds_up_no_other(world: World) -> None:
    """However many events wait for one context's turn, a retry in another context is delivered in time."""
    log = world.open()
    subscribe(log, "alpha")
    log.append(fact(context_id="iv-busy"))
    busy = take(log, "alpha")
    for _ in range(600):
        log.append(fact(context_id="iv-busy"))
    retried = log.append(fact(context_id="iv-b")).seq
    leases: list[Lease] = []
    while not leases:
        leases = log.fetch("alpha")
        assert log.has_work("alpha") or leases
    assert leased(leases) == [(retried, 1)]
    log.nack(leases[0], "no luck")
    world.now += BACKOFF_SECONDS[0]
    assert leased(log.fetch("alpha")) == [(retried, 2)]
    assert log.ack(busy)


# A clock that is set back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False], ids=["first attempt", "retry"])
def test_a_lease_of_the_old_time_does_not_last_for_a_day(world: World, first: bool) -> None:
    """Its worker may be dead: once the clock went back, the next one gets it, and its context goes on."""
    log = world.open()
    subscribe(log, "alpha")
    seqs_of_it = [log.append(fact(context_id="iv-a")).seq for _ in range(2)]
    attempt = 1
    if not first:
        log.nack(take(log, "alpha"), "no luck")
        log.ack(take(log, "alpha"))
        world.now += BACKOFF_SECONDS[0]
        attempt = 2
    died = take(log, "alpha")
    assert (died.stored.seq, died.attempt) == (seqs_of_it[0], attempt)
    world.now -= 86400
    other = world.open()
    assert other.has_work("alpha")
    again = other.fetch("alpha", 10)
    assert leased(again) == [(seqs_of_it[0], attempt + 1)] + ([(seqs_of_it[1], 1)] if first else [])
    assert (again[0].lost, log.ack(died)) == (True, False)
    assert [other.ack(lease) for lease in again] == [True] * len(again)
    assert not other.has_work("alpha")


def test_what_waited_for_its_turn_is_not_left_waiting_by_a_clock(world: World) -> None:
    """Events that were put in line behind a first attempt come next, in order, however far the clock went back."""
    one, other = world.open(), world.open()
    subscribe(one, "alpha")
    first, second, third = (one.append(fact(context_id="iv-a")).seq for _ in range(3))
    working = take(one, "alpha")
    assert other.fetch("alpha", 10) == []
    world.now -= 600
    assert other.fetch("alpha", 10) == []
    assert one.ack(working)
    assert leased(other.fetch("alpha", 1)) == [(second, 1)]
    world.now -= 86400
    assert leased(world.open().fetch("alpha", 10)) == [(second, 2), (third, 1)]
    assert working.stored.seq == first


def test_what_is_given_back_is_not_overtaken(world: World) -> None:
    """A first attempt that did not count stays before later events of its context, also when the clock goes back."""
    log = world.open()
    subscribe(log, "alpha")
    first, second = (log.append(fact(context_id="iv-a")).seq for _ in range(2))
    assert log.release(take(log, "alpha"))
    world.now -= 86400
    assert leased(log.fetch("alpha", 1)) == [(first, 1)]
    assert log.fetch("alpha", 1) == []
    world.now += 86400 + LEASE_SECONDS
    assert leased(log.fetch("alpha", 10)) == [(first, 2), (second, 1)]


@pytest.mark.parametrize("seconds", [LEASE_SECONDS, 3600 + LEASE_SECONDS])
def test_a_lease_that_stands_is_not_taken_for_one_of_another_time(world: World, seconds: float) -> None:
    """The longest that anybody asks for goes to nobody else, neither at once nor after the clock went back a bit."""
    log = world.open()
    subscribe(log, "alpha")
    log.append(fact())
    (lease,) = log.fetch("alpha", seconds=seconds)
    for back in (0, 10, 600):
        world.now -= back
        other = world.open()
        assert (other.has_work("alpha"), other.fetch("alpha")) == (False, [])
    assert log.extend(lease, 24 * 3600)
    assert world.open().fetch("alpha") == []
    assert log.ack(lease)


# Waiting --------------------------------------------------------------------------------------------------------------


def test_next_due_is_the_earliest_of_the_named_consumers(world: World) -> None:
    """Only waiting deliveries count, and only those of the consumers asked for."""
    log = world.open()
    subscribe(log, "alpha", "beta")
    log.append(fact())
    assert log.next_due(["alpha", "beta"]) is None
    log.nack(take(log, "alpha"), "no luck")
    log.release(take(log, "beta"), int((world.now + 60) * SECOND))
    assert log.next_due(["alpha", "beta"]) == int((world.now + 1) * SECOND)
    assert log.next_due(["beta"]) == int((world.now + 60) * SECOND)
    assert log.next_due(["gamma"]) is None
    assert log.next_due([]) is None


def test_a_context_that_waits_its_turn_makes_nobody_spin(world: World) -> None:
    """What cannot be given out before another lease ends is neither work nor due: a host would ask without pause."""
    one, other = world.open(), world.open()
    subscribe(one, "alpha")
    for _ in range(2):
        one.append(fact(context_id="iv-a"))
    take(one, "alpha")
    assert other.fetch("alpha") == []
    assert not other.has_work("alpha")
    due = other.next_due(["alpha"])
    assert due is None or due > world.now * SECOND


def test_has_work_is_said_before_anything_is_taken(world: World) -> None:
    """It becomes true with an event, a due retry or a lost lease, and asking changes nothing."""
    log = world.open()
    subscribe(log, "alpha")
    assert not log.has_work("alpha")
    log.append(fact())
    assert log.has_work("alpha")
    assert log.has_work("alpha")
    lease = take(log, "alpha")
    assert not log.has_work("alpha")
    log.nack(lease, "no luck")
    assert not log.has_work("alpha")
    world.now += BACKOFF_SECONDS[0]
    assert log.has_work("alpha")
    take(log, "alpha")
    world.now += LEASE_SECONDS
    assert log.has_work("alpha")
