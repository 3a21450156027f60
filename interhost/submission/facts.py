"""What a submission leads to, as facts for the bus.

Whoever asked for it, it is clavain's fact (design section 5): it is told in clavain's name, so that the one who asked
hears of it, too; and with the key that the module itself has for it, so that it is told once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from interhost_hookspecs import (
    ArtifactReady,
    ArtifactSubmitted,
    Coordination,
    CoordinationAction,
    Draft,
    GateEnforced,
    GateOutcome,
    GateOverridden,
    GateResult,
    GateTier,
    Holder,
    Payload,
    PhaseTransition,
    Resource,
    RunAdvanced,
    Severity,
    SprintCreated,
    StartSprint,
    SubmissionCode,
    SubmissionError,
    Submitted,
    TaskDispatched,
)
from interhost_hookspecs.phases import CHAINS, canonical_phase

OWNER = "clavain"
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


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
        move = _transition(outcome.run_id, outcome.from_phase, outcome.to_phase, "advance")
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
    artifact: Path | None = None,
) -> Draft:
    """A fact about a bead, or about the project where there is none."""
    return Draft(payload=payload, context_id=bead_id, artifact_path=artifact, severity=severity, dedupe_key=key)


def _of_sprint(made: SprintCreated, request: Mapping[str, object]) -> Draft:
    complexity, lane = request.get("complexity"), request.get("lane")
    payload = StartSprint(
        trigger="run_create",
        goal=str(request.get("goal")),
        run_id=made.run_id,
        complexity=complexity if isinstance(complexity, int) else None,
        lane=lane if isinstance(lane, str) else None,
        phase=made.phase,
        phase_model=_model(made.phases),
        phases=made.phases or None,
        token_budget=made.token_budget,
    )
    return _draft(payload, made.bead_id, made.fact_key)


def _of_task(made: TaskDispatched) -> Draft:
    payload = Coordination(
        resource=Resource.BEAD,
        resource_id=made.bead_id or made.run_id or made.dispatch_id,
        action=CoordinationAction.CLAIM,
        holder=Holder(id=made.dispatch_id, name=made.agent),
        reservation_id=made.dispatch_id,
        reason="a task was handed to an agent",
    )
    return _draft(payload, made.bead_id, made.fact_key)


def _of_gate(checked: GateEnforced) -> Draft:
    payload = GateResult(
        outcome=checked.outcome,
        tier=checked.tier,
        target=checked.to_phase,
        from_phase=checked.from_phase,
        reason=checked.note or None,
        policy=checked.via,
        run_id=checked.run_id,
        evidence=_conditions(checked.evidence),
    )
    return _draft(payload, checked.bead_id, checked.fact_key)


def _of_override(done: GateOverridden) -> Iterator[Draft]:
    payload = GateResult(
        outcome=GateOutcome.BYPASS,
        tier=GateTier.HARD,
        stated_decision=f"override:{done.category}",
        target=done.to_phase,
        from_phase=done.from_phase,
        reason=done.reason or None,
        policy=done.via,
        run_id=done.run_id,
        evidence=_conditions(done.evidence),
    )
    yield _draft(payload, done.bead_id, _gate_key(done.fact_key), Severity.WARN)
    move = _transition(done.run_id, done.from_phase, done.to_phase, "override", done.reason)
    yield _draft(move, done.bead_id, done.fact_key)


def _of_refusal(error: SubmissionError, request: Mapping[str, object]) -> Iterator[Draft]:
    """A gate that blocks has decided; every other refusal changes nothing that others could want to know."""
    if error.code is not SubmissionCode.GATE_BLOCKED:
        return
    evidence = error.evidence or {}
    bead, key = (_text(evidence.get(name)) for name in ("bead_id", "fact_key"))
    payload = GateResult(
        outcome=GateOutcome.BLOCK,
        tier=next((tier for tier in GateTier if tier == evidence.get("tier")), GateTier.HARD),
        target=_text(evidence.get("to")),
        from_phase=_text(evidence.get("from")),
        reason=error.message,
        run_id=_text(evidence.get("run_id")),
        evidence=_conditions(evidence),
    )
    yield _draft(payload, bead or _text(request.get("bead_id")), _gate_key(key), Severity.WARN)


def _of_artifact(made: ArtifactSubmitted, project: Path) -> Draft:
    path = project / made.path
    content = _digest(path)
    payload = ArtifactReady(
        kind=made.kind,
        title=None if content else made.path,
        phase=made.phase,
        commit=made.path if _COMMIT.fullmatch(made.path) and not content else None,
        sha256=content,
        run_id=made.run_id,
    )
    # The file is the fact, however it was noticed; another value is one for its bead.
    key = f"artifact:{made.kind}:{path}:{content}" if content else f"artifact:{made.kind}:{made.bead_id}:{made.path}"
    return _draft(payload, made.bead_id, key, artifact=path if content else None)


def _digest(path: Path) -> str | None:
    try:
        return sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    except OSError:
        return None


def _transition(run_id: str | None, left: str, to: str, trigger: str, reason: str = "") -> PhaseTransition:
    return PhaseTransition(
        to=to,
        phase_model=_model_of(left, to),
        from_phase=left,
        canonical_to=canonical_phase(to),
        reason=reason or None,
        trigger=trigger,
        run_id=run_id,
    )


def _model(phases: tuple[str, ...]) -> str | None:
    """The vocabulary with exactly these phases."""
    return next((name for name, chain in CHAINS.items() if tuple(chain) == phases), None)


def _model_of(left: str, to: str) -> str:
    """A vocabulary of the kernel in which one phase follows the other."""
    steps = ((name, list(itertools.pairwise(chain))) for name, chain in CHAINS.items())
    found = [name for name, pairs in steps if (left, to) in pairs and not name.startswith("interphase")]
    return found[0] if found else "ic"


def _gate_key(key: str | None) -> str | None:
    return f"{key}:gate" if key else None


def _conditions(evidence: Mapping[str, object]) -> tuple[Mapping[str, object], ...] | None:
    conditions = evidence.get("conditions")
    return tuple(one for one in conditions if isinstance(one, dict)) if isinstance(conditions, list) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
