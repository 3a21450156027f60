"""Sideband files: the small JSON files that one plugin leaves for another, by the protocol interband 1.x.

interhost interband path interphase bead SESSION
interhost interband write intercheck checkpoint SESSION --payload '{"trigger": "orange", "ts": 1795170928}'
interhost interband read interphase bead SESSION --fresh
interhost interband list
interhost interband watch interphase bead
interhost interband check
interhost interband prune
source "$(interhost interband lib --ours)"
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from interhost.cli.interband import files, sweep, writing
from interhost.cli.interband import watch as watching
from interhost.cli.output import add_format_options

_ACTIONS: Mapping[str, tuple[str, Callable[[argparse.Namespace], int]]] = {
    "path": ("print where a file is, or the folder of a channel", files.path),
    "write": ("write a file, and remove old ones of its channel", writing.write),
    "read": ("print the payload of a file; 1 when there is none", files.read),
    "watch": ("print each file that changes, until stopped", watching.watch),
    "prune": ("remove old files", sweep.prune),
    "list": ("list the files; 1 when there are none", files.list_),
    "check": ("say what is wrong with files and settings; 1 when anything is", sweep.check),
    "lib": ("print where the published shell library is, or ours", files.lib),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    parsers = {}
    for name, (about, action) in _ACTIONS.items():
        parsers[name] = actions.add_parser(name, help=about, description=f"{about.capitalize()}.", allow_abbrev=False)
        parsers[name].set_defaults(act=action)
    for name in ("path", "write", "read"):
        parsers[name].add_argument("namespace")
        parsers[name].add_argument("channel")
        several = "*" if name == "path" else "+"
        parsers[name].add_argument("key", nargs=several, help="key; of interlock coordination also PROJECT AGENT")
    for name in ("watch", "prune", "list", "check"):
        parsers[name].add_argument("namespace", nargs="?", default="", help="only of this one")
        parsers[name].add_argument("channel", nargs="?", default="", help="only this one")
    for name in ("write", "watch", "prune", "list", "check"):
        add_format_options(parsers[name])
    writing.configure(parsers["write"])
    files.configure(parsers["read"], parsers["lib"])
    watching.configure(parsers["watch"])
    sweep.configure(parsers["prune"])


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)
