"""How long 10,000 files that wait in the spool take to be in the log."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from benchmarks.kit import Row, make_envelope, seconds
from interhost.bus.bus import Bus
from interhost.bus.spool import drain_spool, spool_envelope

_FILES, _ROUNDS = 10_000, 3


def measure(scratch: Path) -> list[Row]:
    """Seconds for all of them."""
    rounds = [_drain(Path(mkdtemp(dir=scratch))) for _ in range(_ROUNDS)]
    return [Row("10,000 spooled files drained", median(rounds), "s", 2.0, spread=(min(rounds), max(rounds)))]


def _drain(root: Path) -> float:
    with Bus(root) as bus:
        for number in range(_FILES):
            spool_envelope(root, make_envelope(number))
        took = seconds(lambda: drain_spool(bus, set))
        if bus.log.end() != _FILES:
            raise RuntimeError(f"{bus.log.end()} of {_FILES} files are in the log")
    return took
