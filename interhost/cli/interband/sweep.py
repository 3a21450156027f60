"""Removing old sideband files, and looking for what is wrong with the others."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from interhost.cli.output import note, print_json, print_table, wants_table
from interhost.errors import BusyError, InputError, StateError
from interhost.interband.paths import channel_dir, sideband_root
from interhost.interband.protocol import is_temporary
from interhost.interband.read import read_sideband
from interhost.interband.retention import ignored_variables
from interhost.interband.store import ORPHAN_SECONDS
from interhost.interband.watch import find_channels, find_sidebands
from interhost.interband.write import prune_channel


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of ``prune``."""
    parser.add_argument("--force", action="store_true", help="also where it was done a moment ago")


def prune(args: argparse.Namespace) -> int:
    """Remove what each channel does not keep any longer; one that cannot be pruned keeps no other from it."""
    root = sideband_root()
    table, code = wants_table(args), 0
    for namespace, channel in find_channels(root, args.namespace, args.channel):
        try:
            removed = prune_channel(root, namespace, channel, force=args.force)
        except (StateError, BusyError) as error:
            note(str(error))
            code = error.exit_code
            continue
        if not table:
            print_json({"channel": f"{namespace}/{channel}", "due": removed is not None, "removed": removed or []})
        elif removed is None:
            print(f"{namespace}/{channel}: not due; --force does it now")
        else:
            print(f"{namespace}/{channel}: removed {len(removed)}")
    return code


def check(args: argparse.Namespace) -> int:
    """Print what is wrong; 1 when anything is."""
    problems = [*_closed_folders(args), *_wrong_files(args), *_left_behind(args)]
    problems += [(name, f"{value!r} is no plain number above 0: ignored") for name, value in ignored_variables()]
    if not problems:
        note("nothing is wrong")
        return 0
    if wants_table(args):
        root = f"{sideband_root()}/"
        print_table(("WHERE", "PROBLEM"), [(where.removeprefix(root), problem) for where, problem in problems])
    else:
        for where, problem in problems:
            print_json({"where": where, "problem": problem})
    return 1


def _closed_folders(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Folders that cannot be looked into, and a root that is none."""
    root = sideband_root()
    errors: list[OSError] = []
    for folder, below, _ in os.walk(root / args.namespace / args.channel, onerror=errors.append, followlinks=True):
        if len(Path(folder).relative_to(root).parts) == 2:
            below.clear()
    for error in errors:
        if not isinstance(error, FileNotFoundError):
            yield str(error.filename), error.strerror or str(error)


def _wrong_files(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for sideband in find_sidebands(sideband_root(), args.namespace, args.channel):
        try:
            read_sideband(sideband.path, check=True)
        except (InputError, StateError) as error:
            yield str(sideband.path), str(error).removeprefix(f"{sideband.path}: ")


def _left_behind(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    root = sideband_root()
    for namespace, channel in find_channels(root, args.namespace, args.channel):
        for orphan in _orphans(channel_dir(root, namespace, channel)):
            yield str(orphan), "left behind by a writer that was killed; the next prune removes it"


def _orphans(folder: Path) -> list[Path]:
    found = []
    with contextlib.suppress(OSError):  # closed, or gone while we look
        for path in sorted(folder.iterdir()):
            if is_temporary(path.name) and time.time() - path.lstat().st_mtime > ORPHAN_SECONDS:
                found.append(path)
    return found
