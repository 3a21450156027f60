"""Facts about runs of the kernel, worded in one way and with one key by everybody who sees them.

A run moves because somebody submitted it, and the same move is an event of ``ic`` and, of an artifact, a file. Whoever
notices first tells it; the others have the same key, so it is told once.

Source: design section 5; ``reference/cli-contracts.md`` sections 1.5 to 1.8 and 5.2.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from interhost_hookspecs.catalogue import (
    ArtifactReady,
    Change,
    Coordination,
    CoordinationAction,
    GateOutcome,
    GateResult,
    GateTier,
    Holder,
    PhaseTransition,
    Resource,
)
from interhost_hookspecs.files import digest
from interhost_hookspecs.intent import Draft, Severity
from interhost_hookspecs.phases import CHAINS, canonical_phase
from interhost_hookspecs.reading import one_line, read_object

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def kernel_key(database: Path, *parts: object) -> str:
    """The natural key of something in a kernel's database: ``ic:<database>:<source>:<id>``.

    Args:
        database: The database, links resolved.
        parts: What it is there, such as ``"phase", 7`` for an event and ``"run", "v4lvre97"`` for a run's beginning.
    """
    return ":".join(["ic", str(database), *map(str, parts)])


def gate_key(key: str | None) -> str | None:
    """The key of the decision that an event tells besides its move; ``None`` when the event has none."""
    return f"{key}:gate" if key else None


def compose_transition(
    run_id: str | None, left: str, to: str, trigger: str, reason: str | None = None
) -> PhaseTransition:
    """A run that moved."""
    return PhaseTransition(
        to=to,
        phase_model=_model_of(left, to),
        from_phase=left or None,
        canonical_to=canonical_phase(to),
        reason=one_line(reason),
        trigger=trigger,
        run_id=run_id,
    )


def compose_gate(
    outcome: GateOutcome, tier: GateTier, run_id: str | None, left: str | None, to: str | None, evidence: object = None
) -> GateResult:
    """What a gate of a run decided, with the conditions that it looked at and the reason that they give."""
    found = evidence if isinstance(evidence, Mapping) else {}
    return GateResult(
        outcome=outcome,
        tier=tier,
        target=to or None,
        from_phase=left or None,
        reason=one_line(show_conditions(found)),
        run_id=run_id,
        evidence=list_conditions(found),
    )


def compose_task(
    action: CoordinationAction, dispatch_id: str, agent: str | None, bead: str | None, run_id: str | None, reason: str
) -> Coordination:
    """An agent that was given a task of a bead, or has given it back.

    Args:
        action: ``claim`` or ``release``.
        dispatch_id: What the kernel calls the task.
        agent: Kind of agent.
        bead: The bead.
        run_id: Its run, which stands for a bead that is not known.
        reason: What happened.
    """
    who = Holder(id=dispatch_id, name=agent)
    return Coordination(
        resource=Resource.BEAD,
        resource_id=bead or run_id or dispatch_id,
        action=action,
        holder=who if action is CoordinationAction.CLAIM else None,
        requester=who if action is not CoordinationAction.CLAIM else None,
        reservation_id=dispatch_id,
        reason=one_line(reason),
    )


def compose_artifact(
    kind: str,
    value: str,
    project: Path,
    *,
    bead: str | None = None,
    phase: str | None = None,
    run_id: str | None = None,
    title: str | None = None,
    change: Change | None = None,
) -> Draft:
    """A file that exists or changed, or what else was registered as an artifact: a commit, a word.

    Args:
        kind: What it is, as ``set-artifact`` calls it.
        value: Its path, absolute or below the project, or the value itself.
        project: Root of the project.
        bead: What it belongs to, when that is known.
        phase: Phase it is registered for, or names.
        run_id: Run that it is registered with.
        title: The artifact in one line.
        change: Whether it is new.

    Returns:
        The fact, severity and source left to the caller. The file is the fact, however it was noticed; another value is
        one for its bead.
    """
    path = project / value
    content = digest(path)
    return Draft(
        payload=ArtifactReady(
            kind=kind,
            title=title if content else one_line(value),
            change=change,
            phase=phase,
            commit=value if _COMMIT.fullmatch(value) and not content else None,
            sha256=content,
            run_id=run_id,
        ),
        context_id=bead,
        artifact_path=path if content else None,
        project_dir=project,
        severity=Severity.INFO,
        dedupe_key=f"artifact:{kind}:{path}:{content}" if content else f"artifact:{kind}:{bead}:{value}",
    )


def chain_name(phases: Sequence[object]) -> str | None:
    """The name of the vocabulary with exactly these phases."""
    return next((name for name, chain in CHAINS.items() if tuple(chain) == tuple(phases)), None)


def read_evidence(reason: object) -> Mapping[str, object]:
    """The evidence in a reason: JSON text with conditions, or free text; ``X | `` may stand in front (section 1.5)."""
    if not isinstance(reason, str) or not reason:
        return {}
    found = read_object(reason[reason.find("{") :]) if "{" in reason else {}
    return found or {"reason": reason}


def list_conditions(evidence: Mapping[str, object]) -> tuple[Mapping[str, object], ...] | None:
    """The conditions in some evidence; ``None`` when it has none."""
    conditions = evidence.get("conditions")
    return tuple(one for one in conditions if isinstance(one, dict)) if isinstance(conditions, list) else None


def list_failures(evidence: Mapping[str, object]) -> list[str]:
    """What each failed condition says."""
    failed = (one for one in list_conditions(evidence) or () if one.get("result") == "fail")
    return [str(one.get("detail") or one.get("check")) for one in failed]


def show_conditions(evidence: Mapping[str, object]) -> str:
    """The failed conditions in one line; empty when none is known."""
    stated = evidence.get("reason")
    said = stated if isinstance(stated, str) else ""
    return "; ".join(list_failures(evidence)) or said or (json.dumps(dict(evidence)) if evidence else "")


def _model_of(left: str, to: str) -> str:
    """A vocabulary of the kernel in which one phase follows the other."""
    steps = ((name, list(itertools.pairwise(chain))) for name, chain in CHAINS.items())
    found = [name for name, pairs in steps if (left, to) in pairs and not name.startswith("interphase")]
    return found[0] if found else "ic"
