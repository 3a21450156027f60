"""Eight processes that publish at once: how long the unluckiest publish waits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row, percentile
from interhost.bus.bus import Bus

_WRITERS, _EACH = 8, 1000
_WRITER = """
import json, sys, time
from pathlib import Path
from benchmarks.kit import make_envelope
from interhost.bus.bus import Bus

waits = []
with Bus(Path(sys.argv[1])) as bus:
    for number in range(int(sys.argv[2])):
        envelope = make_envelope(number)
        begin = time.perf_counter()
        bus.publish(envelope)
        waits.append(time.perf_counter() - begin)
print(json.dumps(waits))
"""


def measure(scratch: Path) -> list[Row]:
    """The worst wait and the tail."""
    root = Path(mkdtemp(dir=scratch))
    Bus(root).close()
    here = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", _WRITER, str(root), str(_EACH)]
    writers = [subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, text=True) for _ in range(_WRITERS)]
    waits: list[float] = []
    for writer in writers:
        output, _ = writer.communicate()
        waits += json.loads(output)
    with Bus(root) as bus:
        if bus.log.end() != _WRITERS * _EACH:
            raise RuntimeError(f"{bus.log.end()} events stored, {_WRITERS * _EACH} published")
    return [
        Row("8 writers x 1,000: worst wait", max(waits) * 1e3, "ms", 100),
        Row("8 writers x 1,000: p99", percentile(waits, 99) * 1e3, "ms"),
    ]
