"""A storm: 2,000 hooks from 8 processes at once, as many sessions would make it; how long the unluckiest ones take.

``tests/proof/test_proof_hooks.py`` proves over the same storm that nothing is lost and nothing is told twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.installed import OBSERVED, Installation
from benchmarks.kit import Row, percentile
from interhost.bus.hook_record import list_records

_LOOPS, _EACH = 8, 250
# As lean as can be, for what is measured is the hook.
_LOOP = """
import json, os, sys, time
loop, count, event, argv = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4:]
waits = []
for number in range(count):
    event["tool_use_id"] = f"toolu_{loop}_{number}"
    reader, writer = os.pipe()
    begin = time.perf_counter()
    child = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, reader, 0)])
    os.write(writer, json.dumps(event).encode())
    os.close(reader)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"a hook ended with status {status}")
    waits.append(time.perf_counter() - begin)
print(json.dumps(waits))
"""


def measure(scratch: Path) -> list[Row]:
    """Wall time of each hook, while all eight loops and the worker share the machine."""
    installed = Installation(scratch / "storm", 16)
    hook = [str(installed.bin / "python"), "-I", "-S", str(installed.hook)]
    loops = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LOOP, str(loop), str(_EACH), json.dumps(OBSERVED), *hook],
            stdout=subprocess.PIPE,
            text=True,
            env=installed.environ,
        )
        for loop in range(_LOOPS)
    ]
    waits: list[float] = []
    for loop in loops:
        output, _ = loop.communicate()
        if loop.returncode:
            raise RuntimeError(f"a loop ended with {loop.returncode}")
        waits += json.loads(output)
    installed.await_worker()
    if left := list_records(str(installed.state)):
        raise RuntimeError(f"{len(left)} of {len(waits)} events were not taken in")
    storm = f"{len(waits):,} hooks from {_LOOPS} processes, wall"
    return [
        Row(f"{storm} p50", percentile(waits, 50) * 1e3, "ms"),
        Row(f"{storm} p99", percentile(waits, 99) * 1e3, "ms", 1000),
        Row(f"{storm} worst", max(waits) * 1e3, "ms"),
    ]
