"""What may be asked for: checked before anybody is asked.

A program takes what begins with ``-`` for an option, and the policy layer takes a complexity that it does not know for
the usual one. Source: reference/cli-contracts.md sections 0.1 and 2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import attrs
from interhost_hookspecs import SubmissionCode, SubmissionError, Submitted

from interhost.bus.envelope import CONTROL
from interhost.submission.runs import check_name as check_name

R = TypeVar("R", bound=Submitted)
CATEGORIES = ("justified", "expedient")
_LONGEST = 4000


def check_text(what: str, text: str) -> str:
    """A line of text that can be an argument of a program.

    Raises:
        SubmissionError: It is empty, too long, an option, or would drive a terminal.
    """
    problem = ""
    if not text.strip():
        problem = "is empty"
    elif len(text) > _LONGEST:
        problem = f"has {len(text)} characters, the limit is {_LONGEST}"
    elif text.startswith("-"):
        problem = "begins with '-', which would be read as an option"
    elif found := CONTROL.search(text):
        problem = f"has the control character {found.group()!r}"
    if problem:
        raise SubmissionError(SubmissionCode.INVALID, f"{what} {problem}")
    return text


def check_complexity(complexity: int | None) -> int | None:
    """1 to 5, or nothing.

    Raises:
        SubmissionError: It is none of these.
    """
    if complexity is not None and complexity not in range(1, 6):
        raise SubmissionError(SubmissionCode.INVALID, f"complexity {complexity}: expected 1 (trivial) to 5 (research)")
    return complexity


def check_category(category: str) -> str:
    """How a gate is overridden.

    Raises:
        SubmissionError: It is none of the two.
    """
    if category not in CATEGORIES:
        raise SubmissionError(SubmissionCode.INVALID, f"category {category!r}: expected {' or '.join(CATEGORIES)}")
    return category


def check_optional(what: str, name: str | None) -> str | None:
    """A name, if one is given; see :func:`check_name`."""
    return None if name is None else check_name(what, name)


def check_file(what: str, path: Path, project: Path) -> Path:
    """An existing file, with its whole path.

    Raises:
        SubmissionError: There is none.
    """
    found = project / path
    if not found.is_file():
        raise SubmissionError(SubmissionCode.INVALID, f"{what} {found}: no such file")
    return found


def check_value(path: Path, project: Path) -> Path:
    """An artifact as it is registered: a file below the project relative to it; what is no file, as it is."""
    check_text("artifact", str(path))
    found = project / path
    if not found.exists():
        return path
    return found.relative_to(project) if found.is_relative_to(project) else found


def check_kind(kind: str) -> str:
    """A kind of artifact; one of them has a version behind a slash (reference/cli-contracts.md section 2.6).

    Raises:
        SubmissionError: It is none.
    """
    for part in kind.split("/"):
        check_name("kind of artifact", part)
    return kind


def read_stated(answer: type[R], asked: Mapping[str, object], stated: Mapping[str, object]) -> R:
    """A result as a person states it; what is not stated is as it was asked for.

    Raises:
        SubmissionError: Something is missing, or is no part of such a result.
    """
    attributes = {one.name: one for one in attrs.fields(answer)}
    if unknown := sorted(stated.keys() - attributes.keys()):
        raise SubmissionError(
            SubmissionCode.INVALID, f"{unknown[0]!r} is no part of the result; it has {', '.join(attributes)}"
        )
    values: dict[str, object] = {"via": "clavain-cli", "policy_enforced": False, "note": "stated by a person"}
    values |= {key: value for key, value in asked.items() if key in attributes and value is not None}
    values |= {name: None for name in ("bead_id", "run_id", "artifact_id") if name in attributes and name not in values}
    values |= stated
    missing = [name for name, one in attributes.items() if one.default is attrs.NOTHING and name not in values]
    if missing:
        raise SubmissionError(
            SubmissionCode.INVALID,
            f"the result lacks {', '.join(missing)}",
            remediation="give it with --result '{\"KEY\": ...}'",
        )
    make: Callable[..., R] = answer
    return make(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
