"""Design reviews: asked for with the shape of their report, and told by it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from attrs import evolve
from interhost_hookspecs import (
    ArtifactReady,
    Finding,
    Notify,
    OutcomeKind,
    PhaseTransition,
    ReviewPass,
    Severity,
    Verdict,
    VerdictSource,
)
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.reviewers import report_of
from interhost_hookspecs.testing import FakeContext, make_hook_event, make_intent, make_request
from interhost_interform import adapter
from interhost_interform.adapter import REVIEWER, SHAPE

ASKED = "01K9ZZZZZZ0000000000000001"
DEGRADED, SKIPPED = OutcomeKind.DEGRADED, OutcomeKind.SKIPPED


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


@pytest.fixture
def ctx(tmp_path: Path) -> FakeContext:
    """A machine with interform, and a project with a plan that names an interface."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "plan.md").write_text("Change `web/main.css` and src/a.py.\n")
    return FakeContext(tmp_path, of=adapter, root=tmp_path, projects=(tmp_path,))


def waits(ctx: FakeContext) -> Path:
    """A request waits; where its report belongs."""
    path = ctx.home / f"{ASKED}-design.md"
    request = make_request(ctx.home, ctx.home, kind="design", event_id=ASKED)
    ctx.waiting = [evolve(request, path=path, details={"event_id": ASKED, "subject": "web/main.css"})]
    return report_of(path)


# Asking ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "plan", "kind"),
    [
        ("executing", "docs/plan.md", DEGRADED),
        ("executing", None, SKIPPED),
        ("planned", "docs/plan.md", None),
        ("shipping", "docs/plan.md", None),
    ],
)
def test_work_on_an_interface_is_reviewed(
    ctx: FakeContext, to: str, plan: str | None, kind: OutcomeKind | None
) -> None:
    """When it begins; the request states the shape, and whose it is."""
    intent = make_intent(
        PhaseTransition(to=to, phase_model="interphase-8"),
        project_dir=ctx.home,
        artifact_path=ctx.home / plan if plan else None,
    )
    outcome = adapter.on_phase_transition(intent, ctx)
    assert (outcome.kind if outcome else None) is kind
    if kind is DEGRADED:
        ((name, text, details),) = ctx.requests
        assert (name, details["subject"]) == ("design", "web/main.css")
        assert "the skill `interform:distinctive-design`" in text
        assert "which is interhost's, since interform has none:\n\n    # Design review" in text
        assert "    Verdict: PASS or NEEDS WORK" in text
        assert len(ctx.advices) == 1


def test_a_review_may_be_ordered(ctx: FakeContext) -> None:
    """Of anything, by addressing its readiness; without interform there is nobody to ask."""
    ready = make_intent(ArtifactReady(kind="design"), artifact_path=ctx.home / "docs", project_dir=ctx.home)
    assert adapter.on_artifact_ready(ready, ctx) is None
    addressed = evolve(ready, consumers=("interform",))
    outcome = adapter.on_artifact_ready(addressed, ctx)
    assert outcome
    assert outcome.kind is DEGRADED
    ctx.root = None
    outcome = adapter.on_artifact_ready(addressed, ctx)
    assert outcome
    assert (outcome.kind, outcome.reason) == (SKIPPED, "interform is not installed")


# Telling --------------------------------------------------------------------------------------------------------------


def test_a_report_of_the_stated_shape_is_told(ctx: FakeContext) -> None:
    """About the request's context; its issues are counted."""
    report = waits(ctx)
    report.write_text("# Design review: web/main.css\nVerdict: NEEDS WORK\n### Issues\n- Two fonts - web/main.css:3\n")
    os.utime(report, (0, 0))
    (draft,) = adapter.observe(ctx).drafts
    assert draft.payload == ReviewPass(
        verdict=Verdict.NEEDS_CHANGES,
        counts={"issues": 1},
        verdict_source=VerdictSource.STATED,
        stated_verdict="NEEDS WORK",
        top=(Finding(severity="issues", title="Two fonts - web/main.css:3"),),
        mode="design",
        inputs=("web/main.css",),
        report=str(report),
    )
    assert (draft.context_id, draft.severity) == ("iv-abc1", Severity.WARN)


@pytest.mark.parametrize("text", [SHAPE, "Verdict: PASS, mostly", "Verdict: lovely", "It looks good.", ""])
def test_a_report_that_cannot_be_read_is_no_pass(ctx: FakeContext, text: str) -> None:
    """The shape that was not filled in least of all."""
    report = waits(ctx)
    report.write_text(text)
    os.utime(report, (0, 0))
    (draft,) = adapter.observe(ctx).drafts
    assert isinstance(draft.payload, ReviewPass)
    assert (draft.payload.verdict, draft.severity) == (None, Severity.WARN)


def test_an_agent_may_answer_a_request(ctx: FakeContext) -> None:
    """Any agent whose prompt names it; interform has none of its own."""
    waits(ctx)
    for prompt, count in ((f"Fulfil {ASKED}-design.", 1), ("Review the design.", 0)):
        event = make_hook_event(
            tool_name="Agent",
            tool_input={"subagent_type": "general-purpose", "prompt": prompt},
            tool_response="Verdict: PASS",
        )
        drafts = adapter.observe_hook(event, ctx).drafts
        assert len(drafts) == count
    nameless = make_hook_event(tool_name="Agent", tool_input={"subagent_type": ""}, tool_response="Verdict: PASS")
    assert adapter.observe_hook(nameless, ctx).drafts == ()


def test_a_request_that_nobody_answers_is_told(ctx: FakeContext) -> None:
    """After a day, and once."""
    waits(ctx)
    ctx.sleep(24 * 3600)
    (draft,) = adapter.observe(ctx).drafts
    assert isinstance(draft.payload, Notify)
    assert draft.payload.title == "A design review was not made"
    assert adapter.observe(ctx).drafts == ()
    assert list(ctx.closed.values()) == ["nobody answered in time"]


def test_loading_the_guidance_is_told_and_is_no_verdict(ctx: FakeContext) -> None:
    """The skill's use, with what it was given; other skills are somebody else's."""
    given = {"skill": "interform:distinctive-design", "args": "the settings page"}
    (draft,) = adapter.observe_hook(make_hook_event(tool_name="Skill", tool_input=given), ctx).drafts
    assert (draft.intent, draft.payload) == ("interform.skill_used@1.0", given)
    assert adapter.observe_hook(make_hook_event(tool_name="Skill"), ctx).drafts == ()


def test_doctor_sees_what_is_there_and_what_waits(ctx: FakeContext, tmp_path: Path) -> None:
    """The module and open requests; on an empty machine a note with a hint."""
    assert [(one.name, one.level) for one in adapter.check_adapter(ctx)] == [("module", "ok"), ("requests", "ok")]
    waits(ctx)
    assert adapter.check_adapter(ctx)[1].detail == "1 open"
    empty = adapter.check_adapter(FakeContext(tmp_path, of=adapter))
    assert [(one.level, bool(one.hint)) for one in empty] == [("note", True), ("ok", False)]
    assert REVIEWER.agent == ""
