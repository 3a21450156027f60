"""What comes of a ranking: facts, a request for internext's own opinion, and a word to the sessions at work.

Source: ``reference/modules/internext.md`` sections 7.4 and 7.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from interhost_hookspecs import AdapterContext, Advice, DiscoverWork, Draft, Intent, Severity
from interhost_hookspecs.positions import list_new
from interhost_hookspecs.reading import plain_line

from interhost_internext.ranking import METHOD, Candidate
from interhost_internext.tracker import State, Tracker, read_top_skills

SKILL = "internext:next-work"
"""The skill that answers for internext."""

KIND = "next-work"
"""Kind of the requests for internext's own answer."""

MOST = 5
"""Candidates that are told of one ranking."""

REQUEST = """\
# What next in {name}?

Ranked mechanically, by numbers of the tracker; this is not internext's opinion:

{ranking}

For a recommendation that weighs what it brings, what it costs and what can go wrong, type in a session there:

    /{skill}

This waits for 24 hours, or until that skill is used.
"""

_LIFETIME, _ADVICE_LIFE = timedelta(hours=24), timedelta(hours=1)


def tell_candidates(best: Sequence[Candidate], tracker: Tracker, project: Path, ctx: AdapterContext) -> bool:
    """Tell the candidates that are new, or stand elsewhere than in the last ranking; whether there are any."""
    if tracker.state is State.UNREACHABLE:
        return False
    places = {one.bead: (place, one) for place, one in enumerate(best, 1)}
    states = {
        one.bead: [place, one.priority, one.status, one.claim.state if one.claim else None]
        for place, one in places.values()
    }
    news = list_new(ctx, f"seen:{project}", states)
    for bead in news:
        ctx.publish(_compose(*places[bead], project))
    return bool(news)


def _compose(place: int, one: Candidate, project: Path) -> Draft:
    claim = {"holder": one.claim.holder, "state": one.claim.state, "minutes": one.claim.minutes} if one.claim else None
    return Draft(
        payload=DiscoverWork(
            action="continue" if one.status == "in_progress" else "start",
            title=one.title,
            priority=one.priority,
            rank=place,
            score=float(one.score),
            method=METHOD,
            reasons=one.reasons,
            phase=one.phase,
            stale=True if one.claim and one.claim.state == "stale" else None,
        ),
        context_id=one.bead,
        project_dir=project,
        source_hook="cli:bd",
        extensions={
            "status": one.status,
            "dependent_count": one.dependents,
            **({"claim": claim} if claim else {}),
        },
    )


def tell_ranking(
    tracker: Tracker, count: int, root: Path, intent: Intent[object], ctx: AdapterContext, *, is_full: bool
) -> None:
    """Tell that a ranking was made, or could not be: it says which, also when there is nothing to tell besides."""
    skills, problem = read_top_skills(root, intent.project_dir or root, ctx)
    payload = {
        "method": METHOD,
        "tracker": str(tracker.state),
        "candidates": count,
        "for_event_id": intent.event_id,
        "top_skills": skills,
        "failures": [*tracker.failures, *filter(None, [problem])],
        **({"advice": "wrap_up"} if is_full else {}),
    }
    ctx.publish(
        Draft(
            payload=payload,
            intent="internext.ranked@1.0",
            context_id=intent.context_id,
            severity=Severity.WARN if tracker.failures else Severity.INFO,
            source_hook="cli:bd",
        )
    )


def request_opinion(best: Sequence[Candidate], project: Path, ctx: AdapterContext) -> Path:
    """The request for internext's own answer; one for a project is enough."""
    waiting = [one for one in ctx.open_requests(KIND) if one.project_dir == project]
    if waiting:
        return waiting[0].path
    text = REQUEST.format(name=plain_line(project.name), ranking="\n".join(_lines(best)), skill=SKILL)
    return ctx.request(KIND, text, {"skill": SKILL}, expires=ctx.now() + _LIFETIME)


def advise(best: Sequence[Candidate], project: Path, request: Path, ctx: AdapterContext) -> None:
    """Say the ranking to whoever works in the project."""
    said = " ".join(_lines(best))
    text = (
        f"Open work of {plain_line(project.name)}, ranked mechanically by interhost (not internext's opinion): {said} "
        f"The skill {SKILL} gives internext's own recommendation; it is requested in {request}."
    )
    ctx.advise(Advice(text=text, context_id=f"project:{project.name}", expires=ctx.now() + _ADVICE_LIFE))


def _lines(best: Sequence[Candidate]) -> Iterator[str]:
    for place, one in enumerate(best, 1):
        yield f"{place}. {one.bead} {one.title}" + (f" ({'; '.join(one.reasons)})" if one.reasons else "")
