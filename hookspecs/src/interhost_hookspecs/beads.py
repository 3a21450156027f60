"""What ``bd`` says about a bead, in every shape in which its versions answer.

Source: ``reference/cli-contracts.md`` sections 4.1, 4.3, 4.5 and 4.6; ``reference/modules/internext.md`` section 7.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from interhost_hookspecs.command import Completed

_NOTHING = re.compile(r"^\W*no (?:\w+ ){0,3}(?:work|issues)\b", re.IGNORECASE)


class BdError(Exception):
    """``bd`` gave no answer that can be used. ``str()`` is one line a person can act on.

    BdError
    ├── BdMissingError    it is not installed
    ├── BdRefusedError    it answered, but not with what was asked for; asking again would not help
    └── BdHungError       it did not answer in time; asking again may help
    """


class BdMissingError(BdError):
    """``bd`` is not installed."""


class BdRefusedError(BdError):
    """``bd`` refused, or answered with something that does not say it."""


class BdHungError(BdError):
    """``bd`` was started and ended by the deadline."""


class _Commands(Protocol):
    """What of a context is needed here."""

    @property
    def projects(self) -> tuple[Path, ...]: ...
    def run(self, argv: Sequence[str], *, cwd: Path | None = None) -> Completed: ...


class Beads:
    """The tracker, as an adapter sees it: ``ctx.beads``.

    Every answer comes from ``bd`` itself, through ``ctx.run``. A project left out is where that runs: the intent's.
    """

    def __init__(self, commands: _Commands) -> None:
        """Ask with the commands of a context."""
        self._commands = commands

    def read_state(self, bead: str, dimension: str, project: Path | None = None) -> str | None:
        """One state of a bead, such as its ``phase`` or who has ``claimed_by`` it.

        Args:
            bead: Bead id.
            dimension: Name of the state.
            project: Where the bead's database is looked for.

        Returns:
            The value, or ``None`` when none is set.

        Raises:
            BdError: It could not be read; see the three kinds.
        """
        answer = self._run(["--json", "state", bead, dimension], project)
        if not answer.ok:
            raise BdRefusedError(f"bd cannot say the {dimension} of {bead}: {answer.why}")
        try:
            return parse_state(answer.stdout)
        except ValueError as error:
            raise BdRefusedError(f"bd's answer for {bead} names no {dimension}: {answer.why}") from error

    def set_state(self, bead: str, dimension: str, value: str, *, reason: str, project: Path | None = None) -> None:
        """Set a state, and read it back. ``bd`` leaves a closed child bead behind for every change, so: rarely.

        Args:
            bead: Bead id.
            dimension: Name of the state.
            value: What it should be; ``bd`` takes no empty one.
            reason: Why, for the child bead.
            project: Where the bead's database is looked for.

        Raises:
            BdError: It is not, or may not be, what it should be.
        """
        argv = ["bd", "set-state", bead, f"{dimension}={value}", "--reason", reason]
        answer = self._commands.run(argv, cwd=project)  # one that hung may have done it
        self.confirm_state(bead, dimension, value, answer, by="bd", project=project)

    def confirm_state(
        self, bead: str, dimension: str, value: str, answer: Completed, *, by: str, project: Path | None = None
    ) -> None:
        """Ask whether a command really did set a state: some end with 0 although ``bd`` failed behind them.

        Args:
            bead: Bead id.
            dimension: Name of the state.
            value: What it should be now.
            answer: How the command ended.
            by: Name of who ran it, for the error.
            project: Where the bead's database is looked for.

        Raises:
            BdRefusedError: It did not, or nobody can say.
            BdHungError: ``bd`` did not answer; the next attempt finds out.
        """
        try:
            now = self.read_state(bead, dimension, project)
        except BdRefusedError as error:
            raise BdRefusedError(f"{by}: {answer.why}; {error}") from error
        if now != value:
            raise BdRefusedError(f"{by} left {bead} in {now or f'no {dimension}'}: {answer.why}")

    def find(self, bead: str) -> tuple[Path, Mapping[str, object]] | None:
        """The project that tracks a bead, among those the host knows, and what ``bd show`` says there.

        Returns:
            Project and issue, or ``None`` when no database knows the bead, or ``bd`` cannot be asked.
        """
        for project in self._commands.projects:
            try:
                if (project / ".beads").is_dir() and (issue := self._show(bead, project)):
                    return project, issue
            except BdError:
                return None
        return None

    def list_ready(self, project: Path | None = None) -> list[Mapping[str, object]]:
        """The issues that nothing blocks, all of them; none is an answer, too.

        Args:
            project: Where the database is looked for.

        Raises:
            BdError: ``bd`` did not answer: nobody knows whether there are any.
        """
        return self._list(["ready"], project)

    def list_by_status(self, status: str, project: Path | None = None) -> list[Mapping[str, object]]:
        """The issues of one status, such as ``in_progress``, all of them; none is an answer, too.

        Args:
            status: One status.
            project: Where the database is looked for.

        Raises:
            BdError: ``bd`` did not answer: nobody knows whether there are any.
        """
        return self._list(["list", f"--status={status}"], project)

    def _list(self, words: list[str], project: Path | None) -> list[Mapping[str, object]]:
        # Without a limit of its own, bd stops at 50 or at 100.
        answer = self._run(["--json", *words, "--limit=0"], project)
        if not answer.ok:
            raise BdRefusedError(f"bd {words[0]}: {answer.why}")
        try:
            return parse_issues(answer.stdout)
        except ValueError as error:
            raise BdRefusedError(f"bd {words[0]} answered no list: {answer.why}") from error

    def _show(self, bead: str, project: Path) -> Mapping[str, object] | None:
        return parse_issue(self._run(["--json", "show", bead], project).stdout)

    def _run(self, words: list[str], project: Path | None) -> Completed:
        answer = self._commands.run(["bd", *words], cwd=project)
        if answer.returncode is None:
            problem = answer.problem.removeprefix("bd: ")
            raise BdMissingError("bd is not installed") if answer.missing else BdHungError(f"bd: {problem}")
        return answer


def parse_state(text: str) -> str | None:
    """The value in an answer of ``bd state``: plain or JSON, object or array, with or without the envelope of v2.

    Raises:
        ValueError: The text is none of these.
    """
    answer = _unwrap(_decode(text))
    if isinstance(answer, dict) and "value" in answer:
        answer = answer["value"]
    if answer is None or (isinstance(answer, str) and answer.startswith("(no ")):
        return None
    if not isinstance(answer, str) or not re.fullmatch(r"[\w.:@/-]+", answer):
        raise ValueError(f"no state in {answer!r}")
    return answer


def parse_issue(text: str) -> Mapping[str, object] | None:
    """The issue in an answer of ``bd show --json``; ``None`` for an error, an empty answer or no JSON at all."""
    answer = _unwrap(_decode(text))
    return answer if isinstance(answer, dict) and isinstance(answer.get("id"), str) else None


def parse_issues(text: str) -> list[Mapping[str, object]]:
    """The issues in an answer of ``bd list`` or ``bd ready``; some versions print a sentence when there are none.

    Raises:
        ValueError: The text is no list, and does not say that there are none.
    """
    answer = _decode(text)
    while isinstance(answer, dict) and "data" in answer:
        answer = answer["data"]
    if isinstance(answer, list):
        return [one for one in answer if isinstance(one, dict) and isinstance(one.get("id"), str)]
    if answer is None or (isinstance(answer, str) and _NOTHING.search(answer)):
        return []
    raise ValueError(f"no list in {answer!r:.200}")


def _decode(text: str) -> object:
    """The JSON in a text, or the text itself where ``bd`` printed it plain."""
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()
    return decoded


def _unwrap(answer: object) -> object:
    """What lies in the ``data`` of an envelope, the first of an array, or both."""
    while isinstance(answer, list) or (isinstance(answer, dict) and "data" in answer):
        answer = answer["data"] if isinstance(answer, dict) else answer[0] if answer else None
    return answer
