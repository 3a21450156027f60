"""The cases, as data: ``cases/*.json``. ``docs/conformance.md`` is for whoever runs them in another language."""

from __future__ import annotations

import difflib
import fnmatch
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from interhost.errors import InputError, UsageError

CASES = Path(__file__).with_name("cases")
LANGUAGES = ("bash", "python")
VERSION = "2.0.0"
"""Of the interface specification that they are made from."""


class Step(NamedTuple):
    """One call, and what must come of it.

    Attributes:
        call: Name of the function, without a language's prefix.
        args: Its arguments; ``None`` is one that is missing.
        env: Changes of the environment for this call; ``None`` takes a variable away.
        copies: So many processes make the call at once.
        answer: What it answers, as a list of one; an empty list leaves that open.
        stderr: Lines on standard error, of all copies together, in any order; ``None`` leaves that open.
        says: What must stand somewhere on standard error.
        calls: Recorded calls of the stand-ins; ``None`` leaves them open.
        first_call: The first of them.
        seconds: How long it may take; ``None`` is what the specification allows.
    """

    call: str
    args: tuple[Any, ...] = ()
    env: Mapping[str, str | None] = {}
    copies: int = 1
    answer: tuple[Any, ...] = ()
    stderr: tuple[str, ...] | None = ()
    says: str = ""
    calls: tuple[tuple[Any, ...], ...] | None = ()
    first_call: tuple[Any, ...] | None = None
    seconds: float | None = None


class Given(NamedTuple):
    """The surroundings of a case.

    Attributes:
        programs: Stand-ins on ``PATH``, by name.
        files: By path: text, ``None`` for a folder, or an object with ``json``, ``base64``, ``link`` or ``mode``.
        env: Variables; ``None`` takes one of the usual ones away.
        cwd: Where the calls are made; the folder ``{cwd}`` when empty.
        remove_cwd: The folder is removed once the process stands in it.
    """

    programs: Mapping[str, Mapping[str, Any]] = {}
    files: Mapping[str, Any] = {}
    env: Mapping[str, str | None] = {}
    cwd: str = ""
    remove_cwd: bool = False


class Case(NamedTuple):
    """One promise of the interface.

    Attributes:
        name: ``function/what``.
        says: The promise, in a sentence.
        only: Languages that it is for.
        beyond: It goes beyond the words of the specification.
        given: The surroundings.
        steps: Calls, one after the other.
        files: What must be there afterwards, by path: an object with ``json`` (a part of it) or ``text``, or ``None``.
    """

    name: str
    says: str
    steps: tuple[Step, ...]
    only: tuple[str, ...] = LANGUAGES
    beyond: bool = False
    given: Given = Given()
    files: Mapping[str, Any] = {}


def read_cases(folder: Path = CASES) -> list[Case]:
    """Every case, file by file in the order of their names.

    Raises:
        InputError: A file is no list of cases.
    """
    found: list[Case] = []
    for path in sorted(folder.glob("*.json")):
        try:
            document = json.loads(path.read_bytes())
            if document["interface"] != VERSION:
                raise InputError(f"{path.name}: made for interface {document['interface']}, not {VERSION}")
            found += [_case(one) for one in document["cases"]]
            names = [case.name for case in found]
            if twice := {name for name in names if names.count(name) > 1}:
                raise InputError(f"{path.name}: there are two cases {min(twice)!r}")
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}: not a file of cases: {type(error).__name__}: {error}") from None
    return found


def choose(cases: list[Case], patterns: list[str]) -> list[Case]:
    """Those with one of the names, or all.

    Args:
        cases: To choose from.
        patterns: Names or globs.

    Raises:
        UsageError: There is no such case.
    """
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(case.name, pattern) for case in cases):
            near = difflib.get_close_matches(pattern, [case.name for case in cases], 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(f"no case {pattern!r}{meant}", hint="globs work, such as 'in_sprint/*'")
    return [case for case in cases if not patterns or any(fnmatch.fnmatchcase(case.name, one) for one in patterns)]


def _case(data: Mapping[str, Any]) -> Case:
    fields = dict(data)
    fields["steps"] = tuple(_step(one) for one in fields["steps"])
    fields["given"] = Given(**fields.get("given", {}))
    fields["only"] = tuple(fields.get("only", LANGUAGES))
    return Case(**fields)


def _step(data: Mapping[str, Any]) -> Step:
    fields = dict(data)
    if "answer" in fields:
        fields["answer"] = (fields["answer"],)
    for name in ("args", "stderr", "first_call"):
        if isinstance(fields.get(name), list):
            fields[name] = tuple(fields[name])
    if isinstance(fields.get("calls"), list):
        fields["calls"] = tuple(tuple(one) for one in fields["calls"])
    return Step(**fields)
