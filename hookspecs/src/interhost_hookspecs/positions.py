"""What an adapter remembers from one look to the next, beyond the positions that ``tail`` and ``changed`` keep.

Everything is kept in ``ctx.cursor``, so it is stored together with the facts that were made of it, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from interhost_hookspecs.context import AdapterContext
from interhost_hookspecs.reading import read_object, read_time


def recall(ctx: AdapterContext, name: str) -> dict[str, Any]:
    """The object kept under a name; empty at the first look."""
    return read_object(ctx.cursor.get(name))


def keep(ctx: AdapterContext, name: str, values: Mapping[str, object], *, most: int | None = None) -> None:
    """Keep an object for the next look.

    Args:
        ctx: Whose positions.
        name: Name of the position.
        values: What JSON can say.
        most: Of more keys than these, the last ones are kept.
    """
    ctx.cursor.set(name, json.dumps(dict(list(values.items())[-most:] if most else values)))


def list_new(ctx: AdapterContext, name: str, now: Mapping[str, object]) -> list[str]:
    """The keys that are new or have another value than at the last look; ``now`` is kept for the next one."""
    before = recall(ctx, name)
    keep(ctx, name, now)
    return [key for key, value in now.items() if before.get(key) != value]


def is_due(ctx: AdapterContext, name: str, every: timedelta) -> bool:
    """Whether something that is done once in a while should be done now; an attempt that fails counts as well.

    Args:
        ctx: Has the clock.
        name: Name of the position that keeps the last time.
        every: How long to wait.
    """
    last = read_time(ctx.cursor.get(name))
    if last and ctx.now() - last < every:
        return False
    ctx.cursor.set(name, ctx.now().isoformat())
    return True
