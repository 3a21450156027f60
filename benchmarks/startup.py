"""What it costs to start: every command as a process of its own, in a virtual environment like a user's.

It holds copies of the installed distributions (never the checkout), 16 adapters, and others up to 200. CPU time is the
process's own, children that it waited for included, a detached worker not; every figure is held against a bare Python
that starts in the same round.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import statistics
import subprocess
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from benchmarks.kit import Row, interleave, percentile, ratio
from interhost.bus.hook_index import FILE_NAME as INDEX_NAME
from interhost.bus.hook_record import list_records
from interhost.claude.worker import STAMP, WORKER_LOCK

_ROUNDS = 7
_RUNS = 11
"""Of every command in a round, in turn; the cheapest counts, because whatever comes in between can only add."""
_DISTRIBUTIONS = 200
_NEEDED = (
    "interhost",
    "interhost-hookspecs",
    "pluggy",
    "attrs",
    "cattrs",
    "python-ulid",
    "tomli-w",
    "typing-extensions",
)
_UNOBSERVED = {"hook_event_name": "Notification", "session_id": "bench", "cwd": "/", "message": "waits for input"}
_OBSERVED = {
    "hook_event_name": "PostToolUse",
    "session_id": "bench",
    "cwd": "/",
    "tool_name": "Edit",
    "tool_use_id": "toolu_bench",
    "tool_input": {"file_path": "/src/main.py", "old_string": "x" * 500, "new_string": "y" * 500},
}
_STATUS = {
    "hook_event_name": "Status",
    "session_id": "bench",
    "cwd": "/src",
    "model": {"id": "opus", "display_name": "Opus"},
    "workspace": {"current_dir": "/src", "project_dir": "/src"},
    "cost": {"total_cost_usd": 0.5, "total_duration_ms": 60_000},
}
_ADAPTER = """\
from interhost_hookspecs import Observation, Outcome, hookimpl


@hookimpl
def observe_hook(event, ctx):
    return Observation()


@hookimpl
def on_notify(intent, ctx):
    return Outcome.skipped("a benchmark")


on_artifact_ready = on_gate_result = on_review_pass = on_notify
"""


class Installation:
    """A virtual environment with interhost and adapters, and the state directory of somebody who has used it before.

    Args:
        folder: Where; created.
        adapters: How many adapters.
    """

    def __init__(self, folder: Path, adapters: int) -> None:
        """Install, and let a worker compile the index of hooks."""
        venv.create(folder, symlinks=True)
        self.bin = folder / "bin"
        self.state = folder / "state"
        (self.site,) = folder.glob("lib/python*/site-packages")
        self.hook = self.site / "interhost" / "claude" / "hook.py"
        self.lines = folder / ".interband" / "interbus" / "segment" / "lines"
        for name in _NEEDED:
            self._copy(metadata.distribution(name))
        for number in range(adapters):
            self._add_adapter(f"bench{number}")
        for number in range(_DISTRIBUTIONS - len(list(self.site.glob("*.dist-info")))):
            self._add_distribution(f"filler_{number}", f"[console_scripts]\nfiller{number} = filler_{number}:main\n")
        self.environ = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "INTERBUS_ROOT": str(self.state),
            "LANG": "C.UTF-8",
        }
        self.stdin = folder / "event.json"
        self.stdin.touch()
        self.plain_script = self._write_plain_script()
        subprocess.run([self.bin / "interhost", "run", "--drain", "--quiet"], env=self.environ, check=True)
        if not (self.state / INDEX_NAME).is_file():
            raise RuntimeError(f"no {INDEX_NAME} was made")

    def run(self, argv: Sequence[str | Path], event: Mapping[str, object] | None = None) -> tuple[float, float]:
        """Seconds of CPU and of wall time that a command takes; a worker that it leaves behind is waited for."""
        self.stdin.write_text(json.dumps(event) if event else "")
        (self.state / STAMP).touch()
        files = [(os.POSIX_SPAWN_OPEN, 0, str(self.stdin), os.O_RDONLY, 0)]
        files += [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        words = [str(word) for word in argv]
        begin = time.perf_counter()
        child = os.posix_spawn(words[0], words, self.environ, file_actions=files)
        _, status, used = os.wait4(child, 0)
        wall = time.perf_counter() - begin
        if status:
            raise RuntimeError(f"{words}: status {status}")
        self._await_worker()
        return used.ru_utime + used.ru_stime, wall

    def status_line(self) -> list[str]:
        """A status line with our part before another command."""
        script = self.hook.with_name("statusline.sh")
        return ["/bin/sh", "-c", f"test -f {script} && . {script}; cat"]

    def _write_plain_script(self) -> Path:
        """The program as newer installers write it: older pips begin it with ``import re``."""
        path = self.bin / "interhost-plain"
        call = "import sys\nfrom interhost.cli.main import interhost\nsys.exit(interhost())\n"
        path.write_text(f"#!{self.bin / 'python'}\n{call}")
        path.chmod(0o755)
        return path

    def _await_worker(self) -> None:
        with (self.state / WORKER_LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

    def _copy(self, distribution: metadata.Distribution) -> None:
        """All of its files, with their times, so that what pip has compiled stays valid."""
        for file in distribution.files or ():
            target = Path(os.path.normpath(self.site / file))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(file.locate()), target)
            if target.parent == self.bin:
                first, _, rest = target.read_text().partition("\n")
                if not first.startswith("#!"):
                    raise RuntimeError(f"{target}: no script")
                target.write_text(f"#!{self.bin / 'python'}\n{rest}")

    def _add_adapter(self, name: str) -> None:
        package = self.site / f"{name}_adapter"
        package.mkdir()
        (package / "__init__.py").write_text(f'"""The {name} adapter."""\n')
        (package / "adapter.py").write_text(_ADAPTER)
        section = {
            "api": 1,
            "consumes": [f"{intent}@1" for intent in ("artifact_ready", "gate_result", "notify", "review_pass")],
            "produces": [f"{intent}@1.0" for intent in ("artifact_ready", "health_signal")],
            "observes": {"hooks": ["PostToolUse:Edit|Write", "SessionStart", "Stop"], "files": ["docs/*.md"]},
        }
        features = {"standalone_features": ["It works " * 8] * 5, "integrated_features": []}
        (package / "integration.json").write_text(json.dumps({"name": name, **features, "interbus": section}, indent=2))
        self._add_distribution(f"{name}_adapter", f"[interhost.adapters]\n{name} = {name}_adapter.adapter\n")

    def _add_distribution(self, name: str, entry_points: str) -> None:
        info = self.site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)


def measure(scratch: Path) -> list[Row]:
    """CPU time of every entry, to a bare Python without (F) and with (G) its site-packages."""
    many, few = Installation(scratch / "sixteen", 16), Installation(scratch / "four", 4)
    old_script = "import re" in (many.bin / "interhost").read_text()
    walls: dict[str, list[float]] = {}
    tasks: dict[str, Callable[[], float]] = {}

    def add(
        name: str, argv: Sequence[str | Path], event: Mapping[str, object] | None = None, at: Installation = many
    ) -> None:
        walls[name] = []

        def task() -> float:
            cpu, wall = at.run(argv, event)
            walls[name].append(wall)
            return cpu

        tasks[name] = task

    python, script, plain = many.bin / "python", many.bin / "interhost", many.plain_script
    add("F", [python, "-I", "-S", "-c", "pass"])
    add("G", [python, "-I", "-c", "pass"])
    add("hook", [python, "-I", "-S", many.hook], _UNOBSERVED)
    add("few", [few.bin / "python", "-I", "-S", few.hook], _UNOBSERVED, few)
    add("observed", [python, "-I", "-S", many.hook], _OBSERVED)
    for name, program in (("script", script), ("plain", plain)):
        add(f"{name} hook", [program, "hook"], _UNOBSERVED)
        add(f"{name} version", [program, "--version"])
        add(f"{name} list", [program, "list"])
    add("publish", [many.bin / "interbus", "publish", "notify", "--payload", '{"text": "hello"}'])
    many.lines.parent.mkdir(parents=True)
    rows_of_others = [f"4102444800\twarn\t/projects/{number}\tdocs drift: 14 commits\n" for number in range(63)]
    many.lines.write_text("".join([*rows_of_others, "4102444800\twarn\tbench\tdocs drift: 14 commits\n"]))
    add("line", ["/bin/sh", "-c", "cat"], _STATUS)
    add("line, no text", few.status_line(), _STATUS, few)
    add("line, text", many.status_line(), _STATUS)

    _check(many)
    _check_line(many, "docs drift")
    _check_line(few, "")
    runs = interleave(tasks, _ROUNDS * _RUNS)
    cpu = {name: [min(each[at : at + _RUNS]) for at in range(0, len(each), _RUNS)] for name, each in runs.items()}
    more = [one - other for one, other in zip(cpu["hook"], cpu["few"], strict=True)]
    rows = [
        ratio("hook, nothing to do, to F", cpu["hook"], cpu["F"], 1.6),
        ratio("hook, observed and a worker started, to F", cpu["observed"], cpu["F"], 8),
        ratio("interbus publish, to F", cpu["publish"], cpu["F"], 8),
        Row("16 adapters instead of 4, on the unobserved hook", statistics.median(more) * 1000, "ms", 2.0),
    ]
    for name, how in (("script", ""), ("plain", ", script without re")) if old_script else (("script", ""),):
        limit = float("inf") if how else 1
        rows += [
            ratio(f"interhost hook, nothing to do{how}, to F", cpu[f"{name} hook"], cpu["F"], 3 * limit),
            ratio(f"interhost --version{how}, to G", cpu[f"{name} version"], cpu["G"], 1.8 * limit),
            ratio(f"interhost list{how}, to G", cpu[f"{name} list"], cpu["G"], 3.5 * limit),
        ]
    rows += [Row(f"{name}, CPU", statistics.median(cpu[name]) * 1000, "ms") for name in ("F", "G")]
    for name, limit in (("line, text", 15.0), ("line, no text", 1.0)):
        more = [one - other for one, other in zip(walls[name], walls["line"], strict=True)]
        rows += [Row(f"status {name}: wall more than without ours, p50", statistics.median(more) * 1000, "ms", limit)]
    for name, claim in (("hook", "hook, nothing to do"), ("observed", "hook, observed")):
        rows += [Row(f"{claim}, wall p{p}", percentile(walls[name], p) * 1000, "ms") for p in (50, 95)]
    return rows


def _check_line(installed: Installation, text: str) -> None:
    """Whether the status line shows what it is to show."""
    document = json.dumps(_STATUS)
    shown = subprocess.run(
        installed.status_line(), input=document, text=True, env=installed.environ, check=True, stdout=-1
    )
    if text not in shown.stdout or not shown.stdout.endswith(document + ("\n" if text else "")):
        raise RuntimeError(f"status line: {shown.stdout}")


def _check(installed: Installation) -> None:
    """Whether what is measured is what it is called."""
    python, argv = installed.bin / "python", ["-I", "-S", str(installed.hook)]
    lock = (installed.state / WORKER_LOCK).open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)  # no worker: what was recorded stays
    for event, expected in ((_UNOBSERVED, 0), (_OBSERVED, 1)):
        subprocess.run([python, *argv], input=json.dumps(event), text=True, env=installed.environ, check=True)
        if len(list_records(str(installed.state))) != expected:
            raise RuntimeError(f"{event['hook_event_name']}: not recorded as expected")
    lock.close()
    listed = subprocess.run(
        [installed.bin / "interhost", "list"], env=installed.environ, check=True, capture_output=True
    )
    if listed.stdout.count(b'"state":"enabled"') != 16:
        raise RuntimeError(f"not 16 adapters: {listed.stdout.decode()}")
