"""A project's daemon and the evidence before a gate, through the real host.

The program is a stand-in with outputs of reference/modules/tldr-swinton.md section 2.3.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

TLDRS = """#!/bin/sh
printf '%s\\n' "$*" >> "$HOME/calls"
case "$2" in
change-impact) cat <<END
{"success": true, "result": {"changed_files": ["a.py"], "changed_functions": ["f"],
 "affected_tests": ["tests/test_a.py"], "affected_count": 1, "skipped_count": 0, "total_tests": 1,
 "test_command": ["pytest", "tests/test_a.py"], "source": "git:$5"}}
END
;;
diagnostics) cat <<END
{"success": true, "result": {"file": "$3", "language": "python", "tools": ["ruff"], "diagnostics": [],
 "error_count": 1, "warning_count": 0}}
END
;;
esac
"""


@pytest.fixture
def used(shell: Shell) -> Shell:
    """A repository that uses tldr-swinton, and a host that has looked at it once."""
    shell.enable("tldr-swinton")
    program = shell.base / "bin" / "tldrs"
    program.parent.mkdir(exist_ok=True)
    program.write_text(TLDRS)
    program.chmod(0o755)
    shell.environ["PATH"] = f"{program.parent}:{shell.environ['PATH']}"
    (shell.project / ".tldrs").mkdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=shell.project, check=True)
    for text in ("1", "2"):
        (shell.project / "a.py").write_text(text)
        subprocess.run(["git", "add", "a.py"], cwd=shell.project, check=True)
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, "commit", "-q", "-m", "x"], cwd=shell.project, check=True)
    shell.publish("notify", '{"text": "the host knows the project by this"}')
    assert look(shell) == []
    return shell


def look(shell: Shell) -> list[dict[str, Any]]:
    """What one more run of the host puts on the bus."""
    before = len(shell.run("interbus", "replay").records)
    shell.run("interhost", "run", "--once")
    return list(shell.run("interbus", "replay").records[before:])


def test_what_is_prepared_is_told_once(used: Shell) -> None:
    """The daemon's state, once."""
    (used.project / ".tldrs" / "status").write_text("ready")
    (record,) = look(used)
    assert (record["intent"], record["payload"]["state"]) == ("tldr_swinton.daemon@1.0", "ready")
    assert (record["context_id"], record["producer"]) == ("project:widgets", "tldr-swinton")
    assert look(used) == []


def test_a_move_to_review_gathers_evidence(used: Shell) -> None:
    """As two facts of the same bead, caused by the move, with the tools that ran; delivered again it is the same."""
    moved = used.publish("phase_transition", '{"to": "review", "phase_model": "ic-9"}', "--context", "acme-4q9")
    evidence, level = look(used)
    assert (evidence["intent"], evidence["severity"]) == ("tldr_swinton.evidence@1.0", "error")
    checked, impact = evidence["payload"]["evidence"]
    assert (checked["tools"], checked["errors"], impact["affected_tests"]) == (["ruff"], 1, ["tests/test_a.py"])
    assert (level["intent"], level["payload"]["signal"], level["payload"]["level"]) == (
        "health_signal@1.0",
        "diagnostics",
        "red",
    )
    assert {one["context_id"] for one in (evidence, level)} == {"acme-4q9"}
    trace = used.run("interbus", "trace", moved["event_id"]).out
    assert "diagnostics by ruff: 1 errors, 0 warnings; tests affected: 1 of 1" in json.dumps(trace)
    assert look(used) == []
    calls = (used.home / "calls").read_text().splitlines()
    assert [call.split()[1] for call in calls] == ["change-impact", "diagnostics"]
    assert f"--machine diagnostics {used.project}/a.py" in calls
