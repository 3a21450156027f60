"""``ctx.submit``: the policy-governing writes, checked, asked of the providers, recorded once and told.

Adapters are asked first, in name order, then ``clavain-cli``, and ``ic`` where no ``clavain-cli`` exists.
Source: design section 6; specification "Intent Submission Mechanism".
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from attrs import evolve
from interhost_hookspecs import (
    ArtifactFound,
    ArtifactSubmitted,
    GateEnforced,
    GateOverridden,
    HookCaller,
    RunAdvanced,
    SprintCreated,
    SprintState,
    SubmissionCode,
    SubmissionError,
    Submitted,
    TaskDispatched,
)

from interhost.bus.bus import Bus
from interhost.bus.envelope import Envelope
from interhost.bus.payload import MAX_BYTES
from interhost.bus.resolve import session_of
from interhost.bus.spool import set_aside
from interhost.bus.store import StoredSubmission
from interhost.errors import BusyError, InputError, StateError
from interhost.host.drafting import make_envelope
from interhost.host.providers import Providers
from interhost.submission import requests
from interhost.submission.earlier import (
    advance_stands,
    find_run_id,
    settle_advance,
    sprint_in_doubt,
    sprint_stands,
)
from interhost.submission.facts import OWNER, list_facts
from interhost.submission.kernel import open_kernel, show_conditions
from interhost.submission.ledger import WAIT_SECONDS, Ledger, Once, digest, in_doubt, leave, publish
from interhost.submission.programs import SECONDS, Desk

R = TypeVar("R", bound=Submitted)
WRITES: Mapping[str, type[Submitted]] = {
    "create_sprint": SprintCreated,
    "dispatch_task": TaskDispatched,
    "advance_run": RunAdvanced,
    "override_gate": GateOverridden,
    "submit_artifact": ArtifactSubmitted,
}
"""The writes that can be made once, and what each answers with."""


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Origin(NamedTuple):
    """Who submits, from where.

    Attributes:
        by: The adapter, or ``cli``.
        environ: Environment of the programs that are run.
        project: Root of the project, where the caller names none.
        cause: Envelope that is reacted to.
        session_id: Session it happens in.
        door: How the facts come in.
        limit: Most bytes of a payload's text.
    """

    by: str
    environ: Mapping[str, str]
    project: Path | None = None
    cause: Envelope | None = None
    session_id: str | None = None
    door: str = "adapter"
    limit: int = MAX_BYTES


class _Write(NamedTuple):
    """One write.

    Attributes:
        kind: Name of its hook.
        request: What is asked for, in JSON.
        desk: Where it is made.
        question: Asks one provider.
    """

    kind: str
    request: Mapping[str, object]
    desk: Desk
    question: Callable[[HookCaller], Sequence[Submitted]]


class HostSubmissions:
    """See :class:`interhost_hookspecs.Submissions`.

    Args:
        providers: The adapters that may answer.
        bus: Where it is recorded and told.
        origin: Who submits.
        keep_lease: Called before something that may take so many seconds.
        warn: Takes a line for a person.
    """

    def __init__(
        self,
        providers: Providers,
        bus: Bus,
        origin: Origin,
        *,
        keep_lease: Callable[[float], None] = lambda seconds: None,
        warn: Callable[[str], None] = _say,
    ) -> None:
        """Ask these providers."""
        self._providers = providers
        self._bus = bus
        self._origin = origin
        self._keep_lease = keep_lease
        self._warn = warn
        self._ledger = Ledger(bus)

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
        desk = self._desk(project)
        write = _Write(
            "create_sprint",
            {"goal": goal, "complexity": complexity, "lane": lane},
            desk,
            lambda hook: hook.create_sprint(goal=goal, complexity=complexity, lane=lane, project=desk.project),
        )

        def settle(earlier: StoredSubmission) -> None:
            raise sprint_in_doubt(desk, earlier)

        automatic = digest(str(desk.project), goal, complexity, lane)
        return self._once(write, SprintCreated, key, automatic, settle=settle, stands=sprint_stands)

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
        desk = self._desk(project)
        run_id, agent = requests.check_name("run", run_id), requests.check_optional("agent", agent)
        file = requests.check_file("prompt file", prompt_file, desk.project)
        write = _Write(
            "dispatch_task",
            {"run_id": run_id, "prompt_file": str(file), "agent": agent},
            desk,
            lambda hook: hook.dispatch_task(run_id=run_id, prompt_file=file, agent=agent, project=desk.project),
        )
        return self._once(write, TaskDispatched, key)

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
        desk = self._desk(project)
        bead_id, phase = requests.check_name("bead", bead_id), requests.check_name("phase", phase)
        value = requests.check_value(artifact, desk.project) if artifact else None
        run_id = find_run_id(desk, bead_id)
        write = _Write(
            "advance_run",
            {"bead_id": bead_id, "phase": phase, "artifact": str(value) if value else None}
            | ({} if key else {"run_id": run_id}),
            desk,
            lambda hook: hook.advance_run(bead_id=bead_id, phase=phase, artifact=value, project=desk.project),
        )
        return self._once(
            write,
            RunAdvanced,
            key,
            f"{run_id}:{phase}" if run_id else None,
            settle=lambda earlier: settle_advance(desk, earlier),
            stands=lambda first, age: advance_stands(desk, str(first.run_id), phase),
        )

    def override_gate(
        self, *, run_id: str, reason: str, category: str, project: Path | None = None, key: str | None = None
    ) -> GateOverridden | None:
        """Pass a gate by decision of a person."""
        desk = self._desk(project)
        run_id, reason = requests.check_name("run", run_id), requests.check_text("reason", reason)
        category = requests.check_category(category)
        write = _Write(
            "override_gate",
            {"run_id": run_id, "reason": reason, "category": category},
            desk,
            lambda hook: hook.override_gate(run_id=run_id, reason=reason, category=category, project=desk.project),
        )
        return self._once(write, GateOverridden, key)

    def submit_artifact(
        self, *, bead_id: str, kind: str, path: Path, project: Path | None = None, key: str | None = None
    ) -> ArtifactSubmitted | None:
        """Register an artifact."""
        desk = self._desk(project)
        bead_id, kind = requests.check_name("bead", bead_id), requests.check_kind(kind)
        value = requests.check_value(path, desk.project)
        write = _Write(
            "submit_artifact",
            {"bead_id": bead_id, "kind": kind, "path": str(value)},
            desk,
            lambda hook: hook.submit_artifact(bead_id=bead_id, kind=kind, path=value, project=desk.project),
        )
        return self._once(write, ArtifactSubmitted, key)

    # Questions --------------------------------------------------------------------------------------------------------

    def enforce_gate(
        self, *, bead_id: str, phase: str, artifact: Path | None = None, project: Path | None = None
    ) -> GateEnforced | None:
        """Ask a gate. Its decision is a fact, whatever it is; asked again it is another one."""
        desk = self._desk(project)
        bead_id, phase = requests.check_name("bead", bead_id), requests.check_name("phase", phase)
        value = requests.check_value(artifact, desk.project) if artifact else None
        write = _Write(
            "enforce_gate",
            {"bead_id": bead_id, "phase": phase},
            desk,
            lambda hook: hook.enforce_gate(bead_id=bead_id, phase=phase, artifact=value, project=desk.project),
        )
        return self._once(write, GateEnforced, None)

    def get_artifact(self, *, bead_id: str, kind: str, project: Path | None = None) -> ArtifactFound | None:
        """Look up an artifact."""
        desk = self._desk(project)
        bead_id, kind = requests.check_name("bead", bead_id), requests.check_kind(kind)
        return self._ask(
            lambda hook: hook.get_artifact(bead_id=bead_id, kind=kind, project=desk.project), "get_artifact", desk
        )

    def read_sprint(self, *, bead_id: str, project: Path | None = None) -> SprintState | None:
        """Say where a sprint stands."""
        desk = self._desk(project)
        bead_id = requests.check_name("bead", bead_id)
        return self._ask(lambda hook: hook.read_sprint(bead_id=bead_id, project=desk.project), "read_sprint", desk)

    def failing_conditions(self, run_id: str) -> list[str]:
        """What the gate of a run finds wrong, a line each; for a person who is about to go past it."""
        try:
            gate = open_kernel(self._desk(None)).check_gate(requests.check_name("run", run_id), priority=1)
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
        write = _Write(earlier.kind, asked, self._desk(None), lambda hook: ())
        return self._ledger.settle(key, answer, self._tell(write, answer))

    # How --------------------------------------------------------------------------------------------------------------

    def _once(
        self,
        write: _Write,
        answer: type[R],
        key: str | None,
        automatic: str | None = None,
        *,
        settle: Callable[[StoredSubmission], R | None] | None = None,
        stands: Callable[[R, float], bool] = lambda first, age: True,
    ) -> R | None:
        """Make a write: once when it has a key, and told in any case."""
        self._keep_lease(SECONDS + WAIT_SECONDS)
        chosen = key or automatic
        if chosen is None:
            return self._warned(write, self._make(write, answer))
        name = f"{write.kind}:{chosen}"

        def in_general(earlier: StoredSubmission) -> None:
            raise in_doubt(name, write.kind.replace("_", " "))

        once = Once(
            key=name,
            kind=write.kind,
            request=json.dumps(write.request, ensure_ascii=False, sort_keys=True),
            is_explicit=key is not None,
            answer=answer,
            make=lambda held: self._answer(write, answer, held),
            stands=stands if key is None else lambda first, age: True,
            settle=settle or in_general,
            tell=lambda outcome: self._tell(write, outcome),
        )
        return self._warned(write, self._ledger.carry_out(once))

    def _make(self, write: _Write, answer: type[R]) -> R | None:
        """Without a key: nothing is recorded but the facts."""
        try:
            result = self._answer(write, answer, ())
        except SubmissionError as error:
            self._publish(self._tell(write, error))
            raise
        if result is not None:
            self._publish(self._tell(write, result))
        return result

    def _answer(self, write: _Write, answer: type[R], held: tuple[int, ...]) -> R | None:
        found = self._ask(write.question, write.kind, write.desk.begin(held))
        if found is not None and not isinstance(found, answer):
            said = f"a provider of {write.kind} answered {type(found).__name__}, expected {answer.__name__}"
            raise SubmissionError(SubmissionCode.INTERNAL, said, in_doubt=True)
        return found

    def _ask(self, question: Callable[[HookCaller], Sequence[R]], hook: str, desk: Desk) -> R | None:
        return self._providers.ask_for_submission(question, hook, desk)

    def _tell(self, write: _Write, outcome: Submitted | SubmissionError) -> list[Envelope]:
        """The facts of an outcome. One that cannot be a fact is set aside, and takes nothing from the outcome."""
        envelopes = []
        for fact in list_facts(outcome, write.request, write.desk.project):
            draft = evolve(
                fact,
                project_dir=write.desk.project,
                source_hook=f"submit:{write.kind}",
                session_id=self._origin.session_id,
                extensions={"submitted_by": self._origin.by, **_about(outcome)},
            )
            try:
                envelope = make_envelope(
                    draft,
                    OWNER,
                    cause=self._origin.cause,
                    limit=self._origin.limit,
                    environ={},
                    home=Path.home(),
                    door=self._origin.door,
                )
            except InputError as error:
                set_aside(self._bus.root, repr(draft), f"{write.kind}: {error}")
                continue
            envelopes.append(envelope)
        return envelopes

    def _publish(self, envelopes: Sequence[Envelope]) -> None:
        try:
            publish(self._bus, envelopes)
        except (BusyError, StateError):
            leave(self._bus, envelopes)

    def _warned(self, write: _Write, result: R | None) -> R | None:
        """Say once per session that policy was not asked."""
        if result is None or result.policy_enforced or result.repeated or result.via != "ic":
            return result
        session = (
            session_of(self._origin.environ) or self._origin.session_id or time.strftime("%Y-%m-%d", time.gmtime())
        )
        if self._bus.store.begin_effect(f"session:{session}", "interhost", "warn-without-policy"):
            self._warn(f"{write.kind}: {result.note}")
        return result

    def _desk(self, given: Path | None) -> Desk:
        project = given or self._origin.project
        if project is None or not project.is_dir():
            raise SubmissionError(
                SubmissionCode.INVALID,
                f"project {project}: no such folder" if project else "no project is known",
                remediation="name the root of the project",
            )
        return Desk(project=project.resolve(), environ=self._origin.environ)


def _about(outcome: Submitted | SubmissionError) -> dict[str, object]:
    if isinstance(outcome, SubmissionError):
        return {}
    return {"via": outcome.via, "policy_enforced": outcome.policy_enforced}
