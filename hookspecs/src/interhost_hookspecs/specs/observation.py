"""Hooks that look at what happened in the module."""

from __future__ import annotations

from interhost_hookspecs.context import AdapterContext
from interhost_hookspecs.intent import HookEvent, Observation
from interhost_hookspecs.markers import hookspec


@hookspec
def observe(ctx: AdapterContext) -> Observation | None:
    """Look at the module's files or services for what happened since the last look.

    Called by the worker whenever the adapter is due for a poll; never in a hook of the coding agent.

    Args:
        ctx: What this adapter may use. Positions belong into ``ctx.tail``, ``ctx.changed`` and ``ctx.cursor``.

    Returns:
        What was seen, or ``None``. Drafts, advice and cursors are stored in one transaction; cursors also when
        nothing was seen.

    Raises:
        Exception: Recorded against this adapter. Nothing of this look is stored; the next look sees the same again.
    """


@hookspec
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation | None:
    """Look at one Claude Code hook event that the manifest asks for.

    Called by the worker after the event is recorded, in the order of events; with ``answers`` in the manifest by a
    process that the agent's hook waits for, at most 0.8 s.

    Args:
        event: The event, unknown fields included.
        ctx: What this adapter may use. Drafts get the event's session, project and ids, and advice its session, unless
            they name others.

    Returns:
        What was seen, or ``None``. Drafts, advice and cursors are stored in one transaction; cursors also when
        nothing was seen.

    Raises:
        Exception: Recorded against this adapter; the agent's session is not affected. The event comes again after 1,
            10, 60 and 600 s, and is then set aside where ``interhost doctor`` names it.
    """
