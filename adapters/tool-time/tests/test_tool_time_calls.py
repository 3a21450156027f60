"""Rates, failures and habits, from a log that two recorders write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import Draft, HealthSignal, Severity
from interhost_hookspecs.testing import FakeContext
from interhost_tool_time import adapter
from interhost_tool_time.adapter import observe
from interhost_tool_time.calls import LOG, Result, read_calls
from interhost_tool_time.patterns import THRESHOLDS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Machine

FAILED = "Error: 404"


def signal_of(fact: Draft) -> HealthSignal:
    """What a fact says: all of this adapter's are signals."""
    assert isinstance(fact.payload, HealthSignal)
    return fact.payload


def fail(machine: Machine, failed: int, of: int, tool: str = "WebFetch", session: str = "s-1") -> None:
    """Log calls of which some failed."""
    for number in range(of):
        machine.transcript(tool, FAILED if number < failed else None, session=session)


def test_a_rate_that_crosses_its_threshold_is_told_once(machine: Machine) -> None:
    """With the calls whose end is known as denominator, per project, and as a fact about that project."""
    fail(machine, 14, 40)
    [fact] = machine.look()
    payload = signal_of(fact)
    assert (payload.signal, payload.value, payload.unit, payload.threshold) == (
        "tool_error_rate_high",
        35.0,
        "percent",
        10.0,
    )
    assert payload.detail == "WebFetch: 14 of 40 observed calls failed within 7 days"
    assert (fact.project_dir, fact.severity, fact.extensions) == (
        machine.project,
        Severity.WARN,
        {"tool": "WebFetch"},
    )
    fail(machine, 1, 2)
    assert machine.signals() == []


def test_a_rate_that_is_below_again_is_told_too(machine: Machine) -> None:
    """As green; what goes up may come down."""
    fail(machine, 2, 10)
    assert [level for _, level, _ in machine.signals()] == ["yellow"]
    fail(machine, 0, 30)
    assert machine.signals() == [("tool_error_rate_high", "green", "WebFetch: below the threshold again")]


def test_calls_whose_end_nobody_knows_are_no_denominator(machine: Machine) -> None:
    """Trap 8: upstream divides by all calls; and too few observed ones measure nothing."""
    for number in range(20):
        machine.hook("WebFetch", session="hooked", number=number)
    fail(machine, 9, 9)
    assert machine.signals() == []
    fail(machine, 1, 1)
    assert [detail for _, _, detail in machine.signals()] == ["WebFetch: 10 of 10 observed calls failed within 7 days"]


def test_a_session_that_both_recorders_tell_counts_once(machine: Machine) -> None:
    """Trap 2: the transcript's lines come hours later, in another order, and take the hook's place."""
    for number in range(60):
        machine.hook("Bash" if number % 2 else "Edit", number=number)
    assert [signal for signal, _, _ in machine.signals()] == ["tool_low_diversity"]
    machine.pass_time(hours=5)
    for tool in ("Bash", "Edit") * 30:
        machine.transcript(tool)
    assert machine.signals() == []  # 60 calls, not 120: half of them Bash is not more than half
    machine.transcript("Bash")
    assert machine.signals() == [("tool_bash_dominance", "yellow", "Bash: 31 of 61 calls within 7 days")]


def test_ids_collide_and_every_line_counts(machine: Machine) -> None:
    """Trap 3: parallel hooks give the same id to several calls."""
    for _ in range(60):
        machine.hook("Bash", number=2)
    assert ("tool_bash_dominance", "yellow", "Bash: 60 of 60 calls within 7 days") in machine.signals()


def test_what_a_hook_says_of_errors_is_wrong(machine: Machine) -> None:
    """Trap 4: only transcripts know; old hook lines carry errors that were none."""
    for number in range(20):
        machine.hook("Edit", number=number, error="failed", error_legacy_unreliable=True)
    assert machine.signals() == []


def test_each_project_has_its_own_rates(machine: Machine) -> None:
    """Trap 1: upstream's statistics mix them."""
    other = machine.project.parent / "other"
    for number in range(6):
        machine.transcript("WebFetch", FAILED, session="a", project=str(other) if number % 2 else str(machine.project))
        machine.transcript("WebFetch", FAILED, session="b", project=str(other))
    assert machine.signals() == []


def test_rejections_are_no_failures(machine: Machine) -> None:
    """The user said no; the tool did not fail."""
    for number in range(10):
        machine.transcript("Bash", "The user doesn't want to proceed with this tool use." if number < 2 else None)
    assert [(signal, detail) for signal, _, detail in machine.signals()] == [
        ("tool_rejection_rate_high", "Bash: 2 of 10 observed calls were rejected within 7 days")
    ]


def test_edits_of_files_that_were_not_read_are_told(machine: Machine) -> None:
    """By the tool's own words, which is the only evidence."""
    machine.transcript("Edit", "<tool_use_error>File has not been read yet. Read it first.</tool_use_error>")
    assert machine.signals() == [
        ("tool_edit_without_read", "yellow", "edits of files that had not been read: 1 within 7 days")
    ]


def test_calls_older_than_a_week_do_not_count(machine: Machine) -> None:
    """The window is that of tool-time's own statistics."""
    fail(machine, 9, 9)
    machine.look()
    machine.pass_time(days=8)
    fail(machine, 1, 1, session="s-2")
    assert machine.signals() == []


def test_the_users_own_thresholds_count(machine: Machine) -> None:
    """Numbers only; what else the file holds is left to tool-time."""
    path = machine.ctx.home / THRESHOLDS_FILE
    path.write_text(json.dumps({"error_rate": 0.5, "min_calls_for_rate": "many", "bash_share": True}))
    fail(machine, 14, 40)
    assert machine.signals() == []
    path.write_text("{torn")
    fail(machine, 0, 1)
    assert [signal for signal, _, _ in machine.signals()] == ["tool_error_rate_high"]


def test_the_first_look_counts_and_keeps_silent(make_machine: Callable[[], Machine]) -> None:
    """What the log held before is no news, but rates of tomorrow begin with it."""
    machine = make_machine()
    fail(machine, 9, 9)
    machine.ctx.said = {"tell_failures": True}
    machine.ctx.new_lines.clear()
    assert observe(machine.ctx).drafts == ()
    machine._new.clear()
    fail(machine, 1, 1)
    assert [signal for signal, _, _ in machine.signals()] == ["tool_failed", "tool_error_rate_high"]


def test_a_rotated_log_is_counted_anew(machine: Machine) -> None:
    """Trap 5: a new file with the lines that were kept; nothing counts twice, nothing old is told again."""
    machine.ctx.said = {"tell_failures": True}
    fail(machine, 9, 9)
    assert len(machine.look()) == 9
    log = machine.ctx.home / LOG
    kept = log.read_text().splitlines()
    log.rename(log.with_suffix(".old"))
    log.touch()
    machine.pass_time(days=2)
    for line in kept:
        machine.log(line)
    assert machine.signals() == []
    fail(machine, 0, 1, session="s-2")
    assert [signal for signal, _, _ in machine.signals()] == ["tool_error_rate_high"]


def test_nothing_new_costs_nothing(machine: Machine) -> None:
    """A look at an unchanged log stores nothing."""
    fail(machine, 2, 10)
    machine.look()
    before = dict(machine.ctx.cursor.values)
    assert machine.look() == []
    assert machine.ctx.cursor.values == before


@pytest.mark.parametrize("value", [False, "yes", 1, None])
def test_failures_are_told_one_by_one_only_on_request(machine: Machine, value: object) -> None:
    """There are many of them."""
    machine.ctx.said = {"tell_failures": value}
    machine.transcript("Edit", FAILED)
    assert machine.signals() == []


def test_a_failure_on_request(machine: Machine) -> None:
    """With the file it was about, the session, and a key by which the same line is never told twice."""
    machine.ctx.said = {"tell_failures": True}
    machine.transcript("Edit", f"{FAILED}\x1b[31m\nmore", file=str(machine.project / "a.py"))
    machine.transcript("Bash", "User rejected it")
    failed, rejected = machine.look()
    assert (failed.artifact_path, failed.session_id, failed.severity) == (
        machine.project / "a.py",
        "s-1",
        Severity.ERROR,
    )
    assert (signal_of(failed).signal, signal_of(failed).detail) == (
        "tool_failed",
        "Edit: Error: 404 [31m more",
    )
    assert (signal_of(rejected).signal, rejected.severity) == ("tool_rejected", Severity.WARN)
    assert failed.dedupe_key != rejected.dedupe_key


@pytest.mark.parametrize(
    "changes",
    [
        {"ts": "yesterday"},
        {"ts": None},
        {"project": "relative"},
        {"project": "/a\nb"},
        {"project": 5},
        {"tool": ""},
        {"tool": ["x"]},
        {"id": "", "session": None},
        {"session": {"a": 1}, "id": 7},
    ],
    ids=str,
)
def test_a_damaged_line_is_passed_over(machine: Machine, changes: dict[str, Any]) -> None:
    """The next one counts."""
    machine.log("{torn")
    machine.transcript(changes.pop("tool", "WebFetch"), FAILED, **changes)
    fail(machine, 10, 10)
    assert [detail for _, _, detail in machine.signals()] == ["WebFetch: 10 of 10 observed calls failed within 7 days"]


def test_an_old_recorder_took_paths_for_skills(machine: Machine) -> None:
    """Trap 6: a skill that is a path is the file."""
    machine.transcript("Edit", FAILED, skill="/a/b.py")
    machine.transcript("Skill", FAILED, skill="clavain:work")
    lines = (machine.ctx.home / LOG).read_text().splitlines()
    assert [call.file for call in read_calls(lines)] == [Path("/a/b.py"), None]


def test_sessions_are_read_from_ids_of_both_kinds() -> None:
    """Trap 2: a reader that takes only numbers for the tail mistakes ids of transcripts for sessions."""
    common = {"ts": "2026-11-20T10:33:48Z", "tool": "Edit", "project": "/p", "event": "ToolUse"}
    lines = [json.dumps({**common, "id": name}) for name in ("6f1e-2b7d-2", "6f1e-2b7d-t12")]
    calls = list(read_calls(lines))
    assert [(call.session, call.result) for call in calls] == [("6f1e-2b7d", Result.WELL)] * 2


def test_a_log_of_somebody_else_or_none_is_no_log(tmp_path: Path) -> None:
    """A directory where the log should be, or nothing at all, is survived."""
    ctx = FakeContext(tmp_path, of=adapter)
    assert observe(ctx).drafts == ()
    (tmp_path / LOG).mkdir(parents=True)
    assert observe(ctx).drafts == ()
