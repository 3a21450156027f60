"""A review that is asked for, made by an agent, and told, through the real host; and reports that are left in files.

Files have the shapes of reference/modules/intercraft.md section 8.2, hook events those of
reference/modules/_wave2-shared-ground.md section 1.1.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Shell

BEAD = "acme-4q9.2"
REPORT = "## Agent-Native Architecture Review\n\n- **Verdict**: {verdict}\n"


@pytest.fixture
def reviewed(shell: Shell) -> Shell:
    """A host that has looked once at a project with a plan, and with the review of another day."""
    (shell.home / "plugins" / "intercraft").mkdir(parents=True)
    shell.enable("intercraft")
    shell.environ["INTERHOST_INTERCRAFT_ROOT"] = str(shell.home / "plugins" / "intercraft")
    _write(shell, "docs/plans/p.md", f"# Plan\n\n**Bead:** {BEAD}\n\nChange src/tools/export.py.\n")
    _write(shell, ".clavain/reviews/old/agent-native-reviewer.md", REPORT.format(verdict="PASS"))
    shell.publish("notify", '{"text": "the host knows the project by this"}')
    shell.run("interhost", "run", "--once")
    return shell


def _write(shell: Shell, name: str, text: str) -> Path:
    path = shell.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - 90, time.time() - 90))
    return path


def _look(shell: Shell) -> list[dict[str, Any]]:
    """What one more look puts on the bus."""
    before = len(shell.run("interbus", "replay").records)
    shell.run("interhost", "run", "--drain")
    return shell.run("interbus", "replay").records[before:]


def _answer(shell: Shell, prompt: str, text: str, use: str) -> None:
    """The reviewing agent answers in a session."""
    agent = "intercraft:review:agent-native-reviewer"
    event = {
        "session_id": "s-1",
        "hook_event_name": "PostToolUse",
        "cwd": str(shell.project),
        "tool_name": "Agent",
        "tool_use_id": use,
        "tool_input": {"description": "Review", "subagent_type": agent, "prompt": prompt},
        "tool_response": {"status": "completed", "agentType": agent, "content": [{"type": "text", "text": text}]},
    }
    shell.run("interhost", "hook", stdin=json.dumps(event))


def test_a_request_is_answered_by_the_agent_that_names_it(reviewed: Shell) -> None:
    """From the phase that asks to the verdict, in one context; the report beside it says nothing new."""
    phase = '{"to": "plan-reviewed", "phase_model": "interphase-8"}'
    asked = reviewed.publish("phase_transition", phase, "--artifact", "docs/plans/p.md", "--context", BEAD)["event_id"]
    assert _look(reviewed) == []
    folder = reviewed.root / "requests" / "intercraft"
    request = folder / f"{asked}-agent-native.md"
    assert "# Review wanted: src/tools/export.py" in request.read_text()
    assert "1 open" in reviewed.run("interhost", "doctor").out

    _answer(reviewed, f"Fulfil {request}.", REPORT.format(verdict="NEEDS WORK"), "toolu_1")
    reviewed.until(lambda: len(reviewed.run("interbus", "replay").records) == 3)
    (folder / f"{asked}-agent-native.report.md").write_text(REPORT.format(verdict="NEEDS WORK"))
    assert _look(reviewed) == []
    review = reviewed.run("interbus", "replay").records[-1]
    assert (review["intent"], review["context_id"], review["producer"]) == ("review_pass@1.0", BEAD, "intercraft")
    assert (review["payload"]["verdict"], review["payload"]["mode"]) == ("needs-changes", "agent-native")
    assert review["payload"]["inputs"] == ["src/tools/export.py"]
    assert review["extensions"]["for_event_id"] == asked
    assert json.loads(request.with_suffix(".json").read_text())["answer"] == "needs-changes: the answer of an agent"
    assert "0 open" in reviewed.run("interhost", "doctor").out


def test_a_report_is_told_once_wherever_it_is_seen(reviewed: Shell) -> None:
    """As the agent's answer, as a file, and through the verdict that was made of it."""
    name = ".clavain/reviews/current/agent-native-reviewer.md"
    path = _write(reviewed, name, REPORT.format(verdict="PASS"))
    verdict = {"type": "verdict", "status": "CLEAN", "detail_path": name, "timestamp": "2026-11-20T11:47:42Z"}
    _write(reviewed, ".clavain/verdicts/agent-native-reviewer.json", json.dumps(verdict))
    _answer(reviewed, "Review the diff.", f"Findings written to {name}", "toolu_2")
    reviewed.until(lambda: len(reviewed.run("interbus", "replay").records) > 1)
    _look(reviewed)
    _, review = reviewed.run("interbus", "replay").records
    assert (review["payload"]["verdict"], review["artifact_path"]) == ("safe", str(path))
    assert _look(reviewed) == []


def test_a_request_that_waits_in_vain_is_told(reviewed: Shell) -> None:
    """Once, and then it is closed."""
    ordered = ("--artifact", "docs/plans/p.md", "--consumer", "intercraft")
    asked = reviewed.publish("artifact_ready", '{"kind": "plan"}', *ordered)["event_id"]
    assert _look(reviewed) == []
    path = reviewed.root / "requests" / "intercraft" / f"{asked}-agent-native.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "expires": "2026-01-01T00:00:00+00:00"}))
    (late,) = _look(reviewed)
    assert (late["intent"], late["severity"]) == ("notify@1.0", "warn")
    assert late["payload"]["text"] == "Nobody made the agent-native review of docs/plans/p.md within 24 hours."
    assert _look(reviewed) == []
    assert json.loads(path.read_text())["answer"] == "nobody answered in time"
