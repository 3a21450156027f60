"""What a sprint makes tool-time do, with stand-ins for its scripts (reference/modules/tool-time.md, section 1.2)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import HealthSignal, Intent, PhaseTransition, StartSprint
from interhost_hookspecs.testing import EPOCH, make_intent
from interhost_tool_time.sprint import MARKER, on_phase_transition, on_start_sprint

if TYPE_CHECKING:
    from conftest import Machine

NOTE = (
    "import os, sys; open(os.path.expanduser('~/calls'), 'a').write(' '.join(sys.argv) + '|' + os.getcwd() + '\\n')\n"
)
EDITS = {"totals": {"resolved_calls": 20, "succeeded": 18, "failed": 2, "failure_rate": 0.1}, "failure_kinds": []}


@pytest.fixture
def installed(machine: Machine) -> Machine:
    """A machine with tool-time's scripts, each of which notes how it was called."""
    root = machine.ctx.home / "tool time"
    root.mkdir()
    for name in ("backfill.py", "summarize.py", "maintain.py"):
        (root / name).write_text(NOTE)
    (root / "edit_stats.py").write_text(f"{NOTE}print('''{json.dumps(EDITS)}''')\n")
    (root / "upload.py").write_text("raise SystemExit('nobody may call this')\n")
    machine.ctx.root = root
    machine.run_for_real("python3")
    return machine


def move(machine: Machine, phase: str, context: str = "iv-abc1") -> Intent[PhaseTransition]:
    """A move of the bead."""
    payload = PhaseTransition(to=phase, phase_model="ic-9")
    return make_intent(payload, context_id=context, project_dir=machine.project)


def outcome(machine: Machine, phase: str, context: str = "iv-abc1") -> tuple[str, str] | None:
    """How the adapter answers it."""
    answer = on_phase_transition(move(machine, phase, context), machine.ctx)
    return (answer.kind.value, answer.reason) if answer else None


def calls(machine: Machine) -> list[str]:
    """How the scripts were called, and where."""
    path = machine.ctx.home / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    assert all(line.endswith(f"|{machine.project}") for line in lines)
    return [line.partition("|")[0].removeprefix(f"{machine.ctx.root}/") for line in lines]


def test_the_end_of_a_sprint_completes_the_log(installed: Machine) -> None:
    """Backfill, then summarize, then maintain, in the project; never an upload."""
    assert outcome(installed, "done") == ("done", "log and statistics are complete")
    assert calls(installed) == ["backfill.py --days 2 --quiet", "summarize.py", "maintain.py"]


def test_a_sprint_has_a_report_of_its_own(installed: Machine) -> None:
    """From its beginning to its end; told as a fact about the project, once."""
    start = make_intent(StartSprint(trigger="claim"), project_dir=installed.project)
    assert on_start_sprint(start, installed.ctx).kind.value == "done"
    assert outcome(installed, "done") == ("done", "log and statistics are complete; 2 of 20 edits failed")
    since = EPOCH.isoformat()
    assert calls(installed)[-1] == f"edit_stats.py --since {since} --project {installed.project} --json"
    [fact] = installed.ctx.drafts
    assert isinstance(fact.payload, HealthSignal)
    assert (fact.payload.signal, fact.payload.value) == ("sprint_edit_failures", 10.0)
    assert outcome(installed, "done") == ("done", "log and statistics are complete")


def test_a_sprint_that_begins_twice_began_the_first_time(installed: Machine) -> None:
    """A second adapter's word for the same beginning changes nothing."""
    first = make_intent(StartSprint(trigger="claim"), project_dir=installed.project)
    on_start_sprint(first, installed.ctx)
    installed.pass_time(hours=3)
    on_start_sprint(make_intent(StartSprint(trigger="run_create"), project_dir=installed.project), installed.ctx)
    assert json.loads(installed.ctx.cursor.values["started"]) == {"iv-abc1": EPOCH.isoformat()}


def test_without_tool_time_nothing_fails(machine: Machine) -> None:
    """Missing and disabled plugins are skipped."""
    assert outcome(machine, "done") == ("skipped", "tool-time is not installed")
    assert outcome(machine, "planned") is None


def test_a_script_that_fails_is_said_in_its_words(installed: Machine) -> None:
    """And the ones after it are not run."""
    (installed.ctx.root or Path()).joinpath("summarize.py").write_text("raise SystemExit('no such option')\n")
    assert outcome(installed, "done") == ("failed", "summarize.py: no such option")
    assert calls(installed) == ["backfill.py --days 2 --quiet"]


def test_an_older_tool_time_without_a_report_is_no_failure(installed: Machine) -> None:
    """The log is complete all the same."""
    on_start_sprint(make_intent(StartSprint(trigger="claim"), project_dir=installed.project), installed.ctx)
    (installed.ctx.root or Path()).joinpath("edit_stats.py").write_text("print('usage: edit_stats.py')\n")
    assert outcome(installed, "done") == ("done", "log and statistics are complete; no report of the sprint's edits")
    assert installed.ctx.drafts == []


def test_a_script_that_hangs_is_ended(installed: Machine) -> None:
    """By the deadline of the call."""
    (installed.ctx.root or Path()).joinpath("backfill.py").write_text("import time; time.sleep(60)\n")
    installed.run_for_real("python3", seconds=0.5)
    assert outcome(installed, "done") == ("failed", "backfill.py: python3: timed out after 60 s")


def test_a_fact_without_a_project_is_nothing_to_act_on(installed: Machine) -> None:
    """The scripts would answer for the wrong one."""
    intent = make_intent(PhaseTransition(to="done", phase_model="ic-9"))
    answer = on_phase_transition(intent, installed.ctx)
    assert answer
    assert answer.kind.value == "skipped"


# The marker -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def marking(machine: Machine) -> Machine:
    """A machine whose user wants reviews marked."""
    (machine.project / MARKER.parent).mkdir(parents=True)
    machine.ctx.said = {"mark_reviews": True}
    return machine


def again(machine: Machine) -> None:
    """Let the next fact be another one."""
    machine.ctx.effects.clear()
    machine.ctx.clock += timedelta(minutes=1)


def test_a_review_is_marked_while_it_lasts(marking: Machine) -> None:
    """The marker comes with the phase and goes with it."""
    assert outcome(marking, "review") == (
        "done",
        "docs/research/.active marks the review; agents save their reports in docs/research",
    )
    assert (marking.project / MARKER).read_bytes() == b""
    again(marking)
    assert outcome(marking, "polish") == ("done", "docs/research/.active was removed: the review is over")
    assert not (marking.project / MARKER).exists()
    assert outcome(marking, "reflect") is None


def test_nothing_is_marked_unasked(marking: Machine) -> None:
    """It lies in the user's repository."""
    marking.ctx.said = {"mark_reviews": "true"}
    assert outcome(marking, "review") == ("skipped", "mark_reviews is off")
    assert not (marking.project / MARKER).exists()


def test_somebody_elses_marker_stays(marking: Machine) -> None:
    """It was there before, and is there afterwards."""
    (marking.project / MARKER).write_text("flux-drive\n")
    assert outcome(marking, "review") == ("skipped", "docs/research/.active is there already")
    assert outcome(marking, "polish") is None
    assert (marking.project / MARKER).read_text() == "flux-drive\n"


def test_a_marker_that_somebody_wrote_into_stays(marking: Machine) -> None:
    """It says more than ours did."""
    outcome(marking, "review")
    (marking.project / MARKER).write_text("flux-drive\n")
    again(marking)
    assert outcome(marking, "polish") == ("skipped", "docs/research/.active was changed by somebody else and stays")
    assert (marking.project / MARKER).exists()


def test_another_context_does_not_end_the_review(marking: Machine) -> None:
    """Two beads of one project move at their own pace."""
    outcome(marking, "review")
    again(marking)
    assert outcome(marking, "polish", context="iv-other") is None
    assert (marking.project / MARKER).exists()


def test_a_retry_after_a_crash_knows_its_own_marker(marking: Machine) -> None:
    """The file was made, and the process died before that was stored."""
    outcome(marking, "review")
    marking.ctx.cursor.values.clear()
    assert (outcome(marking, "review") or ("",))[0] == "done"


@pytest.mark.parametrize("kind", ["missing", "leads out"])
def test_a_project_without_the_folder_is_left_as_it_is(marking: Machine, kind: str) -> None:
    """Neither made, nor followed out of the project."""
    folder = marking.project / MARKER.parent
    folder.rmdir()
    if kind == "leads out":
        (marking.ctx.home / "outside").mkdir()
        folder.symlink_to(marking.ctx.home / "outside")
    assert (outcome(marking, "review") or ("",))[0] == "skipped"
    assert not list(marking.ctx.home.rglob(".active"))
