"""How soon a resident host has what another process published, and what waiting costs it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row, percentile
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.demo.scene import write_adapter

_EVENTS, _IDLE_SECONDS = 400, 20
_ADAPTER = '''
    """Writes down when it was called."""

    import os
    import time

    from interhost_hookspecs import Outcome, hookimpl


    @hookimpl
    def on_notify(intent, ctx):
        now = time.perf_counter_ns()
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(f"{intent.event_id} {now}\\n")
        return Outcome.done("seen")
'''


def measure(scratch: Path) -> list[Row]:
    """Milliseconds from a publish in this process to the adapter's hook in the host's."""
    base = Path(mkdtemp(dir=scratch))
    write_adapter(base / "site", "bench", ["notify"], _ADAPTER)
    environ = {
        "HOME": str(base),
        "PATH": os.defpath,
        "PYTHONPATH": str(base / "site"),
        "INTERBUS_ROOT": str(base / "state"),
        "SEEN": str(base / "seen"),
    }
    command = [str(Path(sys.executable).with_name("interhost")), "run", "--quiet"]
    host = subprocess.Popen(command, cwd=base, env=environ, stderr=subprocess.PIPE, text=True)
    if host.stderr is None or "resident" not in host.stderr.readline():
        raise RuntimeError("the resident host did not start")
    time.sleep(0.5)
    try:
        begun, committed = _publish_all(base / "state")
        time.sleep(0.5)
        before = _cpu_seconds(host.pid)
        time.sleep(_IDLE_SECONDS)
        idle = (_cpu_seconds(host.pid) - before) / _IDLE_SECONDS * 100
    finally:
        host.send_signal(signal.SIGTERM)
        host.wait()
    seen = {line.split()[0]: int(line.split()[1]) for line in (base / "seen").read_text().splitlines()}
    picked = [(seen[event] - when) / 1e6 for event, when in committed.items()]
    whole = [(seen[event] - when) / 1e6 for event, when in begun.items()]
    return [
        Row("resident pick-up after the commit, p50", percentile(picked, 50), "ms", 0.5),
        Row("resident pick-up after the commit, p99", percentile(picked, 99), "ms", 2.0),
        Row("from before publish to the adapter's hook, p50", percentile(whole, 50), "ms"),
        Row("resident host idle", idle, "% of a core", 0.2),
    ]


def _publish_all(root: Path) -> tuple[dict[str, int], dict[str, int]]:
    begun, committed = {}, {}
    with Bus(root) as bus:
        for _ in range(_EVENTS):
            envelope = compose(
                intent="notify", payload='{"text": "now"}', context_id="iv-1", producer="cli", door="cli"
            )
            begun[envelope.event_id] = time.perf_counter_ns()
            bus.publish(envelope)
            committed[envelope.event_id] = time.perf_counter_ns()
            time.sleep(random.uniform(0.004, 0.024))
    return begun, committed


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
