"""One text in Claude Code's status line, for facts that have no other place there; the interline adapter chooses it.

It is put before the status line that you have, only by 'install', and taken out again by 'uninstall', which leaves
exactly what was there before.

  interhost statusline install
  interhost statusline status
  echo '{"session_id": "s-1", "cwd": "/home/you/widgets"}' | interhost statusline run
  interhost statusline uninstall
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from interhost.claude.statusline import (
    ADDED,
    MADE,
    StatusLine,
    compose,
    install,
    parse_status_line,
    read_status_line,
    uninstall,
    write_settings,
)
from interhost.cli.output import add_format_options, note, print_json, print_table, wants_table
from interhost.errors import InterhostError
from interhost.manifests.settings import config_root, settings_files
from interhost.shells.libraries import user_home

_ACTIONS: Mapping[str, str] = {
    "install": "put the text before what the status line shows now",
    "uninstall": "take it out again",
    "status": "say whether it is there, and what comes after it; 1 when it is not",
    "run": "print the status line for a document on standard input, as Claude Code would get it",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, about in _ACTIONS.items():
        action = actions.add_parser(name, help=about, description=f"{about.capitalize()}.", allow_abbrev=False)
        action.add_argument("--settings", metavar="FILE", type=Path, help="default: settings.json of the user")
        action.set_defaults(act=_ACTS[name])
        if name in ("install", "uninstall"):
            action.add_argument("--dry-run", action="store_true", help="only say what would be done")
        if name != "run":
            add_format_options(action)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    path = args.settings or config_root(os.environ, user_home(os.environ)) / "settings.json"
    act: Callable[[StatusLine, argparse.Namespace], int] = args.act
    return act(read_status_line(path.absolute()), args)


def _install(found: StatusLine, args: argparse.Namespace) -> int:
    return _change(found, install(found), args) if found.state != "installed" else _show(found, args)


def _uninstall(found: StatusLine, args: argparse.Namespace) -> int:
    if found.script is None:
        note("not installed: nothing was changed")
        return 1
    return _change(found, uninstall(found), args)


def _change(found: StatusLine, content: str | None, args: argparse.Namespace) -> int:
    if not args.dry_run:
        write_settings(found, content)
    _show(parse_status_line(found.path, content), args)
    if args.dry_run:
        note("nothing was changed")
    return 0


def _show(found: StatusLine, args: argparse.Namespace) -> int:
    then = None if found.then in (ADDED, MADE) else found.then
    if wants_table(args):
        print_table(("SETTINGS", "STATE", "THEN"), [(found.path, found.state, then or "nothing")])
    else:
        print_json({"settings": str(found.path), "state": found.state, "then": then})
    if found.state == "outdated":
        note(f"it reads {found.script}; 'interhost statusline install' puts this interhost's in its place")
    for path in _list_stronger(found):
        note(f"{path}: has a status line of its own, which counts here")
    return 0 if found.state == "installed" else 1


def _list_stronger(found: StatusLine) -> Iterator[Path]:
    """Settings of the project here that would be shown instead."""
    home = user_home(os.environ)
    user = config_root(os.environ, home) / "settings.json"
    if found.path != user or not os.path.isdir(os.curdir):
        return
    for path in settings_files(os.environ, home, Path(os.curdir).absolute()):
        try:
            if path != user and read_status_line(path).command:
                yield path
        except InterhostError as error:
            note(str(error))


def _run(found: StatusLine, args: argparse.Namespace) -> int:
    """Become the command, whether it is installed already or not."""
    sys.stdout.flush()
    os.execv("/bin/sh", ["sh", "-c", compose(found.then or ADDED)])  # noqa: S606 - as Claude Code starts it


_ACTS: Mapping[str, Callable[[StatusLine, argparse.Namespace], int]] = {
    "install": _install,
    "uninstall": _uninstall,
    "status": _show,
    "run": _run,
}
