"""The answers of the policy-governing writes, and of the three questions that go with them.

A submission is a command, not a fact. Adapters write through ``ctx.submit``, so that policy is never bypassed.

Source: specification "Intent Submission Mechanism"; design section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from interhost_hookspecs.catalogue import GateOutcome, GateTier


class SubmissionCode(StrEnum):
    """Why a submission was not carried out."""

    NOT_FOUND = "not_found"
    GATE_BLOCKED = "gate_blocked"
    BUDGET_EXCEEDED = "budget_exceeded"
    PAUSED = "paused"
    CLAIM_CONFLICT = "claim_conflict"
    PHASE_CONFLICT = "phase_conflict"
    INVALID = "invalid"
    IN_DOUBT = "in_doubt"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


class SubmissionError(Exception):
    """A submission was answered with a refusal, or could not be made.

    Attributes:
        code: What kind of refusal it is.
        message: One line a person can act on.
        recoverable: The same call may succeed later.
        remediation: What to do about it.
        evidence: What the refusal rests on, such as failed gate conditions.
        in_doubt: The write may have been made all the same, as after a deadline; look before it is repeated.
    """

    def __init__(
        self,
        code: SubmissionCode,
        message: str,
        *,
        recoverable: bool = False,
        remediation: str = "",
        evidence: Mapping[str, object] | None = None,
        in_doubt: bool = False,
    ) -> None:
        """Keep every part as data; ``str()`` is the message."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.recoverable = recoverable
        self.remediation = remediation
        self.evidence = evidence
        self.in_doubt = in_doubt


@frozen(kw_only=True)
class Submitted:
    """What every answer says.

    Attributes:
        via: Program that gave it: ``clavain-cli`` or ``ic``.
        policy_enforced: Whether the policy layer was asked.
        note: Why it was not asked, or what else a person should know; in one line.
        fact_key: Natural key of the fact that this led to, when the module has one.
        repeated: This is the result of an earlier submission with the same key; nothing was done now.
    """

    via: str
    policy_enforced: bool
    note: str = ""
    fact_key: str | None = None
    repeated: bool = False


@frozen(kw_only=True)
class SprintCreated(Submitted):
    """A sprint exists now.

    Attributes:
        bead_id: Its bead; ``None`` where no tracker is.
        run_id: Run of the kernel that carries it.
        phase: Phase it begins in.
        token_budget: Tokens it may use.
        phases: Planned phases, in order.
        actions: Command of each phase that has one.
    """

    bead_id: str | None
    run_id: str | None
    phase: str | None = None
    token_budget: int | None = None
    phases: tuple[str, ...] = ()
    actions: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class TaskDispatched(Submitted):
    """A task was handed to an agent.

    Attributes:
        dispatch_id: What the kernel calls it.
        run_id: Run it belongs to.
        bead_id: Bead of that run.
        agent: Kind of agent.
        pid: Process of the agent.
    """

    dispatch_id: str
    run_id: str | None = None
    bead_id: str | None = None
    agent: str | None = None
    pid: int | None = None


@frozen(kw_only=True)
class RunAdvanced(Submitted):
    """A run moved to its next phase.

    Attributes:
        run_id: The run.
        from_phase: Phase it left.
        to_phase: Phase it is in now.
        bead_id: Its bead.
        evidence: What the gate in between found.
    """

    run_id: str | None
    from_phase: str
    to_phase: str
    bead_id: str | None = None
    evidence: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class GateEnforced(Submitted):
    """A gate lets a run pass. One that blocks is a :class:`SubmissionError`.

    Attributes:
        outcome: ``pass``, or why nothing was decided: ``warn``, ``skip``, ``not_enforced``.
        tier: How strictly it was enforced.
        run_id: Run that was checked.
        bead_id: Its bead.
        from_phase: Phase the run is in.
        to_phase: Phase that the gate leads to.
        evidence: The conditions that were checked.
    """

    outcome: GateOutcome
    tier: GateTier = GateTier.NONE
    run_id: str | None = None
    bead_id: str | None = None
    from_phase: str | None = None
    to_phase: str | None = None
    evidence: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class GateOverridden(Submitted):
    """A gate was passed by decision of a person.

    Attributes:
        run_id: Run that moved on.
        from_phase: Phase it left.
        to_phase: Phase it is in now.
        category: ``justified`` or ``expedient``.
        bead_id: Its bead.
        reason: Why.
        evidence: The conditions that failed.
    """

    run_id: str
    from_phase: str
    to_phase: str
    category: str
    bead_id: str | None = None
    reason: str = ""
    evidence: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class ArtifactSubmitted(Submitted):
    """An artifact is registered.

    Attributes:
        artifact_id: What the kernel calls it; ``None`` when only the tracker has it.
        path: As it is registered: below the project relative to it.
        kind: Kind of artifact.
        bead_id: Bead it belongs to.
        run_id: Run it is registered with.
        phase: Phase it is registered for.
    """

    artifact_id: str | None
    path: str
    kind: str = ""
    bead_id: str | None = None
    run_id: str | None = None
    phase: str | None = None


@frozen(kw_only=True)
class ArtifactFound(Submitted):
    """The registered artifact of a kind.

    Attributes:
        path: As it is registered.
        kind: Kind of artifact.
        bead_id: Bead it belongs to.
    """

    path: str
    kind: str
    bead_id: str


@frozen(kw_only=True)
class SprintState(Submitted):
    """Where a sprint stands.

    Attributes:
        bead_id: Its bead.
        run_id: Its run.
        phase: Phase it is in.
        status: ``active``, ``completed``, ``cancelled``, ``failed``; ``None`` when only the bead is known.
        artifacts: Path of the artifact of each kind.
        complexity: 1 (trivial) to 5 (research).
        auto_advance: Whether it goes on without being asked.
        active_session: Who works on it.
        token_budget: Tokens it may use.
        tokens_spent: Tokens it has used.
    """

    bead_id: str | None
    run_id: str | None
    phase: str | None
    status: str | None = None
    artifacts: Mapping[str, str] = field(factory=dict)
    complexity: int | None = None
    auto_advance: bool | None = None
    active_session: str | None = None
    token_budget: int | None = None
    tokens_spent: int | None = None
