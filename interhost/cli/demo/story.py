"""The story: the installed commands, played one after another, and what each of them changed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interhost.bus.hook_index import ADAPTERS_VARIABLE
from interhost.claude.worker import WORKER_LOCK
from interhost.cli.demo.scene import BEAD, PLAN, Scene
from interhost.cli.output import printable
from interhost.errors import InterhostError

_COMMAND_SECONDS = 30
_WIDTH = 116


class DemoError(InterhostError):
    """A command of the demo did not do what it should."""


class Story:
    """Plays the commands and prints what happens.

    Args:
        scene: Files to play with.
        absent: Installed adapters that have no part in it.
    """

    def __init__(self, scene: Scene, absent: Iterable[str]) -> None:
        """Find the commands, and make the environment of somebody who has just logged in."""
        self._scene = scene
        self._told: list[str] = []
        self._environ = {
            "HOME": str(scene.home),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(scene.site),
            ADAPTERS_VARIABLE: ",".join(f"-{name}" for name in sorted(absent)),
            "DEMO_BOARD": str(scene.board),
            "LANG": "C.UTF-8",
        }

    def tell(self) -> None:
        """Play all of it.

        Raises:
            DemoError: A command failed, or something that the story promises did not happen.
        """
        self._set_the_stage()
        self._choose_and_plan()
        self._review()
        self._fall_behind()
        if self._plays("intercheck", "interline"):
            self._fill_up()
        self._say("What 'board' knows now, although no module ever told it anything:")
        self._print(self._scene.board.read_text())
        print()
        self._check()

    def _set_the_stage(self) -> None:
        self._say(f"A home with {', '.join(self._scene.cast)}, an adapter for each, and a git project.")
        self._say("Two more: 'board' is a third party that knows none of the others; 'broken' has a bug.")
        self._show("interhost", "list", "--table", leave_out=" disabled ")
        self._run("interhost", "run", "--once")

    def _choose_and_plan(self) -> None:
        self._say(f"Somebody picks {BEAD} from interphase's list of work.")
        self._scene.choose_work()
        self._deliver()
        self._say(f"Clavain writes a plan for {BEAD} and says so; interphase's gate moves the bead.")
        self._scene.write_plan()
        self._scene.write_telemetry()
        payload = json.dumps({"kind": "plan", "title": "Undo stack"})
        self._show("interbus", "publish", "artifact_ready", "--artifact", PLAN, "--payload", payload, "--table")
        self._deliver()

    def _review(self) -> None:
        self._say("interflux reviews the plan. Its report says needs-changes, its own severities say safe.")
        self._scene.write_review()
        self._deliver()
        self._say("'broken' raised and will be tried again; nobody else was stopped. The whole life of that review:")
        self._show("interbus", "trace", self._newest("review_pass"), "--table")

    def _fall_behind(self) -> None:
        self._say("The bead goes on, the header of its plan stays behind, and interphase notices.")
        if self._plays("interwatch"):
            self._say("So does the roadmap, as interwatch's scan finds.")
            self._scene.let_document_drift()
        self._scene.notice_desync()
        self._deliver()

    def _fill_up(self) -> None:
        self._say("Claude Code begins a session. Its context fills up; interpulse measures that where nobody looks,")
        self._say("intercheck's adapter tells it, and interline's writes the file that the status line reads.")
        with self._no_worker():
            self._show("interhost", "hook", stdin=self._scene.open_session())
        self._run("interhost", "run", "--drain")
        self._scene.fill_context()
        self._deliver()
        self._print(self._scene.read_status())
        print()
        if self._plays("interslack"):
            self._say("interslack has drafted a message about it. Nothing left this machine: sending is off.")
            [draft] = (self._scene.home / ".interbus" / "requests" / "interslack").glob("*.md")
            self._print(draft.read_text())
            print()

    def _plays(self, *names: str) -> bool:
        return set(names) <= set(self._scene.cast)

    @contextmanager
    def _no_worker(self) -> Iterator[None]:
        """Nobody delivers meanwhile: the worker that a hook starts finds another one at work, which is the story."""
        with (self._scene.home / ".interbus" / WORKER_LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _deliver(self) -> None:
        """Let a worker drain the bus, and tell each delivery."""
        output = self._run("interhost", "run", "--drain", "--json")
        print("  $ interhost run --drain")
        for line in output.splitlines():
            one: dict[str, Any] = json.loads(line)
            what = f"{one['intent']}  → {one['consumer']}  {one['outcome']}: {one['reason']}"
            self._told.append(f"{one['intent'].partition('@')[0]} {one['consumer']} {one['outcome']}")
            if not one["reason"].startswith("not this adapter's"):  # most are not, and that is no story
                self._print(what)
        print()

    def _check(self) -> None:
        """The story is only worth telling when it is true."""
        promised = [
            "discover_work board done",
            "drift_detected board done",
            "artifact_ready interflux degraded",
            "phase_transition board done",
            "gate_result board done",
            "review_pass board done",
            "review_pass interphase done",
            "review_pass broken error",
            *(["health_signal interline done"] if self._plays("intercheck", "interline") else []),
            *(["health_signal interslack degraded"] if self._plays("intercheck", "interline", "interslack") else []),
        ]
        if missing := [line for line in promised if line not in self._told]:
            raise DemoError(f"the demo did not see: {', '.join(missing)}")

    def _newest(self, intent: str) -> str:
        record = json.loads(self._run("interbus", "replay", "--intent", intent, "--last", "1"))
        return str(record["event_id"])

    def _show(self, program: str, *arguments: str, stdin: str = "", leave_out: str | None = None) -> None:
        """Play a command and show it with its output, except for lines that would only distract."""
        output = self._run(program, *arguments, stdin=stdin)
        shown = [f"'{one}'" if " " in one else one for one in arguments if one != "--table"]
        print(f"  $ {program} {' '.join(shown)}")
        self._print("\n".join(line for line in output.splitlines() if leave_out is None or leave_out not in line))
        print()

    def _run(self, program: str, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [_find(program), *arguments],
            cwd=self._scene.project,
            env=self._environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            raise DemoError(f"{program} {' '.join(arguments)} ended with {done.returncode}: {said}")
        return done.stdout

    def _print(self, text: str) -> None:
        """Indented, safe for a terminal, and no wider than most are."""
        for line in text.replace(str(self._scene.home), "~").splitlines():
            shown = printable(line).rstrip()
            print(f"    {shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1] + '…'}".rstrip())

    def _say(self, text: str) -> None:
        print(f"* {text}")


def _find(program: str) -> str:
    """The installed command beside this interpreter, else on PATH."""
    beside = Path(sys.executable).with_name(program)
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise DemoError(f"command {program} is not installed", hint="install interhost with pip, as the README shows")
    return found
