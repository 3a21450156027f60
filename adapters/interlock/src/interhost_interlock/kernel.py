"""What is held in the kernel's store (``ic coordination``), as the clavain adapter tells it.

It is told there and only counted here: who looks for a conflict has to look into both stores. The kernel says of a
lock neither how long it lasts nor whether it is exclusive, so that it counts for as long as interlock's hooks take one.

Source: ``reference/modules/interlock.md`` sections 4.2, 4.3 (row L10) and 4.5.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import TypeGuard

from attrs import frozen
from interhost_hookspecs import AdapterContext, Coordination, Intent
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import read_time

from interhost_interlock.places import Place

STORE = "ic"
"""What the extension ``store`` says of a fact about the kernel's store."""

LASTS = timedelta(seconds=900)

_SKEW = timedelta(minutes=5)
_MOST = 512
_MOST_TEXT = 1024


@frozen(kw_only=True)
class Lock:
    """One lock: who has it, on what, since when, and the event that told it."""

    place: str
    owner: str
    pattern: str
    at: datetime
    event: str

    @property
    def key(self) -> str:
        """What tells it from every other."""
        return json.dumps([self.place, self.owner, self.pattern])


def read_lock(intent: Intent[Coordination], place: Place) -> Lock | None:
    """The lock that a fact of the kernel's store is about; ``None`` for any other fact."""
    owner, pattern = intent.extensions.get("owner"), intent.extensions.get("pattern")
    if intent.extensions.get("store") != STORE or not _is_text(owner) or not _is_text(pattern):
        return None
    return Lock(place=place.name, owner=owner, pattern=pattern, at=intent.occurred_at, event=intent.event_id)


def count(lock: Lock, ctx: AdapterContext, *, is_held: bool) -> None:
    """Count a lock from now on, or cease to."""
    locks = recall(ctx, "kernel")
    locks.pop(lock.key, None)
    keep(ctx, "kernel", locks | ({lock.key: [lock.at.isoformat(), lock.event]} if is_held else {}), most=_MOST)


def list_locks(ctx: AdapterContext, place: Place) -> Iterator[Lock]:
    """The locks in a project."""
    for key, (since, event) in recall(ctx, "kernel").items():
        name, owner, pattern = json.loads(key)
        at = read_time(since)
        if name == place.name and at and -_SKEW < ctx.now() - at < LASTS:
            yield Lock(place=name, owner=owner, pattern=pattern, at=at, event=event)


def is_locked(ctx: AdapterContext, place: Place, pattern: str, names: Collection[str]) -> bool:
    """Whether one of these agents has a lock on exactly this pattern.

    How the kernel compares patterns, only the kernel knows.
    """
    return any(lock.pattern == pattern and lock.owner in names for lock in list_locks(ctx, place))


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MOST_TEXT
