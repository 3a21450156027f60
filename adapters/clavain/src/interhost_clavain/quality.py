"""A run of the quality gates, once its synthesis is written: what the gate decides, and that the reviews are done.

The command copies the synthesis and the findings of its reviewers, who each leave a verdict. Verdicts of earlier runs
stay where they are, so only those count that were written since the synthesis before. An answer that cannot be read is
never a pass.

Source: ``reference/cli-contracts.md`` sections 5.1 and 5.3; ``reference/modules/interflux.md`` rows F7 and F12.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from attrs import evolve, frozen
from interhost_hookspecs import (
    AdapterContext,
    Draft,
    GateOutcome,
    GateResult,
    GateTier,
    ReviewPass,
    Severity,
    Verdict,
    VerdictSource,
)
from interhost_hookspecs.files import list_by_age, modified, read_head
from interhost_hookspecs.findings import LEVELS, Review, parse_review
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import encodable, fact_key, first_line, one_line, read_object

FOLDER, VERDICTS = Path(".clavain", "quality-gates"), Path(".clavain", "verdicts")
SYNTHESES = (f"{FOLDER}/synthesis.md", f"{FOLDER}/synthesis.json")
"""What a run writes last, for people and for programs."""

_FINDINGS = f"{FOLDER}/findings.json"

STATUSES: Mapping[str, tuple[GateOutcome, Verdict | None]] = MappingProxyType(
    {
        "CLEAN": (GateOutcome.PASS, Verdict.SAFE),
        "COMPLETE": (GateOutcome.PASS, Verdict.SAFE),
        "NEEDS_ATTENTION": (GateOutcome.WARN, Verdict.NEEDS_CHANGES),
        "PARTIAL": (GateOutcome.WARN, None),
        "BLOCKED": (GateOutcome.BLOCK, Verdict.RISKY),
        "ERROR": (GateOutcome.BLOCK, Verdict.ERROR),
        "FAILED": (GateOutcome.BLOCK, Verdict.ERROR),
        "SKIPPED_SHIP_CLASS": (GateOutcome.SKIP, None),
    }
)
"""Status of one verdict to what it means for the gate, and for the review; any other word means nothing."""

FINDINGS: Mapping[Verdict | None, GateOutcome] = MappingProxyType(
    {
        Verdict.SAFE: GateOutcome.PASS,
        Verdict.NEEDS_CHANGES: GateOutcome.WARN,
        Verdict.RISKY: GateOutcome.BLOCK,
        Verdict.ERROR: GateOutcome.BLOCK,
    }
)
"""Verdict that the findings prove to what it means for the gate."""

# The gravest decides. What cannot be read stands above a warning: nobody has decided.
_OUTCOMES = (GateOutcome.BLOCK, GateOutcome.NOT_ENFORCED, GateOutcome.WARN, GateOutcome.SKIP, GateOutcome.PASS)
_VERDICTS = (Verdict.RISKY, Verdict.NEEDS_CHANGES, Verdict.ERROR, None, Verdict.SAFE)
_SEVERITIES: Mapping[GateOutcome | Verdict | None, Severity] = {
    GateOutcome.PASS: Severity.INFO,
    GateOutcome.BLOCK: Severity.ERROR,
    Verdict.SAFE: Severity.INFO,
    Verdict.RISKY: Severity.ERROR,
    Verdict.ERROR: Severity.ERROR,
    None: Severity.ERROR,
}
# Reviewers that take longer than this belong to no run that is still going on.
_LONGEST = 6 * 3600.0
_SETTLE = 2.0
_MOST = 200
_COUNTED = re.compile(r"\b(P[0-3]) ?x ?(\d{1,4})\b")


@frozen(kw_only=True)
class Answer:
    """One reviewer's verdict; a status that is no word of ours could not be read."""

    agent: str
    status: str
    summary: str | None
    session: str | None

    @property
    def outcome(self) -> GateOutcome:
        """What it means for the gate."""
        return STATUSES.get(self.status, (GateOutcome.NOT_ENFORCED, None))[0]

    @property
    def verdict(self) -> Verdict | None:
        """What it means for the review."""
        return STATUSES.get(self.status, (GateOutcome.NOT_ENFORCED, None))[1]

    @property
    def evidence(self) -> Mapping[str, object]:
        """What stands in the fact about it."""
        return {"agent": self.agent, "status": self.status or None, "summary": self.summary}


def tell_gates(ctx: AdapterContext) -> Iterator[Draft]:
    """The runs whose synthesis was written since the last look: the gate's decision, then that the review is done."""
    for project in ctx.projects:
        changed = [path for name in SYNTHESES for path in ctx.changed(name, root=project, settle=_SETTLE)]
        if any(_is_young(project / name, ctx) for name in (*SYNTHESES, _FINDINGS)):  # the rest is on its way
            for path in changed:
                ctx.look_again(path)
        elif changed:
            yield from _tell(project, ctx)


def decide(answers: Sequence[Answer], review: Review | None) -> GateResult:
    """What the gate before ``shipping`` decides: the gravest of what the reviewers say and the findings prove."""
    said = [(one.outcome, f"{one.agent} {one.status or 'cannot be read'}", one.summary) for one in answers]
    if review:
        stated = review.verdict or "prove nothing"
        said.append((FINDINGS.get(review.verdict, GateOutcome.NOT_ENFORCED), f"findings {stated}", None))
    said = said or [(GateOutcome.NOT_ENFORCED, "no verdict and no findings", None)]
    worst = min((outcome for outcome, _, _ in said), key=_OUTCOMES.index)
    reasons = [f"{what}: {why}" if why else what for outcome, what, why in said if outcome is worst]
    return GateResult(
        outcome=worst,
        tier=GateTier.HARD,
        target="shipping",
        phase_model="clavain-9",
        reason=None if worst is GateOutcome.PASS else one_line("; ".join(reasons)),
        policy="quality-gates",
        evidence=tuple(one.evidence for one in answers),
    )


def conclude(answers: Sequence[Answer], review: Review | None) -> ReviewPass:
    """What the reviewers found, all together: what is counted, else what they state."""
    counts = (review.counts if review else {}) or _count(answers)
    counted = Verdict.RISKY if counts.get("P0") else Verdict.NEEDS_CHANGES if counts.get("P1") else None
    proved = [one for one in (review.verdict if review else None, counted) if one]
    found = [*proved, *([review.verdict] if review else []), *(one.verdict for one in answers)]
    worst = min(found, key=_VERDICTS.index) if found else None
    source = VerdictSource.RECOMPUTED if worst in proved else VerdictSource.STATED
    failed = tuple(one.agent for one in answers if one.verdict is Verdict.ERROR)
    completed = tuple(one.agent for one in answers if one.status in STATUSES and one.agent not in failed)
    return ReviewPass(
        verdict=worst,
        counts=counts,
        verdict_source=source if worst else VerdictSource.UNREADABLE,
        stated_verdict=review.stated_verdict if review else None,
        top=(review.top if review else ()) or None,
        mode="quality-gates",
        agents_completed=completed or None,
        agents_failed=failed or None,
    )


def read_answers(project: Path, since: float) -> list[Answer]:
    """The verdicts that were written after a time, by name; whatever cannot be read is one that says nothing."""
    recent = [path for time, path in list_by_age((project / VERDICTS).glob("*.json")) if time > since][-_MOST:]
    return [_read(path) for path in sorted(recent)]


def _read(path: Path) -> Answer:
    record = read_object(read_head(path))
    return Answer(
        agent=first_line(record, "agent") or encodable(path.stem),
        status=first_line(record, "status") or "",
        summary=first_line(record, "summary", "reason"),
        session=first_line(record, "session_id"),
    )


def _count(answers: Sequence[Answer]) -> Mapping[str, int]:
    """Findings per level, as summaries such as ``P0x1 P1x2: …`` state them; none where no summary does."""
    counted: Counter[str] = Counter()
    for one in answers:
        counted.update({level: int(number) for level, number in _COUNTED.findall(one.summary or "")})
    return {level: counted[level] for level in LEVELS} if counted else {}


def _tell(project: Path, ctx: AdapterContext) -> Iterator[Draft]:
    name, findings = f"quality:{project}", project / _FINDINGS
    written = max(modified(project / path) or 0.0 for path in SYNTHESES)
    before = recall(ctx, name).get("written")
    since = max(before if isinstance(before, float) and before < written else 0.0, written - _LONGEST)
    keep(ctx, name, {"written": written})
    answers = read_answers(project, since)
    has_findings = (modified(findings) or 0.0) > since
    review = (parse_review(read_head(findings, -1)) or Review()) if has_findings else None
    sessions = {one.session for one in answers if one.session}
    decision = decide(answers, review)
    fact = Draft(
        payload=decision,
        severity=_severity(decision.outcome),
        context_id=ctx.find_bead(project / SYNTHESES[0]),
        session_id=sessions.pop() if len(sessions) == 1 else None,
        source_hook="file:quality-gates",
        occurred_at=datetime.fromtimestamp(written, UTC),
        project_dir=project,
    )
    report = project / SYNTHESES[0]
    done = evolve(
        conclude(answers, review),
        report=str(report) if report.is_file() else None,
        findings_path=str(findings) if has_findings else None,
    )
    key = fact_key("clavain", "quality", project, written)
    yield evolve(fact, dedupe_key=f"{key}:gate")
    yield evolve(fact, payload=done, severity=_severity(done.verdict), dedupe_key=f"{key}:done")


def _severity(said: GateOutcome | Verdict | None) -> Severity:
    return _SEVERITIES.get(said, Severity.WARN)


def _is_young(path: Path, ctx: AdapterContext) -> bool:
    return 0 <= ctx.now().timestamp() - (modified(path) or 0.0) < _SETTLE
