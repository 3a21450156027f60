"""A findings.json, read: from whatever JSON object a review wrote to what it proves.

The files are written by a language model after one of three descriptions of the format, and of the real ones more
than a third state a verdict that their own severities contradict. So the verdict is counted again, every key is
optional, and a value of the wrong type is as good as absent. "Safe" has to be proved; what cannot be is ``None``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import Factory, field, frozen

from interhost_hookspecs.catalogue import Finding, Verdict, VerdictSource
from interhost_hookspecs.reading import (
    compact,
    first_count,
    first_line,
    first_names,
    first_paths,
    one_line,
    read_json,
    value_at,
)

LEVELS = ("P0", "P1", "P2", "P3")

# Every place where a real file kept a fact, first hit wins; a dot leads into an object, "" is the document itself.
ITEM_LISTS = ("findings", "new_findings")
HIGHLIGHTS = {"p0_findings": "P0", "top_convergent_findings": ""}
SUMMARIES = (
    *("findings_summary", "severity_summary", "summary_by_severity"),
    *("metadata.by_severity", "verdict_detail", ""),
)
LEVEL_KEYS = {level: (level, (low := level.lower()), f"{low}_count", f"{low}_findings") for level in LEVELS}
INPUTS = ("input", "plan", "metadata.document")
BEADS = ("bead", "bead_id", "metadata.bead", "metadata.bead_id")
DATES = ("reviewed", "metadata.reviewed", "metadata.review_date")
LAUNCHED = ("agents_launched", "metadata.agents_launched")
COMPLETED = ("agents_completed", "agents_complete_list", "agents_complete", "metadata.agents_completed")
FAILED = ("agents_failed", "metadata.agents_failed")
TITLES = ("title", "summary", "description")


@frozen(kw_only=True)
class Review:
    """What one findings.json says. The defaults are those of a file that cannot be read.

    Attributes:
        verdict: Counted from the severities; ``None`` when they prove nothing.
        verdict_source: Whether there was anything to count.
        stated_verdict: The file's own verdict.
        counts: Findings per level, and improvements as ``IMP``; empty when nothing could be counted.
        findings: Every finding the file lists; a severity that is no level is empty.
        inputs: What was reviewed.
        bead: What the file calls its bead; not yet held against the pattern.
        reviewed: The file's own date.
        launched: Agents that were started, when they are named.
        completed: Agents that answered, when they are named.
        failed: Agents that did not, when they are named.
    """

    verdict: Verdict | None = None
    verdict_source: VerdictSource = VerdictSource.UNREADABLE
    stated_verdict: str | None = None
    counts: Mapping[str, int] = field(default=Factory(dict))
    findings: tuple[Finding, ...] = ()
    inputs: tuple[str, ...] = ()
    bead: str | None = None
    reviewed: str | None = None
    launched: tuple[str, ...] | None = None
    completed: tuple[str, ...] | None = None
    failed: tuple[str, ...] | None = None

    @property
    def top(self) -> tuple[Finding, ...]:
        """The gravest findings, at most five, in the file's order within a level."""
        return tuple(sorted((item for item in self.findings if item.severity), key=lambda item: item.severity)[:5])


def parse_review(data: bytes) -> Review | None:
    """Read the bytes of a findings.json; ``None`` when they are not one JSON object."""
    document = read_json(data)
    return read_review(document) if isinstance(document, dict) else None


def read_review(document: Mapping[str, object]) -> Review:
    """Say what a findings object proves, whatever its values are."""
    listed = _listed(document)
    claims = [claim for key in SUMMARIES if (claim := _claim(value_at(document, key)))]
    counted = next(iter(claims), None) if listed is None else Counter(item.severity for item in listed)
    verdict = _verdict(document, listed, claims, counted)
    unread = counted is None and verdict is None
    stated = document.get("verdict")
    overall = value_at(stated, "overall")
    return Review(
        verdict=verdict,
        verdict_source=VerdictSource.UNREADABLE if unread else VerdictSource.RECOMPUTED,
        stated_verdict=compact(overall if isinstance(overall, str) else stated),
        counts={} if counted is None else _counts(document, counted),
        findings=_highlights(document) if listed is None else listed,
        inputs=first_paths(document, *INPUTS),
        bead=first_line(document, *BEADS),
        reviewed=first_line(document, *DATES),
        launched=first_names(document, *LAUNCHED),
        completed=first_names(document, *COMPLETED),
        failed=first_names(document, *FAILED),
    )


def _verdict(
    document: Mapping[str, object],
    listed: tuple[Finding, ...] | None,
    claims: list[Mapping[str, int]],
    counted: Mapping[str, int] | None,
) -> Verdict | None:
    """The verdict that the evidence proves: the gravest finding decides, then silence, then the lack of either."""
    launched, completed = first_count(document, *LAUNCHED), first_count(document, *COMPLETED)
    if grave := _grave(counted or {}):
        return grave
    if launched and completed == 0:
        return Verdict.ERROR
    if counted is None or any(map(_grave, claims)):  # a summary names a P0 or P1 that the list does not have
        return None
    if listed is None:
        complete = "P0" in counted and "P1" in counted
    else:
        lists_read = all(isinstance(document.get(key), list | None) for key in ITEM_LISTS)
        complete = lists_read and all(item.severity for item in listed)
    looked = bool(sum(counted.values()) or completed)  # nothing found proves nothing when nobody looked
    return Verdict.SAFE if complete and looked else None


def _grave(counted: Mapping[str, int]) -> Verdict | None:
    if counted.get("P0"):
        return Verdict.RISKY
    return Verdict.NEEDS_CHANGES if counted.get("P1") else None


def _counts(document: Mapping[str, object], counted: Mapping[str, int]) -> Mapping[str, int]:
    improvements = document.get("improvements")
    return {
        **{level: counted.get(level, 0) for level in LEVELS},
        "IMP": len(improvements) if isinstance(improvements, list) else 0,
    }


def _claim(summary: object) -> Mapping[str, int]:
    """Findings per level as a severity summary states them; levels it does not state are left out."""
    stated = {level: first_count(summary, *keys) for level, keys in LEVEL_KEYS.items()}
    return {level: count for level, count in stated.items() if count is not None}


def _listed(document: Mapping[str, object]) -> tuple[Finding, ...] | None:
    """Findings of the item lists, one that stands in both once; ``None`` when there is no list."""
    found: tuple[Finding, ...] | None = None
    for key in ITEM_LISTS:
        if isinstance(items := document.get(key), list):
            known = frozenset(found or ())
            found = (found or ()) + tuple(item for item in map(_finding, items) if item not in known)
    return found


def _highlights(document: Mapping[str, object]) -> tuple[Finding, ...]:
    """The few findings that a file without item lists names: worth showing, too few to count."""
    lists = ((document.get(key), level) for key, level in HIGHLIGHTS.items())
    return tuple(_finding(item, level) for items, level in lists if isinstance(items, list) for item in items)


def _finding(item: object, level: str = "") -> Finding:
    """One item of a list; its severity is ``level`` when it states none of ours."""
    severity = (one_line(value_at(item, "severity")) or "").upper()
    identifier, agents = value_at(item, "id"), value_at(item, "agents")
    names = agents if isinstance(agents, list) else [value_at(item, "agent")]
    return Finding(
        severity=severity if severity in LEVELS else level,
        title=first_line(item, *TITLES) or "untitled",
        id=one_line(str(identifier) if isinstance(identifier, int) else identifier),
        agents=tuple(name for name in map(one_line, names) if name) or None,
    )
