"""The two built-in providers: the policy layer, and the kernel where no policy layer exists.

A policy layer that refuses, fails or hangs has answered: nobody goes past it. Source: specification "Intent Submission
Mechanism", graceful degradation; design section 6.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from attrs import evolve
from interhost_hookspecs import (
    ArtifactFound,
    ArtifactSubmitted,
    GateEnforced,
    GateOverridden,
    RunAdvanced,
    SprintCreated,
    SprintState,
    SubmissionCode,
    SubmissionError,
    TaskDispatched,
    hookimpl,
)

from interhost.submission import direct, gates, policy
from interhost.submission.clavain import Clavain, find_clavain
from interhost.submission.kernel import Kernel, open_kernel
from interhost.submission.programs import PROGRAMS, Desk

T = TypeVar("T")


class _BuiltIn:
    """A provider.

    Args:
        desk: Where a submission is made; its project is replaced by that of the call.
    """

    def __init__(self, desk: Desk) -> None:
        """Nothing is looked for yet."""
        self._desk = desk

    def _at(self, project: Path) -> Desk:
        """The desk in a project. A program that the user has named and that is not there is found before any write."""
        desk = evolve(self._desk, project=project)
        for program in PROGRAMS:
            desk.find(program)
        return desk


class ByPolicy(_BuiltIn):
    """Through ``clavain-cli``; no answer where there is none."""

    @hookimpl
    def create_sprint(self, goal: str, complexity: int | None, lane: str | None, project: Path) -> SprintCreated | None:
        """See the specification of the hook."""
        return self._ask(project, lambda cli: policy.create_sprint(cli, goal, complexity, lane))

    @hookimpl
    def dispatch_task(self, run_id: str, prompt_file: Path, agent: str | None, project: Path) -> TaskDispatched | None:
        """See the specification of the hook."""
        return self._ask(project, lambda cli: policy.dispatch_task(cli, run_id, prompt_file, agent))

    @hookimpl
    def advance_run(self, bead_id: str, phase: str, artifact: Path | None, project: Path) -> RunAdvanced | None:
        """See the specification of the hook."""
        return self._ask(project, lambda cli: gates.advance_run(cli, bead_id, phase, artifact))

    @hookimpl
    def enforce_gate(self, bead_id: str, phase: str, artifact: Path | None, project: Path) -> GateEnforced | None:
        """See the specification of the hook."""
        return self._ask(project, lambda cli: gates.enforce_gate(cli, bead_id, phase, artifact))

    @hookimpl
    def override_gate(self, run_id: str, reason: str, category: str, project: Path) -> GateOverridden | None:
        """See the specification of the hook."""
        return self._ask(project, lambda cli: gates.override_gate(cli, run_id, reason, category))

    @hookimpl
    def submit_artifact(self, bead_id: str, kind: str, path: Path, project: Path) -> ArtifactSubmitted | None:
        """See the specification of the hook."""
        return self._ask(project, lambda cli: policy.submit_artifact(cli, bead_id, kind, str(path)))

    @hookimpl
    def get_artifact(self, bead_id: str, kind: str, project: Path) -> ArtifactFound | None:
        """See the specification of the hook."""
        return self._ask(project, lambda cli: policy.get_artifact(cli, bead_id, kind))

    @hookimpl
    def read_sprint(self, bead_id: str, project: Path) -> SprintState | None:
        """See the specification of the hook."""
        return self._ask(project, lambda cli: policy.read_sprint(cli, bead_id))

    def _ask(self, project: Path, question: Callable[[Clavain], T]) -> T | None:
        cli = find_clavain(self._at(project))
        return _fenced(lambda: question(cli)) if cli else None


class WithoutPolicy(_BuiltIn):
    """Through ``ic``; no answer where a ``clavain-cli`` exists, or no ``ic``."""

    @hookimpl
    def create_sprint(self, goal: str, complexity: int | None, lane: str | None, project: Path) -> SprintCreated | None:
        """See the specification of the hook."""
        return self._ask(project, lambda kernel: direct.create_sprint(kernel, goal, complexity, lane))

    @hookimpl
    def dispatch_task(self, run_id: str, prompt_file: Path, agent: str | None, project: Path) -> TaskDispatched | None:
        """See the specification of the hook."""
        return self._ask(
            project, lambda kernel: direct.dispatch_task(kernel, run_id, prompt_file, agent, why=direct.ABSENT)
        )

    @hookimpl
    def advance_run(self, bead_id: str, phase: str, project: Path) -> RunAdvanced | None:
        """See the specification of the hook."""
        return self._ask(project, lambda kernel: direct.advance_run(kernel, bead_id, phase))

    @hookimpl
    def enforce_gate(self, bead_id: str, phase: str, project: Path) -> GateEnforced | None:
        """See the specification of the hook."""
        return self._ask(project, lambda kernel: direct.enforce_gate(kernel, bead_id, phase))

    @hookimpl
    def override_gate(self, run_id: str, reason: str, category: str, project: Path) -> GateOverridden | None:
        """See the specification of the hook."""
        return self._ask(
            project, lambda kernel: direct.override_gate(kernel, run_id, reason, category, why=direct.ABSENT)
        )

    @hookimpl
    def submit_artifact(self, bead_id: str, kind: str, path: Path, project: Path) -> ArtifactSubmitted | None:
        """See the specification of the hook."""
        return self._ask(project, lambda kernel: direct.submit_artifact(kernel, bead_id, kind, str(path)))

    @hookimpl
    def get_artifact(self, bead_id: str, kind: str, project: Path) -> ArtifactFound | None:
        """See the specification of the hook."""
        return self._ask(project, lambda kernel: direct.get_artifact(kernel, bead_id, kind))

    @hookimpl
    def read_sprint(self, bead_id: str, project: Path) -> SprintState | None:
        """See the specification of the hook."""
        return self._ask(project, lambda kernel: direct.read_sprint(kernel, bead_id))

    def _ask(self, project: Path, question: Callable[[Kernel], T]) -> T | None:
        desk = self._at(project)
        if find_clavain(desk) is not None or desk.find("ic") is None:
            return None
        return _fenced(lambda: question(open_kernel(desk)))


def _fenced(act: Callable[[], T]) -> T:
    """A fault of ours is no reason to ask the next provider, and nobody knows what was written before it."""
    try:
        return act()
    except SubmissionError:
        raise
    except Exception as error:
        if os.environ.get("INTERHOST_STRICT") == "1":
            raise
        said = f"a fault of interhost: {type(error).__name__}: {error}"
        raise SubmissionError(
            SubmissionCode.INTERNAL, said, remediation="INTERHOST_STRICT=1 shows where", in_doubt=True
        ) from error
