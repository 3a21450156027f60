"""The hooks of the interphase adapter."""

from __future__ import annotations

import os
from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    ArtifactReady,
    Check,
    CheckLevel,
    HookEvent,
    Intent,
    Observation,
    Outcome,
    PhaseTransition,
    ReviewPass,
    hookimpl,
)

from interhost_interphase.beads import say_why
from interhost_interphase.claims import list_claims, list_collisions
from interhost_interphase.discovery import PROBLEM, list_work
from interhost_interphase.facts import list_facts
from interhost_interphase.moves import LIBRARY
from interhost_interphase.reactions import follow_artifact, follow_review, follow_transition
from interhost_interphase.telemetry import TELEMETRY, count_unfinished, list_entries
from interhost_interphase.traces import list_traces, tell_traces


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what interphase wrote since the last look: telemetry first, then what only other traces tell."""
    temporary = Path(str(ctx.config.get("temporary_dir") or "/tmp"))  # noqa: S108 - where interphase writes
    traces = list_traces(ctx, temporary)  # interphase writes them after the telemetry, so they are read before it
    tail = ctx.tail(ctx.home / TELEMETRY)
    entries = list_entries(tail.lines)
    ready = entries
    if unfinished := count_unfinished(entries, len(tail.lines), ctx.now()):
        tail.give_back(unfinished)
        ready = entries[:-1]
    return Observation(
        drafts=(
            *list_facts(ready, ctx),
            *tell_traces(traces, entries, ctx),
            *list_claims(ctx, temporary),
            *list_work(ctx),
        )
    )


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell when a shell command tried to claim a bead that another session holds."""
    return Observation(drafts=tuple(list_collisions(event, ctx)))


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Move the bead of a written brainstorm, PRD or plan, where the user wants it."""
    return follow_artifact(intent, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome:
    """Let a bead follow a move that somebody else told, where the user wants it."""
    return follow_transition(intent, ctx)


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome:
    """Say, or do, what a finished review means for the phase of its bead."""
    return follow_review(intent, ctx)


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
    checks = [_check_telemetry(ctx), _check_bd(ctx), _check_module(ctx)]
    return [*checks, _check_discovery(ctx)] if ctx.config.get("discover_work") is True else checks


def _check_telemetry(ctx: AdapterContext) -> Check:
    path = ctx.home / TELEMETRY
    if path.is_file() and not os.access(path, os.R_OK):
        return Check(
            name="telemetry", level=CheckLevel.PROBLEM, detail=f"{path} cannot be read", hint=f"chmod u+r {path}"
        )
    return Check(
        name="telemetry",
        level=CheckLevel.OK if path.is_file() else CheckLevel.NOTE,
        detail=str(path),
        hint="interphase writes it with the first phase change of a bead",
    )


def _check_bd(ctx: AdapterContext) -> Check:
    answer = ctx.run(["bd", "--version"])
    detail = answer.stdout.strip() if answer.ok else "not installed" if answer.missing else say_why(answer)
    level = CheckLevel.OK if answer.ok else CheckLevel.NOTE if answer.missing else CheckLevel.PROBLEM
    return Check(name="bd", level=level, detail=detail, hint="install Beads; without it no phase can be moved")


def _check_module(ctx: AdapterContext) -> Check:
    root = ctx.module_root()
    found = root is not None and (root / LIBRARY).is_file()
    return Check(
        name="module",
        level=CheckLevel.OK if found else CheckLevel.NOTE,
        detail=str(root) if root else "not installed",
        hint="install the interphase plugin or set INTERPHASE_ROOT; without it, moves go through bd, past its gates",
    )


def _check_discovery(ctx: AdapterContext) -> Check:
    problem = ctx.cursor.get(PROBLEM)
    return Check(
        name="discovery",
        level=CheckLevel.PROBLEM if problem else CheckLevel.OK,
        detail=problem or "no scan failed",
        hint="run interphase's discovery_scan_beads there by hand; it needs bd and a .beads folder",
    )
