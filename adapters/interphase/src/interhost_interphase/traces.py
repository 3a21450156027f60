"""Traces of a move besides the telemetry: the session's sidebands and the header of an artifact.

Each keeps only the last phase. What the telemetry has told is not told again; what it has not (a log that was lost, a
writer that does not log) is. A move that Clavain's own command wrote into the sideband is Clavain's to tell.

Source: ``reference/modules/interphase.md`` section 1.3, rows P7 to P9; ``reference/cli-contracts.md`` section 5.4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import BEAD_ID, AdapterContext, Draft, PhaseTransition

from interhost_interphase.beads import BdError, read_state
from interhost_interphase.facts import tell_drift
from interhost_interphase.files import is_own, read_head
from interhost_interphase.phases import PHASE_MODEL, canonical_phase, clean_phase
from interhost_interphase.telemetry import OWN_REASON, Entry, read_object, read_time

LEGACY = "clavain-bead-*.json"
"""The older sideband files, in the temporary directory; they also have phases that interband refuses."""

DOCUMENTS = ("docs/brainstorms/**/*.md", "docs/plans/**/*.md")
"""Where interphase writes headers, below a project."""

_HEADER = re.compile(rb"^\*{0,2}Phase:?\*{0,2}:?[ \t]*([\w-]+) \(as of ([^)\s]+)\)", re.MULTILINE)
# interband keeps the sideband of a bead for a day. An older trace was brought by a checkout, not by a move.
_LIFE = timedelta(hours=24)
# Other writers of the same sideband, whose moves the clavain adapter tells (`ic` events).
_FOREIGN = frozenset({"sprint-advance"})
_REMEMBERED = 256


@frozen(kw_only=True)
class Trace:
    """The last phase of a bead, as one file has it.

    Attributes:
        bead: Bead id.
        phase: The phase, as the file spells it.
        at: When the bead came into it.
        source: What was read, for ``source_hook``.
        reason: Why, where the file says it.
        session: Session that moved it, where the file's name says it.
        file: The artifact; ``None`` for a sideband.
        project: The artifact's project.
    """

    bead: str
    phase: str
    at: datetime
    source: str
    reason: str = ""
    session: str | None = None
    file: Path | None = None
    project: Path | None = None


def list_traces(ctx: AdapterContext, legacy: Path) -> list[Trace]:
    """What changed since the last look. To be called before the telemetry is read, which is written first.

    Args:
        ctx: Knows sidebands and projects.
        legacy: Directory of the older sideband files.
    """
    found = [*_read_sidebands(ctx), *_read_legacy(ctx, legacy), *_read_headers(ctx)]
    return [one for one in found if timedelta(minutes=-5) < ctx.now() - one.at < _LIFE]


def tell_traces(traces: Iterable[Trace], entries: Iterable[Entry], ctx: AdapterContext) -> Iterator[Draft]:
    """The facts that only the traces tell: another phase than the last one told of the bead, and a later one.

    Args:
        traces: What changed.
        entries: The lines of this look; own echoes count as told.
        ctx: Asks ``bd``, and remembers the last phase of each bead.
    """
    stored = ctx.cursor.get("phases")
    told: dict[str, list[str]] = json.loads(stored) if stored else {}
    for entry in entries:
        if phase := entry.text("phase"):
            _remember(told, entry.bead, phase, entry.at)
    for trace in traces:
        phase, since = told.get(trace.bead, ("", None))
        # interband refuses some phases and then keeps the one before: an earlier phase is no news.
        if phase != trace.phase and (since is None or trace.at > datetime.fromisoformat(since)):
            fact = _tell(trace, ctx)
            yield fact
            if isinstance(fact.payload, PhaseTransition):
                _remember(told, trace.bead, trace.phase, trace.at)
    ctx.cursor.set("phases", json.dumps(dict(list(told.items())[-_REMEMBERED:])))


def _remember(told: dict[str, list[str]], bead: str, phase: str, at: datetime) -> None:
    told.pop(bead, None)
    told[bead] = [phase, at.isoformat()]


def _tell(trace: Trace, ctx: AdapterContext) -> Draft:
    """A move, or, where the artifact says something else than ``bd``, the drift."""
    phase = _ask_bd(trace, ctx) if trace.file else None
    if phase is not None and phase != trace.phase:
        return tell_drift(
            trace.bead,
            phase,
            trace.phase,
            at=trace.at,
            source=trace.source,
            file=trace.file,
            project=trace.project,
        )
    return Draft(
        payload=PhaseTransition(
            to=trace.phase,
            phase_model=PHASE_MODEL,
            canonical_to=canonical_phase(trace.phase),
            reason=trace.reason or None,
        ),
        context_id=trace.bead,
        artifact_path=trace.file,
        project_dir=trace.project,
        session_id=trace.session,
        source_hook=trace.source,
        occurred_at=trace.at,
        dedupe_key=f"interphase:{trace.bead}:{trace.phase}:{trace.at:%Y-%m-%dT%H:%M:%SZ}",
    )


def _ask_bd(trace: Trace, ctx: AdapterContext) -> str | None:
    try:
        return read_state(ctx, trace.bead, "phase", trace.project)
    except BdError:
        return None


def _read_sidebands(ctx: AdapterContext) -> Iterator[Trace]:
    folder = ctx.sideband.root / "interphase" / "bead" if ctx.sideband.root else None
    for path in ctx.changed("*.json", root=folder, settle=0.0) if folder else ():
        payload = ctx.sideband.read("interphase", "bead", path.stem)
        if payload and (trace := _read_payload(payload, path.stem, "interband:interphase/bead")):
            yield trace


def _read_legacy(ctx: AdapterContext, folder: Path) -> Iterator[Trace]:
    for path in ctx.changed(LEGACY, root=folder, settle=0.0):
        payload = read_object(read_head(path)) if is_own(path) else {}
        if trace := _read_payload(payload, path.stem.removeprefix(LEGACY.partition("*")[0]), "file:clavain-bead"):
            yield trace


def _read_payload(payload: Mapping[str, object], session: str, source: str) -> Trace | None:
    """A trace from a sideband's payload; ``None`` for damaged ones, for Clavain's, and for our own echo."""
    bead, phase, at, reason = (payload.get(key) for key in ("id", "phase", "ts", "reason"))
    if not isinstance(bead, str) or not re.fullmatch(BEAD_ID, bead) or (phase := clean_phase(phase)) is None:
        return None
    if not isinstance(at, int) or not 0 < at < 1 << 33:
        return None
    stated = reason if isinstance(reason, str) else ""
    if stated in _FOREIGN or stated.startswith(OWN_REASON):
        return None
    return Trace(
        bead=bead, phase=phase, at=datetime.fromtimestamp(at, UTC), source=source, reason=stated, session=session
    )


def _read_headers(ctx: AdapterContext) -> Iterator[Trace]:
    for project in ctx.projects:
        for pattern in DOCUMENTS:
            for path in ctx.changed(pattern, root=project, settle=0.0):
                found = _HEADER.search(read_head(path))
                bead, at = ctx.find_bead(path), read_time(found[2].decode()) if found else None
                if found and bead and at:
                    phase, source = found[1].decode("utf-8", "replace"), "file:header"
                    yield Trace(bead=bead, phase=phase, at=at, source=source, file=path, project=project)
