"""What facts of others mean for the phase of a bead, one function per intent.

Whatever changes a bead is off until the user turns it on: every change is a bead more in the user's tracker.

Source: ``reference/modules/interphase.md`` section 1.7.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from attrs import evolve
from interhost_hookspecs import (
    BEAD_ID,
    AdapterContext,
    Advice,
    ArtifactReady,
    Change,
    Intent,
    Outcome,
    PhaseTransition,
    ReviewPass,
    Verdict,
)

from interhost_interphase.moves import Move, advance
from interhost_interphase.phases import PHASES, WRITTEN, canonical_phase, find_reviewed_phase
from interhost_interphase.telemetry import OWN_REASON

_ADVICE_LIFE = timedelta(hours=24)


def follow_review(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome:
    """A safe review lets its bead move to the reviewed phase; by default it is only said."""
    verdict = intent.payload.verdict
    if verdict is not Verdict.SAFE:
        return Outcome.skipped(f"the review finished {verdict or 'unreadable'}: no phase change")
    found = find_reviewed_phase(intent.artifact_path) if intent.artifact_path else None
    if found is None:
        return Outcome.skipped("the review is not about a brainstorm, a PRD or a plan: no phase change")
    move = _plan(intent, found[0], found[1])
    if isinstance(move, Outcome) or ctx.config.get("advance_on_review") is True:
        return move if isinstance(move, Outcome) else advance(move, ctx)
    if move.target not in PHASES:
        return Outcome.skipped(f"interphase has no phase {move.target}: no phase change")
    ctx.advise(_compose_advice(move, intent, ctx))
    return Outcome.done(f"advised that {move.bead} may move to {move.target}")


def follow_artifact(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """A brainstorm, PRD or plan that is written lets its bead move to the phase of that name; off by default."""
    target = WRITTEN.get(intent.payload.kind)
    if target is None:
        return None
    if ctx.config.get("advance_on_artifact") is not True:
        return Outcome.skipped("advance_on_artifact is off")
    if intent.payload.change is Change.REMOVED:
        return Outcome.skipped("the artifact was removed: no phase change")
    move = _plan(intent, target, None)
    return move if isinstance(move, Outcome) else advance(move, ctx)


def follow_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome:
    """A move that somebody else made and told lets the bead follow; off by default."""
    if ctx.config.get("follow_transitions") is not True:
        return Outcome.skipped("follow_transitions is off")
    target = canonical_phase(intent.payload.to)
    if target is None:
        return Outcome.skipped(f"interphase has no phase {intent.payload.to or '(empty)'}: no phase change")
    move = _plan(intent, target, None)
    if isinstance(move, Outcome):
        return move
    return advance(evolve(move, is_told=True, run_id=intent.payload.run_id), ctx)


def _plan(intent: Intent[Any], target: str, project: Path | None) -> Move | Outcome:
    """The move an intent asks for, or why it asks for none."""
    project = intent.project_dir or project
    if not re.fullmatch(BEAD_ID, intent.context_id):
        return Outcome.skipped(f"{intent.context_id} is not a bead: no phase change")
    if project is None:
        return Outcome.skipped(f"the project of {intent.context_id} is not known: no phase change")
    return Move(
        bead=intent.context_id,
        target=target,
        artifact=intent.artifact_path,
        project=project,
        reason=f"{OWN_REASON}{intent.event_id}",
    )


def _compose_advice(move: Move, intent: Intent[ReviewPass], ctx: AdapterContext) -> Advice:
    file = move.artifact
    if file is not None and file.is_relative_to(move.project):
        file = file.relative_to(move.project)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(intent.payload.counts.items()))
    return Advice(
        text=f"Review of {file} finished safe ({counts or 'no findings'}). "
        f"interphase would move {move.bead} to {move.target}.",
        context_id=move.bead,
        expires=ctx.now() + _ADVICE_LIFE,
    )
