"""Publishing, taking and batches, against the queues that live in one SQLite file, and against SQLite alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from benchmarks.kit import Row, interleave, ratio, seconds
from benchmarks.queues import OURS, QUEUES, Queue, open_all

_EVENTS, _EVENTS_SYNCED, _ROUNDS = 500, 50, 21
"""Many short rounds: where others use the machine, too, some of them are left alone."""
_BATCH = 100


class Cost(NamedTuple):
    """Seconds per event."""

    cpu: float
    wall: float


def measure(scratch: Path) -> list[Row]:
    """Ratios per event, each within one round."""
    queues = dict(open_all(Path(mkdtemp(dir=scratch))))
    put = _interleave(queues, _put)
    take = _interleave(queues, lambda queue, count: queue.take(count))
    batch = _interleave({name: one for name, one in queues.items() if _has_batches(one)}, _put_batches)
    return [
        *_ratios("publish, whole path, to {} put", put, {"raw sqlite3": 4.0, "litequeue": 1.6}),
        *_ratios("{} take, to fetch 50 + ack", take, {"litequeue": 5.0}, theirs_to_ours=True),
        *_ratios("batch of 100, to {}", batch, {}),
        *(_each(claim, times[OURS]) for claim, times in (("publish", put), ("fetch 50 + ack", take), ("batch", batch))),
    ]


def _interleave(queues: Mapping[str, Queue], work: Callable[[Queue, int], object]) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in queues}

    def task(name: str) -> Callable[[], float]:
        queue = queues[name]
        count = _EVENTS_SYNCED if queue.syncs else _EVENTS

        def run() -> float:
            cpu = time.process_time()
            wall = seconds(lambda: work(queue, count))
            costs[name].append(Cost((time.process_time() - cpu) / count, wall / count))
            return wall

        return run

    interleave({name: task(name) for name in queues}, _ROUNDS)
    return costs


def _ratios(
    claim: str, costs: Mapping[str, list[Cost]], targets: Mapping[str, float], *, theirs_to_ours: bool = False
) -> list[Row]:
    """One row for each peer: of CPU time, which a shared machine leaves alone; of wall time where it waits for a disk.

    Args:
        claim: What is measured, with a place for the peer's name.
        costs: Of each queue.
        targets: Limits by peer.
        theirs_to_ours: How much more it is, instead of how much less.
    """
    rows = []
    for name in costs:
        if name != OURS:
            waits = QUEUES[name].syncs
            theirs, ours = ([one.wall if waits else one.cpu for one in costs[which]] for which in (name, OURS))
            pair = (theirs, ours) if theirs_to_ours else (ours, theirs)
            text = f"{claim.format(name)}{'' if waits else ' (CPU)'}"
            rows.append(ratio(text, *pair, targets.get(name), at_least=theirs_to_ours))
    return rows


def _each(claim: str, rounds: list[Cost]) -> Row:
    each = [one.wall * 1e6 for one in rounds]
    return Row(f"{claim}, per event", statistics.median(each), "us", spread=(min(each), max(each)))


def _put(queue: Queue, count: int) -> None:
    for number in range(count):
        queue.put(number)


def _put_batches(queue: Queue, count: int) -> None:
    for _ in range(0, count, _BATCH):
        queue.batch(_BATCH)


def _has_batches(queue: Queue) -> bool:
    try:
        queue.batch(1)
    except NotImplementedError:
        return False
    return True
