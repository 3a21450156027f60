"""What next, through the real host: candidates lead to a ranking and a request, which the skill's use answers.

``bd`` prints what reference/cli-contracts.md section 4.6 shows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

_BD = """#!/bin/sh
[ "$1" = --version ] && { echo "bd version 1.0.5"; exit 0; }
cat ".beads/$2.json"
"""


@pytest.fixture(autouse=True)
def enabled(shell: Shell) -> None:
    """The adapter of this flow is on."""
    shell.enable("internext")


@pytest.fixture
def project(shell: Shell) -> Shell:
    """A project with a tracker, internext installed, and a host that has looked once."""
    (shell.home / "plugins" / "internext" / "scripts").mkdir(parents=True)
    shell.environ["INTERHOST_INTERNEXT_ROOT"] = str(shell.home / "plugins" / "internext")
    program = shell.base / "bin" / "bd"
    program.parent.mkdir()
    program.write_text(_BD)
    program.chmod(0o755)
    shell.environ["PATH"] = f"{program.parent}:{shell.environ['PATH']}"
    beads = shell.project / ".beads"
    beads.mkdir()
    ready = {"id": "acme-4q9.2", "title": "Undo stack", "status": "open", "priority": 1, "dependent_count": 2}
    (beads / "ready.json").write_text(json.dumps([ready]))
    (beads / "list.json").write_text("[]")
    shell.run("interhost", "run", "--once")
    return shell


def _told(shell: Shell, intent: str) -> list[dict[str, Any]]:
    records = shell.run("interbus", "replay").records
    return [one for one in records if one["intent"].startswith(f"{intent}@") and one["producer"] == "internext"]


def test_candidates_lead_to_a_ranking_and_its_request_to_an_answer(project: Shell) -> None:
    """From found work to ranked work, once; the request is open until somebody uses the skill."""
    found = project.publish("discover_work", '{"action": "plan", "title": "Undo stack"}', "--context", "acme-4q9.2")
    project.run("interhost", "run", "--drain")
    (ranked,) = _told(project, "discover_work")
    assert (ranked["context_id"], ranked["payload"]["rank"]) == ("acme-4q9.2", 1)
    assert ranked["payload"]["method"] == "mechanical"
    assert ranked["payload"]["reasons"] == ["2 wait for it", "priority 1"]
    assert ranked["extensions"]["caused_by"] == found["event_id"]
    (summary,) = _told(project, "internext.ranked")
    assert (summary["payload"]["tracker"], summary["payload"]["candidates"]) == ("ok", 1)
    request = project.root / "requests" / "internext" / f"{found['event_id']}-next-work.json"
    assert "answer" not in json.loads(request.read_text())

    event = {
        "session_id": "s-1",
        "hook_event_name": "PostToolUse",
        "cwd": str(project.project),
        "tool_name": "Skill",
        "tool_use_id": "toolu_1",
        "tool_input": {"skill": "internext:next-work"},
        "tool_response": {"success": True, "commandName": "internext:next-work"},
    }
    heard = project.run("interhost", "hook", stdin=json.dumps(event))
    assert "ranked mechanically by interhost" in heard.out
    project.until(lambda: _told(project, "internext.skill_used"))
    assert json.loads(request.read_text())["answer"] == "internext:next-work was used"


def test_a_tracker_that_is_gone_is_a_warning(project: Shell) -> None:
    """Not an empty list."""
    (project.project / ".beads" / "ready.json").unlink()
    (project.project / ".beads" / "list.json").unlink()
    project.publish("discover_work", '{"action": "plan", "title": "x"}')
    project.run("interhost", "run", "--drain")
    (summary,) = _told(project, "internext.ranked")
    assert (summary["payload"]["tracker"], summary["severity"]) == ("unreachable", "warn")
    assert _told(project, "discover_work") == []
