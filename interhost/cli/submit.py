"""Make a policy-governing write, or ask about one: through clavain-cli, or through ic where no clavain-cli exists.

With '-' as the first argument everything is read from standard input, as one JSON object with the same names, so that
nothing stands where every process can see it. The programs behind it are still given it as arguments.

  interhost submit create-sprint "Add an undo stack" --complexity 3
  interhost submit advance iv-abc1 planned
  interhost submit override-gate w46pk7wf --reason "shipped by hand" --justified
  echo '{"goal": "Add an undo stack", "complexity": 3}' | interhost submit create-sprint -
  interhost submit pending
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from interhost_hookspecs import SubmissionCode, SubmissionError, Submitted

from interhost.bus.bus import Bus
from interhost.bus.resolve import session_of
from interhost.cli.opening import open_bus, read_config, working_directory
from interhost.cli.output import (
    add_format_options,
    claimed_stdout,
    note,
    print_json,
    print_table,
    printable,
    show_time,
    wants_table,
)
from interhost.cli.submit_input import ACTIONS, Action, add_arguments, read_arguments, read_result
from interhost.errors import InputError, MissingError
from interhost.host.host import Host
from interhost.host.registry import list_adapters
from interhost.host.submitting import HostSubmissions
from interhost.host.writing import Origin
from interhost.submission.kernel import find_project
from interhost.submission.ledger import is_under_way
from interhost.submission.toolerror import to_tool_error

_EXIT_CODES: Mapping[SubmissionCode, int] = {
    SubmissionCode.INVALID: 65,
    SubmissionCode.UNAVAILABLE: 69,
    SubmissionCode.INTERNAL: 70,
    SubmissionCode.TIMEOUT: 75,
}
"""Every other refusal is an expected one."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, action in ACTIONS.items():
        add_arguments(actions.add_parser(name, help=action.about, allow_abbrev=False), action)
    pending = actions.add_parser("pending", help="list what is under way or in doubt", allow_abbrev=False)
    resolve = actions.add_parser("resolve", help="say how one in doubt ended", allow_abbrev=False)
    resolve.add_argument("key", help="as 'interhost submit pending' shows it")
    ended = resolve.add_mutually_exclusive_group(required=True)
    ended.add_argument("--happened", action="store_true", help="it was made; a repeat gets this result")
    ended.add_argument("--did-not-happen", action="store_true", help="it was not made, and may be")
    resolve.add_argument("--result", metavar="JSON|-", help='what it came to, such as {"bead_id": "iv-abc1"}')
    for one in (pending, resolve):
        add_format_options(one)


def run(args: argparse.Namespace) -> int:
    """Submit; 1 when it was refused."""
    if args.action == "pending":
        return _list_pending(args)
    if args.action == "resolve":
        return _resolve(args)
    action = ACTIONS[args.action]
    given = read_arguments(args, action)
    try:
        with claimed_stdout(), open_bus() as bus:
            submit = open_submissions(bus, given.pop("project", None))
            answer = _submit(submit, action, given, args)
    except SubmissionError as error:
        return _refused(error, args)
    if answer is None:
        raise MissingError(
            "nobody carries out submissions: neither clavain-cli nor ic was found",
            hint="install clavain, or set INTERHOST_CLAVAIN_CLI; 'interhost doctor' says what is used",
        )
    _print(answer, args)
    return 0


def open_submissions(bus: Bus, project: Path | None) -> HostSubmissions:
    """The writes as a person makes them: with the enabled adapters asked first, in the person's own session."""
    config = read_config()
    host = Host(bus, list_adapters(), config, report=note)
    origin = Origin(
        by="cli",
        environ=dict(os.environ),
        project=project or find_project(working_directory()),
        session_id=session_of(os.environ),
        door="cli",
        limit=config.payload_bytes,
    )
    return HostSubmissions(host.providers, bus, origin, warn=note)


def _submit(
    submit: HostSubmissions, action: Action, given: dict[str, Any], args: argparse.Namespace
) -> Submitted | None:
    if action.method == "override_gate" and not args.yes and sys.stdin is not None and sys.stdin.isatty():
        _confirm(submit, str(given["run_id"]))
    method: Callable[..., Submitted | None] = getattr(submit, action.method)
    return method(**given)


def _confirm(submit: HostSubmissions, run_id: str) -> None:
    """Show what is gone past, and ask."""
    for line in submit.failing_conditions(run_id):
        note(f"  {line}")
    note(f"override the gate of run {run_id}? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SubmissionError(SubmissionCode.INVALID, "not confirmed; nothing was done")


def _refused(error: SubmissionError, args: argparse.Namespace) -> int:
    if not wants_table(args):
        print_json({"error": to_tool_error(error).as_dict()})
    note(f"{args.program}: {error.message}")
    if error.remediation:
        note(f"  {error.remediation}")
    if error.code is SubmissionCode.UNAVAILABLE and error.recoverable:
        return 75  # somebody else writes
    return _EXIT_CODES.get(error.code, 1)


def _print(answer: Submitted, args: argparse.Namespace) -> None:
    record = attrs.asdict(answer)
    if not wants_table(args):
        print_json(record)
        return
    if answer.repeated:
        note("the result of an earlier submission; nothing was done now")
    for key, value in record.items():
        if value not in (None, "", (), {}, False) and key not in ("repeated", "fact_key"):
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            print(printable(f"{key.replace('_', ' ') + ':':<17} {shown}"))
    if not answer.policy_enforced:
        print("policy:           not enforced")


def _list_pending(args: argparse.Namespace) -> int:
    with open_bus() as bus:
        rows = [
            (one, "under way" if is_under_way(bus.root, one.key) else "in doubt")
            for one in bus.store.submissions_in_doubt()
        ]
    if wants_table(args):
        print_table(
            ("KEY", "STATE", "BEGUN", "REQUEST"),
            [(one.key, state, show_time(one.ts), one.request) for one, state in rows],
        )
    for one, state in rows:
        if not wants_table(args):
            print_json({"key": one.key, "kind": one.kind, "state": state, "request": one.request})
    if not rows:
        note("nothing is under way or in doubt")
    return 0 if rows else 1


def _resolve(args: argparse.Namespace) -> int:
    result = read_result(args.result) if args.result is not None else {}
    if args.did_not_happen and args.result is not None:
        raise InputError("--did-not-happen takes no --result")
    try:
        with claimed_stdout(), open_bus() as bus:
            answer = open_submissions(bus, None).resolve(args.key, None if args.did_not_happen else result)
    except SubmissionError as error:
        return _refused(error, args)
    if answer is None:
        note(f"{args.key}: may be made again")
    else:
        _print(answer, args)
    return 0
