"""What transcripts tell of syntax checks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Draft, HealthSignal, Level, Severity
from interhost_intercheck.results import LANGUAGES, list_failures, read_failure
from interhost_intercheck.sessions import Session

if TYPE_CHECKING:
    from adapters.intercheck.tests.conftest import Machine

# reference/modules/intercheck.md section 2.3, E1, in another file.
SAID = 'Syntax error in {0}:   File "{0}", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax'


def attachment(
    said: str | None,
    *,
    use: str | None = "toolu_01AbC",
    command: str = "${CLAUDE_PLUGIN_ROOT}/hooks/syntax-check.sh",
    hook: str = "PostToolUse:Edit",
    kind: str = "hook_success",
    **more: object,
) -> str:
    """A line of a transcript with what a hook printed; ``None`` prints nothing."""
    told = {
        "type": kind,
        "hookName": hook,
        "hookEvent": "PostToolUse",
        "toolUseID": use,
        "content": "",
        "stdout": "" if said is None else json.dumps({"additionalContext": said}, indent=1) + "\n",
        "stderr": "",
        "exitCode": 0,
        "command": command,
    }
    entry = {"type": "attachment", "attachment": told, "sessionId": "s-1", "timestamp": "2026-11-20T11:59:58.250Z"}
    return json.dumps({**entry, **more})


def told(*lines: str) -> list[Draft]:
    """What lines of a transcript tell."""
    return list(list_failures(Session("s-1", project="/p"), lines))


def test_an_error_in_a_transcript_is_told_with_its_text(machine: Machine) -> None:
    """The file, the checker's words on one line, and the use of the tool that it was about."""
    file = machine.project / "src" / "bad.py"
    machine.say(attachment(SAID.format(file)))
    (draft,) = machine.look()
    assert draft.payload == HealthSignal(
        signal="syntax",
        level=Level.RED,
        detail=f'bad.py: File "{file}", line 1 def f(: ^ SyntaxError: invalid syntax',
    )
    assert (draft.severity, draft.artifact_path, draft.source_hook) == (
        Severity.ERROR,
        file,
        "transcript:PostToolUse:Edit",
    )
    assert draft.extensions == {
        "check": "syntax",
        "kind": "syntax",
        "language": "python",
        "tool_use_id": "toolu_01AbC",
    }
    assert (draft.project_dir, draft.session_id) == (machine.project, machine.event().session_id)
    assert draft.occurred_at == datetime(2026, 11, 20, 11, 59, 58, 250000, UTC)


def test_every_language_of_intercheck_is_known() -> None:
    """A message about any file that it checks is read."""
    for suffix, (language, _) in LANGUAGES.items():
        (draft,) = told(attachment(f"Syntax error in /p/a{suffix}: broken"))
        assert draft.extensions["language"] == language


@pytest.mark.parametrize(
    "message",
    [
        'TypeError [ERR_UNKNOWN_FILE_EXTENSION]: Unknown file extension ".ts" for /p/a.ts',
        "File \"<string>\", line 4\n    json.load(open('/p/it's.json'))\nSyntaxError: unterminated string literal",
        "[Errno 2] No such file or directory: '/p/a.ts'",
    ],
)
def test_a_checker_that_failed_says_nothing_of_the_file(message: str) -> None:
    """A good .ts file fails with node 20, and a quote in a name breaks the checker: a warning, no error."""
    (draft,) = told(attachment(f"Syntax error in /p/a.ts: {message}"))
    assert isinstance(draft.payload, HealthSignal)
    assert (draft.payload.level, draft.severity) == (Level.YELLOW, Severity.WARN)
    assert draft.extensions["kind"] == "tool_error"


def test_a_name_may_contain_what_parts_it_from_the_message() -> None:
    """The name ends with a suffix that intercheck knows."""
    (draft,) = told(attachment("Syntax error in /p/a: b.py: c.py: broken"))
    assert (str(draft.artifact_path), getattr(draft.payload, "detail", "")) == ("/p/a: b.py", "a: b.py: c.py: broken")


def test_the_same_use_of_a_tool_is_one_fact_in_every_transcript() -> None:
    """A fork or a resumed session repeats the history; without an id the line itself stands for it."""
    line, fork = attachment("Syntax error in /p/a.py: x"), attachment("Syntax error in /p/a.py: x", sessionId="s-2")
    one, same = told(line, fork)
    assert one.dedupe_key == same.dedupe_key
    other = told(attachment("Syntax error in /p/a.py: x", use="toolu_2"))[0]
    assert other.dedupe_key != one.dedupe_key
    unnamed = [
        told(attachment("Syntax error in /p/a.py: x", use=None, timestamp=f"2026-11-20T12:00:0{n}Z"))[0] for n in (1, 2)
    ]
    assert len({draft.dedupe_key for draft in unnamed}) == 2


@pytest.mark.parametrize(
    "line",
    [
        attachment(None),
        attachment("Formatted /p/a.py"),
        attachment("Syntax error in relative.py: x"),
        attachment("Syntax error in /p/a.md: x"),
        attachment("Syntax error in /p/a.py"),
        attachment("Syntax error in /p/a.py: x", command="${CLAUDE_PLUGIN_ROOT}/hooks/auto-format.sh"),
        attachment("Syntax error in /p/a.py: x", command="echo hooks/syntax-check.sh.bak"),
        attachment("Syntax error in /p/a.py: x", kind="hook_additional_context"),
        json.dumps({"type": "user", "message": {"content": attachment("Syntax error in /p/a.py: x")}}),
        json.dumps({"attachment": "hook_success"}),
        json.dumps({"attachment": {"type": "hook_success", "command": 7, "stdout": {"additionalContext": "x"}}}),
        attachment("Syntax error in /p/a.py: x")[:-20],
        '["hook_success"]',
        pytest.param('{"hook_success": ' + "[" * 100_000, id="deep"),
        "",
    ],
)
def test_what_is_no_message_of_the_check_is_passed_over(line: str) -> None:
    """Other hooks, other texts, a person quoting one, torn and deep lines: no fact, and the next line counts."""
    assert [draft.artifact_path for draft in told(line, attachment("Syntax error in /p/b.py: y"))] == [Path("/p/b.py")]


def test_a_command_with_its_path_spelled_out_is_the_same_hook() -> None:
    """Also quoted, as a shell would want it."""
    for command in ("/home/u/plugins/inter check/0.2.3/hooks/syntax-check.sh", '"/x/hooks/syntax-check.sh"'):
        assert len(told(attachment("Syntax error in /p/a.py: x", command=command))) == 1


@pytest.mark.parametrize("name", ["a\nb.py", "a\x1b]0;x\x07.py", "a\u202e.py", "\ud800.py", "a\0.py"])
def test_a_name_that_no_terminal_could_show_is_no_artifact(name: str) -> None:
    """What was said is told; the bus takes no such path."""
    (draft,) = told(attachment(f"Syntax error in /p/{name}: broken"))
    assert draft.artifact_path is None
    assert isinstance(draft.payload, HealthSignal)
    assert "broken" in str(draft.payload.detail)


def test_a_huge_line_costs_a_bounded_look() -> None:
    """Ten megabytes of what parts a name from a message, and a message of as much."""
    assert read_failure(json.dumps({"additionalContext": "Syntax error in /p/" + ": " * 5_000_000})) is None
    failure = read_failure(json.dumps({"additionalContext": "Syntax error in /p/a.py: " + "x" * 10_000_000}))
    assert failure is not None
    assert len(failure.message) == 300


@pytest.mark.parametrize("output", [None, 7, "", "{", "[]", '{"additionalContext": 7}', '{"additionalContext": ""}'])
def test_what_is_no_output_is_no_failure(output: object) -> None:
    """Whatever stands where the output should."""
    assert read_failure(output) is None
