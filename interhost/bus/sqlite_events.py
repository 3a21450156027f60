"""The events of the log on SQLite: storing and reading them.

Source: reference/event-log.md section 6, which measured the statements used here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from interhost.bus.database import Database
from interhost.bus.envelope import Envelope
from interhost.bus.log import Appended, Header, Query, Stored
from interhost.errors import InputError

COLUMNS = "e.seq, e.ts, e.event_id, e.intent, e.context_id, e.producer, e.consumers, e.meta, e.payload"
PAGE = 500
SECOND = 1_000_000


_INSERT = (
    "INSERT INTO event(seq, event_id, ts, intent, context_id, producer, consumers, caused_by, meta, payload) VALUES("
    "?1, ?2, CASE WHEN ?1 IS NULL THEN max(?3, coalesce((SELECT ts FROM event ORDER BY seq DESC LIMIT 1), 0)) "
    "ELSE ?3 END, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(event_id) DO NOTHING RETURNING seq"
)
# One encoder for all: json.dumps makes a new one for every call that is not to its taste.
_encode = json.JSONEncoder(separators=(",", ":")).encode


class SqliteEvents:
    """Stored envelopes; the half of the log that every consumer shares.

    Args:
        database: The file, which the host's own records share.
        clock: Seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        """Use an open database."""
        self._db = database
        self._clock = clock

    def append(self, envelope: Envelope) -> Appended:
        """Store an envelope, or find that it is stored already."""
        seq = self.insert(envelope, self._now(), None)
        if seq is None:
            return self._duplicate(envelope)
        self._db.wake_after_commit()
        return Appended(seq, duplicate=False)

    def insert(self, envelope: Envelope, ts: int, seq: int | None) -> int | None:
        """Store one row, at the end or in its old place; ``None`` when its id is there already.

        Time never decreases in ``seq``, so that "since" can search by halving (event-log.md 6.2).
        """
        # What most events do not have is not written: it would be a tenth of every row.
        meta: dict[str, object] = {"extensions": envelope.extensions}
        if envelope.artifact_path is not None:
            meta["artifact_path"] = envelope.artifact_path
        if envelope.severity != "info":
            meta["severity"] = envelope.severity
        if envelope.source_hook is not None:
            meta["source_hook"] = envelope.source_hook
        rows = self._db.alone(
            _INSERT,
            seq,
            envelope.event_id,
            ts,
            envelope.intent,
            envelope.context_id,
            envelope.producer,
            _encode(envelope.consumers) if envelope.consumers else None,
            envelope.caused_by,
            _encode(meta),
            envelope.payload,
        )
        stored: int | None = rows[0][0] if rows else None
        return stored

    def _duplicate(self, envelope: Envelope) -> Appended:
        stored = self.get(envelope.event_id)
        if stored is None or _content(stored.envelope) != _content(envelope):
            raise InputError(f"event {envelope.event_id}: the log has another content under this id")
        return Appended(stored.seq, duplicate=True)

    def read(self, query: Query, limit: int = PAGE) -> list[Stored]:
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
            values[0] = max(query.after, self.position_at(query.since))
        if query.until is not None:
            where.append("e.seq <= ?")
            values.append(self.position_at(query.until))
        newest = query.last is not None
        rows = self._db.rows(
            f"SELECT {COLUMNS} FROM event e WHERE {' AND '.join(where)} "  # noqa: S608 - columns and marks only
            f"ORDER BY e.seq {'DESC' if newest else 'ASC'} LIMIT ?",
            *values,
            query.last if query.last is not None else limit,
        )
        stored = [stored_row(row) for row in rows]
        return stored[::-1] if newest else stored

    def get(self, event_id: str) -> Stored | None:
        """One envelope by its id."""
        rows = self._db.rows(f"SELECT {COLUMNS} FROM event e WHERE e.event_id = ?", event_id)  # noqa: S608
        return stored_row(rows[0]) if rows else None

    def reactions(self, event_id: str) -> list[Stored]:
        """Everything that was published as a reaction to an event."""
        rows = self._db.rows(
            f"SELECT {COLUMNS} FROM event e WHERE e.caused_by = ? ORDER BY e.seq",  # noqa: S608
            event_id,
        )
        return [stored_row(row) for row in rows]

    def headers(self, after: int, limit: int) -> list[Header]:
        """What stands after a position, in brief."""
        rows = self._db.rows(
            "SELECT seq, intent, producer, consumers, context_id FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
            after,
            limit,
        )
        return [
            Header(seq, intent, producer, tuple(json.loads(consumers)) if consumers else (), context)
            for seq, intent, producer, consumers, context in rows
        ]

    def end(self) -> int:
        """The last sequence number."""
        last: int = self._db.rows("SELECT coalesce(max(seq), 0) FROM event")[0][0]
        return last

    def position_at(self, ts: int) -> int:
        """The last position stored before a time, in microseconds.

        17 steps at 100,000 events, instead of an index that every insert would pay for (event-log.md 3g).
        """
        low, high = 0, self.end()
        while low < high:
            middle = (low + high + 1) // 2
            # Pruning leaves gaps: judge by the first row at or after the middle.
            rows = self._db.rows("SELECT seq, ts FROM event WHERE seq >= ? ORDER BY seq LIMIT 1", middle)
            if rows and rows[0][1] < ts:
                low = rows[0][0]
            else:
                high = middle - 1
        return low

    def _now(self) -> int:
        return int(self._clock() * SECOND)


def stored_row(row: Sequence[Any]) -> Stored:
    """A row of COLUMNS as what it stands for."""
    seq, ts, event_id, intent, context_id, producer, consumers, meta, payload = row[:9]
    more = json.loads(meta)
    envelope = Envelope(
        event_id=event_id,
        intent=intent,
        context_id=context_id,
        artifact_path=more.get("artifact_path"),
        severity=more.get("severity", "info"),
        producer=producer,
        consumers=tuple(json.loads(consumers)) if consumers else (),
        source_hook=more.get("source_hook"),
        payload=payload,
        extensions=more["extensions"],
    )
    return Stored(seq, ts, envelope)


def _content(envelope: Envelope) -> tuple[object, ...]:
    """What makes two envelopes with one id the same fact."""
    return envelope.intent, envelope.context_id, envelope.producer, envelope.consumers, envelope.payload


def _glob(intent: str) -> str:
    """A name, a name with major or with version, or a glob, as a pattern over ``name@major.minor``."""
    version = intent.partition("@")[2]
    if not version:
        return f"{intent}@*"
    return f"{intent}.*" if version.isdecimal() else intent
