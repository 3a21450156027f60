"""Submissions of a fake context."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from attrs import define, field

from interhost_hookspecs.submission import (
    ArtifactFound,
    ArtifactSubmitted,
    GateEnforced,
    GateOverridden,
    RunAdvanced,
    SprintCreated,
    SprintState,
    SubmissionError,
    TaskDispatched,
)

P = TypeVar("P")


@define
class FakeSubmissions:
    """Submissions that nobody answers, as when no policy layer is installed.

    Give one an answer by assigning it; ``refusal`` is raised by every one instead.
    """

    sprint: SprintCreated | None = None
    task: TaskDispatched | None = None
    advance: RunAdvanced | None = None
    gate: GateEnforced | None = None
    override: GateOverridden | None = None
    artifact: ArtifactSubmitted | None = None
    found: ArtifactFound | None = None
    state: SprintState | None = None
    refusal: SubmissionError | None = None
    calls: list[tuple[str, Mapping[str, object]]] = field(factory=list)

    def _answer(self, name: str, answer: P, **arguments: object) -> P:
        """Keep the call as it was made: ``project`` and ``key`` only where they were given."""
        kept = {key: value for key, value in arguments.items() if value is not None or key not in ("project", "key")}
        self.calls.append((name, kept))
        if self.refusal:
            raise self.refusal
        return answer

    def create_sprint(
        self,
        *,
        goal: str,
        complexity: int | None = None,
        lane: str | None = None,
        project: Path | None = None,
        key: str | None = None,
    ) -> SprintCreated | None:
        """Record the call."""
        return self._answer(
            "create_sprint", self.sprint, goal=goal, complexity=complexity, lane=lane, project=project, key=key
        )

    def dispatch_task(
        self,
        *,
        run_id: str,
        prompt_file: Path,
        agent: str | None = None,
        project: Path | None = None,
        key: str | None = None,
    ) -> TaskDispatched | None:
        """Record the call."""
        return self._answer(
            "dispatch_task", self.task, run_id=run_id, prompt_file=prompt_file, agent=agent, project=project, key=key
        )

    def advance_run(
        self,
        *,
        bead_id: str,
        phase: str,
        artifact: Path | None = None,
        project: Path | None = None,
        key: str | None = None,
    ) -> RunAdvanced | None:
        """Record the call."""
        return self._answer(
            "advance_run", self.advance, bead_id=bead_id, phase=phase, artifact=artifact, project=project, key=key
        )

    def enforce_gate(
        self, *, bead_id: str, phase: str, artifact: Path | None = None, project: Path | None = None
    ) -> GateEnforced | None:
        """Record the call."""
        return self._answer("enforce_gate", self.gate, bead_id=bead_id, phase=phase, artifact=artifact, project=project)

    def override_gate(
        self, *, run_id: str, reason: str, category: str, project: Path | None = None, key: str | None = None
    ) -> GateOverridden | None:
        """Record the call."""
        return self._answer(
            "override_gate", self.override, run_id=run_id, reason=reason, category=category, project=project, key=key
        )

    def submit_artifact(
        self, *, bead_id: str, kind: str, path: Path, project: Path | None = None, key: str | None = None
    ) -> ArtifactSubmitted | None:
        """Record the call."""
        return self._answer(
            "submit_artifact", self.artifact, bead_id=bead_id, kind=kind, path=path, project=project, key=key
        )

    def get_artifact(self, *, bead_id: str, kind: str, project: Path | None = None) -> ArtifactFound | None:
        """Record the call."""
        return self._answer("get_artifact", self.found, bead_id=bead_id, kind=kind, project=project)

    def read_sprint(self, *, bead_id: str, project: Path | None = None) -> SprintState | None:
        """Record the call."""
        return self._answer("read_sprint", self.state, bead_id=bead_id, project=project)
