"""Eight processes that publish at once: how long the unluckiest waits, also with other queues in one SQLite file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from typing import NamedTuple

from benchmarks.kit import Row, interleave, note, percentile, ratio
from benchmarks.queues import OURS, QUEUES, Interhost, open_all

_WRITERS, _EACH, _EACH_SYNCED, _ROUNDS = 8, 1000, 50, 3
_START_SECONDS = 1.0
"""Until all have started, imported what they need, and begin together."""
_WRITER = """
import json, sys, time
from pathlib import Path
from benchmarks.queues import QUEUES

for patience in range(10):
    try:
        queue = QUEUES[sys.argv[1]](Path(sys.argv[2]))
        break
    except Exception:  # one of the peers cannot always be opened by eight at once
        time.sleep(0.5)
time.sleep(max(0.0, float(sys.argv[4]) - time.time()))
waits, failed, start = [], 0, time.perf_counter()
for number in range(int(sys.argv[3])):
    begin = time.perf_counter()
    try:
        queue.put(number)
    except Exception:
        failed += 1
    waits.append(time.perf_counter() - begin)
print(json.dumps([waits, failed, time.perf_counter() - start]))
"""


class Run(NamedTuple):
    """What eight writers have met: every wait, failed writes, and seconds until the last had ended."""

    waits: list[float]
    failed: int
    seconds: float


def measure(scratch: Path) -> list[Row]:
    """The worst wait and the tail; and the former against each peer, in the same rounds."""
    runs: dict[str, list[Run]] = {name: [] for name, _ in open_all(Path(mkdtemp(dir=scratch)))}

    def task(name: str) -> Callable[[], float]:
        def work() -> float:
            runs[name].append(_run(name, Path(mkdtemp(dir=scratch))))
            return runs[name][-1].seconds

        return work

    interleave({name: task(name) for name in runs}, _ROUNDS)
    worst = [max(one.waits) * 1e3 for one in runs[OURS]]
    tails = [percentile(one.waits, 99) * 1e3 for one in runs[OURS]]
    return [
        Row("8 writers x 1,000: worst wait", median(worst), "ms", 100, spread=(min(worst), max(worst))),
        Row("8 writers x 1,000: p99", median(tails), "ms", spread=(min(tails), max(tails))),
        *(row for name in runs if name != OURS for row in _against(name, runs[name], runs[OURS])),
    ]


def _against(name: str, theirs: Sequence[Run], ours: Sequence[Run]) -> list[Row]:
    if failed := sum(one.failed for one in theirs):
        note(f"  {name}: {failed} of {sum(len(one.waits) for one in theirs)} writes failed")
    return [
        ratio(f"8 writers: worst wait with {name}, to ours", _worst(theirs), _worst(ours)),
        ratio(f"8 writers: time per event with {name}, to ours", _pace(theirs), _pace(ours)),
    ]


def _worst(runs: Sequence[Run]) -> list[float]:
    return [max(one.waits) for one in runs]


def _pace(runs: Sequence[Run]) -> list[float]:
    return [one.seconds / len(one.waits) for one in runs]


def _run(name: str, folder: Path) -> Run:
    queue = QUEUES[name](folder)  # whoever creates it does so alone
    each = _EACH_SYNCED if queue.syncs else _EACH
    here, begin = Path(__file__).resolve().parent.parent, time.time() + _START_SECONDS
    command = [sys.executable, "-c", _WRITER, name, str(folder), str(each), str(begin)]
    writers = [subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, text=True) for _ in range(_WRITERS)]
    outputs = [json.loads(writer.communicate()[0]) for writer in writers]
    if isinstance(queue, Interhost) and (stored := queue.bus.log.end()) != _WRITERS * each:
        raise RuntimeError(f"{stored} events stored, {_WRITERS * each} published")
    waits = [wait for one, _, _ in outputs for wait in one]
    return Run(waits, sum(failed for _, failed, _ in outputs), max(took for _, _, took in outputs))
