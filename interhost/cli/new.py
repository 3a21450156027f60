"""Create an adapter of your own: a package that works, with its manifest and its tests.

It observes one file and reacts to one intent, to be replaced by what your module does. NAME is the module's name;
nothing that exists is overwritten.

interhost new jot
interhost new tool-box --dir ~/src/interhost-tool-box
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from interhost.cli.output import add_format_options, note, print_json, printable, wants_table
from interhost.errors import InputError
from interhost.host.registry import list_adapters
from interhost.scaffold.create import check_name, create_adapter


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("name", metavar="NAME", help="the adapter's name, such as jot or tool-box")
    parser.add_argument("--dir", metavar="DIR", help="folder to create; interhost-NAME here when left out")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Create it, and say what to do next."""
    check_name(args.name)
    for entry in list_adapters():
        if entry.name == args.name:
            by = f"{entry.distribution} {entry.version}"
            hint = "two of one name cannot be on one bus: take another, or uninstall that one"
            raise InputError(f"adapter {args.name!r} is installed already, by {by}", hint=hint)
    folder = Path(args.dir or f"interhost-{args.name}")
    files = [str(file) for file in create_adapter(args.name, folder)]
    if not wants_table(args):
        print_json({"name": args.name, "path": str(folder.absolute()), "files": files})
        return 0
    print(printable(f"created {folder}"))
    for file in files:
        print(f"  {file}")
    note(f"install it:  cd {shlex.quote(str(folder))} && python -m pip install -e '.[test]'")
    note("test it:     python -m pytest")
    note("see it:      interhost list")
    return 0
