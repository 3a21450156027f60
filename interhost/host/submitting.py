"""``ctx.submit``: the policy-governing writes, checked, asked of the providers, recorded once and told.

Adapters are asked first, in name order, then ``clavain-cli``, and ``ic`` where no ``clavain-cli`` exists.
Source: design section 6; specification "Intent Submission Mechanism".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

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
    Submitted,
    TaskDispatched,
)
from interhost_hookspecs.kernel_facts import show_conditions

from interhost.bus.bus import Bus
from interhost.bus.store import StoredSubmission
from interhost.host.providers import Providers
from interhost.host.writing import Origin, Write, Writer, say
from interhost.submission import requests
from interhost.submission.earlier import (
    advance_stands,
    find_run_id,
    settle_advance,
    sprint_in_doubt,
    sprint_stands,
)
from interhost.submission.kernel import open_kernel
from interhost.submission.ledger import WAIT_SECONDS, digest

WRITES: Mapping[str, type[Submitted]] = {
    "create_sprint": SprintCreated,
    "dispatch_task": TaskDispatched,
    "advance_run": RunAdvanced,
    "override_gate": GateOverridden,
    "submit_artifact": ArtifactSubmitted,
}
"""The writes that can be made once, and what each answers with."""


class HostSubmissions:
    """See :class:`interhost_hookspecs.Submissions`.

    Args:
        providers: The adapters that may answer.
        bus: Where it is recorded and told.
        origin: Who submits.
        keep_lease: Called before something that may take so many seconds.
        warn: Takes a line for a person.
        wait: Seconds that a repeat waits for the one under way.
    """

    def __init__(
        self,
        providers: Providers,
        bus: Bus,
        origin: Origin,
        *,
        keep_lease: Callable[[float], None] = lambda seconds: None,
        warn: Callable[[str], None] = say,
        wait: float = WAIT_SECONDS,
    ) -> None:
        """Ask these providers."""
        self._writer = Writer(providers, bus, origin, keep_lease=keep_lease, warn=warn, wait=wait)
        self._bus = bus

    # Writes -----------------------------------------------------------------------------------------------------------

    def create_sprint(
        self,
        *,
        goal: str,
        complexity: int | None = None,
        lane: str | None = None,
        project: Path | None = None,
        key: str | None = None,
    ) -> SprintCreated | None:
        """Begin a sprint."""
        goal = requests.check_text("goal", goal)
        complexity, lane = requests.check_complexity(complexity), requests.check_optional("lane", lane)
        desk = self._writer.desk(project)
        write = Write(
            "create_sprint",
            {"goal": goal, "complexity": complexity, "lane": lane},
            desk,
            lambda hook: hook.create_sprint(goal=goal, complexity=complexity, lane=lane, project=desk.project),
        )

        def settle(earlier: StoredSubmission) -> None:
            raise sprint_in_doubt(desk.begin(), earlier)

        automatic = digest(str(desk.project), goal, complexity, lane)
        return self._writer.once(write, SprintCreated, key, automatic, settle=settle, stands=sprint_stands)

    def dispatch_task(
        self,
        *,
        run_id: str,
        prompt_file: Path,
        agent: str | None = None,
        project: Path | None = None,
        key: str | None = None,
    ) -> TaskDispatched | None:
        """Hand a task to an agent."""
        desk = self._writer.desk(project)
        run_id, agent = requests.check_name("run", run_id), requests.check_optional("agent", agent)
        file = requests.check_file("prompt file", prompt_file, desk.project)
        write = Write(
            "dispatch_task",
            {"run_id": run_id, "prompt_file": str(file), "agent": agent},
            desk,
            lambda hook: hook.dispatch_task(run_id=run_id, prompt_file=file, agent=agent, project=desk.project),
        )
        return self._writer.once(write, TaskDispatched, key)

    def advance_run(
        self,
        *,
        bead_id: str,
        phase: str,
        artifact: Path | None = None,
        project: Path | None = None,
        key: str | None = None,
    ) -> RunAdvanced | None:
        """Move a run on."""
        desk = self._writer.desk(project)
        bead_id, phase = requests.check_name("bead", bead_id), requests.check_name("phase", phase)
        value = requests.check_value(artifact, desk.project) if artifact else None
        run_id = find_run_id(desk, bead_id)
        write = Write(
            "advance_run",
            {"bead_id": bead_id, "phase": phase, "artifact": str(value) if value else None}
            | ({} if key else {"run_id": run_id}),
            desk,
            lambda hook: hook.advance_run(bead_id=bead_id, phase=phase, artifact=value, project=desk.project),
        )
        return self._writer.once(
            write,
            RunAdvanced,
            key,
            f"{run_id}:{phase}" if run_id else None,
            settle=lambda earlier: settle_advance(desk.begin(), earlier),
            stands=lambda first, age: advance_stands(desk.begin(), str(first.run_id), phase),
        )

    def override_gate(
        self, *, run_id: str, reason: str, category: str, project: Path | None = None, key: str | None = None
    ) -> GateOverridden | None:
        """Pass a gate by decision of a person."""
        desk = self._writer.desk(project)
        run_id, reason = requests.check_name("run", run_id), requests.check_text("reason", reason)
        category = requests.check_category(category)
        write = Write(
            "override_gate",
            {"run_id": run_id, "reason": reason, "category": category},
            desk,
            lambda hook: hook.override_gate(run_id=run_id, reason=reason, category=category, project=desk.project),
        )
        return self._writer.once(write, GateOverridden, key)

    def submit_artifact(
        self, *, bead_id: str, kind: str, path: Path, project: Path | None = None, key: str | None = None
    ) -> ArtifactSubmitted | None:
        """Register an artifact."""
        desk = self._writer.desk(project)
        bead_id, kind = requests.check_name("bead", bead_id), requests.check_kind(kind)
        value = requests.check_value(path, desk.project)
        write = Write(
            "submit_artifact",
            {"bead_id": bead_id, "kind": kind, "path": str(value)},
            desk,
            lambda hook: hook.submit_artifact(bead_id=bead_id, kind=kind, path=value, project=desk.project),
        )
        return self._writer.once(write, ArtifactSubmitted, key)

    # Questions --------------------------------------------------------------------------------------------------------

    def enforce_gate(
        self, *, bead_id: str, phase: str, artifact: Path | None = None, project: Path | None = None
    ) -> GateEnforced | None:
        """Ask a gate. Its decision is a fact, whatever it is; asked again it is another one."""
        desk = self._writer.desk(project)
        bead_id, phase = requests.check_name("bead", bead_id), requests.check_name("phase", phase)
        value = requests.check_value(artifact, desk.project) if artifact else None
        write = Write(
            "enforce_gate",
            {"bead_id": bead_id, "phase": phase},
            desk,
            lambda hook: hook.enforce_gate(bead_id=bead_id, phase=phase, artifact=value, project=desk.project),
        )
        return self._writer.once(write, GateEnforced, None)

    def get_artifact(self, *, bead_id: str, kind: str, project: Path | None = None) -> ArtifactFound | None:
        """Look up an artifact."""
        desk = self._writer.desk(project)
        bead_id, kind = requests.check_name("bead", bead_id), requests.check_kind(kind)
        return self._writer.ask(
            lambda hook: hook.get_artifact(bead_id=bead_id, kind=kind, project=desk.project), "get_artifact", desk
        )

    def read_sprint(self, *, bead_id: str, project: Path | None = None) -> SprintState | None:
        """Say where a sprint stands."""
        desk = self._writer.desk(project)
        bead_id = requests.check_name("bead", bead_id)
        return self._writer.ask(
            lambda hook: hook.read_sprint(bead_id=bead_id, project=desk.project), "read_sprint", desk
        )

    def failing_conditions(self, run_id: str) -> list[str]:
        """What the gate of a run finds wrong, a line each; for a person who is about to go past it."""
        try:
            gate = open_kernel(self._writer.desk(None)).check_gate(requests.check_name("run", run_id), priority=1)
        except SubmissionError as error:
            return [f"the conditions cannot be shown: {error.message}"]
        if gate is None or gate.result != "fail":
            return ["no gate blocks it"]
        return [f"{gate.from_phase} to {gate.to_phase}: {one}" for one in show_conditions(gate.evidence).split("; ")]

    # Doubt ------------------------------------------------------------------------------------------------------------

    def resolve(self, key: str, result: Mapping[str, object] | None) -> Submitted | None:
        """Say how a submission ended that is in doubt: with this result, or with ``None`` not at all.

        Raises:
            SubmissionError: It is not in doubt, or the result is not one of its kind.
        """
        earlier = self._bus.store.find_submission(key)
        if earlier is None or earlier.result is not None:
            said = "has a result" if earlier else "is not known"
            raise SubmissionError(SubmissionCode.NOT_FOUND, f"key {key!r} {said}: there is nothing to resolve")
        if result is None:
            self._bus.store.finish_submission(key, None)
            return None
        asked: dict[str, object] = json.loads(earlier.request)
        answer = requests.read_stated(WRITES[earlier.kind], asked, result)
        write = Write(earlier.kind, asked, self._writer.desk(None), lambda hook: ())
        return self._writer.ledger.settle(key, answer, self._writer.tell(write, answer))
