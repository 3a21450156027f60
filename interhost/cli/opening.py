"""Opening the bus for a command."""

from __future__ import annotations

import os

from interhost.bus.state import ROOT_VARIABLE, prepare_root, root_path, state_root
from interhost.cli.output import note
from interhost.errors import BusyError, InputError, StateError
from interhost.host.config import FILE_NAME, Config, read_overrides
from interhost.host.registry import list_adapters

TYPE_CHECKING = False  # the bus and its database cost 15 ms; who lists adapters has no need of them
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from pathlib import Path

    from interhost.bus.bus import Bus

COMMAND_DEADLINE = 2.0
"""Seconds that a command waits for the write lock; its holders need it for less than a thousandth of that."""


def open_bus(deadline: float | None = COMMAND_DEADLINE, stopping: Callable[[], bool] | None = None) -> Bus:
    """The bus of this user.

    Raises:
        StateError: The state directory or the database cannot be used.
    """
    from interhost.bus.bus import Bus

    return Bus(state_root(os.environ), deadline=deadline, stopping=stopping)


def open_drained(deadline: float = COMMAND_DEADLINE, say: Callable[[str], None] = note) -> Bus:
    """The bus of this user, with what waited in the spool already in the log; for every command that reads.

    Adapters are made known first: what is taken in now is for them, too. ``say`` is told when it had to stay there.

    Raises:
        StateError: The state directory or the database cannot be used.
    """
    bus = open_bus(deadline)
    try:
        drain_known(bus)
    except (BusyError, InputError) as error:  # not now, or a configuration that cannot be read: they wait
        say(f"{error}; what waits in the spool is not shown")
    except BaseException:
        bus.close()
        raise
    return bus


def drain_known(bus: Bus) -> int:
    """Take in what waits in the spool, for every adapter that is installed now; how many events that were.

    Raises:
        BusyError: Not now.
        InputError: The configuration cannot be read.
    """
    from interhost.bus.spool import drain_spool
    from interhost.host.consumers import sync_consumers

    config = read_config()

    def adapters() -> set[str]:
        entries = list_adapters()
        sync_consumers(bus, entries, config)
        return {entry.name for entry in entries}

    return drain_spool(bus, adapters, limit=config.payload_bytes).stored


def add_adapter_options(parser: argparse.ArgumentParser) -> None:
    """The options that enable and disable adapters for one command."""
    parser.add_argument("--adapter", action="append", default=[], metavar="NAME", help="enable this time")
    parser.add_argument("--no-adapter", action="append", default=[], metavar="NAME", help="disable this time")


def read_config(args: argparse.Namespace | None = None) -> Config:
    """The configuration of this user: the command line, then INTERHOST_ADAPTERS, then the file.

    Args:
        args: A command's arguments, with those of :func:`add_adapter_options`.

    Raises:
        InputError: The file cannot be read.
        StateError: What stands where the state directory should be is none.
    """
    root = root_path(os.environ)
    try:
        os.stat(root)
    except FileNotFoundError:
        pass  # reading creates nothing
    except OSError as error:
        raise StateError(
            f"state directory {root}: {error.strerror}", root, hint=f"set {ROOT_VARIABLE} to a writable directory"
        ) from error
    else:
        prepare_root(root)
    enabled, disabled = (args.adapter, args.no_adapter) if args else ([], [])
    overrides = read_overrides(os.environ, enabled, disabled)
    if overrides:
        installed = {entry.name for entry in list_adapters()}
        for name in sorted(overrides.keys() - installed):
            note(f"adapter {name!r} is not installed")
    return Config(f"{root}/{FILE_NAME}", overrides)


def working_directory() -> Path:
    """Where the command was started.

    Raises:
        StateError: It was removed meanwhile, as worktrees are while a shell still stands in them.
    """
    from pathlib import Path

    try:
        return Path.cwd()
    except OSError as error:
        raise StateError("the current directory does not exist any more", "", hint="cd to one that does") from error
