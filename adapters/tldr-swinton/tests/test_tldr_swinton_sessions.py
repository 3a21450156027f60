"""What a session does: files it edits, and what tldrs answers to it.

Answers are those of reference/modules/tldr-swinton.md sections 2.3 to 2.5.
"""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import DriftDetected, HealthSignal, Severity
from interhost_hookspecs.testing import payloads

if TYPE_CHECKING:
    from conftest import Desk

SLICE = {"id": "src/auth.py:login", "signature": "def login(user)", "relevance": "depth_0", "lines": [7, 10]}
MADE_UP = {"id": "nosuch", "signature": "def nosuch(...)", "lines": []}
MCP = "mcp__plugin_tldr-swinton_tldr-code__"


def run(desk: Desk, command: str, answer: object) -> list[Any]:
    """What a session's own command tells."""
    printed = answer if isinstance(answer, str) else json.dumps(answer)
    response = {"stdout": printed, "stderr": "tip", "interrupted": False}
    return desk.see("Bash", tool_input={"command": command}, tool_response=response)


def succeed(**result: object) -> dict[str, object]:
    """An answer in its envelope."""
    return {"success": True, "result": result}


# Edits ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", ["Edit", "MultiEdit", "Write", "NotebookEdit"])
def test_the_daemon_is_told_of_an_edited_file(desk: Desk, tool: str) -> None:
    """By its socket, with the absolute path; nothing is told of it, and no process is started."""
    key = "notebook_path" if tool == "NotebookEdit" else "file_path"
    path = str(desk.project / "src" / "x.py")
    reply = {"status": "ok", "dirty_count": 2, "threshold": 20, "reindex_triggered": False}
    with desk.daemon(reply) as questions:
        assert desk.see(tool, tool_input={key: path}) == []
    assert questions == [{"cmd": "notify", "file": path}]
    assert desk.ctx.ran == []


def test_indexing_that_an_edit_sets_off_is_told(desk: Desk) -> None:
    """At the daemon's threshold."""
    reply = {"status": "ok", "dirty_count": 20, "threshold": 20, "reindex_triggered": True}
    with desk.daemon(reply):
        (draft,) = desk.see("Edit", tool_input={"file_path": str(desk.project / "x.py")})
    assert (draft.intent, draft.project_dir) == ("tldr_swinton.index_started@1.0", desk.project)
    assert draft.payload == {"dirty_count": 20, "threshold": 20}


@pytest.mark.parametrize("stated", ["/etc/passwd", "x.py", 5, None, "{project}/../x.py", "\0"])
def test_files_of_no_project_are_nobodys_business(desk: Desk, stated: object) -> None:
    """Also those whose path leads out."""
    stated = stated.replace("{project}", str(desk.project)) if isinstance(stated, str) else stated
    with desk.daemon({"status": "ok"}) as questions:
        assert desk.see("Edit", tool_input={"file_path": stated}) == []
    assert questions == []


def test_the_daemon_is_left_alone_on_request(desk: Desk) -> None:
    """It may index at a bad moment."""
    desk.set(notify_daemon=False)
    with desk.daemon({"status": "ok"}) as questions:
        assert desk.see("Edit", tool_input={"file_path": str(desk.project / "x.py")}) == []
    assert questions == []


@pytest.mark.parametrize(
    "reply", [None, b"", b"\n", b"{\n", b"[1]\n", b"\xff\n", b'{"status": "error", "message": "x"}\n', b"x" * 3_000_000]
)
def test_a_daemon_in_trouble_does_no_harm(desk: Desk, reply: bytes | None) -> None:
    """It hangs, hangs up, or answers something else; a session's edit goes on."""
    with desk.daemon(reply):
        assert desk.see("Edit", tool_input={"file_path": str(desk.project / "x.py")}) == []


def test_what_is_no_socket_of_ours_is_not_spoken_to(desk: Desk) -> None:
    """A file, a link, and a socket that nobody listens on any more."""
    desk.socket.write_text("x")
    assert desk.see("Edit", tool_input={"file_path": str(desk.project / "x.py")}) == []
    desk.socket.unlink()
    other = desk.sockets / "other"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(other))
        listener.listen()
        listener.settimeout(0.2)
        desk.socket.symlink_to(other)
        assert desk.see("Edit", tool_input={"file_path": str(desk.project / "x.py")}) == []
        with pytest.raises(TimeoutError):
            listener.accept()
    desk.socket.unlink()
    os.rename(other, desk.socket)
    assert desk.see("Edit", tool_input={"file_path": str(desk.project / "x.py")}) == []


# Answers -------------------------------------------------------------------------------------------------------------


def test_diagnostics_of_a_session_are_evidence(desk: Desk) -> None:
    """With the tools that ran, and the level of the file as everybody knows levels."""
    path = str(desk.project / "src/bad.py")
    found = {"file": path, "line": 2, "severity": "error", "message": "No\x1b]0;", "rule": "F821", "source": "ruff"}
    answer = succeed(file=path, tools=["ruff"], diagnostics=[found], error_count=1, warning_count=3)
    evidence, level = run(desk, f"cd x && tldrs --machine diagnostics {path}", answer)
    assert (evidence.intent, evidence.severity) == ("tldr_swinton.evidence@1.0", Severity.ERROR)
    row = evidence.payload["evidence"][0]
    assert (row["by"], row["measured"], row["tools"], row["errors"], row["warnings"]) == ("cli", True, ["ruff"], 1, 3)
    assert row["found"][0]["message"] == "No ]0;"
    assert isinstance(level.payload, HealthSignal)
    assert (level.payload.level, level.payload.value, level.artifact_path) == ("red", 1, desk.project / "src/bad.py")
    assert level.payload.detail == "a project's $HOME/src/bad.py: diagnostics by ruff: 1 errors, 3 warnings"
    assert len(run(desk, "tldrs --machine diagnostics x", answer)) == 1
    clean = succeed(file=path, tools=["ruff"], diagnostics=[], error_count=0, warning_count=0)
    assert [type(one.payload) for one in run(desk, "tldrs --machine diagnostics x", clean)] == [dict, HealthSignal]


@pytest.mark.parametrize("tools", [[], None, "ruff", [5]])
def test_diagnostics_without_a_checker_measure_nothing(desk: Desk, tools: object) -> None:
    """They look clean, with zero counts; it is no level."""
    answer = succeed(file="x", tools=tools, diagnostics=[], error_count=0, warning_count=0)
    (evidence,) = run(desk, "tldrs --machine diagnostics x", answer)
    row = evidence.payload["evidence"][0]
    assert (row["measured"], row["errors"], row["warnings"], evidence.severity) == (False, None, None, "info")


@pytest.mark.parametrize(("tool", "by"), [("Bash", "cli"), (f"{MCP}change_impact", "mcp")])
def test_an_impact_says_who_found_it(desk: Desk, tool: str, by: str) -> None:
    """The command and the daemon disagree."""
    tests = ["tests/test_auth.py"]
    result = {"changed_files": ["a.py"], "changed_functions": [], "affected_tests": tests, "total_tests": 1}
    if tool == "Bash":
        (draft,) = run(desk, "tldrs --machine change-impact --git", succeed(**result))
    else:
        response = [{"type": "text", "text": json.dumps({"status": "ok", **result})}]
        (draft,) = desk.see(tool, tool_response=response)
    row = draft.payload["evidence"][0]
    assert (row["by"], row["affected_tests"], row["affected_count"], row["test_command"]) == (by, tests, 1, None)


def test_context_is_told_without_code(desk: Desk) -> None:
    """With no envelope; what was not sent again counts, too."""
    pack = {"budget_used": 15, "slices": [{**SLICE, "code": "secret()"}], "unchanged": ["src/auth.py:hash_pw"]}
    (draft,) = run(desk, "tldrs --machine context login --project .", pack)
    assert draft.payload == {
        "kind": "symbols",
        "base": None,
        "head": None,
        "tokens": 15,
        "count": 1,
        "unchanged": 1,
        "slices": [{"id": "src/auth.py:login", "signature": "def login(user)", "relevance": "depth_0"}],
    }
    assert draft.artifact_path == desk.project / "src/auth.py"


def test_context_of_a_difference_names_its_ends(desk: Desk) -> None:
    """Several files are no single artifact."""
    pack = {"base": "bd48da2", "head": "HEAD", "slices": [SLICE, {**SLICE, "id": "b.py:f", "lines": []}]}
    (draft,) = run(desk, "tldrs --machine diff-context --project .", pack)
    assert (draft.payload["kind"], draft.payload["base"], draft.payload["count"]) == ("diff", "bd48da2", 2)
    assert draft.artifact_path is None


def test_context_of_an_unknown_symbol_is_no_answer(desk: Desk) -> None:
    """It ends with 0 and a slice that was made up; beside a real one it is left out."""
    (draft,) = run(desk, "tldrs --machine context nosuch", {"budget_used": 5, "slices": [MADE_UP]})
    assert (draft.intent, draft.payload["code"], draft.severity) == (
        "tldr_swinton.failed@1.0",
        "unknown_symbol",
        Severity.ERROR,
    )
    (draft,) = run(desk, "tldrs --machine context nosuch", {"slices": [MADE_UP, SLICE]})
    assert [one["id"] for one in draft.payload["slices"]] == ["src/auth.py:login"]


def test_incoherent_edits_are_drift(desk: Desk) -> None:
    """Each issue by its own weight; that edits are coherent is never told, because it was said of broken ones."""
    issue = {"issue_type": "signature", "message": "2 args, 3 given", "source_file": "a.py", "source_symbol": "f"}
    issues = [{**issue, "severity": "error", "target_symbol": "g"}, {**issue, "severity": "warning"}, "x"]
    drafts = desk.see(f"{MCP}verify_coherence", tool_response=json.dumps({"is_coherent": False, "issues": issues}))
    assert drafts[0].payload == DriftDetected(
        kind="code_coherence", signal="signature", expected="g", actual="f", detail="2 args, 3 given"
    )
    assert [one.severity for one in drafts] == ["error", "warn"]
    assert drafts[0].artifact_path == desk.project / "a.py"
    passed = json.dumps({"is_coherent": True, "issues": []})
    assert desk.see(f"{MCP}verify_coherence", tool_response=passed) == []


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ({"error": True, "code": "TLDRS_ERR_NOT_FOUND", "message": "No\nsuch", "details": {}}, None, "No such"),
        (
            {"success": True, "result": {"error": "File not found: x", "diagnostics": []}},
            "TLDRS_ERROR",
            "File not found: x",
        ),
        ({"status": "error", "message": "no backend"}, "TLDRS_ERROR", "no backend"),
    ],
)
def test_an_error_is_told(desk: Desk, answer: dict[str, Any], code: str | None, message: str) -> None:
    """It stands on standard output, in three shapes."""
    (draft,) = run(desk, "tldrs --machine extract x || true", answer)
    assert draft.payload == {
        "command": "extract",
        "by": "cli",
        "code": code or "TLDRS_ERR_NOT_FOUND",
        "message": message,
    }


@pytest.mark.parametrize(
    "printed",
    ["", "Bundle saved: x", "{", "[1]", "null", "[" * 99_999, '{"success": true, "result": {}}', '{"slices": 5}'],
)
def test_other_output_tells_nothing(desk: Desk, printed: str) -> None:
    """Prose, and what is damaged."""
    assert run(desk, "tldrs --machine context x", printed) == []


def test_other_commands_tell_nothing(desk: Desk) -> None:
    """Nor a session in no project, nor a tool without an answer."""
    pack = {"slices": [SLICE]}
    assert run(desk, "cat tldrs.json", pack) == []
    assert desk.see("Bash", tool_input={"command": "tldrs context x"}, tool_response={"stdout": 5}) == []
    assert desk.see(f"{MCP}context", tool_response=json.dumps(pack), cwd="/elsewhere") == []
    assert payloads(desk.see(f"{MCP}context", tool_response=None)) == []
