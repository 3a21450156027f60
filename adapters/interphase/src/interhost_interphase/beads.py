"""What ``bd`` says about a bead's phase.

Source: ``reference/cli-contracts.md`` sections 4.1 and 4.3.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from interhost_hookspecs import AdapterContext, Completed


class BdError(Exception):
    """``bd`` gave no answer that can be used. ``str()`` is one line a person can act on.

    BdError
    ├── BdMissingError    it is not installed
    ├── BdRefusedError    it answered, but not with a phase; asking again would not help
    └── BdHungError       it did not answer in time; asking again may help
    """


class BdMissingError(BdError):
    """``bd`` is not installed."""


class BdRefusedError(BdError):
    """``bd`` refused, or answered with something that names no phase."""


class BdHungError(BdError):
    """``bd`` was started and ended by the deadline."""


def read_phase(ctx: AdapterContext, bead: str, project: Path) -> str | None:
    """The phase a bead is in.

    Args:
        ctx: Runs the command.
        bead: Bead id.
        project: Where the bead's database is looked for.

    Returns:
        The phase, or ``None`` when none is set.

    Raises:
        BdError: It could not be read; see the three kinds.
    """
    answer = ctx.run(["bd", "--json", "state", bead, "phase"], cwd=project)
    if answer.returncode is None:
        raise BdMissingError("bd is not installed") if answer.missing else BdHungError(f"bd: {answer.problem}")
    if not answer.ok:
        raise BdRefusedError(f"bd cannot say which phase {bead} is in: {say_why(answer)}")
    try:
        return parse_phase(answer.stdout)
    except ValueError as error:
        raise BdRefusedError(f"bd's answer for {bead} names no phase: {say_why(answer)}") from error


def parse_phase(text: str) -> str | None:
    """The phase in an answer of ``bd state``: plain or JSON, object or array, with or without the envelope of v2.

    Raises:
        ValueError: The text is none of these.
    """
    answer = _decode(text)
    while isinstance(answer, dict | list):
        answer = _unwrap(answer)
    if answer is None or (isinstance(answer, str) and answer.startswith("(no ")):
        return None
    if not isinstance(answer, str) or not re.fullmatch(r"[A-Za-z][\w.-]*", answer):
        raise ValueError(f"no phase in {answer!r}")
    return answer


def say_why(answer: Completed) -> str:
    """What a command had to say, in one line."""
    said = " ".join((answer.stderr or answer.stdout).split())[:200]
    return answer.problem or said or f"exit status {answer.returncode}"


def _decode(text: str) -> object:
    """The JSON in a text, or the text itself where ``bd`` printed it plain."""
    try:
        decoded: object = json.loads(text)
    except ValueError:
        return text.strip()
    return decoded


def _unwrap(answer: dict[str, object] | list[object]) -> object:
    """One layer less: the first of an array, the ``data`` of an envelope, the ``value`` of an answer."""
    if isinstance(answer, list):
        return answer[0] if answer else None
    if "data" in answer:
        return answer["data"]
    if "value" in answer:
        return answer["value"]
    raise ValueError(f"no phase in {answer!r}")
