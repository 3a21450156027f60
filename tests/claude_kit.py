"""Claude Code for tests: it starts our hook the way plugins do, with an interpreter and a site of its own.

The hook's worker runs isolated (``-I``), so that adapters must be installed to be found: each test has a virtual
environment with links to what the host needs and the adapters of the test, and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from interhost_hookspecs.testing import hook_payload

from interhost.bus.bus import Bus
from interhost.bus.hook_record import list_records, read_record
from interhost.bus.log import Query
from interhost.cli.demo.scene import write_adapter

NEEDED = (
    "attr",
    "attrs",
    "cattr",
    "cattrs",
    "interhost",
    "interhost_hookspecs",
    "pluggy",
    "tomli_w",
    "typing_extensions",
    "ulid",
)
SESSION = "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11"
LIMIT_SECONDS = 8.0
"""No hook of any test may take longer; far above what it needs, because the machine may be busy."""

HEAD = """\
import json, os, sys, time
from pathlib import Path
from interhost_hookspecs import *

HOME = Path(os.environ["INTERBUS_ROOT"]).parent / "home"


def note(name, event, ctx, **more):
    line = {
        "event": event.name, "session": event.session_id, "cwd": event.cwd and str(event.cwd), "tool": event.tool_name,
        "use": event.tool_use_id, "prompt": event.prompt_id, "raw": dict(event.raw), "pid": os.getpid(), **more,
    }
    data = (json.dumps(line) + "\\n").encode()
    fd = os.open(HOME / f"{name}.seen", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, data)
    os.close(fd)


"""
LOOKS = """
@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx)
    fact = {"text": f"{event.name} {event.raw.get('n', '')}"}
    return Observation(drafts=[Draft(payload=fact, intent="notify@1.0", context_id="wid-1")])
"""
"""An adapter that notes every event it is shown and tells one fact about it."""
SAYS = """
@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx)
    return Observation(advice=[Advice(text=f"{event.name} was seen by {ctx.adapter}")])
"""
"""An adapter that advises the session of every event it is shown."""


class Called(NamedTuple):
    """A hook that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def said(self) -> dict[str, Any]:
        """The one document on standard output: one line of ASCII that ends with ``}``."""
        assert self.out.isascii()
        assert self.out.endswith("}\n")
        assert self.out.count("\n") == 1
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def heard(self) -> str:
        """The text for Claude, or nothing."""
        if not self.out:
            return ""
        (output,) = self.said.values()
        assert set(output) == {"hookEventName", "additionalContext"}
        return str(output["additionalContext"])

    def quietly(self) -> Called:
        """This hook, which must have ended well and said nothing."""
        assert (self.code, self.out, self.err) == (0, "", ""), self
        return self


class Claude:
    """A home, a project, a state directory, and hooks as real processes.

    Args:
        base: An empty directory.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.home = base / "home"
        self.project = self.home / "widgets"
        self.root = base / "state"
        (self.project / ".git").mkdir(parents=True)
        (base / "tmp").mkdir()
        self.python = base / "venv" / "bin" / "python"
        self.site = base / "venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
        self._install()
        self.script = self.site / "interhost" / "claude" / "hook.py"
        self.environ: dict[str, str] = {
            "HOME": str(self.home),
            "INTERBUS_ROOT": str(self.root),
            "LANG": "C.UTF-8",
            "PATH": os.defpath,
            "TMPDIR": str(base / "tmp"),
            "CLAUDE_PROJECT_DIR": str(self.project),
        }
        self._adapters: dict[str, dict[str, Any]] = {}
        self._started: list[subprocess.Popen[bytes]] = []

    def _install(self) -> None:
        executable = Path(getattr(sys, "_base_executable", sys.executable))
        self.python.parent.mkdir(parents=True)
        self.python.symlink_to(executable)
        (self.base / "venv" / "pyvenv.cfg").write_text(
            f"home = {executable.parent}\ninclude-system-site-packages = false\n"
        )
        self.site.mkdir(parents=True)
        for name in NEEDED:
            spec = find_spec(name)
            assert spec is not None
            assert spec.origin
            place = Path(spec.origin).resolve()
            place = place.parent if spec.submodule_search_locations else place
            (self.site / place.name).symlink_to(place)
        for info in Path(self.site / "ulid").resolve().parent.glob("*ulid*.dist-info"):  # it reads its own version
            (self.site / info.name).symlink_to(info)

    def adapter(
        self,
        name: str,
        code: str = LOOKS,
        *,
        hooks: Sequence[str] = ("*",),
        answers: bool = False,
        consumes: Sequence[str] = (),
    ) -> None:
        """Install an adapter; its module begins with the hookspecs' names and ``note``."""
        write_adapter(self.site, name, list(consumes), HEAD + code)
        path = self.site / f"demo_{name.replace('-', '_')}" / "integration.json"
        manifest = json.loads(path.read_text())
        manifest["interbus"] |= {"observes": {"hooks": list(hooks)}, "answers": answers}
        path.write_text(json.dumps(manifest))
        self._adapters[name] = {"enabled": True, "answers": answers, "hooks": list(hooks)}

    def write_index(self, **made_from: str) -> None:
        """The index as a worker would have left it, of the adapters installed so far."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        index = {"made_from": made_from, "adapters": self._adapters}
        (self.root / "hook-index.json").write_text(json.dumps(index))

    # Hooks ----------------------------------------------------------------------------------------------------------

    def event(self, name: str = "Stop", /, **fields: object) -> dict[str, object]:
        """A document as Claude Code sends it; ``None`` leaves a field out.

        It has no ids of its own, by which the second event of a test would be the first one again.
        """
        transcript = self.home / ".claude" / "projects" / "widgets" / f"{SESSION}.jsonl"
        place = {"session_id": SESSION, "transcript_path": str(transcript), "cwd": str(self.project)}
        return hook_payload(name, **{**place, "prompt_id": None, "tool_use_id": None, **fields})

    def argv(self, *arguments: str) -> list[str]:
        """How a plugin registers us."""
        return [str(self.python), "-I", "-S", str(self.script), *arguments]

    def command(self, *arguments: str) -> list[str]:
        """An ``interhost`` command of this site."""
        program = "import sys; from interhost.cli.main import interhost; sys.exit(interhost(sys.argv[1:]))"
        return [str(self.python), "-I", "-c", program, *arguments]

    def hook(
        self,
        event: Mapping[str, object] | bytes,
        *,
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        argv: Sequence[str] | None = None,
        wait: float = LIMIT_SECONDS,
    ) -> Called:
        """Call the hook as Claude Code does: until its pipes are closed, not only until it has ended."""
        data = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"
        begin = time.monotonic()
        ended = subprocess.run(
            list(argv or self.argv()),
            input=data,
            capture_output=True,
            env=self._environ(env),
            cwd=cwd or self.project,
            timeout=wait,
            check=False,
        )
        took = time.monotonic() - begin
        return Called(ended.returncode, ended.stdout.decode(), ended.stderr.decode(), took)

    def start(
        self, *, env: Mapping[str, str | None] | None = None, argv: Sequence[str] | None = None, **more: Any
    ) -> subprocess.Popen[bytes]:
        """Start the hook with open pipes."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        process = subprocess.Popen(list(argv or self.argv()), env=self._environ(env), cwd=self.project, **pipes)
        self._started.append(process)
        return process

    def run(self, *arguments: str, code: int = 0, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Called:
        """Run an ``interhost`` command to its end, which is expected to be ``code``."""
        called = self.hook(stdin, argv=self.command(*arguments), env=env, wait=60.0)
        assert called.code == code, called
        return called

    def _environ(self, env: Mapping[str, str | None] | None) -> dict[str, str]:
        return {key: value for key, value in {**self.environ, **(env or {})}.items() if value is not None}

    # Workers --------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def no_worker(self) -> Iterator[None]:
        """Nobody starts a worker meanwhile, because one seems to be at work."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(self.root / "drain.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def workers(self) -> list[int]:
        """Process ids of the workers that run."""
        return [pid for pid, argv in self.processes() if "--drain" in argv]

    def processes(self) -> list[tuple[int, list[str]]]:
        """Every process of this site's interpreter, with its arguments."""
        return list(_processes(str(self.python)))

    def idle(self) -> bool:
        """Whether no worker runs."""
        return not self.workers()

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until the worker has ended, and everything that was recorded is taken in."""
        until(self.idle, seconds)
        assert self.records() == []

    def drain(self) -> None:
        """What a worker does, with what it says about it."""
        self.run("run", "--drain", "--quiet")

    # What is there --------------------------------------------------------------------------------------------------

    def records(self) -> list[tuple[dict[str, str], Any]]:
        """Recorded events that nobody has taken in: head and document."""
        found = [read_record(path) for path in list_records(str(self.root))]
        return [(one[0], json.loads(one[1], strict=False)) for one in found if one]

    def seen(self, name: str) -> list[dict[str, Any]]:
        """What an adapter has noted."""
        path = self.home / f"{name}.seen"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def facts(self) -> list[Any]:
        """Every envelope in the log."""
        with self.bus() as bus:
            return [one.envelope for one in bus.log.read(Query(), 10_000)]

    def rejected(self) -> dict[str, str]:
        """What was set aside, by its reason."""
        folder = self.root / "spool" / "rejected"
        return {path.read_text().strip(): path.with_suffix("").read_text() for path in folder.glob("*.why")}

    def bus(self) -> Bus:
        """The bus, opened."""
        return Bus(self.root)

    def change(self, sql: str, *values: object) -> int:
        """Change the database behind everybody's back."""
        with self.bus() as bus, bus.database.transaction():
            return bus.database.change(sql, *values)

    def advise(
        self,
        text: str,
        *,
        session: str | None = SESSION,
        context: str | None = None,
        adapter: str = "board",
        expires: float | None = None,
    ) -> None:
        """Let an adapter have advised something; ``expires`` is in seconds from now."""
        with self.bus() as bus:
            when = None if expires is None else int((time.time() + expires) * 1_000_000)
            bus.store.add_advice(
                adapter, text, session_id=None if context else session, context_id=context, expires=when
            )

    def snapshot(self) -> dict[str, bytes | None]:
        """Every file of the state directory with its content, except what SQLite keeps beside an open database."""
        return {
            str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.root.rglob("*"))
            if not path.name.startswith("bus.db-")
        }

    def close(self) -> None:
        """End what is left of hooks and workers."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()
        for pid, _ in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def until(check: Callable[[], object], seconds: float = 20.0) -> None:
    """Look again and again until something holds."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"did not happen within {seconds} s"
        time.sleep(0.02)


def _processes(program: str) -> Iterator[tuple[int, list[str]]]:
    """Running processes of a program, with their arguments."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        pid, state, *argv = line.split()
        if argv and argv[0] == program and not state.startswith("Z"):
            yield int(pid), argv
