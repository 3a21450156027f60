"""The hooks of the interphase adapter."""

from __future__ import annotations

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, Observation, hookimpl
from interhost_hookspecs.checks import check_file, check_module, check_program

from interhost_interphase.claims import list_claims, observe_hook
from interhost_interphase.discovery import PROBLEM, list_work
from interhost_interphase.facts import list_facts
from interhost_interphase.moves import LIBRARY
from interhost_interphase.reactions import on_artifact_ready, on_phase_transition, on_review_pass
from interhost_interphase.telemetry import TELEMETRY, count_unfinished, list_entries
from interhost_interphase.traces import list_traces, tell_traces

__all__ = ["observe_hook", "on_artifact_ready", "on_phase_transition", "on_review_pass"]


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what interphase wrote since the last look: telemetry first, then what only other traces tell."""
    temporary = ctx.config.path("temporary_dir")
    traces = list_traces(ctx, temporary)  # interphase writes them after the telemetry, so they are read before it
    tail = ctx.tail(ctx.home / TELEMETRY)
    entries = list_entries(tail.lines)
    unfinished = count_unfinished(entries, len(tail.lines), ctx.now())
    tail.give_back(unfinished)
    return Observation(
        drafts=(
            *list_facts(entries[:-1] if unfinished else entries, ctx),
            *tell_traces(traces, entries, ctx),
            *list_claims(ctx, temporary),
            *list_work(ctx),
        )
    )


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="interphase",
        summary="Tells phases, gates, claims and drift of beads; after a safe review, advises or makes the next move.",
        homepage="https://github.com/mistakeknot/interphase",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the telemetry file, ``bd`` and interphase itself."""
    checks = [
        check_file(ctx.home / TELEMETRY, "telemetry", "interphase writes it with the first phase change of a bead"),
        check_program(ctx, "bd", "install Beads; without it no phase can be moved"),
        check_module(
            ctx,
            "install the interphase plugin or set INTERPHASE_ROOT; without it, moves go through bd, past its gates",
            needs=LIBRARY,
        ),
    ]
    return [*checks, _check_discovery(ctx)] if ctx.config.is_on("discover_work") else checks


def _check_discovery(ctx: AdapterContext) -> Check:
    problem = ctx.cursor.get(PROBLEM)
    return Check(
        name="discovery",
        level=CheckLevel.PROBLEM if problem else CheckLevel.OK,
        detail=problem or "no scan failed",
        hint="run interphase's discovery_scan_beads there by hand; it needs bd and a .beads folder",
    )
