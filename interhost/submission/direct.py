"""Submissions through ``ic`` alone, without policy: no token budget, no phase actions, no bead, no routing.

Used where no ``clavain-cli`` exists; and for what the installed one has no command for.
Source: reference/cli-contracts.md sections 1.4 to 1.8.
"""

from __future__ import annotations

from pathlib import Path

from interhost_hookspecs import (
    ArtifactFound,
    ArtifactSubmitted,
    GateEnforced,
    GateOutcome,
    GateOverridden,
    GateTier,
    RunAdvanced,
    SprintCreated,
    SprintState,
    SubmissionCode,
    SubmissionError,
    TaskDispatched,
)
from interhost_hookspecs.kernel_facts import kernel_key, read_evidence

from interhost.submission.answers import number_of, say_why, text_of
from interhost.submission.kernel import Gate, Kernel, PhaseEvent, Run
from interhost.submission.runs import (
    blocked,
    check_phase,
    event_key,
    find_move,
    find_run,
    last_event,
    moved,
    paused,
    refused_move,
)

ABSENT = "no clavain-cli is installed, so no policy was asked"


def create_sprint(kernel: Kernel, goal: str, complexity: int | None, lane: str | None) -> SprintCreated:
    """A run without bead and budget."""
    words = [f"--project={kernel.desk.project}", f"--goal={goal}"]
    words += [f"--complexity={complexity}"] if complexity else []
    _, made = kernel.write("run", "create", *words)
    run_id = text_of(made.get("id"))
    if run_id is None:
        raise SubmissionError(SubmissionCode.INTERNAL, "ic run create named no run", in_doubt=True)
    # What run create says about the phase is a constant (section 0.1, fact 10).
    run = _look(kernel, run_id)
    return SprintCreated(
        via="ic",
        policy_enforced=False,
        note=f"{ABSENT}: the run has no bead, no token budget and no phase actions"
        + (f"; lane {lane!r} is not kept" if lane else ""),
        fact_key=run_key(kernel, run_id),
        bead_id=None,
        run_id=run_id,
        phase=run.phase if run else None,
        token_budget=run.token_budget if run else None,
        phases=run.phases if run else (),
    )


def run_key(kernel: Kernel, run_id: str) -> str:
    """The natural key of "this run began"."""
    return kernel_key(kernel.database, "run", run_id)


def _look(kernel: Kernel, run_id: str) -> Run | None:
    """The run after a write; what was written stays written when this cannot be read."""
    try:
        return kernel.run(run_id)
    except SubmissionError:
        return None


def dispatch_task(kernel: Kernel, run_id: str, prompt_file: Path, agent: str | None, *, why: str) -> TaskDispatched:
    """Start an agent. ``--timeout`` would be taken for the database's, and ``--run-id`` is not read (section 1.6)."""
    run = kernel.run(run_id)
    if run is None:
        raise SubmissionError(SubmissionCode.NOT_FOUND, f"there is no run {run_id}")
    if run.status != "active":
        raise SubmissionError(SubmissionCode.INVALID, f"run {run.id} is {run.status}")
    words = [f"--prompt-file={prompt_file}", f"--project={kernel.desk.project}", f"--scope-id={run.id}"]
    _, made = kernel.write(
        "dispatch", "spawn", *([f"--type={agent}"] if agent else []), *words, may_repeat=lambda: False
    )
    dispatch_id = text_of(made.get("id"))
    if dispatch_id is None:
        raise SubmissionError(SubmissionCode.INTERNAL, "ic dispatch spawn named no dispatch", in_doubt=True)
    return TaskDispatched(
        via="ic",
        policy_enforced=False,
        note=why,
        fact_key=kernel_key(kernel.database, "spawn", dispatch_id),
        dispatch_id=dispatch_id,
        run_id=run.id,
        bead_id=run.bead_id,
        agent=agent or "codex",
        pid=number_of(made.get("pid")),
    )


def advance_run(kernel: Kernel, name: str, phase: str) -> RunAdvanced:
    """Move a run on; the hard tier applies, as without clavain-cli it always does."""
    run = find_run(kernel, name)
    check_phase(run, phase)
    since = last_event(kernel, run.id)
    answer, said = kernel.write("run", "advance", run.id, may_repeat=lambda: kernel.is_in(run.id, phase))
    if said.get("advanced") is True:
        event = _look_for_move(kernel, run, since, "advance") or PhaseEvent(
            kind="advance",
            from_phase=phase,
            to_phase=str(said.get("to_phase")),
            evidence=read_evidence(said.get("reason")),
        )
        return moved(kernel, run, event, via="ic", note=ABSENT)
    if said.get("event_type") == "pause":
        raise paused(run)
    raise refused_move(kernel, run, since=since, said=say_why(answer))


def _look_for_move(kernel: Kernel, run: Run, since: int, kind: str) -> PhaseEvent | None:
    """The move in the run's history; what was moved stays moved when this cannot be read."""
    try:
        return find_move(kernel, run, since=since, kind=kind)
    except SubmissionError:
        return None


def enforce_gate(kernel: Kernel, name: str, phase: str) -> GateEnforced:
    """What the gate of the next transition says in the hard tier, as an advance would have it."""
    run = find_run(kernel, name)
    gate = kernel.check_gate(run.id, priority=1)
    if gate is None:
        raise SubmissionError(SubmissionCode.INVALID, f"run {run.id} is {run.status}: no gate is left")
    if gate.result == "fail":
        evidence = {"from": gate.from_phase, "to": gate.to_phase, "tier": gate.tier, **gate.evidence}
        raise blocked(run, gate.to_phase, evidence)
    return passed(run, gate, phase, via="ic", note=ABSENT)


def passed(run: Run, gate: Gate, phase: str, *, via: str, note: str = "") -> GateEnforced:
    """A gate that does not block. Which one was asked is the run's own next one, whatever phase was named."""
    if gate.to_phase != phase:
        note = "; ".join([*([note] if note else []), f"the next gate leads to {gate.to_phase}, not to {phase}"])
    return GateEnforced(
        via=via,
        policy_enforced=via == "clavain-cli",
        note=note,
        outcome=GateOutcome.PASS,
        tier=read_tier(gate.tier),
        run_id=run.id,
        bead_id=run.bead_id,
        from_phase=gate.from_phase,
        to_phase=gate.to_phase,
        evidence=gate.evidence,
    )


def read_tier(tier: object) -> GateTier:
    """A tier that is known, or none."""
    return next((one for one in GateTier if one == tier), GateTier.NONE)


def override_gate(kernel: Kernel, run_id: str, reason: str, category: str, *, why: str) -> GateOverridden:
    """Pass the gate of the next transition. ``ic`` would also pass one that does not block (section 1.7)."""
    run = kernel.run(run_id)
    gate = kernel.check_gate(run_id, priority=1)
    if run is None:
        raise SubmissionError(SubmissionCode.NOT_FOUND, f"there is no run {run_id}")
    if gate is None:
        raise SubmissionError(SubmissionCode.INVALID, f"run {run.id} is {run.status}: no gate is left")
    if gate.result != "fail":
        raise SubmissionError(
            SubmissionCode.INVALID,
            f"no gate blocks run {run.id} from {gate.from_phase} to {gate.to_phase}",
            remediation=f"interhost submit advance {run.bead_id or run.id} {run.phase}",
        )
    since = last_event(kernel, run.id)
    words = [f"--reason={reason}", f"--{category}"]
    _, said = kernel.write("gate", "override", run.id, *words, may_repeat=lambda: kernel.is_in(run.id, gate.from_phase))
    event = _look_for_move(kernel, run, since, "override")
    return GateOverridden(
        via="ic",
        policy_enforced=False,
        note=why,
        fact_key=event_key(kernel, event),
        run_id=run.id,
        bead_id=run.bead_id,
        from_phase=text_of(said.get("from_phase")) or run.phase,
        to_phase=text_of(said.get("to_phase")) or gate.to_phase,
        category=text_of(said.get("category")) or category,
        reason=reason,
        evidence=gate.evidence,
    )


def submit_artifact(kernel: Kernel, name: str, kind: str, value: str) -> ArtifactSubmitted:
    """Register an artifact with the run, for the phase it is in; the same one a second time is left as it is."""
    run = find_run(kernel, name)
    known = [one for one in kernel.artifacts(run.id) if (one.kind, one.path, one.phase) == (kind, value, run.phase)]
    if known:
        artifact_id: str | None = known[-1].id
    else:
        words = [f"--phase={run.phase}", f"--path={value}", f"--type={kind}"]
        artifact_id = text_of(kernel.write("run", "artifact", "add", run.id, *words)[1].get("id"))
    return ArtifactSubmitted(
        via="ic",
        policy_enforced=False,
        note=ABSENT,
        artifact_id=artifact_id,
        path=value,
        kind=kind,
        bead_id=run.bead_id,
        run_id=run.id,
        phase=run.phase,
    )


def get_artifact(kernel: Kernel, name: str, kind: str) -> ArtifactFound:
    """The newest artifact of a kind."""
    found = [one for one in kernel.artifacts(find_run(kernel, name).id) if one.kind == kind]
    if not found:
        raise no_artifact(name, kind)
    return ArtifactFound(via="ic", policy_enforced=False, note=ABSENT, path=found[-1].path, kind=kind, bead_id=name)


def no_artifact(name: str, kind: str) -> SubmissionError:
    """Nothing of a kind is registered."""
    return SubmissionError(SubmissionCode.NOT_FOUND, f"{name} has no artifact of kind {kind!r}")


def read_sprint(kernel: Kernel, name: str) -> SprintState:
    """Where a run stands."""
    run = find_run(kernel, name)
    return SprintState(
        via="ic",
        policy_enforced=False,
        note=ABSENT,
        bead_id=run.bead_id,
        run_id=run.id,
        phase=run.phase,
        status=run.status,
        artifacts={one.kind: one.path for one in kernel.artifacts(run.id)},
        complexity=run.complexity,
        auto_advance=run.auto_advance,
        token_budget=run.token_budget,
        tokens_spent=kernel.tokens(run.id),
    )
