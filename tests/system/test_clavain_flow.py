"""Clavain's traces, through the real host: the kernel's events, documents, quality gates, commands; each told once.

Programs are stand-ins whose answers are those of reference/cli-contracts.md, sections 1.5, 1.8 and 1.9.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.submission_kit import BEAD, RUN, Rule, World, run_status, says

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Shell


class Flow:
    """A project with stand-ins and a host that has looked at it once."""

    def __init__(self, shell: Shell, base: Path) -> None:
        self.shell = shell
        self.world = World(base)
        self.project = self.world.project
        self.env = {"PATH": f"{self.world.bin}:{os.defpath}"}
        self.answer()
        self.run("interbus", "publish", "notify", "--payload", '{"text": "the host knows the project by this"}')
        self.look()

    def answer(self, *events: dict[str, object], rules: tuple[Rule, ...] = ()) -> None:
        """The kernel has these events, which it prints once, and was written to."""
        lines = "".join(json.dumps(one) + "\n" for one in events)
        self.world.answer(
            *rules,
            says("ic", "events cursor *"),
            says("ic", "events tail --all *", times=1, out=lines),
            says("ic", "events tail --all *"),
            says("ic", "run list", out=f"[{run_status()}]"),
            says("ic", "run current", code=1, out='{"found":false}'),
        )
        self.world.database.write_text(f"a database, written at {time.time_ns()}")

    def run(self, program: str, *arguments: str, **more: Any) -> list[dict[str, Any]]:
        """A command in the project."""
        return self.shell.run(program, *arguments, env=self.env, cwd=self.project, **more).records

    def look(self) -> list[dict[str, Any]]:
        """What one more look puts on the bus."""
        before = len(self.run("interbus", "replay"))
        self.run("interhost", "run", "--once")
        return self.run("interbus", "replay")[before:]

    def write(self, name: str, text: str, *, age: float = 10.0) -> None:
        """A file that was left alone for a while."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (time.time() - age, time.time() - age))


@pytest.fixture(autouse=True)
def enabled(shell: Shell) -> None:
    """The adapter of this flow is on."""
    shell.enable("clavain")


@pytest.fixture
def flow(shell: Shell, tmp_path: Path) -> Flow:
    """A fresh one."""
    (tmp_path / "w").mkdir()
    return Flow(shell, tmp_path / "w")


def event(number: int, kind: str, left: str, to: str, **more: object) -> dict[str, object]:
    return {
        "id": number,
        "run_id": RUN,
        "source": "phase",
        "type": kind,
        "from_state": left,
        "to_state": to,
        "timestamp": f"2026-11-20T10:34:{number:02}Z",
        **more,
    }


def test_a_move_that_was_submitted_is_not_told_again_by_its_event(flow: Flow) -> None:
    """Both have the kernel's number; what was moved past us is told with the context of its run."""
    flow.run("interhost", "submit", "advance", BEAD, "brainstorm")
    told = flow.run("interbus", "replay", "--intent", "phase_transition")
    assert [(one["producer"], one["payload"]["to"]) for one in told] == [("clavain", "brainstorm-reviewed")]
    flow.answer(
        event(7, "advance", "brainstorm", "brainstorm-reviewed"),
        event(8, "advance", "brainstorm-reviewed", "strategized"),
    )
    [move] = [one for one in flow.look() if one["intent"] == "phase_transition@1.0"]
    assert (move["payload"]["to"], move["context_id"], move["source_hook"]) == ("strategized", BEAD, "ic:phase.advance")
    assert move["extensions"]["dedupe_key"] == f"ic:{flow.world.database}:phase:8"
    assert flow.look() == []


def test_a_plan_is_told_once_however_often_it_is_noticed(flow: Flow) -> None:
    """Written, registered by a command, and listed by the kernel."""
    flow.write("docs/plans/p.md", f"# Undo stack\n\n**Bead:** {BEAD}\n**Phase:** planned (as of 2026-02-26)\n")
    registered = {"id": "a1", "type": "plan", "path": "docs/plans/p.md", "phase": "planned", "status": "active"}
    [plan] = [one for one in flow.look() if one["intent"] == "artifact_ready@1.0"]
    assert (plan["context_id"], plan["payload"]["title"], plan["payload"]["change"]) == (BEAD, "Undo stack", "created")
    listed = says("ic", f"run artifact list {RUN}", out=json.dumps([registered]))
    flow.answer(rules=(listed,))
    flow.run("interhost", "submit", "artifact", BEAD, "plan", "docs/plans/p.md")
    assert [one["intent"] for one in flow.look()] == []


def test_quality_gates_end_with_a_decision_and_a_signal(flow: Flow) -> None:
    """About the bead of the session that ran them, by the sideband that Clavain leaves."""
    sideband = flow.shell.home / ".interband" / "interphase" / "bead" / "sess-1.json"
    sideband.parent.mkdir(parents=True)
    payload = {"id": "iv-q", "phase": "executing", "reason": "sprint-advance", "ts": int(time.time())}
    envelope = {"version": "1.0.0", "namespace": "interphase", "type": "bead_phase", "session_id": "sess-1"}
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sideband.write_text(json.dumps({**envelope, "timestamp": stamp, "payload": payload}))
    flow.look()
    verdict = {"type": "verdict", "status": "NEEDS_ATTENTION", "summary": "P1x1: a race", "session_id": "sess-1"}
    flow.write(".clavain/verdicts/fd-safety.json", json.dumps(verdict), age=20)
    flow.write(".clavain/quality-gates/synthesis.md", "# Synthesis\n")
    gate, done = [one for one in flow.look() if one["source_hook"] == "file:quality-gates"]
    assert (gate["intent"], gate["payload"]["outcome"], gate["context_id"]) == ("gate_result@1.0", "warn", "iv-q")
    assert (done["intent"], done["payload"]["verdict"], done["payload"]["counts"]["P1"]) == (
        "review_pass@1.0",
        "needs-changes",
        1,
    )
    [waiting] = [
        one for one in flow.run("interhost", "clavain", "pending", "--context", "iv-q") if one["state"] == "to review"
    ]
    assert waiting["text"].startswith("review finished: needs-changes (1 P1)")
    assert flow.look() == []


def test_a_command_is_told_by_the_hook(flow: Flow) -> None:
    """What the agent calls by the Skill tool, in its session and project."""
    raw = {
        "hook_event_name": "PostToolUse",
        "session_id": "s1",
        "cwd": str(flow.project),
        "tool_name": "Skill",
        "tool_use_id": "toolu_1",
        "tool_input": {"skill": "clavain:sprint", "args": "add mesh"},
        "tool_response": {"success": True, "commandName": "clavain:sprint"},
    }
    flow.shell.run("interhost", "hook", stdin=json.dumps(raw), env=flow.env, cwd=flow.project)
    flow.shell.until(lambda: "clavain.command" in str(flow.run("interbus", "replay")))
    [told] = flow.run("interbus", "replay", "--intent", "clavain.*")
    assert told["payload"] == {"command": "sprint", "args": "add mesh", "by": "agent"}
    assert (told["context_id"], told["extensions"]["session_id"]) == ("project:pro ject", "s1")


def test_a_host_that_dies_after_the_kernel_has_moved_on_loses_nothing(flow: Flow) -> None:
    """Ic has printed and moved its position, nothing was stored: the next look has it reset, and reads again."""
    flow.answer(event(9, "advance", "planned", "plan-reviewed"))
    killed = says("ic", "run list", kill_parent=0)
    flow.world.answer(
        killed,
        *[says("ic", "events cursor *"), says("ic", "events tail *", out=json.dumps(event(9, "advance", "a", "b")))],
    )
    flow.shell.run("interhost", "run", "--once", env=flow.env, cwd=flow.project, code=-9)
    consumer = flow.world.calls("ic", "events", "tail")[0][4].removeprefix("--consumer=")
    ahead = says("ic", "events cursor list", out=f'{consumer}\t{{"phase":9,"dispatch":0}}\n')
    flow.answer(event(9, "advance", "planned", "plan-reviewed"), rules=(ahead,))
    moves = [one["payload"]["to"] for one in flow.look() if one["intent"] == "phase_transition@1.0"]
    assert moves == ["plan-reviewed"]
    assert flow.world.calls("ic", "events", "cursor", "reset") == [["ic", "events", "cursor", "reset", consumer]]
