"""The hook specifications: everything an adapter may implement.

An adapter implements the few it needs, as module-level functions marked ``@hookimpl``. Arguments are passed by name; an
implementation may leave out those it does not use. Hooks are plain functions: ``async def`` is refused.

Source: design section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from attrs import frozen
from pluggy import HookimplMarker, HookspecMarker

from interhost_hookspecs.catalogue import (
    ArtifactReady,
    Coordination,
    DiscoverWork,
    DriftDetected,
    GateResult,
    HealthSignal,
    Notify,
    PhaseTransition,
    ReleaseStatus,
    ReviewPass,
    StartSprint,
)
from interhost_hookspecs.context import AdapterContext
from interhost_hookspecs.intent import HookEvent, Intent, Observation
from interhost_hookspecs.outcome import Outcome
from interhost_hookspecs.submission import (
    ArtifactSubmitted,
    GateOverridden,
    RunAdvanced,
    SprintCreated,
    TaskDispatched,
)

hookspec = HookspecMarker("interhost")
hookimpl = HookimplMarker("interhost")
"""Marks a function of an adapter as the implementation of the hook of the same name."""

API_LEVEL = 1
"""Level of this contract. An adapter's manifest states the level it was written for in ``interbus.api``."""


@frozen(kw_only=True)
class AdapterInfo:
    """What an adapter says about itself.

    Attributes:
        module: Name of the module behind it.
        summary: What it observes and does, in one line.
        homepage: Where to read more.
    """

    module: str
    summary: str
    homepage: str | None = None


class CheckLevel(StrEnum):
    """What a check found."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@frozen(kw_only=True)
class Check:
    """One line of ``interhost doctor``.

    Attributes:
        name: What was looked at.
        level: ``ok``; ``note`` for what works with less (a module that is not installed); ``problem`` for what needs
            someone's attention.
        detail: What was found.
        hint: What to do when it is not ok.
    """

    name: str
    level: CheckLevel
    detail: str
    hint: str = ""


# Intents -------------------------------------------------------------------------------------------------------------


@hookspec
def on_discover_work(intent: Intent[DiscoverWork], ctx: AdapterContext) -> Outcome | None:
    """React to candidate work that was found or ranked.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``discover_work``; never for
    the adapter that produced it. The work may be offered to someone; it is never started from here.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_start_sprint(intent: Intent[StartSprint], ctx: AdapterContext) -> Outcome | None:
    """React to a sprint or run that began.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``start_sprint``; never for the
    adapter that produced it. The moment to prepare indexes, reports or reservations.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """React to a context that moved to another phase.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``phase_transition``; never for
    the adapter that produced it. Read ``phase_model`` before comparing names: five vocabularies exist.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """React to a durable file that exists or changed.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``artifact_ready``; never for
    the adapter that produced it. The file is ``intent.artifact_path``; it may be gone again by the time of the call.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome | None:
    """React to a finished review.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``review_pass``; never for the
    adapter that produced it. Read the verdict from ``intent.payload.verdict``; ``None`` means the report could not be
    read and is no pass.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_gate_result(intent: Intent[GateResult], ctx: AdapterContext) -> Outcome | None:
    """React to a policy decision.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``gate_result``; never for the
    adapter that produced it. A blocked gate is an answer, not an error to be retried.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_coordination(intent: Intent[Coordination], ctx: AdapterContext) -> Outcome | None:
    """React to a claim, reservation, release or conflict.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``coordination``; never for the
    adapter that produced it. Tell whom it concerns; never release what others hold.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_drift_detected(intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome | None:
    """React to two representations that disagree.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``drift_detected``; never for
    the adapter that produced it. ``kind`` says which; take only the kinds this module can mend or report.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_health_signal(intent: Intent[HealthSignal], ctx: AdapterContext) -> Outcome | None:
    """React to pressure, budget, syntax or usage that crossed a level.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``health_signal``; never for
    the adapter that produced it. ``level`` is comparable across modules, ``stated_level`` is the module's own word.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_release_status(intent: Intent[ReleaseStatus], ctx: AdapterContext) -> Outcome | None:
    """React to a release that moved.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``release_status``; never for
    the adapter that produced it. A dry run says so in ``dry_run``.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_notify(intent: Intent[Notify], ctx: AdapterContext) -> Outcome | None:
    """React to something that someone should be told.

    Called once per delivery, after the envelope is stored, when the manifest consumes ``notify``; never for the
    adapter that produced it. Posting outside the machine is off until the user turns it on.

    Args:
        intent: The envelope with its typed payload.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


@hookspec
def on_intent(intent: Intent[Mapping[str, object]], ctx: AdapterContext) -> Outcome | None:
    """React to a module's own intent, ``module.name``, which no class of the catalogue describes.

    Called once per delivery, as the ``on_*`` hooks of the catalogue are, for names that are not canonical.

    Args:
        intent: The envelope; its payload is the decoded JSON object.
        ctx: What this adapter may use.

    Returns:
        What was done, or ``None`` when this one is not this adapter's business. Both are final.

    Raises:
        Exception: Recorded as a failed attempt against this adapter, and retried with backoff.
    """


# Observation ---------------------------------------------------------------------------------------------------------


@hookspec
def observe(ctx: AdapterContext) -> Observation | None:
    """Look at the module's files or services for what happened since the last look.

    Called by the worker whenever the adapter is due for a poll; never in a hook of the coding agent.

    Args:
        ctx: What this adapter may use. Positions belong into ``ctx.tail``, ``ctx.changed`` and ``ctx.cursor``.

    Returns:
        What was seen, or ``None``. Drafts, advice and cursors are stored in one transaction; cursors also when
        nothing was seen.

    Raises:
        Exception: Recorded against this adapter. Nothing of this look is stored; the next look sees the same again.
    """


@hookspec
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation | None:
    """Look at one Claude Code hook event that the manifest asks for.

    Called by the worker after the event is recorded, once per event.

    Args:
        event: The event, unknown fields included.
        ctx: What this adapter may use.

    Returns:
        What was seen, or ``None``. Drafts, advice and cursors are stored in one transaction; cursors also when
        nothing was seen.

    Raises:
        Exception: Recorded against this adapter; the agent's session is not affected.
    """


# Guards --------------------------------------------------------------------------------------------------------------


@hookspec
def has_ic() -> bool | None:
    """Say whether the ``ic`` command can be used.

    Called when anyone asks ``ctx.guards.has_ic()``. Providers are asked one by one in name order, behind a fence, the
    built-in one last.

    Returns:
        The answer, or ``None`` to leave it to the next provider. No answer at all means "no".

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def has_bd() -> bool | None:
    """Say whether the ``bd`` command can be used.

    Called and answered as ``has_ic``.

    Returns:
        The answer, or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def has_companion(name: str) -> bool | None:
    """Say whether a companion plugin is installed.

    Called and answered as ``has_ic``.

    Args:
        name: Name of the plugin; never empty.

    Returns:
        The answer, or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def in_ecosystem() -> bool | None:
    """Say whether the central interbase install exists.

    Called and answered as ``has_ic``.

    Returns:
        The answer, or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def get_bead() -> str | None:
    """Name the bead that is being worked on.

    Called and answered as ``has_ic``.

    Returns:
        The bead id, an empty string for "there is none", or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def in_sprint() -> bool | None:
    """Say whether a bead and an active run exist.

    Called and answered as ``has_ic``.

    Returns:
        The answer, or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


# Submissions ---------------------------------------------------------------------------------------------------------


@hookspec
def create_sprint(goal: str, complexity: int | None, lane: str | None) -> SprintCreated | None:
    """Begin a sprint.

    Called by ``ctx.submit.create_sprint`` and by the command line. Providers are asked one by one in name order, behind
    a fence, the built-in policy client last.

    Args:
        goal: What the sprint is for.
        complexity: 1 (trivial) to 5 (research), or ``None`` for the policy's default.
        lane: Lane to file it under.

    Returns:
        What was created, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def dispatch_task(run_id: str, prompt_file: Path, agent: str | None) -> TaskDispatched | None:
    """Hand a task to an agent.

    Called and answered as ``create_sprint``.

    Args:
        run_id: Run the task belongs to.
        prompt_file: File that holds the task.
        agent: Kind of agent, or ``None`` for the policy's default.

    Returns:
        What was started, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def advance_run(bead_id: str, phase: str, artifact: Path | None) -> RunAdvanced | None:
    """Move a run on from a phase.

    Called and answered as ``create_sprint``.

    Args:
        bead_id: Bead of the run.
        phase: Phase the caller believes the run is in; a run that has moved on is a refusal.
        artifact: What the phase produced.

    Returns:
        The move, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def override_gate(run_id: str, reason: str, category: str) -> GateOverridden | None:
    """Pass a gate by decision of a person.

    Called and answered as ``create_sprint``.

    Args:
        run_id: Run whose gate is passed.
        reason: Why.
        category: ``justified`` or ``expedient``.

    Returns:
        The move, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def submit_artifact(bead_id: str, kind: str, path: Path) -> ArtifactSubmitted | None:
    """Register an artifact.

    Called and answered as ``create_sprint``.

    Args:
        bead_id: Bead it belongs to.
        kind: Kind of artifact, such as ``plan``.
        path: The file.

    Returns:
        The record, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


# The adapter itself --------------------------------------------------------------------------------------------------


@hookspec
def describe_adapter() -> AdapterInfo | None:
    """Say what this adapter is.

    Called by ``interhost list --check`` and ``interhost doctor``.

    Returns:
        Module, summary, homepage.

    Raises:
        Exception: Shown as the adapter's failure.
    """


@hookspec
def check_adapter(ctx: AdapterContext) -> list[Check] | None:
    """Look at what this adapter needs, changing nothing.

    Called by ``interhost doctor``.

    Args:
        ctx: What this adapter may use.

    Returns:
        One check per thing it needs, or ``None``.

    Raises:
        Exception: Shown as a failed check of this adapter.
    """
