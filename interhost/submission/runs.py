"""Which run a bead has, and what became of it.

Source: reference/cli-contracts.md sections 1.5, 2.1 and 2.4.
"""

from __future__ import annotations

import os
import re

from interhost_hookspecs import RunAdvanced, SubmissionCode, SubmissionError
from interhost_hookspecs.kernel_facts import kernel_key, show_conditions

from interhost.submission.kernel import Kernel, PhaseEvent, Run
from interhost.submission.tracker import read_state

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def check_name(what: str, name: str) -> str:
    """A name that can be an argument of a program: of a bead, a run, a phase, a kind, an agent or a lane.

    Raises:
        SubmissionError: It is none. A leading ``-`` would be read as an option.
    """
    if not _NAME.fullmatch(name):
        raise SubmissionError(
            SubmissionCode.INVALID, f"{what} {name[:80]!r}: expected letters, digits, '.', '_' and '-', no '-' in front"
        )
    return name


def find_run(kernel: Kernel, name: str) -> Run:
    """The run of a bead: as ``bd`` says, else the newest that names the bead as its scope; or a run by its own id.

    Raises:
        SubmissionError: There is none.
    """
    known = kernel.desk.known
    if name not in known and "-" in name:
        known |= {name: stated} if (stated := read_state(kernel.desk, name, "ic_run_id")) else {}
    if name in known and (run := kernel.run(known[name])):
        return run
    scoped = kernel.runs(f"--scope={name}")
    if scoped:
        return next((run for run in scoped if run.status == "active"), scoped[0])
    if "-" not in name and (run := kernel.run(name)):
        return run
    raise SubmissionError(
        SubmissionCode.NOT_FOUND,
        f"{name} has no run" + (f"; bd names {known[name]}, which ic does not know" if name in known else ""),
        remediation="'interhost submit create-sprint' begins one",
    )


def check_phase(run: Run, phase: str) -> None:
    """The run is where the caller believes it is; ``clavain-cli`` does not ask (section 2.4).

    Raises:
        SubmissionError: It is over, or somewhere else.
    """
    evidence = {"run_id": run.id, "phase": run.phase, "status": run.status}
    if run.status != "active":
        raise SubmissionError(SubmissionCode.INVALID, f"run {run.id} is {run.status}", evidence=evidence)
    if run.phase != phase:
        raise SubmissionError(
            SubmissionCode.PHASE_CONFLICT,
            f"run {run.id} is in {run.phase}, not in {phase}",
            remediation=f"look at what moved it; from {run.phase} it can be moved on",
            evidence=evidence,
        )


def last_event(kernel: Kernel, run_id: str) -> int:
    """The newest entry in a run's history."""
    return max((one.id for one in kernel.events(run_id)), default=0)


def find_move(
    kernel: Kernel, run: Run, *, since: int, kind: str = "advance", newest: bool = False
) -> PhaseEvent | None:
    """The move away from the phase that a run was in: the first one after an event, or the newest."""
    events = [one for one in kernel.events(run.id) if one.id > since and one.kind == kind]
    found = [one for one in events if one.from_phase == run.phase]
    return found[-1 if newest else 0] if found else None


def moved(kernel: Kernel, run: Run, event: PhaseEvent, *, via: str, note: str = "") -> RunAdvanced:
    """A move as the answer to who asked for it."""
    return RunAdvanced(
        via=via,
        policy_enforced=via == "clavain-cli",
        note=note,
        fact_key=event_key(kernel, event),
        run_id=run.id,
        bead_id=run.bead_id,
        from_phase=event.from_phase,
        to_phase=event.to_phase,
        evidence=event.evidence,
    )


def event_key(kernel: Kernel, event: PhaseEvent | None) -> str | None:
    """The natural key of what an entry in a run's history tells (design section 5)."""
    return kernel_key(kernel.database, "phase", event.id) if event and event.id else None


def refused_move(kernel: Kernel, run: Run, *, since: int, said: str) -> SubmissionError:
    """Why a run was not moved: as its history says; else what the gate says; else what the program said."""
    refused = [one for one in kernel.events(run.id) if one.id > since and one.kind in ("block", "pause")]
    if refused:
        return _refused_by(kernel, run, refused[-1])
    if run.auto_advance is False:
        return paused(run)
    gate = kernel.check_gate(run.id, priority=0)
    if gate and gate.result == "fail":
        evidence = {"from": gate.from_phase, "to": gate.to_phase, "tier": gate.tier, **gate.evidence}
        return blocked(run, gate.to_phase, evidence)
    return SubmissionError(SubmissionCode.INTERNAL, f"run {run.id} was not moved: {said}", recoverable=True)


def _refused_by(kernel: Kernel, run: Run, event: PhaseEvent) -> SubmissionError:
    if event.kind == "pause":
        return paused(run)
    evidence = {"from": event.from_phase, "to": event.to_phase, "tier": event.tier, **event.evidence}
    return blocked(run, event.to_phase, {**evidence, "fact_key": event_key(kernel, event)})


def blocked(run: Run, to_phase: str, evidence: dict[str, object]) -> SubmissionError:
    """A gate does not let a run pass."""
    why = show_conditions(evidence)
    return SubmissionError(
        SubmissionCode.GATE_BLOCKED,
        f"the gate from {run.phase} to {to_phase} blocks run {run.id}" + (f": {why}" if why else ""),
        recoverable=True,
        remediation="meet the conditions, or decide: interhost submit override-gate",
        evidence={"run_id": run.id, "bead_id": run.bead_id, **evidence},
    )


def paused(run: Run) -> SubmissionError:
    """A run waits for a person."""
    return SubmissionError(
        SubmissionCode.PAUSED,
        f"run {run.id} is paused in {run.phase}: auto_advance is off",
        recoverable=True,
        remediation=f"ic run set {run.id} --auto-advance=true",
        evidence={"run_id": run.id, "bead_id": run.bead_id, "phase": run.phase},
    )


def check_budget(kernel: Kernel, run: Run) -> None:
    """The run may still use tokens. clavain-cli's own check says "exceeded" once, and lets the next call pass.

    Raises:
        SubmissionError: It may not.
    """
    if run.token_budget is None or (used := kernel.tokens(run.id)) is None or used < run.token_budget:
        return
    raise budget_exceeded(run, f"{used}/{run.token_budget} tokens")


def budget_exceeded(run: Run, said: str) -> SubmissionError:
    """A run has used what it may."""
    return SubmissionError(
        SubmissionCode.BUDGET_EXCEEDED,
        f"run {run.id} has used its budget: {said}",
        remediation="decide with a person whether it goes on; CLAVAIN_SKIP_BUDGET=reason lets clavain-cli pass",
        evidence={"run_id": run.id, "bead_id": run.bead_id, "budget": run.token_budget, "said": said},
    )


def find_created(kernel: Kernel, goal: str, since: int) -> list[Run]:
    """Active runs of this project with a goal that began at or after a time in seconds, newest first."""
    here = os.path.realpath(kernel.desk.project)
    return [
        run
        for run in kernel.runs("--active")
        if run.goal == goal and run.created_at >= since and os.path.realpath(run.project_dir) == here
    ]
