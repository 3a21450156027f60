"""What it costs to start: every command as a process of its own, in a virtual environment like a user's.

CPU time is the process's own, children that it waited for included, a detached worker not; every figure is held against
a bare Python that starts in the same round.
"""

from __future__ import annotations

import fcntl
import json
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.installed import OBSERVED, UNOBSERVED, Installation, installation
from benchmarks.kit import Row, interleave, make_envelope, percentile, ratio
from interhost.bus.bus import Bus
from interhost.bus.hook_record import list_records
from interhost.claude.worker import WORKER_LOCK

_ROUNDS = 7
_RUNS = 9
"""Of every command in a round, in turn; the cheapest counts, because whatever comes in between can only add."""
_PROMPT = {"hook_event_name": "UserPromptSubmit", "session_id": "bench", "cwd": "/", "prompt": "Go on"}
_STORED = 1000
"""Events in the log that is read."""


def measure(scratch: Path) -> list[Row]:
    """CPU time of every entry, to a bare Python without (F) and with (G) its site-packages."""
    many, few = installation(scratch, 16), installation(scratch, 4)
    old_script = "import re" in (many.bin / "interhost").read_text()
    walls: dict[str, list[float]] = {}
    tasks: dict[str, Callable[[], float]] = {}

    def add(
        name: str,
        argv: Sequence[str | Path],
        event: Mapping[str, object] | None = None,
        at: Installation = many,
        before: Callable[[Installation], object] = lambda at: None,
    ) -> None:
        walls[name] = []

        def task() -> float:
            before(at)
            cpu, wall = at.run(argv, event)
            walls[name].append(wall)
            return cpu

        tasks[name] = task

    python, script, plain = many.bin / "python", many.bin / "interhost", many.plain_script
    add("F", [python, "-I", "-S", "-c", "pass"])
    add("G", [python, "-I", "-c", "pass"])
    hook: Sequence[str | Path] = [python, "-I", "-S", many.hook]
    add("hook", hook, UNOBSERVED)
    add("few", [few.bin / "python", "-I", "-S", few.hook], UNOBSERVED, few)
    add("observed", hook, OBSERVED)
    add("heard", hook, _PROMPT, before=lambda at: _advise(at, session="bench"))
    add("about", hook, _PROMPT, before=lambda at: _advise(at, context="project:root"))
    for name, program in (("script", script), ("plain", plain)):
        add(f"{name} hook", [program, "hook"], UNOBSERVED)
        add(f"{name} version", [program, "--version"])
        add(f"{name} list", [program, "list"])
    add("publish", [many.bin / "interbus", "publish", "notify", "--payload", '{"text": "hello"}'])
    add("replay", [many.bin / "interbus", "replay", "--last", "50"])
    add("trace", [many.bin / "interbus", "trace", _store(many)])

    _check(many)
    runs = interleave(tasks, _ROUNDS * _RUNS)
    cpu = {name: [min(each[at : at + _RUNS]) for at in range(0, len(each), _RUNS)] for name, each in runs.items()}
    more = [one - other for one, other in zip(cpu["hook"], cpu["few"], strict=True)]
    rows = [
        ratio("hook, nothing to do, to F", cpu["hook"], cpu["F"], 1.6),
        ratio("hook, observed and a worker started, to F", cpu["observed"], cpu["F"], 8),
        ratio("hook, advice for its session handed out, to F", cpu["heard"], cpu["F"]),
        ratio("hook, advice about its project handed out, to F", cpu["about"], cpu["F"]),
        ratio("interbus publish, to F", cpu["publish"], cpu["F"], 8),
        ratio("interbus replay --last 50, to F", cpu["replay"], cpu["F"]),
        ratio("interbus trace, to F", cpu["trace"], cpu["F"]),
        Row("16 adapters instead of 4, on the unobserved hook", statistics.median(more) * 1000, "ms", 2.0),
    ]
    for name, how in (("script", ""), ("plain", ", script without re")) if old_script else (("script", ""),):
        limits = (None, None, None) if how else (3.0, 1.8, 3.5)
        rows += [
            ratio(f"interhost hook, nothing to do{how}, to F", cpu[f"{name} hook"], cpu["F"], limits[0]),
            ratio(f"interhost --version{how}, to G", cpu[f"{name} version"], cpu["G"], limits[1]),
            ratio(f"interhost list{how}, to G", cpu[f"{name} list"], cpu["G"], limits[2]),
        ]
    rows += [Row(f"{name}, CPU", statistics.median(cpu[name]) * 1000, "ms") for name in ("F", "G")]
    for name, claim in (("hook", "hook, nothing to do"), ("observed", "hook, observed"), ("heard", "hook, advice")):
        rows += [Row(f"{claim}, wall p{p}", percentile(walls[name], p) * 1000, "ms") for p in (50, 95)]
    return rows


def _advise(at: Installation, session: str | None = None, context: str | None = None) -> None:
    with Bus(at.state) as bus:
        bus.store.add_advice("bench0", "it is so", session_id=session, context_id=context, expires=None)


def _store(at: Installation) -> str:
    """Put events into the log; the id of one of them."""
    with Bus(at.state) as bus, bus.database.transaction():
        return [bus.publish(make_envelope(number)).event_id for number in range(_STORED)][_STORED // 2]


def _check(installed: Installation) -> None:
    """Whether what is measured is what it is called."""
    python, argv = installed.bin / "python", ["-I", "-S", str(installed.hook)]
    lock = (installed.state / WORKER_LOCK).open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)  # no worker: what was recorded stays
    for event, expected in ((UNOBSERVED, 0), (OBSERVED, 1)):
        subprocess.run([python, *argv], input=json.dumps(event), text=True, env=installed.environ, check=True)
        if len(list_records(str(installed.state))) != expected:
            raise RuntimeError(f"{event['hook_event_name']}: not recorded as expected")
    lock.close()
    listed = subprocess.run(
        [installed.bin / "interhost", "list"], env=installed.environ, check=True, capture_output=True
    )
    if listed.stdout.count(b'"state":"enabled"') != 16:
        raise RuntimeError(f"not 16 adapters: {listed.stdout.decode()}")
