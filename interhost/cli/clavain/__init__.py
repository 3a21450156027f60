"""What the commands of Clavain ask: which intents wait, before anything is inferred; and where a sprint goes on.

Without --context it is that of this session (its bead, else the bead of the kernel's current run). Where there is no
bead, 'pending' looks at every context of the project.

  interhost clavain pending --context iv-abc1
  interhost clavain pending --take
  interhost clavain status
  interhost clavain status --context iv-abc1 --watch
"""

from __future__ import annotations

import argparse
from pathlib import Path

from interhost.cli.clavain import pending, status
from interhost.cli.output import add_format_options
from interhost.cli.query import read_text


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, module, about in (
        ("pending", pending, "list what waits in a context; 1 when nothing does"),
        ("status", status, "show where a sprint goes on, and what happened lately; 1 when nothing is known"),
    ):
        action = actions.add_parser(name, help=about, description=f"{about.capitalize()}.", allow_abbrev=False)
        action.add_argument("--context", metavar="ID", type=read_text, help="such as a bead or project:widgets")
        action.add_argument(
            "--project", metavar="DIR", type=Path, help="root of the project (default: found from here)"
        )
        module.configure(action)
        add_format_options(action)
        action.set_defaults(act=module.run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    code: int = args.act(args)
    return code
