"""A home with tool-time's log, written as its two recorders do (reference/modules/tool-time.md, section 1.3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import define, field
from interhost_hookspecs import Draft, HealthSignal
from interhost_hookspecs.testing import FakeContext, Programs
from interhost_tool_time import adapter
from interhost_tool_time.adapter import observe
from interhost_tool_time.calls import FOLDER, LOG


@define
class Machine:
    """One home, one project, and the lines that were logged since the last look."""

    ctx: FakeContext
    project: Path
    _new: list[str] = field(factory=list)

    def hook(self, tool: str, *, session: str = "s-1", number: int = 2, **more: object) -> None:
        """The hook's line: no session, no result, and an id that parallel calls share."""
        entry = {
            "v": 1,
            "id": f"{session}-{number}",
            "ts": self._now(),
            "event": "PostToolUse",
            "tool": tool,
            "project": str(self.project),
            "error": None,
            "source": "claude-code",
            **more,
        }
        self.log(json.dumps(entry, separators=(",", ":")))

    def transcript(self, tool: object, error: str | None = None, *, session: str = "s-1", **more: object) -> None:
        """The transcript's line: blanks, a session, the error."""
        entry = {
            "v": 1,
            "id": f"{session}-t1",
            "ts": self._now(),
            "event": "ToolUse",
            "tool": tool,
            "project": str(self.project),
            "error": error,
            "session": session,
            "source": "claude-code",
            **more,
        }
        self.log(json.dumps(entry))

    def log(self, line: str) -> None:
        """Append a line to the log."""
        with (self.ctx.home / LOG).open("a") as file:
            file.write(f"{line}\n")
        self._new.append(line)

    def look(self) -> list[Draft]:
        """What the adapter tells; to the next look these lines are old."""
        path = self.ctx.home / LOG
        self.ctx.new_lines = {path: tuple(self._new)}
        self.ctx.tails.clear()
        self._new.clear()
        return list(observe(self.ctx).drafts)

    def signals(self) -> list[tuple[str, str, str | None]]:
        """Signal, level and detail of what the adapter tells."""
        return [
            (one.payload.signal, one.payload.level.value, one.payload.detail)
            for one in self.look()
            if isinstance(one.payload, HealthSignal)
        ]

    def report(self, name: str, content: str | Mapping[str, object]) -> None:
        """Write one of tool-time's reports."""
        text = content if isinstance(content, str) else json.dumps(content)
        (self.ctx.home / FOLDER / name).write_text(text)

    def run_for_real(self, program: str, *, seconds: float = 30.0) -> None:
        """Let a program be run as it is, in this home, with a deadline."""
        self.ctx.commands |= Programs(self.ctx.home, limit=lambda command: seconds).named(program)

    def _now(self) -> str:
        return self.ctx.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def pass_time(self, **time: float) -> None:
        """Move the clock."""
        self.ctx.clock += timedelta(**time)


@pytest.fixture
def make_machine(tmp_path: Path) -> Callable[[], Machine]:
    """A home in which the adapter has not looked yet."""

    def make() -> Machine:
        project = tmp_path / "a project's $HOME"
        for folder in (tmp_path / FOLDER, project):
            folder.mkdir(parents=True)
        (tmp_path / LOG).touch()
        return Machine(FakeContext(tmp_path, of=adapter), project)

    return make


@pytest.fixture
def machine(make_machine: Callable[[], Machine]) -> Machine:
    """A home in which the adapter has looked once, at an empty log."""
    machine = make_machine()
    assert machine.look() == []
    return machine
