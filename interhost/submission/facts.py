"""What a submission leads to, as facts for the bus.

Whoever asked for it, it is clavain's fact (design section 5): it is told in clavain's name, so that the one who asked
hears of it, too; and with the key that the module itself has for it, so that it is told once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import (
    ArtifactSubmitted,
    CoordinationAction,
    Draft,
    GateEnforced,
    GateOutcome,
    GateOverridden,
    GateTier,
    Payload,
    RunAdvanced,
    Severity,
    SprintCreated,
    StartSprint,
    SubmissionCode,
    SubmissionError,
    Submitted,
    TaskDispatched,
)
from interhost_hookspecs.kernel_facts import (
    chain_name,
    compose_artifact,
    compose_gate,
    compose_task,
    compose_transition,
    gate_key,
)

OWNER = "clavain"


def list_facts(outcome: Submitted | SubmissionError, request: Mapping[str, object], project: Path) -> list[Draft]:
    """The facts in a result or a refusal.

    Args:
        outcome: The result, or the refusal.
        request: What was asked for.
        project: Root of the project.
    """
    if isinstance(outcome, SubmissionError):
        return list(_of_refusal(outcome, request))
    if isinstance(outcome, SprintCreated):
        return [_of_sprint(outcome, request)]
    if isinstance(outcome, TaskDispatched):
        return [_of_task(outcome)]
    if isinstance(outcome, RunAdvanced):
        move = compose_transition(outcome.run_id, outcome.from_phase, outcome.to_phase, "advance")
        return [_draft(move, outcome.bead_id, outcome.fact_key)]
    if isinstance(outcome, GateEnforced):
        return [_of_gate(outcome)]
    if isinstance(outcome, GateOverridden):
        return list(_of_override(outcome))
    return [_of_artifact(outcome, project)] if isinstance(outcome, ArtifactSubmitted) else []


def _draft(
    payload: Payload,
    bead_id: str | None,
    key: str | None,
    severity: Severity = Severity.INFO,
) -> Draft:
    """A fact about a bead, or about the project where there is none."""
    return Draft(payload=payload, context_id=bead_id, severity=severity, dedupe_key=key)


def _of_sprint(made: SprintCreated, request: Mapping[str, object]) -> Draft:
    complexity, lane = request.get("complexity"), request.get("lane")
    payload = StartSprint(
        trigger="run_create",
        goal=str(request.get("goal")),
        run_id=made.run_id,
        complexity=complexity if isinstance(complexity, int) else None,
        lane=lane if isinstance(lane, str) else None,
        phase=made.phase,
        phase_model=chain_name(made.phases),
        phases=made.phases or None,
        token_budget=made.token_budget,
    )
    return _draft(payload, made.bead_id, made.fact_key)


def _of_task(made: TaskDispatched) -> Draft:
    payload = compose_task(
        CoordinationAction.CLAIM,
        made.dispatch_id,
        made.agent,
        made.bead_id,
        made.run_id,
        "a task was handed to an agent",
    )
    return _draft(payload, made.bead_id, made.fact_key)


def _of_gate(checked: GateEnforced) -> Draft:
    payload = compose_gate(
        checked.outcome, checked.tier, checked.run_id, checked.from_phase, checked.to_phase, checked.evidence
    )
    return _draft(evolve(payload, reason=checked.note or None, policy=checked.via), checked.bead_id, checked.fact_key)


def _of_override(done: GateOverridden) -> Iterator[Draft]:
    payload = evolve(
        compose_gate(GateOutcome.BYPASS, GateTier.HARD, done.run_id, done.from_phase, done.to_phase, done.evidence),
        stated_decision=f"override:{done.category}",
        reason=done.reason or None,
        policy=done.via,
    )
    yield _draft(payload, done.bead_id, gate_key(done.fact_key), Severity.WARN)
    move = compose_transition(done.run_id, done.from_phase, done.to_phase, "override", done.reason)
    yield _draft(move, done.bead_id, done.fact_key)


def _of_refusal(error: SubmissionError, request: Mapping[str, object]) -> Iterator[Draft]:
    """A gate that blocks has decided; every other refusal changes nothing that others could want to know."""
    if error.code is not SubmissionCode.GATE_BLOCKED:
        return
    evidence = error.evidence or {}
    bead, key, run_id, left, to = (
        _text(evidence.get(name)) for name in ("bead_id", "fact_key", "run_id", "from", "to")
    )
    tier = next((tier for tier in GateTier if tier == evidence.get("tier")), GateTier.HARD)
    payload = evolve(compose_gate(GateOutcome.BLOCK, tier, run_id, left, to, evidence), reason=error.message)
    yield _draft(payload, bead or _text(request.get("bead_id")), gate_key(key), Severity.ERROR)


def _of_artifact(made: ArtifactSubmitted, project: Path) -> Draft:
    return compose_artifact(made.kind, made.path, project, bead=made.bead_id, phase=made.phase, run_id=made.run_id)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
