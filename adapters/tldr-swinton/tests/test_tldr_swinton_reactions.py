"""What tldr-swinton does about what others tell, with a stand-in that is a real program, and a real git."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import ArtifactReady, HealthSignal, Level, PhaseTransition, ReviewPass, StartSprint, Verdict
from interhost_hookspecs.testing import FakeCommand, Programs

if TYPE_CHECKING:
    from conftest import Desk

START = StartSprint(trigger="claim")
REVIEWED = ReviewPass(verdict=Verdict.RISKY, counts={"P0": 1})


def move(phase: str) -> PhaseTransition:
    """A move to a phase."""
    return PhaseTransition(to=phase, phase_model="ic-9", from_phase="executing", run_id="r1")


def tell(desk: Desk, payload: Any, **parts: Any) -> tuple[str, str]:
    """How the adapter ends it."""
    outcome = desk.tell(payload, **parts)
    assert outcome
    return outcome.kind.value, outcome.reason


# Changed files -------------------------------------------------------------------------------------------------------


def test_the_daemon_is_told_of_a_changed_file(desk: Desk) -> None:
    """With its absolute path; what it begins because of it is published."""
    reply = {"status": "ok", "dirty_count": 20, "threshold": 20, "reindex_triggered": True}
    path = desk.project / "docs" / "plan.md"
    with desk.daemon(reply) as questions:
        assert tell(desk, ArtifactReady(kind="plan"), artifact=path) == ("done", "the daemon tracks 20 of 20 files")
    assert questions == [{"cmd": "notify", "file": str(path)}]
    assert [one.intent for one in desk.ctx.drafts] == ["tldr_swinton.index_started@1.0"]


def test_a_daemon_without_an_index_is_told_as_well(desk: Desk) -> None:
    """It counts nothing then."""
    with desk.daemon({"status": "ok", "semantic_enabled": False}):
        assert tell(desk, ArtifactReady(kind="plan"), artifact=desk.project / "x") == ("done", "the daemon was told")


def test_without_a_daemon_nobody_is_told(desk: Desk) -> None:
    """No process is started for it, and none where the file is nobody's business."""
    path = desk.project / "plan.md"
    plan = ArtifactReady(kind="plan")
    assert tell(desk, plan, artifact=path) == ("skipped", "no daemon is at work in the project")
    for parts in ({"artifact": None}, {"artifact": desk.project / ".." / "x"}, {"artifact": path, "project_dir": None}):
        assert tell(desk, plan, **parts) == ("skipped", "it is about no file of a project")
    desk.set(notify_daemon=False)
    assert tell(desk, plan, artifact=path) == ("skipped", "notify_daemon is off")
    assert desk.ctx.ran == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b'{"status": "error", "message": "Unknown command: notify"}\n', "Unknown command: notify"),
        (b"?\n", "the daemon gave no answer that can be read"),
        (None, "the daemon: timed out"),
    ],
)
def test_a_daemon_that_refuses_is_said(desk: Desk, reply: bytes | None, said: str) -> None:
    """An older one, a damaged answer, one that hangs."""
    with desk.daemon(reply):
        assert tell(desk, ArtifactReady(kind="plan"), artifact=desk.project / "x") == ("failed", said)


# A new sprint --------------------------------------------------------------------------------------------------------


def test_nothing_is_prepared_unasked(desk: Desk) -> None:
    """A bundle is a file in the project, and so is what the daemon leaves."""
    assert tell(desk, START) == ("skipped", "prebuild and start_daemon are off")
    desk.set(prebuild=True)
    assert tell(desk, START, project_dir=None) == ("skipped", "the project is not known")
    assert desk.ctx.ran == []


def test_a_new_sprint_gets_its_bundle(desk: Desk) -> None:
    """By the absolute path, once per commit; the bundle is told by whoever watches it."""
    desk.set(prebuild=True)
    assert tell(desk, START) == ("skipped", "there is no commit to prepare")
    commit = desk.commit(a="1")
    assert tell(desk, START) == ("done", f"bundle of {commit[:12]}: 4 symbols")
    root = str(desk.project)
    assert desk.calls == [[root, "prebuild", "--project", root]]
    assert tell(desk, START) == ("skipped", f"there is a bundle of {commit[:12]}")
    assert desk.calls == []
    assert desk.ctx.drafts == []


@pytest.mark.parametrize(
    ("output", "rc", "said"),
    [("", 0, "exit status 0"), ('{"error": true, "message": "no"}', 1, "tip")],
)
def test_a_bundle_that_was_not_saved_is_no_success(desk: Desk, output: str, rc: int, said: str) -> None:
    """Whatever the exit status."""
    desk.set(prebuild=True)
    desk.commit(a="1")
    desk.say("prebuild", output, rc=rc)
    kind, reason = tell(desk, START)
    assert (kind, reason.startswith("tldrs prebuild: ")) == ("failed", True)


def test_the_daemon_is_started_with_nothing_attached(desk: Desk) -> None:
    """It keeps the pipes that it is given, and whoever reads those would wait as long as it lives."""
    desk.set(start_daemon=True)
    try:
        assert tell(desk, START) == ("done", "the daemon was started")
        root = str(desk.project)
        assert desk.calls == [[root, "daemon", "start", "--project", root]]
        pid = int((desk.home / "daemon.pid").read_text())
        held = (
            {os.readlink(f"/proc/{pid}/fd/{number}") for number in (0, 1, 2)}
            if os.path.isdir("/proc/self/fd")
            else set()
        )
        assert held <= {"/dev/null"}
    finally:
        os.kill(int((desk.home / "daemon.pid").read_text()), signal.SIGTERM)


def test_a_daemon_that_is_at_work_is_not_started(desk: Desk) -> None:
    """It is asked by its socket."""
    desk.set(start_daemon=True)
    with desk.daemon({"status": "ok"}) as questions:
        assert tell(desk, START) == ("done", "the daemon is at work")
    assert (questions, desk.calls) == ([{"cmd": "ping"}], [])


def test_a_daemon_that_is_busy_is_at_work(desk: Desk) -> None:
    """It serves one connection after another; a second one would not help."""
    desk.set(start_daemon=True)
    with desk.daemon(None):
        assert tell(desk, START) == ("done", "the daemon is at work")
    assert desk.calls == []


def test_without_the_program_nothing_is_prepared(desk: Desk) -> None:
    """Both steps say so."""
    desk.set(start_daemon=True, prebuild=True)
    desk.commit(a="1")
    (desk.home / "bin" / "tldrs").unlink()
    assert tell(desk, START) == ("skipped", "tldrs is not installed; tldrs is not installed")


def test_a_daemon_that_does_not_start_is_said(desk: Desk) -> None:
    """In what is known of it, which is its exit status; and where both steps are wanted, the worse counts."""
    desk.set(start_daemon=True, prebuild=True)
    desk.say("daemon", "", rc=3)
    assert tell(desk, START) == ("failed", "there is no commit to prepare; the daemon did not start: exit status 3")


# Before a gate -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["review", "polish", "shipping"])
def test_evidence_is_gathered_before_a_gate(desk: Desk, phase: str) -> None:
    """Of what changed: by the absolute path of each file, in the project, since the commit that git counts from."""
    base = desk.commit(a="1", b="1")
    desk.commit(a="2")
    desk.write("src/new.ts", "x")
    desk.write("src/main.rs", "x")
    kind, reason = tell(desk, move(phase))
    said = f"diagnostics by ruff: 0 errors, 2 warnings; tests affected: 0 of 1 (git:{base})"
    assert (kind, reason) == ("done", said)
    root = str(desk.project)
    assert desk.calls == [
        [root, "--machine", "change-impact", "--git", "--git-base", base],
        [root, "--machine", "diagnostics", f"{root}/src/a.py"],
        [root, "--machine", "diagnostics", f"{root}/src/new.ts"],
    ]
    evidence, level = desk.ctx.drafts
    assert (evidence.intent, evidence.severity) == ("tldr_swinton.evidence@1.0", "warn")
    assert isinstance(evidence.payload, dict)
    assert {key: evidence.payload[key] for key in ("phase", "phase_model", "run_id")} == {
        "phase": phase,
        "phase_model": "ic-9",
        "run_id": "r1",
    }
    checked, impact = evidence.payload["evidence"]
    assert (checked["tools"], checked["measured"], checked["files"]) == (["ruff"], True, 2)
    assert (checked["errors"], checked["warnings"], len(checked["found"])) == (0, 2, 2)
    assert (impact["by"], impact["source"], impact["test_command"]) == ("cli", f"git:{base}", ["pytest"])
    assert isinstance(level.payload, HealthSignal)
    assert (level.payload.level, level.extensions) == (Level.YELLOW, {"tools": ["ruff"], "warnings": 2})


def test_the_same_state_is_not_examined_twice(desk: Desk) -> None:
    """For the same bead; a change is, and what tldrs itself writes is none."""
    desk.commit(a="1")
    desk.commit(a="2")
    assert tell(desk, move("review"))[0] == "done"
    desk.write(".tldrs/status", "ready")
    again = ("skipped", "nothing has changed since evidence was gathered")
    assert tell(desk, move("shipping")) == again
    assert tell(desk, move("shipping"), context_id="iv-2")[0] == "done"
    desk.write("src/a.py", "333")
    assert tell(desk, move("shipping"))[0] == "done"


def test_without_a_checker_the_evidence_says_so(desk: Desk) -> None:
    """Zero counts are no measurement, and no level is told."""
    desk.commit(a="1")
    desk.commit(a="2")
    desk.say("diagnostics", {"success": True, "result": {"tools": [], "diagnostics": [], "error_count": 0}})
    kind, reason = tell(desk, move("review"))
    assert (kind, reason.split(";")[0]) == ("degraded", "diagnostics: no checker ran (files not checked: 1)")
    (evidence,) = desk.ctx.drafts
    assert isinstance(evidence.payload, dict)
    row = evidence.payload["evidence"][0]
    assert (row["measured"], row["errors"], row["files"], row["not_measured"]) == (False, None, 0, 1)


def test_a_file_that_cannot_be_checked_is_named(desk: Desk) -> None:
    """It stops no other, and is not taken for a clean one."""
    desk.commit(a="1")
    desk.commit(a="2")
    desk.say("diagnostics", {"error": True, "code": "TLDRS_ERR_NOT_FOUND", "message": "File not found"}, rc=1)
    assert tell(desk, move("review"))[0] == "degraded"
    assert isinstance(desk.ctx.drafts[0].payload, dict)
    row = desk.ctx.drafts[0].payload["evidence"][0]
    assert row["failed"] == ["tldrs diagnostics: TLDRS_ERR_NOT_FOUND File not found"]


def test_in_order_is_said_only_when_everything_was_checked(desk: Desk) -> None:
    """After warnings, a clean file beside one of which nothing is known does not make the project green."""
    desk.commit(a="1")
    desk.commit(a="2")
    assert tell(desk, move("review"))[0] == "done"
    clean = {"tools": ["ruff"], "diagnostics": [], "error_count": 0, "warning_count": 0}
    desk.say("diagnostics", {"success": True, "result": clean})
    levels = []
    for count in (12, 0):
        desk.commit(**{f"f{number}": str(count) for number in range(count)}, a=str(count))
        desk.ctx.drafts.clear()
        tell(desk, move("review"))
        levels.append([one.payload.level for one in desk.ctx.drafts if isinstance(one.payload, HealthSignal)])
    assert levels == [[], ["green"]]


def test_changes_that_nobody_can_check_are_no_fault(desk: Desk) -> None:
    """Of a compiled language; the tests that it touches are told."""
    desk.commit(a="1")
    desk.write("src/main.rs", "x")
    desk.git("add", "src")
    desk.git("commit", "-q", "-m", "x")
    kind, reason = tell(desk, move("review"))
    assert (kind, reason.split(";")[0]) == ("done", "diagnostics: no file to check")


def test_no_more_than_ten_files_are_checked(desk: Desk) -> None:
    """How many were not is said."""
    desk.commit(a="1")
    desk.commit(**{f"f{number}": "1" for number in range(12)})
    kind, reason = tell(desk, move("review"))
    said = "diagnostics by ruff: 0 errors, 10 warnings (files not checked: 2)"
    assert (kind, reason.split(";")[0]) == ("degraded", said)
    assert isinstance(desk.ctx.drafts[0].payload, dict)
    row = desk.ctx.drafts[0].payload["evidence"][0]
    assert (row["files"], row["left_out"]) == (10, 2)


def test_only_files_of_the_project_are_checked(desk: Desk) -> None:
    """No links that lead out, no directories or pipes, and no names that a terminal would obey."""
    desk.commit(a="1")
    desk.commit(a="2")
    outside = desk.write("outside.py", "x", root=desk.home)
    (desk.project / "src" / "link.py").symlink_to(outside)
    (desk.project / "src" / "dir.py").mkdir()
    os.mkfifo(desk.project / "src" / "pipe.py")
    desk.write("src/a\x1b]0;\n.py", "x")
    desk.write("src/$(touch PWNED)';\".py", "x")
    desk.write("src/-x.py", "x")
    tell(desk, move("review"))
    checked = [call[-1].rpartition("/")[2] for call in desk.calls if "diagnostics" in call]
    assert checked == ["$(touch PWNED)';\".py", "-x.py", "a.py"]
    assert not list(desk.home.rglob("PWNED"))


@pytest.mark.parametrize(
    ("output", "rc", "said"),
    [
        ({"error": True, "code": "TLDRS_ERR_INTERNAL", "message": "boom"}, 1, "TLDRS_ERR_INTERNAL boom"),
        ("usage: tldrs", 2, "usage: tldrs"),
        ("", 0, "exit status 0"),
        ("[" * 99_999, 0, "[" * 200),
        ({"success": True, "result": {}}, 0, "its answer names no tests"),
    ],
)
def test_an_impact_that_is_no_answer_fails(desk: Desk, output: object, rc: int, said: str) -> None:
    """An error on standard output, an older version, silence, nonsense: nothing is told."""
    desk.commit(a="1")
    desk.commit(a="2")
    desk.say("change-impact", output, rc=rc)
    assert tell(desk, move("review")) == ("failed", f"tldrs change-impact: {said}")
    assert desk.ctx.drafts == []


def test_a_tool_that_hangs_is_ended(desk: Desk) -> None:
    """By the deadline."""
    desk.commit(a="1")
    desk.commit(a="2")
    desk.write("trouble.sh", "sleep 60", root=desk.home)

    def limit(command: FakeCommand) -> float | None:
        return 0.5 if command.argv[0] == "tldrs" else None

    desk.ctx.commands |= Programs(desk.home, limit=limit).named("tldrs")
    assert tell(desk, move("review")) == ("failed", "tldrs change-impact: tldrs: timed out after 60 s")


def test_no_program_of_the_repository_is_run_and_no_key_is_handed_on(desk: Desk) -> None:
    """It asks git, for which a repository may name programs; its checkers leave no caches."""
    seen: list[FakeCommand] = []
    real = desk.ctx.commands["tldrs"]
    assert callable(real)

    def look(command: FakeCommand) -> Any:
        seen.append(command)
        return real(command)

    desk.ctx.commands["tldrs"] = look
    desk.commit(a="1")
    desk.commit(a="2")
    tell(desk, move("review"))
    assert seen
    for command in seen:
        assert command.env["GIT_CONFIG_KEY_0"] == "core.fsmonitor"
        assert command.env["RUFF_NO_CACHE"] == "true"
        assert "*TOKEN*" in command.drop
        assert command.cwd == desk.project


def test_when_work_begins_the_changes_are_shown(desk: Desk) -> None:
    """By their signatures."""
    assert tell(desk, move("executing")) == ("done", "what has changed was told")
    root = str(desk.project)
    assert desk.calls == [[root, "--machine", "diff-context", "--project", root, "--preset", "compact"]]
    (draft,) = desk.ctx.drafts
    assert isinstance(draft.payload, dict)
    assert (draft.payload["kind"], draft.payload["count"]) == ("diff", 1)
    assert "code" not in draft.payload["slices"][0]
    desk.say("diff-context", {"base": "x", "head": "HEAD", "slices": []})
    assert tell(desk, move("executing")) == ("skipped", "nothing has changed")
    desk.say("diff-context", {"files": []})
    assert tell(desk, move("executing")) == ("failed", "tldrs diff-context: its answer has no slices")


def test_where_it_is_not_in_use_nothing_is_gathered(desk: Desk) -> None:
    """Nor without a change, a project, the program, or the wish; other phases are nobody's business."""
    assert desk.tell(move("planned")) is None
    assert tell(desk, move("review")) == ("skipped", "git knows of no change to gather evidence of")
    assert tell(desk, move("review"), project_dir=None) == ("skipped", "the project is not known")
    desk.commit(a="1")
    desk.commit(a="2")
    del desk.ctx.commands["tldrs"]
    assert tell(desk, move("review")) == ("skipped", "tldrs is not installed")
    desk.set(gather_evidence=False)
    assert tell(desk, move("review")) == ("skipped", "gather_evidence is off")
    desk.set()
    (desk.project / ".tldrs").rmdir()
    assert tell(desk, move("review")) == ("skipped", "tldr-swinton is not in use in the project: it has no .tldrs")
    assert desk.calls == []


# Reviews -------------------------------------------------------------------------------------------------------------


def test_a_review_becomes_a_decision_on_request(desk: Desk) -> None:
    """Off by default, because the workbench lies in the project; ours is not told again by who watches it."""
    assert tell(desk, REVIEWED) == ("skipped", "record_reviews is off")
    desk.set(record_reviews=True)
    assert tell(desk, REVIEWED) == ("done", "noted as dec-9568b4")
    reason = "interphase 01K9ZZZZZZ0000000000000000"
    assert desk.calls == [[str(desk.project), "wb", "decide", "Review of iv-abc1: risky", f"--reason={reason}"]]
    table = "CREATE TABLE decisions (id TEXT, statement TEXT, reason TEXT)"
    row = "INSERT INTO decisions VALUES ('dec-9568b4', 'x', 'interphase 01K9ZZZZZZ0000000000000000')"
    desk.ask(".workbench/state.db", table, row)
    assert desk.look() == []
    assert tell(desk, REVIEWED) == ("done", "noted by an earlier attempt")
    assert desk.calls == []


def test_a_review_without_a_verdict_is_no_decision(desk: Desk) -> None:
    """Nor is one of no project; and a workbench that refuses, or an absent one, is said."""
    desk.set(record_reviews=True)
    assert tell(desk, ReviewPass(verdict=None, counts={}))[0] == "skipped"
    assert tell(desk, REVIEWED, project_dir=None) == ("skipped", "the project is not known")
    desk.say("wb", "", rc=0)
    assert tell(desk, REVIEWED) == ("failed", "tldrs wb decide: exit status 0")
    desk.ctx.effects.clear()
    desk.ctx.commands.clear()
    assert tell(desk, REVIEWED) == ("skipped", "tldrs is not installed")


def test_of_everything_together_only_these_commands_are_called(desk: Desk) -> None:
    """None that is known to be broken, none that makes answers up; every path is absolute."""
    desk.commit(a="1")
    desk.commit(a="2")
    desk.set(prebuild=True, start_daemon=True, record_reviews=True)
    desk.say("daemon", "")
    for payload in (START, move("executing"), move("review"), REVIEWED, ArtifactReady(kind="plan")):
        tell(desk, payload, artifact=desk.project / "x")
    root = str(desk.project)
    commands = [[word for word in call[1:] if word != "--machine"] for call in desk.calls]
    assert [command[0] for command in commands] == [
        *("prebuild", "daemon", "diff-context", "change-impact", "diagnostics", "wb"),
    ]
    assert commands[-1][1] == "decide"
    paths = [word for command in commands for word in command if "/" in word]
    assert paths == [root, root, root, f"{root}/src/a.py"]
