"""The hooks of the intersearch adapter."""

from __future__ import annotations

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    ArtifactReady,
    Change,
    Check,
    CheckLevel,
    DiscoverWork,
    Intent,
    Observation,
    Outcome,
    OutcomeKind,
    PhaseTransition,
    StartSprint,
    hookimpl,
)
from interhost_hookspecs.checks import check_module
from interhost_hookspecs.phases import canonical_phase

from interhost_intersearch.answers import observe_hook
from interhost_intersearch.engine import INTERPRETER
from interhost_intersearch.related import advise_related
from interhost_intersearch.store import list_indexes
from interhost_intersearch.upkeep import keep_files
from interhost_intersearch.watch import tell_stores

__all__ = ["observe_hook"]

KINDS = frozenset({"plan", "prd", "brainstorm"})
"""Artifacts that begin something: what is related to them is worth knowing."""

PHASES = frozenset({"brainstorm", "planned"})
"""Phases before whose work the documents should be searchable."""

# Every part of a project's path counts for intersearch, also those above the project (trap 4); these are documented.
_SKIPPED = frozenset({"build", "dist", "target", "vendor", "venv"})


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what happened to the stores of the known projects since the last look."""
    return Observation(drafts=tuple(tell_stores(ctx)))


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Say what is related to a plan, PRD or brainstorm; where the user wants it, keep the index of any file."""
    path, is_kept = intent.artifact_path, ctx.config.is_on("keep_index")
    kept = keep_files(intent.project_dir, [path], ctx) if path and is_kept else None
    is_gone = intent.payload.change is Change.REMOVED
    if path is None or is_gone or intent.payload.kind not in KINDS or (kept and kept.kind is OutcomeKind.FAILED):
        return kept
    return advise_related(intent, path, ctx)


@hookimpl
def on_discover_work(intent: Intent[DiscoverWork], ctx: AdapterContext) -> Outcome:
    """Say what is related to work that was chosen, or stands first."""
    if intent.payload.selected is not True and (intent.payload.rank or 1) > 1:
        return Outcome.skipped("only work that was chosen or stands first is looked up")
    return advise_related(intent, intent.payload.title, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Index the documents when a brainstorm or a plan is about to be worked on, where the user wants it."""
    if (intent.payload.canonical_to or canonical_phase(intent.payload.to)) not in PHASES:
        return None
    return _keep_documents(intent, ctx)


@hookimpl
def on_start_sprint(intent: Intent[StartSprint], ctx: AdapterContext) -> Outcome:
    """Index the documents that changed since they were indexed, where the user wants it."""
    return _keep_documents(intent, ctx)


def _keep_documents(intent: Intent[PhaseTransition] | Intent[StartSprint], ctx: AdapterContext) -> Outcome:
    if not ctx.config.is_on("keep_index"):
        return Outcome.skipped("keep_index is off")
    return keep_files(intent.project_dir, None, ctx)


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="intersearch",
        summary="Tells when a project's index by meaning changes or is lost; says what is related to new work.",
        homepage="https://github.com/mistakeknot/intersearch",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for intersearch, its environment, and indexes that are not what they seem."""
    return [
        check_module(
            ctx,
            "install the intersearch plugin, or set INTERHOST_INTERSEARCH_ROOT, and run `uv sync` in its folder; "
            "without it, indexes are only watched",
            needs=INTERPRETER,
        ),
        _check_indexes(ctx),
    ]


def _check_indexes(ctx: AdapterContext) -> Check:
    """How many projects have an index; those that have two, and those that never get one."""
    indexes = list_indexes(ctx)
    twice = [one for one in indexes if any(two.project == one.project and two is not one for two in indexes)]
    hidden = [one for one in ctx.projects if _SKIPPED & set(one.parts)]
    detail, hint = f"projects with an index: {len({one.project for one in indexes})}", ""
    if twice:
        detail = f"{twice[0].project} has several indexes, one per spelling of its path"
        hint = f"use the one of {twice[0].spelling!r}, and remove {twice[1].path.parent}"
    elif hidden:
        why = ", ".join(sorted(_SKIPPED & set(hidden[0].parts)))
        detail = f"intersearch finds no file of {hidden[0]}, because it skips every path with {why}"
        hint = "move the project, or index single files"
    return Check(name="indexes", level=CheckLevel.NOTE if hint else CheckLevel.OK, detail=detail, hint=hint)
