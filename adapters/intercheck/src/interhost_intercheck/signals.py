"""What the state of a session tells: counters that moved, and a pressure that crossed a level.

Source: ``reference/modules/intercheck.md`` sections 2.3 (events E2 to E4) and 2.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import evolve
from interhost_hookspecs import AdapterContext, Draft, HealthSignal, Level, Severity
from interhost_hookspecs.reading import first_number

from interhost_intercheck.sessions import Session
from interhost_intercheck.state import PRESSURE, Pressure, read_counters, read_pressure, state_path

_SEVERITIES = {Level.GREEN: Severity.INFO, Level.RED: Severity.ERROR}
# est_tokens is left out: it counts what no hook is given any more, and stays near zero.
_KEPT = ("pressure", "context_usable", "context_raw", "real_context_tokens", "real_context_threshold")


def list_counters(session: Session, ctx: AdapterContext) -> Iterator[Draft]:
    """What the counters gained since the last look. Lower ones are a file that was made anew, and a new baseline."""
    now = read_counters(session.id, ctx)
    if now is None or list(now) == session.counters:
        return
    errors, runs = (new - old for new, old in zip(now, session.counters, strict=True))
    session.counters = list(now)
    if min(errors, runs) >= 0:
        yield evolve(
            _compose_errors(now[0], ctx) if errors else _compose_runs(now[1]),
            artifact_path=state_path(session.id, ctx),
            source_hook="file:intercheck-state",
            **_where(session),
            extensions={
                "check": "counters",
                "syntax_errors": now[0],
                "format_runs": now[1],
                "delta_syntax_errors": errors,
                "delta_format_runs": runs,
            },
        )


def list_pressure(session: Session, ctx: AdapterContext) -> Iterator[Draft]:
    """The level of the context's pressure, when it is another than the last one told."""
    found = read_pressure(session.id, ctx)
    if found is None or found.level == session.level:
        return
    previous, session.level = session.level, str(found.level)
    yield evolve(
        _compose_pressure(found),
        artifact_path=ctx.sideband.root.joinpath(*PRESSURE, f"{session.id}.json") if ctx.sideband.root else None,
        **_where(session),
        dedupe_key=f"intercheck:pressure:{session.id}:{found.at}:{found.level}",
        extensions={
            "source": PRESSURE[0],
            "previous": previous,
            **{key: found.stated[key] for key in _KEPT if key in found.stated},
        },
    )


def _compose_errors(count: int, ctx: AdapterContext) -> Draft:
    threshold = ctx.config.count("many_errors")
    level, severity = (Level.RED, Severity.ERROR) if count >= threshold else (Level.YELLOW, Severity.WARN)
    signal = HealthSignal(signal="syntax_errors", level=level, value=count, unit="errors", threshold=threshold)
    return Draft(payload=signal, severity=severity)


def _compose_runs(count: int) -> Draft:
    return Draft(payload=HealthSignal(signal="format_runs", level=Level.GREEN, value=count, unit="runs"))


def _compose_pressure(found: Pressure) -> Draft:
    usable = first_number(found.stated, "context_usable")
    value, unit = (usable, "percent left") if usable is not None else (first_number(found.stated, "pressure"), "points")
    return Draft(
        payload=HealthSignal(
            signal="context_pressure", level=found.level, value=value, unit=None if value is None else unit
        ),
        severity=_SEVERITIES.get(found.level, Severity.WARN),
        source_hook="interband:" + "/".join(PRESSURE),
        occurred_at=datetime.fromtimestamp(found.at, UTC),
    )


def _where(session: Session) -> dict[str, Any]:
    """What each of them is about: the session's bead, which the host knows, else its project; never the session."""
    return {"project_dir": Path(session.project), "session_id": session.id}
