"""What interdoc leaves in ``.git/interdoc``; the shapes are those of reference/modules/interdoc.md, rows D7 and D8."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ArtifactReady, ReviewPass, Severity, Verdict, VerdictSource

if TYPE_CHECKING:
    from interhost_hookspecs import Draft

    from .conftest import Machine

REVIEW = {
    "reviewedAt": "2026-11-20T11:00:00Z",
    "reviewedCommit": "1f0c2d",
    "suggestionCount": 4,
    "appliedCount": 3,
    "skippedCount": 1,
}
PREVIEW = {
    "schema": "interdoc.preview.v1",
    "head": "1f0c2d",
    "timestamp": "2026-11-20T11:00:00Z",
    "summary": {"new": 1, "updated": 2, "deleted": 0, "by_directory": {}},
    "patch_path": ".git/interdoc/preview.patch",
}


def leave(machine: Machine, name: str, content: object) -> None:
    machine.write(f".git/interdoc/{name}", content if isinstance(content, str) else json.dumps(content))


def review(machine: Machine, content: object) -> tuple[Draft, ReviewPass]:
    leave(machine, "last-review.json", content)
    (draft,) = machine.look()
    assert isinstance(draft.payload, ReviewPass)
    return draft, draft.payload


def test_a_review_is_told_with_what_became_of_it(machine: Machine) -> None:
    """Row D8: one suggestion was not taken."""
    draft, payload = review(machine, REVIEW)
    assert payload == ReviewPass(
        verdict=Verdict.NEEDS_CHANGES,
        counts={"suggestions": 4, "applied": 3, "skipped": 1},
        verdict_source=VerdictSource.RECOMPUTED,
        mode="oracle",
        findings_path=str(machine.repo / ".git/interdoc/last-review.json"),
    )
    assert (draft.artifact_path, draft.project_dir) == (machine.repo / "AGENTS.md", machine.repo)
    assert (draft.severity, draft.source_hook) == (Severity.WARN, "file:last-review.json")
    assert draft.occurred_at == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert draft.extensions == {"reviewed_commit": "1f0c2d"}


@pytest.mark.parametrize(
    ("counts", "verdict", "severity"),
    [
        ((0, 0, 0), Verdict.SAFE, Severity.INFO),
        ((4, 4, 0), Verdict.SAFE, Severity.WARN),
        ((4, 0, 4), Verdict.NEEDS_CHANGES, Severity.WARN),
        ((4, 2, 0), Verdict.NEEDS_CHANGES, Severity.WARN),
        ((None, 4, 0), None, Severity.ERROR),
        ((4, "4", 0), None, Severity.ERROR),
        ((4, 4, True), None, Severity.ERROR),
        ((4, 4, -1), None, Severity.ERROR),
    ],
)
def test_a_review_is_safe_only_when_every_suggestion_was_taken(
    machine: Machine, counts: tuple[object, ...], verdict: Verdict | None, severity: Severity
) -> None:
    """Suggestions that nobody decided about count as open, and counts that are none are never a pass."""
    draft, payload = review(machine, REVIEW | dict(zip(list(REVIEW)[2:], counts, strict=True)))
    assert (payload.verdict, draft.severity) == (verdict, severity)
    assert (payload.verdict_source == VerdictSource.UNREADABLE) is (verdict is None)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"reviewedAt": 7}', "[" * 99999])
def test_a_damaged_review_is_told_as_unreadable(machine: Machine, content: str) -> None:
    """That there was one is a fact; what it found is not known."""
    draft, payload = review(machine, content)
    assert (payload.verdict, payload.counts, draft.occurred_at) == (None, {}, None)


def test_a_preview_is_told_with_its_patch(machine: Machine) -> None:
    """Row D7."""
    leave(machine, "preview.json", PREVIEW)
    (draft,) = machine.look()
    assert draft.payload == ArtifactReady(
        kind="agents_md_preview", title="Preview of documents: 1 new, 2 updated, 0 deleted"
    )
    assert draft.artifact_path == machine.repo / ".git/interdoc/preview.patch"


def test_a_preview_of_another_kind_tells_nothing(machine: Machine) -> None:
    """A later version, or something else of that name."""
    leave(machine, "preview.json", PREVIEW | {"schema": "interdoc.preview.v2"})
    assert machine.look() == ()


def test_a_worktree_has_no_reviews(machine: Machine) -> None:
    """There ``.git`` is a file, and interdoc's places below it do not exist."""
    tree = machine.base / "tree"
    machine.git("worktree", "add", "-q", str(tree))
    leave(machine, "last-review.json", REVIEW)
    machine.ctx.projects = (tree,)
    assert machine.look() == ()
