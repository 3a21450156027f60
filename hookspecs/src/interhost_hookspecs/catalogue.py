"""The catalogue, version 1: one payload class per canonical intent.

A class is the only place where an intent's keys are written down. The JSON Schema that the bus checks payloads
against, ``interbus catalog`` and ``docs/catalogue.md`` are generated from it.

Intents are facts, never calls. Closed lists are enums; a module's own wording goes into a ``stated_*`` key. Keys that
a class does not name are kept: the producer's text is what is stored, the class is a view of it.

Source: design section 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from attrs import field, frozen


def _doc(text: str, *, key: str | None = None) -> dict[str, str]:
    """Metadata of a payload key: what it means, and its name in JSON where Python reserves the word."""
    return {"doc": text} if key is None else {"doc": text, "key": key}


class Payload:
    """What every payload class shares: the canonical intent it describes, as ``name@major.minor``."""

    __slots__ = ()

    INTENT: ClassVar[str]


@frozen(kw_only=True)
class DiscoverWork(Payload):
    """Candidate work was found or ranked."""

    INTENT: ClassVar[str] = "discover_work@1.0"

    action: str = field(metadata=_doc("What the work asks for next, such as brainstorm, plan, execute or ship."))
    title: str = field(metadata=_doc("The work in one line."))
    priority: int | None = field(default=None, metadata=_doc("Tracker priority; 0 is the most urgent."))
    rank: int | None = field(default=None, metadata=_doc("Position in the producer's ranking; 1 is first."))
    score: float | None = field(default=None, metadata=_doc("The producer's own score, comparable only to its own."))
    method: str | None = field(default=None, metadata=_doc("How `rank` came about, such as mechanical."))
    reasons: tuple[str, ...] | None = field(default=None, metadata=_doc("What speaks for it, a few words each."))
    phase: str | None = field(default=None, metadata=_doc("Phase the work is in now."))
    phase_model: str | None = field(default=None, metadata=_doc("Vocabulary that `phase` belongs to."))
    stale: bool | None = field(default=None, metadata=_doc("Nobody has touched the work for a while."))
    selected: bool | None = field(default=None, metadata=_doc("Someone chose this item, it was not merely listed."))


@frozen(kw_only=True)
class StartSprint(Payload):
    """A sprint or run began."""

    INTENT: ClassVar[str] = "start_sprint@1.0"

    trigger: str = field(metadata=_doc("What began it, such as claim, run_create or command."))
    goal: str | None = field(default=None, metadata=_doc("What the sprint is for, in one line."))
    run_id: str | None = field(default=None, metadata=_doc("Run of the kernel that carries the sprint."))
    complexity: int | None = field(default=None, metadata=_doc("1 (trivial) to 5 (research)."))
    lane: str | None = field(default=None, metadata=_doc("Lane the sprint was filed under."))
    phase: str | None = field(default=None, metadata=_doc("First phase."))
    phase_model: str | None = field(default=None, metadata=_doc("Vocabulary that `phase` and `phases` belong to."))
    phases: tuple[str, ...] | None = field(default=None, metadata=_doc("Planned phases, in order."))
    token_budget: int | None = field(default=None, metadata=_doc("Tokens the sprint may use."))


@frozen(kw_only=True)
class PhaseTransition(Payload):
    """A context moved to another phase."""

    INTENT: ClassVar[str] = "phase_transition@1.0"

    to: str = field(metadata=_doc("Phase the context is in now, as the producer spells it."))
    phase_model: str = field(metadata=_doc("Vocabulary that `to` belongs to; an open string, five of them exist."))
    from_phase: str | None = field(default=None, metadata=_doc("Phase it left; null when unknown.", key="from"))
    canonical_to: str | None = field(default=None, metadata=_doc("`to` in the eight-phase vocabulary of interphase."))
    reason: str | None = field(default=None, metadata=_doc("Why, in the producer's words."))
    trigger: str | None = field(default=None, metadata=_doc("What moved it, such as advance, skip, set or rollback."))
    run_id: str | None = field(default=None, metadata=_doc("Run of the kernel that moved."))


class Change(StrEnum):
    """What happened to an artifact."""

    CREATED = "created"
    UPDATED = "updated"
    REMOVED = "removed"


@frozen(kw_only=True)
class ArtifactReady(Payload):
    """A durable file exists or changed. The file is the envelope's `artifact_path`."""

    INTENT: ClassVar[str] = "artifact_ready@1.0"

    kind: str = field(metadata=_doc("What the file is: plan, prd, brainstorm, review_report, research_report, doc, …"))
    title: str | None = field(default=None, metadata=_doc("The artifact in one line."))
    change: Change | None = field(default=None, metadata=_doc("Whether it was created, updated or removed."))
    phase: str | None = field(default=None, metadata=_doc("Phase named in the artifact's header."))
    commit: str | None = field(default=None, metadata=_doc("Commit that holds this state of the file."))
    sha256: str | None = field(default=None, metadata=_doc("Digest of the file's bytes, in hexadecimal."))
    run_id: str | None = field(default=None, metadata=_doc("Run of the kernel that registered it."))


class Verdict(StrEnum):
    """The outcome of a review, by the rule: any P0 is risky, any P1 needs changes, otherwise safe."""

    SAFE = "safe"
    NEEDS_CHANGES = "needs-changes"
    RISKY = "risky"
    ERROR = "error"


class VerdictSource(StrEnum):
    """Where a verdict comes from."""

    RECOMPUTED = "recomputed"
    STATED = "stated"
    UNREADABLE = "unreadable"


@frozen(kw_only=True)
class Finding:
    """One finding of a review."""

    severity: str = field(metadata=_doc("P0 (critical) to P3 (minor)."))
    title: str = field(metadata=_doc("The finding in one line."))
    id: str | None = field(default=None, metadata=_doc("Identifier within the report."))
    agents: tuple[str, ...] | None = field(default=None, metadata=_doc("Reviewers that found it."))


@frozen(kw_only=True)
class ReviewPass(Payload):
    """One review pass finished. Whether it was a success is said by `verdict`, never by the intent's name."""

    INTENT: ClassVar[str] = "review_pass@1.0"

    verdict: Verdict | None = field(metadata=_doc("The outcome; null when the report could not be read."))
    counts: Mapping[str, int] = field(metadata=_doc("Findings per severity, such as P0, P1, P2, P3 and IMP."))
    verdict_source: VerdictSource | None = field(default=None, metadata=_doc("Where `verdict` comes from."))
    stated_verdict: str | None = field(default=None, metadata=_doc("What the report itself says, unchanged."))
    top: tuple[Finding, ...] | None = field(default=None, metadata=_doc("The gravest findings, at most five."))
    mode: str | None = field(default=None, metadata=_doc("Kind of review, such as flux-drive or flux-review."))
    inputs: tuple[str, ...] | None = field(default=None, metadata=_doc("What was reviewed, as the report names it."))
    agents_launched: tuple[str, ...] | None = field(default=None, metadata=_doc("Reviewers that were started."))
    agents_completed: tuple[str, ...] | None = field(default=None, metadata=_doc("Reviewers that answered."))
    agents_failed: tuple[str, ...] | None = field(default=None, metadata=_doc("Reviewers that did not."))
    report: str | None = field(default=None, metadata=_doc("Absolute path of the report for people."))
    findings_path: str | None = field(default=None, metadata=_doc("Absolute path of the machine-readable findings."))
    run_uuid: str | None = field(default=None, metadata=_doc("The review run's own identifier."))
    degraded: bool | None = field(default=None, metadata=_doc("The synthesis ran without its full tool set."))


class GateOutcome(StrEnum):
    """What a gate decided."""

    PASS = "pass"  # noqa: S105 - a gate's answer, not a password
    WARN = "warn"
    BLOCK = "block"
    SKIP = "skip"
    BYPASS = "bypass"
    NOT_ENFORCED = "not_enforced"


class GateTier(StrEnum):
    """How strictly a gate is enforced."""

    HARD = "hard"
    SOFT = "soft"
    NONE = "none"


@frozen(kw_only=True)
class GateResult(Payload):
    """A policy decision was taken."""

    INTENT: ClassVar[str] = "gate_result@1.0"

    outcome: GateOutcome = field(metadata=_doc("What was decided."))
    tier: GateTier = field(metadata=_doc("How strictly it was enforced."))
    stated_decision: str | None = field(default=None, metadata=_doc("The module's own word for the decision."))
    target: str | None = field(default=None, metadata=_doc("Phase that was asked for."))
    from_phase: str | None = field(default=None, metadata=_doc("Phase it was asked from.", key="from"))
    phase_model: str | None = field(default=None, metadata=_doc("Vocabulary of `from` and `target`."))
    reason: str | None = field(default=None, metadata=_doc("Why, in the module's words."))
    policy: str | None = field(default=None, metadata=_doc("Rule or rule set that decided."))
    run_id: str | None = field(default=None, metadata=_doc("Run of the kernel that was checked."))
    evidence: tuple[Mapping[str, object], ...] | None = field(
        default=None, metadata=_doc("The conditions that were checked, as the module reports them.")
    )


class Resource(StrEnum):
    """What is coordinated."""

    BEAD = "bead"
    FILE = "file"


class CoordinationAction(StrEnum):
    """What happened to a resource."""

    CLAIM = "claim"
    RESERVE = "reserve"
    RELEASE = "release"
    EXPIRE = "expire"
    CONFLICT = "conflict"
    BLOCKED = "blocked"
    NEGOTIATE = "negotiate"
    COMMIT = "commit"


@frozen(kw_only=True)
class Holder:
    """Who holds a resource."""

    id: str | None = field(default=None, metadata=_doc("Identifier in the module's own store."))
    name: str | None = field(default=None, metadata=_doc("Name people know the holder by."))
    session_id: str | None = field(default=None, metadata=_doc("Session of the coding agent."))


@frozen(kw_only=True)
class Coordination(Payload):
    """A claim, reservation, release or conflict."""

    INTENT: ClassVar[str] = "coordination@1.0"

    resource: Resource = field(metadata=_doc("Kind of resource."))
    resource_id: str = field(metadata=_doc("Bead id, or path or pattern of the files."))
    action: CoordinationAction = field(metadata=_doc("What happened to it."))
    holder: Holder | None = field(default=None, metadata=_doc("Who has it now."))
    requester: Holder | None = field(default=None, metadata=_doc("Who wanted it."))
    reservation_id: str | None = field(default=None, metadata=_doc("Identifier of the reservation."))
    expires_at: str | None = field(default=None, metadata=_doc("When it ends by itself, RFC 3339."))
    reason: str | None = field(default=None, metadata=_doc("Why, in the producer's words."))
    ref: str | None = field(default=None, metadata=_doc("Place it is about, such as src/auth.py:42."))


@frozen(kw_only=True)
class DriftDetected(Payload):
    """Two representations of the same thing disagree."""

    INTENT: ClassVar[str] = "drift_detected@1.0"

    kind: str = field(metadata=_doc("What drifted, such as doc, phase_desync or model_quality."))
    expected: str | None = field(default=None, metadata=_doc("What the authority says."))
    actual: str | None = field(default=None, metadata=_doc("What was found instead."))
    signal: str | None = field(default=None, metadata=_doc("What gave it away, such as commits or structure."))
    score: float | None = field(default=None, metadata=_doc("The producer's own measure of the distance."))
    tier: str | None = field(default=None, metadata=_doc("The producer's own grade."))
    commits_since: int | None = field(default=None, metadata=_doc("Commits since the two last agreed."))
    detail: str | None = field(default=None, metadata=_doc("One line for people."))


class Level(StrEnum):
    """How bad a signal is."""

    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


@frozen(kw_only=True)
class HealthSignal(Payload):
    """Pressure, budget, syntax or usage crossed a level."""

    INTENT: ClassVar[str] = "health_signal@1.0"

    signal: str = field(metadata=_doc("What is measured, such as context_pressure, budget or syntax."))
    level: Level = field(metadata=_doc("The level it crossed into."))
    stated_level: str | None = field(default=None, metadata=_doc("The module's own word for the level."))
    value: float | None = field(default=None, metadata=_doc("The measurement."))
    unit: str | None = field(default=None, metadata=_doc("Unit of `value`, such as percent or tokens."))
    threshold: float | None = field(default=None, metadata=_doc("The value at which the level begins."))
    detail: str | None = field(default=None, metadata=_doc("One line for people."))


class ReleaseState(StrEnum):
    """Where a release stands."""

    PREPARED = "prepared"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    SYNCED = "synced"
    BLOCKED = "blocked"
    FAILED = "failed"
    CANARY = "canary"


@frozen(kw_only=True)
class ReleaseStatus(Payload):
    """A release moved."""

    INTENT: ClassVar[str] = "release_status@1.0"

    state: ReleaseState = field(metadata=_doc("Where it stands now."))
    stated_state: str | None = field(default=None, metadata=_doc("The module's own word for the state."))
    module: str | None = field(default=None, metadata=_doc("What is released."))
    version: str | None = field(default=None, metadata=_doc("Version that is released."))
    previous_version: str | None = field(default=None, metadata=_doc("Version it replaces."))
    dry_run: bool | None = field(default=None, metadata=_doc("Nothing was changed outside."))
    reason: str | None = field(default=None, metadata=_doc("Why, in the producer's words."))


@frozen(kw_only=True)
class Notify(Payload):
    """Someone should be told."""

    INTENT: ClassVar[str] = "notify@1.0"

    text: str = field(metadata=_doc("What to tell."))
    title: str | None = field(default=None, metadata=_doc("A heading for it."))
    recipient: str | None = field(default=None, metadata=_doc("Who should be told; null leaves it to the consumer."))
    link: str | None = field(default=None, metadata=_doc("Where to read more."))


CATALOGUE: Mapping[str, type[Payload]] = MappingProxyType(
    {
        cls.INTENT.partition("@")[0]: cls
        for cls in (
            DiscoverWork,
            StartSprint,
            PhaseTransition,
            ArtifactReady,
            ReviewPass,
            GateResult,
            Coordination,
            DriftDetected,
            HealthSignal,
            ReleaseStatus,
            Notify,
        )
    }
)
"""Canonical name to payload class, in the order of the catalogue."""
