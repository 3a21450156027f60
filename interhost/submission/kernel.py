"""What ``ic``, the kernel, says and does.

Its exit codes are 0 for yes, 1 for an expected no, which may come with an answer on standard output, 2 for its
database and 3 for usage. Source: reference/cli-contracts.md section 1.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field, frozen
from interhost_hookspecs import SubmissionCode, SubmissionError
from interhost_hookspecs.kernel_facts import read_evidence
from interhost_hookspecs.phases import CHAINS

from interhost.bus.project import project_root
from interhost.process import Result
from interhost.submission.answers import (
    flag_of,
    number_of,
    read_json,
    read_list,
    read_object,
    say_why,
    text_of,
    unfinished,
    was_ended,
)
from interhost.submission.programs import Desk, is_locked

DEFAULT_PHASES = tuple(CHAINS["ic-9"])
"""The chain of a run that names none (section 5.2)."""
_DATABASE = Path(".clavain", "intercore.db")
_healthy: set[tuple[str, Path]] = set()
"""Programs and databases that were found sound in this process."""


@frozen(kw_only=True)
class Run:
    """A run, as ``ic run status`` has it."""

    id: str
    phase: str
    status: str
    goal: str
    project_dir: str
    created_at: int
    bead_id: str | None = None
    complexity: int | None = None
    token_budget: int | None = None
    auto_advance: bool | None = None
    phases: tuple[str, ...] = DEFAULT_PHASES


@frozen(kw_only=True)
class PhaseEvent:
    """One entry of ``ic run events``: a move, or a move that was refused. Without an id it could not be read there."""

    id: int = 0
    kind: str
    from_phase: str
    to_phase: str
    tier: str = "none"
    evidence: Mapping[str, object] = field(factory=dict)


@frozen(kw_only=True)
class Gate:
    """What ``ic gate check`` found about the next transition of a run."""

    result: str
    tier: str
    from_phase: str
    to_phase: str
    evidence: Mapping[str, object]


@frozen(kw_only=True)
class Artifact:
    """One entry of ``ic run artifact list``."""

    id: str
    kind: str
    path: str
    phase: str


@frozen
class Kernel:
    """``ic`` in one project. Every method raises :class:`SubmissionError` when it gets no answer that can be used.

    Attributes:
        desk: Where it is run.
        path: The program.
        database: Its database.
    """

    desk: Desk
    path: str
    database: Path

    # Questions --------------------------------------------------------------------------------------------------------

    def run(self, run_id: str) -> Run | None:
        """One run; ``None`` when there is none with this id."""
        answer = self._ask("run", "status", run_id)
        if answer.returncode == 1:
            return None
        return _read_run(self._checked(answer).stdout)

    def runs(self, *words: str) -> list[Run]:
        """Runs, newest first.

        Args:
            words: ``--active``, or ``--scope=BEAD``; with both, ``ic`` ignores the scope (section 1.5).
        """
        found = [_as_run(one) for one in read_list(self._checked(self._ask("run", "list", *words)).stdout)]
        return sorted((one for one in found if one), key=lambda one: one.created_at, reverse=True)

    def events(self, run_id: str) -> list[PhaseEvent]:
        """What happened to a run, oldest first."""
        found = read_list(self._checked(self._ask("run", "events", run_id)).stdout)
        return sorted((_as_event(one) for one in found), key=lambda one: one.id)

    def tokens(self, run_id: str) -> int | None:
        """Tokens that a run has used.

        Not by ``ic run budget``: only its first answer says "exceeded", so that asking would take that answer away
        from clavain-cli (section 0.1, fact 11).
        """
        answer = self._ask("run", "tokens", run_id)
        return number_of(read_object(answer.stdout).get("total_tokens")) if answer.returncode == 0 else None

    def actions(self, run_id: str) -> dict[str, str]:
        """The command of each phase that has one."""
        found = read_list(self._ask("run", "action", "list", run_id).stdout)
        return {str(one["phase"]): str(one["command"]) for one in found if one.get("phase") and one.get("command")}

    def checkpoint(self, run_id: str) -> Mapping[str, object]:
        """What clavain-cli has noted of the last step that was done; empty when it has noted nothing (section 2.9)."""
        answer = self._ask("state", "get", "checkpoint", run_id)
        return read_object(self._checked(answer).stdout) if answer.returncode != 1 else {}

    def artifacts(self, run_id: str) -> list[Artifact]:
        """The registered artifacts of a run that were not rolled back, oldest first."""
        found = read_list(self._checked(self._ask("run", "artifact", "list", run_id)).stdout)
        active = (one for one in found if one.get("status", "active") == "active")
        return [
            Artifact(**{key: str(one.get(name) or "") for key, name in _ARTIFACT_KEYS.items()})
            for one in sorted(active, key=lambda one: number_of(one.get("created_at")) or 0)
        ]

    def check_gate(self, run_id: str, *, priority: int) -> Gate | None:
        """What the gate of the next transition would say; ``None`` for a run without a next one.

        Args:
            run_id: The run.
            priority: 0 or 1 for the hard tier, as an advance has it; 3 for the soft one (section 0.1, fact 9).
        """
        answer = self._ask("gate", "check", run_id, f"--priority={priority}")
        found = read_object(answer.stdout)
        if not found and answer.returncode == 1:
            return None
        if not found:
            self._checked(answer)
        evidence = found.get("evidence")
        return Gate(
            result=str(found.get("result")),
            tier=str(found.get("tier")),
            from_phase=str(found.get("from_phase")),
            to_phase=str(found.get("to_phase")),
            evidence=evidence if isinstance(evidence, dict) else {},
        )

    # Writes -----------------------------------------------------------------------------------------------------------

    def write(self, *words: str, may_repeat: Callable[[], bool] = lambda: True) -> tuple[Result, Mapping[str, object]]:
        """Make a write; how it ended, and the object it printed, also with exit code 1.

        Args:
            words: The command.
            may_repeat: Asked before it is repeated because the database was locked.

        Raises:
            SubmissionError: It was refused, or failed.
        """
        answer = self.desk.write([self.path, "--json", "--timeout=5s", *words], may_repeat=may_repeat)
        if answer.returncode is None or was_ended(answer):
            raise unfinished("ic", answer, writing=True)
        found = read_object(answer.stdout)
        if not found and answer.returncode:
            raise refusal(answer)
        return answer, found

    def is_in(self, run_id: str, phase: str) -> bool:
        """Whether a run is in a phase; "no" where that cannot be told."""
        try:
            run = self.run(run_id)
        except SubmissionError:
            return False
        return run is not None and run.phase == phase

    def _ask(self, *words: str) -> Result:
        answer = self.desk.ask([self.path, "--json", "--timeout=5s", *words])
        if answer.returncode is None or was_ended(answer):
            raise unfinished("ic", answer, writing=False)
        return answer

    def _checked(self, answer: Result) -> Result:
        if answer.returncode:
            raise refusal(answer)
        return answer


def open_kernel(desk: Desk) -> Kernel:
    """The kernel of a project, found sound; its health is asked once per process, program and database.

    Raises:
        SubmissionError: There is no ``ic``, the project has no database, or ``ic health`` refuses it. It is not run
            where no database is: every command would create an empty one (section 1.1).
    """
    path = desk.find("ic")
    if path is None:
        raise SubmissionError(
            SubmissionCode.UNAVAILABLE, "ic is not installed", remediation="install intercore, or set INTERHOST_IC"
        )
    database = find_database(desk.project)
    if database is None:
        raise SubmissionError(
            SubmissionCode.UNAVAILABLE,
            f"{desk.project} has no {_DATABASE}, so there are no runs",
            remediation=f"cd {desk.project} && mkdir -p .clavain && ic init",
        )
    kernel = Kernel(desk, path, database)
    if (path, database) not in _healthy:
        _check_health(kernel)
        _healthy.add((path, database))
    return kernel


def find_database(project: Path) -> Path | None:
    """The database that ``ic`` uses in a folder: the nearest one at or above it."""
    found = (folder / _DATABASE for folder in (project, *project.parents))
    return next((Path(os.path.realpath(path)) for path in found if path.is_file()), None)


def find_project(start: Path) -> Path:
    """Where a submission from a folder belongs: the folder whose database ``ic`` would use, else the git root."""
    found = (folder for folder in (start, *start.parents) if (folder / _DATABASE).is_file())
    return next(found, None) or project_root(start)


def _check_health(kernel: Kernel) -> None:
    answer = kernel.desk.ask([kernel.path, "--timeout=5s", "health"])
    if answer.returncode is None or was_ended(answer):
        raise unfinished("ic health", answer, writing=False)
    if answer.returncode:
        raise refusal(answer)


def refusal(answer: Result) -> SubmissionError:
    """What a failed ``ic`` means (sections 1.1 and 0.1, facts 3 and 6 to 8)."""
    said = say_why(answer)
    if is_locked(answer):
        return SubmissionError(
            SubmissionCode.UNAVAILABLE, f"ic: {said}", recoverable=True, remediation="somebody else writes; try again"
        )
    if answer.returncode == 2 and any(word in said for word in ("not migrated", "no such table", "run 'ic init'")):
        return SubmissionError(SubmissionCode.UNAVAILABLE, f"ic: {said}", remediation="run 'ic init' in the project")
    if answer.returncode == 3:
        return SubmissionError(
            SubmissionCode.INTERNAL,
            f"this version of ic does not take what it was given: {said}",
            remediation="'interhost doctor' says what it was measured with",
        )
    if answer.returncode == 1 and "not found" in said:
        return SubmissionError(SubmissionCode.NOT_FOUND, f"ic: {said}")
    if answer.returncode == 1:
        return SubmissionError(SubmissionCode.INVALID, f"ic: {said}")
    return SubmissionError(SubmissionCode.INTERNAL, f"ic: {said}")


_ARTIFACT_KEYS = {"id": "id", "kind": "type", "path": "path", "phase": "phase"}


def _read_run(text: str) -> Run | None:
    return _as_run(read_object(text))


def _as_run(one: Mapping[str, object]) -> Run | None:
    if not text_of(one.get("id")) or not text_of(one.get("phase")):
        return None
    phases = one.get("phases")
    if isinstance(phases, str):
        phases = read_json(phases)
    return Run(
        id=str(one["id"]),
        phase=str(one["phase"]),
        status=text_of(one.get("status")) or "active",
        goal=text_of(one.get("goal")) or "",
        project_dir=text_of(one.get("project_dir")) or "",
        created_at=number_of(one.get("created_at")) or 0,
        bead_id=text_of(one.get("scope_id")),
        complexity=number_of(one.get("complexity")),
        token_budget=number_of(one.get("token_budget")),
        auto_advance=flag_of(one.get("auto_advance")),
        phases=tuple(map(str, phases)) if isinstance(phases, list) and phases else DEFAULT_PHASES,
    )


def _as_event(one: Mapping[str, object]) -> PhaseEvent:
    return PhaseEvent(
        id=number_of(one.get("id")) or 0,
        kind=str(one.get("event_type")),
        from_phase=text_of(one.get("from_phase")) or "",
        to_phase=text_of(one.get("to_phase")) or "",
        tier=text_of(one.get("gate_tier")) or "none",
        evidence=read_evidence(one.get("reason")),
    )
