"""Where a run stands: phase, what follows, the command of the phase, the last checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from interhost.submission.point import Point, read_point
from interhost.submission.programs import Desk
from tests.submission_kit import ACTION, ARTIFACT, BEAD, RUN, Rule, run_status, says, slog

if TYPE_CHECKING:
    from tests.submission.conftest import Office

# As reference/cli-contracts.md section 2.9 pastes it.
CHECKPOINT = {
    "bead": BEAD,
    "phase": "strategized",
    "plan_path": "docs/plan.md",
    "git_sha": "8141f02caef077614b3eca1449e70e6f9a9bcd81",
    "updated_at": "2026-11-20T10:37:38Z",
    "completed_steps": ["brainstorm", "strategy"],
    "key_decisions": ["use sqlite"],
}
NOTED = says("ic", f"state get checkpoint {RUN}", out=json.dumps(CHECKPOINT))
NOTHING_NOTED = says("ic", "state get checkpoint *", code=1)


def read(office: Office, *rules: Rule, context: str = BEAD) -> tuple[Point | None, str]:
    office.world.answer(*rules, NOTHING_NOTED)
    return read_point(Desk(project=office.world.project, environ=office.world.environ), context)


def test_a_sprint_goes_on_where_it_stopped(office: Office) -> None:
    """The run's own action names the command; the checkpoint, what was done; and nothing was written."""
    point, why = read(office, NOTED, says("ic", "run artifact list *", out=json.dumps([ARTIFACT])))
    assert point == Point(
        run_id=RUN,
        bead_id=BEAD,
        status="active",
        phase="brainstorm",
        following="brainstorm-reviewed",
        command="/clavain:strategy",
        checkpoint=CHECKPOINT,
        artifacts={"brainstorm": "docs/b.md"},
    )
    assert why == ""
    assert office.facts() == []


@pytest.mark.parametrize(
    ("step", "command"),
    [
        ("strategy", "/clavain:strategy"),
        ("flux-drive\n", "/interflux:flux-drive"),
        ("reflect", "/reflect"),
        ("ship", None),
        ("done", None),
        ("$(reboot)", None),
        ("", None),
    ],
)
def test_the_policy_layer_names_the_step_where_the_run_has_no_action(
    office: Office, step: str, command: str | None
) -> None:
    """Only steps that are known become commands."""
    point, _ = read(
        office,
        says("ic", "run action list *", out=json.dumps([{**ACTION, "phase": "shipping"}])),
        says("clavain-cli", "sprint-next-step brainstorm", out=step),
    )
    assert point is not None
    assert point.command == command


def test_without_a_policy_layer_nobody_names_a_step(office: Office) -> None:
    """Nothing is made up."""
    office.world.remove("clavain-cli")
    point, _ = read(office, says("ic", "run action list *", out="[]"))
    assert point is not None
    assert (point.command, point.checkpoint) == (None, {})


def test_a_run_that_is_over_goes_nowhere(office: Office) -> None:
    """Whatever its phase."""
    point, _ = read(office, says("ic", f"run status {RUN}", out=run_status(status="cancelled")))
    assert point is not None
    assert (point.status, point.following, point.command) == ("cancelled", None, None)


def test_a_phase_outside_of_its_chain_has_none_after_it(office: Office) -> None:
    """A run may have been set anywhere."""
    point, _ = read(office, says("ic", f"run status {RUN}", out=run_status(phase="limbo")))
    assert point is not None
    assert point.following is None


def test_a_project_has_the_run_that_belongs_to_no_bead(office: Office) -> None:
    """The newest one of its own."""
    runs = [run_status(scope_id=None, created_at=number, id=f"r{number}") for number in (1, 2)]
    elsewhere = run_status(scope_id=None, project_dir="/elsewhere", created_at=9)
    listed = says("ic", "run list --active", out=f"[{','.join([*runs, elsewhere, run_status(created_at=8)])}]")
    empty = [says("ic", f"run {what} list r2", out="[]") for what in ("action", "artifact")]
    point, _ = read(office, listed, *empty, says("clavain-cli", "sprint-next-step *"), context="project:x")
    assert point is not None
    assert (point.run_id, point.bead_id) == ("r2", None)
    assert read(office, says("ic", "run list --active", out="[]"), context="project:x") == (
        None,
        "project:x has no active run without a bead",
    )


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (says("ic", f"run status {RUN}", code=2, err=slog("database is locked")), "database is locked"),
        (says("ic", "health", code=2, err=slog("health: database not migrated")), "not migrated"),
        (says("ic", "state get *", code=2, err=slog("disk I/O error")), "disk I/O error"),
    ],
)
def test_a_kernel_that_fails_is_a_reason(office: Office, rule: Rule, why: str) -> None:
    """Never an exception: what is on the bus can be shown all the same."""
    point, said = read(office, rule)
    assert point is None
    assert why in said


def test_an_unknown_bead_and_a_missing_kernel_are_reasons(office: Office) -> None:
    """Each in one line."""
    assert read(office, context="iv-none") == (None, "iv-none has no run")
    office.world.remove("ic")
    assert read(office) == (None, "ic is not installed")


@pytest.mark.parametrize("text", ["", "null", "[]", "{torn"])
def test_a_checkpoint_that_cannot_be_read_is_none(office: Office, text: str) -> None:
    """Clavain's own commands write it, and anybody may."""
    point, _ = read(office, says("ic", "state get checkpoint *", out=text))
    assert point is not None
    assert point.checkpoint == {}
