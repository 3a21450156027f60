"""Check everything: the machine, the state, each adapter, what was given up; and say what to do.

Ends with 1 when something needs attention. A note is no problem: it says what would work better.

  interhost doctor
  interhost doctor --json | jq -r 'select(.level == "problem") | .hint'
"""

from __future__ import annotations

import argparse

from interhost_hookspecs import CheckLevel

from interhost.cli.opening import add_adapter_options, open_bus, read_config
from interhost.cli.output import add_format_options, claimed_stdout, note, print_json, printable, wants_table
from interhost.host.doctor import examine
from interhost.host.registry import list_adapters


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_adapter_options(parser)
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Examine; 1 when something needs attention."""
    with claimed_stdout(), open_bus() as bus:
        checks = list(examine(bus, list_adapters(), read_config(args)))
    for check in checks:
        if wants_table(args):
            print(printable(f"{check.level:<8} {check.name}: {check.detail}"))
            if check.level is not CheckLevel.OK and check.hint:
                print(printable(f"         {check.hint}"))
        else:
            print_json({"check": check.name, "level": check.level, "detail": check.detail, "hint": check.hint})
    problems = sum(check.level is CheckLevel.PROBLEM for check in checks)
    if problems:
        note(f"{problems} problem{'s' if problems > 1 else ''}")
    return 1 if problems else 0
