"""The order of work: internext's published rules, as far as numbers can follow them. No model has a part in it.

Source: ``reference/modules/internext.md`` sections 7.2 and 7.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from attrs import frozen
from interhost_hookspecs.phases import clean_phase
from interhost_hookspecs.reading import first_count, first_line, is_bead, plain_line

METHOD = "mechanical"
"""How every rank here came about."""

KINDS = ("bug", "feature", "task", "chore")
"""Kinds of issues, the first of which is preferred; any other comes last."""

HOT, STALE = 15, 45
"""Minutes: a claim younger than the first is at work, one older than the second is abandoned."""

# What Clavain writes into a claim that was given back, and bd into one that was never there.
_NOBODY = ("", "released", "unknown", "(no claimed_by state set)")
_NO_WORK = frozenset({"event", "gate", "molecule"})
_MOST_DEPENDENTS, _LEAST_URGENT = 99, 4


@frozen(kw_only=True)
class Claim:
    """Who holds an issue.

    Attributes:
        holder: The session, or whatever else names itself.
        minutes: How long ago it was last confirmed; ``None`` when nobody says.
    """

    holder: str
    minutes: int | None

    @property
    def state(self) -> str:
        """``hot``, ``warm``, ``stale``, or ``unknown`` when nobody says how old it is."""
        if self.minutes is None:
            return "unknown"
        return "hot" if self.minutes < HOT else "warm" if self.minutes <= STALE else "stale"


@frozen(kw_only=True)
class Candidate:
    """An issue that may be worked on.

    Attributes:
        bead: Its id.
        title: What it is, in one line.
        status: As the tracker has it.
        priority: Likewise; 0 is the most urgent.
        kind: Likewise.
        dependents: How many others wait for it.
        created: When it was filed, as the tracker writes it; ``~``, which sorts last, when nobody says.
        phase: Its phase, if it has one.
        claim: Who holds it, if anybody does.
    """

    bead: str
    title: str
    status: str
    priority: int | None
    kind: str | None
    dependents: int
    created: str
    phase: str | None
    claim: Claim | None

    @property
    def is_left(self) -> bool:
        """Whether it was begun and nobody is at it."""
        return self.status == "in_progress" and (self.claim is None or self.claim.state == "stale")

    @property
    def score(self) -> int:
        """The rules as the digits of a number: left by somebody (1), waiting for it (2), urgency (1), kind (1)."""
        urgency = _LEAST_URGENT - min(_LEAST_URGENT if self.priority is None else self.priority, _LEAST_URGENT)
        preference = len(KINDS) - KINDS.index(self.kind) if self.kind in KINDS else 0
        return self.is_left * 10_000 + min(self.dependents, _MOST_DEPENDENTS) * 100 + urgency * 10 + preference

    @property
    def reasons(self) -> tuple[str, ...]:
        """The same in words."""
        age = (
            f"{self.claim.minutes} minutes ago" if self.claim and self.claim.minutes is not None else "nobody says when"
        )
        reasons = (
            "begun, and nobody works on it" if self.is_left else "",
            f"{self.dependents} wait for it" if self.dependents else "",
            f"priority {self.priority}" if self.priority is not None else "",
            self.kind if self.kind in KINDS else "",
            f"claimed by {self.claim.holder}, {age}" if self.claim else "",
        )
        return tuple(filter(None, reasons))


def rank(issues: Iterable[Mapping[str, object]], now: datetime) -> list[Candidate]:
    """Put issues in order, best first. What somebody is working on right now is left out, and so is what is no work.

    Begun and abandoned first, then what unblocks most, then urgency, kind, and age.

    Args:
        issues: As ``bd`` lists them; one that is listed twice counts once.
        now: To tell how old a claim is.
    """
    known = {bead: issue for issue in issues if is_bead(bead := issue.get("id"))}
    found = [_read(bead, issue, now) for bead, issue in known.items()]
    kept = [one for one in found if not (one.claim and one.claim.state == "hot") and one.kind not in _NO_WORK]
    return sorted(kept, key=lambda one: (-one.score, one.created, one.bead))


def read_claim(labels: object, now: datetime) -> Claim | None:
    """The claim that an issue's labels state, as ``bd set-state`` leaves them; ``None`` when nobody holds it."""
    texts = [one for one in labels if isinstance(one, str)] if isinstance(labels, list) else []
    states = dict(one.split(":", 1) for one in texts if ":" in one)
    holder, since = plain_line(states.get("claimed_by", "")) or "", states.get("claimed_at", "")
    if holder in _NOBODY:
        return None
    seconds = int(since) if since.isdecimal() and len(since) < 12 else 0
    minutes = max(0, int(now.timestamp() - seconds) // 60) if seconds else None
    return Claim(holder=holder, minutes=minutes)


def _read(bead: str, issue: Mapping[str, object], now: datetime) -> Candidate:
    return Candidate(
        bead=bead,
        title=plain_line(issue.get("title")) or bead,
        status=first_line(issue, "status") or "unknown",
        priority=first_count(issue, "priority"),
        kind=first_line(issue, "issue_type"),
        dependents=first_count(issue, "dependent_count") or 0,
        created=first_line(issue, "created_at") or "~",
        phase=_phase(issue.get("labels")),
        claim=read_claim(issue.get("labels"), now),
    )


def _phase(labels: object) -> str | None:
    texts = labels if isinstance(labels, list) else []
    found = (one.removeprefix("phase:") for one in texts if isinstance(one, str) and one.startswith("phase:"))
    return next(filter(None, map(clean_phase, found)), None)
