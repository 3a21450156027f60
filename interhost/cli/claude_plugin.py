"""Write the plugin through which Claude Code calls us: hooks for what the enabled adapters observe, and nothing more.

Call it again when adapters come, go, or are enabled or disabled; 'interhost doctor' says when that is needed. With the
extra 'mcp' installed, the plugin brings the MCP server, too.

  interhost claude-plugin ~/.interbus/claude-plugin
  claude plugin marketplace add ~/.interbus/claude-plugin
  claude plugin install interhost@interhost
"""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path

from interhost.bus.state import ensure_root, state_root
from interhost.claude.matchers import list_hooks, list_remarks
from interhost.claude.plugin import NAME, plugin_files, this_program
from interhost.claude.plugin_folder import remember, write_plugin
from interhost.cli.opening import working_directory
from interhost.cli.output import add_format_options, note, print_json, wants_table
from interhost.errors import InputError
from interhost.host.config import FILE_NAME, Config
from interhost.host.registry import list_adapters
from interhost.shells.install import Change


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("folder", metavar="DIR", help="new, empty, or written by this command before")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write it."""
    folder, root = _folder(args.folder), state_root(os.environ)
    # What the environment says of adapters holds for a process, and this lasts.
    hooks = list_hooks(list_adapters(), Config(root / FILE_NAME))
    files = plugin_files((hook for one in hooks.values() for hook in one), this_program())
    changes = write_plugin(folder, files, dry_run=args.dry_run)
    for change in changes:
        _print(change, args)
    for remark in list_remarks(hooks):
        note(remark)
    if args.dry_run:
        note("nothing was changed")
        return 0
    remember(ensure_root(root), folder)
    _say_next(folder, {one.action for one in changes})
    return 0


def _folder(given: str) -> Path:
    """The folder, wherever links lead.

    Raises:
        InputError: It is none, or looks like an option, or Claude Code could not read its name.
    """
    if not given.isprintable() or not given or given.startswith("-"):
        hint = "begin with ./ what begins with -" if given.startswith("-") else ""
        raise InputError(f"DIR {given!r}: expected the name of a folder, in printable characters", hint=hint)
    return Path(os.path.realpath(working_directory() / Path(given).expanduser()))


def _print(change: Change, args: argparse.Namespace) -> None:
    if wants_table(args):
        print(f"{change.action:<10} {change.path}")
    else:
        print_json({"action": change.action, "path": str(change.path), "dry_run": args.dry_run})


def _say_next(folder: Path, actions: set[str]) -> None:
    if actions == {"unchanged"}:
        note("the plugin is unchanged")
    elif actions == {"create"}:
        where = shlex.quote(str(folder))
        note("the plugin is written; to install it for good, or for one session:")
        note(f"  claude plugin marketplace add {where} && claude plugin install {NAME}@{NAME}")
        note(f"  claude --plugin-dir {where}")
    else:
        note("the plugin is updated; /reload-plugins or a new session takes it up")
