"""Opening the bus for a command."""

from __future__ import annotations

import os

from interhost.bus.bus import Bus
from interhost.bus.state import state_root
from interhost.host.config import FILE_NAME, Config

COMMAND_DEADLINE = 5.0
"""Seconds that a command waits for the write lock."""


def open_bus(deadline: float | None = COMMAND_DEADLINE) -> Bus:
    """The bus of this user.

    Raises:
        StateError: The state directory or the database cannot be used.
    """
    return Bus(state_root(os.environ), deadline=deadline)


def read_config() -> Config:
    """The configuration of this user.

    Raises:
        InputError: The file cannot be read.
    """
    return Config(state_root(os.environ) / FILE_NAME)
