"""Facts that interphase's telemetry tells: phase transitions and gate results.

Source: ``reference/modules/interphase.md`` sections 1.5 and 1.7.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence
from pathlib import Path

from interhost_hookspecs import Draft, GateResult, PhaseTransition

from interhost_interphase.phases import PHASE_MODEL, canonical_phase, clean_phase, read_decision, read_tier
from interhost_interphase.telemetry import Entry, pair_halves


def list_facts(entries: Iterable[Entry], projects: Sequence[Path]) -> list[Draft]:
    """The facts that the lines tell, in their order.

    Args:
        entries: Usable lines, oldest first.
        projects: Roots of known projects, in which relative artifacts are looked for.
    """
    return [fact for group in pair_halves(entries) if (fact := _tell(group, projects))]


def _tell(group: Sequence[Entry], projects: Sequence[Path]) -> Draft | None:
    """One fact; a check without its decision is none."""
    if group[-1].event == "gate_check":
        return None
    return _gate(group) if group[-1].event == "gate_enforce" else _transition(group, projects)


def _transition(group: Sequence[Entry], projects: Sequence[Path]) -> Draft:
    first, last = group[0], group[-1]
    phase, stated = last.text("phase"), last.text("artifact")
    project = _find_project(stated, projects)
    artifact = (project or Path()) / stated if project or os.path.isabs(stated) else None
    return Draft(
        payload=PhaseTransition(
            to=phase,
            phase_model=PHASE_MODEL,
            canonical_to=canonical_phase(phase),
            reason=first.text("reason") or None,
            trigger="advance" if last.event == "phase_advance" else "set",
        ),
        context_id=last.bead,
        artifact_path=artifact,
        project_dir=project,
        source_hook=f"telemetry:{last.event}",
        occurred_at=first.at,
        dedupe_key=f"interphase:{last.bead}:{phase}:{first.text('timestamp')}",
        extensions={"stated_artifact": stated} if stated and artifact is None else {},
    )


def _find_project(stated: str, projects: Sequence[Path]) -> Path | None:
    """The only known project that has the file which a relative path names; ``None`` when none or several do."""
    if os.path.isabs(stated):
        return None
    # os.path.isfile answers False where Path.is_file raises (a name that is too long), and one line must not stop all.
    having = [project for project in projects if os.path.isfile(project / stated)]
    return having[0] if len(having) == 1 else None


def _gate(group: Sequence[Entry]) -> Draft | None:
    """The decision of a gate; none when interphase's word for it is unknown."""
    last = group[-1]
    meaning = read_decision(last.text("decision"))
    if meaning is None:
        return None
    outcome, severity = meaning
    check = group[0].keys if len(group) == 2 else {}
    source, target = clean_phase(check.get("from")), clean_phase(check.get("to"))
    stated = [last.keys.get(key, "") for key in ("priority", "tier", "decision", "reason", "timestamp")]
    return Draft(
        payload=GateResult(
            outcome=outcome,
            tier=read_tier(last.keys.get("tier")),
            stated_decision=last.text("decision"),
            target=target,
            from_phase=source,
            phase_model=PHASE_MODEL,
            reason=last.text("reason") or None,
        ),
        context_id=last.bead,
        severity=severity,
        source_hook="telemetry:gate_enforce",
        occurred_at=last.at,
        dedupe_key=":".join(map(str, ["interphase", "gate", last.bead, source or "", target or "", *stated])),
    )
