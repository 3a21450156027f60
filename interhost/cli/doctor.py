"""Check everything: the machine, the state, each adapter, what was given up; and say what to do.

Ends with 1 when something needs attention. A note is no problem: it says what would work better.

  interhost doctor
  interhost doctor --json | jq -r 'select(.level == "problem") | .hint'
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from interhost_hookspecs import Check, CheckLevel

from interhost.claude.checks import examine_hooks
from interhost.cli.opening import add_adapter_options, open_bus, read_config, working_directory
from interhost.cli.output import add_format_options, claimed_stdout, note, print_json, printable, wants_table
from interhost.host.doctor import examine
from interhost.host.registry import list_adapters
from interhost.manifests.companions import read_companions
from interhost.submission.checks import examine_programs, examine_submissions
from interhost.submission.kernel import find_project


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_adapter_options(parser)
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Examine; 1 when something needs attention."""
    with claimed_stdout():
        checks = check_everything(args)
    for check in checks:
        if wants_table(args):
            print(printable(f"{check.level:<8} {check.name}: {check.detail}"))
            if check.level is not CheckLevel.OK and check.hint:
                print(printable(f"         {check.hint}"))
        else:
            print_json(to_record(check))
    problems = sum(check.level is CheckLevel.PROBLEM for check in checks)
    if problems:
        note(f"{problems} problem{'s' if problems > 1 else ''}")
    return 1 if problems else 0


def check_everything(args: argparse.Namespace | None = None) -> list[Check]:
    """Every check there is. Adapters run in here, and may print.

    Args:
        args: A command's arguments, with those of ``add_adapter_options``.

    Raises:
        InputError: The configuration cannot be read.
        StateError: The state directory, the log or the working directory cannot be used.
    """
    with open_bus() as bus:
        entries, config = list_adapters(), read_config(args)
        where = (dict(os.environ), Path.home(), working_directory())
        checks = [*examine(bus, entries, config), *examine_hooks(bus, entries, config, *where)]
        checks += [*examine_programs(where[0], find_project(where[2])), *examine_submissions(bus)]
        return checks + [_warning(line) for line in read_companions(*where).problems]


def to_record(check: Check) -> dict[str, object]:
    """A check as JSON."""
    return {"check": check.name, "level": check.level, "detail": check.detail, "hint": check.hint}


def _warning(line: str) -> Check:
    """A manifest of somebody else: what is wrong with it takes nothing from anybody but its own module."""
    return Check(name="manifest", level=CheckLevel.NOTE, detail=line, hint="tell the module's author")
