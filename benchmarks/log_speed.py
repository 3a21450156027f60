"""Publishing, taking and batches, against the queues that live in one SQLite file, and against SQLite alone."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row, interleave, ratio, seconds
from benchmarks.queues import OURS, Queue, open_all

_EVENTS, _EVENTS_SYNCED, _ROUNDS = 1000, 50, 15
"""Enough events for what is put off to be paid in every round: a checkpoint of the write-ahead log."""
_BATCH = 100


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


def _interleave(queues: Mapping[str, Queue], work: Callable[[Queue, int], object]) -> dict[str, list[float]]:
    """Seconds per event."""

    def task(queue: Queue) -> Callable[[], float]:
        count = _EVENTS_SYNCED if queue.syncs else _EVENTS
        return lambda: seconds(lambda: work(queue, count)) / count

    return interleave({name: task(queue) for name, queue in queues.items()}, _ROUNDS)


def _ratios(
    claim: str, times: Mapping[str, list[float]], targets: Mapping[str, float], *, theirs_to_ours: bool = False
) -> list[Row]:
    """One row for each peer; how much more it is, or how much less."""
    rows = []
    for name in times:
        if name != OURS:
            pair = (times[name], times[OURS]) if theirs_to_ours else (times[OURS], times[name])
            rows.append(ratio(claim.format(name), *pair, targets.get(name), at_least=theirs_to_ours))
    return rows


def _each(claim: str, rounds: list[float]) -> Row:
    each = [one * 1e6 for one in rounds]
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
