"""The event log on SQLite: who gets what, and how far everyone is.

Source: reference/event-log.md section 6, which measured the statements used here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from interhost.bus.database import Database
from interhost.bus.log import (
    BACKOFF_SECONDS,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    Capabilities,
    Lease,
    Position,
    Stored,
    Subscription,
)
from interhost.bus.sqlite_events import COLUMNS, PAGE, SECOND, stored_row
from interhost.bus.sqlite_upkeep import AT_ONCE, PEND, SqliteUpkeep

# A consumer is seen whenever a command lists it; that is written once a day, retention counts in months.
_SEEN_EVERY = 24 * 3600 * SECOND

# A lease that ends later than any could was taken before the clock was set back: its worker may be gone for good.
_LONGEST = 3600 * SECOND

# A context whose first attempt is under way elsewhere waits, so that first attempts keep the log's order. Both take
# the consumer and the time as ?1 and ?2; waiting for one's turn is neither work nor due.
_BUSY = (
    "SELECT context_id FROM pending WHERE consumer = ?1 AND token IS NOT NULL AND attempts = 1 "  # noqa: S608
    f"AND due > ?2 AND due <= ?2 + 2 * {_LONGEST}"
)
_READY = (
    f"p.consumer = ?1 AND (p.due <= ?2 OR (p.token IS NOT NULL AND p.due > ?2 + 2 * {_LONGEST})) "
    f"AND (p.attempts > 0 OR p.context_id NOT IN ({_BUSY}))"
)


_BY_SEQ = f"SELECT {COLUMNS} FROM event e WHERE e.seq = ?"  # noqa: S608
# Most often the first new event is the one; a longer scan goes on in whole pages.
_FIRST_PAGE = 16


class SqliteLog(SqliteUpkeep):
    """See :class:`interhost.bus.log.EventLog`."""

    capabilities = Capabilities(dedup="retention", fenced_ack=True, ack_durable=0.0, keeps_newest=True)

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        """Use an open database."""
        super().__init__(database, clock)
        # How far a subscription was looked at without finding anything; by what it wants, because another process may
        # change that at any time.
        self._passed: dict[Subscription, int] = {}

    def subscribe(self, subscription: Subscription, *, start: int | None = None) -> None:
        """Make a consumer known, or change what it wants."""
        intents = json.dumps(subscription.intents)
        known = self._db.rows("SELECT intents, seen FROM consumer WHERE name = ?", subscription.consumer)
        if known and known[0][0] == intents and self._now() - known[0][1] < _SEEN_EVERY:
            return
        with self._db.transaction():
            if known and known[0][0] != intents:
                self._pass_unwanted(subscription.consumer)
            begin = self.end() if start is None else start
            self._db.change(
                "INSERT INTO consumer(name, intents, since, head, seen) VALUES(?, ?, ?, ?, ?) "
                "ON CONFLICT(name) DO UPDATE SET intents = excluded.intents, seen = excluded.seen",
                subscription.consumer,
                intents,
                begin,
                begin,
                self._now(),
            )

    def positions(self) -> list[Position]:
        """Every known consumer, by name."""
        rows = self._db.rows("SELECT name, intents, since, head, seen FROM consumer ORDER BY name")
        return [_position(row) for row in rows]

    def fetch(
        self, consumer: str, limit: int = 1, seconds: float = LEASE_SECONDS, *, expected: bool = False
    ) -> list[Lease]:
        """Lease what is due."""
        if not expected and not self.has_work(consumer):
            return []
        with self._db.transaction():
            now = self._now()  # not before: whoever had the lock meanwhile may have parked something that is due by now
            position = self._position(consumer)
            if position is None:
                return []
            busy = {str(row[0]) for row in self._db.rows(_BUSY, consumer, now)}
            leases = list(self._due(consumer, limit, now, seconds))
            leases += self._fresh(position, limit - len(leases), busy, now, seconds)
        return leases

    def has_work(self, consumer: str) -> bool:
        """Whether a fetch could find anything; without the write lock, for which idle consumers must not queue.

        What was looked at and is not wanted is remembered here and written down a page at a time: otherwise every
        event would cost every consumer a transaction.
        """
        if self._db.rows(f"SELECT 1 FROM pending p WHERE {_READY} LIMIT 1", consumer, self._now()):  # noqa: S608
            return True
        position = self._position(consumer)
        if position is None:
            return False
        start = max(position.head, self._passed.get(position.subscription, 0))
        for seq, context in self._scan(position.subscription, start):
            if context is not None:
                return True
            self._passed[position.subscription] = seq
            if seq - position.head >= PAGE:
                with self._db.transaction():
                    if self._position(consumer) == position:  # nobody else has moved or changed it
                        self._db.change("UPDATE consumer SET head = ? WHERE name = ?", seq, consumer)
                position = position._replace(head=seq)
        return False

    def _pass_unwanted(self, consumer: str) -> None:
        """Move the head up to the next event it wants: what it did not want then is not offered later either."""
        if position := self._position(consumer):
            head = max(position.head, self._passed.get(position.subscription, 0))
            for seq, context in self._scan(position.subscription, head):
                if context is not None:
                    break
                head = seq
            self._db.change("UPDATE consumer SET head = ? WHERE name = ?", head, consumer)

    def _scan(self, subscription: Subscription, after: int) -> Iterator[tuple[int, str | None]]:
        """Events after a position: number, and context if the consumer wants it; reads no more than it must."""
        size = _FIRST_PAGE
        while True:
            page = self.headers(after, size)
            for one in page:
                yield one.seq, one.context_id if subscription.wants(one) else None
            if len(page) < size:
                return
            after, size = page[-1].seq, PAGE

    def _due(self, consumer: str, limit: int, now: int, seconds: float) -> Iterator[Lease]:
        """Waiting deliveries whose time has come, and leases that ran out."""
        rows = self._db.rows(
            f"SELECT {COLUMNS}, p.attempts, p.token FROM pending p JOIN event e ON e.seq = p.seq "  # noqa: S608
            f"WHERE {_READY} ORDER BY p.seq LIMIT ?3",
            consumer,
            now,
            PAGE,
        )
        for row in rows:
            stored, attempts, lost = stored_row(row), row[9], row[10] is not None
            if attempts >= MAX_ATTEMPTS:
                self.bury(consumer, stored, attempts, "the worker died during the last attempt")
                continue
            if limit <= 0:
                return
            limit -= 1
            yield self._lease(consumer, stored, attempts + 1, now, seconds, lost=lost)

    def _fresh(self, position: Position, limit: int, busy: set[str], now: int, seconds: float) -> list[Lease]:
        """First attempts after the consumer's head."""
        consumer, wanted, parked = position.subscription.consumer, list[int](), list[tuple[object, ...]]()
        head = start = max(position.head, self._passed.get(position.subscription, 0))
        if limit > 0:
            for seq, context in self._scan(position.subscription, start):
                head = seq
                if context in busy:
                    parked.append((consumer, seq, context, 0, AT_ONCE, None))
                elif context is not None:
                    wanted.append(seq)
                if len(wanted) == limit or len(parked) == PAGE:
                    break
        if head > position.head:
            self._db.change("UPDATE consumer SET head = ?, seen = ? WHERE name = ?", head, now, consumer)
        self._db.change_many(PEND, parked)
        return self._lease_all(consumer, self._stored(wanted), now, seconds)

    def _stored(self, seqs: list[int]) -> list[Stored]:
        if not seqs:
            return []
        if len(seqs) == 1:
            return [stored_row(row) for row in self._db.rows(_BY_SEQ, seqs[0])]
        between = f"SELECT {COLUMNS} FROM event e WHERE e.seq BETWEEN ? AND ? ORDER BY e.seq"  # noqa: S608
        rows, chosen = self._db.rows(between, seqs[0], seqs[-1]), set(seqs)
        return [stored_row(row) for row in rows if row[0] in chosen]

    def _lease_all(self, consumer: str, fresh: list[Stored], now: int, seconds: float) -> list[Lease]:
        leases = [Lease(consumer, stored, 1, _token(), lost=False) for stored in fresh]
        due = now + int(seconds * SECOND)
        rows = [(consumer, one.stored.seq, one.stored.envelope.context_id, 1, due, one.token) for one in leases]
        self._db.change_many(PEND, rows)
        return leases

    def _lease(self, consumer: str, stored: Stored, attempt: int, now: int, seconds: float, *, lost: bool) -> Lease:
        token, due = _token(), now + int(seconds * SECOND)
        self._db.change(PEND, consumer, stored.seq, stored.envelope.context_id, attempt, due, token)
        return Lease(consumer, stored, attempt, token, lost)

    def extend(self, lease: Lease, seconds: float = LEASE_SECONDS) -> bool:
        """Keep a lease for longer."""
        due = self._now() + min(int(seconds * SECOND), _LONGEST)
        return self._if_held("UPDATE pending SET due = max(due, ?4)", lease, due)

    def ack(self, lease: Lease) -> bool:
        """The delivery is over."""
        return self._if_held("DELETE FROM pending", lease)

    def nack(self, lease: Lease, reason: str) -> bool:
        """The attempt failed."""
        if lease.attempt < MAX_ATTEMPTS:
            due = self._now() + int(BACKOFF_SECONDS[lease.attempt - 1] * SECOND)
            return self._if_held("UPDATE pending SET token = NULL, due = ?4", lease, due)
        with self._db.transaction():
            held = self.ack(lease)
            if held:
                self.bury(lease.consumer, lease.stored, lease.attempt, reason)
        return held

    def release(self, lease: Lease, until: int | None = None) -> bool:
        """Give it back without counting the attempt."""
        due = AT_ONCE if until is None else until
        return self._if_held("UPDATE pending SET token = NULL, attempts = attempts - 1, due = ?4", lease, due)

    def _if_held(self, change: str, lease: Lease, *values: object) -> bool:
        with self._db.transaction():
            sql = f"{change} WHERE consumer = ?1 AND seq = ?2 AND token = ?3"
            return self._db.change(sql, lease.consumer, lease.stored.seq, lease.token, *values) == 1

    def next_due(self, consumers: Sequence[str]) -> int | None:
        """When the next waiting delivery is due."""
        marks = ",".join(f"?{number}" for number in range(2, len(consumers) + 2))
        # What waits for its turn is due when a lease ends, which nobody can tell.
        rows = self._db.rows(
            f"SELECT min(due) FROM pending WHERE token IS NULL AND consumer IN ({marks}) AND (attempts > 0 "  # noqa: S608
            "OR due > ?1 OR (consumer, context_id) NOT IN (SELECT consumer, context_id FROM pending "
            "WHERE token IS NOT NULL AND due > ?1 AND attempts = 1))",
            self._now(),
            *consumers,
        )
        return None if rows[0][0] is None else rows[0][0]

    def leased(self) -> list[tuple[str, int, int]]:
        """Every lease that is out, as (consumer, seq, expiry in microseconds)."""
        rows = self._db.rows("SELECT consumer, seq, due FROM pending WHERE token IS NOT NULL ORDER BY due")
        return [(str(row[0]), row[1], row[2]) for row in rows]

    def waiting(self, seq: int) -> list[tuple[str, int, int, bool]]:
        """Unfinished deliveries of one event, as (consumer, attempts so far, due, leased)."""
        rows = self._db.rows("SELECT consumer, attempts, due, token FROM pending WHERE seq = ? ORDER BY consumer", seq)
        return [(str(row[0]), row[1], row[2], row[3] is not None) for row in rows]

    def _position(self, consumer: str) -> Position | None:
        rows = self._db.rows("SELECT name, intents, since, head, seen FROM consumer WHERE name = ?", consumer)
        return _position(rows[0]) if rows else None


def _token() -> int:
    return int.from_bytes(os.urandom(7), "big")


def _position(row: Sequence[Any]) -> Position:
    name, intents, since, head, seen = row
    return Position(Subscription(name, tuple(json.loads(intents))), since, head, seen)
