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
    """Apply the limits, unless somebody did within the last hour.

    After more than a day nothing is let go at once: either nobody was here, or the clock is wrong, and both are clearer
    an hour later, when whoever is still here has been seen.
    """
    now = clock()
    last = bus.store.last_pruned()
    if last is not None and 0 <= now - last < _EVERY:  # a time to come was a clock's mistake
        return None
    bus.store.set_pruned(now)
    if last is None or now - last > DAY:
        return None
    return prune(bus, retention, clock)


def prune(bus: Bus, retention: Retention, clock: Callable[[], float] = time.time) -> Pruned:
    """Apply the limits."""
    now = clock()
    released = bus.log.release_consumers(_micros(now - retention.unseen_days * DAY))
    for name in released:
        bus.store.set_problem(name, "released", "not seen for a month; its position and open deliveries are gone")
    expired = _micros(now - retention.days * DAY)
    events = bus.log.prune(expired, retention.events, _micros(now - retention.dead_days * DAY))
    bus.store.prune(expired)
    bus.hooks.prune()
    return Pruned(events, released)


def _micros(seconds: float) -> int:
    return int(seconds * 1_000_000)
