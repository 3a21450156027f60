"""The shell libraries that plugins' hooks source: interbase, interband and interbus.

They are installed for all plugins in one place, ~/.intermod. A copy that was there before stays beside ours as .bak.

  interhost shell status
  interhost shell install
  interhost shell install interbase --dry-run
  interhost shell uninstall
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from interhost.cli.output import add_format_options, note, print_json, print_table, wants_table
from interhost.errors import UsageError
from interhost.shells.install import Change, install_library, uninstall_library
from interhost.shells.libraries import Library, packaged_libraries, user_home
from interhost.shells.status import Status, list_notes, read_status

_ACTIONS: Mapping[str, str] = {
    "install": "put the libraries into ~/.intermod",
    "status": "say which copies hooks get, and why",
    "uninstall": "remove the libraries from ~/.intermod",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, about in _ACTIONS.items():
        action = actions.add_parser(name, help=about, description=f"{about.capitalize()}.", allow_abbrev=False)
        action.add_argument("library", nargs="*", help="only this one, such as interbase")
        if name != "status":
            action.add_argument("--dry-run", action="store_true", help="only say what would be done")
            action.add_argument("--force", action="store_true", help="also in place of a newer or a changed copy")
        if name == "install":
            action.add_argument("--uninstall", action="store_true", help="the same as 'interhost shell uninstall'")
        add_format_options(action)


def run(args: argparse.Namespace) -> int:
    """Install or remove; or show, and 1 when something needs attention."""
    libraries, home = list(_chosen(args.library)), user_home(os.environ)
    if args.action == "status":
        return _show(libraries, home, args)
    uninstall = args.action == "uninstall" or args.uninstall
    act = uninstall_library if uninstall else install_library
    changed = False
    for library in libraries:
        changes = act(library, home, force=args.force, dry_run=args.dry_run)
        changed = changed or any(one.action == "remove" for one in changes)
        _print_changes(library, changes, args)
    if uninstall and not changed:
        note("nothing is installed")
        return 1
    if args.dry_run:
        note("nothing was changed")
    return 0


def _chosen(names: list[str]) -> Iterator[Library]:
    known = {one.name: one for one in packaged_libraries()}
    for name in names:
        if name not in known:
            raise UsageError(f"no shell library {name!r}", hint=f"there are: {', '.join(known)}")
    for name, library in known.items():
        if name in names or not names:
            yield library


def _print_changes(library: Library, changes: list[Change], args: argparse.Namespace) -> None:
    if wants_table(args):
        for change in changes:
            kept = f"; what was there is in {change.backup.name}" if change.backup else ""
            print(f"{change.action:<10} {change.path}{kept}")
        return
    for change in changes:
        print_json(
            {
                "library": library.name,
                "version": library.version(),
                "action": change.action,
                "path": str(change.path),
                "backup": str(change.backup) if change.backup else None,
                "dry_run": args.dry_run,
            }
        )


def _show(libraries: list[Library], home: Path, args: argparse.Namespace) -> int:
    found = [read_status(one, home, os.environ) for one in libraries]
    if wants_table(args):
        print_table(
            ("LIBRARY", "STATE", "INSTALLED", "PACKAGED", "HOOKS GET", "BECAUSE"),
            [(one.name, one.state, one.installed, one.packaged, one.active or "no copy", one.why) for one in found],
        )
    else:
        for one in found:
            print_json(_record(one))
    for text in [*(one.hint for one in found if one.hint), *list_notes(os.environ)]:
        note(text)
    return 1 if any(one.hint for one in found) else 0


def _record(status: Status) -> dict[str, object]:
    return {
        "library": status.name,
        "state": status.state,
        "installed": status.installed or None,
        "packaged": status.packaged,
        "path": str(status.path),
        "active": str(status.active) if status.active else None,
        "why": status.why,
        "hint": status.hint or None,
    }
