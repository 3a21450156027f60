"""What is kept, and for how long.

Events go by age and by count, but never before every consumer has passed them; a consumer that nobody has seen for a
month is released, so that it cannot hold the log for ever. Deleting is done in small transactions.

Source: design section 7; reference/event-log.md section 6.7.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the limits are read with every configuration, the log is not
    from interhost.bus.bus import Bus

DAY = 24 * 3600
_CHUNK = 500
_EVERY = 3600


class Retention(NamedTuple):
    """The limits.

    Attributes:
        days: Events older than this go.
        events: At most so many stay.
        unseen_days: A consumer that was away for longer is released.
        dead_days: Dead letters older than this go.
    """

    days: float = 30
    events: int = 200_000
    unseen_days: float = 30
    dead_days: float = 90


class Pruned(NamedTuple):
    """What was let go."""

    events: int
    consumers: tuple[str, ...]


def prune_when_due(bus: Bus, retention: Retention, clock: Callable[[], float] = time.time) -> Pruned | None:
    """Apply the limits, unless somebody did within the last hour."""
    rows = bus.database.rows("SELECT value FROM meta WHERE key = 'pruned'")
    if rows and 0 <= clock() - rows[0][0] / 1_000_000 < _EVERY:  # a time to come was a clock's mistake
        return None
    with bus.database.transaction():
        bus.database.change("INSERT OR REPLACE INTO meta(key, value) VALUES('pruned', ?)", _micros(clock()))
    return prune(bus, retention, clock)


def prune(bus: Bus, retention: Retention, clock: Callable[[], float] = time.time) -> Pruned:
    """Apply the limits."""
    now = clock()
    released = _release_consumers(bus, _micros(now - retention.unseen_days * DAY))
    last = min(_last_expired(bus, retention, now), _last_passed(bus))
    events = 0
    while count := _delete_events(bus, last):
        events += count
    with bus.database.transaction():
        if events:
            oldest = bus.database.rows("SELECT coalesce(min(seq), 0) FROM event")[0][0]
            bus.database.change("DELETE FROM dedupe WHERE seq < ?", oldest)
            # Those of a dead letter stay with it: a redriven delivery is not stale, and makes no effect twice.
            bus.database.change("DELETE FROM attempt WHERE seq < ? AND seq NOT IN (SELECT seq FROM dead)", oldest)
        expired = _micros(now - retention.days * DAY)
        bus.database.change(
            "DELETE FROM effect WHERE ts < ? AND event_id NOT IN (SELECT event_id FROM dead) "
            "AND event_id NOT IN (SELECT event_id FROM event)",
            expired,
        )
        bus.database.change("DELETE FROM advice WHERE ts < ? OR expires < ?", expired, expired)
        bus.database.change("DELETE FROM dead WHERE ts < ?", _micros(now - retention.dead_days * DAY))
    return Pruned(events, released)


def _release_consumers(bus: Bus, unseen: int) -> tuple[str, ...]:
    with bus.database.transaction():
        rows = bus.database.rows("SELECT name FROM consumer WHERE seen < ? ORDER BY name", unseen)
        names = tuple(str(row[0]) for row in rows)
        for name in names:
            bus.database.change("DELETE FROM pending WHERE consumer = ?", name)
            bus.database.change("DELETE FROM consumer WHERE name = ?", name)
            bus.store.set_problem(name, "released", "not seen for a month; its position and open deliveries are gone")
    return names


def _last_expired(bus: Bus, retention: Retention, now: float) -> int:
    """The last position that age or count would let go."""
    by_age = bus.log.position_at(_micros(now - retention.days * DAY))
    newest = bus.database.rows("SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?", retention.events)
    return max(by_age, newest[0][0] if newest else 0)


def _last_passed(bus: Bus) -> int:
    """The last position that no consumer needs any more."""
    rows = bus.database.rows(
        "SELECT min(least) FROM (SELECT min(head) AS least FROM consumer UNION ALL SELECT min(seq) - 1 FROM pending)"
    )
    return bus.log.end() if rows[0][0] is None else rows[0][0]


def _delete_events(bus: Bus, last: int) -> int:
    """Delete some of the oldest. The newest row of all stays, by the trigger that keeps numbers from being reused."""
    with bus.database.transaction():
        rows = bus.database.rows("SELECT seq FROM event WHERE seq <= ? ORDER BY seq LIMIT ?", last, _CHUNK)
        if not rows:
            return 0
        return bus.database.change("DELETE FROM event WHERE seq <= ?", rows[-1][0])


def _micros(seconds: float) -> int:
    return int(seconds * 1_000_000)
