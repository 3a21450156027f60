"""Which document deserves a review, by what happened. Source: ``reference/modules/interflux.md`` section 2.8."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import (
    BEAD_ID,
    AdapterContext,
    ArtifactReady,
    Change,
    DriftDetected,
    GateOutcome,
    GateResult,
    Intent,
    PhaseTransition,
    Verdict,
)

from interhost_interflux.findings import Review, parse_review
from interhost_interflux.run import modified, read_bytes
from interhost_interflux.subject import FOLDERS, is_named_after
from interhost_interflux.syntheses import judge, read_front_matter, read_tracks
from interhost_interflux.values import value_at

PHASES = {"planned": "plan", "strategized": "prd", "brainstorm": "brainstorm"}
"""Phase to the kind of document that is written when it begins."""

# A phase may be called review, too.
_REVIEW = re.compile(r"(?<!phase )(?<!phase [\"'])\breviews?\b|\bflux-(?:drive|review)\b", re.IGNORECASE)
_LACKS = re.compile(r"\b(?:stale|missing|outdated|older|no|not|never|without|run)\b", re.IGNORECASE)


@frozen
class Wanted:
    """A document that deserves a review.

    Attributes:
        document: Where it should be; ``None`` when nobody says.
        kind: Kind of document: a key of ``FOLDERS``, or ``doc``.
    """

    document: Path | None
    kind: str


def want_artifact(intent: Intent[ArtifactReady]) -> Wanted | None:
    """A plan, PRD or brainstorm that is ready; reports of reviews least of all, or it would never end."""
    known = intent.payload.kind in FOLDERS and intent.payload.change is not Change.REMOVED
    return Wanted(intent.artifact_path, intent.payload.kind) if known else None


def want_phase(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Wanted | None:
    """The document of the phase that begins."""
    kind = PHASES.get(intent.payload.canonical_to or intent.payload.to)
    return Wanted(intent.artifact_path or _find_document(intent, (kind,), ctx), kind) if kind else None


def want_gate(intent: Intent[GateResult], ctx: AdapterContext) -> Wanted | None:
    """The document of a bead whose gate blocks because the review is missing or stale."""
    gate = intent.payload
    if gate.outcome is not GateOutcome.BLOCK or not _lacks_review(gate):
        return None
    document = intent.artifact_path or _find_document(intent, FOLDERS, ctx)
    named = (kind for kind, folder in FOLDERS.items() if document and f"/{folder}/" in f"{document}")
    return Wanted(document, next(named, "doc"))


def want_drift(intent: Intent[DriftDetected]) -> Wanted | None:
    """A document that no longer says what the code does."""
    return Wanted(intent.artifact_path, "doc") if intent.payload.kind == "doc" else None


def find_review(document: Path, project: Path) -> Path | None:
    """A readable review of a document that is younger than it."""
    written = modified(document) or 0.0
    for pattern in ("flux-drive/*/findings.json", "flux-review/*/*-synthesis.md"):
        for path in project.glob(f"docs/research/{pattern}"):
            if (modified(path) or 0.0) > written and _is_about(path, document, project):
                return path
    return None


def _lacks_review(gate: GateResult) -> bool:
    """Whether the reason, or a condition that did not hold, speaks of a review that is not there."""
    failed = [one for one in gate.evidence or () if value_at(one, "result") == "fail"]
    said = f"{gate.reason or ''} {gate.stated_decision or ''} {' '.join(str(one.get('detail', '')) for one in failed)}"
    by_check = any(one.get("check") == "verdict_exists" for one in failed)
    return by_check or bool(_REVIEW.search(said) and _LACKS.search(said))


def _find_document(intent: Intent[object], kinds: Iterable[str], ctx: AdapterContext) -> Path | None:
    """The youngest document of the intent's bead."""
    project = intent.project_dir
    if project is None or not re.fullmatch(BEAD_ID, intent.context_id):
        return None
    found = [path for kind in kinds for path in project.glob(f"{FOLDERS[kind]}/**/*.md")]
    found.sort(key=lambda path: modified(path) or 0.0, reverse=True)
    return next((path for path in found if ctx.find_bead(path) == intent.context_id), None)


def _is_about(path: Path, document: Path, project: Path) -> bool:
    """Whether a review was of this document, and was one: it ended with a verdict."""
    named: Iterable[str]
    if path.name == "findings.json":
        review = parse_review(read_bytes(path)) or Review()
        verdict, named = review.verdict, review.inputs
    else:
        matter = read_front_matter(read_bytes(path)) or {}
        verdict, named = judge(matter, read_tracks(path.parent))[0], filter(None, [matter.get("target", "")])
    stated = [os.path.realpath(project / name) for name in named]
    is_named = os.path.realpath(document) in stated or (not stated and is_named_after(path.parent, document, project))
    return is_named and verdict not in (None, Verdict.ERROR)
