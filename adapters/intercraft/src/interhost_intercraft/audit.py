"""The summary of an audit: a table of principles and an overall percentage, which exists in the chat only.

Source: ``reference/modules/intercraft.md`` section 8.2 (a).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from interhost_hookspecs import Verdict, VerdictSource
from interhost_hookspecs.reading import plain_line
from interhost_hookspecs.reports import SIZE, Report

MODE = "agent-native-audit"
"""Mode of a review that was an audit."""

SHAPE = """\
## Agent-Native Architecture Review: Name of the project
| Core Principle | Score | Percentage | Status |
|---|---|---|---|
| Name of the principle | 3/4 | 75% | fair |
**Overall Agent-Native Score: 75%**
"""

GOOD, FAIR = 80, 50
"""Percentages from which a principle, or the whole, is good or fair, by the audit's own legend."""

_HEADING = re.compile(r"^#{1,4} +Agent-Native Architecture Review\b", re.MULTILINE)
_ROW = re.compile(
    r"^\| *([^|\n]{1,80}?) *\| *(\d{1,6}) */ *(\d{1,6}) *\| *(\d{1,3})(?:\.\d+)? ?% *\|[^|\n]{0,40}\|?[ \t]*$",
    re.MULTILINE,
)
_OVERALL = re.compile(r"^[*_ ]*Overall Agent-Native Score:?[*_ ]*:? *(\d{1,3})(?:\.\d+)? ?%[*_ ]*$", re.MULTILINE)


def read_audit(text: str) -> Report | None:
    """The summary in a text; ``None`` when there is none with an overall score and a table."""
    text = text[:SIZE]
    rows, overall = _ROW.findall(text), _OVERALL.findall(text)
    if not rows or not overall or not _HEADING.search(text):
        return None
    percent = int(overall[-1])
    principles = [
        (plain_line(name.strip("*_` ")), int(have), int(total), int(part)) for name, have, total, part in rows
    ]
    return Report(
        verdict=_judge([percent, *(part for *_, part in principles)]),
        verdict_source=VerdictSource.RECOMPUTED,
        stated=f"Overall Agent-Native Score: {percent}%",
        counts=_count([part for *_, part in principles]),
        details={
            "overall_pct": percent,
            "principles": {name: {"have": have, "total": total, "pct": part} for name, have, total, part in principles},
        },
        mode=MODE,
    )


def _judge(percents: Sequence[int]) -> Verdict:
    """The first is the whole. It is good only where no principle is bad."""
    if percents[0] < FAIR:
        return Verdict.RISKY
    return Verdict.SAFE if percents[0] >= GOOD and min(percents) >= FAIR else Verdict.NEEDS_CHANGES


def _count(percents: Sequence[int]) -> Mapping[str, int]:
    good, bad = sum(one >= GOOD for one in percents), sum(one < FAIR for one in percents)
    return {"good": good, "fair": len(percents) - good - bad, "bad": bad}
