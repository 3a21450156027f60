"""Fakes for an adapter's own tests.

:class:`FakeContext` keeps what an adapter asked for, so that a test can look at it; commands are answered from a
table, files are real files below a temporary directory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from attrs import define, field, frozen

from interhost_hookspecs.beads import Beads
from interhost_hookspecs.catalogue import Payload
from interhost_hookspecs.command import Completed
from interhost_hookspecs.context import InDoubtError, Request, SidebandError, SidebandFile
from interhost_hookspecs.intent import BEAD_ID, Advice, Draft, Intent, Severity
from interhost_hookspecs.runs import KernelRuns
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

EPOCH = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""The time at which a fake context's clock starts."""


def make_intent(
    payload: P,
    *,
    context_id: str = "iv-abc1",
    artifact_path: Path | None = None,
    producer: str = "cli",
    severity: Severity = Severity.INFO,
    event_id: str = "01K9ZZZZZZ0000000000000000",
    project_dir: Path | None = None,
    extensions: Mapping[str, object] | None = None,
) -> Intent[P]:
    """An intent as the host would deliver it."""
    name, _, version = getattr(type(payload), "INTENT", "test.intent@1.0").partition("@")
    return Intent(
        event_id=event_id,
        name=name,
        version=version,
        context_id=context_id,
        payload=payload,
        payload_text="{}",
        severity=severity,
        producer=producer,
        artifact_path=artifact_path,
        consumers=(),
        source_hook=None,
        occurred_at=EPOCH,
        project_dir=project_dir,
        extensions=extensions or {},
    )


def make_request(
    document: Path,
    project: Path,
    *,
    kind: str = "review",
    context_id: str = "iv-abc1",
    event_id: str = "01K9ZZZZZZ0000000000000001",
    age: timedelta = timedelta(hours=1),
) -> Request:
    """An open request for something to be done with a document, as the host would find it."""
    return Request(
        path=project / "requests" / f"{event_id}-{kind}.md",
        kind=kind,
        context_id=context_id,
        artifact_path=document,
        project_dir=project,
        asked_at=EPOCH - age,
        expires=EPOCH - age + timedelta(days=1),
        details={"path": str(document), "event_id": event_id},
    )


@define
class FakeTail:
    """New lines of a file; see ``interhost_hookspecs.Tail``."""

    lines: tuple[str, ...]
    given_back: int = 0

    def give_back(self, count: int) -> None:
        """Remember how many lines are left for the next look."""
        self.given_back = count


@define
class FakeCursor:
    """Named positions in memory."""

    values: dict[str, str] = field(factory=dict)

    def get(self, name: str) -> str | None:
        """The value, or ``None``."""
        return self.values.get(name)

    def set(self, name: str, value: str) -> None:
        """Store a value."""
        self.values[name] = value


@define
class FakeGuards:
    """Guards that answer from their attributes; everything is absent until a test says otherwise."""

    ic: bool = False
    bd: bool = False
    companions: frozenset[str] = frozenset()
    ecosystem: bool = False
    bead: str = ""
    sprint: bool = False

    def has_ic(self) -> bool:
        """Whether ``ic`` is there."""
        return self.ic

    def has_bd(self) -> bool:
        """Whether ``bd`` is there."""
        return self.bd

    def has_companion(self, name: str) -> bool:
        """Whether the plugin is there."""
        return name in self.companions

    def in_ecosystem(self) -> bool:
        """Whether interbase is there."""
        return self.ecosystem

    def get_bead(self) -> str:
        """The current bead."""
        return self.bead

    def in_sprint(self) -> bool:
        """Whether a sprint is on."""
        return self.sprint


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


@define
class FakeSideband:
    """Sideband payloads by (namespace, channel, key), and a directory for whoever watches the files.

    Attributes:
        files: What is there, and what was written; no payload is held against any rule.
        root: The directory.
        stale: Keys of ``files`` that are too old to be fresh.
        news: What ``changed`` answers, by (namespace, channel).
        refusal: Raised by ``write`` instead of writing.
    """

    files: dict[tuple[str, str, str], Mapping[str, object]] = field(factory=dict)
    root: Path | None = None
    stale: set[tuple[str, str, str]] = field(factory=set)
    news: dict[tuple[str, str], Sequence[SidebandFile]] = field(factory=dict)
    refusal: SidebandError | None = None

    def read(self, namespace: str, channel: str, key: str, *, fresh: bool = False) -> Mapping[str, object] | None:
        """The payload, or ``None``."""
        place = (namespace, channel, key)
        return None if fresh and place in self.stale else self.files.get(place)

    def write(
        self,
        namespace: str,
        channel: str,
        key: str,
        payload: Mapping[str, object],
        *,
        kind: str = "",
        session_id: str = "",
    ) -> Path:
        """Keep the payload, which is fresh now."""
        if self.refusal:
            raise self.refusal
        self.files[namespace, channel, key] = payload
        self.stale.discard((namespace, channel, key))
        return (self.root or Path("/")) / namespace / channel / f"{key}.json"

    def changed(self, namespace: str, channel: str) -> tuple[SidebandFile, ...]:
        """The files a test named."""
        return tuple(self.news.get((namespace, channel), ()))


@frozen(kw_only=True)
class FakeCommand:
    """A command that an adapter wants to run."""

    argv: tuple[str, ...]
    timeout: float = 10.0
    cwd: Path | None = None
    stdin: str | None = None
    env: Mapping[str, str] = field(factory=dict)


Answer = Completed | Callable[[FakeCommand], Completed]


@define
class FakeContext:
    """An adapter's context for tests.

    Attributes:
        home: The user's home; usually pytest's ``tmp_path``.
        commands: Answer of each program by its name (``argv[0]``); a program that is not listed is "not found".
        ran: Every command that was run.
        drafts: What was published with the outcome.
        advices: What was advised with the outcome.
        requests: Requests written, as (kind, text, details).
        waiting: Requests that are open.
        closed: Answers to requests that were open, by the request's path.
        effects: Effects that earlier attempts have begun; ``once`` answers from it.
    """

    home: Path
    adapter: str = "fake"
    config: Mapping[str, object] = field(factory=dict)
    projects: tuple[Path, ...] = ()
    root: Path | None = None
    commands: dict[str, Answer] = field(factory=dict)
    cursor: FakeCursor = field(factory=FakeCursor)
    guards: FakeGuards = field(factory=FakeGuards)
    submit: FakeSubmissions = field(factory=FakeSubmissions)
    sideband: FakeSideband = field(factory=FakeSideband)
    clock: datetime = EPOCH
    new_lines: dict[Path, Sequence[str]] = field(factory=dict)
    changed_files: Sequence[Path] | None = None
    ran: list[tuple[str, ...]] = field(factory=list)
    drafts: list[Draft] = field(factory=list)
    advices: list[Advice] = field(factory=list)
    requests: list[tuple[str, str, Mapping[str, object]]] = field(factory=list)
    waiting: list[Request] = field(factory=list)
    closed: dict[Path, str] = field(factory=dict)
    effects: set[str] = field(factory=set)
    postponed: list[Path] = field(factory=list)
    tails: dict[Path, FakeTail] = field(factory=dict)

    @property
    def beads(self) -> Beads:
        """The tracker, by the answers that ``commands`` has for ``bd``."""
        return Beads(self)

    @property
    def runs(self) -> KernelRuns:
        """The kernel's runs, by the answers that ``commands`` has for ``ic``."""
        return KernelRuns(self)

    def now(self) -> datetime:
        """The fake clock."""
        return self.clock

    def sleep(self, seconds: float) -> None:
        """Move the fake clock."""
        self.clock += timedelta(seconds=seconds)

    def module_root(self) -> Path | None:
        """The root a test gave."""
        return self.root

    def find_bead(self, path: Path) -> str | None:
        """The bead of a real file's ``**Bead:**`` line."""
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            return None
        found = re.search(rf"^[ \t]*\*{{0,2}}Bead\*{{0,2}}:\*{{0,2}}[ \t]*`?({BEAD_ID})(?![\w-])", text, re.MULTILINE)
        return found.group(1) if found else None

    def tail(self, path: Path, *, whole: bool = False) -> FakeTail:
        """The lines a test put into ``new_lines``."""
        return self.tails.setdefault(path, FakeTail(tuple(self.new_lines.get(path, ()))))

    def changed(self, pattern: str, *, root: Path, settle: float = 2.0) -> tuple[Path, ...]:
        """The files a test named, else every file that matches."""
        matching = sorted(root.glob(pattern))
        return tuple(path for path in matching if self.changed_files is None or path in self.changed_files)

    def look_again(self, path: Path) -> None:
        """Remember what is to be looked at again."""
        self.postponed.append(path)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 10.0,
        cwd: Path | None = None,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Answer from the table."""
        command = FakeCommand(argv=tuple(argv), timeout=timeout, cwd=cwd, stdin=stdin, env=env or {})
        self.ran.append(command.argv)
        answer = self.commands.get(argv[0])
        if answer is None:
            return Completed(argv=command.argv, returncode=None, problem=f"{argv[0]}: not found", missing=True)
        return answer if isinstance(answer, Completed) else answer(command)

    def publish(self, draft: Draft) -> None:
        """Keep the draft."""
        self.drafts.append(draft)

    def advise(self, advice: Advice) -> None:
        """Keep the advice."""
        self.advices.append(advice)

    def once(self, action: str, happened: Callable[[], bool | None] | None = None) -> bool:
        """Answer as the host would after the effects in ``effects``."""
        if action not in self.effects:
            self.effects.add(action)
            return True
        took_place = happened() if happened else None
        if took_place is None:
            raise InDoubtError(action)
        return not took_place

    def request(
        self,
        kind: str,
        text: str,
        details: Mapping[str, object] | None = None,
        *,
        expires: datetime | None = None,
    ) -> Path:
        """Keep the request."""
        self.requests.append((kind, text, details or {}))
        return self.home / ".interbus" / "requests" / self.adapter / f"{kind}.md"

    def open_requests(self, kind: str) -> tuple[Request, ...]:
        """The requests of ``waiting``, as the fake clock and the answers given leave them open."""
        return tuple(
            one for one in self.waiting if one.kind == kind and self.clock < one.expires and one.path not in self.closed
        )

    def close_request(self, request: Request, answer: str) -> None:
        """Keep the answer."""
        self.closed[request.path] = answer


def payloads(drafts: Sequence[Draft]) -> list[Payload | Mapping[str, object]]:
    """The payloads of some drafts, for comparing in one line."""
    return [draft.payload for draft in drafts]
