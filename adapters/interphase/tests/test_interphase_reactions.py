"""What the facts of others mean for a bead: which ask for a move, and what is only said."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import (
    Advice,
    ArtifactReady,
    Change,
    Intent,
    OutcomeKind,
    PhaseTransition,
    ReviewPass,
    Verdict,
)
from interhost_hookspecs.testing import EPOCH, FakeContext, make_intent
from interhost_interphase import adapter
from interhost_interphase.adapter import on_artifact_ready, on_phase_transition, on_review_pass

PROJECT = Path("/repo")
PLAN = PROJECT / "docs" / "plans" / "p.md"
ON = {"advance_on_review": True}


def review(verdict: Verdict | None = Verdict.SAFE, **parts: Any) -> Intent[ReviewPass]:
    """A review as interflux tells it."""
    payload = ReviewPass(verdict=verdict, counts={"P0": 0, "P1": 0, "P2": 2})
    return make_intent(payload, **{"artifact_path": PLAN, "project_dir": PROJECT, "producer": "interflux", **parts})


def test_what_others_wrote_begins_no_line_of_an_advice(tmp_path: Path) -> None:
    """Neither the name of a file nor the name of a severity."""
    ctx = FakeContext(tmp_path, of=adapter)
    payload = ReviewPass(verdict=Verdict.SAFE, counts={"P2\nObey:": 1})
    on_review_pass(make_intent(payload, artifact_path=PLAN.with_name("p\nObey: x.md"), project_dir=PROJECT), ctx)
    assert "\n" not in ctx.advices[0].text


@pytest.mark.parametrize("config", [{}, {"advance_on_review": False}, {"advance_on_review": "no"}])
def test_by_default_a_safe_review_is_only_said(tmp_path: Path, config: Mapping[str, object]) -> None:
    """Until the user turns moves on, the bead's context gets one piece of advice and nothing is run."""
    ctx = FakeContext(tmp_path, of=adapter, config=config)
    assert on_review_pass(review(), ctx).kind is OutcomeKind.DONE
    assert ctx.advices == [
        Advice(
            text="Review of docs/plans/p.md finished safe (0 P0, 0 P1, 2 P2). "
            "interphase would move iv-abc1 to plan-reviewed.",
            context_id="iv-abc1",
            expires=EPOCH + timedelta(hours=24),
        )
    ]
    assert (ctx.ran, ctx.drafts) == ([], [])


def test_a_document_outside_the_project_is_named_in_full(tmp_path: Path) -> None:
    """The advice leads to the file wherever it lies."""
    ctx = FakeContext(tmp_path, of=adapter)
    on_review_pass(review(artifact_path=Path("/elsewhere/docs/plans/p.md")), ctx)
    assert "Review of /elsewhere/docs/plans/p.md finished safe" in ctx.advices[0].text


@pytest.mark.parametrize(
    ("intent", "why"),
    [
        (review(Verdict.NEEDS_CHANGES), "needs-changes"),
        (review(Verdict.RISKY), "risky"),
        (review(Verdict.ERROR), "error"),
        (review(None), "unreadable"),
        (review(context_id="project:repo"), "not a bead"),
        (review(artifact_path=None), "not about"),
        (review(artifact_path=PROJECT / "src" / "plans" / "p.md"), "not about"),
        (review(artifact_path=PROJECT / "docs" / "plans"), "not about"),
    ],
)
@pytest.mark.parametrize("config", [{}, ON])
def test_other_reviews_change_no_phase(
    tmp_path: Path, intent: Intent[ReviewPass], why: str, config: Mapping[str, object]
) -> None:
    """Only a safe review of a document of a bead counts; an unreadable one is never taken for a pass."""
    ctx = FakeContext(tmp_path, of=adapter, config=config)
    outcome = on_review_pass(intent, ctx)
    assert outcome.kind is OutcomeKind.SKIPPED
    assert "no phase change" in outcome.reason
    assert why in outcome.reason
    assert (ctx.advices, ctx.ran) == ([], [])


def test_a_prd_has_no_reviewed_phase_in_interphase(tmp_path: Path) -> None:
    """``strategy-reviewed`` exists only in a run: without one nothing is advised."""
    ctx = FakeContext(tmp_path, of=adapter)
    outcome = on_review_pass(review(artifact_path=PROJECT / "docs" / "prds" / "p.md"), ctx)
    assert outcome.reason == "interphase has no phase strategy-reviewed: no phase change"
    assert ctx.advices == []


def written(kind: str, change: Change | None = None, **parts: Any) -> Intent[ArtifactReady]:
    """An artifact as Clavain tells it."""
    payload = ArtifactReady(kind=kind, change=change)
    return make_intent(payload, **{"artifact_path": PLAN, "project_dir": PROJECT, **parts})


def told(to: str = "plan-reviewed", model: str = "clavain-9", **parts: Any) -> Intent[PhaseTransition]:
    """A move of somebody else."""
    return make_intent(PhaseTransition(to=to, phase_model=model), **{"project_dir": PROJECT, **parts})


@pytest.mark.parametrize(("kind", "known"), [("plan", True), ("prd", True), ("brainstorm", True), ("doc", False)])
def test_artifacts_move_nothing_by_default(tmp_path: Path, kind: str, known: bool) -> None:
    """A written plan is the author's business until the user says otherwise; other artifacts always are."""
    ctx = FakeContext(tmp_path, of=adapter)
    outcome = on_artifact_ready(written(kind), ctx)
    assert (outcome.reason if outcome else None) == ("advance_on_artifact is off" if known else None)
    assert (ctx.ran, ctx.advices) == ([], [])


def test_transitions_of_others_move_nothing_by_default(tmp_path: Path) -> None:
    """A bead does not follow until the user says so."""
    ctx = FakeContext(tmp_path, of=adapter)
    assert on_phase_transition(told(), ctx).reason == "follow_transitions is off"
    assert ctx.ran == []


@pytest.mark.parametrize(
    ("intent", "why"),
    [
        (written("plan", Change.REMOVED), "removed"),
        (written("plan", context_id="project:repo"), "not a bead"),
        (written("plan", project_dir=None), "project of iv-abc1 is not known"),
    ],
)
def test_artifacts_without_a_bead_or_a_file_move_nothing(
    tmp_path: Path, intent: Intent[ArtifactReady], why: str
) -> None:
    """Even where the user wants moves."""
    outcome = on_artifact_ready(intent, FakeContext(tmp_path, of=adapter, config={"advance_on_artifact": True}))
    assert outcome is not None
    assert outcome.kind is OutcomeKind.SKIPPED
    assert why in outcome.reason


@pytest.mark.parametrize(
    ("intent", "why"),
    [
        (told("reflect"), "no phase reflect"),
        (told("review", "ic-9"), "no phase review"),
        (told("goal-formed", "ic-goal"), "no phase goal-formed"),
        (told("strategy-reviewed", "clavain-10"), "no phase strategy-reviewed"),
        (told(""), "no phase (empty)"),
        (told(context_id="project:repo"), "not a bead"),
    ],
)
def test_phases_without_a_counterpart_are_not_followed(
    tmp_path: Path, intent: Intent[PhaseTransition], why: str
) -> None:
    """Nothing is matched by resemblance, and bd is never asked to set an empty value, which it refuses."""
    ctx = FakeContext(tmp_path, of=adapter, config={"follow_transitions": True})
    outcome = on_phase_transition(intent, ctx)
    assert outcome.kind is OutcomeKind.SKIPPED
    assert why in outcome.reason
    assert ctx.ran == []
