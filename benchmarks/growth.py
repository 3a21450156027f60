"""Whether publishing, replaying, tracing and a hook cost the same with a thousand stored events and with a million."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from benchmarks.installed import OBSERVED, Installation, installation
from benchmarks.kit import Row, interleave, make_envelope, note
from interhost.bus.bus import Bus
from interhost.bus.lock import FileLock
from interhost.bus.log import Query, Subscription
from interhost.bus.store import Attempt
from interhost.bus.trace import Tracer
from interhost.claude.worker import RESIDENT_LOCK

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_ADAPTERS = (4, 16)
_PROBES, _HOOKS = 400, 11
_TARGETS = {"publish": 1.2, "last 50": 1.5}
Figures = dict[tuple[str, int], list[float]]
"""Seconds by what is done and for how many adapters, one for each size."""


def measure(scratch: Path) -> list[Row]:
    """Ratios of the largest log to the smallest, and bytes per event."""
    root = Path(mkdtemp(dir=scratch))
    hosts = {count: installation(scratch, count) for count in _ADAPTERS}
    figures: Figures = {}
    with Bus(root) as bus, FileLock(root / RESIDENT_LOCK):  # hooks find a host, and start no worker
        for size in _SIZES:
            note(f"  growing to {size:,} events")
            _grow(bus, size)
            for count in _ADAPTERS:
                _subscribe(bus, count)
                for what, seconds in _probe(bus, hosts[count]):
                    figures.setdefault((what, count), []).append(seconds)
        per_event, per_attempt = _bytes(bus)
    return [
        *(_growth(what, count, each) for (what, count), each in figures.items()),
        *(
            Row(f"{what}, {_SIZES[-1]:,} events, {count} adapters", 1e6 * each[-1], "us")
            for (what, count), each in figures.items()
            if count == _ADAPTERS[-1]
        ),
        Row("bytes per event", per_event, "B", 600),
        Row("bytes per attempted delivery", per_attempt, "B", 200),
    ]


def _growth(what: str, count: int, each: list[float]) -> Row:
    ratios = [one / each[0] for one in each[1:]]
    claim = f"{what}, {_SIZES[-1]:,} events to {_SIZES[0]:,}, {count} adapters"
    return Row(claim, ratios[-1], "x", _TARGETS.get(what), spread=(min(ratios), max(ratios)))


def _grow(bus: Bus, size: int) -> None:
    while (stored := bus.log.end()) < size:
        with bus.database.transaction():
            for number in range(min(5000, size - stored)):
                bus.publish(make_envelope(number))


def _subscribe(bus: Bus, count: int) -> None:
    """So many adapters want these events, and have taken them all."""
    with bus.database.transaction():
        bus.database.change("DELETE FROM consumer")
        for number in range(count):
            bus.log.subscribe(Subscription(f"bench{number}", ("review_pass@1",)))


def _probe(bus: Bus, host: Installation) -> Iterator[tuple[str, float]]:
    tasks: Mapping[str, Callable[[], object]] = {
        "publish": lambda: bus.publish(make_envelope()),
        "last 50": lambda: bus.log.read(Query(last=50)),
        "trace": partial(_trace, bus),
    }
    times = interleave({what: partial(_time, task) for what, task in tasks.items()}, _PROBES)
    yield from ((what, median(each)) for what, each in times.items())
    argv: Sequence[str | Path] = [host.bin / "python", "-I", "-S", host.hook]
    with host.at(bus.root):
        yield "hook, observed (CPU)", min(host.run(argv, OBSERVED)[0] for _ in range(_HOOKS))


def _trace(bus: Bus) -> None:
    """Trace the event in the middle of the log."""
    (stored,) = bus.log.read(Query(after=bus.log.end() // 2), 1)
    Tracer(bus).tree(stored)


def _time(task: Callable[[], object]) -> float:
    begin = time.perf_counter()
    task()
    return time.perf_counter() - begin


def _bytes(bus: Bus) -> tuple[float, float]:
    """Size of the file by event, and what an attempted delivery adds."""
    size, stored = _size(bus), bus.log.end()
    for seq in range(1, 10_001):
        bus.store.record_attempt(seq, Attempt("bench0", 1, seq, seq, "done", "advised about the next phase"))
    return size / stored, (_size(bus) - size) / 10_000


def _size(bus: Bus) -> int:
    bus.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return os.path.getsize(bus.database.path)
