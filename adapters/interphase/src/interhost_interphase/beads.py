"""What ``bd`` says about a bead.

Source: ``reference/cli-contracts.md`` sections 4.1, 4.3 and 4.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from interhost_hookspecs import AdapterContext, Completed


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


def read_state(ctx: AdapterContext, bead: str, dimension: str, project: Path | None) -> str | None:
    """One state of a bead, such as its ``phase`` or who has ``claimed_by`` it.

    Args:
        ctx: Runs the command.
        bead: Bead id.
        dimension: Name of the state.
        project: Where the bead's database is looked for; left out, where the command runs.

    Returns:
        The value, or ``None`` when none is set.

    Raises:
        BdError: It could not be read; see the three kinds.
    """
    answer = _run(ctx, ["state", bead, dimension], project)
    if not answer.ok:
        raise BdRefusedError(f"bd cannot say the {dimension} of {bead}: {say_why(answer)}")
    try:
        return parse_state(answer.stdout)
    except ValueError as error:
        raise BdRefusedError(f"bd's answer for {bead} names no {dimension}: {say_why(answer)}") from error


def find_issue(ctx: AdapterContext, bead: str) -> tuple[Path, Mapping[str, object]] | None:
    """The project that tracks a bead, among those the host knows, and what ``bd show`` says there.

    Raises:
        BdError: ``bd`` is missing or hung; a database that does not know the bead is none of its errors.
    """
    for project in ctx.projects:
        if (project / ".beads").is_dir() and (issue := parse_issue(_run(ctx, ["show", bead], project).stdout)):
            return project, issue
    return None


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


def say_why(answer: Completed) -> str:
    """What a command had to say, in one line."""
    said = " ".join((answer.stderr or answer.stdout).split())[:200]
    return answer.problem or said or f"exit status {answer.returncode}"


def _run(ctx: AdapterContext, words: list[str], project: Path | None) -> Completed:
    answer = ctx.run(["bd", "--json", *words], cwd=project)
    if answer.returncode is None:
        raise BdMissingError("bd is not installed") if answer.missing else BdHungError(f"bd: {answer.problem}")
    return answer


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
