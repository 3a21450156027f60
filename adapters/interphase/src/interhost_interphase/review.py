"""What a finished review means for the phase of a bead.

By default it is only said. With ``advance_on_review = true`` the bead is moved, through the first of: the policy
layer, interphase's own library, ``bd``.

Source: ``reference/modules/interphase.md`` sections 1.4 and 1.7.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import (
    BEAD_ID,
    AdapterContext,
    Advice,
    Completed,
    Draft,
    Intent,
    Outcome,
    PhaseTransition,
    ReviewPass,
    SubmissionError,
    Verdict,
)

from interhost_interphase.beads import BdMissingError, BdRefusedError, read_phase, say_why
from interhost_interphase.phases import PHASE_MODEL, PHASES, find_reviewed_phase, is_before
from interhost_interphase.telemetry import OWN_REASON

LIBRARY = Path("hooks", "lib-gates.sh")
"""interphase's gates, below its root."""

# advance_phase takes the reason before the artifact, enforce_gate has no reason (interphase.md, section 1.4).
_ADVANCE = 'source "$5"; enforce_gate "$1" "$2" "$3" && advance_phase "$1" "$2" "$4" "$3"'
_GATE_BLOCKED = 1
# The library calls bd several times, and each call opens the database anew.
_ADVANCE_TIMEOUT = 30.0
_ADVICE_LIFE = timedelta(hours=24)


@frozen(kw_only=True)
class Move:
    """A bead, where it should go, and why.

    Attributes:
        bead: Bead id.
        target: Phase the review leads to.
        artifact: The reviewed file.
        project: The project it lies in.
        reason: ``interbus:<event id>``, by which the echo in the telemetry is known.
    """

    bead: str
    target: str
    artifact: Path
    project: Path
    reason: str


def react(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome:
    """Answer one review: advise, or move the bead where the user has turned that on."""
    move = _find_move(intent)
    if isinstance(move, Outcome):
        return move
    if ctx.config.get("advance_on_review") is True:
        return advance(move, ctx)
    ctx.advise(_compose_advice(move, intent, ctx))
    return Outcome.done(f"advised that {move.bead} may move to {move.target}")


def advance(move: Move, ctx: AdapterContext) -> Outcome:
    """Move a bead forward to a phase, once, and say what really happened.

    Returns:
        ``failed`` when a gate or the policy layer refuses, which is final.

    Raises:
        BdHungError: ``bd`` did not answer; the next attempt finds out what happened.
        InDoubtError: An earlier attempt may have moved it and nobody can tell.
    """
    try:
        phase = read_phase(ctx, move.bead, move.project)
    except BdMissingError as error:
        return Outcome.skipped(str(error))
    except BdRefusedError as error:
        return Outcome.failed(str(error))
    if not ctx.once("advance", happened=lambda: phase == move.target):
        _publish_transition(move, ctx, None)
        return Outcome.done(f"{move.bead} is in {move.target}: an earlier attempt moved it")
    if not is_before(phase, move.target):
        return Outcome.skipped(f"{move.bead} is in {phase}: no phase change")
    return _submit(move, ctx, phase) or _move(move, ctx, phase)


def _find_move(intent: Intent[ReviewPass]) -> Move | Outcome:
    """The move that a review allows, or why it allows none."""
    verdict, bead = intent.payload.verdict, intent.context_id
    if verdict is not Verdict.SAFE:
        return Outcome.skipped(f"the review finished {verdict or 'unreadable'}: no phase change")
    if not re.fullmatch(BEAD_ID, bead):
        return Outcome.skipped(f"{bead} is not a bead: no phase change")
    found = find_reviewed_phase(intent.artifact_path) if intent.artifact_path else None
    if intent.artifact_path is None or found is None:
        return Outcome.skipped("the review is not about a brainstorm or a plan: no phase change")
    target, project = found
    if target not in PHASES:
        return Outcome.skipped(f"interphase has no phase {target}: no phase change")
    return Move(
        bead=bead,
        target=target,
        artifact=intent.artifact_path,
        project=intent.project_dir or project,
        reason=f"{OWN_REASON}{intent.event_id}",
    )


def _compose_advice(move: Move, intent: Intent[ReviewPass], ctx: AdapterContext) -> Advice:
    inside = move.artifact.is_relative_to(move.project)
    file = move.artifact.relative_to(move.project) if inside else move.artifact
    counts = ", ".join(f"{count} {name}" for name, count in sorted(intent.payload.counts.items()))
    return Advice(
        text=f"Review of {file} finished safe ({counts or 'no findings'}). "
        f"interphase would move {move.bead} to {move.target}.",
        context_id=move.bead,
        expires=ctx.now() + _ADVICE_LIFE,
    )


def _submit(move: Move, ctx: AdapterContext, phase: str | None) -> Outcome | None:
    """Move through the policy layer; ``None`` when there is none, or no phase that a run could be moved on from."""
    if phase is None:
        return None
    try:
        run = ctx.submit.advance_run(bead_id=move.bead, phase=phase, artifact=move.artifact)
    except SubmissionError as error:
        return Outcome.failed(error.message)
    if run is None:
        return None
    # Clavain owns this fact and tells it. The run's own chain, not the review, decides which phase is next.
    return Outcome.done(f"{run.via} moved {move.bead} from {run.from_phase} to {run.to_phase}")


def _move(move: Move, ctx: AdapterContext, phase: str | None) -> Outcome:
    """Move through interphase's library or ``bd``, and ask ``bd`` whether it really happened."""
    root = ctx.module_root()
    if root is not None and (root / LIBRARY).is_file():
        tool, answer = "interphase", _run_library(move, ctx, root / LIBRARY)
        if answer.returncode == _GATE_BLOCKED:
            return Outcome.failed(f"gate blocked: interphase does not let {move.bead} move to {move.target}")
    else:
        argv = ["bd", "set-state", move.bead, f"phase={move.target}", "--reason", move.reason]
        tool, answer = "bd", ctx.run(argv, cwd=move.project)
    # advance_phase ends with 0 even when bd failed, and bd's own move is not one transaction.
    now = read_phase(ctx, move.bead, move.project)
    if now != move.target:
        return Outcome.failed(f"{tool} left {move.bead} in {now or 'no phase'}: {say_why(answer)}")
    _publish_transition(move, ctx, phase)
    return Outcome.done(f"{tool} moved {move.bead} to {move.target}")


def _run_library(move: Move, ctx: AdapterContext, library: Path) -> Completed:
    return ctx.run(
        ["bash", "-c", _ADVANCE, "_", move.bead, move.target, str(move.artifact), move.reason, str(library)],
        timeout=_ADVANCE_TIMEOUT,
        cwd=move.project,
        env={"GATES_PROJECT_DIR": str(move.project)},
    )


def _publish_transition(move: Move, ctx: AdapterContext, phase: str | None) -> None:
    """Tell a move that bd confirmed, here where its cause is known; its echo in the telemetry is left out."""
    ctx.publish(
        Draft(
            payload=PhaseTransition(
                to=move.target,
                phase_model=PHASE_MODEL,
                from_phase=phase,
                canonical_to=move.target,
                reason=move.reason,
                trigger="advance",
            ),
            context_id=move.bead,
            artifact_path=move.artifact,
            project_dir=move.project,
            source_hook="cli:bd",
            dedupe_key=f"interphase:{move.bead}:{move.target}:{move.reason}",
        )
    )
