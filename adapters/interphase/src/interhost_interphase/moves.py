"""Moving a bead: by the policy layer that owns its run, else by interphase's own library, else by ``bd``.

Source: ``reference/modules/interphase.md`` sections 1.4 and 1.7, ``reference/cli-contracts.md`` section 2.1.
"""

from __future__ import annotations

from pathlib import Path

from attrs import evolve, frozen
from interhost_hookspecs import (
    AdapterContext,
    BdMissingError,
    BdRefusedError,
    KernelRun,
    Outcome,
    SubmissionCode,
    SubmissionError,
)
from interhost_hookspecs.phases import PHASES, is_before

from interhost_interphase.facts import compose_move

LIBRARY = Path("hooks", "lib-gates.sh")
"""interphase's gates, below its root."""

# advance_phase takes the reason before the artifact, enforce_gate has no reason (interphase.md, section 1.4). Without
# both functions the library is too old or broken; bash would go on and report 127.
_ADVANCE = """
source "$5"
declare -F enforce_gate advance_phase >/dev/null || exit 69
enforce_gate "$1" "$2" "$3" && advance_phase "$1" "$2" "$4" "$3"
"""
_GATE_BLOCKED, _UNUSABLE = 1, 69
# The library calls bd several times, and each call opens the database anew.
_ADVANCE_TIMEOUT = 30.0


@frozen(kw_only=True)
class Move:
    """A bead, where it should go, and why.

    Attributes:
        bead: Bead id.
        target: Phase it should be in.
        project: The project that tracks it.
        reason: ``interbus:<event id>``, by which the echo in the telemetry is known.
        artifact: The file that the move is about.
        is_told: Somebody else has told the move; the bead is to follow.
        run_id: The run that has made it already, where that is so.
    """

    bead: str
    target: str
    project: Path
    reason: str
    artifact: Path | None = None
    is_told: bool = False
    run_id: str | None = None


def advance(move: Move, ctx: AdapterContext) -> Outcome:
    """Move a bead forward to a phase, once, and say what really happened.

    Returns:
        ``failed`` when a gate or the policy layer refuses, which is final.

    Raises:
        BdHungError: ``bd`` did not answer; the next attempt finds out what happened.
        InDoubtError: An earlier attempt may have moved it and nobody can tell.
    """
    try:
        phase = ctx.beads.read_state(move.bead, "phase", move.project)
        run_id = None if move.run_id else ctx.beads.read_state(move.bead, "ic_run_id", move.project)
        by_policy = _advance_run(ctx.runs.read(run_id, move.project), move, ctx) if run_id else None
        return by_policy or _advance_bead(move, phase, ctx)
    except BdMissingError as error:
        return Outcome.skipped(str(error))
    except BdRefusedError as error:
        return Outcome.failed(str(error))


def _advance_run(run: KernelRun | None, move: Move, ctx: AdapterContext) -> Outcome | None:
    """Let the policy layer move the run of a bead on, if that leads where the bead should go.

    Args:
        run: The run; ``None`` when ``ic`` does not say.
        move: The bead.
        ctx: Submits.

    Returns:
        ``None`` when the run is there already, is over, or nobody answers for it: the bead goes its own way.
    """
    phase, following = (run.phase, run.following) if run else _assume_step(move.target)
    if (run and not run.is_active) or phase == move.target:
        return None
    if phase is None or following != move.target:
        where = f"in {phase}, its next phase is {following}" if run else f"not known to have {move.target}"
        return Outcome.skipped(f"the run of {move.bead} is {where}: no phase change")
    if not run:  # nobody to ask whether an earlier attempt has moved it
        ctx.once("advance_run")
    try:
        moved = ctx.submit.advance_run(bead_id=move.bead, phase=phase, artifact=move.artifact, project=move.project)
    except SubmissionError as error:
        return None if error.code is SubmissionCode.NOT_FOUND else Outcome.failed(error.message)
    # Clavain owns this fact and tells it.
    return Outcome.done(f"{moved.via} moved {move.bead} from {moved.from_phase} to {moved.to_phase}") if moved else None


def _assume_step(target: str) -> tuple[str | None, str | None]:
    """The step of interphase's own order that leads to a phase; the policy layer refuses if the run is elsewhere."""
    before = PHASES.index(target) if target in PHASES else 0
    return (PHASES[before - 1], target) if before else (None, None)


def _advance_bead(move: Move, phase: str | None, ctx: AdapterContext) -> Outcome:
    if move.target not in PHASES:
        return Outcome.skipped(f"interphase has no phase {move.target}: no phase change")
    if not ctx.once("advance", happened=lambda: phase == move.target):
        _publish(move, ctx, None)
        return Outcome.done(f"{move.bead} is in {move.target}: an earlier attempt moved it")
    if not is_before(phase, move.target):
        return Outcome.skipped(f"{move.bead} is in {phase}: no phase change")
    root = ctx.module_root()
    if root and (root / LIBRARY).is_file():
        by = "interphase"
        if refused := _run_library(root / LIBRARY, move, ctx):
            return refused
    else:
        by = "bd"
        ctx.beads.set_state(move.bead, "phase", move.target, reason=move.reason, project=move.project)
    _publish(move, ctx, phase)
    return Outcome.done(f"{by} moved {move.bead} to {move.target}")


def _run_library(library: Path, move: Move, ctx: AdapterContext) -> Outcome | None:
    """Let interphase's gate decide and its library move; why it did not, or ``None``."""
    project = str(move.project)
    answer = ctx.run(
        ["bash", "-c", _ADVANCE, "_", move.bead, move.target, str(move.artifact or ""), move.reason, str(library)],
        timeout=_ADVANCE_TIMEOUT,
        cwd=move.project,
        env={"GATES_PROJECT_DIR": project, "PHASE_PROJECT_DIR": project},
    )
    if answer.returncode == _GATE_BLOCKED:
        # interphase's telemetry tells the decision itself.
        return Outcome.failed(f"gate blocked: interphase does not let {move.bead} move to {move.target}")
    if answer.returncode == _UNUSABLE:
        return Outcome.failed(f"{library} has no enforce_gate and advance_phase: update the interphase plugin")
    ctx.beads.confirm_state(move.bead, "phase", move.target, answer, by="interphase", project=move.project)
    return None


def _publish(move: Move, ctx: AdapterContext, phase: str | None) -> None:
    """Tell a move that bd confirmed, here where its cause is known; its echo in the telemetry is left out."""
    if move.is_told:
        return
    fact = compose_move(
        move.bead, move.target, move.reason, "cli:bd", reason=move.reason, from_phase=phase, trigger="advance"
    )
    ctx.publish(evolve(fact, artifact_path=move.artifact, project_dir=move.project))
