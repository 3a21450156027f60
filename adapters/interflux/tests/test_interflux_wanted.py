"""What deserves a review, and what does not."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import (
    ArtifactReady,
    DriftDetected,
    GateOutcome,
    GateResult,
    GateTier,
    OutcomeKind,
    PhaseTransition,
)
from interhost_hookspecs.testing import make_intent, make_request

if TYPE_CHECKING:
    from adapters.interflux.tests.conftest import Desk

DONE, DEGRADED, SKIPPED = OutcomeKind.DONE, OutcomeKind.DEGRADED, OutcomeKind.SKIPPED


# What deserves a review -----------------------------------------------------------------------------------------------


def transition(to: str, canonical: str | None = None) -> PhaseTransition:
    return PhaseTransition(to=to, phase_model="ic-9", canonical_to=canonical)


@pytest.mark.parametrize(
    ("payload", "document"),
    [
        (transition("planned"), "docs/plans/p.md"),
        (transition("strategized"), "docs/prds/p.md"),
        (transition("brainstorm"), "docs/brainstorms/p.md"),
        (transition("geplant", "planned"), "docs/plans/p.md"),
    ],
)
def test_phase_that_begins_asks_for_its_document(desk: Desk, payload: PhaseTransition, document: str) -> None:
    """The move names no file: it is the bead's youngest document of that kind."""
    for folder in ("plans", "prds", "brainstorms"):
        for name, bead, age in (("p", "iv-abc1", 10), ("older", "iv-abc1", 20), ("other", "iv-9", 0)):
            path = desk.write(f"docs/{folder}/{name}.md", f"**Bead:** {bead}\n")
            os.utime(path, (time.time() - age, time.time() - age))
    assert desk.tell(payload) == (DEGRADED, f"review requested: {desk.request}")
    ((_, _, details),) = desk.ctx.requests
    assert details["path"] == str(desk.root / document)


def test_phase_with_a_file_asks_for_that_one(desk: Desk) -> None:
    """What the move itself names comes first."""
    path = desk.write("docs/plans/named.md", "no bead")
    desk.tell(transition("planned"), path)
    assert desk.ctx.requests[0][2]["path"] == str(path)


@pytest.mark.parametrize("phase", ["plan-reviewed", "executing", "review", "done", ""])
def test_other_phases_ask_for_nothing(desk: Desk, phase: str) -> None:
    """Nothing to review begins there."""
    assert desk.tell(transition(phase)) is None


@pytest.mark.parametrize("context", ["iv-7", "project:project"])
def test_phase_without_a_document_is_skipped(desk: Desk, context: str) -> None:
    """A bead that no document names, and a project, which is no bead."""
    assert desk.tell(transition("planned"), context=context) == (SKIPPED, "there is no file to review: None")


def gate(reason: str | None = None, outcome: GateOutcome = GateOutcome.BLOCK, **more: object) -> GateResult:
    return GateResult(outcome=outcome, tier=GateTier.HARD, reason=reason, **more)  # type: ignore[arg-type]


LACKING = [
    gate("no review found for docs/plans/p.md"),
    gate("Review is stale: the plan is newer"),
    gate("missing review"),
    gate("Run /interflux:flux-drive on the plan to satisfy the gate precondition"),
    gate(None, stated_decision="block-no-review"),
    gate(None, evidence=({"check": "verdict_exists", "result": "fail", "count": 0},)),
    gate(None, evidence=({"check": "x", "result": "fail", "detail": "no review of the plan"},)),
]


@pytest.mark.parametrize("payload", LACKING, ids=range(len(LACKING)))
def test_gate_that_lacks_a_review_asks_for_it(desk: Desk, payload: GateResult) -> None:
    """Missing or stale, in words or by the kernel's own check; the document is found by its bead."""
    assert desk.tell(payload) == (DEGRADED, f"review requested: {desk.request}")
    assert desk.ctx.requests[0][2]["artifact_kind"] == "plan"


OTHERWISE = [
    gate("no review", GateOutcome.WARN),
    gate("no review", GateOutcome.PASS),
    gate("tests fail"),
    gate("gate blocked for plan-reviewed"),
    gate('no artifacts found for phase "review"'),
    gate("no artifacts found for phase review"),
    gate("the review found two P0"),
    gate(None, evidence=({"check": "verdict_exists", "result": "pass"}, {"check": "y", "result": "fail"})),
    gate(),
]


@pytest.mark.parametrize("payload", OTHERWISE, ids=range(len(OTHERWISE)))
def test_gate_that_blocks_for_another_reason_asks_for_nothing(desk: Desk, payload: GateResult) -> None:
    """A phase may have review in its name, and a review that was bad is not missing."""
    assert desk.tell(payload) is None


def test_drifted_document_is_reviewed_again(desk: Desk) -> None:
    """Any document; drift of other things is not our business."""
    doc = desk.write("AGENTS.md", "# Agents")
    assert desk.tell(DriftDetected(kind="doc"), doc) == (DEGRADED, f"review requested: {desk.request}")
    assert desk.ctx.requests[0][2] == {
        "command": "/interflux:flux-drive AGENTS.md",
        "path": str(doc),
        "artifact_kind": "doc",
    }
    assert desk.tell(DriftDetected(kind="phase_desync"), doc) is None
    assert desk.tell(DriftDetected(kind="doc")) == (SKIPPED, "there is no file to review: None")


def test_older_interflux_reviews_a_brainstorm_in_one_track(desk: Desk) -> None:
    """A command that the installed version does not have is not asked for."""
    assert desk.ctx.root
    (desk.ctx.root / "commands" / "flux-review.md").unlink()
    desk.tell(ArtifactReady(kind="brainstorm"), desk.plan)
    assert desk.ctx.requests[0][2]["command"] == "/interflux:flux-drive docs/plans/p.md"


# Once is enough -------------------------------------------------------------------------------------------------------


def test_document_is_asked_for_once(desk: Desk) -> None:
    """A plan is written, the bead moves, a gate blocks: three facts, one review."""
    desk.ctx.waiting.append(make_request(desk.plan, desk.root))
    for payload in (ArtifactReady(kind="plan"), transition("planned"), gate("no review")):
        assert desk.tell(payload, desk.plan) == (SKIPPED, f"already requested: {desk.ctx.waiting[0].path}")
    assert (desk.ctx.requests, desk.ctx.advices) == ([], [])


def test_retry_of_the_same_intent_asks_again(desk: Desk) -> None:
    """Its own request is open, and what came after it may be missing."""
    intent = make_intent(ArtifactReady(kind="plan"))
    desk.ctx.waiting.append(make_request(desk.plan, desk.root, event_id=intent.event_id))
    assert desk.tell_plan()[0] is DEGRADED


def test_request_that_ended_is_no_hindrance(desk: Desk) -> None:
    """Answered or expired: a document that changed since is asked for again."""
    desk.ctx.waiting.append(make_request(desk.plan, desk.root, age=timedelta(hours=25)))
    assert desk.tell_plan()[0] is DEGRADED
    desk.ctx.waiting[:] = [make_request(desk.plan, desk.root)]
    desk.ctx.close_request(desk.ctx.waiting[0], "safe")
    assert desk.tell_plan()[0] is DEGRADED


MATTER = "---\ntarget: docs/plans/p.md\nfindings_p1: 1\n---\n"


@pytest.mark.parametrize(
    ("name", "text", "fresh"),
    [
        ("flux-drive/x/findings.json", '{"input": "docs/plans/p.md", "findings": [{"severity": "P0"}]}', True),
        ("flux-drive/x/findings.json", '{"input": "docs/plans/q.md", "findings": [{"severity": "P0"}]}', False),
        ("flux-drive/x/findings.json", '{"input": "docs/plans/p.md", "verdict": "safe"}', False),
        ("flux-drive/x/findings.json", '{"input": "docs/plans/p.md"', False),
        ("flux-drive/p-{digest}/findings.json", '{"findings": [{"severity": "P2"}]}', True),
        ("flux-review/t/2026-11-20-synthesis.md", MATTER, True),
        ("flux-review/t/2026-11-20-synthesis.md", MATTER.replace("p.md", "q.md"), False),
        ("flux-review/t/2026-11-20-synthesis.md", MATTER.replace("findings_p1: 1", "verdict: safe"), False),
        (
            "flux-drive/x/findings.json",
            '{"input": "docs/plans/p.md", "agents_launched": 1, "agents_completed": 0}',
            False,
        ),
        ("flux-review/t/track-a/findings.json", '{"input": "docs/plans/p.md", "findings": []}', False),
    ],
)
def test_document_with_a_fresh_review_is_not_asked_for(desk: Desk, name: str, text: str, fresh: bool) -> None:
    """The review must be about it, be readable, and be younger than it."""
    found = desk.write("docs/research/" + name.format(digest=sha256(b"docs/plans/p.md").hexdigest()[:8]), text)
    os.utime(desk.plan, (1_790_000_000, 1_790_000_000))
    expected = (SKIPPED, f"already reviewed: {found}") if fresh else (DEGRADED, f"review requested: {desk.request}")
    assert desk.tell_plan() == expected
    os.utime(found, (1_780_000_000, 1_780_000_000))
    assert desk.tell_plan()[0] is DEGRADED
