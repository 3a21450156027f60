"""The hooks of the interdoc adapter."""

from __future__ import annotations

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, Observation, hookimpl
from interhost_hookspecs.checks import check_module, check_program
from interhost_hookspecs.sources import tell_changes

from interhost_interdoc.documents import observe_hook
from interhost_interdoc.fixing import on_coordination
from interhost_interdoc.reactions import on_drift_detected, on_phase_transition
from interhost_interdoc.repository import find_repository
from interhost_interdoc.reviews import SOURCES
from interhost_interdoc.scripts import FIX
from interhost_interdoc.watch import list_problems, tell_moves

__all__ = ["observe_hook", "on_coordination", "on_drift_detected", "on_phase_transition"]


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what happened to the documents of every repository since the last look."""
    repositories = [one for project in ctx.projects if (one := find_repository(project))]
    reviews = (draft for one in repositories for draft in tell_changes(SOURCES, one.root, ctx))
    return Observation(drafts=(*tell_moves(repositories, ctx), *reviews))


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="interdoc",
        summary="Tells when AGENTS.md falls behind, is written or reviewed; before shipping, says or does what helps.",
        homepage="https://github.com/mistakeknot/interdoc",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for interdoc and git, and for what could not be found out about a repository."""
    problems = list_problems(ctx)
    return [
        check_module(
            ctx,
            "install the interdoc plugin or set INTERHOST_INTERDOC_ROOT; without it, staleness is counted from git",
            needs=FIX,
        ),
        check_program(ctx, "git", "install git; without it nothing is told"),
        Check(
            name="documents",
            level=CheckLevel.PROBLEM if problems else CheckLevel.OK,
            detail=problems[0] if problems else f"projects known: {len(ctx.projects)}",
            hint="run the script that is named there by hand" if problems else "",
        ),
    ]
