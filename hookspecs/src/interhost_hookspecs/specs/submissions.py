"""Hooks that carry out the policy-governing writes, and answer the questions that go with them."""

from __future__ import annotations

from pathlib import Path

from interhost_hookspecs.markers import hookspec
from interhost_hookspecs.submission import (
    ArtifactFound,
    ArtifactSubmitted,
    GateEnforced,
    GateOverridden,
    RunAdvanced,
    SprintCreated,
    SprintState,
    TaskDispatched,
)


@hookspec
def create_sprint(goal: str, complexity: int | None, lane: str | None, project: Path) -> SprintCreated | None:
    """Begin a sprint.

    Called by ``ctx.submit.create_sprint`` and by ``interhost submit``, in single file for one key. Providers are asked
    one by one, adapters in name order and then the built-in ones: ``clavain-cli``, and ``ic`` where no ``clavain-cli``
    exists. The host records the answer and publishes the fact; a provider does neither.

    Args:
        goal: What the sprint is for.
        complexity: 1 (trivial) to 5 (research), or ``None`` for the policy's default.
        lane: Lane to file it under.
        project: Root of the project it is about, and working directory of whatever is run.

    Returns:
        What was created, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def dispatch_task(run_id: str, prompt_file: Path, agent: str | None, project: Path) -> TaskDispatched | None:
    """Hand a task to an agent.

    Called and answered as ``create_sprint``.

    Args:
        run_id: Run the task belongs to.
        prompt_file: File that holds the task.
        agent: Kind of agent, or ``None`` for the policy's default.
        project: Root of the project it is about, and working directory of whatever is run.

    Returns:
        What was started, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def advance_run(bead_id: str, phase: str, artifact: Path | None, project: Path) -> RunAdvanced | None:
    """Move a run on from a phase.

    Called and answered as ``create_sprint``.

    Args:
        bead_id: Bead of the run, or the run itself.
        phase: Phase the caller believes the run is in; a run that has moved on is a refusal.
        artifact: What the phase produced.
        project: Root of the project it is about, and working directory of whatever is run.

    Returns:
        The move, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def enforce_gate(bead_id: str, phase: str, artifact: Path | None, project: Path) -> GateEnforced | None:
    """Ask the gate before a phase whether it lets a run pass; the run stays where it is.

    Called and answered as ``create_sprint``.

    Args:
        bead_id: Bead of the run, or the run itself.
        phase: Phase the caller wants to enter.
        artifact: What is to be let through.
        project: Root of the project it is about, and working directory of whatever is run.

    Returns:
        The decision to let it pass, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def override_gate(run_id: str, reason: str, category: str, project: Path) -> GateOverridden | None:
    """Pass a gate by decision of a person.

    Called and answered as ``create_sprint``.

    Args:
        run_id: Run whose gate is passed.
        reason: Why.
        category: ``justified`` or ``expedient``.
        project: Root of the project it is about, and working directory of whatever is run.

    Returns:
        The move, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def submit_artifact(bead_id: str, kind: str, path: Path, project: Path) -> ArtifactSubmitted | None:
    """Register an artifact.

    Called and answered as ``create_sprint``.

    Args:
        bead_id: Bead it belongs to, or its run.
        kind: Kind of artifact, such as ``plan``.
        path: The file; where the kind asks for it another value, such as a commit.
        project: Root of the project it is about, and working directory of whatever is run.

    Returns:
        The record, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def get_artifact(bead_id: str, kind: str, project: Path) -> ArtifactFound | None:
    """Look up the newest artifact of a kind.

    Called and answered as ``create_sprint``; nothing is recorded.

    Args:
        bead_id: Bead it belongs to, or its run.
        kind: Kind of artifact, such as ``plan``.
        project: Root of the project it is about, and working directory of whatever is run.

    Returns:
        Where it is, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def read_sprint(bead_id: str, project: Path) -> SprintState | None:
    """Say where a sprint stands.

    Called and answered as ``create_sprint``; nothing is recorded.

    Args:
        bead_id: Its bead, or its run.
        project: Root of the project it is about, and working directory of whatever is run.

    Returns:
        Its state, or ``None`` to leave it to the next provider.

    Raises:
        SubmissionError: The answer is a refusal; nobody else is asked.
        Exception: Recorded against the provider; the next one is asked.
    """
