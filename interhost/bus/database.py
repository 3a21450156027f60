"""The file behind the log and the host's records: one SQLite database, one write transaction at a time.

Source: design section 8; reference/event-log.md sections 5 and 6, which also measured each choice made here.
"""

from __future__ import annotations

import os
import sqlite3
import time

from interhost.bus.lock import FileLock
from interhost.bus.schema import APPLICATION_ID, MIGRATIONS
from interhost.bus.state import prepare_root
from interhost.errors import BusyError, InterhostError, StateError

TYPE_CHECKING = False  # a hook that hands out advice opens the database, and would pay 15 ms for these
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Any

# NORMAL survives a killed process; only a power cut can take the last moments (event-log.md 3f).
_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}

# By code, not by text: a full disk says "disk I/O error" where it is met by the index of the write-ahead log, and so
# does a quota everywhere (tests/proof/test_proof_disk.py).
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_NO_ROOM = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_TRUNCATE),
    *(sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMOPEN),
}


class Database:
    """A connection to ``bus.db`` in one state directory. Not for sharing between threads or across a fork.

    Args:
        root: State directory; created with mode 0700.
        deadline: Seconds to wait for the write lock; ``None`` waits as long as it takes.
        stopping: Asked while waiting for it; see :class:`FileLock`.
        durability: What a commit survives: ``process`` (its process being killed) or ``power`` (a power cut, at the
            price of one fsync each).

    Raises:
        StateError: The directory or the file cannot be used. A file that is not ours is never changed.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        deadline: float | None = None,
        stopping: Callable[[], bool] | None = None,
        durability: str = "process",
    ) -> None:
        """Open, and create when there is nothing yet."""
        self.root = os.fspath(root)
        prepare_root(self.root)
        self._synchronous = _SYNCHRONOUS[durability]
        self.path = f"{self.root}/bus.db"
        self._sentinel = f"{self.root}/wake"
        self._depth = 0
        self._wake = False
        self._transaction = Transaction(self)
        self._lock = FileLock(f"{self.root}/write.lock", deadline, stopping)
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=30.0)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except BaseException as error:
            self._lock.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise self._explain(error) from error
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._lock.close()

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement and fetch everything: a SELECT left open would keep the WAL from being reused."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error

    def change(self, sql: str, *values: object) -> int:
        """Run one writing statement inside :meth:`transaction`, and say how many rows it changed."""
        if not self._depth:
            raise RuntimeError("change() outside of a transaction")
        try:
            return self._connection.execute(sql, values).rowcount
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error

    def change_many(self, sql: str, values: Sequence[Sequence[object]]) -> None:
        """Run one writing statement for each set of values, inside :meth:`transaction`."""
        if not self._depth:
            raise RuntimeError("change_many() outside of a transaction")
        try:
            self._connection.executemany(sql, values)
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error

    def alone(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one writing statement under the lock, as a transaction of its own; within a block it joins the block.

        SQLite makes a single statement atomic by itself: BEGIN and COMMIT around it would cost a publish 10 %.
        """
        if self._depth:
            return self.rows(sql, *values)
        self._lock.acquire()
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._explain(error) from error
        finally:
            self._lock.release()

    def transaction(self) -> Transaction:
        """One write transaction under the lock, as a ``with`` block; inner ones join the outer.

        Raises:
            BusyError: The lock was not free within the deadline, or the disk is full.
            StateError: The file is damaged, or cannot be written.
        """
        return self._transaction

    def begin(self) -> None:
        """Enter a transaction; only for :class:`Transaction`."""
        if self._depth == 0:
            self._lock.acquire()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.DatabaseError as error:
                self._lock.release()
                raise self._explain(error) from error
            self._wake = False
        self._depth += 1

    def end(self, *, commit: bool) -> None:
        """Leave a transaction; only for :class:`Transaction`."""
        self._depth -= 1
        if self._depth:
            return
        try:
            self._connection.execute("COMMIT" if commit else "ROLLBACK")
        except sqlite3.DatabaseError as error:
            if self._connection.in_transaction:
                self._roll_back()
            if commit:  # a failed ROLLBACK follows an error that says more
                raise self._explain(error) from error
        finally:
            self._lock.release()
        if commit and self._wake:
            self.wake()

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except sqlite3.DatabaseError:  # the error that led here says more
            return

    def flush(self) -> None:
        """Make everything committed so far survive a power cut: one commit with FULL syncs the log up to here."""
        self.rows("PRAGMA synchronous=FULL")
        try:
            with self._transaction:
                self.change("INSERT OR REPLACE INTO meta(key, value) VALUES('flushed', ?)", time.time_ns() // 1000)
        finally:
            self.rows(f"PRAGMA synchronous={self._synchronous}")

    def version(self) -> tuple[int, int]:
        """Something that differs after every commit, of this connection or another."""
        return self._one("PRAGMA data_version")[0], self._connection.total_changes

    def wake_after_commit(self) -> None:
        """Touch the sentinel once this is committed: now, or at the end of the block; never before the rows."""
        if self._depth:
            self._wake = True
        else:
            self.wake()

    def wake(self) -> None:
        """Touch the sentinel that waiting hosts watch."""
        try:
            os.utime(self._sentinel)
        except OSError:
            try:
                os.close(os.open(self._sentinel, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            except OSError:  # what is committed is stored, told or not: who waits also looks every second
                return

    def _prepare(self) -> None:
        """Look before touching: a foreign file must keep every byte."""
        if not self._is_current():
            # Another process may be creating it at this moment; under the lock nobody is.
            with self._lock:
                if not self._is_current():
                    self._migrate()
        self._connection.execute(f"PRAGMA synchronous={self._synchronous}")
        self._connection.execute("PRAGMA trusted_schema=OFF")
        # 4 MB instead of 2: half as many checkpoints, each by whoever happens to publish then (event-log.md 3g).
        self._connection.execute("PRAGMA wal_autocheckpoint=2000")

    def _is_current(self) -> bool:
        (application,), (version,) = self._one("PRAGMA application_id"), self._one("PRAGMA user_version")
        return application == APPLICATION_ID and version == len(MIGRATIONS)

    def _is_new(self) -> bool:
        """Whether the file is empty; one of a few bytes is another program's, although SQLite would fill it."""
        if any(self._one(f"PRAGMA {number}")[0] for number in ("application_id", "user_version")):
            return False
        (pages,) = self._one("PRAGMA page_count")
        return not (self._one("SELECT count(*) FROM sqlite_master")[0] if pages else os.stat(self.path).st_size)

    def _migrate(self) -> None:
        """Take the steps that are missing, all of them or none; refuse what is not ours."""
        (application,), (version,) = self._one("PRAGMA application_id"), self._one("PRAGMA user_version")
        if application == APPLICATION_ID and version > len(MIGRATIONS):
            raise StateError(
                f"{self.path} has schema {version}, this interhost knows {len(MIGRATIONS)}",
                self.path,
                hint="upgrade interhost, or move the file away",
            )
        if application != APPLICATION_ID:
            if not self._is_new():
                raise StateError(
                    f"{self.path} is a file of another program; it was left as it is",
                    self.path,
                    hint="move it away, or set INTERBUS_ROOT to another directory",
                )
            os.chmod(self.path, 0o600)  # before there are companion files, which take over its mode
            # 2 KiB pages halve the bytes written per publish (event-log.md 3g).
            self._connection.execute("PRAGMA page_size=2048")
            self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(
            f"BEGIN IMMEDIATE;{''.join(MIGRATIONS[version:])}PRAGMA application_id={APPLICATION_ID};"
            f"PRAGMA user_version={len(MIGRATIONS)};COMMIT;"
        )

    def _one(self, sql: str) -> tuple[int, ...]:
        row: tuple[int, ...] = self._connection.execute(sql).fetchone()
        return row

    def _explain(self, error: sqlite3.DatabaseError) -> InterhostError:
        """SQLite's error as ours: which file, and what to do."""
        text = str(error)
        code = getattr(error, "sqlite_errorcode", 0)  # an error of the Python module has none
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.NotSupportedError):
            return InterhostError(f"a fault of interhost, not of {self.path}: {text}")
        if code & 0xFF in _DAMAGED:
            return StateError(
                f"{self.path} is damaged or no database: {text}; it was left as it is",
                self.path,
                hint="move it away to start anew; 'sqlite3 bus.db .recover' may save its rows",
            )
        if code & 0xFF in _BUSY:
            return BusyError(f"{self.path}: {text}", hint="nothing was stored; try again")
        if code in _NO_ROOM:
            return BusyError(
                f"{self.path} cannot grow, the disk is full or a quota is used up: {text}",
                hint="nothing was stored; make room and try again",
            )
        return StateError(f"{self.path}: {text}", self.path, hint="'interhost doctor' looks closer")


class Transaction:
    """The ``with`` block of :meth:`Database.transaction`; one object serves every nesting of its connection."""

    def __init__(self, database: Database) -> None:
        """Belong to a database."""
        self._database = database

    def __enter__(self) -> None:
        """Begin, or join."""
        self._database.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit, or roll back when the block raised."""
        self._database.end(commit=kind is None)
