"""What an adapter may use while it observes or reacts.

These are protocols: the host implements them once, ``interhost_hookspecs.testing`` has the fakes. Nothing here does
anything, so an adapter depends on words and not on the host.

Source: design section 7, step 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from attrs import frozen

from interhost_hookspecs.beads import Beads
from interhost_hookspecs.command import Completed
from interhost_hookspecs.intent import Advice, Draft
from interhost_hookspecs.runs import KernelRuns
from interhost_hookspecs.settings import Settings
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


class InDoubtError(Exception):
    """An outside effect may or may not have happened, and nobody can be asked. Raised by ``ctx.once``."""


@frozen(kw_only=True)
class Request:
    """A request that waits for its answer, or waited in vain, as ``ctx.open_requests`` and its sister found it.

    Attributes:
        path: The Markdown file.
        kind: What is asked for.
        context_id: Context of the intent that led to it.
        artifact_path: That intent's file.
        project_dir: That intent's project.
        asked_at: When it was written.
        expires: When nobody waits for the answer any more.
        details: The JSON file, with the keys that the adapter gave.
    """

    path: Path
    kind: str
    context_id: str
    artifact_path: Path | None
    project_dir: Path | None
    asked_at: datetime
    expires: datetime
    details: Mapping[str, object]


class Tail(Protocol):
    """New complete lines of one file since the adapter's last stored look."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines, without their newline; an unfinished last line is left for the next look."""

    def give_back(self, count: int) -> None:
        """Leave the last ``count`` lines for the next look, which comes soon."""


class Cursor(Protocol):
    """The adapter's own named positions. A change is stored with the observation or outcome it belongs to."""

    def get(self, name: str) -> str | None:
        """The stored value, or ``None``."""

    def set(self, name: str, value: str) -> None:
        """Store a value when this call's result is stored."""


class Guards(Protocol):
    """Questions about the ecosystem. They never raise and never block; no provider means "no"."""

    def has_ic(self) -> bool:
        """Whether the ``ic`` command is on PATH."""

    def has_bd(self) -> bool:
        """Whether the ``bd`` command is on PATH."""

    def has_companion(self, name: str) -> bool:
        """Whether the named plugin is installed."""

    def in_ecosystem(self) -> bool:
        """Whether the central interbase install exists."""

    def get_bead(self) -> str:
        """The current bead id, or an empty string."""

    def in_sprint(self) -> bool:
        """Whether a bead and an active run exist."""


class Submissions(Protocol):
    """The policy-governing writes. ``None`` means that no provider answered.

    ``project`` is the root of the project; left out, that of the intent. ``key`` makes a write happen once: whoever
    repeats it with the same key gets the first result. ``create_sprint`` (for 24 hours) and ``advance_run`` have one
    by themselves. The host publishes what a write leads to, once; whoever submits it does not.

    Raises:
        SubmissionError: The policy layer refused, the write failed, or nobody can tell whether an earlier one with the
            same key was made.
    """

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

    def advance_run(
        self,
        *,
        bead_id: str,
        phase: str,
        artifact: Path | None = None,
        project: Path | None = None,
        key: str | None = None,
    ) -> RunAdvanced | None:
        """Move a run on from ``phase``."""

    def enforce_gate(
        self, *, bead_id: str, phase: str, artifact: Path | None = None, project: Path | None = None
    ) -> GateEnforced | None:
        """Ask the gate before ``phase``; one that blocks is raised."""

    def override_gate(
        self, *, run_id: str, reason: str, category: str, project: Path | None = None, key: str | None = None
    ) -> GateOverridden | None:
        """Pass a gate by decision of a person."""

    def submit_artifact(
        self, *, bead_id: str, kind: str, path: Path, project: Path | None = None, key: str | None = None
    ) -> ArtifactSubmitted | None:
        """Register an artifact."""

    def get_artifact(self, *, bead_id: str, kind: str, project: Path | None = None) -> ArtifactFound | None:
        """Look up an artifact; one that does not exist is raised."""

    def read_sprint(self, *, bead_id: str, project: Path | None = None) -> SprintState | None:
        """Say where a sprint stands."""


class SidebandError(Exception):
    """An interband file was not written; the old one, if any, is as it was. ``str()`` says in one line why."""


@frozen(kw_only=True)
class SidebandFile:
    """An interband file with a new content, as ``ctx.sideband.changed`` found it.

    Attributes:
        path: The file.
        key: Its name without ``.json``.
        kind: What the payload is, as the envelope's ``type`` says; empty when it does not.
        session_id: Whose; likewise.
        payload: The payload.
    """

    path: Path
    key: str
    kind: str
    session_id: str
    payload: Mapping[str, object]


class Sideband(Protocol):
    """Interband files: snapshots that plugins leave for one another. Facts that must not be lost go on the bus."""

    @property
    def root(self) -> Path | None:
        """Where they lie, as ``<namespace>/<channel>/<key>.json``; ``None`` when nobody can tell."""

    def read(self, namespace: str, channel: str, key: str, *, fresh: bool = False) -> Mapping[str, object] | None:
        """The payload of one file, or ``None`` when it is absent or not a version-1 envelope.

        Where there is no such file, that from before interband is read.

        Args:
            namespace: First folder.
            channel: Second folder.
            key: Name of the file; its odd characters become ``_``.
            fresh: Only if it is not older than its channel keeps files.
        """

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
        """Put one file in place, at once and not with the outcome: readers see the old or the new one.

        Args:
            namespace: First folder.
            channel: Second folder.
            key: Name of the file; its odd characters become ``_``.
            payload: The payload; of a known namespace and type it is held against its rules.
            kind: ``type`` of the envelope; left out, the type of the known channel.
            session_id: Of the envelope; left out, the key of a channel whose files are named after sessions.

        Returns:
            The path.

        Raises:
            SidebandError: The payload breaks a rule, a name is none, or the file cannot be written.
        """

    def changed(self, namespace: str, channel: str) -> tuple[SidebandFile, ...]:
        """The files of a channel whose content is new since the last stored look, each content once.

        A content is known by path, timestamp and payload. What was written and overwritten between two looks is not
        seen, and files that are no envelopes of version 1 are left out. The first look is a silent baseline, as for
        ``ctx.tail``.
        """


class AdapterContext(Protocol):
    """Everything an adapter may use. One context serves one call."""

    @property
    def adapter(self) -> str:
        """The adapter's name."""

    @property
    def config(self) -> Settings:
        """The adapter's settings: ``[adapters.<name>]`` of the user's ``config.toml``, else the manifest's defaults."""

    @property
    def home(self) -> Path:
        """The user's home directory."""

    @property
    def projects(self) -> tuple[Path, ...]:
        """Roots of the projects the host has seen, most recent first."""

    @property
    def backfill(self) -> bool:
        """Whether the user wants history from sources that are looked at for the first time.

        ``tail``, ``changed`` and ``sideband`` know by themselves; for what an adapter reads in another way, the first
        look is a silent baseline unless this says so.
        """

    @property
    def cursor(self) -> Cursor:
        """The adapter's named positions."""

    @property
    def guards(self) -> Guards:
        """Questions about the ecosystem."""

    @property
    def submit(self) -> Submissions:
        """The policy-governing writes."""

    @property
    def sideband(self) -> Sideband:
        """Interband files."""

    @property
    def beads(self) -> Beads:
        """The tracker: states of beads and issues, as ``bd`` has them."""

    @property
    def runs(self) -> KernelRuns:
        """Runs of the kernel, as ``ic`` has them."""

    def now(self) -> datetime:
        """The time, with time zone."""

    def module_root(self) -> Path | None:
        """Where the module behind this adapter is installed, or ``None``.

        First hit wins: ``INTERHOST_<MODULE>_ROOT``, the module's own ``<MODULE>_ROOT``, the record of installed
        Claude Code plugins, of which disabled ones do not count.
        """

    def find_bead(self, path: Path) -> str | None:
        """The bead named by a ``**Bead:**`` line in a text file, or ``None``."""

    def tail(self, path: Path, *, whole: bool = False) -> Tail:
        """New lines of an append-only file.

        The position is kept as inode and offset. The first look at an existing file is a silent baseline: it answers
        with no lines unless the user asked for a backfill. A file that was replaced or cut short is read from its
        start.

        Args:
            path: The file.
            whole: At the first look, too, read it from its start: the file is new, since ``changed`` reported it.
        """

    def changed(self, pattern: str, *, root: Path, settle: float = 2.0) -> tuple[Path, ...]:
        """Files under ``root`` that match a glob and are new or different since the last stored look.

        Args:
            pattern: Glob relative to ``root``, such as ``docs/research/*/findings.json``.
            root: Directory to look in. A missing one has no files.
            settle: Seconds a file must have been left alone; until then the host looks again soon.

        The first look at a root is a silent baseline, as for ``tail``.
        """

    def look_again(self, path: Path) -> None:
        """Forget that ``path`` was reported by ``changed``: it is not ready, and the host comes back soon."""

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 10.0,
        cwd: Path | None = None,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
    ) -> Completed:
        """Run a command with a deadline, in a process group that is ended as a whole.

        Args:
            argv: Program and arguments; never a shell line.
            timeout: Seconds until it is ended.
            cwd: Working directory; left out, the project of the intent.
            stdin: Text for standard input; left out, it is closed.
            env: Variables to add. ``CLAVAIN_*`` and ``CLAUDE_*`` of the host's own session are dropped first, and the
                ``GIT_*`` that name the repository of a git hook.
            drop: Further variables that it must not inherit, as globs of their names, such as ``*TOKEN*``.
        """

    def publish(self, draft: Draft) -> None:
        """Publish a fact together with this call's outcome: both are stored in one transaction, or neither is."""

    def advise(self, advice: Advice) -> None:
        """Store advice together with this call's outcome, for a day unless it says otherwise."""

    def once(self, action: str, happened: Callable[[], bool | None] | None = None) -> bool:
        """Guard one outside effect of one intent, across retries and crashes.

        Args:
            action: Name of the effect, unique within this adapter and intent.
            happened: Asks the module whether the effect took place; ``None`` as its answer means "cannot tell".

        Returns:
            True when the effect should be made now, False when it is known to have happened.

        Raises:
            InDoubtError: An earlier attempt may have made it and nobody can tell; ends ``failed: in doubt``.
        """

    def request(
        self,
        kind: str,
        text: str,
        details: Mapping[str, object] | None = None,
        *,
        expires: datetime | None = None,
    ) -> Path:
        """Write a request for something only a person or an agent can do, and return its path.

        One JSON file and one Markdown file per intent and kind, under ``requests/<adapter>/``; asking again for the
        same intent rewrites the same files.

        Args:
            kind: What is asked for, such as ``review``; letters, digits, ``-`` and ``_``.
            text: The request in Markdown, with the exact command that would fulfil it.
            details: Further keys of the JSON file; ``kind``, ``event_id``, ``context_id``, ``artifact_path`` and
                ``project_dir`` are the host's.
            expires: Until then the request is open, with time zone; left out, nobody waits for an answer.
        """

    def open_requests(self, kind: str) -> tuple[Request, ...]:
        """This adapter's requests of a kind that are neither closed nor past their time, oldest first."""

    def expired_requests(self, kind: str) -> tuple[Request, ...]:
        """This adapter's requests of a kind whose time has passed before anybody closed them, oldest first."""

    def close_request(self, request: Request, answer: str) -> None:
        """Note the answer to an open request in both of its files, at once; closing it again changes the note.

        Args:
            request: From ``open_requests`` or ``expired_requests``.
            answer: What came of it, in one line.
        """
