"""How soon a resident host has what another process published, and what waiting costs it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row, percentile
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.cli.demo.scene import write_adapter
from interhost.shells.libraries import packaged_file

_EVENTS, _IDLE_SECONDS = 400, 20
_INTENT = "bench.tick"
_ADAPTER = '''
    """Writes down when it was called."""

    import os
    import time

    from interhost_hookspecs import Outcome, hookimpl


    @hookimpl
    def on_intent(intent, ctx):
        now = time.perf_counter_ns()
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(f"{intent.event_id} {now}\\n")
        return Outcome.done("seen")
'''


def measure(scratch: Path) -> list[Row]:
    """Milliseconds to the adapter's hook in the host's process: from a publish in this one, and from a shell's.

    Of a fact that nobody else wants, in a host with every adapter that is installed.
    """
    base = Path(mkdtemp(dir=scratch))
    write_adapter(base / "site", "bench", [_INTENT], _ADAPTER)
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
        spooled = _publish_from_bash(base, environ)
        time.sleep(0.5)
        before = _cpu_seconds(host.pid)
        time.sleep(_IDLE_SECONDS)
        idle = (_cpu_seconds(host.pid) - before) / _IDLE_SECONDS * 100
    finally:
        host.send_signal(signal.SIGTERM)
        host.wait()
    seen = {line.split()[0]: int(line.split()[1]) for line in (base / "seen").read_text().splitlines()}
    picked, whole, files = (
        [(seen[event] - when) / 1e6 for event, when in each.items()] for each in (committed, begun, spooled)
    )
    return [
        Row("resident pick-up after the commit, p50", percentile(picked, 50), "ms", 0.5),
        Row("resident pick-up after the commit, p99", percentile(picked, 99), "ms", 2.0),
        Row("from before publish to the adapter's hook, p50", percentile(whole, 50), "ms"),
        Row("from before publish to the adapter's hook, p99", percentile(whole, 99), "ms"),
        Row("from before interbus_publish in bash to the adapter's hook, p50", percentile(files, 50), "ms"),
        Row("from before interbus_publish in bash to the adapter's hook, p99", percentile(files, 99), "ms", 5.0),
        Row("resident host idle", idle, "% of a core", 0.2),
    ]


def _publish_from_bash(base: Path, environ: Mapping[str, str]) -> dict[str, int]:
    """Files in the spool from one shell that goes on, each with when it began; a hook would have started a bash first.

    By the clock of the day, which is the only one that bash reads; it is made comparable with ours.
    """
    script = f"""source '{packaged_file("interbus", "interbus.sh")}'
        for ((i = 0; i < {_EVENTS}; i++)); do
          begin=$EPOCHREALTIME
          interbus_publish {_INTENT}@1.0 --payload '{{"text": "now"}}'
          echo "$INTERBUS_EVENT_ID ${{begin//[!0-9]/}}"
          read -r -t 0.0$((RANDOM % 20 + 10)) <> <(:) || :
        done"""
    offset = time.time_ns() - time.perf_counter_ns()
    done = subprocess.run(["bash", "-c", script], cwd=base, env=environ, capture_output=True, text=True, check=True)
    found = (line.split() for line in done.stdout.splitlines())
    return {event: int(begin) * 1000 - offset for event, begin in found}


def _publish_all(root: Path) -> tuple[dict[str, int], dict[str, int]]:
    begun, committed = {}, {}
    with Bus(root) as bus:
        for _ in range(_EVENTS):
            envelope = compose(
                intent=f"{_INTENT}@1.0",
                payload='{"text": "now"}',
                context_id="iv-1",
                producer="cli",
                door="cli",
                allow_unknown=True,
            )
            begun[envelope.event_id] = time.perf_counter_ns()
            bus.publish(envelope)
            committed[envelope.event_id] = time.perf_counter_ns()
            time.sleep(random.uniform(0.004, 0.024))
    return begun, committed


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
