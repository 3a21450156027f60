"""Facts that interphase's telemetry tells, one function per kind of line.

Source: ``reference/modules/interphase.md`` sections 1.5 and 1.7.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import evolve
from interhost_hookspecs import (
    AdapterContext,
    DiscoverWork,
    Draft,
    DriftDetected,
    GateOutcome,
    GateResult,
    GateTier,
    PhaseTransition,
    Severity,
)
from interhost_hookspecs.files import find_holder
from interhost_hookspecs.phases import canonical_phase, clean_phase
from interhost_hookspecs.reading import first_count, first_line

from interhost_interphase.telemetry import Entry, Lines, group_lines

PHASE_MODEL = "interphase-8"
"""Name of interphase's vocabulary in ``phase_model``."""

DECISIONS: Mapping[str, tuple[GateOutcome, Severity]] = MappingProxyType(
    {
        "pass": (GateOutcome.PASS, Severity.INFO),
        "pass-no-gate": (GateOutcome.NOT_ENFORCED, Severity.INFO),
        "warn": (GateOutcome.WARN, Severity.WARN),
        "skip": (GateOutcome.SKIP, Severity.WARN),
        "bypass": (GateOutcome.BYPASS, Severity.WARN),
        "block": (GateOutcome.BLOCK, Severity.ERROR),
    }
)
"""Decision of a gate to what it means; ``warn-stale``, ``block-strict-permanent`` and so on follow their first word."""

# Of so many beads bd is asked where they are tracked: a month of lines is not worth its time.
_MOST_ASKED = 20
_TIERS = {"0": "hard", "1": "hard", "2": "soft", "3": "soft"}


def list_facts(entries: Iterable[Entry], ctx: AdapterContext) -> list[Draft]:
    """The facts that usable lines tell, in their order; the echo of this adapter's own moves is none."""
    groups = [lines for lines in group_lines(entries) if not lines.is_echo]
    facts = [fact for lines in groups if (tell := _TELL.get(lines.last.event)) and (fact := tell(lines, ctx))]
    lost = list(dict.fromkeys(str(fact.context_id) for fact in facts if _is_lost(fact)))
    found = {bead: ctx.beads.find(bead) for bead in lost[-_MOST_ASKED:]}
    return [
        evolve(fact, project_dir=tracked[0])
        if _is_lost(fact) and (tracked := found.get(str(fact.context_id)))
        else fact
        for fact in facts
    ]


def compose_move(
    bead: str,
    phase: str,
    key: str,
    source: str,
    *,
    at: datetime | None = None,
    reason: str = "",
    from_phase: str | None = None,
    trigger: str | None = None,
) -> Draft:
    """A bead that moved to a phase; ``key`` is what makes this move another than the next one to the same phase."""
    return Draft(
        payload=PhaseTransition(
            to=phase,
            phase_model=PHASE_MODEL,
            from_phase=from_phase,
            canonical_to=canonical_phase(phase),
            reason=reason or None,
            trigger=trigger,
        ),
        context_id=bead,
        source_hook=source,
        occurred_at=at,
        dedupe_key=f"interphase:{bead}:{phase}:{key}",
    )


def compose_drift(bead: str, expected: str, actual: str, source: str, at: datetime) -> Draft:
    """A bead and its artifact that name different phases; once a day, because interphase says it at every look."""
    detail = f"{bead} is in {expected}, its artifact says {actual}"
    return Draft(
        payload=DriftDetected(kind="phase_desync", expected=expected, actual=actual, detail=detail),
        context_id=bead,
        severity=Severity.WARN,
        source_hook=source,
        occurred_at=at,
        dedupe_key=f"interphase:desync:{bead}:{expected}:{actual}:{at.date()}",
    )


def _tell_move(lines: Lines, ctx: AdapterContext) -> Draft:
    first, last = lines.first, lines.last
    move = compose_move(
        last.bead,
        last.text("phase"),
        first.text("timestamp"),
        f"telemetry:{last.event}",
        at=first.at,
        reason=first.text("reason"),
        from_phase=clean_phase(lines.check.keys.get("from")) if lines.check else None,
        trigger="advance" if last.event == "phase_advance" else "set",
    )
    return evolve(move, **_locate(last, ctx))


def _tell_gate(lines: Lines, ctx: AdapterContext) -> Draft | None:
    """The decision of a gate; none when interphase's word for it is unknown."""
    last, check = lines.last, lines.check.keys if lines.check else {}
    decision = last.text("decision")
    if (meaning := DECISIONS.get(decision) or DECISIONS.get(decision.partition("-")[0])) is None:
        return None
    source, target = clean_phase(check.get("from")), clean_phase(check.get("to"))
    stated = [last.keys.get(key, "") for key in ("priority", "tier", "decision", "reason", "timestamp")]
    return Draft(
        payload=GateResult(
            outcome=meaning[0],
            tier=_read_tier(last.keys),
            stated_decision=decision,
            target=target,
            from_phase=source,
            phase_model=PHASE_MODEL,
            reason=last.text("reason") or None,
        ),
        context_id=last.bead,
        severity=meaning[1],
        source_hook="telemetry:gate_enforce",
        occurred_at=last.at,
        dedupe_key=":".join(map(str, ["interphase", "gate", last.bead, source or "", target or "", *stated])),
    )


def _tell_desync(lines: Lines, ctx: AdapterContext) -> Draft:
    last = lines.last
    phases = last.text("bead_phase"), last.text("artifact_phase")
    return evolve(compose_drift(last.bead, *phases, "telemetry:phase_desync", last.at), **_locate(last, ctx))


def _tell_choice(lines: Lines, ctx: AdapterContext) -> Draft:
    """Work that somebody chose. The line has no title: ``bd`` knows it, else the bead's id stands for it."""
    last, action = lines.last, lines.last.text("action")
    project, issue = ctx.beads.find(last.bead) or (None, {})
    title, priority = first_line(issue, "title") or last.bead, first_count(issue, "priority")
    return Draft(
        payload=DiscoverWork(action=action, title=title, priority=priority, selected=True),
        context_id=last.bead,
        project_dir=project,
        source_hook="telemetry:discovery_select",
        occurred_at=last.at,
        dedupe_key=f"interphase:select:{last.bead}:{action}:{last.text('timestamp')}",
        extensions={"recommended": last.keys.get("recommended") is True},
    )


_TELL: Mapping[str, Callable[[Lines, AdapterContext], Draft | None]] = {
    "phase_transition": _tell_move,
    "phase_advance": _tell_move,
    "gate_enforce": _tell_gate,
    "phase_desync": _tell_desync,
    "discovery_select": _tell_choice,
}


def _is_lost(fact: Draft) -> bool:
    """Whether a line says nothing of its project; whoever has to act for it needs one, and ``bd`` may know."""
    return fact.project_dir is None and fact.artifact_path is None


def _read_tier(keys: Mapping[str, object]) -> GateTier:
    """The tier of a gate: as stated, else by the bead's priority (0 and 1 hard, 2 and 3 soft), else none.

    interphase reads ``bd``'s array as an object and then states a tier such as ``permanent`` and the priority ``?``.
    """
    if (stated := keys.get("tier")) in ("hard", "soft", "none"):
        return GateTier(str(stated))
    return GateTier(_TIERS.get(str(keys.get("priority")).removeprefix("P"), "none"))


def _locate(entry: Entry, ctx: AdapterContext) -> dict[str, Any]:
    """Artifact and project of a line's path, which may be relative to a project it does not name."""
    stated = entry.text("artifact")
    if not stated or os.path.isabs(stated):
        return {"artifact_path": Path(stated) if stated else None}
    project = find_holder(stated, ctx.projects)
    return (
        {"artifact_path": project / stated, "project_dir": project}
        if project
        else {"extensions": {"stated_artifact": stated}}
    )
