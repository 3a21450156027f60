"""What the log on SQLite gives up, and what it lets go: dead letters, released consumers, pruned events.

Source: reference/event-log.md sections 6.5 and 6.7.
"""

from __future__ import annotations

from interhost.bus.envelope import Envelope
from interhost.bus.log import DeadLetter, Query, Stored
from interhost.bus.sqlite_events import SqliteEvents

PEND = "INSERT OR REPLACE INTO pending(consumer, seq, context_id, attempts, due, token) VALUES(?, ?, ?, ?, ?, ?)"
# When a first attempt is due that waits for its turn; no clock that was set back may keep it behind later events.
AT_ONCE = 0
# Rows deleted in one transaction: 2 ms in which others wait (event-log.md 3g).
_CHUNK = 500


class SqliteUpkeep(SqliteEvents):
    """The half of the log that ends things."""

    def dead_letters(self) -> list[DeadLetter]:
        """Everything that was given up, oldest first."""
        rows = self._db.rows("SELECT consumer, seq, event_id, attempts, reason, ts, body FROM dead ORDER BY ts, seq")
        return [DeadLetter(*row) for row in rows]

    def redrive(self, consumer: str, seq: int) -> bool:
        """Deliver a dead letter again."""
        with self._db.transaction():
            rows = self._db.rows(
                "SELECT body FROM dead d JOIN consumer c ON c.name = d.consumer WHERE d.consumer = ? AND d.seq = ?",
                consumer,
                seq,
            )
            if not rows:
                return False
            self._db.change("DELETE FROM dead WHERE consumer = ? AND seq = ?", consumer, seq)
            stored = self.read(Query(after=seq - 1), 1)
            if not stored or stored[0].seq != seq:
                stored = [self._restore(seq, str(rows[0][0]))]
            self.wait(consumer, stored[0], 0, AT_ONCE)
            self._db.wake_after_commit()
        return True

    def _restore(self, seq: int, body: str) -> Stored:
        """Put an event that was pruned back into its place, from the body that its dead letter kept."""
        envelope = Envelope.from_json(body)
        younger = self._db.rows("SELECT ts FROM event WHERE seq > ? ORDER BY seq LIMIT 1", seq)
        ts = younger[0][0] if younger else self._now()
        self.insert(envelope, ts, seq)
        return Stored(seq, ts, envelope)

    def bury(self, consumer: str, stored: Stored, attempts: int, reason: str) -> None:
        """Give a delivery up."""
        self._db.change("DELETE FROM pending WHERE consumer = ? AND seq = ?", consumer, stored.seq)
        self._db.change(
            "INSERT OR REPLACE INTO dead(consumer, seq, event_id, attempts, reason, ts, body) "
            "VALUES(?, ?, ?, ?, ?, ?, ?)",
            consumer,
            stored.seq,
            stored.envelope.event_id,
            attempts,
            reason,
            self._now(),
            stored.envelope.to_json(),
        )

    def wait(self, consumer: str, stored: Stored, attempts: int, due: int) -> None:
        """Put a delivery in line."""
        self._db.change(PEND, consumer, stored.seq, stored.envelope.context_id, attempts, due, None)

    def release_consumers(self, unseen: int) -> tuple[str, ...]:
        """Let go of consumers that were not seen since a time, and of what waits for nobody."""
        with self._db.transaction():
            rows = self._db.rows("SELECT name FROM consumer WHERE seen < ? ORDER BY name", unseen)
            self._db.change("DELETE FROM consumer WHERE seen < ?", unseen)
            self._db.change("DELETE FROM pending WHERE consumer NOT IN (SELECT name FROM consumer)")
        return tuple(row[0] for row in rows)

    def prune(self, before: int, keep: int, dead_before: int) -> int:
        """Delete events by age and count, but none that a consumer still needs; how many went."""
        newest = self._db.rows("SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?", keep)
        last = min(max(self.position_at(before), newest[0][0] if newest else 0), self._last_passed())
        count = 0
        while deleted := self._delete_some(last):
            count += deleted
        with self._db.transaction():
            self._db.change("DELETE FROM dead WHERE ts < ?", dead_before)
        return count

    def _last_passed(self) -> int:
        """The last position that no consumer needs any more."""
        rows = self._db.rows(
            "SELECT min(least) FROM (SELECT min(head) AS least FROM consumer UNION ALL "
            "SELECT min(seq) - 1 FROM pending)"
        )
        return self.end() if rows[0][0] is None else rows[0][0]

    def _delete_some(self, last: int) -> int:
        """Delete some of the oldest; the newest row of all stays, by the trigger that keeps numbers from returning."""
        with self._db.transaction():
            rows = self._db.rows("SELECT seq FROM event WHERE seq <= ? ORDER BY seq LIMIT ?", last, _CHUNK)
            return self._db.change("DELETE FROM event WHERE seq <= ?", rows[-1][0]) if rows else 0
