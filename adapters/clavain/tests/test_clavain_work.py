"""Commands that are called, and work that is handed to other agents past the kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_clavain.adapter import observe_hook
from interhost_clavain.commands import COMMANDS
from interhost_hookspecs import Completed, Draft, HookEvent, SidebandFile
from interhost_hookspecs.testing import payloads

from .conftest import event, told

if TYPE_CHECKING:
    from .conftest import Machine


# Commands ------------------------------------------------------------------------------------------------------------


def call(machine: Machine, name: str, **raw: Any) -> list[Draft]:
    seen = observe_hook(HookEvent(name=name, session_id="s1", cwd=machine.project, raw=raw), machine.ctx)
    return list(seen.drafts) if seen else []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_the_agent_calls_is_told(machine: Machine, command: str) -> None:
    """As the Skill tool's hook shows it."""
    raw = {
        "tool_input": {"skill": f"clavain:{command}", "args": "add an\nundo stack"},
        "tool_response": {"success": True, "commandName": f"clavain:{command}"},
    }
    [draft] = call(machine, "PostToolUse", **raw)
    assert draft.payload == {"command": command, "args": "add an undo stack", "by": "agent"}
    assert (draft.intent, draft.context_id) == ("clavain.command@1.0", None)


def test_a_command_that_a_person_types_is_told(machine: Machine) -> None:
    """It does not go through the tool."""
    raw = {"expansion_type": "slash_command", "command_name": "clavain:work", "command_args": ""}
    assert payloads(call(machine, "UserPromptExpansion", **raw)) == [{"command": "work", "args": None, "by": "user"}]


@pytest.mark.parametrize(
    "raw",
    [
        {"tool_input": {"skill": "clavain:resolve"}},
        {"tool_input": {"skill": "sprint"}},
        {"tool_input": {"skill": "other:sprint"}},
        {"tool_input": {"skill": ["clavain:sprint"]}},
        {"tool_input": "clavain:sprint"},
        {"tool_input": {"skill": "clavain:sprint"}, "tool_response": {"success": False}},
        {},
    ],
)
def test_other_skills_are_nobodys_business(machine: Machine, raw: dict[str, Any]) -> None:
    """Nor are odd shapes, and a call that failed."""
    assert call(machine, "PostToolUse", **raw) == []
    assert call(machine, "Stop", **raw) == []


def test_a_bead_that_the_tracker_has_is_the_context(machine: Machine) -> None:
    """A word with a hyphen only looks like one."""
    (machine.project / ".beads").mkdir()
    issue = json.dumps([{"id": "iv-abc1", "title": "x"}])
    machine.ctx.commands["bd"] = lambda command: Completed(
        argv=command.argv, returncode=0, stdout=issue if "iv-abc1" in command.argv else "[]"
    )
    contexts = [
        call(machine, "PostToolUse", tool_input={"skill": "/clavain:sprint", "args": args})[0].context_id
        for args in ("iv-abc1 --fast", "add-mesh", "", "$(reboot)")
    ]
    assert contexts == ["iv-abc1", None, None, None]


# Dispatches ----------------------------------------------------------------------------------------------------------


def running(machine: Machine, process: str = "30611", **more: object) -> None:
    """A sideband that was written since the last look (reference/cli-contracts.md, section 5.4)."""
    payload = {
        "name": "t1",
        "workdir": str(machine.project),
        "started": 1795170945,
        "activity": "thinking",
        "turns": 3,
        "commands": 4,
        "messages": 5,
        **more,
    }
    machine.ctx.sideband.files["clavain", "dispatch", process] = payload
    machine.ctx.sideband.news = {
        ("clavain", "dispatch"): [
            SidebandFile(path=Path(f"{process}.json"), key=process, kind="dispatch", session_id="", payload=payload)
        ]
    }


def quiet(machine: Machine) -> None:
    machine.ctx.sideband.news = {}


def states(drafts: list[Draft]) -> list[object]:
    return [dict(one.payload)["state"] for one in drafts if isinstance(one.payload, dict)]


def test_work_is_told_when_it_starts_and_when_it_ends(machine: Machine) -> None:
    """Not what it is busy with in between; its file goes when it ends."""
    running(machine, turns=0)
    [start] = machine.look()
    assert start.payload == {
        "state": "started",
        "name": "t1",
        "process": "30611",
        "workdir": str(machine.project),
        "turns": 0,
        "commands": 4,
        "messages": 5,
    }
    assert (start.intent, start.project_dir) == ("clavain.dispatch@1.0", machine.project)
    assert start.dedupe_key == "clavain:dispatch:30611:1795170945:started"
    running(machine, activity="writing")
    assert machine.look() == []
    quiet(machine)
    assert machine.look() == []
    machine.ctx.sideband.files.clear()
    assert states(machine.look()) == ["ended"]
    assert machine.look() == []


def test_work_that_says_it_is_done_has_ended(machine: Machine) -> None:
    """With what it has used; the file may stay."""
    running(machine)
    machine.look()
    running(machine, activity="done", turns=9)
    [end] = machine.look()
    assert isinstance(end.payload, dict)
    assert (end.payload["state"], end.payload["turns"]) == ("ended", 9)
    quiet(machine)
    assert machine.look() == []
    running(machine, "7", activity="done")
    assert machine.look() == []


def test_a_number_that_is_used_again_is_other_work(machine: Machine) -> None:
    """The first has ended unseen."""
    running(machine)
    machine.look()
    running(machine, started=1795170999)
    assert states(machine.look()) == ["ended", "started"]


def test_a_task_of_the_kernel_is_not_told_twice(machine: Machine) -> None:
    """The same process has a sideband, too."""
    machine.begin()
    machine.base["dispatches"] = [
        {"id": "hq2nuey6", "status": "running", "created_at": 1795170945, "pid": 30611, "scope_id": "w46pk7wf"}
    ]
    running(machine)
    drafts = machine.happens(event(1, "dispatch", "status_change", "spawned", "running"))
    assert told(drafts) == [("coordination@1.0", "ic:dispatch.status_change")]


@pytest.mark.parametrize("workdir", [None, 7, "relative", "/nowhere/at/all"])
def test_work_in_a_folder_that_nobody_knows_is_told(machine: Machine, workdir: object) -> None:
    """It happened somewhere."""
    running(machine, "no number", workdir=workdir)
    [draft] = machine.look()
    assert draft.project_dir == (Path("/nowhere/at/all") if workdir == "/nowhere/at/all" else machine.ctx.home)


def older(machine: Machine, text: str, process: str = "30611") -> Path:
    """The file from before interband (reference/cli-contracts.md, section 5.7), written since the last look."""
    path = machine.temporary / f"clavain-dispatch-{process}.json"
    path.write_text(text)
    machine.ctx.changed_files = [path]
    return path


def test_the_older_file_is_enough(machine: Machine) -> None:
    """Where interband is not installed there is nothing else; with both, the work is told once."""
    text = json.dumps({"name": "t1", "workdir": str(machine.project), "started": 1795170945, "activity": "starting"})
    path = older(machine, text)
    assert states(machine.look()) == ["started"]
    running(machine)
    assert machine.look() == []
    quiet(machine)
    machine.ctx.sideband.files.clear()
    assert machine.look() == []
    path.unlink()
    machine.ctx.changed_files = []
    assert states(machine.look()) == ["ended"]


@pytest.mark.parametrize("text", ["", "{torn", "[]", '"x"'])
def test_a_damaged_older_file_is_no_work(machine: Machine, text: str) -> None:
    """And a link that somebody else has put there is none."""
    path = older(machine, text)
    assert machine.look() == []
    path.rename(machine.temporary / "elsewhere")
    path.symlink_to(machine.temporary / "elsewhere")
    assert machine.look() == []
