"""A project with a stand-in for ``ic``, a real program whose database is a JSON document.

It answers as reference/cli-contracts.md sections 1.5, 1.6, 1.8 and 1.9 paste it: ``events tail`` prints a share of the
limit per source and moves its position when it has printed; a consumer is known by ``cursor list``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from interhost_clavain import adapter
from interhost_clavain.adapter import observe
from interhost_hookspecs import Draft
from interhost_hookspecs.testing import FakeCommand, FakeContext, Programs

RUN = "w46pk7wf"
BEAD = "iv-zad7y"
SOURCES = ("phase", "dispatch", "interspect", "discovery", "review", "coordination")

IC = r"""
import json, os, sys, time
words = [word for word in sys.argv[1:] if word not in ("--json", "--timeout=5s")]
path = ".clavain/intercore.db"
with open(path) as file:
    base = json.load(file)
with open(path + ".log", "a") as file:
    file.write(" ".join(words) + "\n")
def fail(code, message):
    print(json.dumps({"level": "ERROR", "msg": message}), file=sys.stderr)
    sys.exit(code)
def save():
    with open(path, "w") as file:
        json.dump(base, file)
options = dict(word[2:].split("=", 1) for word in words if word.startswith("--") and "=" in word)
command = [word for word in words if not word.startswith("--")]
trouble = base.get("trouble", {}).get(" ".join(command[:2]))
if trouble == "hangs":
    time.sleep(30)
if trouble == "locked":
    fail(2, "events tail: database is locked")
cursors = base["cursors"]
if command[:2] == ["events", "tail"]:
    at = cursors.get(options["consumer"], {})
    share = int(options["limit"]) // 6
    shown = []
    for source in ("phase", "dispatch", "interspect", "discovery", "review", "coordination"):
        later = [one for one in base["events"] if one["source"] == source and one["id"] > at.get(source, 0)]
        shown += later[:share]
    shown.sort(key=lambda one: (one["timestamp"], one["source"], one["id"]))
    for one in shown:
        print(json.dumps(one, separators=(",", ":")))
    sys.stdout.flush()
    for one in shown:
        at[one["source"]] = max(at.get(one["source"], 0), one["id"])
    if shown and trouble != "stuck":
        cursors[options["consumer"]] = at
        save()
elif command[:3] == ["events", "cursor", "list"]:
    for name, at in cursors.items():
        print(name + "\t" + json.dumps(at, separators=(",", ":")))
elif command[:3] == ["events", "cursor", "reset"]:
    print("reset" if cursors.pop(command[3], None) is not None else "not found")
    save()
elif command[:3] == ["events", "cursor", "register"]:
    cursors.setdefault(command[3], {})
    save()
    print("registered " + command[3] + (" (durable)" if "--durable" in words else " (ttl: 24h)"))
elif command[:2] == ["run", "list"]:
    print(json.dumps(base["runs"]))
elif command[:3] == ["run", "artifact", "list"]:
    print(json.dumps(base["artifacts"].get(command[3], [])))
elif command[:2] == ["dispatch", "list"]:
    print(json.dumps(base["dispatches"]))
else:
    fail(3, "usage")
"""


class Machine:
    """One project, and the context of an adapter that looks at it.

    Args:
        base: An empty directory.
    """

    def __init__(self, base: Path) -> None:
        self.project = base / "a project's $HOME"
        self.project.mkdir()
        programs = Programs(base, environ={"PATH": str(base / "bin")}, limit=_limit)
        programs.install("ic", f"#!{sys.executable} -IS\n{IC}")
        self.temporary = base / "tmp"
        self.temporary.mkdir()
        self.ctx = FakeContext(
            base,
            config={"temporary_dir": str(self.temporary)},
            of=adapter,
            projects=(self.project,),
            commands=programs.named("ic"),
            changed_files=[],
        )
        self.base: dict[str, Any] = {"events": [], "runs": [], "artifacts": {}, "dispatches": [], "cursors": {}}

    @property
    def database(self) -> Path:
        return self.project / ".clavain" / "intercore.db"

    def begin(self, *, look: bool = True) -> None:
        """A kernel with one run, which was looked at once."""
        self.database.parent.mkdir(exist_ok=True)
        self.base["runs"].append(run())
        self.write()
        if look:
            self.look()

    def write(self, **more: object) -> None:
        """Write the database; what ``ic`` itself has written there stays."""
        if self.database.exists():
            self.base["cursors"] = json.loads(self.database.read_text())["cursors"]
        self.base.update(more)
        self.database.write_text(json.dumps(self.base))
        os.utime(self.database, ns=(0, self.database.stat().st_mtime_ns + 1))

    def happens(self, *events: Mapping[str, object]) -> list[Draft]:
        """Events, and what a look tells of them."""
        self.base["events"] += events
        self.write()
        return self.look()

    def look(self) -> list[Draft]:
        """What one look tells."""
        return list(observe(self.ctx).drafts)

    def calls(self) -> list[str]:
        """What ``ic`` was asked since the last time."""
        log = self.database.with_name("intercore.db.log")
        text = log.read_text() if log.exists() else ""
        log.unlink(missing_ok=True)
        return text.splitlines()

    def forget(self) -> None:
        """The look was not stored: its process died, or another host was first."""
        self.ctx.cursor.values = dict(self.before)

    def remember(self) -> None:
        """What :meth:`forget` goes back to."""
        self.before = dict(self.ctx.cursor.values)


def _limit(command: FakeCommand) -> float | None:
    """A kernel that hangs has a second."""
    database = command.cwd / ".clavain" / "intercore.db" if command.cwd else None
    return 1.0 if database and "hangs" in database.read_text() else None


def run(number: str = RUN, **more: object) -> dict[str, object]:
    """One run, as ``ic --json run list`` has it (section 1.5)."""
    return {
        "auto_advance": True,
        "complexity": 3,
        "created_at": 1795170860,
        "force_full": False,
        "goal": "Add mesh",
        "id": number,
        "phase": "brainstorm",
        "project_dir": "/home/u/proj",
        "scope_id": BEAD,
        "status": "active",
        "token_budget": 250000,
        "updated_at": 1795170949,
        **more,
    }


def event(
    number: int, source: str, kind: str, left: str = "", to: str = "", reason: str = "", **more: Any
) -> dict[str, object]:
    """One line of ``ic events tail --all`` (section 1.9)."""
    said = {"reason": reason} if reason else {}
    return {
        "id": number,
        "run_id": RUN,
        "source": source,
        "type": kind,
        "from_state": left,
        "to_state": to,
        **said,
        "timestamp": f"2026-11-20T10:{number // 60 % 60:02}:{number % 60:02}Z",
        **more,
    }


def told(drafts: Sequence[Draft]) -> list[tuple[str, str | None]]:
    """Intent and source of each fact."""
    return [(one.intent or str(getattr(type(one.payload), "INTENT", "")), one.source_hook) for one in drafts]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A project without a kernel."""
    return Machine(tmp_path)
