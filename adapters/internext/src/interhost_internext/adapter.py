"""The hooks of the internext adapter: when work is ranked, what is told of it, and who is asked for an opinion."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    Check,
    DiscoverWork,
    HealthSignal,
    HookEvent,
    Intent,
    Level,
    Observation,
    Outcome,
    PhaseTransition,
    hookimpl,
)
from interhost_hookspecs.agents import tell_skill_use
from interhost_hookspecs.checks import check_module, check_program, check_requests
from interhost_hookspecs.phases import canonical_phase
from interhost_hookspecs.positions import is_due, keep, recall
from interhost_hookspecs.reading import plain_line, read_time

from interhost_internext.ranking import rank
from interhost_internext.telling import KIND, MOST, SKILL, advise, request_opinion, tell_candidates, tell_ranking
from interhost_internext.tracker import SCRIPT, State, read_tracker

EVERY = timedelta(minutes=10)
"""A project is not ranked more often, unless somebody asks this adapter by name."""

_HOUR = timedelta(hours=1)
_SESSIONS, _LONGEST = 64, 128


@hookimpl
def on_discover_work(intent: Intent[DiscoverWork], ctx: AdapterContext) -> Outcome | None:
    """Rank the project's open work when candidates were found; when one was chosen, there is nothing to rank."""
    return None if intent.payload.selected is True else _react(intent, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Rank the project's open work when something is done, where the user wants it."""
    if (intent.payload.canonical_to or canonical_phase(intent.payload.to)) != "done":
        return None
    if not ctx.config.is_on("rank_when_done"):
        return Outcome.skipped("rank_when_done is off")
    return _react(intent, ctx)


@hookimpl
def on_health_signal(intent: Intent[HealthSignal], ctx: AdapterContext) -> Outcome | None:
    """Remember that a session's context is full: the next ranking says that it is time to wrap up."""
    if intent.payload.signal != "context_pressure":
        return None
    full, session = recall(ctx, "full"), str(intent.extensions.get("session_id") or intent.context_id)[:_LONGEST]
    full.pop(session, None)
    is_red = intent.payload.level is Level.RED
    if is_red:
        full[session] = [str(intent.project_dir), ctx.now().isoformat()]
    keep(ctx, "full", full, most=_SESSIONS)
    return Outcome.done("the next ranking says so") if is_red else Outcome.skipped("the context is not full")


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell that internext was asked, which answers the requests of that project; its answer is prose in a chat."""
    drafts = tell_skill_use(event, {SKILL}, intent="internext.skill_used@1.0")
    for request in ctx.open_requests(KIND) if drafts and event.cwd else ():
        if request.project_dir and event.cwd and event.cwd.is_relative_to(request.project_dir):
            ctx.close_request(request, f"{SKILL} was used")
    return Observation(drafts=drafts)


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="internext",
        summary="Ranks a project's open work by the tracker's own numbers, and requests internext's opinion on it.",
        homepage="https://github.com/mistakeknot/internext",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the module, its list of skills, ``bd``, and requests that nobody has answered."""
    return [
        check_module(
            ctx, "install the internext plugin or set INTERNEXT_ROOT; without it nothing is ranked", needs=SCRIPT
        ),
        check_program(ctx, "bd", "install Beads; without it nobody knows what there is to do"),
        check_requests(ctx, KIND),
    ]


def _react(intent: Intent[object], ctx: AdapterContext) -> Outcome:
    """Rank, unless something says no."""
    if (root := ctx.module_root()) is None:
        return Outcome.skipped("internext is not installed")
    if (project := intent.project_dir) is None:
        return Outcome.skipped("the project is not known: nothing to rank")
    is_meant = ctx.adapter in intent.consumers
    if not is_due(ctx, f"ranked:{project}", EVERY) and not is_meant:
        return Outcome.skipped(f"{plain_line(project.name)} was ranked within the last {EVERY.seconds // 60} minutes")
    tracker = read_tracker(project, ctx)
    best = rank(tracker.issues, ctx.now())[:MOST]
    is_full = _is_full(project, ctx)
    news = tell_candidates(best, tracker, project, ctx)
    tell_ranking(tracker, len(best), root, intent, ctx, is_full=is_full)
    if tracker.state is State.UNREACHABLE:
        why = f"the tracker cannot be asked: {'; '.join(tracker.failures)}"
        return Outcome.skipped(why) if tracker.missing else Outcome.failed(why)
    if not best:
        none = "there is no open work" if tracker.state is State.EMPTY else "somebody is at work on all there is"
        return Outcome.done(none)
    if is_full:
        return Outcome.done(f"ranked {len(best)} mechanically; the context of a session is full, so nobody is asked")
    request = request_opinion(best, project, ctx)
    if news:
        advise(best, project, request, ctx)
    return Outcome.degraded(f"ranked {len(best)} mechanically; internext's own answer is requested: {request}")


def _is_full(project: Path, ctx: AdapterContext) -> bool:
    """Whether the context of a session in this project was full a short while ago."""
    times = [read_time(at) for place, at in recall(ctx, "full").values() if place == str(project)]
    return any(at is not None and ctx.now() - at < _HOUR for at in times)
