"""A session through the real host: what intercheck and interpulse leave of it.

Files have the shapes of reference/modules/intercheck.md section 2.3; a transcript's line is that of
reference/modules/_wave2-shared-ground.md section 0, point 9.
"""

from __future__ import annotations

import fcntl
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from interhost.claude.worker import WORKER_LOCK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Shell

SESSION = "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11"
BEAD = "acme-4q9.2"


class Session:
    """A session of Claude Code, its transcript, and what the modules keep of it."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.transcript = shell.home / ".claude" / "projects" / "widgets" / f"{SESSION}.jsonl"
        self.transcript.parent.mkdir(parents=True)
        (shell.project / "src").mkdir()
        (shell.base / "module-tmp").mkdir()
        shell.root.mkdir(mode=0o700)
        config = f'[adapters.intercheck]\ntemporary_dir = "{shell.base / "module-tmp"}"\n'
        (shell.root / "config.toml").write_text(config)

    def hook(self, name: str, **fields: object) -> None:
        """Claude Code calls our hook; its worker is ours, in :meth:`facts`."""
        common = {"session_id": SESSION, "transcript_path": str(self.transcript), "cwd": str(self.shell.project)}
        with (self.shell.root / WORKER_LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.shell.run("interhost", "hook", stdin=json.dumps({**common, "hook_event_name": name, **fields}))

    def edit(self, use: str) -> None:
        """A tool was used on a file."""
        file = {"file_path": str(self.shell.project / "src" / "bad.py")}
        self.hook("PostToolUse", tool_name="Edit", tool_use_id=use, tool_input=file, tool_response={})

    def check(self, errors: int, use: str) -> None:
        """A syntax error was found: intercheck counts, and Claude Code keeps what it printed."""
        counters = {"syntax_errors": errors, "format_runs": 0}
        (self.shell.base / "module-tmp" / f"intercheck-{SESSION}.json").write_text(json.dumps(counters, indent=2))
        said = f"Syntax error in {self.shell.project / 'src' / 'bad.py'}: SyntaxError: invalid syntax"
        told = {"type": "hook_success", "hookName": "PostToolUse:Edit", "toolUseID": use, "exitCode": 0}
        told["command"], told["stdout"] = (
            "${CLAUDE_PLUGIN_ROOT}/hooks/syntax-check.sh",
            json.dumps({"additionalContext": said}),
        )
        with self.transcript.open("a") as file:
            file.write(json.dumps({"type": "attachment", "attachment": told}) + "\n")

    def press(self, level: str) -> None:
        """A measurement of interpulse."""
        payload = {"level": level, "pressure": 2, "est_tokens": 0, "ts": int(time.time()), "context_usable": 10}
        self.sideband("interpulse", "pressure", "context_pressure", payload)

    def sideband(self, namespace: str, channel: str, kind: str, payload: dict[str, object]) -> Path:
        """A sideband file of the session, as its writer leaves it."""
        path = self.shell.home / ".interband" / namespace / channel / f"{SESSION}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        envelope = {"version": "1.0.0", "namespace": namespace, "type": kind, "session_id": SESSION}
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        path.write_text(json.dumps({**envelope, "timestamp": now, "payload": payload}))
        return path

    def facts(self) -> list[dict[str, Any]]:
        """What a worker puts on the bus."""
        before = len(self.shell.run("interbus", "replay").records)
        self.shell.run("interhost", "run", "--drain", "--quiet")
        return list(self.shell.run("interbus", "replay").records[before:])


@pytest.fixture
def session(shell: Shell) -> Session:
    """A session that works on a bead and has just begun."""
    session = Session(shell)
    shell.publish("notify", '{"text": "there is a bus"}')
    session.sideband("interphase", "bead", "bead_phase", {"id": BEAD, "phase": "executing", "reason": "x", "ts": 1})
    session.hook("SessionStart", source="startup")
    return session


def _signals(facts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["payload"]["signal"], one["payload"]["level"]) for one in facts]


def test_what_a_check_found_is_told_with_its_bead_and_once(session: Session) -> None:
    """The text from the transcript and the count, after the event of the edit, whatever was there first."""
    session.check(1, "toolu_1")
    session.edit("toolu_1")
    text, count = session.facts()
    assert _signals([text, count]) == [("syntax", "red"), ("syntax_errors", "yellow")]
    assert (text["producer"], text["context_id"], text["severity"]) == ("intercheck", BEAD, "error")
    assert text["artifact_path"] == str(session.shell.project / "src" / "bad.py")
    assert text["payload"]["detail"] == "bad.py: SyntaxError: invalid syntax"
    assert (text["extensions"]["tool_use_id"], text["extensions"]["session_id"]) == ("toolu_1", SESSION)
    assert text["extensions"]["project_dir"] == str(session.shell.project)
    session.hook("Stop")
    assert session.facts() == []
    session.check(3, "toolu_2")
    assert _signals(session.facts()) == [("syntax", "red"), ("syntax_errors", "red")]


def test_a_session_that_was_there_before_us_brings_no_history(shell: Shell) -> None:
    """Its transcript and counters are read from where they were when it became known."""
    session = Session(shell)
    shell.publish("notify", '{"text": "there is a bus"}')
    session.check(7, "toolu_old")
    session.press("red")
    session.hook("SessionStart", source="resume")
    assert session.facts() == []
    session.check(8, "toolu_new")
    session.press("green")
    assert _signals(session.facts()) == [("syntax", "red"), ("syntax_errors", "red"), ("context_pressure", "green")]
