"""Whether publishing and replaying cost the same with a thousand stored events and with many more."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from benchmarks.kit import Row, make_envelope, note
from interhost.bus.bus import Bus
from interhost.bus.log import Query
from interhost.bus.store import Attempt

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_PROBES = 1000


def measure(scratch: Path) -> list[Row]:
    """Ratios of the largest log to the smallest, and bytes per event."""
    root = Path(mkdtemp(dir=scratch))
    publish, replay, stored = [], [], 0
    with Bus(root) as bus:
        for size in _SIZES:
            note(f"  growing to {size:,} events")
            while stored < size:
                count = min(5000, size - stored)
                with bus.database.transaction():
                    for number in range(count):
                        bus.publish(make_envelope(number))
                stored += count
            publish.append(_median([_time_publish(bus) for _ in range(_PROBES)]))
            replay.append(_median([_time_replay(bus) for _ in range(_PROBES // 5)]))
            stored += _PROBES
        bus.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        size = os.path.getsize(root / "bus.db")
        for seq in range(1, 10_001):
            bus.store.record_attempt(seq, Attempt("interphase", 1, seq, seq, "done", "advised about the next phase"))
        bus.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        attempts = os.path.getsize(root / "bus.db") - size
    last = f"{_SIZES[-1]:,}"
    return [
        Row(f"publish p50, {last} events to 1,000", publish[-1] / publish[0], "x", 1.2),
        Row(f"last 50, {last} events to 1,000", replay[-1] / replay[0], "x", 1.5),
        Row("bytes per event", size / stored, "B", 600),
        Row("bytes per attempted delivery", attempts / 10_000, "B", 200),
    ]


def _time_publish(bus: Bus) -> float:
    envelope = make_envelope()
    begin = time.perf_counter()
    bus.publish(envelope)
    return time.perf_counter() - begin


def _time_replay(bus: Bus) -> float:
    begin = time.perf_counter()
    bus.log.read(Query(last=50))
    return time.perf_counter() - begin


def _median(values: list[float]) -> float:
    return median(values)
