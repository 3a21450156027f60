"""List, end or reset the tips about companions that are missing.

A tip is shown at most twice a session, once for each companion, and never again after three that were ignored or once
the companion is there. INTERHOST_NUDGES=off ends all of them.

  interhost nudge list
  interhost nudge dismiss interwatch
  interhost nudge dismiss interflux:interwatch
  interhost nudge reset
  interhost nudge reset interwatch
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from interhost.cli.output import add_format_options, note, print_json, print_table, wants_table
from interhost.errors import BusyError, InputError, StateError, UsageError
from interhost.interbase.nudge_files import STATE, LockedError, NudgeFiles
from interhost.interbase.nudge_state import Entry, State
from interhost.interbase.nudges import WAIT_SECONDS, are_on, is_name
from interhost.interbase.places import home
from interhost.manifests.companions import read_companions


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("action", choices=("list", "dismiss", "reset"))
    parser.add_argument("names", nargs="*", metavar="COMPANION", help="or PLUGIN:COMPANION")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Show or change; 1 when there is nothing to show or to reset."""
    for name in args.names:
        if not all(is_name(part) for part in name.split(":")) or name.count(":") > 1:
            raise InputError(f"{name!r}: expected COMPANION or PLUGIN:COMPANION")
    if args.action == "dismiss" and not args.names:
        raise UsageError("dismiss takes the names of companions", hint="INTERHOST_NUDGES=off ends all tips")
    if args.action == "list" and args.names:
        raise UsageError(f"list does not take {args.names[0]!r}")
    if not os.path.isdir(home()):
        raise StateError("HOME does not name a directory", home(), hint="tips are remembered in ~/.config/interverse")
    files = NudgeFiles(home())
    actions: dict[str, Callable[[], int]] = {
        "list": lambda: _list(files, args),
        "dismiss": lambda: _dismiss(files, args.names),
        "reset": lambda: _reset(files, args.names),
    }
    try:
        return actions[args.action]()
    except LockedError as error:
        raise BusyError(str(error), hint="try again") from None
    except OSError as error:
        path = error.filename or files.folder
        raise StateError(f"{path}: {error.strerror}", str(path), hint="correct its owner and mode") from None


def _list(files: NudgeFiles, args: argparse.Namespace) -> int:
    state = files.state()
    if not are_on():
        note(f"INTERHOST_NUDGES={os.environ['INTERHOST_NUDGES']}: no tips are shown")
    if state.damage:
        note(f"{files.folder}/{STATE}: {state.damage}; what could be read is shown, and the next change sets it aside")
    if not state.entries:
        note("no tips so far")
        return 1
    if wants_table(args):
        print_table(("PLUGIN", "COMPANION", "SHOWN", "STATE"), map(_row, sorted(state.entries.items())))
        return 0
    for pair, entry in sorted(state.entries.items()):
        plugin, _, companion = pair.partition(":")
        record = {"plugin": plugin, "companion": companion, "ignores": entry.ignores, "dismissed": entry.is_over}
        print_json(record)
    return 0


def _row(item: tuple[str, Entry]) -> tuple[object, ...]:
    plugin, _, companion = item[0].partition(":")
    return plugin, companion, item[1].ignores, "dismissed" if item[1].is_over else "open"


def _dismiss(files: NudgeFiles, names: Iterable[str]) -> int:
    """End tips. A companion's name stands for it with every plugin that is known to go with it, or has asked."""
    suggesting = _suggesting()
    with files.lock(WAIT_SECONDS):
        state = files.state()
        for name in names:
            pairs = [name] if ":" in name else _pairs(state, name, suggesting.get(name.lower(), ()))
            for pair in pairs:
                state.entries[pair] = state.entries.get(pair, Entry())._replace(dismissed=True)
            note(f"no more tips: {', '.join(pairs)}")
        files.save(state)
    return 0


def _reset(files: NudgeFiles, names: list[str]) -> int:
    """Forget what was shown and dismissed, and that this session had its tips."""
    if not os.path.isdir(files.folder):
        note("no tips so far")
        return 1
    with files.lock(WAIT_SECONDS):
        state = files.state()
        gone = [pair for pair in state.entries if not names or pair in names or pair.partition(":")[2] in names]
        for pair in gone:
            del state.entries[pair]
        forgotten = sum(files.forget_sessions(name.rpartition(":")[2]) for name in names or [""])
        if gone or state.damage:
            files.save(state)
    if not gone and not forgotten and not state.damage:
        note("no such tip; 'interhost nudge list' shows them")
        return 1
    note(f"forgotten: {', '.join(gone) or 'what the sessions have had'}")
    return 0


def _pairs(state: State, companion: str, plugins: Iterable[str]) -> list[str]:
    asked = [pair for pair in state.entries if pair.partition(":")[2] == companion]
    return sorted({*asked, *(f"{plugin}:{companion}" for plugin in plugins), f"unknown:{companion}"})


def _suggesting() -> dict[str, list[str]]:
    """Which known modules name a companion."""
    cwd = Path(os.curdir).absolute() if os.path.isdir(os.curdir) else Path(home())
    found: dict[str, list[str]] = {}
    for module in read_companions(os.environ, Path(home()), cwd).modules.values():
        for gain in module.gains:
            found.setdefault(gain.companion, []).append(module.name)
    return found
