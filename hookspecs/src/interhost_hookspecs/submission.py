"""The answers of the five policy-governing writes.

A submission is a command, not a fact. Adapters write through ``ctx.submit``, so that policy is never bypassed.

Source: specification "Intent Submission Mechanism"; design section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen


class SubmissionCode(StrEnum):
    """Why a submission was not carried out."""

    NOT_FOUND = "not_found"
    GATE_BLOCKED = "gate_blocked"
    BUDGET_EXCEEDED = "budget_exceeded"
    PAUSED = "paused"
    CLAIM_CONFLICT = "claim_conflict"
    INVALID = "invalid"
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
    """

    def __init__(
        self,
        code: SubmissionCode,
        message: str,
        *,
        recoverable: bool = False,
        remediation: str = "",
        evidence: Mapping[str, object] | None = None,
    ) -> None:
        """Keep every part as data; ``str()`` is the message."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.recoverable = recoverable
        self.remediation = remediation
        self.evidence = evidence


@frozen(kw_only=True)
class Submitted:
    """What every carried-out submission says.

    Attributes:
        via: Program that carried it out: ``clavain-cli`` or ``ic``.
        policy_enforced: Whether the policy layer was asked.
    """

    via: str
    policy_enforced: bool


@frozen(kw_only=True)
class SprintCreated(Submitted):
    """A sprint exists now."""

    bead_id: str
    run_id: str | None
    token_budget: int | None = None
    phases: tuple[str, ...] = ()


@frozen(kw_only=True)
class TaskDispatched(Submitted):
    """A task was handed to an agent."""

    dispatch_id: str


@frozen(kw_only=True)
class RunAdvanced(Submitted):
    """A run moved to its next phase."""

    run_id: str | None
    from_phase: str
    to_phase: str
    evidence: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class GateOverridden(Submitted):
    """A gate was passed by decision of a person."""

    run_id: str
    from_phase: str
    to_phase: str
    category: str


@frozen(kw_only=True)
class ArtifactSubmitted(Submitted):
    """An artifact is registered."""

    artifact_id: str | None
    path: str
