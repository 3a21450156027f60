"""Queues that live in one SQLite file, each used as its own documentation says; and SQLite by itself as the floor."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from benchmarks.kit import make_envelope
from interhost.bus.bus import Bus
from interhost.bus.log import Subscription

_PAGE = 50
TEXT = make_envelope().to_json()
"""What every peer stores: the text of one of our events."""


class Queue(Protocol):
    """What is measured of each.

    Attributes:
        syncs: It waits for the disk with every event, so that fewer of them must do.
    """

    syncs: bool

    def __init__(self, folder: Path) -> None:
        """Open it in a folder; ImportError where it is not installed."""

    def put(self, number: int) -> None:
        """Store one message."""

    def take(self, count: int) -> None:
        """Take so many and acknowledge them, where it knows of that; in its quickest documented way."""

    def batch(self, count: int) -> None:
        """Store so many in one transaction; NotImplementedError where there is no such way."""


class Interhost:
    """The whole path: complete and check a fact, store it, wake whoever waits."""

    syncs = False

    def __init__(self, folder: Path) -> None:
        """Open a bus with one consumer."""
        self.bus = Bus(folder)
        self.bus.log.subscribe(Subscription("reader", ("review_pass@1",)))

    def put(self, number: int) -> None:
        """Publish."""
        self.bus.publish(make_envelope(number))

    def take(self, count: int) -> None:
        """Fetch 50, acknowledge them, and so on."""
        while count > 0 and (leases := self.bus.log.fetch("reader", _PAGE)):
            with self.bus.database.transaction():
                for lease in leases:
                    self.bus.log.ack(lease)
            count -= len(leases)

    def batch(self, count: int) -> None:
        """Publish in one transaction."""
        with self.bus.database.transaction():
            for number in range(count):
                self.bus.publish(make_envelope(number))


class Raw:
    """A table with a text, and nothing else."""

    syncs = False

    def __init__(self, folder: Path) -> None:
        """Open it as we open ours."""
        self._db = sqlite3.connect(folder / "raw.db", isolation_level=None, timeout=30.0)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, body TEXT)")

    def put(self, number: int) -> None:
        """Insert."""
        self._db.execute("INSERT INTO t(body) VALUES(?)", (TEXT,))

    def take(self, count: int) -> None:
        """Delete 50 and get what was in them, and so on."""
        for _ in range(0, count, _PAGE):
            self._db.execute(
                "DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT ?) RETURNING body", (_PAGE,)
            ).fetchall()

    def batch(self, count: int) -> None:
        """Insert in one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO t(body) VALUES(?)", [(TEXT,)] * count)
        self._db.execute("COMMIT")


class Litequeue:
    """It looks for the next message among all it keeps."""

    syncs = False

    def __init__(self, folder: Path) -> None:
        """Open."""
        from litequeue import LiteQueue  # type: ignore[import-not-found,unused-ignore]

        self._queue: Any = LiteQueue(str(folder / "queue.db"))

    def put(self, number: int) -> None:
        """Put."""
        self._queue.put(TEXT)

    def take(self, count: int) -> None:
        """Pop one and say that it is done, and so on."""
        for _ in range(count):
            self._queue.done(self._queue.pop().message_id)

    def batch(self, count: int) -> None:
        """Put in one transaction."""
        with self._queue.transaction("IMMEDIATE"):
            for _ in range(count):
                self._queue.put(TEXT)


class PersistQueue:
    """Its queue with acknowledgements; it syncs every event to the disk. Batches are for the one without them."""

    syncs = True

    def __init__(self, folder: Path) -> None:
        """Open one that commits by itself, and one that commits when it is told."""
        from persistqueue import SQLiteAckQueue, SQLiteQueue  # type: ignore[import-not-found,unused-ignore]

        self._queue: Any = SQLiteAckQueue(str(folder / "each"), auto_commit=True)
        self._several: Any = SQLiteQueue(str(folder / "batch"), auto_commit=False)

    def put(self, number: int) -> None:
        """Put."""
        self._queue.put(TEXT)

    def take(self, count: int) -> None:
        """Get one and acknowledge it, and so on."""
        for _ in range(count):
            self._queue.ack(self._queue.get(block=False))

    def batch(self, count: int) -> None:
        """Put, and commit once."""
        for _ in range(count):
            self._several.put(TEXT)
        self._several.task_done()


class Diskcache:
    """Its deque; what is taken is gone, whether or not it was handled."""

    syncs = False

    def __init__(self, folder: Path) -> None:
        """Open."""
        from diskcache import Deque  # type: ignore[import-not-found,unused-ignore]

        self._queue: Any = Deque(directory=str(folder))

    def put(self, number: int) -> None:
        """Append."""
        self._queue.append(TEXT)

    def take(self, count: int) -> None:
        """Take from the left, one by one."""
        for _ in range(count):
            self._queue.popleft()

    def batch(self, count: int) -> None:
        """Append in one transaction."""
        with self._queue.transact():
            for _ in range(count):
                self._queue.append(TEXT)


class Huey:
    """Its SQLite storage; what is taken is gone, and every event is synced to the disk."""

    syncs = True

    def __init__(self, folder: Path) -> None:
        """Open."""
        from huey.storage import SqliteStorage  # type: ignore[import-not-found,unused-ignore]

        self._queue: Any = SqliteStorage(filename=str(folder / "huey.db"))

    def put(self, number: int) -> None:
        """Enqueue."""
        self._queue.enqueue(TEXT.encode())

    def take(self, count: int) -> None:
        """Dequeue, one by one."""
        for _ in range(count):
            self._queue.dequeue()

    def batch(self, count: int) -> None:
        """It has no such thing."""
        raise NotImplementedError


OURS = "interhost"
QUEUES: Mapping[str, type[Queue]] = {
    OURS: Interhost,
    "raw sqlite3": Raw,
    "litequeue": Litequeue,
    "persist-queue": PersistQueue,
    "diskcache": Diskcache,
    "huey": Huey,
}


def open_all(base: Path) -> Iterator[tuple[str, Queue]]:
    """Each that is installed, in a folder of its own."""
    for number, (name, queue) in enumerate(QUEUES.items()):
        folder = base / f"queue-{number}"
        folder.mkdir(parents=True)
        try:
            yield name, queue(folder)
        except ImportError:
            from benchmarks.kit import note

            note(f"  {name} is not installed: left out")
