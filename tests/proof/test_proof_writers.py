"""Many writers at once, many workers at once, and clocks that go wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.bus.bus import Bus
from interhost.bus.ids import is_id
from interhost.bus.log import Query, Subscription
from tests.proof.conftest import fact, is_intact

if TYPE_CHECKING:
    from tests.proof.conftest import Children

_WRITE = """
say("ready")
sys.stdin.readline()
worst = 0.0
ids = []
with Bus(ROOT) as bus:
    for number in range(int(sys.argv[2])):
        began = time.perf_counter()
        ids.append(bus.publish(fact()).event_id)
        worst = max(worst, time.perf_counter() - began)
for one in ids:
    say(one)
say(worst)
"""


@pytest.mark.parametrize(("writers", "each"), [(8, 1000), (64, 100)])
def test_parallel_writers_lose_nothing(root: Path, children: Children, writers: int, each: int) -> None:
    """However many processes publish at once: no error, every acknowledged id is there, numbers have no gap."""
    Bus(root).close()
    running = [children.start(_WRITE, root, each) for _ in range(writers)]
    for child in running:
        child.until_said("ready", 60)
    for child in running:
        child.go_on()
    assert [child.end() for child in running] == [0] * writers
    said = [child.said() for child in running]
    acknowledged = [one for lines in said for one in lines[1:-1]]
    worst = max(float(lines[-1]) for lines in said)
    print(f"worst wait {worst:.3f} s")
    assert worst < 10, "writers starve each other"
    assert len(acknowledged) == writers * each
    assert all(map(is_id, acknowledged))
    with closing(sqlite3.connect(root / "bus.db")) as connection:
        rows = connection.execute("SELECT seq, event_id, ts FROM event ORDER BY seq").fetchall()
    assert [row[0] for row in rows] == list(range(1, writers * each + 1))
    assert sorted(row[1] for row in rows) == sorted(acknowledged)
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)
    assert is_intact(root)


# A worker says what it had, when it began and when it was done; the clock is the same for all processes.
_WORK = """
random.seed(sys.argv[2])
say("ready")
sys.stdin.readline()
with Bus(ROOT) as bus:
    while True:
        leases = bus.log.fetch("worker", limit=random.choice((1, 1, 3)))
        for lease in leases:
            began = time.monotonic_ns()
            ended = time.monotonic_ns()
            acked = bus.log.ack(lease)
            say(f"{lease.stored.seq} {lease.stored.envelope.context_id} {lease.attempt} {began} {ended} {acked}")
        if not leases and bus.log.leased() == [] and not bus.log.has_work("worker"):
            break
"""


def test_two_workers_never_hold_one_lease(root: Path, children: Children) -> None:
    """Four processes share one consumer: each event is acknowledged once, and contexts are worked off in log order."""
    with Bus(root) as bus:
        bus.log.subscribe(Subscription("worker", ("*",)))
        with bus.database.transaction():
            for number in range(2000):
                bus.publish(fact(context_id=f"iv-{number % 7}"))
    workers = [children.start(_WORK, root, number) for number in range(4)]
    for child in workers:
        child.until_said("ready", 60)
    for child in workers:
        child.go_on()
    assert [child.end() for child in workers] == [0] * 4
    work = [line.split() for child in workers for line in child.said()[1:]]
    assert sorted(int(line[0]) for line in work) == list(range(1, 2001))
    assert {(line[2], line[5]) for line in work} == {("1", "True")}
    assert sum(len(child.said()) > 1 for child in workers) > 1, "only one of them worked: nothing was shared"
    for context in {line[1] for line in work}:
        turns = sorted((int(line[0]), int(line[3]), int(line[4])) for line in work if line[1] == context)
        for (_, _, ended), (seq, began, _) in pairwise(turns):
            assert ended <= began, f"{context}: {seq} began before the one in front of it had ended"


def test_a_clock_that_is_set_back_keeps_the_order(root: Path) -> None:
    """Stored times never decrease, numbers go on, and since/until still divide the log where they should."""
    now = [1_800_000_000.0]
    with Bus(root, clock=lambda: now[0]) as bus:
        stored = []
        for step in (0, 10, 10, -3600, 1, 1, -86_400, 5, 90_000, 10):
            now[0] += step
            stored.append(bus.publish(fact()))
        events = bus.log.read(Query())
        assert [one.seq for one in events] == [one.seq for one in stored] == list(range(1, 11))
        times = [one.ts for one in events]
        assert times == sorted(times)
        assert times[2] == times[7] == 1_800_000_020_000_000  # set back: as late as the latest before
        for moment in sorted({*times, times[0] - 1, times[-1] + 1}):
            since = [one.seq for one in bus.log.read(Query(since=moment))]
            before = [one.seq for one in bus.log.read(Query(until=moment))]
            assert since == [one.seq for one in events if one.ts >= moment]
            assert before == [one.seq for one in events if one.ts < moment]


def test_workers_whose_clocks_differ_keep_the_order(root: Path) -> None:
    """What one worker has put behind a delivery in hand is next for another, though its clock is an hour behind."""
    now = 1_800_000_000.0
    with Bus(root, clock=lambda: now) as ahead, Bus(root, clock=lambda: now - 3600) as behind:
        ahead.log.subscribe(Subscription("worker", ("*",)))
        for context in ("iv-1", "iv-1", "iv-2", "iv-1"):
            ahead.publish(fact(context_id=context))
        order = []
        (first,) = ahead.log.fetch("worker")
        (other,) = ahead.log.fetch("worker")  # passes the second by: its context is busy
        assert [first.stored.seq, other.stored.seq] == [1, 3]
        ahead.log.ack(first)
        while leases := behind.log.fetch("worker"):
            order.append(leases[0].stored.seq)
            behind.log.ack(leases[0])
        assert order == [2, 4]


_FORK = """
from interhost.bus.ids import new_id
new_id()  # what the children inherit
for number in range(300):
    if os.fork() == 0:
        os.write(1, "".join(new_id() + "\\n" for _ in range(20)).encode())
        os._exit(0)
    if number % 3 == 0:
        say(new_id())
for _ in range(300):
    assert os.wait()[1] == 0
"""


def test_forked_children_never_repeat_an_id(root: Path, children: Children) -> None:
    """300 forks of one process make ids from the same inherited state: none repeats, not even the parent's."""
    child = children.start(_FORK, root)
    assert child.end() == 0
    made = child.said()
    assert len(made) == 300 * 20 + 100
    assert all(map(is_id, made))
    assert len(set(made)) == len(made)


def test_payloads_of_parallel_writers_are_whole(root: Path, children: Children) -> None:
    """Payloads of many pages, written by four processes at once: each is read again exactly as its writer wrote it."""
    script = """
import json
for number in range(40):
    with Bus(ROOT) as bus:
        text = f"{sys.argv[2]}-{number} " + sys.argv[2] * 30_000
        bus.publish(fact(payload=json.dumps({"text": text})))
"""
    writers = [children.start(script, root, letter) for letter in "abcd"]
    assert [child.end() for child in writers] == [0] * 4
    with Bus(root) as bus:
        texts = sorted(json.loads(one.envelope.payload)["text"] for one in bus.log.read(Query()))
    assert texts == sorted(f"{letter}-{number} " + letter * 30_000 for letter in "abcd" for number in range(40))
