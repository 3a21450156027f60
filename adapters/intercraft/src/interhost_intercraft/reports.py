"""Where intercraft's reviews are left, and what each place tells.

Source: ``reference/modules/intercraft.md`` sections 8.2 and 8.3 (rows C1 to C3).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import AdapterContext, Draft, HookEvent, Notify, ReviewPass, Verdict
from interhost_hookspecs.answers import compose_review, is_half_written, tell_file, tell_report
from interhost_hookspecs.files import find_inside, read_text, signature
from interhost_hookspecs.reading import encodable, fact_key, first_count, first_line, read_object, read_time, value_at
from interhost_hookspecs.reports import SIZE, Report, conclude, read_report
from interhost_hookspecs.reviewers import Reviewer
from interhost_hookspecs.sources import Source

from interhost_intercraft.audit import read_audit

AGENT = "agent-native-reviewer"

SHAPE = """\
## Agent-Native Architecture Review
#### Critical Issues (Must Fix)
- Title - file:line
#### Warnings (Should Fix)
#### Observations
### Agent-Native Score
- **X/Y capabilities are agent-accessible**
- **Verdict**: PASS or NEEDS WORK, one of them and nothing else
"""

STATUSES: Mapping[str, Verdict] = {
    "CLEAN": Verdict.SAFE,
    "NEEDS_ATTENTION": Verdict.NEEDS_CHANGES,
    "BLOCKED": Verdict.RISKY,
    "ERROR": Verdict.ERROR,
    "FAILED": Verdict.ERROR,
}
"""What the status of a verdict file means. COMPLETE and PARTIAL say that something was done, not how it ended."""

# What the reviewer's own description calls for it: interfaces, tools, prompts.
_DESERVES = re.compile(
    r"^(?!docs/|\.clavain/|\.interwatch/|(?:.*/)?AGENTS\.md$)(?:"
    r".*\.(?:tsx|jsx|vue|svelte|html|css|scss|swift)$|"
    r"(?:.*/)?(?:components|screens|views|pages|ui|tools?|mcp|agents?|prompts?|skills?|commands)/.|"
    r"(?:.*/)?[^/]*(?:tool|prompt|agent)[^/]*\.\w+$|(?:.*/)?(?:SKILL\.md|\.mcp\.json)$)",
    re.IGNORECASE,
)
_SCORE = re.compile(r"(\d{1,6}) ?/ ?(\d{1,6}) capabilities")
_TITLE = re.compile(r"^#{1,3} .*\bagent-native\b.*\breview\b", re.MULTILINE | re.IGNORECASE)
_COUNTED = re.compile(r"\b(P[0-3]) ?x ?(\d{1,4})\b|\b(\d{1,4}) ?(P[0-3])\b")


def read_review(text: str) -> Report:
    """The summary of an audit, else a report with the first score that it names."""
    if audit := read_audit(text):
        return audit
    report, score = read_report(text), _SCORE.search(text[:SIZE])
    details = {"score": {"have": int(score[1]), "total": int(score[2])}} if score else {}
    return evolve(report, details=details)


REVIEWER = Reviewer(
    module="intercraft",
    kind="agent-native",
    agent=AGENT,
    means=f"the agent `intercraft:review:{AGENT}`",
    shape=SHAPE,
    shape_of="that of this agent's own reports",
    phases=frozenset({"plan-reviewed", "shipping"}),
    deserves=_DESERVES,
    review=partial(ReviewPass, mode="agent-native"),
    notice=partial(Notify, title="An agent-native review was not made"),
    read=read_review,
)


def tell_research(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """A report among other research: by its title."""
    if is_half_written(REVIEWER, path, ctx) or _TITLE.search(read_text(path)):
        yield from tell_file(REVIEWER, path, root, ctx)


def tell_verdict(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """A verdict that was made of a report: the report tells itself, if it can be read; else the verdict does."""
    record = read_object(read_text(path, SIZE))
    status, stated = first_line(record, "status"), first_line(record, "detail_path")
    if status is None:
        return
    detail = find_inside(stated, root, (root,)) if stated else None
    if detail and read_review(read_text(detail, SIZE)).verdict:
        yield from tell_report(REVIEWER, detail, ctx, root=root)
        return
    draft = compose_review(
        REVIEWER,
        _read_verdict(record, status),
        ctx,
        key=fact_key("intercraft", "verdict", os.path.realpath(path), record.get("timestamp") or signature(path)),
        path=detail or path,
        root=root,
    )
    yield evolve(
        draft,
        session_id=first_line(record, "session_id"),
        occurred_at=read_time(record.get("timestamp")) or draft.occurred_at,
        source_hook=f"file:{path.name}",
    )


def tell_audit(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    """The summary of an audit, from the words with which the agent stops: it stands nowhere else."""
    said = value_at(event.raw, "last_assistant_message")
    audit = read_audit(encodable(said)) if event.name == "Stop" and isinstance(said, str) else None
    if audit:
        key = fact_key("intercraft", "audit", event.session_id, audit.details)
        yield compose_review(REVIEWER, audit, ctx, key=key)


def _read_verdict(record: Mapping[str, object], status: str) -> Report:
    """What a verdict file says. Its number of findings is often 0 where its summary names some."""
    counts: Counter[str] = Counter()
    for name, number, first, second in _COUNTED.findall(first_line(record, "summary") or ""):
        counts[name or second] += int(number or first)
    verdict, source = conclude(STATUSES.get(status), counts)
    words = {key: first_line(record, key) for key in ("model", "phase", "summary")}
    known = {**words, "findings_count": first_count(record, "findings_count")}
    details = {key: value for key, value in known.items() if value is not None}
    return Report(verdict=verdict, verdict_source=source, stated=status, counts=dict(counts), details=details)


SOURCES: tuple[Source[Draft], ...] = (
    # A folder is called after a branch, whose slashes make more of them. A look at 300 such folders costs 20 ms so, and
    # 29 ms with "**".
    *(Source(f".clavain/reviews/{place}/{AGENT}.md", partial(tell_file, REVIEWER)) for place in ("*", "*/*", "*/*/*")),
    Source("docs/research/*agent-native*.md", tell_research),
    Source(f".clavain/verdicts/{AGENT}.json", tell_verdict),
)
"""What is watched below a project's root, and what each file tells. A verdict is written after its report."""
