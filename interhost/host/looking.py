"""Let one adapter look at its module, or at a hook event, and store what it saw.

Source: design section 7, steps 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from interhost_hookspecs import Observation

from interhost.bus.bus import Bus
from interhost.bus.hook_store import WaitingHook
from interhost.bus.spool import set_aside
from interhost.errors import InputError
from interhost.host.config import Config
from interhost.host.context import CursorMovedError, HostContext
from interhost.host.hook_events import view_hook
from interhost.host.loading import LoadedAdapter, describe, is_strict
from interhost.host.providers import Providers

_HOOK_DELAYS = (1.0, 10.0, 60.0, 600.0)
"""Seconds until an event is shown again to an adapter that raised; after the last it is set aside."""


class OutOfTimeError(BaseException):
    """Raised into an adapter by whoever gives it no more time: nothing of its look is stored, and nothing counted."""


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
    context = HostContext(adapter.name, bus, config, providers, settings=adapter.settings, backfill=backfill)
    return _look(bus, context, "observe", lambda: adapter.hook.observe(ctx=context), lambda: True)


def look_at_hook(
    bus: Bus, adapter: LoadedAdapter, config: Config, providers: Providers, *, early: bool = False
) -> Look | None:
    """Show an adapter the oldest hook event that waits for it; ``None`` when none does.

    Args:
        bus: The bus.
        adapter: Who is to look.
        config: The user's configuration.
        providers: Who answers guards and submissions.
        early: At an event that is left to a waiting hook for a moment, instead; for the one that answers that hook.

    Raises:
        OutOfTimeError: The adapter was given no more time. Somebody else is to show it the event.
    """
    hook = bus.hooks.next(adapter.name, early=early)
    if hook is None:
        return None
    event, head = view_hook(hook)
    context = HostContext(
        adapter.name, bus, config, providers, settings=adapter.settings, event=event, bead=head.get("bead")
    )
    try:
        looked = _look(
            bus,
            context,
            "observe_hook",
            lambda: adapter.hook.observe_hook(event=event, ctx=context),
            lambda: bus.hooks.finish(hook),
        )
    except OutOfTimeError:
        bus.hooks.leave(hook)
        raise
    if looked.problem:
        _shown_in_vain(bus, hook, event.name, looked.problem)
    return looked


def _shown_in_vain(bus: Bus, hook: WaitingHook, name: str, problem: str) -> None:
    """Show it again later; what cannot be observed at all is kept where doctor names it."""
    if hook.attempts < len(_HOOK_DELAYS):
        bus.hooks.retry(hook, _HOOK_DELAYS[hook.attempts])
        return
    set_aside(bus.root, hook.body, f"{hook.adapter} could not observe this {name} event: {problem}")
    bus.hooks.finish(hook)


def _look(
    bus: Bus, context: HostContext, stage: str, ask: Callable[[], Sequence[object]], finish: Callable[[], bool]
) -> Look:
    """Ask an adapter, and store its answer unless somebody else has stored one meanwhile."""
    adapter = context.adapter
    try:
        for observation in ask():
            _collect(context, stage, observation)
        with bus.database.transaction():
            published = context.store() if finish() else 0
    except CursorMovedError:  # another host was looking, too, and was first; the next look begins where it ended
        return Look(0, True, "")
    except (KeyboardInterrupt, OutOfTimeError):
        raise
    except BaseException as error:  # an adapter that exits must not end the others
        if is_strict():
            raise
        bus.store.set_problem(adapter, stage, describe(error))
        return Look(0, False, describe(error))
    bus.store.set_problem(adapter, stage, "")
    return Look(published, context.wants_more, "")


def _collect(context: HostContext, stage: str, observation: object) -> None:
    """Take an observation apart. A draft that is not valid is set aside: it must not stop what came after it."""
    if not isinstance(observation, Observation):
        raise TypeError(f"{stage} answered {type(observation).__name__}, expected Observation or None")
    for draft in observation.drafts:
        try:
            context.publish(draft)
        except InputError as error:
            context.refuse(draft, str(error))
    for advice in observation.advice:
        context.advise(advice)
