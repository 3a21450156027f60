"""The file behind the log and the host's records: one SQLite database, one write transaction at a time.

Source: design section 8; reference/event-log.md sections 5 and 6, which also measured each choice made here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interhost.bus.lock import FileLock
from interhost.bus.state import ensure_root
from interhost.errors import BusyError, StateError

APPLICATION_ID = 0x49424C47  # "IBLG"
SCHEMA_VERSION = 1

# No AUTOINCREMENT: it burns a number for every duplicate and costs 16 %. The trigger keeps the newest row instead, so
# that a sequence number is never used twice, even after everything was pruned (event-log.md 5.7 and 6.2).
_SCHEMA = """
CREATE TABLE event(
  seq INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  ts INTEGER NOT NULL,
  intent TEXT NOT NULL,
  context_id TEXT NOT NULL,
  producer TEXT NOT NULL,
  caused_by TEXT,
  meta TEXT NOT NULL,
  payload TEXT NOT NULL);
CREATE INDEX event_intent ON event(intent, seq);
CREATE INDEX event_context ON event(context_id, seq);
CREATE INDEX event_cause ON event(caused_by, seq) WHERE caused_by IS NOT NULL;
CREATE TRIGGER keep_newest BEFORE DELETE ON event WHEN OLD.seq = (SELECT max(seq) FROM event)
  BEGIN SELECT RAISE(IGNORE); END;

CREATE TABLE consumer(
  name TEXT PRIMARY KEY, intents TEXT NOT NULL, since INTEGER NOT NULL, head INTEGER NOT NULL,
  seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pending(
  consumer TEXT NOT NULL, seq INTEGER NOT NULL, context_id TEXT NOT NULL, attempts INTEGER NOT NULL,
  due INTEGER NOT NULL, token INTEGER, PRIMARY KEY(consumer, seq)) WITHOUT ROWID;
CREATE INDEX pending_due ON pending(consumer, due);
CREATE TABLE dead(
  consumer TEXT NOT NULL, seq INTEGER NOT NULL, event_id TEXT NOT NULL, attempts INTEGER NOT NULL,
  reason TEXT NOT NULL, ts INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY(consumer, seq)) WITHOUT ROWID;

CREATE TABLE attempt(
  seq INTEGER NOT NULL, consumer TEXT NOT NULL, started INTEGER NOT NULL, n INTEGER NOT NULL, ended INTEGER NOT NULL,
  outcome TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(seq, consumer, started)) WITHOUT ROWID;
CREATE TABLE cursor(
  adapter TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(adapter, name)) WITHOUT ROWID;
CREATE TABLE dedupe(key TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE effect(
  event_id TEXT NOT NULL, consumer TEXT NOT NULL, action TEXT NOT NULL, ts INTEGER NOT NULL,
  PRIMARY KEY(event_id, consumer, action)) WITHOUT ROWID;
CREATE TABLE advice(
  id INTEGER PRIMARY KEY, adapter TEXT NOT NULL, session_id TEXT, context_id TEXT, text TEXT NOT NULL,
  ts INTEGER NOT NULL, expires INTEGER, given INTEGER);
CREATE TABLE project(path TEXT PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE problem(adapter TEXT PRIMARY KEY, ts INTEGER NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL)
  WITHOUT ROWID;
"""


class Database:
    """A connection to ``bus.db`` in one state directory. Not for sharing between threads or across a fork.

    Args:
        root: State directory; created with mode 0700.
        deadline: Seconds to wait for the write lock; ``None`` waits as long as it takes.

    Raises:
        StateError: The directory or the file cannot be used. A file that is not ours is never changed.
    """

    def __init__(self, root: Path, *, deadline: float | None = None) -> None:
        """Open, and create when there is nothing yet."""
        self.root = ensure_root(root)
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
        if application == APPLICATION_ID and version == SCHEMA_VERSION:
            pass
        elif application == APPLICATION_ID:
            raise StateError(
                f"{self.path} has schema {version}, this interhost knows {SCHEMA_VERSION}",
                str(self.path),
                hint="upgrade interhost, or move the file away",
            )
        elif application or version or self._one("SELECT count(*) FROM sqlite_master")[0]:
            raise StateError(
                f"{self.path} is a database of another program; it was left as it is",
                str(self.path),
                hint="move it away, or set INTERBUS_ROOT to another directory",
            )
        else:
            self._create()
        # NORMAL survives a killed process; only a power cut can take the last moments (event-log.md 3f).
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("PRAGMA trusted_schema=OFF")

    def _create(self) -> None:
        with self._lock:
            if self._one("PRAGMA application_id")[0] == APPLICATION_ID:
                return  # somebody else was faster
            # 2 KiB pages halve the bytes written per publish (event-log.md 3g).
            self._connection.execute("PRAGMA page_size=2048")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.executescript(
                f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA application_id={APPLICATION_ID};"
                f"PRAGMA user_version={SCHEMA_VERSION};COMMIT;"
            )
            os.chmod(self.path, 0o600)

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
