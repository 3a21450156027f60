"""A session through the real host: what intercheck and interpulse leave of it, and what the status line then shows.

Files have the shapes of reference/modules/intercheck.md section 2.3; a transcript's line is that of
reference/modules/_wave2-shared-ground.md section 0, point 9. The status line follows the documented rules of
reference/modules/interline.md section 3.3.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interhost.claude.worker import WORKER_LOCK

if TYPE_CHECKING:
    from tests.conftest import Shell

SESSION = "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11"
BEAD = "acme-4q9.2"
INTERLINE = Path(__file__).parents[2] / "adapters" / "interline" / "tests" / "statusline.sh"


class Session:
    """A session of Claude Code, its transcript, and what the modules keep of it."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.transcript = shell.home / ".claude" / "projects" / "widgets" / f"{SESSION}.jsonl"
        self.transcript.parent.mkdir(parents=True)
        (shell.project / "src").mkdir()
        (shell.base / "module-tmp").mkdir()
        (shell.home / ".claude" / "statusline.sh").write_bytes(INTERLINE.read_bytes())
        line = {"statusLine": {"type": "command", "command": "bash ~/.claude/statusline.sh"}}
        (shell.home / ".claude" / "settings.json").write_text(json.dumps(line))
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

    def draw(self) -> list[str]:
        """What Claude Code's status line shows, by the command in its settings."""
        settings = json.loads((self.shell.home / ".claude" / "settings.json").read_text())
        document = {"session_id": SESSION, "model": {"display_name": "Opus"}, "cwd": str(self.shell.project)}
        done = subprocess.run(
            ["sh", "-c", settings["statusLine"]["command"]],
            input=json.dumps(document) + "\n",
            capture_output=True,
            text=True,
            env={**self.shell.environ, "PATH": os.environ["PATH"]},
            timeout=60,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    def facts(self) -> list[dict[str, Any]]:
        """What a worker puts on the bus."""
        before = len(self.shell.run("interbus", "replay").records)
        self.shell.run("interhost", "run", "--drain", "--quiet")
        return list(self.shell.run("interbus", "replay").records[before:])


@pytest.fixture(autouse=True)
def enabled(shell: Shell) -> None:
    """The adapters of this flow are on."""
    shell.enable("intercheck", "interline")


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


def _outcomes(shell: Shell, fact: dict[str, Any], consumer: str) -> list[str]:
    """How the deliveries of a fact to one adapter ended."""
    with shell.bus() as bus:
        return [f"{one.outcome}: {one.reason}" for one in bus.store.attempts(fact["seq"]) if one.consumer == consumer]


def test_a_pressure_reaches_the_eyes_and_leaves_with_the_session(session: Session) -> None:
    """It is written where nobody reads; intercheck tells it, interline's file shows it, until the session ends."""
    assert session.draw() == ["[Opus] widgets", f"{BEAD} (executing)"]
    session.press("orange")
    assert session.draw()[0] == "[Opus] widgets", "the chain is broken upstream"
    (fact,) = session.facts()
    assert (fact["producer"], fact["context_id"], fact["payload"]["level"]) == ("intercheck", BEAD, "orange")
    assert _outcomes(session.shell, fact, "interline") == ["done: pressure orange"]
    assert session.draw()[0] == "[Opus] widgets | orange"
    session.press("red")
    session.facts()
    assert session.draw()[0] == "[Opus] widgets | red"
    session.hook("SessionEnd", reason="prompt_input_exit")
    assert session.facts() == []
    assert session.draw()[0] == "[Opus] widgets"
    assert session.shell.run("interhost", "interband", "check").out == "", "each file keeps the protocol"


def test_a_syntax_error_reaches_the_line_where_its_place_is_installed(session: Session) -> None:
    """Before what interline shows; taken out again, everything is as it was."""
    settings = session.shell.home / ".claude" / "settings.json"
    before = settings.read_bytes()
    session.shell.run("interhost", "statusline", "install")
    assert session.draw() == ["[Opus] widgets", f"{BEAD} (executing)"]
    session.check(1, "toolu_1")
    text, count = session.facts()
    assert _outcomes(session.shell, text, "interline") == ["done: shown: bad.py: SyntaxError: invalid syntax"]
    assert _outcomes(session.shell, count, "interline") == ["skipped: less than error: not shown"]
    assert session.draw() == [
        "\x1b[31mbad.py: SyntaxError: invalid syntax\x1b[0m  [Opus] widgets",
        f"{BEAD} (executing)",
    ]
    session.shell.run("interhost", "statusline", "uninstall")
    assert settings.read_bytes() == before
    assert session.draw() == ["[Opus] widgets", f"{BEAD} (executing)"]


def test_a_phase_that_is_shown_is_not_told_again(session: Session) -> None:
    """The refreshed file names its own reason, by which interphase's adapter knows it."""
    session.facts()  # from now on a file that changes is news to interphase's adapter
    move = '{"to": "shipping", "phase_model": "clavain-9"}'
    session.shell.publish("phase_transition", move, "--context", BEAD, "--session", SESSION)
    assert session.facts() == []
    assert session.draw() == ["[Opus] widgets", f"{BEAD} (shipping)"]
    assert session.facts() == []
