"""What the programs print, as data; and what it means when they fail."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

from interhost_hookspecs import SubmissionCode, SubmissionError

from interhost.process import Result

_LINE = 300


def read_json(text: str) -> object:
    """The JSON in an output; ``None`` when there is none."""
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return decoded


def read_object(text: str) -> Mapping[str, object]:
    """The object in an output; empty when there is none."""
    decoded = read_json(text)
    return decoded if isinstance(decoded, dict) else {}


def read_list(text: str) -> list[Mapping[str, object]]:
    """The objects of an array in an output; ``null`` and anything else is none."""
    decoded = read_json(text)
    return [one for one in decoded if isinstance(one, dict)] if isinstance(decoded, list) else []


def text_of(value: object) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def number_of(value: object) -> int | None:
    """A whole number, also where it is given as text."""
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag_of(value: object) -> bool | None:
    """Yes or no, also where it is given as text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def say_why(answer: Result) -> str:
    """What a program had to say, in one line: its last error, be it plain or a line of JSON; else how it ended."""
    if answer.problem:
        return answer.problem
    for line in reversed([line.strip() for line in answer.stderr.splitlines() if line.strip()]):
        record = read_object(line)
        if not record:
            return line[:_LINE]
        if record.get("level") in ("ERROR", None):
            return _said(record)[:_LINE]
    status = answer.returncode or 0
    return f"ended by signal {-status}" if status < 0 else f"exit status {status}"


def _said(record: Mapping[str, object]) -> str:
    said = (text_of(record.get(key)) for key in ("msg", "error", "err"))
    return ": ".join(one for one in said if one) or json.dumps(record)


def was_ended(answer: Result) -> bool:
    """Whether it did not end by itself: by our deadline, or by somebody's signal. What it had begun is in doubt."""
    if answer.returncode is None:
        return "timed out" in answer.problem
    return answer.returncode < 0


def unfinished(program: str, answer: Result, *, writing: bool) -> SubmissionError:
    """The error for a program that did not start, or did not end by itself."""
    if not was_ended(answer):
        return SubmissionError(
            SubmissionCode.UNAVAILABLE,
            f"{program} cannot be run: {say_why(answer)}",
            remediation="'interhost doctor' says which programs are used",
        )
    is_late = answer.returncode is None
    return SubmissionError(
        SubmissionCode.TIMEOUT if is_late else SubmissionCode.INTERNAL,
        f"{program}: {say_why(answer)}" + ("; what it had begun may have happened" if writing else ""),
        recoverable=not writing,
        remediation="look at the sprint before it is repeated" if writing else "try again",
        in_doubt=writing,
    )


@contextlib.contextmanager
def after_write() -> Iterator[None]:
    """Around whatever is asked after a write: when there is no answer, nobody can tell what the write came to."""
    try:
        yield
    except SubmissionError as error:
        error.in_doubt = True
        raise
