"""What is kept: by age and by count, never past a consumer that still needs it, and what was given up for longer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interhost.bus import sqlite_upkeep
from interhost.bus.bus import Bus, Published
from interhost.bus.compose import compose
from interhost.bus.log import MAX_ATTEMPTS, Query, Subscription
from interhost.bus.retention import DAY, Pruned, Retention, prune, prune_when_due
from interhost.bus.store import Attempt

if TYPE_CHECKING:
    from tests.conftest import Stage

fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")
DEFAULT = Retention()
FEW = Retention(days=30, events=3)


class Days:
    """A bus whose clock a test moves by days."""

    def __init__(self, root: Path) -> None:
        self.now = 1_800_000_000.0
        self.bus = Bus(root, clock=self.clock)
        self.log = self.bus.log

    def clock(self) -> float:
        return self.now

    def pass_by(self, days: float) -> None:
        self.now += days * DAY

    def publish(self, count: int = 1, **more: Any) -> list[Published]:
        return [self.bus.publish(fact(**more)) for _ in range(count)]

    def prune(self, limits: Retention = DEFAULT) -> Pruned:
        return prune(self.bus, limits, self.clock)

    def seqs(self) -> list[int]:
        return [one.seq for one in self.log.read(Query(), 10_000)]

    def subscribe(self, name: str = "board") -> None:
        self.log.subscribe(Subscription(name, ("*",)))

    def take(self, name: str = "board") -> None:
        """Take and acknowledge everything."""
        for lease in self.log.fetch(name, limit=1000):
            assert self.log.ack(lease)

    def give_up(self, name: str = "board") -> None:
        """Fail the first event that is due until it is a dead letter."""
        for number in range(1, MAX_ATTEMPTS + 1):
            (lease,) = self.log.fetch(name)
            assert self.log.nack(lease, "no")
            now = int(self.now * 1_000_000)
            self.bus.store.record_attempt(lease.stored.seq, Attempt(name, number, now, now, "error", "no"))
            self.now += 300

    def count(self, table: str) -> int:
        number: int = self.bus.database.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 - ours
        return number


@pytest.fixture
def days(tmp_path: Path) -> Iterator[Days]:
    days = Days(tmp_path / "state")
    yield days
    days.bus.close()


def test_old_events_go(days: Days) -> None:
    """Those of more than 30 days, and no others; a second look finds nothing more."""
    days.publish(3)
    days.pass_by(29)
    days.publish(2)
    days.pass_by(1.5)
    days.publish()
    assert days.prune() == Pruned(3, ())
    assert days.seqs() == [4, 5, 6]
    assert days.prune() == Pruned(0, ())


def test_more_than_so_many_go(days: Days) -> None:
    """The newest stay, however young the others are."""
    days.publish(10)
    assert days.prune(FEW).events == 7
    assert days.seqs() == [8, 9, 10]


def test_the_newest_row_stays_and_numbers_go_on(days: Days) -> None:
    """After years of silence one event is left, so that no number is used twice."""
    days.publish(5)
    days.pass_by(1000)
    assert days.prune().events == 4
    assert days.seqs() == [5]
    assert days.publish()[0].seq == 6


def test_an_empty_log_has_nothing_to_prune(days: Days) -> None:
    """Nothing happens, and nothing breaks."""
    assert days.prune() == Pruned(0, ())
    assert days.publish()[0].seq == 1


def test_many_go_in_small_transactions(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher never waits for all of them."""
    monkeypatch.setattr(sqlite_upkeep, "_CHUNK", 4)
    days.publish(18)
    commits: list[int] = []
    end = days.bus.database.end

    def count(*, commit: bool) -> None:
        commits.append(len(days.seqs()))
        end(commit=commit)

    monkeypatch.setattr(days.bus.database, "end", count)
    assert days.prune(FEW).events == 15
    steps = [before - after for before, after in zip([18, *commits], commits, strict=False)]
    assert max(steps) == 4


# Consumers -----------------------------------------------------------------------------------------------------------


def test_an_unread_event_stays(days: Days) -> None:
    """Age and count end at the slowest consumer; once it has read, they go."""
    days.publish(2)
    days.subscribe()
    days.subscribe("swift")
    days.publish(4)
    days.take("swift")
    days.pass_by(29)
    for name in ("board", "swift"):
        days.subscribe(name)  # seen
    days.pass_by(2)
    days.publish()
    days.take("swift")
    assert days.prune().events == 2
    assert days.prune(FEW).events == 0
    assert days.seqs() == [3, 4, 5, 6, 7]
    days.take()
    assert days.prune().events == 4
    assert days.seqs() == [7]


def test_an_unfinished_delivery_keeps_its_event(days: Days) -> None:
    """One that waits for a retry, although everything behind it was read."""
    days.subscribe()
    days.publish(6)
    leases = days.log.fetch("board", limit=6)
    for lease in leases:
        if lease.stored.seq == 2:
            days.log.nack(lease, "later")
        else:
            days.log.ack(lease)
    assert days.prune(FEW).events == 1
    assert days.seqs() == [2, 3, 4, 5, 6]
    days.now += 10
    days.take()
    assert days.prune(FEW).events == 2


def test_a_consumer_that_was_away_for_a_month_is_released(days: Days) -> None:
    """It loses its place and its open deliveries, is named among the problems, and holds nothing any more."""
    days.subscribe("gone")
    days.subscribe("here")
    days.publish(3)
    days.log.fetch("gone")
    days.take("here")
    days.pass_by(29)
    days.subscribe("here")
    assert days.prune() == Pruned(0, ())
    days.pass_by(2)
    assert days.prune() == Pruned(2, ("gone",))
    assert [one.subscription.consumer for one in days.log.positions()] == ["here"]
    assert days.log.leased() == []
    (problem,) = days.bus.store.problems()
    assert (problem.adapter, problem.stage) == ("gone", "released")
    assert "month" in problem.reason
    days.subscribe("gone")  # back again: from the log's end
    assert days.log.fetch("gone") == []


def test_whoever_reads_is_seen(days: Days) -> None:
    """A consumer that takes something is not released, although nobody lists it."""
    days.subscribe()
    for _ in range(4):
        days.pass_by(20)
        days.publish()
        days.take()
        assert days.prune().consumers == ()


# What hangs on events ------------------------------------------------------------------------------------------------


def test_what_belongs_to_pruned_events_goes_with_them(days: Days) -> None:
    """Attempts, natural keys and records of effects; those of events that stay are kept."""
    days.subscribe()
    for number in range(4):
        one = days.bus.publish(fact(dedupe_key=f"k-{number}"))
        days.bus.store.record_attempt(one.seq, Attempt("board", 1, 1, 2, "done", ""))
        days.bus.store.begin_effect(one.event_id, "board", "post")
    days.bus.store.add_advice("board", "old", session_id="s", context_id=None, expires=None)
    days.take()
    assert days.prune(FEW).events == 1
    assert (days.count("attempt"), days.count("dedupe"), days.count("effect")) == (3, 3, 4)
    assert days.bus.store.known_fact("k-0") is None
    assert days.bus.store.known_fact("k-1") == 2
    days.pass_by(29.5)
    days.subscribe()
    days.pass_by(1)
    days.publish()
    days.take()
    assert days.prune().events == 3
    assert (days.count("attempt"), days.count("dedupe"), days.count("effect"), days.count("advice")) == (0, 0, 0, 0)


def test_a_dead_letter_stays_for_90_days(days: Days) -> None:
    """Long after its event went; then it goes as well."""
    days.subscribe()
    days.publish(1, payload='{"text":  "in its own words"}')
    days.give_up()
    days.publish(2)
    for age, left in ((60, 1), (29, 1), (2, 0)):
        days.pass_by(age)
        days.subscribe()
        days.take()
        days.prune()
        assert len(days.log.dead_letters()) == left
    assert days.seqs() == [3]


def test_a_dead_letter_is_redriven_after_its_event_was_pruned(days: Days) -> None:
    """The event stands in its old place again, every byte of it, and is delivered with all its attempts."""
    days.subscribe()
    (first,) = days.publish(1, payload='{"text":  "in its own words"}')
    envelope = days.log.read(Query())[0].envelope
    days.give_up()
    days.publish(3)
    days.take()
    days.pass_by(29)
    days.subscribe()
    days.pass_by(10)
    assert days.prune().events == 3
    assert days.log.get(first.event_id) is None
    assert days.log.redrive("board", first.seq)
    (lease,) = days.log.fetch("board")
    assert (lease.stored.seq, lease.stored.envelope, lease.attempt) == (first.seq, envelope, 1)
    times = [one.ts for one in days.log.read(Query())]
    assert times == sorted(times)
    assert days.seqs() == [1, 4]
    days.log.ack(lease)
    days.pass_by(31)
    days.prune()
    assert days.seqs() == [4]


def test_a_dead_letter_of_a_released_consumer_is_not_redriven(days: Days) -> None:
    """Nobody would ever take it: it stays a dead letter, holds nothing, and waits until its consumer is back."""
    days.subscribe("gone")
    (first,) = days.publish()
    days.give_up("gone")
    days.publish(4)
    days.pass_by(31)
    assert days.prune().consumers == ("gone",)
    assert not days.log.redrive("gone", first.seq)
    assert days.log.waiting(first.seq) == []
    assert [letter.consumer for letter in days.log.dead_letters()] == ["gone"]
    days.publish(5)
    days.prune(FEW)
    assert days.seqs() == [8, 9, 10]
    days.subscribe("gone")
    assert days.log.redrive("gone", first.seq)
    (lease,) = days.log.fetch("gone")
    assert (lease.stored.seq, lease.attempt) == (first.seq, 1)


def test_a_redriven_delivery_reaches_its_adapter_and_makes_no_second_effect(stage: Stage) -> None:
    """What was pruned meanwhile must neither make it stale nor let an effect that may have happened happen again."""
    stage.adapter(
        "board",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n    if ctx.once('post'):\n        SEEN.append('effect')\n"
        "        raise ValueError('afterwards')\n    return Outcome.done('again')\n",
    )
    host = stage.host()
    published = stage.publish()
    stage.publish("notify", {"text": "another"}, consumers=("nobody",))
    host.deliver()
    stage.change("UPDATE pending SET attempts = 4, due = 0")
    stage.change("UPDATE effect SET action = 'an earlier one'")  # or it would be in doubt at once
    host.deliver()
    assert stage.seen("board") == ["effect", "effect"]
    (letter,) = stage.bus.log.dead_letters()
    long_ago = 40 * DAY * 1_000_000
    for table in ("event", "effect", "dead"):
        stage.change(f"UPDATE {table} SET ts = ts - ?", long_ago)  # noqa: S608 - ours
    assert prune(stage.bus, DEFAULT).events == 1
    assert stage.bus.log.get(published.event_id) is None
    assert stage.bus.log.redrive("board", letter.seq)
    host.deliver()
    assert [one[2:] for one in stage.outcomes(published.seq)][-1][0] == "failed"
    assert "in doubt" in stage.outcomes(published.seq)[-1][3]
    assert stage.seen("board") == ["effect", "effect"]


# When ----------------------------------------------------------------------------------------------------------------


def test_it_is_done_at_most_once_an_hour(days: Days) -> None:
    """By whichever process comes first; the others leave it."""
    days.publish(5)
    assert prune_when_due(days.bus, FEW, days.clock) is None
    days.now += 3600
    assert prune_when_due(days.bus, FEW, days.clock) == Pruned(2, ())
    days.publish(5)
    for _ in range(3):
        assert prune_when_due(days.bus, FEW, days.clock) is None
        days.now += 1190
    days.now += 60
    assert prune_when_due(days.bus, FEW, days.clock) == Pruned(5, ())


def test_a_clock_that_was_wrong_once_does_not_end_pruning(days: Days) -> None:
    """It said 2099 when the last pruning was noted; now that it is right again the limits count again."""
    days.publish(5)
    right = days.now
    days.now += 70 * 365 * DAY
    assert prune_when_due(days.bus, FEW, days.clock) is None
    days.now = right
    assert prune_when_due(days.bus, FEW, days.clock) == Pruned(2, ())


def test_one_look_of_a_clock_that_is_a_year_ahead_costs_nothing(days: Days) -> None:
    """After a long absence nothing goes at once: an hour later whoever is here was seen, or the clock is right."""
    days.bus.log.subscribe(Subscription("reader", ("*",)))
    days.publish(5)
    assert prune_when_due(days.bus, DEFAULT, days.clock) is None
    right = days.now
    days.now += 365 * DAY
    assert prune_when_due(days.bus, DEFAULT, days.clock) is None
    days.now = right + 60
    assert prune_when_due(days.bus, DEFAULT, days.clock) == Pruned(0, ())
    assert len(days.seqs()) == 5
    assert [one.subscription.consumer for one in days.bus.log.positions()] == ["reader"]


def test_it_goes_by_the_users_clock(days: Days) -> None:
    """Without another clock it is the computer's own, by which everything here is of the past or future."""
    days.now = time.time()
    days.publish(5)
    assert prune_when_due(days.bus, FEW) is None
    days.bus.store.set_pruned(time.time() - 3601)
    assert prune_when_due(days.bus, FEW) == Pruned(2, ())
    assert prune(days.bus, DEFAULT) == Pruned(0, ())
