"""Moving the run of a bead: the policy layer does it, one step along the run's own chain of phases.

Source: ``reference/cli-contracts.md`` sections 1.5, 2.1 and 5.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from interhost_hookspecs import AdapterContext, Outcome, SubmissionCode, SubmissionError

from interhost_interphase.phases import CHAINS, PHASES, clean_phase
from interhost_interphase.telemetry import read_object

_DATABASE = Path(".clavain", "intercore.db")


def advance_run(
    run_id: str, bead: str, target: str, ctx: AdapterContext, *, project: Path, artifact: Path | None
) -> Outcome | None:
    """Move the run of a bead on, if ``target`` is the next phase of its chain.

    Returns:
        ``None`` when the run is there already, is over, or nobody answers for it: the bead goes its own way.

    Raises:
        InDoubtError: An earlier attempt may have moved it and nobody can tell.
    """
    run = _ask_ic(run_id, project, ctx)
    if run.get("status", "active") != "active":
        return None
    phase, following = _read_step(run) if run else _assume_step(target)
    if phase == target:
        return None
    if phase is None or following != target:
        where = f"in {phase}, its next phase is {following}" if run else f"not known to have {target}"
        return Outcome.skipped(f"the run of {bead} is {where}: no phase change")
    if not run:  # nobody to ask whether an earlier attempt has moved it
        ctx.once("advance_run")
    try:
        moved = ctx.submit.advance_run(bead_id=bead, phase=phase, artifact=artifact)
    except SubmissionError as error:
        return None if error.code is SubmissionCode.NOT_FOUND else Outcome.failed(error.message)
    # Clavain owns this fact and tells it.
    return Outcome.done(f"{moved.via} moved {bead} from {moved.from_phase} to {moved.to_phase}") if moved else None


def _ask_ic(run_id: str, project: Path, ctx: AdapterContext) -> Mapping[str, object]:
    """The run as ``ic`` has it; not asked where there is no database, because every command would create one."""
    if not (project / _DATABASE).is_file():
        return {}
    return read_object(ctx.run(["ic", "--json", "--timeout=5s", "run", "status", run_id], cwd=project).stdout)


def _read_step(run: Mapping[str, object]) -> tuple[str | None, str | None]:
    """The phase of a run and the one after it; a run without phases of its own has the kernel's."""
    phase, stated = clean_phase(run.get("phase")), run.get("phases")
    chain: Sequence[object] = stated if isinstance(stated, list) else CHAINS["ic-9"]
    rest = chain[chain.index(phase) + 1 :] if phase in chain else ()
    return phase, clean_phase(rest[0]) if rest else None


def _assume_step(target: str) -> tuple[str | None, str | None]:
    """The step of interphase's own order that leads to a phase; the policy layer refuses if the run is elsewhere."""
    before = PHASES.index(target) if target in PHASES else 0
    return (PHASES[before - 1], target) if before else (None, None)
