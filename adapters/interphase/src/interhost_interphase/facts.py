"""Facts that interphase's telemetry tells, one function per kind of line.

Source: ``reference/modules/interphase.md`` sections 1.5 and 1.7.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from attrs import evolve, frozen
from interhost_hookspecs import (
    AdapterContext,
    DiscoverWork,
    Draft,
    DriftDetected,
    GateResult,
    PhaseTransition,
    Severity,
)

from interhost_interphase.beads import BdError, find_issue
from interhost_interphase.phases import PHASE_MODEL, canonical_phase, clean_phase, read_decision, read_tier
from interhost_interphase.telemetry import PAIR_WINDOW, Entry, pair_halves


@frozen
class Lines:
    """The lines of one fact, with the gate's check that came before them, if it was about the same move."""

    group: Sequence[Entry]
    check: Entry | None

    @property
    def last(self) -> Entry:
        """The line that completes the fact."""
        return self.group[-1]


def list_facts(entries: Iterable[Entry], ctx: AdapterContext) -> list[Draft]:
    """The facts that the lines tell, in their order; the echo of this adapter's own moves is none.

    Args:
        entries: Usable lines, oldest first.
        ctx: Knows the projects in which relative artifacts are looked for, and asks ``bd`` for a title.
    """
    groups = (lines for lines in _with_checks(pair_halves(entries)) if not lines.last.is_echo)
    return [fact for lines in groups if (tell := _TELL.get(lines.last.event)) and (fact := tell(lines, ctx))]


def tell_drift(
    bead: str, expected: str, actual: str, *, at: datetime, source: str, file: Path | None, project: Path | None
) -> Draft:
    """A bead and its artifact that name different phases; once a day, because interphase says it at every look."""
    return Draft(
        payload=DriftDetected(
            kind="phase_desync",
            expected=expected,
            actual=actual,
            detail=f"{bead} is in {expected}, its artifact says {actual}",
        ),
        context_id=bead,
        artifact_path=file,
        project_dir=project,
        severity=Severity.WARN,
        source_hook=source,
        occurred_at=at,
        dedupe_key=f"interphase:desync:{bead}:{expected}:{actual}:{at.date()}",
    )


def _with_checks(groups: Iterable[list[Entry]]) -> Iterable[Lines]:
    """Give each group the check before it: a gate has it in its own group, a move comes after the gate."""
    checks: dict[str, Entry] = {}
    for group in groups:
        first, last = group[0], group[-1]
        if first.event == "gate_check":
            checks[first.bead] = first
            yield Lines(group, first if last is not first else None)
        else:
            check = checks.get(first.bead)
            is_same = check and check.text("to") == last.text("phase") and abs(first.at - check.at) <= PAIR_WINDOW
            yield Lines(group, check if is_same else None)


def _tell_move(lines: Lines, ctx: AdapterContext) -> Draft:
    first, last = lines.group[0], lines.last
    phase = last.text("phase")
    project, artifact, stated = _locate(last.text("artifact"), ctx.projects)
    return Draft(
        payload=PhaseTransition(
            to=phase,
            phase_model=PHASE_MODEL,
            from_phase=clean_phase(lines.check.keys.get("from")) if lines.check else None,
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
        extensions=stated,
    )


def _tell_gate(lines: Lines, ctx: AdapterContext) -> Draft | None:
    """The decision of a gate; none when interphase's word for it is unknown."""
    last, check = lines.last, lines.check.keys if lines.check else {}
    meaning = read_decision(last.text("decision"))
    if meaning is None:
        return None
    outcome, severity = meaning
    source, target = clean_phase(check.get("from")), clean_phase(check.get("to"))
    stated = [last.keys.get(key, "") for key in ("priority", "tier", "decision", "reason", "timestamp")]
    return Draft(
        payload=GateResult(
            outcome=outcome,
            tier=read_tier(last.keys.get("tier"), last.keys.get("priority")),
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


def _tell_desync(lines: Lines, ctx: AdapterContext) -> Draft:
    last = lines.last
    project, artifact, stated = _locate(last.text("artifact"), ctx.projects)
    expected, actual = last.text("bead_phase"), last.text("artifact_phase")
    source = "telemetry:phase_desync"
    fact = tell_drift(last.bead, expected, actual, at=last.at, source=source, file=artifact, project=project)
    return evolve(fact, extensions=stated)


def _tell_choice(lines: Lines, ctx: AdapterContext) -> Draft:
    """Work that somebody chose. The line has no title: ``bd`` knows it, else the bead's id stands for it."""
    last = lines.last
    try:
        project, issue = find_issue(ctx, last.bead) or (None, {})
    except BdError:
        project, issue = None, {}
    title, priority = issue.get("title"), issue.get("priority")
    return Draft(
        payload=DiscoverWork(
            action=last.text("action"),
            title=title if isinstance(title, str) and title else last.bead,
            priority=priority if isinstance(priority, int) else None,
            selected=True,
        ),
        context_id=last.bead,
        project_dir=project,
        source_hook="telemetry:discovery_select",
        occurred_at=last.at,
        dedupe_key=f"interphase:select:{last.bead}:{last.text('action')}:{last.text('timestamp')}",
        extensions={"recommended": last.keys.get("recommended") is True},
    )


def _locate(stated: str, projects: Sequence[Path]) -> tuple[Path | None, Path | None, Mapping[str, object]]:
    """Project and absolute path of a stated artifact; where they cannot be told, what was stated.

    A relative path is that of the only known project that has the file; several that do are as bad as none.
    """
    if not stated or os.path.isabs(stated):
        return None, Path(stated) if stated else None, {}
    # os.path.isfile answers False where Path.is_file raises (a name that is too long), and one line must not stop all.
    having = [project for project in projects if os.path.isfile(project / stated)]
    return (having[0], having[0] / stated, {}) if len(having) == 1 else (None, None, {"stated_artifact": stated})


_TELL: Mapping[str, Callable[[Lines, AdapterContext], Draft | None]] = {
    "phase_transition": _tell_move,
    "phase_advance": _tell_move,
    "gate_enforce": _tell_gate,
    "phase_desync": _tell_desync,
    "discovery_select": _tell_choice,
}
