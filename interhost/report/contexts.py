"""The contexts that have something to tell, and which of them somebody means who names none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from interhost.bus.bus import Bus
from interhost.bus.log import Query, Stored

_NEWEST = 5000
"""Events among which contexts are looked for."""


class Activity(NamedTuple):
    """What a context was last heard of.

    Attributes:
        context: Its id.
        events: How many of the newest events of the log are about it.
        last: The newest of them.
    """

    context: str
    events: int
    last: Stored


def list_activity(bus: Bus) -> list[Activity]:
    """The contexts of the newest events, the most recently active first."""
    found: dict[str, Activity] = {}
    for stored in bus.log.read(Query(last=_NEWEST)):
        context = stored.envelope.context_id
        known = found.pop(context, None)
        found[context] = Activity(context, known.events + 1 if known else 1, stored)
    return list(reversed(found.values()))


def choose_context(activity: Sequence[Activity], own: Iterable[str], project: str) -> str | None:
    """The context that is meant by somebody who names none.

    Args:
        activity: What there is, newest first.
        own: The contexts of the session and the directory, most specific first; one that is known is meant.
        project: Root of the project somebody stands in; else its most recent context is meant.

    Returns:
        A context, else the newest of all, or ``None`` when there is none.
    """
    known = {one.context for one in activity}
    for context in own:
        if context in known and not context.startswith("project:"):
            return context
    here = (one.context for one in activity if one.last.envelope.extensions.get("project_dir") == project)
    return next(here, activity[0].context if activity else None)
