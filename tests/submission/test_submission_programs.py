"""Which program is used, how it is run, and what becomes of a submission when it is not there, hangs or dies."""

from __future__ import annotations

import os
import subprocess
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import SprintCreated, SubmissionCode

from interhost.submission import kernel, programs
from interhost.submission.builtin import ByPolicy, WithoutPolicy
from interhost.submission.programs import Desk, find_program
from tests.submission_kit import BEAD, GOAL, PROGRAMS, RUN, Ends, says, slog

if TYPE_CHECKING:
    from tests.submission.conftest import Office


# Finding --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("present", list(product([True, False], repeat=3)))
def test_each_combination_of_programs_has_its_way(office: Office, present: tuple[bool, ...]) -> None:
    """clavain-cli decides where it is there; ic acts only without it; with neither nobody answers."""
    has_clavain, has_ic, _ = present
    office.world.remove(*(program for program, there in zip(PROGRAMS, present, strict=True) if not there))
    if has_clavain and not has_ic:
        error = office.refused(lambda one: one.create_sprint(goal=GOAL))
        assert (error.code, error.message) == (SubmissionCode.UNAVAILABLE, "ic is not installed")
        return
    made = office.submit().create_sprint(goal=GOAL)
    if not has_ic:
        assert made is None
        return
    assert made is not None
    assert (made.via, made.policy_enforced) == (("clavain-cli", True) if has_clavain else ("ic", False))
    used = {call[0] for call in office.world.calls() if "sprint-create" in call or call[1:3] == ["run", "create"]}
    assert used == ({"clavain-cli"} if has_clavain else {"ic"})


@pytest.mark.parametrize("ends", [{"code": 1}, {"code": 2, "err": "x"}, {"kill_self": True}, {"code": 127}])
def test_a_policy_layer_that_fails_is_not_gone_past(office: Office, ends: Ends) -> None:
    """Whatever clavain-cli does but not being there, ic never acts in its place."""
    office.world.answer(*(says("clavain-cli", f"{word} *", **ends) for word in ("sprint-create", "sprint-advance")))
    office.refused(lambda one: one.create_sprint(goal=GOAL))
    office.refused(lambda one: one.advance_run(bead_id=BEAD, phase="brainstorm"))
    assert office.world.calls("ic", "run", "create") + office.world.calls("ic", "run", "advance") == []


def test_the_kernel_keeps_silent_where_a_policy_layer_is(office: Office) -> None:
    """Whatever became of the one that was asked before it."""
    desk = Desk(project=office.world.project, environ=office.world.environ)
    assert WithoutPolicy(desk).create_sprint(GOAL, None, None, office.world.project) is None
    office.world.remove("clavain-cli")
    assert WithoutPolicy(desk).create_sprint(GOAL, None, None, office.world.project) is not None


def test_a_policy_layer_that_cannot_be_executed_is_not_gone_past(office: Office) -> None:
    """A file that is there and does not run is a broken policy layer, not a missing one."""
    (office.world.bin / "clavain-cli").write_text("#!/no/such/interpreter\n")
    assert office.refused(lambda one: one.create_sprint(goal=GOAL)).code is SubmissionCode.UNAVAILABLE
    assert office.world.calls("ic", "run", "create") == []


def test_a_fault_of_ours_is_not_gone_past(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception inside the policy client is a refusal that leaves doubt; the kernel is not asked instead."""

    def broken(*_: object) -> None:
        raise KeyError("planted")

    monkeypatch.setattr("interhost.submission.policy.create_sprint", broken)
    error = office.refused(lambda one: one.create_sprint(goal=GOAL))
    assert (error.code, error.in_doubt) == (SubmissionCode.INTERNAL, True)
    assert "KeyError: 'planted'" in error.message
    assert office.world.calls("ic", "run", "create") == []
    monkeypatch.setenv("INTERHOST_STRICT", "1")
    with pytest.raises(KeyError):
        ByPolicy(Desk(project=office.world.project, environ=office.world.environ)).create_sprint(
            GOAL, None, None, office.world.project
        )


@pytest.mark.parametrize(
    ("program", "variable"),
    [("clavain-cli", "INTERHOST_CLAVAIN_CLI"), ("ic", "INTERHOST_IC"), ("bd", "INTERHOST_BD")],
)
def test_a_variable_comes_before_the_path(office: Office, tmp_path: Path, program: str, variable: str) -> None:
    """The program it names is used; a name that leads nowhere is an error, never something else instead."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    named = str(office.world.install(program, elsewhere))
    environ = office.world.environ
    assert find_program(program, {**environ, variable: named}) == named
    assert find_program(program, {**environ, variable: ""}) == str(office.world.bin / program)
    for wrong in (f"{named}-not", "relative/ic", str(elsewhere)):
        error = office.refused(lambda one: one.create_sprint(goal=GOAL), **{variable: wrong})
        assert error.code is SubmissionCode.UNAVAILABLE
        assert f"{variable}={wrong}" in error.message
    assert office.world.calls("clavain-cli") + office.world.calls("ic", "run", "create") == []


def test_clavain_cli_finds_the_programs_that_were_named(office: Office, tmp_path: Path) -> None:
    """It looks for ic and bd on PATH only, so their folders come first there."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    named = office.world.install("ic", elsewhere)
    (office.world.bin / "clavain-cli").write_text('#!/bin/sh\nprintf %s "$PATH"\n')
    desk = Desk(project=office.world.project, environ={**office.world.environ, "INTERHOST_IC": str(named)})
    path = desk.ask([str(office.world.bin / "clavain-cli")]).stdout
    assert path.split(os.pathsep)[:2] == [str(elsewhere), str(office.world.bin)]


def test_the_current_directory_is_no_place_for_programs(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An empty or relative entry of PATH would let any repository bring its own policy layer."""
    monkeypatch.chdir(office.world.bin)
    for entry in ("", ".", "../bin"):
        assert find_program("ic", {"PATH": entry}) is None
    (tmp_path / "intercore").symlink_to(office.world.bin / "ic")
    assert find_program("ic", {"PATH": str(tmp_path)}) == str(tmp_path / "intercore")


# Running --------------------------------------------------------------------------------------------------------------


def test_every_call_is_explicit(office: Office) -> None:
    """Machine-readable answers, the kernel's own wait for its database, every flag with '=', the project as folder."""
    office.world.remove("clavain-cli")
    office.submit().create_sprint(goal="a b=c", complexity=2)
    lines = (office.world.base / "calls").read_text().splitlines()
    assert all("--timeout=5s" in line.split("\x1f") for line in lines)
    [call] = office.world.calls("ic", "run", "create")
    assert call[3:] == [f"--project={office.world.project.resolve()}", "--goal=a b=c", "--complexity=2"]


def test_a_lane_brings_the_usual_complexity_with_it(office: Office) -> None:
    """clavain-cli takes both by their place, and complexities that it does not know for the usual one."""
    office.submit().create_sprint(goal=GOAL, lane="ui")
    office.submit().create_sprint(goal=GOAL, complexity=5)
    assert office.world.calls("clavain-cli", "sprint-create") == [
        ["clavain-cli", "sprint-create", GOAL, "3", "ui"],
        ["clavain-cli", "sprint-create", GOAL, "5"],
    ]


def test_a_task_is_spawned_with_the_flags_that_are_read(office: Office) -> None:
    """The run is the scope, the prompt is a whole path; and clavain-cli hears of the agent."""
    prompt = office.world.project.resolve() / "docs" / "b.md"
    office.submit().dispatch_task(run_id=RUN, prompt_file=Path("docs/b.md"), agent="claude")
    assert office.world.calls("ic", "dispatch") == [
        [
            *("ic", "dispatch", "spawn", "--type=claude", f"--prompt-file={prompt}"),
            *(f"--project={office.world.project.resolve()}", f"--scope-id={RUN}"),
        ]
    ]
    assert office.world.calls("clavain-cli", "sprint-track-agent") == [
        ["clavain-cli", "sprint-track-agent", BEAD, "b", "claude", "hq2nuey6"]
    ]


def test_a_task_that_clavain_cli_cannot_hear_of_is_dispatched_all_the_same(office: Office) -> None:
    """What was started stays started; that it is not tracked is said."""
    office.world.answer(says("clavain-cli", "sprint-track-agent *", kill_self=True))
    made = office.submit().dispatch_task(run_id=RUN, prompt_file=Path("docs/b.md"))
    assert made is not None
    assert made.dispatch_id == "hq2nuey6"
    assert "ended by signal 9" in made.note


def test_health_is_asked_once_and_failure_again(office: Office) -> None:
    """A sound database is not asked about again in this process; a broken one is, so that mending it helps."""
    office.world.answer(says("ic", "health", code=2, err=slog("health: database not migrated"), times=2))
    for _ in range(2):
        assert office.refused(lambda one: one.create_sprint(goal=GOAL)).code is SubmissionCode.UNAVAILABLE
    for _ in range(3):
        office.submit().read_sprint(bead_id=BEAD)
    assert len(office.world.calls("ic", "health")) == 3


def test_a_capability_is_asked_once_per_version(office: Office) -> None:
    """What clavain-cli can do is remembered until its file changes."""
    for _ in range(2):
        office.submit().override_gate(run_id=RUN, reason="r", category="expedient")
    assert len(office.world.calls("clavain-cli", "gate-override")) == 1
    os.utime(office.world.bin / "clavain-cli", (1, 1))
    office.submit().override_gate(run_id=RUN, reason="r", category="expedient")
    assert len(office.world.calls("clavain-cli", "gate-override")) == 2


def test_no_command_of_ic_runs_where_no_database_is(office: Office) -> None:
    """Each would create an empty one; instead it is said how to make one."""
    office.world.database.unlink()
    error = office.refused(lambda one: one.create_sprint(goal=GOAL))
    assert error.code is SubmissionCode.UNAVAILABLE
    assert "ic init" in error.remediation
    assert office.world.calls() == []


def test_the_database_may_lie_above_the_project(office: Office) -> None:
    """The kernel walks up, and so do we."""
    inner = office.world.project / "packages" / "one"
    inner.mkdir(parents=True)
    assert kernel.find_database(inner) == office.world.database
    assert kernel.find_project(inner) == office.world.project
    assert kernel.find_project(inner.parents[3]) == inner.parents[3]


@pytest.mark.parametrize("program", ["ic", "clavain-cli"])
def test_a_hung_question_ends_at_its_deadline(office: Office, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Its whole process group ends; the caller may try again, for nothing was begun."""
    monkeypatch.setattr(programs, "_QUESTION_SECONDS", 0.3)
    monkeypatch.setattr(programs, "_LEAST_SECONDS", 0.3)
    office.world.answer(says("ic", "health", sleep=60), says("clavain-cli", "get-artifact *", sleep=60))
    began = time.monotonic()
    if program == "ic":
        error = office.refused(lambda one: one.advance_run(bead_id=BEAD, phase="brainstorm"))
    else:
        error = office.refused(lambda one: one.get_artifact(bead_id=BEAD, kind="plan"))
    assert time.monotonic() - began < 10
    assert (error.code, error.recoverable, error.in_doubt) == (SubmissionCode.TIMEOUT, True, False)
    assert error.message.endswith("timed out after 0.3 s")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(office.world.bin) not in listed


def test_the_session_that_we_run_in_is_the_programs_too(office: Office) -> None:
    """What a person submits, is submitted in the person's session; standard input is closed."""
    (office.world.bin / "clavain-cli").write_text('#!/bin/sh\n/bin/cat\nprintf "iv-$CLAUDE_SESSION_ID"\n')
    made = office.submit(CLAUDE_SESSION_ID="s1").create_sprint(goal=GOAL)
    assert isinstance(made, SprintCreated)
    assert made.bead_id == "iv-s1"


# Warning --------------------------------------------------------------------------------------------------------------


def test_going_without_policy_is_said_once_per_session(office: Office) -> None:
    """One warning per session, however many submissions; every result says it for itself."""
    office.world.remove("clavain-cli")
    for session in ("a", "a", "b", ""):
        result = office.submit(CLAUDE_SESSION_ID=session).read_sprint(bead_id=BEAD)
        assert result is not None
        assert not result.policy_enforced
        office.submit(CLAUDE_SESSION_ID=session).submit_artifact(bead_id=BEAD, kind="plan", path=Path("docs/b.md"))
    assert len(office.warned) == 3
    assert office.warned[0] == "submit_artifact: no clavain-cli is installed, so no policy was asked"


def test_with_policy_nothing_is_said(office: Office) -> None:
    """A warning that is always there is read by nobody."""
    office.submit().create_sprint(goal=GOAL)
    office.submit().advance_run(bead_id=BEAD, phase="brainstorm")
    assert office.warned == []
