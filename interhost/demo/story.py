"""The story: the installed commands, played one after another, and what each of them changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from interhost.cli.output import printable
from interhost.demo.scene import BEAD, PLAN, Scene
from interhost.errors import InterhostError

_COMMAND_SECONDS = 30


class DemoError(InterhostError):
    """A command of the demo did not do what it should."""


class Story:
    """Plays the commands and prints what happens.

    Args:
        scene: Files to play with.
    """

    def __init__(self, scene: Scene) -> None:
        """Find the commands, and make the environment of somebody who has just logged in."""
        self._scene = scene
        self._told: list[str] = []
        self._environ = {
            "HOME": str(scene.home),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(scene.site),
            "DEMO_BOARD": str(scene.board),
            "LANG": "C.UTF-8",
        }

    def tell(self) -> None:
        """Play all of it.

        Raises:
            DemoError: A command failed, or something that the story promises did not happen.
        """
        self._say("A home with interphase and interflux, a git project, and four adapters.")
        self._say("'board' is a third party that knows neither of the two; 'broken' has a bug.")
        self._show("interhost", "list", "--table")
        self._run("interhost", "run", "--once")

        self._say(f"Somebody picks {BEAD} from interphase's list of work.")
        self._scene.choose_work()
        self._deliver()

        self._say(f"Clavain writes a plan for {BEAD} and says so; interphase's gate moves the bead.")
        self._scene.write_plan()
        self._scene.write_telemetry()
        payload = json.dumps({"kind": "plan", "title": "Undo stack"})
        self._show("interbus", "publish", "artifact_ready", "--artifact", PLAN, "--payload", payload, "--table")
        self._deliver()

        self._say("interflux reviews the plan. Its report says needs-changes, its own severities say safe.")
        self._scene.write_review()
        self._deliver()

        self._say("'broken' raised and will be tried again; nobody else was stopped. The whole life of that review:")
        review = self._newest("review_pass")
        self._show("interbus", "trace", review, "--table")

        self._say("The bead goes on, the header of its plan stays behind, and interphase notices.")
        self._scene.notice_desync()
        self._deliver()

        self._say("What 'board' knows now, although no module ever told it anything:")
        for line in self._scene.board.read_text().splitlines():
            print(f"    {line}")
        print()
        self._check()

    def _deliver(self) -> None:
        """Let a worker drain the bus, and tell each delivery."""
        output = self._run("interhost", "run", "--drain", "--json")
        print("  $ interhost run --drain")
        for line in output.splitlines():
            one: dict[str, Any] = json.loads(line)
            what = f"{one['intent']}  → {one['consumer']}  {one['outcome']}: {one['reason']}"
            self._told.append(f"{one['intent'].partition('@')[0]} {one['consumer']} {one['outcome']}")
            print(printable(f"    {what}".replace(str(self._scene.home), "~")))
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
        ]
        if missing := [line for line in promised if line not in self._told]:
            raise DemoError(f"the demo did not see: {', '.join(missing)}")

    def _newest(self, intent: str) -> str:
        record = json.loads(self._run("interbus", "replay", "--intent", intent, "--last", "1"))
        return str(record["event_id"])

    def _show(self, program: str, *arguments: str) -> None:
        """Play a command and show it with its output."""
        output = self._run(program, *arguments)
        shown = [f"'{one}'" if " " in one else one for one in arguments if one != "--table"]
        print(f"  $ {program} {' '.join(shown)}")
        for line in output.splitlines():
            print(f"    {line}".replace(str(self._scene.home), "~").rstrip())
        print()

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [_find(program), *arguments],
            cwd=self._scene.project,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip() or done.stdout.strip()
            raise DemoError(f"{program} {' '.join(arguments)} ended with {done.returncode}: {said}")
        return done.stdout

    def _say(self, text: str) -> None:
        print(f"* {text}")


def _find(program: str) -> str:
    """The installed command beside this interpreter, else on PATH."""
    beside = Path(sys.executable).with_name(program)
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise DemoError(f"command {program} is not installed", hint="install interhost with pip, as the README shows")
    return found
