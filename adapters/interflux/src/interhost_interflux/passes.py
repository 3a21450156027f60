"""From one findings.json to the facts on the bus."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import BEAD_ID, AdapterContext, ArtifactReady, Draft, ReviewPass, Severity, Verdict

from interhost_interflux.findings import LEVELS, Review, parse_review
from interhost_interflux.run import Run, look_beside, modified

PATTERNS = {
    "docs/research/flux-drive/*/findings.json": "flux-drive",
    "docs/research/flux-review/*/track-*/findings.json": "flux-review",
}
"""Where reviews leave their findings, below a project's root, and which kind of review it was."""

SEVERITIES = {
    Verdict.SAFE: Severity.INFO,
    Verdict.NEEDS_CHANGES: Severity.WARN,
    Verdict.RISKY: Severity.ERROR,
    Verdict.ERROR: Severity.ERROR,
    None: Severity.ERROR,
}

HALF_WRITTEN = 60.0
"""Seconds for which a file that does not parse may still be on its way; it is written in two passes or more."""

ABANDONED = 3600.0
"""Seconds without a sign of life after which a lock is one that a crashed run left."""


def read_pass(path: Path, *, root: Path, mode: str, ctx: AdapterContext) -> tuple[Draft, ...]:
    """Turn one findings.json into its review pass and, when there is a report, the report's artifact.

    Args:
        path: The file, as ``ctx.changed`` reported it.
        root: Root of its project.
        mode: Kind of review, from ``PATTERNS``.
        ctx: Where the host is asked to look again at a file that is not ready.

    Returns:
        The drafts; none while the file is not, or not yet, the result of the run in its directory.
    """
    written = modified(path)
    if written is None:
        return ()
    now, run = ctx.now().timestamp(), look_beside(path)
    if run.outdates(written):
        if run.alive_at is not None and now - run.alive_at < ABANDONED:
            ctx.look_again(path)
        return ()
    data = _read(path)
    review = parse_review(data)
    if review is None and abs(now - written) < HALF_WRITTEN:
        ctx.look_again(path)
        return ()
    told = Draft(
        payload=_payload(path, review or Review(), run, mode),
        severity=SEVERITIES[review.verdict if review else None],
        source_hook="file:findings.json",
        occurred_at=datetime.fromtimestamp(written, UTC),
        project_dir=root,
        dedupe_key=_key(path, data, review, run),
    )
    if review is not None:
        existing = tuple(found for name in review.inputs if (found := _existing(root, name)))
        told = evolve(
            told,
            context_id=_bead(review, existing, ctx),
            artifact_path=existing[0] if existing and len(review.inputs) == 1 else None,
        )
    return (told,) if run.report is None else (told, _announce(run.report, told))


def _payload(path: Path, review: Review, run: Run, mode: str) -> ReviewPass:
    return ReviewPass(
        verdict=review.verdict,
        counts=review.counts,
        verdict_source=review.verdict_source,
        stated_verdict=review.stated_verdict,
        top=review.top or None,
        mode=mode,
        inputs=review.inputs or None,
        agents_launched=review.launched,
        agents_completed=review.completed,
        agents_failed=review.failed,
        report=str(run.report) if run.report else None,
        findings_path=str(path),
        run_uuid=run.uuid,
        degraded=run.degraded,
    )


def _announce(report: Path, told: Draft) -> Draft:
    """The report as an artifact of the same context; a report that comes later is told once, too."""
    return evolve(
        told,
        payload=ArtifactReady(kind="review_report"),
        artifact_path=report,
        severity=Severity.INFO,
        dedupe_key=f"{told.dedupe_key}:report",
    )


def _bead(review: Review, existing: tuple[Path, ...], ctx: AdapterContext) -> str | None:
    """The bead the file names, else the one that its inputs name in agreement."""
    if review.bead and re.fullmatch(BEAD_ID, review.bead):
        return review.bead
    named = {bead for path in existing if path.is_file() and (bead := ctx.find_bead(path))}
    bead = named.pop() if len(named) == 1 else ""
    return bead if re.fullmatch(BEAD_ID, bead) else None


def _key(path: Path, data: bytes, review: Review | None, run: Run) -> str:
    """The natural key of a pass: where it stands and what was found; the bytes only when nothing else can be read.

    A second writing that only adds the cost is the same pass; a new run in the same directory is another. The path
    is absolute, because two projects can hold equal reviews at equal places.
    """
    found = (
        hashlib.sha256(data).hexdigest()
        if review is None
        else (
            review.inputs,
            review.reviewed,
            review.verdict,
            [review.counts.get(level) for level in LEVELS],
            sorted((item.severity, item.id or "", item.title) for item in review.findings),
        )
    )
    return "interflux:" + hashlib.sha256(json.dumps([str(path), run.uuid, found]).encode()).hexdigest()


def _existing(root: Path, name: str) -> Path | None:
    """The file or directory that an input names, relative to the project unless it is absolute."""
    path = os.path.abspath(root / name)
    return Path(path) if os.path.exists(path) else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
