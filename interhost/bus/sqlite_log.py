"""The event log on SQLite.

Source: reference/event-log.md section 6, which measured the statements used here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from interhost.bus.database import Database
from interhost.bus.envelope import Envelope
from interhost.bus.log import (
    BACKOFF_SECONDS,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    Appended,
    DeadLetter,
    Lease,
    Position,
    Query,
    Stored,
    Subscription,
)
from interhost.errors import InputError

_COLUMNS = "e.seq, e.ts, e.event_id, e.intent, e.context_id, e.producer, e.meta, e.payload"
_PAGE = 500
_SECOND = 1_000_000


class SqliteLog:
    """See :class:`interhost.bus.log.EventLog`.

    Args:
        database: The file, which the host's own records share.
        clock: Seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        """Use an open database."""
        self._db = database
        self._clock = clock

    # Write -----------------------------------------------------------------------------------------------------------

    def append(self, envelope: Envelope) -> Appended:
        """Store an envelope, or find that it is stored already."""
        meta = json.dumps(
            {
                "artifact_path": envelope.artifact_path,
                "severity": envelope.severity,
                "consumers": envelope.consumers,
                "source_hook": envelope.source_hook,
                "extensions": envelope.extensions,
            },
            separators=(",", ":"),
        )
        with self._db.transaction():
            rows = self._db.rows(
                "INSERT INTO event(event_id, ts, intent, context_id, producer, caused_by, meta, payload) "
                # Time never decreases in seq, so that "since" can search by halving (event-log.md 6.2).
                "VALUES(?, max(?, coalesce((SELECT ts FROM event ORDER BY seq DESC LIMIT 1), 0)), ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT(event_id) DO NOTHING RETURNING seq",
                envelope.event_id,
                self._now(),
                envelope.intent,
                envelope.context_id,
                envelope.producer,
                envelope.caused_by,
                meta,
                envelope.payload,
            )
            if rows:
                self._db.wake_after_commit()
                return Appended(_int(rows[0][0]), duplicate=False)
            return self._duplicate(envelope)

    def _duplicate(self, envelope: Envelope) -> Appended:
        stored = self.get(envelope.event_id)
        if stored is None or (stored.envelope.intent, stored.envelope.payload) != (envelope.intent, envelope.payload):
            raise InputError(f"event {envelope.event_id}: the log has another content under this id")
        return Appended(stored.seq, duplicate=True)

    # Read ------------------------------------------------------------------------------------------------------------

    def read(self, query: Query, limit: int = _PAGE) -> list[Stored]:
        """At most ``limit`` envelopes in log order."""
        where: list[str] = ["e.seq > ?"]
        values: list[object] = [query.after]
        if query.intents:
            where.append("(" + " OR ".join("e.intent GLOB ?" for _ in query.intents) + ")")
            values += [_glob(intent) for intent in query.intents]
        for column, value in (("context_id", query.context_id), ("producer", query.producer)):
            if value is not None:
                where.append(f"e.{column} = ?")
                values.append(value)
        if query.since is not None:
            values[0] = max(query.after, self._position_at(query.since))
        if query.until is not None:
            where.append("e.seq <= ?")
            values.append(self._position_at(query.until))
        newest = query.last is not None
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM event e WHERE {' AND '.join(where)} "  # noqa: S608 - columns and marks only
            f"ORDER BY e.seq {'DESC' if newest else 'ASC'} LIMIT ?",
            *values,
            query.last if query.last is not None else limit,
        )
        stored = [_stored(row) for row in rows]
        return stored[::-1] if newest else stored

    def get(self, event_id: str) -> Stored | None:
        """One envelope by its id."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM event e WHERE e.event_id = ?", event_id)  # noqa: S608
        return _stored(rows[0]) if rows else None

    def reactions(self, event_id: str) -> list[Stored]:
        """Everything that was published as a reaction to an event."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM event e WHERE e.caused_by = ? ORDER BY e.seq",  # noqa: S608
            event_id,
        )
        return [_stored(row) for row in rows]

    def end(self) -> int:
        """The last sequence number."""
        return _int(self._db.rows("SELECT coalesce(max(seq), 0) FROM event")[0][0])

    def _position_at(self, ts: int) -> int:
        """The last position stored before a time; 17 steps at 100,000 events instead of an index on every insert."""
        low, high = 0, self.end()
        while low < high:
            middle = (low + high + 1) // 2
            # Pruning leaves gaps: judge by the first row at or after the middle.
            rows = self._db.rows("SELECT seq, ts FROM event WHERE seq >= ? ORDER BY seq LIMIT 1", middle)
            if rows and _int(rows[0][1]) < ts:
                low = _int(rows[0][0])
            else:
                high = middle - 1
        return low

    # Consume ---------------------------------------------------------------------------------------------------------

    def subscribe(self, subscription: Subscription, *, start: int | None = None) -> None:
        """Make a consumer known, or change what it wants."""
        intents = json.dumps(subscription.intents)
        known = self._db.rows("SELECT intents FROM consumer WHERE name = ?", subscription.consumer)
        if known and known[0][0] == intents:
            return
        with self._db.transaction():
            begin = self.end() if start is None else start
            self._db.change(
                "INSERT INTO consumer(name, intents, since, head, seen) VALUES(?, ?, ?, ?, ?) "
                "ON CONFLICT(name) DO UPDATE SET intents = excluded.intents",
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

    def fetch(self, consumer: str, limit: int = 1, seconds: float = LEASE_SECONDS) -> list[Lease]:
        """Lease what is due."""
        if not self.has_work(consumer):
            return []
        now = self._now()
        with self._db.transaction():
            position = self._position(consumer)
            if position is None:
                return []
            # A context whose first attempt is under way elsewhere waits, so that first attempts keep the log's order.
            busy = {
                str(row[0])
                for row in self._db.rows(
                    "SELECT context_id FROM pending WHERE consumer = ? AND token IS NOT NULL AND due > ? "
                    "AND attempts = 1",
                    consumer,
                    now,
                )
            }
            leases = list(self._due(consumer, limit, busy, now, seconds))
            leases += self._fresh(position, limit - len(leases), busy, now, seconds)
        return leases

    def has_work(self, consumer: str) -> bool:
        """Whether a fetch could find anything; without the write lock, for which idle consumers must not queue."""
        return bool(
            self._db.rows(
                "SELECT 1 FROM consumer c WHERE c.name = ?1 AND ("
                "c.head < (SELECT coalesce(max(seq), 0) FROM event) "
                "OR EXISTS(SELECT 1 FROM pending p WHERE p.consumer = ?1 AND p.due <= ?2))",
                consumer,
                self._now(),
            )
        )

    def _due(self, consumer: str, limit: int, busy: set[str], now: int, seconds: float) -> Iterator[Lease]:
        """Waiting deliveries whose time has come, and leases that ran out."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS}, p.attempts, p.token FROM pending p JOIN event e ON e.seq = p.seq "  # noqa: S608
            "WHERE p.consumer = ? AND p.due <= ? ORDER BY p.seq LIMIT ?",
            consumer,
            now,
            _PAGE,
        )
        for row in rows:
            stored, attempts, lost = _stored(row), _int(row[8]), row[9] is not None
            if attempts == 0 and stored.envelope.context_id in busy:
                continue
            if attempts >= MAX_ATTEMPTS:
                self._bury(consumer, stored, attempts, "the worker died during the last attempt")
                continue
            if limit <= 0:
                return
            limit -= 1
            yield self._lease(consumer, stored, attempts + 1, now, seconds, lost=lost)

    def _fresh(self, position: Position, limit: int, busy: set[str], now: int, seconds: float) -> list[Lease]:
        """First attempts after the consumer's head."""
        consumer, head, leases = position.subscription.consumer, position.head, list[Lease]()
        parked = 0
        while len(leases) < limit and parked < _PAGE:
            page = self.read(Query(after=head))
            for stored in page:
                if len(leases) == limit:
                    break
                head = stored.seq
                if not position.subscription.wants(stored.envelope):
                    continue
                if stored.envelope.context_id in busy:
                    parked += 1
                    self._wait(consumer, stored, 0, now)
                else:
                    leases.append(self._lease(consumer, stored, 1, now, seconds, lost=False))
            if len(page) < _PAGE:
                break
        self._db.change("UPDATE consumer SET head = ?, seen = ? WHERE name = ?", head, now, consumer)
        return leases

    def _lease(self, consumer: str, stored: Stored, attempt: int, now: int, seconds: float, *, lost: bool) -> Lease:
        token = int.from_bytes(os.urandom(7), "big")
        self._db.change(
            "INSERT OR REPLACE INTO pending(consumer, seq, context_id, attempts, due, token) VALUES(?, ?, ?, ?, ?, ?)",
            consumer,
            stored.seq,
            stored.envelope.context_id,
            attempt,
            now + int(seconds * _SECOND),
            token,
        )
        return Lease(consumer, stored, attempt, token, lost)

    def _wait(self, consumer: str, stored: Stored, attempts: int, due: int) -> None:
        self._db.change(
            "INSERT OR REPLACE INTO pending(consumer, seq, context_id, attempts, due, token) "
            "VALUES(?, ?, ?, ?, ?, NULL)",
            consumer,
            stored.seq,
            stored.envelope.context_id,
            attempts,
            due,
        )

    def extend(self, lease: Lease, seconds: float = LEASE_SECONDS) -> bool:
        """Keep a lease for longer."""
        return self._if_held("UPDATE pending SET due = ?4", lease, self._now() + int(seconds * _SECOND))

    def ack(self, lease: Lease) -> bool:
        """The delivery is over."""
        return self._if_held("DELETE FROM pending", lease)

    def nack(self, lease: Lease, reason: str) -> bool:
        """The attempt failed."""
        if lease.attempt < MAX_ATTEMPTS:
            due = self._now() + int(BACKOFF_SECONDS[lease.attempt - 1] * _SECOND)
            return self._if_held("UPDATE pending SET token = NULL, due = ?4", lease, due)
        with self._db.transaction():
            held = self.ack(lease)
            if held:
                self._bury(lease.consumer, lease.stored, lease.attempt, reason)
        return held

    def release(self, lease: Lease, until: int | None = None) -> bool:
        """Give it back without counting the attempt."""
        due = self._now() if until is None else until
        return self._if_held("UPDATE pending SET token = NULL, attempts = attempts - 1, due = ?4", lease, due)

    def _if_held(self, change: str, lease: Lease, *values: object) -> bool:
        with self._db.transaction():
            sql = f"{change} WHERE consumer = ?1 AND seq = ?2 AND token = ?3"
            return self._db.change(sql, lease.consumer, lease.stored.seq, lease.token, *values) == 1

    def next_due(self, consumers: Sequence[str]) -> int | None:
        """When the next waiting delivery is due."""
        marks = ",".join("?" * len(consumers))
        rows = self._db.rows(
            f"SELECT min(due) FROM pending WHERE token IS NULL AND consumer IN ({marks})",  # noqa: S608
            *consumers,
        )
        return None if rows[0][0] is None else _int(rows[0][0])

    def leased(self) -> list[tuple[str, int, int]]:
        """Every lease that is out, as (consumer, seq, expiry in microseconds)."""
        rows = self._db.rows("SELECT consumer, seq, due FROM pending WHERE token IS NOT NULL ORDER BY due")
        return [(str(row[0]), _int(row[1]), _int(row[2])) for row in rows]

    def waiting(self, seq: int) -> list[tuple[str, int, int, bool]]:
        """Unfinished deliveries of one event, as (consumer, attempts so far, due, leased)."""
        rows = self._db.rows("SELECT consumer, attempts, due, token FROM pending WHERE seq = ? ORDER BY consumer", seq)
        return [(str(row[0]), _int(row[1]), _int(row[2]), row[3] is not None) for row in rows]

    # Dead letters ----------------------------------------------------------------------------------------------------

    def dead_letters(self) -> list[DeadLetter]:
        """Everything that was given up, oldest first."""
        rows = self._db.rows("SELECT consumer, seq, event_id, attempts, reason, ts, body FROM dead ORDER BY ts, seq")
        return [DeadLetter(*row) for row in rows]  # type: ignore[arg-type]

    def redrive(self, consumer: str, seq: int) -> bool:
        """Deliver a dead letter again."""
        with self._db.transaction():
            rows = self._db.rows("SELECT body FROM dead WHERE consumer = ? AND seq = ?", consumer, seq)
            if not rows:
                return False
            self._db.change("DELETE FROM dead WHERE consumer = ? AND seq = ?", consumer, seq)
            stored = self.read(Query(after=seq - 1), 1)
            if not stored or stored[0].seq != seq:
                raise InputError(f"event {seq} was pruned from the log")
            self._wait(consumer, stored[0], 0, self._now())
            self._db.wake_after_commit()
        return True

    def _bury(self, consumer: str, stored: Stored, attempts: int, reason: str) -> None:
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

    def _position(self, consumer: str) -> Position | None:
        rows = self._db.rows("SELECT name, intents, since, head, seen FROM consumer WHERE name = ?", consumer)
        return _position(rows[0]) if rows else None

    def _now(self) -> int:
        return int(self._clock() * _SECOND)


def _stored(row: Sequence[Any]) -> Stored:
    seq, ts, event_id, intent, context_id, producer, meta, payload = row[:8]
    more = json.loads(meta)
    envelope = Envelope(
        event_id=event_id,
        intent=intent,
        context_id=context_id,
        artifact_path=more["artifact_path"],
        severity=more["severity"],
        producer=producer,
        consumers=tuple(more["consumers"]),
        source_hook=more["source_hook"],
        payload=payload,
        extensions=more["extensions"],
    )
    return Stored(seq, ts, envelope)


def _position(row: Sequence[Any]) -> Position:
    name, intents, since, head, seen = row
    return Position(Subscription(name, tuple(json.loads(intents))), since, head, seen)


def _glob(intent: str) -> str:
    """A name, a name with version, or a glob, as a pattern over ``name@major.minor``."""
    return intent if "@" in intent else f"{intent}@*"


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected a number from the database, got {value!r}")
    return value
