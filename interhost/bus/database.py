"""The file behind the log and the host's records: one SQLite database, one write transaction at a time.

Source: design section 8; reference/event-log.md sections 5 and 6, which also measured each choice made here.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interhost.bus.lock import FileLock
from interhost.bus.schema import APPLICATION_ID, MIGRATIONS
from interhost.bus.state import ensure_root
from interhost.errors import BusyError, StateError

# NORMAL survives a killed process; only a power cut can take the last moments (event-log.md 3f).
_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}


class Database:
    """A connection to ``bus.db`` in one state directory. Not for sharing between threads or across a fork.

    Args:
        root: State directory; created with mode 0700.
        deadline: Seconds to wait for the write lock; ``None`` waits as long as it takes.
        durability: What a commit survives: ``process`` (its process being killed) or ``power`` (a power cut, at the
            price of one fsync each).

    Raises:
        StateError: The directory or the file cannot be used. A file that is not ours is never changed.
    """

    def __init__(self, root: Path, *, deadline: float | None = None, durability: str = "process") -> None:
        """Open, and create when there is nothing yet."""
        self.root = ensure_root(root)
        self._synchronous = _SYNCHRONOUS[durability]
        self.path = root / "bus.db"
        self._depth = 0
        self._wake = False
        self._lock = FileLock(root / "write.lock", deadline)
        with self._explained():
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=30.0)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._lock.close()

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement and fetch everything: a SELECT left open would keep the WAL from being reused."""
        with self._explained():
            return self._connection.execute(sql, values).fetchall()

    def change(self, sql: str, *values: object) -> int:
        """Run one writing statement inside :meth:`transaction`, and say how many rows it changed."""
        if not self._depth:
            raise RuntimeError("change() outside of a transaction")
        with self._explained():
            return self._connection.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One write transaction under the lock; inner ones join the outer.

        Raises:
            BusyError: The lock was not free within the deadline, or the disk is full.
            StateError: The file is damaged, or cannot be written.
        """
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth, self._wake = 1, False
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0
        if self._wake:
            self.wake()

    def flush(self) -> None:
        """Make everything committed so far survive a power cut: one commit with FULL syncs the log up to here."""
        with self._explained():
            self._connection.execute("PRAGMA synchronous=FULL")
            try:
                with self.transaction():
                    self.change("INSERT OR REPLACE INTO meta(key, value) VALUES('flushed', ?)", time.time_ns() // 1000)
            finally:
                self._connection.execute(f"PRAGMA synchronous={self._synchronous}")

    def version(self) -> tuple[int, int]:
        """Something that differs after every commit, of this connection or another."""
        return self._one("PRAGMA data_version")[0], self._connection.total_changes

    def wake_after_commit(self) -> None:
        """Touch the sentinel once this transaction is committed; watchers must never see it before the rows."""
        self._wake = True

    def wake(self) -> None:
        """Touch the sentinel that waiting hosts watch."""
        try:
            os.utime(self.root / "wake")
        except FileNotFoundError:
            os.close(os.open(self.root / "wake", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _prepare(self) -> None:
        """Look before touching: a foreign file must keep every byte."""
        (application,), (version,) = self._one("PRAGMA application_id"), self._one("PRAGMA user_version")
        if application == APPLICATION_ID and version > len(MIGRATIONS):
            raise StateError(
                f"{self.path} has schema {version}, this interhost knows {len(MIGRATIONS)}",
                str(self.path),
                hint="upgrade interhost, or move the file away",
            )
        if application != APPLICATION_ID and (
            application or version or self._one("SELECT count(*) FROM sqlite_master")[0]
        ):
            raise StateError(
                f"{self.path} is a database of another program; it was left as it is",
                str(self.path),
                hint="move it away, or set INTERBUS_ROOT to another directory",
            )
        if application != APPLICATION_ID or version < len(MIGRATIONS):
            self._migrate()
        self._connection.execute(f"PRAGMA synchronous={self._synchronous}")
        self._connection.execute("PRAGMA trusted_schema=OFF")

    def _migrate(self) -> None:
        """Take the steps that are missing; all of them or none."""
        with self._lock:
            (version,) = self._one("PRAGMA user_version")  # somebody else may have been faster
            if version == 0:
                # 2 KiB pages halve the bytes written per publish (event-log.md 3g).
                self._connection.execute("PRAGMA page_size=2048")
                self._connection.execute("PRAGMA journal_mode=WAL")
                os.chmod(self.path, 0o600)
            if version < len(MIGRATIONS):
                self._connection.executescript(
                    f"BEGIN IMMEDIATE;{''.join(MIGRATIONS[version:])}PRAGMA application_id={APPLICATION_ID};"
                    f"PRAGMA user_version={len(MIGRATIONS)};COMMIT;"
                )

    def _one(self, sql: str) -> tuple[int, ...]:
        row: tuple[int, ...] = self._connection.execute(sql).fetchone()
        return row

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into ours: which file, and what to do."""
        try:
            yield
        except sqlite3.OperationalError as error:
            text = str(error)
            if "full" in text or "locked" in text or "busy" in text:
                raise BusyError(f"{self.path}: {text}", hint="nothing was stored; try again") from error
            raise StateError(f"{self.path}: {text}", str(self.path), hint="'interhost doctor' looks closer") from error
        except sqlite3.DatabaseError as error:
            raise StateError(
                f"{self.path} is damaged or no database: {error}; it was left as it is",
                str(self.path),
                hint="move it away to start anew; 'sqlite3 bus.db .recover' may save its rows",
            ) from error
