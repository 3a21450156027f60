"""Moving a bead: by the policy layer that owns its run, else by interphase's own library, else by ``bd``.

Source: ``reference/modules/interphase.md`` sections 1.4 and 1.7.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Completed, Draft, Outcome, PhaseTransition

from interhost_interphase.beads import BdMissingError, BdRefusedError, read_state, say_why
from interhost_interphase.phases import PHASE_MODEL, PHASES, is_before
from interhost_interphase.runs import advance_run

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
        phase = read_state(ctx, move.bead, "phase", move.project)
        run = None if move.run_id else read_state(ctx, move.bead, "ic_run_id", move.project)
    except BdMissingError as error:
        return Outcome.skipped(str(error))
    except BdRefusedError as error:
        return Outcome.failed(str(error))
    by_policy = (
        advance_run(run, move.bead, move.target, ctx, project=move.project, artifact=move.artifact) if run else None
    )
    return by_policy or _advance_bead(move, phase, ctx)


def _advance_bead(move: Move, phase: str | None, ctx: AdapterContext) -> Outcome:
    if move.target not in PHASES:
        return Outcome.skipped(f"interphase has no phase {move.target}: no phase change")
    if not ctx.once("advance", happened=lambda: phase == move.target):
        _publish_transition(move, ctx, None)
        return Outcome.done(f"{move.bead} is in {move.target}: an earlier attempt moved it")
    if not is_before(phase, move.target):
        return Outcome.skipped(f"{move.bead} is in {phase}: no phase change")
    root = ctx.module_root()
    if root is None or not (root / LIBRARY).is_file():
        # bd leaves a closed child bead behind for every change, so nothing is set that is already so.
        argv = ["bd", "set-state", move.bead, f"phase={move.target}", "--reason", move.reason]
        return _confirm("bd", ctx.run(argv, cwd=move.project), move, phase, ctx)
    answer = _run_library(move, ctx, root / LIBRARY)
    if answer.returncode == _GATE_BLOCKED:
        # interphase's telemetry tells the decision itself.
        return Outcome.failed(f"gate blocked: interphase does not let {move.bead} move to {move.target}")
    if answer.returncode == _UNUSABLE:
        return Outcome.failed(f"{root / LIBRARY} has no enforce_gate and advance_phase: update the interphase plugin")
    return _confirm("interphase", answer, move, phase, ctx)


def _confirm(tool: str, answer: Completed, move: Move, phase: str | None, ctx: AdapterContext) -> Outcome:
    """Ask ``bd`` whether it really happened: advance_phase ends with 0 even when bd failed, set-state is two writes."""
    try:
        now = read_state(ctx, move.bead, "phase", move.project)
    except BdRefusedError as error:
        return Outcome.failed(f"{tool}: {say_why(answer)}; {error}")
    if now != move.target:
        return Outcome.failed(f"{tool} left {move.bead} in {now or 'no phase'}: {say_why(answer)}")
    _publish_transition(move, ctx, phase)
    return Outcome.done(f"{tool} moved {move.bead} to {move.target}")


def _run_library(move: Move, ctx: AdapterContext, library: Path) -> Completed:
    project = str(move.project)
    return ctx.run(
        ["bash", "-c", _ADVANCE, "_", move.bead, move.target, str(move.artifact or ""), move.reason, str(library)],
        timeout=_ADVANCE_TIMEOUT,
        cwd=move.project,
        env={"GATES_PROJECT_DIR": project, "PHASE_PROJECT_DIR": project},
    )


def _publish_transition(move: Move, ctx: AdapterContext, phase: str | None) -> None:
    """Tell a move that bd confirmed, here where its cause is known; its echo in the telemetry is left out."""
    if move.is_told:
        return
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
