"""One short text in the status line, for facts that interline has no place for.

The texts lie in one file of plain lines, gravest and newest first, which the part of the status line that
``interhost statusline install`` adds can read without starting anything. interline itself shows none of them.

Source: ``reference/modules/interline.md`` sections 3.5 and 3.6.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from interhost_hookspecs import (
    AdapterContext,
    DriftDetected,
    HealthSignal,
    Intent,
    Notify,
    Outcome,
    ReleaseStatus,
    Severity,
    hookimpl,
)
from interhost_hookspecs.files import replace_text
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import one_line

from interhost_interline.display import session_of, shows_segments
from interhost_interline.pressure import show_pressure

LINES = Path("interbus", "segment", "lines")
"""The file, below interband's root: per line the end of its life (POSIX seconds), severity, scope and text, with tabs
between them. A scope is a session's id or the root of a project."""

WIDTH = 60
"""Characters of a text at most: it shares its line with everything else."""

_READ = 1000
_KEY = "segments"
_MOST = 64
_MOST_MINUTES = 1440
_RANKS = (Severity.ERROR, Severity.WARN, Severity.INFO)


@hookimpl
def on_health_signal(intent: Intent[HealthSignal], ctx: AdapterContext) -> Outcome:
    """Show the pressure on a context in interline, and what else is an error as a segment."""
    said = intent.payload
    if said.signal == "context_pressure":
        return show_pressure(intent, ctx)
    return _show(intent, said.detail or f"{said.signal} {said.level}", ctx, floor=Severity.ERROR)


@hookimpl
def on_drift_detected(intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome:
    """Show a drift that is at least a warning as a segment."""
    said = intent.payload
    about = said.detail or said.expected or said.actual
    return _show(intent, f"{said.kind} drift{f': {about}' if about else ''}", ctx, floor=Severity.WARN)


@hookimpl
def on_release_status(intent: Intent[ReleaseStatus], ctx: AdapterContext) -> Outcome:
    """Show where a release stands as a segment."""
    said = intent.payload
    return _show(intent, " ".join(filter(None, (said.module or "release", said.version, said.state))), ctx)


@hookimpl
def on_notify(intent: Intent[Notify], ctx: AdapterContext) -> Outcome:
    """Show what someone should be told as a segment, unless it is for somebody else."""
    said = intent.payload
    if said.recipient:
        return Outcome.skipped(f"it is for {one_line(said.recipient)}")
    return _show(intent, said.title or said.text, ctx)


def _show(intent: Intent[Any], text: str, ctx: AdapterContext, *, floor: Severity = Severity.INFO) -> Outcome:
    """Put a text among the lines; it stays until it is too old, or a newer and as grave one of its scope comes."""
    text, until = shorten(text), intent.occurred_at + timedelta(minutes=_minutes(ctx))
    scope = session_of(intent) or (str(intent.project_dir) if intent.project_dir else "")
    if _RANKS.index(intent.severity) > _RANKS.index(floor):
        return Outcome.skipped(f"less than {floor}: not shown")
    if not text or not scope or not scope.isprintable():
        return Outcome.skipped("no session and no project is named" if text else "nothing to show")
    if until <= ctx.now():
        return Outcome.skipped("too old to be shown")
    if ctx.sideband.root is None:
        return Outcome.failed("nobody can tell where sideband files lie")
    now = ctx.now().timestamp()
    alive = {key: line for key, line in recall(ctx, _KEY).items() if line[0] > now}
    rank = _RANKS.index(intent.severity)
    if scope in alive and alive[scope][1] < rank:
        return Outcome.skipped(f"something graver is shown: {alive[scope][2]}")
    alive.pop(scope, None)
    lines = {**alive, scope: [int(until.timestamp()), rank, text]}
    keep(ctx, _KEY, lines, most=_MOST)
    try:
        replace_text(ctx.sideband.root / LINES, _format(lines))
    except OSError as error:
        return Outcome.failed(f"{LINES}: {error.strerror}")
    if shows_segments(ctx):
        return Outcome.done(f"shown: {text}")
    return Outcome.degraded(f"not shown, for the status line has no place for it yet: {text}")


def shorten(text: str) -> str:
    """One line of at most ``WIDTH`` characters that cannot move a cursor, colour a screen or turn the writing round."""
    line = one_line("".join(one if one.isprintable() else " " for one in text[:_READ])) or ""
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _format(lines: dict[str, list[Any]]) -> str:
    newest = list(reversed(lines.items()))[:_MOST]
    ranked = sorted(newest, key=lambda one: int(one[1][1]))  # stable, so that the newest of a rank stay first
    return "".join(f"{until}\t{_RANKS[rank]}\t{scope}\t{text}\n" for scope, (until, rank, text) in ranked)


def _minutes(ctx: AdapterContext) -> int:
    return min(ctx.config.count("segment_minutes"), _MOST_MINUTES)
