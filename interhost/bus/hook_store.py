"""Recorded hook events in the database: what each adapter still has to look at.

Source: design section 7, steps 1 and 2.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from interhost.bus.database import Database

_KEPT_MICROS = 24 * 3600 * 1_000_000
"""A day: as for deliveries, whatever is older is stale (design section 7)."""


class WaitingHook(NamedTuple):
    """A hook event that one adapter has not looked at yet.

    Attributes:
        id: Its number, in the order of events.
        adapter: Who is to look.
        attempts: How often that failed.
        head: What the hook knew besides, as JSON text.
        body: The document, as it came.
    """

    id: int
    adapter: str
    attempts: int
    head: str
    body: str


class HookStore:
    """Hook events in an open database.

    Args:
        database: The file, shared with the log.
        clock: Seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        """Use an open database."""
        self._db = database
        self._clock = clock

    def add(self, key: str, at: int, head: str, body: str, due: Mapping[str, int], *, window: int | None) -> bool:
        """Take an event in; False when it is known.

        Args:
            key: What makes it this event.
            at: When it was recorded, in microseconds since the epoch.
            head: What the hook knew besides.
            body: The document.
            due: Who is to look, and from when on, in microseconds since the epoch.
            window: The same key within so many microseconds is the same event; ``None`` for ever.
        """
        with self._db.transaction():
            reach = window if window is not None else 1 << 60
            if self._db.rows("SELECT 1 FROM hook_event WHERE key = ? AND abs(ts - ?) <= ? LIMIT 1", key, at, reach):
                return False
            (number,) = self._db.rows(
                "INSERT INTO hook_event(key, ts, head, body) VALUES(?, ?, ?, ?) RETURNING id",
                *(key, at, head, body if due else None),
            )[0]
            for adapter, when in due.items():
                self._db.change(
                    "INSERT INTO hook_pending(adapter, id, due, attempts) VALUES(?, ?, ?, 0)", adapter, number, when
                )
        return True

    def next(self, adapter: str, *, early: bool = False) -> WaitingHook | None:
        """The oldest event that an adapter is to look at now.

        Args:
            adapter: Who asks.
            early: One that is left to us for a moment, instead, because a hook waits for what the adapter says.
        """
        rows = self._db.rows(
            "SELECT id, adapter, attempts, head, body FROM hook_pending JOIN hook_event USING(id) "
            "WHERE adapter = ?1 AND CASE WHEN ?2 THEN due > ?3 AND attempts = 0 ELSE due <= ?3 END "
            "ORDER BY id LIMIT 1",
            adapter,
            early,
            self._now(),
        )
        return WaitingHook(*rows[0]) if rows else None

    def leave(self, hook: WaitingHook) -> None:
        """A look was cut short, which is no failure: whoever has more time looks next."""
        with self._db.transaction():
            self._db.change(
                "UPDATE hook_pending SET due = ? WHERE adapter = ? AND id = ?", self._now(), hook.adapter, hook.id
            )

    def finish(self, hook: WaitingHook) -> bool:
        """An adapter has looked, within the transaction that stores what it saw; False when it had before."""
        with self._db.transaction():
            if not self._db.change("DELETE FROM hook_pending WHERE adapter = ? AND id = ?", hook.adapter, hook.id):
                return False
            self._db.change(
                "UPDATE hook_event SET body = NULL WHERE id = ?1 "
                "AND NOT EXISTS(SELECT 1 FROM hook_pending WHERE id = ?1)",
                hook.id,
            )
        return True

    def retry(self, hook: WaitingHook, delay: float) -> None:
        """Looking failed; the next attempt is due in so many seconds."""
        with self._db.transaction():
            self._db.change(
                "UPDATE hook_pending SET attempts = attempts + 1, due = ? WHERE adapter = ? AND id = ?",
                self._now() + int(delay * 1_000_000),
                hook.adapter,
                hook.id,
            )

    def next_due(self, adapters: Sequence[str]) -> int | None:
        """When one of these adapters is to look next, in microseconds since the epoch; ``None`` when nothing waits."""
        marks = ",".join("?" * len(adapters))
        rows = self._db.rows(f"SELECT min(due) FROM hook_pending WHERE adapter IN ({marks})", *adapters)  # noqa: S608
        return None if rows[0][0] is None else int(rows[0][0])

    def waiting(self) -> list[tuple[str, int, int]]:
        """Who has events to look at: each as (adapter, how many, time of the oldest)."""
        rows = self._db.rows(
            "SELECT adapter, count(*), min(ts) FROM hook_pending JOIN hook_event USING(id) "
            "GROUP BY adapter ORDER BY adapter"
        )
        return [(str(name), count, oldest) for name, count, oldest in rows]

    def prune(self) -> None:
        """Let go of what is a day old: keys that nobody repeats any more, and events that nobody came to look at."""
        with self._db.transaction():
            old = self._now() - _KEPT_MICROS
            self._db.change("DELETE FROM hook_pending WHERE id IN (SELECT id FROM hook_event WHERE ts < ?)", old)
            self._db.change("DELETE FROM hook_event WHERE ts < ?", old)

    def _now(self) -> int:
        return int(self._clock() * 1_000_000)
