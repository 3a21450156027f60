"""The pressure on a session's context, in the file that interline reads and nobody else writes any more.

interline shows whatever stands there, however old it is. So a level is taken back when its session ends, and when
nobody has confirmed it for an hour.

Source: ``reference/modules/interline.md`` sections 3.3 and 3.5; ``reference/modules/intercheck.md`` section 2.4.
"""

from __future__ import annotations

from interhost_hookspecs import (
    AdapterContext,
    HealthSignal,
    HookEvent,
    Intent,
    Level,
    Observation,
    Outcome,
    SidebandError,
    hookimpl,
)
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import first_number

from interhost_interline.display import is_layer_off, session_of, written

CHANNEL = ("intercheck", "pressure")
"""Namespace and channel of the file."""

SOURCE = ("interpulse", "pressure")
"""Where it is measured. Its crossings reach us as facts; here it is only asked whether a level still holds."""

LIFE = 3600.0
"""Seconds for which a level is believed: as long as interband keeps the file."""

_CONFIRM = 3000.0
"""Seconds after which a level that still holds is written anew, before somebody's write prunes its file."""

_SHOWN = "shown"
_MOST = 64


def show_pressure(intent: Intent[HealthSignal], ctx: AdapterContext) -> Outcome:
    """Write a level, unless a later one is there."""
    session, at = session_of(intent), intent.occurred_at.timestamp()
    if session is None:
        return Outcome.skipped("no session is named")
    if is_layer_off("pressure", ctx):
        return Outcome.skipped("the layer pressure is off in ~/.claude/interline.json")
    if ctx.now().timestamp() - at >= LIFE:
        return Outcome.skipped("older than an hour, and interline would show it as if it were new")
    if (first_number(ctx.sideband.read(*CHANNEL, session, fresh=True), "ts") or 0) > int(at):
        return Outcome.skipped("a later level is shown")
    try:
        _write(session, intent.payload.level, at, first_number(intent.extensions, "pressure"), ctx)
    except SidebandError as error:
        return Outcome.failed(str(error))
    return written(f"pressure {intent.payload.level}", ctx)


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Take back the level of a session that ends."""
    if event.name == "SessionEnd" and event.session_id in recall(ctx, _SHOWN):
        _take_back(event.session_id, ctx)
    return Observation()


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Confirm the levels that still hold, and take back the others; an adapter that only shows has nothing to tell."""
    now = ctx.now().timestamp()
    for session, (level, at, points) in recall(ctx, _SHOWN).items():
        if now - at < _CONFIRM:
            continue
        stated = ctx.sideband.read(*SOURCE, session) or {}
        since = first_number(stated, "ts") or 0
        if stated.get("level") == level and at < since <= now and now - since < LIFE:
            _try_write(session, Level(level), since, points, ctx)
        elif now - at >= LIFE:
            _take_back(session, ctx)
    return Observation()


def _take_back(session: str, ctx: AdapterContext) -> None:
    _try_write(session, Level.GREEN, ctx.now().timestamp(), 0, ctx)


def _try_write(session: str, level: Level, at: float, points: float | None, ctx: AdapterContext) -> None:
    """Replace a level of ours; one that somebody else has written since is theirs."""
    shown = recall(ctx, _SHOWN)
    current = ctx.sideband.read(*CHANNEL, session) or {}
    if first_number(current, "ts") == int(shown[session][1]):
        try:
            _write(session, level, at, points, ctx)
        except SidebandError:
            return  # the next look tries again
    else:
        keep(ctx, _SHOWN, {key: value for key, value in shown.items() if key != session})


def _write(session: str, level: Level, at: float, points: float | None, ctx: AdapterContext) -> None:
    """Write the file, and remember a level that has to be taken back some day.

    Raises:
        SidebandError: It cannot be written.
    """
    points = points if points is not None and points >= 0 else 0
    ctx.sideband.write(*CHANNEL, session, {"level": level, "pressure": points, "est_tokens": 0, "ts": int(at)})
    shown = {key: value for key, value in recall(ctx, _SHOWN).items() if key != session}
    keep(ctx, _SHOWN, shown if level is Level.GREEN else {**shown, session: [level, at, points]}, most=_MOST)
