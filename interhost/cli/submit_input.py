"""What the actions of ``interhost submit`` take, from the command line or as one JSON object."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from interhost.cli.output import add_format_options, note
from interhost.errors import InputError, UsageError

_LONGEST = 1 << 20


class Action(NamedTuple):
    """One action.

    Attributes:
        method: Name of the write or question.
        about: What it does, in one line.
        needs: Arguments that it must have, in order; the name of a file begins with ``@``.
        takes: Options, each with its help.
        once: It can have a key.
    """

    method: str
    about: str
    needs: tuple[str, ...]
    takes: Mapping[str, str] = {}
    once: bool = False


_ARTIFACT = {"@artifact": "what is to be let through"}
ACTIONS: Mapping[str, Action] = {
    "create-sprint": Action(
        "create_sprint",
        "begin a sprint",
        ("goal",),
        {"#complexity": "1 (trivial) to 5 (research)", "lane": "lane to file it under"},
        once=True,
    ),
    "dispatch-task": Action(
        "dispatch_task", "hand a task to an agent", ("run_id", "@prompt_file"), {"agent": "kind of agent"}, once=True
    ),
    "advance": Action("advance_run", "move a run on from a phase", ("bead_id", "phase"), _ARTIFACT, once=True),
    "enforce-gate": Action(
        "enforce_gate", "ask the gate before a phase; 1 when it blocks", ("bead_id", "phase"), _ARTIFACT
    ),
    "override-gate": Action("override_gate", "pass a gate by your decision", ("run_id",), {"reason": "why"}, once=True),
    "artifact": Action("submit_artifact", "register an artifact", ("bead_id", "kind", "@path"), once=True),
    "get-artifact": Action("get_artifact", "print the newest artifact of a kind", ("bead_id", "kind")),
    "state": Action("read_sprint", "say where a sprint stands", ("bead_id",)),
}


def add_arguments(parser: argparse.ArgumentParser, action: Action) -> None:
    """The arguments of an action, one by one or as JSON."""
    parser.description = f"{action.about.capitalize()}. With '-' everything is read from standard input, as JSON."
    for name in action.needs:
        parser.add_argument(_plain(name), nargs="?", metavar=_plain(name).upper())
    for name, about in action.takes.items():
        kind = int if name.startswith("#") else str
        parser.add_argument(f"--{_plain(name).replace('_', '-')}", type=kind, help=about)
    if action.method == "override_gate":
        category = parser.add_mutually_exclusive_group()
        for name in ("justified", "expedient"):
            category.add_argument(
                f"--{name}", dest="category", action="store_const", const=name, help="how it is meant"
            )
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    if action.once:
        parser.add_argument("--key", help="make it once: a repeat with the same key gets the first result")
    parser.add_argument("--project", metavar="DIR", help="root of the project (default: found from here)")
    add_format_options(parser)


def read_arguments(args: argparse.Namespace, action: Action) -> dict[str, Any]:
    """The arguments of an action, by the names of its method.

    Raises:
        UsageError: One is missing.
        InputError: What was read is no object of the right kind.
    """
    names = [*action.needs, *action.takes, "@project", *(["key"] if action.once else [])]
    names += ["category"] if action.method == "override_gate" else []
    given = {_plain(name): getattr(args, _plain(name)) for name in names}
    if given[_plain(action.needs[0])] == "-":
        given[_plain(action.needs[0])] = None
        if extra := [name for name in map(_plain, action.needs) if given[name] is not None]:
            raise UsageError(f"'-' reads everything from standard input, {extra[0]} too")
        given |= _read_object(names)
    if action.method == "override_gate":
        _ask_for_reason(given)
    for name in action.needs:
        if given[_plain(name)] is None:
            raise UsageError(
                f"{args.action} needs {_plain(name).upper()}", hint=f"interhost submit {args.action} --help"
            )
    return {_plain(name): _value(name, given[_plain(name)]) for name in names if given[_plain(name)] is not None}


def _value(name: str, text: str) -> object:
    """A value as its method takes it. An artifact may be no file at all, and then stays as it is."""
    if not name.startswith("@"):
        return text
    found = Path(text).absolute()
    return found if found.exists() or name in ("@project", "@prompt_file") else Path(text)


def read_result(text: str) -> dict[str, Any]:
    """The object of ``--result``."""
    return _decode("--result", _read_input() if text == "-" else text)


def _read_object(names: list[str]) -> dict[str, Any]:
    given = _decode("standard input", _read_input())
    kinds = {_plain(name): int if name.startswith("#") else str for name in names}
    for key, value in given.items():
        if key not in kinds:
            raise InputError(f"standard input: {key!r} is no argument; there are {', '.join(kinds)}")
        if value is not None and (not isinstance(value, kinds[key]) or isinstance(value, bool)):
            raise InputError(f"standard input: {key!r}: expected {kinds[key].__name__}, got {value!r}")
    return {key: value for key, value in given.items() if value is not None}


def _read_input() -> str:
    if sys.stdin is None:
        raise InputError("standard input is closed")
    try:
        return sys.stdin.buffer.read(_LONGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input: not valid UTF-8 at byte {error.start}") from None


def _decode(source: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: no JSON: {error}", hint="""such as '{"goal": "Add an undo stack"}'""") from None
    if not isinstance(found, dict):
        raise InputError(f"{source}: expected a JSON object, got {type(found).__name__}")
    return found


def _ask_for_reason(given: dict[str, Any]) -> None:
    """A reason and a category, asked for on a terminal when they were not given."""
    for name, question in (("reason", "why?"), ("category", "justified or expedient?")):
        if given[name] is None and sys.stdin is not None and sys.stdin.isatty():
            note(question)
            given[name] = sys.stdin.readline().strip() or None
    if given["reason"] is None:
        raise UsageError("override-gate needs --reason")
    if given["category"] is None:
        raise UsageError("override-gate needs --justified or --expedient")


def _plain(name: str) -> str:
    """A name without the sign of its kind."""
    return name.lstrip("@#")
