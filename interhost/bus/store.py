"""The host's own records: attempts, cursors, known facts, effects, advice, submissions, projects, problems.

They share the log's file and transaction, so that a cursor never moves without the envelope it led to.
Source: design section 8.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from interhost.bus import problem_mark
from interhost.bus.advice_store import AdviceStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from interhost.bus.log import Lease


class Attempt(NamedTuple):
    """One attempt to deliver one event to one consumer. Times are microseconds since the epoch."""

    consumer: str
    n: int
    started: int
    ended: int
    outcome: str
    reason: str


class StoredSubmission(NamedTuple):
    """A policy-governing write that was begun.

    Attributes:
        key: What makes it one and the same.
        kind: Which write it is.
        ts: When it was begun, in microseconds since the epoch.
        result: JSON text, or ``None`` while it is in doubt.
        request: What was asked for, as JSON text.
    """

    key: str
    kind: str
    ts: int
    result: str | None
    request: str


class Problem(NamedTuple):
    """What last went wrong with an adapter outside of a delivery."""

    adapter: str
    ts: int
    stage: str
    reason: str


class HostStore(AdviceStore):
    """The host's records in an open database; advice is a part of them by itself, because hooks hand it out."""

    def record_attempt(self, seq: int, attempt: Attempt) -> None:
        """Keep how one attempt ended."""
        with self._db.transaction():
            self._db.change(
                "INSERT OR REPLACE INTO attempt(seq, consumer, started, n, ended, outcome, reason) "
                "VALUES(?, ?, ?, ?, ?, ?, ?)",
                seq,
                attempt.consumer,
                attempt.started,
                attempt.n,
                attempt.ended,
                attempt.outcome,
                attempt.reason,
            )

    def record_lost(self, lease: Lease, now: int) -> None:
        """Keep that the attempt before this one ended without a word."""
        lost = Attempt(lease.consumer, lease.attempt - 1, now - 1, now - 1, "error", "the worker went away")
        self.record_attempt(lease.stored.seq, lost)

    def attempts(self, seq: int) -> list[Attempt]:
        """Every attempt to deliver one event, in the order they began."""
        rows = self._db.rows(
            "SELECT consumer, n, started, ended, outcome, reason FROM attempt WHERE seq = ? ORDER BY started, consumer",
            seq,
        )
        return [Attempt(*row) for row in rows]

    def cursor(self, adapter: str, name: str) -> str | None:
        """A named position of an adapter."""
        rows = self._db.rows("SELECT value FROM cursor WHERE adapter = ? AND name = ?", adapter, name)
        return str(rows[0][0]) if rows else None

    def move_cursor(self, adapter: str, name: str, value: str) -> None:
        """Store a named position."""
        with self._db.transaction():
            self._db.change("INSERT OR REPLACE INTO cursor(adapter, name, value) VALUES(?, ?, ?)", adapter, name, value)

    def known_fact(self, key: str) -> int | None:
        """Where the fact with this natural key stands in the log, or ``None``."""
        rows = self._db.rows("SELECT seq FROM dedupe WHERE key = ?", key)
        return rows[0][0] if rows else None

    def remember_fact(self, key: str, seq: int) -> None:
        """Remember a natural key."""
        with self._db.transaction():
            self._db.change("INSERT OR IGNORE INTO dedupe(key, seq) VALUES(?, ?)", key, seq)

    def begin_effect(self, event_id: str, consumer: str, action: str) -> bool:
        """Record that an outside effect is about to be made; False when an earlier attempt has recorded it."""
        with self._db.transaction():
            return (
                self._db.change(
                    "INSERT OR IGNORE INTO effect(event_id, consumer, action, ts) VALUES(?, ?, ?, ?)",
                    event_id,
                    consumer,
                    action,
                    self._now(),
                )
                == 1
            )

    def begin_submission(self, key: str, kind: str, request: str = "{}") -> StoredSubmission | None:
        """Record that a policy-governing write is about to be made.

        Returns:
            ``None`` when it is to be made now; else what is known of the earlier one with this key. Without a result
            that one is in doubt: its process may have died between the write and the record.
        """
        with self._db.transaction():
            made = self._db.change(
                "INSERT OR IGNORE INTO submission(key, kind, ts, request) VALUES(?, ?, ?, ?)",
                key,
                kind,
                self._now(),
                request,
            )
            return None if made else self.find_submission(key)

    def find_submission(self, key: str) -> StoredSubmission | None:
        """The submission with this key."""
        rows = self._db.rows("SELECT key, kind, ts, result, request FROM submission WHERE key = ?", key)
        return StoredSubmission(*rows[0]) if rows else None

    def submissions_in_doubt(self) -> list[StoredSubmission]:
        """Every submission without a result, oldest first; one may be under way at this moment."""
        rows = self._db.rows(
            "SELECT key, kind, ts, result, request FROM submission WHERE result IS NULL ORDER BY ts, key"
        )
        return [StoredSubmission(*row) for row in rows]

    def finish_submission(self, key: str, result: str | None) -> None:
        """Record what a write came to, as JSON text; ``None`` when it is known not to have happened."""
        with self._db.transaction():
            if result is None:
                self._db.change("DELETE FROM submission WHERE key = ?", key)
            else:
                self._db.change("UPDATE submission SET result = ? WHERE key = ?", result, key)

    def see_project(self, path: Path) -> None:
        """Remember a project's root; written at most once an hour per project."""
        now = self._now()
        rows = self._db.rows("SELECT seen FROM project WHERE path = ?", str(path))
        if rows and now - rows[0][0] < 3_600_000_000:
            return
        with self._db.transaction():
            self._db.change("INSERT OR REPLACE INTO project(path, seen) VALUES(?, ?)", str(path), now)

    def projects(self) -> tuple[Path, ...]:
        """Roots of known projects, most recent first."""
        return tuple(Path(str(row[0])) for row in self._db.rows("SELECT path FROM project ORDER BY seen DESC, path"))

    def set_problem(self, adapter: str, stage: str, reason: str) -> None:
        """Remember what went wrong with an adapter at one stage; an empty reason clears it."""
        known = self._db.rows("SELECT reason FROM problem WHERE adapter = ? AND stage = ?", adapter, stage)
        if (known[0][0] if known else "") == reason:
            return
        with self._db.transaction():
            if reason:
                problem_mark.set_mark(self._root)
                self._db.change(
                    "INSERT OR REPLACE INTO problem(adapter, stage, ts, reason) VALUES(?, ?, ?, ?)",
                    adapter,
                    stage,
                    self._now(),
                    reason,
                )
            else:
                self._db.change("DELETE FROM problem WHERE adapter = ? AND stage = ?", adapter, stage)

    def problems(self) -> list[Problem]:
        """What is wrong with which adapter."""
        rows = self._db.rows("SELECT adapter, ts, stage, reason FROM problem ORDER BY adapter, stage")
        return [Problem(*row) for row in rows]

    def last_pruned(self) -> float | None:
        """When retention was last looked at, in seconds since the epoch."""
        rows = self._db.rows("SELECT value FROM meta WHERE key = 'pruned'")
        return rows[0][0] / 1_000_000 if rows else None

    def set_pruned(self, when: float) -> None:
        """Retention is looked at, at this time in seconds since the epoch."""
        with self._db.transaction():
            self._db.change("INSERT OR REPLACE INTO meta(key, value) VALUES('pruned', ?)", int(when * 1_000_000))

    def prune(self, expired: int) -> None:
        """Let go of records whose event is gone, and of what expired before a time in microseconds.

        Those of a dead letter stay with it: a redriven delivery is not stale, and makes no effect twice.
        """
        with self._db.transaction():
            oldest = self._db.rows("SELECT coalesce(min(seq), 0) FROM event")[0][0]
            self._db.change("DELETE FROM dedupe WHERE seq < ?", oldest)
            self._db.change("DELETE FROM attempt WHERE seq < ? AND seq NOT IN (SELECT seq FROM dead)", oldest)
            self._db.change(
                "DELETE FROM effect WHERE ts < ? AND event_id NOT IN (SELECT event_id FROM dead) "
                "AND event_id NOT IN (SELECT event_id FROM event)",
                expired,
            )
            self._db.change("DELETE FROM advice WHERE ts < ? OR expires < ?", expired, expired)
            self._db.change("DELETE FROM submission WHERE ts < ? AND result IS NOT NULL", expired)
        self._sweep_marks()
