"""A release through the real host: a dry run before it, a review against it, and its traces when it is made.

Texts and files are those of reference/modules/interpub.md, sections 5.2 and 5.3; ``ic`` is a stand-in, git is git.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs.testing import hook_payload

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Shell

IC = """\
#!/usr/bin/env bash
env >> "$HOME/ic-env"
echo "$* in $PWD" >> "$HOME/ic-calls"
case "$*" in
version) echo "ic 0.3.4" ;;
"publish doctor --json") echo null ;;
"publish --dry-run --patch --cwd="*) printf '%s\\n' "Publishing demo: 0.1.0 → 0.1.1" "  Version files: plugin.json" \\
  "Dry run — no changes made." ;;
*) echo "unexpected: $*" >&2; exit 3 ;;
esac
"""
USE = "toolu_01A09q90qw90lq917835lq9"


def _look(shell: Shell) -> list[dict[str, Any]]:
    """What one more look puts on the bus."""
    before = len(shell.run("interbus", "replay").records)
    shell.run("interhost", "run", "--drain")
    return shell.run("interbus", "replay").records[before:]


def _write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def _git(shell: Shell, *words: str) -> None:
    subprocess.run(["git", *words], cwd=shell.project, env=shell.environ, check=True, capture_output=True)


@pytest.fixture(autouse=True)
def enabled(shell: Shell) -> None:
    """The adapter of this flow is on."""
    shell.enable("interpub")


@pytest.fixture
def workshop(shell: Shell) -> Shell:
    """A host that has looked once at a plugin which is clean, pushed, and was released before."""
    ic = _write(shell.base / "bin" / "ic", IC)
    ic.chmod(0o755)
    shell.environ["PATH"] = f"{ic.parent}:{os.environ['PATH']}"
    shell.environ |= dict.fromkeys(("FORGE_TOKEN", "CLAVAIN_AUTHZ_TOKEN"), "secret")
    for role in ("AUTHOR", "COMMITTER"):
        shell.environ |= {f"GIT_{role}_NAME": "Ada", f"GIT_{role}_EMAIL": "ada@example.org"}
    (shell.project / ".git").rmdir()
    _write(shell.project / ".claude-plugin" / "plugin.json", {"name": "demo", "version": "0.1.0"})
    _git(shell, "init", "-q", "--bare", "-b", "main", str(shell.base / "remote.git"))
    _git(shell, "init", "-q", "-b", "main")
    _git(shell, "remote", "add", "origin", str(shell.base / "remote.git"))
    _git(shell, "add", "-A")
    _git(shell, "commit", "-q", "-m", "chore: bump version to 0.1.0")
    _git(shell, "push", "-q", "-u", "origin", "main")
    _write(shell.home / ".clavain" / "release-canaries.json", [_canary("0.1.0", "passed")])
    shell.publish("notify", '{"text": "the host knows the project by this"}')
    assert _look(shell) == []
    return shell


def _canary(version: str, status: str) -> dict[str, object]:
    known = {"plugin": "demo", "marketplace": "market", "prior_version": "0.0.9", "published_at": 1795171203}
    return {**known, "version": version, "status": status}


def test_a_release_is_prepared_and_taken_back(workshop: Shell) -> None:
    """Before it ships; the request is open until a review of the same work finds something."""
    moved = workshop.publish("phase_transition", '{"to": "shipping", "phase_model": "ic-9"}', "--context", "acme-4q9")
    (prepared,) = _look(workshop)
    assert (prepared["intent"], prepared["payload"]["state"], prepared["context_id"]) == (
        "release_status@1.0",
        "prepared",
        "acme-4q9",
    )
    assert prepared["extensions"]["caused_by"] == moved["event_id"]
    request = workshop.root / "requests" / "interpub" / f"{moved['event_id']}-release.json"
    assert json.loads(request.read_text())["command"] == "/interpub:release 0.1.1"
    calls = (workshop.home / "ic-calls").read_text().splitlines()
    assert calls[0].startswith(f"publish --dry-run --patch --cwd={workshop.project} in ")
    assert str(workshop.home) not in calls[0].partition(" in ")[2]
    assert "secret" not in (workshop.home / "ic-env").read_text()
    assert not list(workshop.home.rglob("intercore.db"))

    workshop.publish("review_pass", '{"verdict": "risky", "counts": {"P0": 1}}', "--context", "acme-4q9")
    (blocked,) = _look(workshop)
    assert (blocked["payload"]["state"], blocked["severity"]) == ("blocked", "warn")
    assert json.loads(request.read_text())["answer"] == "blocked: a review finished risky"


def test_a_release_is_told_once_by_all_of_its_traces(workshop: Shell) -> None:
    """The shell that made it, the commit, the kernel's row, the canary; then what the canary came to."""
    _git(workshop, "commit", "-q", "--allow-empty", "-m", "chore: bump version to 0.1.1")
    (raised,) = _look(workshop)
    assert (raised["payload"]["state"], raised["payload"]["stated_state"]) == ("publishing", "raised")
    said = "Publishing demo: 0.1.0 → 0.1.1\n  Published demo v0.1.1\n"
    event = hook_payload(
        tool_input={"command": "ic publish --patch"}, tool_response={"stdout": said}, cwd=str(workshop.project)
    )
    workshop.run("interhost", "hook", stdin=json.dumps(event))
    workshop.until(
        lambda: any(one["payload"].get("state") == "published" for one in workshop.run("interbus", "replay").records)
    )
    with sqlite3.connect(workshop.home / ".clavain" / "intercore.db") as kernel:
        kernel.execute("CREATE TABLE publish_state (id, plugin, from_ver, to_ver, phase, started_at, updated_at)")
        kernel.execute("INSERT INTO publish_state VALUES ('p', 'demo', '0.1.0', '0.1.1', 'done', 1, 2)")
    kernel.close()
    _write(workshop.home / ".clavain" / "release-canaries.json", [_canary("0.1.1", "pending")])
    assert _look(workshop) == []
    _write(workshop.home / ".clavain" / "release-canaries.json", [_canary("0.1.1", "failed")])
    (failed,) = _look(workshop)
    assert (failed["payload"]["stated_state"], failed["severity"]) == ("failed", "error")
    assert failed["extensions"]["rollback"] == "ic publish rollback demo"
    assert _look(workshop) == []
    (workshop.home / ".clavain" / "intercore.db").unlink()  # the stand-in cannot say how it is
    assert "no errors" in workshop.run("interhost", "doctor").out


def test_what_the_hook_after_a_push_said_is_found_in_the_transcript(workshop: Shell) -> None:
    """It is written when our own hook is over."""
    transcript = _write(workshop.home / "t.jsonl", "{}\n")
    event = hook_payload(
        tool_input={"command": "git push"}, cwd=str(workshop.project), transcript_path=str(transcript), tool_use_id=USE
    )
    workshop.run("interhost", "hook", stdin=json.dumps(event))
    assert _look(workshop) == []
    hook = {
        "type": "hook_success",
        "toolUseID": USE,
        "command": "${CLAUDE_PLUGIN_ROOT}/hooks/auto-publish.sh",
        "stdout": json.dumps({"additionalContext": "AUTO-PUBLISH FAILED for demo (ic exit 2): uncommitted changes"}),
    }
    with transcript.open("a") as file:
        file.write(json.dumps({"type": "attachment", "attachment": hook, "timestamp": "2026-11-20T12:00:00Z"}) + "\n")
    (blocked,) = _look(workshop)
    assert (blocked["payload"]["state"], blocked["payload"]["reason"]) == ("blocked", "uncommitted changes")
    assert blocked["extensions"]["exit"] == "2"
    assert _look(workshop) == []
