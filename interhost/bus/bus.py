"""The Interbus of one state directory: the log, the host's records, and publishing into both."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from interhost.bus.database import Database
from interhost.bus.envelope import Envelope
from interhost.bus.hook_store import HookStore
from interhost.bus.log import EventLog, Query
from interhost.bus.sqlite_log import SqliteLog
from interhost.bus.store import HostStore


class Published(NamedTuple):
    """Where a fact stands in the log; ``duplicate`` when it was known before."""

    event_id: str
    seq: int
    duplicate: bool


class Bus:
    """An open Interbus. Not for sharing between threads or across a fork.

    Args:
        root: State directory; created if need be.
        deadline: Seconds to wait for the write lock; ``None`` waits as long as it takes.
        stopping: Asked while waiting for it; once it says so, the wait is given up.
        durability: What a publish survives: ``process`` or ``power``; see :class:`Database`.
        clock: Seconds since the epoch.

    Raises:
        StateError: The directory or the database cannot be used.
    """

    def __init__(
        self,
        root: Path,
        *,
        deadline: float | None = None,
        stopping: Callable[[], bool] | None = None,
        durability: str = "process",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open, and create when there is nothing yet."""
        self.root = root
        self.database = Database(root, deadline=deadline, stopping=stopping, durability=durability)
        self.log: EventLog = SqliteLog(self.database, clock)
        self.store = HostStore(self.database, clock)
        self.hooks = HookStore(self.database, clock)

    def publish(self, envelope: Envelope) -> Published:
        """Store an envelope, unless its natural key or its id is known; then say where it stands.

        Raises:
            InputError: The id is taken by another content.
            BusyError: The lock or the disk; nothing was stored.
        """
        key = envelope.extensions.get("dedupe_key")
        if not isinstance(key, str):
            appended = self.log.append(envelope)
            return Published(envelope.event_id, appended.seq, appended.duplicate)
        with self.database.transaction():
            if (seq := self.store.known_fact(key)) is not None:
                # The event itself may have been pruned; then the next one stands there.
                first = [one.envelope.event_id for one in self.log.read(Query(after=seq - 1), 1) if one.seq == seq]
                return Published(first[0] if first else envelope.event_id, seq, duplicate=True)
            appended = self.log.append(envelope)
            self.store.remember_fact(key, appended.seq)
        return Published(envelope.event_id, appended.seq, appended.duplicate)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def __enter__(self) -> Bus:
        """Use it in a ``with`` statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the database."""
        self.close()
