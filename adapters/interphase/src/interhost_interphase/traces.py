"""Traces of a move besides the telemetry: the session's sidebands and the header of an artifact.

Each keeps only the last phase. What the telemetry has told is not told again; what it has not (a log that was lost, a
writer that does not log) is. A move that Clavain's own command wrote into the sideband is Clavain's to tell.

Source: ``reference/modules/interphase.md`` section 1.3, rows P7 to P9; ``reference/cli-contracts.md`` section 5.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import evolve, frozen
from interhost_hookspecs import AdapterContext, BdError, Draft
from interhost_hookspecs.files import is_own, read_head
from interhost_hookspecs.phases import clean_phase
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import is_bead, read_object, read_time
from interhost_hookspecs.sources import Source, tell_changes

from interhost_interphase.facts import compose_drift, compose_move
from interhost_interphase.telemetry import OWN_REASON, Entry

_HEADER = re.compile(rb"^\*{0,2}Phase:?\*{0,2}:?[ \t]*([\w-]+) \(as of ([^)\s]+)\)", re.MULTILINE)
# interband keeps the sideband of a bead for a day. An older trace was brought by a checkout, not by a move.
_LIFE = timedelta(hours=24)
# Other writers of the same sideband, whose moves the clavain adapter tells (`ic` events).
_FOREIGN = frozenset({"sprint-advance"})
_REMEMBERED = 256


@frozen
class Trace:
    """The last phase of a bead, as one file has it: when the bead came into it, and the move that this shows."""

    bead: str
    phase: str
    at: datetime
    move: Draft


def list_traces(ctx: AdapterContext, temporary: Path) -> list[Trace]:
    """What changed since the last look. To be called before the telemetry is read, which is written first.

    Args:
        ctx: Knows sidebands and projects.
        temporary: Directory of the older sideband files.
    """
    places = [(LEGACY, temporary), *((HEADERS, project) for project in ctx.projects)]
    if ctx.sideband.root:
        places.insert(0, (SIDEBANDS, ctx.sideband.root / "interphase" / "bead"))
    found = [trace for sources, root in places for trace in tell_changes(sources, root, ctx)]
    return [one for one in found if timedelta(minutes=-5) < ctx.now() - one.at < _LIFE]


def tell_traces(traces: Iterable[Trace], entries: Iterable[Entry], ctx: AdapterContext) -> Iterator[Draft]:
    """The facts that only the traces tell: another phase than the last one told of the bead, and a later one.

    Args:
        traces: What changed.
        entries: The lines of this look; own echoes count as told.
        ctx: Asks ``bd``, and remembers the last phase of each bead.
    """
    told: dict[str, list[str]] = recall(ctx, "phases")
    for entry in entries:
        if phase := entry.text("phase"):
            _remember(told, entry.bead, phase, entry.at)
    for trace in traces:
        phase, since = told.get(trace.bead, ("", None))
        # interband refuses some phases and then keeps the one before: an earlier phase is no news.
        if phase != trace.phase and (since is None or trace.at > datetime.fromisoformat(since)):
            if drift := _find_drift(trace, ctx):
                yield drift
            else:
                yield trace.move
                _remember(told, trace.bead, trace.phase, trace.at)
    keep(ctx, "phases", told, most=_REMEMBERED)


def _remember(told: dict[str, list[str]], bead: str, phase: str, at: datetime) -> None:
    told.pop(bead, None)
    told[bead] = [phase, at.isoformat()]


def _find_drift(trace: Trace, ctx: AdapterContext) -> Draft | None:
    """The drift, where an artifact says something else than ``bd``."""
    file, project = trace.move.artifact_path, trace.move.project_dir
    try:
        phase = ctx.beads.read_state(trace.bead, "phase", project) if file else None
    except BdError:
        return None
    if phase in (None, trace.phase):
        return None
    drift = compose_drift(trace.bead, str(phase), trace.phase, "file:header", trace.at)
    return evolve(drift, artifact_path=file, project_dir=project)


def _trace(bead: str, phase: str, at: datetime, source: str, reason: str = "") -> Trace:
    return Trace(bead, phase, at, compose_move(bead, phase, f"{at:%Y-%m-%dT%H:%M:%SZ}", source, at=at, reason=reason))


def _read_sideband(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Trace]:
    payload = ctx.sideband.read("interphase", "bead", path.stem) or {}
    yield from _read_payload(payload, path.stem, "interband:interphase/bead")


def _read_legacy(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Trace]:
    payload = read_object(read_head(path)) if is_own(path) else {}
    yield from _read_payload(payload, path.stem.removeprefix("clavain-bead-"), "file:clavain-bead")


def _read_payload(payload: Mapping[str, object], session: str, source: str) -> Iterator[Trace]:
    """A trace from a sideband's payload; none from damaged ones, from Clavain's, and from our own echo."""
    bead, phase, at, reason = (payload.get(key) for key in ("id", "phase", "ts", "reason"))
    stated = reason if isinstance(reason, str) else ""
    if stated in _FOREIGN or stated.startswith(OWN_REASON):
        return
    if is_bead(bead) and (phase := clean_phase(phase)) and isinstance(at, int) and 0 < at < 1 << 33:
        trace = _trace(bead, phase, datetime.fromtimestamp(at, UTC), source, stated)
        yield evolve(trace, move=evolve(trace.move, session_id=session))


def _read_header(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Trace]:
    found = _HEADER.search(read_head(path))
    bead, at = ctx.find_bead(path), read_time(found[2].decode("utf-8", "replace")) if found else None
    if found and bead and at:
        trace = _trace(bead, found[1].decode("utf-8", "replace"), at, "file:header")
        yield evolve(trace, move=evolve(trace.move, artifact_path=path, project_dir=root))


SIDEBANDS: Sequence[Source[Trace]] = (Source("*.json", _read_sideband, settle=0.0),)
"""Sidebands of the sessions, one file each."""

LEGACY: Sequence[Source[Trace]] = (Source("clavain-bead-*.json", _read_legacy, settle=0.0),)
"""The older sideband files, in the temporary directory; they also have phases that interband refuses."""

HEADERS: Sequence[Source[Trace]] = tuple(
    Source(pattern, _read_header, settle=0.0) for pattern in ("docs/brainstorms/**/*.md", "docs/plans/**/*.md")
)
"""Where interphase writes headers, below a project."""
