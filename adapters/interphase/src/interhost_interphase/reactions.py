"""What facts of others mean for the phase of a bead, one function per intent.

Whatever changes a bead is off until the user turns it on: every change is a bead more in the user's tracker.

Source: ``reference/modules/interphase.md`` section 1.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import evolve
from interhost_hookspecs import (
    AdapterContext,
    Advice,
    ArtifactReady,
    Change,
    Intent,
    Outcome,
    PhaseTransition,
    ReviewPass,
    Verdict,
    hookimpl,
)
from interhost_hookspecs.files import short_name
from interhost_hookspecs.phases import PHASES, canonical_phase
from interhost_hookspecs.reading import plain_line

from interhost_interphase.moves import Move, advance
from interhost_interphase.telemetry import OWN_REASON

REVIEWED: Mapping[str, str] = MappingProxyType(
    {"brainstorms": "brainstorm-reviewed", "plans": "plan-reviewed", "prds": "strategy-reviewed"}
)
"""Folder below ``docs`` to the phase that a safe review of a file in it leads to."""

WRITTEN: Mapping[str, str] = MappingProxyType({"brainstorm": "brainstorm", "prd": "strategized", "plan": "planned"})
"""Kind of artifact to the phase that a bead is in once it is written."""


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome:
    """Say, or do, what a finished review means for the phase of its bead."""
    verdict = intent.payload.verdict
    if verdict is not Verdict.SAFE:
        return Outcome.skipped(f"the review finished {verdict or 'unreadable'}: no phase change")
    target, project = _find_reviewed_phase(intent.artifact_path)
    if target is None:
        return Outcome.skipped("the review is not about a brainstorm, a PRD or a plan: no phase change")
    act = advance if ctx.config.is_on("advance_on_review") else partial(_advise, counts=intent.payload.counts)
    return _follow(intent, target, ctx, act, project=project)


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Move the bead of a written brainstorm, PRD or plan to the phase of that name, where the user wants it."""
    target = WRITTEN.get(intent.payload.kind)
    if target is None:
        return None
    if not ctx.config.is_on("advance_on_artifact"):
        return Outcome.skipped("advance_on_artifact is off")
    if intent.payload.change is Change.REMOVED:
        return Outcome.skipped("the artifact was removed: no phase change")
    return _follow(intent, target, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome:
    """Let a bead follow a move that somebody else told, where the user wants it."""
    if not ctx.config.is_on("follow_transitions"):
        return Outcome.skipped("follow_transitions is off")
    target = canonical_phase(intent.payload.to)
    if target is None:
        return Outcome.skipped(f"interphase has no phase {intent.payload.to or '(empty)'}: no phase change")
    return _follow(intent, target, ctx, partial(_join, run_id=intent.payload.run_id))


def _follow(
    intent: Intent[Any],
    target: str,
    ctx: AdapterContext,
    act: Callable[[Move, AdapterContext], Outcome] = advance,
    *,
    project: Path | None = None,
) -> Outcome:
    """Make the move an intent asks for, or say why it asks for none."""
    project = intent.project_dir or project
    if intent.bead is None:
        return Outcome.skipped(f"{intent.context_id} is not a bead: no phase change")
    if project is None:
        return Outcome.skipped(f"the project of {intent.bead} is not known: no phase change")
    reason = f"{OWN_REASON}{intent.event_id}"
    return act(
        Move(bead=intent.bead, target=target, project=project, reason=reason, artifact=intent.artifact_path), ctx
    )


def _join(move: Move, ctx: AdapterContext, *, run_id: str | None) -> Outcome:
    """Follow a move that was told already, with the bead alone where a run made it."""
    return advance(evolve(move, is_told=True, run_id=run_id), ctx)


def _find_reviewed_phase(artifact: Path | None) -> tuple[str | None, Path | None]:
    """The phase that a safe review of a file leads to, by its folder, and the project it lies in."""
    for folder in artifact.parents if artifact else ():
        if folder.parent.name == "docs" and folder.name in REVIEWED:
            return REVIEWED[folder.name], folder.parent.parent
    return None, None


def _advise(move: Move, ctx: AdapterContext, *, counts: Mapping[str, int]) -> Outcome:
    """Say that a bead may move, instead of moving it."""
    if move.target not in PHASES:
        return Outcome.skipped(f"interphase has no phase {move.target}: no phase change")
    file = plain_line(short_name(move.artifact, move.project)) if move.artifact else None
    found = plain_line(", ".join(f"{count} {name}" for name, count in sorted(counts.items()))) or "no findings"
    text = f"Review of {file} finished safe ({found}). interphase would move {move.bead} to {move.target}."
    ctx.advise(Advice(text=text, context_id=move.bead))
    return Outcome.done(f"advised that {move.bead} may move to {move.target}")
