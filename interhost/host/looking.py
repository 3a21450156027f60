"""Let one adapter look at its module, and store what it saw.

Source: design section 7, steps 2 and 3.
"""

from __future__ import annotations

from typing import NamedTuple

from interhost_hookspecs import Observation

from interhost.bus.bus import Bus
from interhost.errors import InputError
from interhost.host.config import Config
from interhost.host.context import CursorMovedError, HostContext
from interhost.host.loading import LoadedAdapter, describe, is_strict
from interhost.host.providers import Providers


class Look(NamedTuple):
    """What one look brought.

    Attributes:
        published: Facts that were seen and that were new to the log.
        wants_more: Something will be ready soon.
        problem: Why nothing of this look was stored; empty when it went well.
    """

    published: int
    wants_more: bool
    problem: str


def look(bus: Bus, adapter: LoadedAdapter, config: Config, providers: Providers, *, backfill: bool = False) -> Look:
    """One look; drafts, advice and cursors are stored in one transaction, or none of them."""
    context = HostContext(adapter.name, bus, config, providers, backfill=backfill)
    try:
        for observation in adapter.hook.observe(ctx=context):
            _collect(context, observation)
        with bus.database.transaction():
            published = context.store()
    except CursorMovedError:  # another host was looking, too, and was first; the next look begins where it ended
        return Look(0, True, "")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an adapter that exits must not end the others
        if is_strict():
            raise
        bus.store.set_problem(adapter.name, "observe", describe(error))
        return Look(0, False, describe(error))
    bus.store.set_problem(adapter.name, "observe", "")
    return Look(published, context.wants_more, "")


def _collect(context: HostContext, observation: object) -> None:
    """Take an observation apart. A draft that is not valid is set aside: it must not stop what came after it."""
    if not isinstance(observation, Observation):
        raise TypeError(f"observe answered {type(observation).__name__}, expected Observation or None")
    for draft in observation.drafts:
        try:
            context.publish(draft)
        except InputError as error:
            context.refuse(draft, str(error))
    for advice in observation.advice:
        context.advise(advice)
