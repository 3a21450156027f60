"""A run of the quality gates. Verdicts have the shapes of reference/cli-contracts.md, section 5.3."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from interhost_clavain.quality import STATUSES, Answer, conclude, decide
from interhost_hookspecs import Draft, GateOutcome, GateResult, ReviewPass, Verdict, VerdictSource
from interhost_hookspecs.findings import parse_review
from interhost_hookspecs.testing import EPOCH

if TYPE_CHECKING:
    from .conftest import Machine

NOW = EPOCH.timestamp()
VERDICT: dict[str, object] = {
    "type": "verdict",
    "status": "CLEAN",
    "model": "haiku",
    "tokens_spent": 0,
    "files_changed": [],
    "findings_count": 0,
    "summary": "nothing found",
    "detail_path": "/p/.clavain/verdicts/fd-safety.md",
    "timestamp": "2026-11-20T11:58:00Z",
    "session_id": "sess-1",
}


def put(machine: Machine, name: str, text: object, *, age: float = 60.0) -> Path:
    """A file below ``.clavain`` that was written so many seconds ago."""
    path = machine.project / ".clavain" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    os.utime(path, (NOW - age, NOW - age))
    return path


def finished(machine: Machine, *, age: float = 30.0) -> list[Draft]:
    """The synthesis is written, and what a look tells."""
    machine.ctx.changed_files = [put(machine, "quality-gates/synthesis.md", "# Synthesis\n", age=age)]
    return machine.look()


def both(drafts: list[Draft]) -> tuple[GateResult, ReviewPass]:
    gate, done = drafts
    return cast(GateResult, gate.payload), cast(ReviewPass, done.payload)


def answer(status: str, agent: str = "fd-safety", summary: str | None = None) -> Answer:
    return Answer(agent=agent, status=status, summary=summary, session=None)


def test_a_clean_run_passes_and_is_done(machine: Machine) -> None:
    """The gate's decision with its evidence, then the completion signal with the report; both of one session."""
    put(machine, "verdicts/fd-safety.json", VERDICT)
    put(machine, "quality-gates/findings.json", {"findings": [], "agents_completed": ["fd-safety"], "verdict": "safe"})
    drafts = finished(machine)
    gate, done = both(drafts)
    assert gate == GateResult(
        outcome=GateOutcome.PASS,
        tier=gate.tier,
        target="shipping",
        phase_model="clavain-9",
        policy="quality-gates",
        evidence=({"agent": "fd-safety", "status": "CLEAN", "summary": "nothing found"},),
    )
    assert (done.verdict, done.verdict_source, done.mode, done.agents_completed) == (
        "safe",
        "recomputed",
        "quality-gates",
        ("fd-safety",),
    )
    folder = machine.project / ".clavain" / "quality-gates"
    assert (done.report, done.findings_path) == (str(folder / "synthesis.md"), str(folder / "findings.json"))
    assert {one.session_id for one in drafts} == {"sess-1"}
    assert [one.severity for one in drafts] == ["info", "info"]
    assert [str(one.dedupe_key).rpartition(":")[2] for one in drafts] == ["gate", "done"]
    assert {one.source_hook for one in drafts} == {"file:quality-gates"}


@pytest.mark.parametrize(
    ("statuses", "outcome", "verdict"),
    [
        (["CLEAN", "COMPLETE"], "pass", "safe"),
        (["CLEAN", "NEEDS_ATTENTION"], "warn", "needs-changes"),
        (["PARTIAL", "CLEAN"], "warn", None),
        (["NEEDS_ATTENTION", "BLOCKED"], "block", "risky"),
        (["CLEAN", "ERROR"], "block", "error"),
        (["FAILED"], "block", "error"),
        (["SKIPPED_SHIP_CLASS", "CLEAN"], "skip", None),
        (["CLEAN", "SUPERB"], "not_enforced", None),
        (["NEEDS_ATTENTION", ""], "not_enforced", "needs-changes"),
        (["BLOCKED", ""], "block", "risky"),
        ([], "not_enforced", None),
    ],
)
def test_the_gravest_verdict_decides(statuses: list[str], outcome: str, verdict: str | None) -> None:
    """A word that nobody knows is never a pass, and a skipped check proves nothing."""
    answers = [answer(status, f"agent-{n}") for n, status in enumerate(statuses)]
    assert decide(answers, None).outcome == outcome
    assert conclude(answers, None).verdict == verdict


@pytest.mark.parametrize(
    ("findings", "outcome", "verdict"),
    [
        ({"findings": [{"severity": "P0", "title": "x"}]}, "block", "risky"),
        ({"findings": [{"severity": "P1", "title": "x"}]}, "warn", "needs-changes"),
        ({"findings": [{"severity": "P3", "title": "x"}]}, "pass", "safe"),
        ({"agents_launched": ["a"], "agents_completed": []}, "block", "error"),
        ({"verdict": "safe"}, "not_enforced", None),
    ],
)
def test_the_findings_are_counted_again(findings: dict[str, object], outcome: str, verdict: str | None) -> None:
    """Whatever verdict they state; where they prove nothing there is neither decision nor verdict."""
    review = parse_review(json.dumps(findings).encode())
    answers = [answer("CLEAN")]
    assert decide(answers, review).outcome == outcome
    assert conclude(answers, review).verdict == verdict


def test_a_reviewer_that_blocks_is_not_outvoted_by_clean_findings() -> None:
    """And the reason names who said it."""
    review = parse_review(b'{"findings": [], "agents_completed": ["a"]}')
    answers = [answer("BLOCKED", "plan-conformance", "two tasks\nare missing"), answer("CLEAN", "a")]
    gate, done = decide(answers, review), conclude(answers, review)
    assert gate.reason == "plan-conformance BLOCKED: two tasks are missing"
    assert (done.verdict, done.verdict_source) == (Verdict.RISKY, VerdictSource.STATED)


def test_summaries_are_counted_where_no_findings_are() -> None:
    """A real verdict states a count of none, and a P0 in its summary."""
    done = conclude([answer("NEEDS_ATTENTION", summary="P0x1 P1x2 P2x2: promotion gaming"), answer("CLEAN")], None)
    assert done.counts == {"P0": 1, "P1": 2, "P2": 2, "P3": 0}
    assert (done.verdict, done.verdict_source) == (Verdict.RISKY, VerdictSource.RECOMPUTED)


def test_agents_that_failed_are_named() -> None:
    """Those of an unknown status are neither."""
    done = conclude([answer("ERROR", "a"), answer("CLEAN", "b"), answer("?", "c")], None)
    assert (done.agents_failed, done.agents_completed) == (("a",), ("b",))


def test_verdicts_of_an_earlier_run_do_not_count(machine: Machine) -> None:
    """They stay where they are: only what was written since the synthesis before is this run's."""
    put(machine, "verdicts/fd-old.json", {**VERDICT, "status": "BLOCKED"}, age=7 * 3600)
    put(machine, "verdicts/fd-safety.json", {**VERDICT, "status": "NEEDS_ATTENTION"}, age=300)
    put(machine, "quality-gates/findings.json", {"findings": [{"severity": "P0", "title": "x"}]}, age=300)
    assert both(finished(machine, age=200))[0].outcome == "block"
    put(machine, "verdicts/fd-safety.json", VERDICT, age=100)
    put(machine, "verdicts/fd-late.json", {**VERDICT, "status": "NEEDS_ATTENTION"}, age=250)
    gate, done = both(finished(machine, age=50))
    assert (gate.outcome, done.verdict, done.findings_path) == ("pass", "safe", None)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{torn", '"CLEAN"', '{"status": 7}', '{"status": ["CLEAN"]}', "[" * 100_000, '{"status": "clean"}'],
)
def test_a_verdict_that_cannot_be_read_is_no_pass(machine: Machine, text: str) -> None:
    """It was written by somebody, so the gate has no decision."""
    put(machine, "verdicts/fd-safety.json", VERDICT)
    put(machine, "verdicts/fd-torn.json", text)
    gate, done = both(finished(machine))
    assert (gate.outcome, done.verdict) == ("not_enforced", None)
    assert "fd-torn" in (gate.reason or "")


@pytest.mark.parametrize("text", ["", "{torn", "[]", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_findings_that_cannot_be_read_are_no_pass(machine: Machine, text: str) -> None:
    """They were copied there for this run, and prove nothing."""
    put(machine, "verdicts/fd-safety.json", VERDICT)
    put(machine, "quality-gates/findings.json", text)
    assert both(finished(machine))[0].outcome == "not_enforced"


def test_other_shapes_of_verdicts_are_read(machine: Machine) -> None:
    """A bypass names its agent and its reason elsewhere; a conformance check has a number where others have a list."""
    skipped = {"agent": "fd-safety", "status": "SKIPPED_SHIP_CLASS", "model": "none", "reason": "docs only", "ts": 1}
    put(machine, "verdicts/x.json", skipped)
    put(machine, "verdicts/plan-conformance.json", {**VERDICT, "files_changed": 0, "session_id": "sess-2"})
    drafts = finished(machine)
    gate, _ = both(drafts)
    assert (gate.outcome, gate.reason) == ("skip", "fd-safety SKIPPED_SHIP_CLASS: docs only")
    assert drafts[0].session_id == "sess-2"


def test_verdicts_of_two_sessions_are_nobodys(machine: Machine) -> None:
    """Which of them ran the gates cannot be told; a bead in the synthesis can."""
    put(machine, "verdicts/a.json", VERDICT)
    put(machine, "verdicts/b.json", {**VERDICT, "session_id": "sess-2"})
    path = put(machine, "quality-gates/synthesis.md", "**Bead:** iv-abc1\n")
    machine.ctx.changed_files = [path]
    drafts = machine.look()
    assert {(one.session_id, one.context_id) for one in drafts} == {(None, "iv-abc1")}


def test_both_halves_of_a_synthesis_are_one_run(machine: Machine) -> None:
    """The one for people and the one for programs; while either is young, the run waits."""
    report = put(machine, "quality-gates/synthesis.md", "# S\n", age=10)
    other = put(machine, "quality-gates/synthesis.json", {}, age=1)
    machine.ctx.changed_files = [report]
    assert machine.look() == []
    assert machine.ctx.postponed == [report]
    machine.ctx.sleep(5)
    machine.ctx.changed_files = [report, other]
    assert len(machine.look()) == 2


def test_every_status_has_its_meaning() -> None:
    """The words of lib-verdict.sh and quality-gates.md."""
    assert set(STATUSES) == {
        *("CLEAN", "NEEDS_ATTENTION", "BLOCKED", "ERROR"),
        *("COMPLETE", "PARTIAL", "FAILED", "SKIPPED_SHIP_CLASS"),
    }
