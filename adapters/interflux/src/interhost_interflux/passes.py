"""From one findings.json to the review pass on the bus. Source: ``reference/modules/interflux.md`` section 2.8."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft, ReviewPass, Severity, Verdict

from interhost_interflux.agents import Agents, list_agents
from interhost_interflux.findings import LEVELS, Review, parse_review
from interhost_interflux.run import Run, look_beside, modified, read_bytes
from interhost_interflux.subject import find_subject, settle_request
from interhost_interflux.values import fact_key

TRACK = "flux-review-track"
"""Mode of one track of a review; only the synthesis of all tracks speaks for the document."""

SEVERITIES = {
    Verdict.SAFE: Severity.INFO,
    Verdict.NEEDS_CHANGES: Severity.WARN,
    Verdict.RISKY: Severity.ERROR,
    Verdict.ERROR: Severity.ERROR,
    None: Severity.ERROR,
}

HALF_WRITTEN = 60.0
"""Seconds for which a file that does not parse may still be on its way; it is written in two passes or more."""


def tell_pass(path: Path, root: Path, ctx: AdapterContext, *, mode: str) -> Iterator[Draft]:
    """Turn one findings.json into its review pass.

    Args:
        path: The file, as ``ctx.changed`` reported it.
        root: Root of its project.
        ctx: Where the host is asked to look again at a file that is not ready.
        mode: Kind of review.

    Yields:
        The draft; none while the file is not, or not yet, the result of the run in its directory.
    """
    written = modified(path)
    if written is None:
        return
    now, run = ctx.now().timestamp(), look_beside(path)
    if run.outdates(written):
        if run.is_alive(now):
            ctx.look_again(path)
        return
    data = read_bytes(path)
    review = parse_review(data)
    if review is None and abs(now - written) < HALF_WRITTEN:
        ctx.look_again(path)
        return
    payload = _payload(path, review or Review(), run, list_agents(path.parent, run.uuid), mode)
    subject = find_subject(path.parent, root, payload.inputs or (), review.bead if review else None, ctx)
    told = Draft(
        payload=payload,
        severity=SEVERITIES[payload.verdict],
        context_id=subject.bead,
        artifact_path=None if mode == TRACK else subject.document,
        source_hook="file:findings.json",
        occurred_at=datetime.fromtimestamp(written, UTC),
        project_dir=root,
        dedupe_key=_key(path, data, review, run),
    )
    if mode != TRACK:
        settle_request(subject, told, ctx)
    yield told


def _payload(path: Path, review: Review, run: Run, agents: Agents, mode: str) -> ReviewPass:
    nobody = agents.all_failed and review.verdict in (None, Verdict.SAFE)
    return ReviewPass(
        verdict=Verdict.ERROR if nobody else review.verdict,
        counts=review.counts,
        verdict_source=review.verdict_source,
        stated_verdict=review.stated_verdict,
        top=review.top or None,
        mode=mode,
        inputs=review.inputs or None,
        agents_launched=review.launched or agents.launched or None,
        agents_completed=agents.completed or None if nobody or review.completed is None else review.completed,
        agents_failed=agents.failed or None if nobody or review.failed is None else review.failed,
        report=str(run.report) if run.report else None,
        findings_path=str(path),
        run_uuid=run.uuid,
        degraded=run.degraded,
    )


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
    return fact_key("pass", path, run.uuid, found)
