"""Hooks that receive intents: one per canonical intent, and one for a module's own."""

from __future__ import annotations

from collections.abc import Mapping

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
from interhost_hookspecs.intent import Intent
from interhost_hookspecs.markers import hookspec
from interhost_hookspecs.outcome import Outcome


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
