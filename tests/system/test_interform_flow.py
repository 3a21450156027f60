"""A design review from its request to its report, through the real host; and a look at an edited interface.

Hook events have the shapes of reference/modules/_wave2-shared-ground.md section 1.1.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

BEAD = "acme-4q9.2"


@pytest.fixture
def studio(shell: Shell) -> Shell:
    """A project with a plan for an interface, interform installed, and a host that has looked once."""
    (shell.home / "plugins" / "interform").mkdir(parents=True)
    shell.enable("interform")
    shell.environ["INTERHOST_INTERFORM_ROOT"] = str(shell.home / "plugins" / "interform")
    plan = shell.project / "docs" / "plans" / "p.md"
    plan.parent.mkdir(parents=True)
    plan.write_text(f"# Plan\n\n**Bead:** {BEAD}\n\nRestyle web/main.css.\n")
    shell.run("interhost", "run", "--once")
    return shell


def _hook(shell: Shell, tool: str, given: dict[str, object], use: str) -> str:
    """A tool was used; what our hook says to the agent."""
    event = {
        "session_id": "s-1",
        "hook_event_name": "PostToolUse",
        "cwd": str(shell.project),
        "tool_name": tool,
        "tool_use_id": use,
        "tool_input": given,
        "tool_response": {"success": True},
    }
    return shell.run("interhost", "hook", stdin=json.dumps(event)).out


def _told(shell: Shell) -> list[dict[str, Any]]:
    shell.run("interhost", "run", "--drain")
    return [one for one in shell.run("interbus", "replay").records if one["producer"] == "interform"]


def test_a_request_is_answered_by_the_report_beside_it(studio: Shell) -> None:
    """The session hears of the request, loads the guidance, writes the report; the verdict is told in its context."""
    phase = ("phase_transition", '{"to": "executing", "phase_model": "interphase-8"}')
    asked = studio.publish(*phase, "--artifact", "docs/plans/p.md", "--context", BEAD)["event_id"]
    assert _told(studio) == []
    request = studio.root / "requests" / "interform" / f"{asked}-design.md"
    report = request.with_suffix(".report.md")
    sideband = studio.home / ".interband" / "interphase" / "bead" / "s-1.json"
    sideband.parent.mkdir(parents=True)
    envelope = {"version": "1.0.0", "namespace": "interphase", "type": "bead_phase", "session_id": "s-1"}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sideband.write_text(json.dumps({**envelope, "timestamp": now, "payload": {"id": BEAD, "phase": "executing"}}))
    heard = _hook(studio, "Skill", {"skill": "interform:distinctive-design"}, "toolu_1")
    assert str(report) in heard
    studio.until(lambda: _told(studio))
    (used,) = _told(studio)
    assert (used["intent"], used["context_id"]) == ("interform.skill_used@1.0", BEAD)

    report.write_text("# Design review\nVerdict: PASS\n### Issues\n- None\n")
    _, review = _told(studio)
    assert (review["intent"], review["context_id"], review["severity"]) == ("review_pass@1.0", BEAD, "info")
    assert (review["payload"]["verdict"], review["payload"]["report"]) == ("safe", str(report))
    assert len(_told(studio)) == 2
    assert json.loads(request.with_suffix(".json").read_text())["answer"] == f"safe: {report}"


def test_habits_are_looked_for_where_it_is_turned_on(studio: Shell) -> None:
    """Off by default."""
    style = studio.project / "web" / "main.css"
    style.parent.mkdir()
    style.write_text("body { font-family: Inter }\n")
    _hook(studio, "Write", {"file_path": str(style)}, "toolu_2")
    studio.publish()
    assert _told(studio) == []
    (studio.root / "config.toml").write_text("[adapters.interform]\nlint = true\n")
    _hook(studio, "Edit", {"file_path": str(style)}, "toolu_3")
    studio.until(lambda: _told(studio))
    (habit,) = _told(studio)
    assert (habit["payload"]["signal"], habit["payload"]["level"]) == ("design_lint", "yellow")
    assert habit["artifact_path"] == str(style)
