"""Lanes: one thread and one connection per adapter, each on its own."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.bus.bus import Bus
from interhost.bus.database import Database
from interhost.cli import run as run_command
from interhost.cli.signals import Signals
from interhost.host import resident
from interhost.host.delivery import Delivered
from interhost.host.resident import Lanes, Voice

if TYPE_CHECKING:
    from tests.conftest import Stage

_NOTIFY = "@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(intent.payload.text)\n    "
_DONE = _NOTIFY + "return Outcome.done('heard')\n"


class Ears:
    """What lanes say."""

    def __init__(self) -> None:
        self.delivered: list[Delivered] = []
        self.problems: list[str] = []

    @property
    def ends(self) -> list[tuple[str, str, str]]:
        return [(one.lease.consumer, one.outcome, one.reason) for one in self.delivered]


def until(check: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"did not happen within {seconds} s"
        time.sleep(0.005)


@contextmanager
def lanes(stage: Stage, *, backfill: bool = False) -> Iterator[tuple[Lanes, Ears]]:
    """Lanes for everything that is installed, stopped at the end of the block."""
    ears = Ears()
    host = stage.host()
    running = Lanes(
        stage.bus,
        host.adapters,
        host.config,
        host.providers,
        Voice(ears.delivered.append, ears.problems.append),
        backfill=backfill,
    )
    try:
        yield running, ears
    finally:
        running.stop()
    assert [one.name for one in threading.enumerate() if one.name.startswith("lane ")] == []


def say(stage: Stage, *texts: str) -> None:
    for text in texts:
        stage.publish("notify", {"text": text})


def test_each_lane_delivers_what_is_due(stage: Stage) -> None:
    """What was there before and what comes later, in order, to every consumer, each told once."""
    stage.adapter("one", ["notify"], _DONE)
    stage.adapter("two", ["notify"], _DONE)
    stage.host()  # known to the log
    say(stage, "before")
    with lanes(stage) as (running, ears):
        until(lambda: len(ears.delivered) == 2)
        say(stage, "later")
        running.wake()
        until(lambda: len(ears.delivered) == 4)
    assert stage.seen("one") == stage.seen("two") == ["before", "later"]
    assert sorted(ears.ends) == [("one", "done", "heard")] * 2 + [("two", "done", "heard")] * 2
    assert ears.problems == []
    assert stage.bus.log.leased() == []


def test_only_lanes_with_work_are_woken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish for one adapter costs the others nothing."""
    stage.adapter("one", ["notify"], _DONE)
    stage.adapter("two", ["health_signal"], "@hookimpl\ndef on_health_signal(intent, ctx):\n    return None\n")
    woken: list[str] = []
    wake = resident.Lane.wake

    def note_and_wake(lane: resident.Lane) -> None:
        woken.append(lane.adapter.name)
        wake(lane)

    monkeypatch.setattr(resident.Lane, "wake", note_and_wake)
    with lanes(stage) as (running, ears):
        say(stage, "for one")
        running.wake()
        until(lambda: ears.delivered)
        running.wake()
    assert set(woken) <= {"one"}


def test_a_waiting_lane_comes_back_by_itself(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wakes it, and it looks for work all the same: a touch may be missed, and retries touch nothing."""
    monkeypatch.setattr(resident, "_IDLE_SECONDS", 0.05)
    stage.adapter("one", ["notify"], _DONE)
    with lanes(stage) as (_, ears):
        time.sleep(0.1)
        say(stage, "unannounced")
        until(lambda: ears.delivered)
    assert stage.seen("one") == ["unannounced"]


def test_a_retry_is_made_when_it_is_due(stage: Stage) -> None:
    """Nothing is touched for it: the resident host looks every second, and wakes the lanes."""
    stage.adapter(
        "one",
        ["notify"],
        f"{_NOTIFY}if len(SEEN) == 1:\n        raise OSError('not yet')\n    return Outcome.done('heard')\n",
    )
    with lanes(stage) as (running, ears):
        say(stage, "a")
        running.wake()
        until(lambda: ears.delivered)
        until(lambda: stage.bus.log.leased() == [])
        stage.make_due()
        running.mend()
        until(lambda: len(ears.delivered) == 2)
    assert ears.ends == [("one", "error", "OSError: not yet"), ("one", "done", "heard")]


def test_an_idle_lane_asks_for_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody wakes it, it looks at its module and asks the log for no delivery; sixteen lanes would add up."""
    monkeypatch.setattr(resident, "QUIET_SECONDS", 0.02)
    stage.adapter("one", [], "@hookimpl\ndef observe(ctx):\n    SEEN.append(1)\n")
    asked: list[str] = []
    monkeypatch.setattr(resident, "deliver_next", lambda bus, adapter, *_, **more: asked.append(adapter.name))
    with lanes(stage) as (running, _):
        until(lambda: len(stage.seen("one")) > 10)
        running.mend()
        running.wake()
        assert asked == ["one"]


def test_a_slow_lane_keeps_nobody_waiting(stage: Stage) -> None:
    """While one adapter is busy another one delivers; stopping waits for the delivery in hand and begins no other."""
    stage.adapter(
        "slow",
        ["notify"],
        f"import threading\nGO = threading.Event()\n{_NOTIFY}GO.wait(20)\n    return Outcome.done('at last')\n",
    )
    stage.adapter("swift", ["notify"], _DONE)
    stage.host()
    say(stage, "a", "b")
    with lanes(stage) as (running, ears):
        until(lambda: len(ears.delivered) == 2 and stage.seen("slow") == ["a"])
        assert ears.ends == [("swift", "done", "heard")] * 2
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        time.sleep(0.1)
        assert stopping.is_alive()
        stage.module("slow").GO.set()
        stopping.join(20)
        assert not stopping.is_alive()
    assert ears.ends[2:] == [("slow", "done", "at last")]
    assert stage.seen("slow") == ["a"]


@pytest.mark.parametrize("way", ["raise ValueError('boom')", "import sys; sys.exit(2)", "return 42"])
def test_a_failing_adapter_costs_one_attempt(stage: Stage, way: str) -> None:
    """Whatever it raises is said with its name, counted, and the lane goes on with the next event."""
    stage.adapter("bad", ["notify"], f"{_NOTIFY}{way}\n")
    stage.host()
    say(stage, "a", "b")
    with lanes(stage) as (_, ears):
        until(lambda: len(ears.delivered) >= 2)
    assert stage.seen("bad")[:2] == ["a", "b"]
    assert [one[:2] for one in ears.ends[:2]] == [("bad", "error")] * 2
    assert all(line.startswith("bad: notify@1.0: ") for line in ears.problems)


def test_a_fault_of_ours_is_said_and_survived(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that cannot open the bus, or loses it, says so and tries again with a fresh connection."""
    monkeypatch.setattr(resident, "_AGAIN_SECONDS", 0.02)
    stage.adapter("one", ["notify"], _DONE)
    stage.host()
    say(stage, "in the end")
    opened: list[int] = []

    def failing(root: Path, *, stopping: Callable[[], bool]) -> Bus:
        opened.append(1)
        if len(opened) < 3:
            raise OSError("no descriptors left")
        return Bus(root, stopping=stopping)

    monkeypatch.setattr(resident, "Bus", failing)
    with lanes(stage) as (_, ears):
        until(lambda: ears.delivered)
    assert ears.problems == ["lane one: OSError: no descriptors left"] * 2
    assert ears.ends == [("one", "done", "heard")]


@pytest.mark.parametrize("mute", ["problem", "delivered"])
def test_a_lane_that_nobody_listens_to_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch, mute: str) -> None:
    """Whoever read what lanes say may be gone: what is due is delivered all the same, each once."""
    monkeypatch.setattr(resident, "_AGAIN_SECONDS", 0.02)
    stage.adapter(
        "one",
        ["notify"],
        f"@hookimpl\ndef observe(ctx):\n    raise OSError('not now')\n\n\n{_NOTIFY}"
        "if intent.payload.text == 'bad':\n        raise ValueError('no')\n    return Outcome.done('heard')\n",
    )
    host = stage.host()
    say(stage, "a", "bad", "b")
    said: list[object] = []

    def raise_instead(one: object) -> None:
        said.append(one)
        raise BrokenPipeError

    voice = Voice(**{"problem": said.append, "delivered": said.append, mute: raise_instead})
    running = Lanes(stage.bus, host.adapters, host.config, host.providers, voice)
    try:
        until(lambda: len(stage.seen("one")) >= 3)
        say(stage, "c")
        running.wake()
        until(lambda: len(stage.seen("one")) >= 4)
    finally:
        running.stop()
    assert said
    assert stage.seen("one")[:4] == ["a", "bad", "b", "c"]
    assert [end for seq in (1, 3, 4) for end in stage.outcomes(seq)] == [("one", 1, "done", "heard")] * 3


def test_a_lane_whose_thread_died_is_started_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resident host asks every second; a lane that lives is left alone."""
    stage.adapter("one", ["notify"], _DONE)
    stage.adapter("two", ["notify"], _DONE)
    run, died = resident.Lane.run, list[resident.Lane]()

    def die_once(lane: resident.Lane) -> None:
        if lane.adapter.name == "one" and not died:
            died.append(lane)
        else:
            run(lane)

    def threads() -> list[str]:
        return sorted(one.name for one in threading.enumerate() if one.name.startswith("lane "))

    monkeypatch.setattr(resident.Lane, "run", die_once)
    with lanes(stage) as (running, ears):
        until(lambda: died and not died[0].is_alive())
        say(stage, "a")
        running.wake()
        until(lambda: ears.delivered)
        assert (stage.seen("one"), threads()) == ([], ["lane two"])
        before = next(one for one in threading.enumerate() if one.name == "lane two")
        running.mend()
        running.mend()
        until(lambda: len(ears.delivered) == 2)
        assert threads() == ["lane one", "lane two"]
        assert before.is_alive()
        say(stage, "b")
        running.wake()
        until(lambda: len(ears.delivered) == 4)
    assert stage.seen("one") == stage.seen("two") == ["a", "b"]


def test_a_lane_observes_from_time_to_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it sees is on the bus and reaches other lanes; a look that raises is said, recorded, and repeated."""
    monkeypatch.setattr(resident, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(resident, "QUIET_SECONDS", 0.05)
    stage.adapter(
        "seeing",
        [],
        """
@hookimpl
def observe(ctx):
    SEEN.append(1)
    if len(SEEN) == 1:
        raise OSError("not yet")
    n = int(ctx.cursor.get("n") or 0)
    ctx.cursor.set("n", str(n + 1))
    if n < 2:
        return Observation(drafts=(Draft(payload=Notify(text=f"seen {n}"), context_id="wid-1"),))
""",
    )
    stage.adapter("one", ["notify"], _DONE)
    with lanes(stage) as (running, ears):
        until(lambda: ears.problems)
        assert ears.problems == ["seeing: observe: OSError: not yet"]

        def both() -> bool:
            running.wake()
            return stage.seen("one") == ["seen 0", "seen 1"]

        until(both)
        until(lambda: len(stage.seen("seeing")) > 4)
    assert ears.problems == ["seeing: observe: OSError: not yet"]
    assert stage.bus.store.problems() == []
    assert [one[0] for one in ears.ends] == ["one", "one"]


def test_a_quiet_lane_looks_less_often(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing has happened for a while there is time; a delivery makes it look often again, for a while."""
    monkeypatch.setattr(resident, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(resident, "QUIET_SECONDS", 0.5)
    observe = "@hookimpl\ndef observe(ctx):\n    SEEN.append('look')\n\n\n"
    stage.adapter("one", ["notify"], observe + _DONE)

    def looks() -> int:
        return stage.seen("one").count("look")

    with lanes(stage) as (running, ears):
        until(looks)
        time.sleep(0.2)
        assert looks() == 1
        say(stage, "a")
        running.wake()
        until(lambda: ears.delivered)
        until(lambda: looks() > 20)


def test_a_provider_that_raises_in_a_lane_is_recorded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards are asked from any lane: one that raises is passed over, said and recorded; the asker gets its answer."""
    monkeypatch.setenv("PATH", "")
    stage.adapter("failing", [], "@hookimpl\ndef has_ic():\n    raise ValueError('no idea')\n")
    stage.adapter("asking", ["notify"], _NOTIFY + "return Outcome.done(f'ic: {ctx.guards.has_ic()}')\n")
    stage.host()
    say(stage, "a")
    with lanes(stage) as (_, ears):
        until(lambda: ears.delivered)
    assert ears.ends == [("asking", "done", "ic: False")]
    assert ears.problems == ["failing: has_ic: ValueError: no idea"]
    assert [(one.adapter, one.stage, one.reason) for one in stage.bus.store.problems()] == [
        ("failing", "has_ic", "ValueError: no idea")
    ]


def test_a_commit_right_behind_a_flush_is_flushed_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resident host compares with what stood in the log before it flushed, so that nothing slips through."""
    monkeypatch.setenv("INTERBUS_ROOT", str(stage.root))
    monkeypatch.setattr(run_command, "_FLUSH_SECONDS", 0.02)
    signals = Signals()
    flushed: list[int] = []
    idle = 0
    flush, version = Database.flush, Database.version

    def flush_and_let_another_commit(database: Database) -> None:
        flush(database)
        flushed.append(stage.bus.log.end())
        if len(flushed) == 1:
            say(stage, "right behind")

    def count(database: Database) -> tuple[int, int]:
        nonlocal idle
        idle += 1
        signals.stop = idle > 25
        return version(database)

    monkeypatch.setattr(Database, "flush", flush_and_let_another_commit)
    monkeypatch.setattr(Database, "version", count)
    say(stage, "before")
    args = argparse.Namespace(backfill=False)
    with Bus(stage.root) as bus, signals.noted():
        host = stage.host()
        run_command._serve(host, Lanes(bus, [], host.config, host.providers, Voice(print, print)), bus, args, signals)
    assert flushed[:2] == [1, 2]
    assert len(flushed) <= 3, "an idle host flushes again and again"


def test_a_lease_in_hand_is_kept_for_as_long_as_its_adapter_needs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A slow adapter's event is given to nobody else while its host lives, and a longer lease is never cut short."""
    monkeypatch.setattr(resident, "_EXTEND_SECONDS", 0.0)
    gate = tmp_path / "gate"
    waiting = f"import os, time\n    while not os.path.exists({str(gate)!r}):\n        time.sleep(0.01)\n    "
    stage.adapter("slow", ["notify"], f"{_NOTIFY}{waiting}return Outcome.done('heard')\n")
    with lanes(stage) as (running, ears):
        say(stage, "x")
        running.wake()
        until(lambda: stage.bus.log.leased())
        for short, at_least in ((1, 20), (300_000_000, 250)):
            with stage.bus.database.transaction():
                stage.bus.database.change("UPDATE pending SET due = ?", int(time.time() * 1e6) + short)
            running.mend()
            ((_, _, due),) = stage.bus.log.leased()
            assert due / 1e6 - time.time() > at_least
        gate.touch()
        until(lambda: ears.delivered)
    assert ears.ends == [("slow", "done", "heard")]
