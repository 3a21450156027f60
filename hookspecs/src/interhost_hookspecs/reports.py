"""A review's report, written by a model after a template, or not quite: what it says at the end.

A good verdict has to be all that its line says; a bad one may be followed by reasons. What cannot be read is no
verdict, and never a pass. Three shapes are known: a list of findings with a verdict of ours, a template with sections,
and a real report with a verdict in many places, not all of them about the whole.

Source: ``reference/modules/intercraft.md`` section 8.2.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from attrs import Factory, field, frozen

from interhost_hookspecs.catalogue import Finding, Verdict, VerdictSource
from interhost_hookspecs.reading import encodable, plain_line

SIZE = 1 << 20
"""Bytes of a report that are read."""

GRAVE = ("P0", "critical")
"""Names under which the gravest findings are counted."""

SECTIONS: Mapping[str, str] = {
    "critical issues": "critical",
    "warnings": "warnings",
    "observations": "observations",
    "issues": "issues",
}
"""Headings whose list items are findings, as they begin, and what these are counted as."""

_VERDICT = re.compile(r"(?:(?P<overall>overall|final) )?verdict ?[:\u2013\u2014-] ?(?P<said>.*)", re.IGNORECASE)
_GOOD = re.compile(r"(?:pass|safe)(?: ?\( ?\d+ ?/ ?\d+[^()]*\))?\.?", re.IGNORECASE)
_BAD = re.compile(r"(?:(?P<work>needs[ -]work|needs-changes)|risky)(?![\w/]| /| or )", re.IGNORECASE)
_MARKUP = str.maketrans("", "", "*_`#>|~[]")
_INDEX = re.compile(r"\s{0,3}[-*] *\**(P[0-3]|[A-Z]{3,12})\** *\|([^|\n]*)\|(?:[^|\n]*\|)?(.*)$")
_HEADED = re.compile(r"#{2,6} +(P[0-3])\s*:\s*(\S.*)$")
_HEADING = re.compile(r"#{1,6} +(.*)$")
_ITEM = re.compile(r"(?:[-*+]|\d{1,3}[.)]) +(\S.*)$")
_NOTHING = re.compile(r"\W*(?:none|nothing|n/a|no (?:\w+ )*(?:issues|warnings|observations|findings))\b", re.IGNORECASE)
_ORDER = (*("P0", "critical", "P1", "warnings", "P2"), *("issues", "P3", "observations"))


@frozen(kw_only=True)
class Report:
    """What a report says. The defaults are those of one that cannot be read.

    Attributes:
        verdict: What it concludes, or worse where its own findings are; ``None`` when nobody can tell.
        verdict_source: Whether the verdict is the report's own word.
        stated: The words of the verdict.
        counts: Findings by severity, as the report names it.
        top: The gravest findings, at most five.
        details: What else it has, such as a score.
        mode: Kind of review, where the report is of another kind than the reviewer's usual ones.
    """

    verdict: Verdict | None = None
    verdict_source: VerdictSource = VerdictSource.UNREADABLE
    stated: str | None = None
    counts: Mapping[str, int] = field(default=Factory(dict))
    top: tuple[Finding, ...] = ()
    details: Mapping[str, object] = field(default=Factory(dict))
    mode: str | None = None

    @property
    def is_grave(self) -> bool:
        """Whether it has findings of the gravest kind."""
        return any(self.counts.get(name) for name in GRAVE)


def read_report(text: str) -> Report:
    """Read a report, whatever it is."""
    lines = encodable(text[:SIZE]).splitlines()
    findings = list(_list_index(lines)) or list(_list_headed(lines)) or list(_list_sections(lines))
    counts = Counter(one.severity for one in findings)
    stated, words = _find_verdict(lines)
    verdict, source = conclude(stated, counts)
    return Report(
        verdict=verdict,
        verdict_source=source,
        stated=words,
        counts=dict(counts),
        top=tuple(sorted(findings, key=lambda one: _rank(one.severity))[:5]),
    )


def conclude(stated: Verdict | None, counts: Mapping[str, int]) -> tuple[Verdict | None, VerdictSource]:
    """The verdict that a report states, or the worse one that its own findings are, and which of them it is.

    Without a stated one there is none: findings alone do not say that the review came to its end.
    """
    if stated is None:
        return None, VerdictSource.UNREADABLE
    proved = _prove(counts)
    if proved and _gravity(proved) > _gravity(stated):
        return proved, VerdictSource.RECOMPUTED
    return stated, VerdictSource.STATED


def _find_verdict(lines: list[str]) -> tuple[Verdict | None, str | None]:
    """The overall verdict, the last if there are several; without any the first, unless it is good and another is not.

    A line that says "overall" and cannot be read leaves nothing to believe.
    """
    said = [(found["overall"], found["said"].strip()) for line in lines if (found := _VERDICT.fullmatch(_plain(line)))]
    overall = [words for is_overall, words in said if is_overall]
    if overall:
        return _judge(overall[-1]), plain_line(overall[-1]) or None
    known = [(verdict, words) for _, words in said if (verdict := _judge(words))]
    worse = [one for one in known if one[0] is not Verdict.SAFE]
    for verdict, words in (*worse, *known):
        return verdict, plain_line(words)
    return None, None


def _judge(words: str) -> Verdict | None:
    words = words.strip("✅❌⚠️ ")
    if _GOOD.fullmatch(words):
        return Verdict.SAFE
    found = _BAD.match(words)
    return None if not found else Verdict.NEEDS_CHANGES if found["work"] else Verdict.RISKY


def _prove(counts: Mapping[str, int]) -> Verdict | None:
    """What the findings alone say, by the rule of :class:`Verdict`; a critical issue is one that must be fixed."""
    if counts.get("P0"):
        return Verdict.RISKY
    return Verdict.NEEDS_CHANGES if counts.get("P1") or counts.get("critical") else None


def _plain(line: str) -> str:
    """A line without markup, list marker and spare blanks."""
    return " ".join(line[:2000].translate(_MARKUP).split()).lstrip("-+• ")


def _list_index(lines: list[str]) -> Iterator[Finding]:
    """``- SEVERITY | ID | "Section" | Title``."""
    for line in lines:
        if found := _INDEX.match(line[:2000]):
            yield _finding(found[1], found[3], identifier=found[2])


def _list_headed(lines: list[str]) -> Iterator[Finding]:
    """``### P1: Title``."""
    for line in lines:
        if found := _HEADED.match(line[:2000]):
            yield _finding(found[1], found[2])


def _list_sections(lines: list[str]) -> Iterator[Finding]:
    """The list items below headings that say what they are."""
    severity = ""
    for line in lines:
        if heading := _HEADING.match(line[:2000]):
            title = _plain(heading[1]).lower()
            severity = next((name for begin, name in SECTIONS.items() if title.startswith(begin)), "")
        elif severity and (item := _ITEM.match(line[:2000])) and not _NOTHING.match(item[1]):
            yield _finding(severity, item[1])


def _finding(severity: str, title: str, *, identifier: str = "") -> Finding:
    return Finding(severity=severity, title=plain_line(_plain(title)) or "untitled", id=plain_line(identifier) or None)


def _gravity(verdict: Verdict) -> int:
    return (Verdict.SAFE, Verdict.NEEDS_CHANGES, Verdict.RISKY, Verdict.ERROR).index(verdict)


def _rank(severity: str) -> int:
    return _ORDER.index(severity) if severity in _ORDER else len(_ORDER)
