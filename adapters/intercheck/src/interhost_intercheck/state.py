"""What intercheck and interpulse keep of a session: read, never written.

The counters are written in place and without a lock, so a reader may find them torn. intercheck checks nothing any
more in a session whose file is damaged, so whoever wrote it could silence it.

Source: ``reference/modules/intercheck.md`` section 2.3, events E2 and E4.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Level
from interhost_hookspecs.files import is_own, read_text
from interhost_hookspecs.reading import first_count, first_number, read_object

STATE = "intercheck-*.json"
"""The counters, in the temporary directory; the session stands for the ``*``."""

PRESSURE = ("interpulse", "pressure")
"""Namespace and channel of the pressure. interline reads ``intercheck/pressure``, where nobody writes any more."""

PRESSURE_LIFE = 3600.0
"""Seconds after which a level says nothing: as long as interband keeps ``intercheck/pressure``."""

_TRIES = 3
_CLOCKS = 60.0


@frozen
class Pressure:
    """How full a session's context was at a moment (POSIX seconds), with everything interpulse says of it."""

    level: Level
    at: float
    stated: Mapping[str, object]


def temporary_dir(ctx: AdapterContext) -> Path:
    """Where intercheck keeps its counters."""
    return ctx.config.path("temporary_dir")


def state_path(session: str, ctx: AdapterContext) -> Path:
    """The counters' file of a session."""
    return temporary_dir(ctx) / STATE.replace("*", session)


def read_counters(session: str, ctx: AdapterContext) -> tuple[int, int] | None:
    """Syntax errors and format runs; ``None`` when there is no file, it is damaged, or another user's."""
    path = state_path(session, ctx)
    for _ in range(_TRIES if is_own(path) else 0):
        counts = read_object(read_text(path))
        errors, runs = first_count(counts, "syntax_errors"), first_count(counts, "format_runs")
        if errors is not None and runs is not None:
            return errors, runs
    return None


def read_pressure(session: str, ctx: AdapterContext) -> Pressure | None:
    """The pressure; ``None`` when it is not known, damaged, or too old to say anything."""
    stated = ctx.sideband.read(*PRESSURE, session) or {}
    level, at = stated.get("level"), first_number(stated, "ts")
    if level not in list(Level) or at is None:
        return None
    age = ctx.now().timestamp() - at
    return Pressure(Level(str(level)), at, stated) if -_CLOCKS <= age < PRESSURE_LIFE else None


def list_damaged(ctx: AdapterContext) -> list[Path]:
    """The user's own counters that hold no counters."""
    own = filter(is_own, sorted(temporary_dir(ctx).glob(STATE)))
    return [path for path in own if read_counters(path.stem.removeprefix("intercheck-"), ctx) is None]
