"""What many tests share: a stage with a home, a bus, and adapters that are written as text; a shell with commands."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from interhost.bus.bus import Bus, Published
from interhost.bus.compose import compose
from interhost.cli.demo.scene import write_adapter
from interhost.host.config import Config
from interhost.host.host import Host
from interhost.host.registry import AdapterEntry, list_adapters

# Whoever starts the tests in the background makes them ignore Ctrl-C, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ADAPTER_HEAD = """\
from datetime import UTC, datetime, timedelta
from pathlib import Path

from interhost_hookspecs import *
from interhost_hookspecs import InDoubtError

SEEN = []


def during():
    pass


"""


OTHERS = sorted(
    path.parent.name
    for path in Path(__file__).parents[1].glob("adapters/*/pyproject.toml")
    if path.parent.name not in ("interflux", "interphase")
)
"""Adapters of this repository that are off for commands in a :class:`Shell`: one more of them changes no test."""


class Stage:
    """One home, one project, one bus, and a site directory whose adapters are the only ones installed."""

    def __init__(self, base: Path) -> None:
        self.home = base / "home"
        self.project = self.home / "widgets"
        self.site = base / "site"
        self.root = base / "state"
        (self.project / ".git").mkdir(parents=True)
        self.site.mkdir()
        self.root.mkdir(mode=0o700)
        self.bus = Bus(self.root)
        self.said: list[str] = []

    def adapter(
        self, name: str, consumes: Sequence[str], hooks: str, interbus: Mapping[str, object] | None = None
    ) -> None:
        """Install an adapter; its module begins with every public name of the hookspecs and an empty ``SEEN``."""
        write_adapter(self.site, name, list(consumes), ADAPTER_HEAD + hooks)
        if interbus:
            path = self.site / f"demo_{name}" / "integration.json"
            manifest = json.loads(path.read_text())
            manifest["interbus"].update(interbus)
            path.write_text(json.dumps(manifest))

    def module(self, name: str) -> ModuleType:
        """An adapter's module, once a host has loaded it."""
        return sys.modules[f"demo_{name}.adapter"]

    def seen(self, name: str) -> list[object]:
        """What an adapter has put into its ``SEEN``."""
        return list(self.module(name).SEEN)

    def entries(self) -> list[AdapterEntry]:
        """The installed adapters."""
        importlib.invalidate_caches()
        return list_adapters([str(self.site)])

    def config(self, text: str | None = None) -> Config:
        """The configuration, written first when given."""
        path = self.root / "config.toml"
        if text is not None:
            path.write_text(text)
        return Config(path)

    def host(self, *, stopping: Callable[[], bool] = lambda: False, backfill: bool = False) -> Host:
        """A host with everything that is installed; what it reports is in ``said``."""
        return Host(
            self.bus, self.entries(), self.config(), report=self.said.append, stopping=stopping, backfill=backfill
        )

    def publish(
        self,
        intent: str = "notify",
        payload: Mapping[str, object] | str | None = None,
        *,
        producer: str = "cli",
        context_id: str = "wid-1",
        consumers: Sequence[str] = (),
        artifact_path: str | None = None,
        extensions: Mapping[str, object] | None = None,
    ) -> Published:
        """Put a fact of the stage's project on the bus."""
        text = payload if isinstance(payload, str) else json.dumps({"text": "hello"} if payload is None else payload)
        return self.bus.publish(
            compose(
                intent=intent,
                payload=text,
                context_id=context_id,
                producer=producer,
                door="cli",
                project_dir=self.project,
                consumers=consumers,
                artifact_path=artifact_path,
                extensions=extensions,
                allow_unknown=True,
            )
        )

    def outcomes(self, seq: int) -> list[tuple[str, int, str, str]]:
        """Every attempt on one event, as (consumer, number, outcome, reason)."""
        return [(one.consumer, one.n, one.outcome, one.reason) for one in self.bus.store.attempts(seq)]

    def change(self, sql: str, *values: object) -> int:
        """Change the database behind everybody's back."""
        with self.bus.database.transaction():
            return self.bus.database.change(sql, *values)

    def make_due(self) -> None:
        """Let the time of every waiting delivery come."""
        self.change("UPDATE pending SET due = 0 WHERE token IS NULL")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A fresh stage; afterwards its adapters are forgotten."""
    for name in list(os.environ):
        if name.startswith(("CLAUDE", "CLAVAIN_", "INTERBUS_", "INTERHOST_", "INTERBAND_")):
            monkeypatch.delenv(name)
    stage = Stage(tmp_path)
    monkeypatch.setenv("HOME", str(stage.home))
    monkeypatch.syspath_prepend(stage.site)
    yield stage
    stage.bus.close()
    for name in [name for name in sys.modules if name.startswith("demo_")]:
        del sys.modules[name]


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as NDJSON: every line is one object."""
        return [json.loads(line) for line in self.out.split("\n")[:-1]]


class Running:
    """A command that goes on; what it prints goes into files."""

    def __init__(self, argv: Sequence[str], folder: Path, environ: Mapping[str, str], cwd: Path) -> None:
        folder.mkdir()
        self._out, self._err = folder / "out", folder / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=dict(environ), cwd=cwd
            )

    @property
    def done(self) -> Done:
        """What it has printed so far; its exit code is -1 until :meth:`end`."""
        code = self.process.returncode
        return Done(-1 if code is None else code, self._out.read_text(), self._err.read_text())

    def end(self, number: int | None = None) -> Done:
        """Send a signal, if one is given, and wait."""
        if number is not None:
            self.process.send_signal(number)
        self.process.wait(30)
        return self.done


class Shell:
    """Somebody's shell: an empty home, a project, a state directory, and the installed commands as real processes."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.home = base / "home"
        self.project = self.home / "widgets"
        self.site = base / "site"
        self.root = base / "state"
        (self.project / ".git").mkdir(parents=True)
        (base / "tmp").mkdir()
        self.site.mkdir()
        self.environ = {
            "HOME": str(self.home),
            "INTERBUS_ROOT": str(self.root),
            "INTERHOST_ADAPTERS": ",".join(f"-{name}" for name in OTHERS),
            "LANG": "C.UTF-8",
            "PATH": os.defpath,
            "PYTHONPATH": str(self.site),
            "PYTHONWARNINGS": "error",
            "TMPDIR": str(base / "tmp"),
        }
        self._running: list[Running] = []

    def enable(self, *names: str) -> None:
        """Turn adapters of this repository on, besides the two that are."""
        off = ",".join(f"-{name}" for name in OTHERS if name not in names)
        self.environ["INTERHOST_ADAPTERS"] = off

    def argv(self, program: str, *arguments: str) -> list[str]:
        """An installed command, by its path."""
        return [str(Path(sys.executable).with_name(program)), *arguments]

    def run(
        self,
        program: str,
        *arguments: str,
        stdin: str | bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        code: int = 0,
    ) -> Done:
        """Run a command to its end, which is expected to be ``code``."""
        ended = subprocess.run(
            self.argv(program, *arguments),
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env={**self.environ, **(env or {})},
            cwd=cwd or self.project,
            timeout=60,
            check=False,
        )
        done = Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
        assert done.code == code, f"{program} {arguments} ended with {done}"
        return done

    def publish(self, intent: str = "notify", payload: str = '{"text": "hello"}', *more: str) -> dict[str, Any]:
        """Put a fact on the bus; what ``interbus publish`` says about it."""
        return self.run("interbus", "publish", intent, "--payload", payload, *more).records[0]

    def start(self, program: str, *arguments: str, env: Mapping[str, str] | None = None) -> Running:
        """Start a command that goes on."""
        folder = self.base / f"running-{len(self._running)}"
        running = Running(self.argv(program, *arguments), folder, {**self.environ, **(env or {})}, self.project)
        self._running.append(running)
        return running

    def until(self, check: Callable[[], object], seconds: float = 20.0) -> None:
        """Look again and again until something holds."""
        end = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < end, f"did not happen within {seconds} s"
            time.sleep(0.02)

    def adapter(self, name: str, consumes: Sequence[str], hooks: str) -> None:
        """Install an adapter."""
        write_adapter(self.site, name, list(consumes), hooks)

    def bus(self) -> Bus:
        """The bus, opened; for looking behind the commands."""
        return Bus(self.root)

    def change(self, sql: str, *values: object) -> int:
        """Change the database behind everybody's back."""
        with self.bus() as bus, bus.database.transaction():
            return bus.database.change(sql, *values)

    def close(self) -> None:
        """End what is still running."""
        for running in self._running:
            if running.process.poll() is None:
                running.end(signal.SIGKILL)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A fresh shell."""
    shell = Shell(tmp_path)
    yield shell
    shell.close()
