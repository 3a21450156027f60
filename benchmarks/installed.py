"""A virtual environment like a user's: copies of the installed distributions, adapters, and others up to 200."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path

from interhost.bus.hook_index import FILE_NAME as INDEX_NAME
from interhost.claude.worker import STAMP, WORKER_LOCK

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
UNOBSERVED = {"hook_event_name": "Notification", "session_id": "bench", "cwd": "/", "message": "waits for input"}
OBSERVED = {
    "hook_event_name": "PostToolUse",
    "session_id": "bench",
    "cwd": "/",
    "tool_name": "Edit",
    "tool_use_id": "toolu_bench",
    "tool_input": {"file_path": "/src/main.py", "old_string": "x" * 500, "new_string": "y" * 500},
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
        self.await_worker()
        return used.ru_utime + used.ru_stime, wall

    @contextmanager
    def at(self, state: Path) -> Iterator[None]:
        """Use another state directory, with what a worker has compiled for ours."""
        ours = self.state
        shutil.copy2(ours / INDEX_NAME, state / INDEX_NAME)
        self.state, self.environ["INTERBUS_ROOT"] = state, str(state)
        try:
            yield
        finally:
            self.state, self.environ["INTERBUS_ROOT"] = ours, str(ours)

    def _write_plain_script(self) -> Path:
        """The program as newer installers write it: older pips begin it with ``import re``."""
        path = self.bin / "interhost-plain"
        call = "import sys\nfrom interhost.cli.main import interhost\nsys.exit(interhost())\n"
        path.write_text(f"#!{self.bin / 'python'}\n{call}")
        path.chmod(0o755)
        return path

    def await_worker(self) -> None:
        """Wait until the worker that a hook has started is gone."""
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


@cache
def installation(scratch: Path, adapters: int) -> Installation:
    """The one with so many adapters, which all benchmarks of a run share."""
    return Installation(scratch / f"installed-{adapters}", adapters)
