"""Hooks that carry out the policy-governing writes."""

from __future__ import annotations

from pathlib import Path

from interhost_hookspecs.markers import hookspec
from interhost_hookspecs.submission import (
    ArtifactSubmitted,
    GateOverridden,
    RunAdvanced,
    SprintCreated,
    TaskDispatched,
)


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
