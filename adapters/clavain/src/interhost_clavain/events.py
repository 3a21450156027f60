"""What the kernel's events tell, one row per kind of event.

Left alone: ``interspect`` events, whose text ``ic`` does not print; ``discovery`` events, which name no work; the
``status_change`` of a dispatch, which names no dispatch (:mod:`interhost_clavain.runs` reads what changed).

Source: ``reference/cli-contracts.md`` sections 1.5, 1.7 and 1.9; ``reference/modules/interlock.md`` row L10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from attrs import evolve, frozen
from interhost_hookspecs import (
    Coordination,
    CoordinationAction,
    Draft,
    GateOutcome,
    GateTier,
    HealthSignal,
    Holder,
    Level,
    Notify,
    Payload,
    Resource,
    Severity,
)
from interhost_hookspecs.kernel_facts import (
    compose_gate,
    compose_transition,
    gate_key,
    kernel_key,
    list_failures,
    read_evidence,
)
from interhost_hookspecs.reading import is_bead, one_line

from interhost_clavain.tail import Event

RESOLVED = "clavain.finding_resolved@1.0"
"""Reviewers disagreed about a finding, and it was decided; ``finding`` and ``resolution``."""

RESERVATIONS: Mapping[str, CoordinationAction] = MappingProxyType(
    {
        "coordination.acquired": CoordinationAction.RESERVE,
        "coordination.released": CoordinationAction.RELEASE,
        "coordination.expired": CoordinationAction.EXPIRE,
        "coordination.conflict": CoordinationAction.CONFLICT,
        "coordination.transferred": CoordinationAction.RESERVE,
    }
)
"""Kind of a reservation's event to what happened; whoever records others by hand may mean anything."""

# Whose the owner in the row is was never measured for a conflict and a transfer.
_HOLDS, _HELD = ("coordination.acquired",), ("coordination.released", "coordination.expired")
_AUTOMATIC = "auto-reserve"
_TAG = re.compile(r"\b(active_bead_id|bead_id|thread_id)=([^\s\]]+)")
_USAGE = re.compile(r"usage (\d+)(?: reached (\d+)% of budget (\d+))?")


@frozen
class Place:
    """A project with a kernel's database, and its runs by their ids, as ``ic run list`` has them."""

    project: Path
    database: Path
    runs: Mapping[str, Mapping[str, object]]

    def bead(self, run_id: str) -> str | None:
        """The bead of a run."""
        scope = self.runs.get(run_id, {}).get("scope_id")
        return scope if is_bead(scope) else None

    def context(self, run_id: str) -> str:
        """What is said about a run is about its bead, else about the project; never about another run's bead."""
        return self.bead(run_id) or f"project:{self.project.name or 'root'}"


def tell_events(events: Iterable[Event], place: Place, held: dict[str, bool]) -> Iterator[Draft]:
    """The facts that some events tell.

    Args:
        events: Their order is kept.
        place: Where they happened.
        held: Reservations that a hook has made by itself and that were told, which is kept up.
    """
    for event in events:
        if event.source == "coordination":
            yield from _reservation(event, place, held)
        elif tell := _TELL.get((event.source, event.kind)):
            yield from tell(event, place)


def _draft(
    payload: Payload, event: Event, place: Place, *, key: str | None = None, severity: Severity = Severity.INFO
) -> Draft:
    return Draft(
        payload=payload,
        context_id=place.context(event.run_id),
        severity=severity,
        source_hook="ic:" + event.kind
        if event.kind.startswith(f"{event.source}.")
        else f"ic:{event.source}.{event.kind}",
        occurred_at=event.at,
        project_dir=place.project,
        dedupe_key=key or _key(event, place),
    )


def _key(event: Event, place: Place) -> str:
    return kernel_key(place.database, event.source, event.id)


def _moved(event: Event, place: Place) -> Iterator[Draft]:
    """A move; ``set`` and others without one tell nothing. A soft gate that failed let it pass with a warning."""
    if not event.to or event.to == event.left:
        return
    evidence = read_evidence(event.reason)
    if event.kind == "advance" and list_failures(evidence):
        gate = compose_gate(GateOutcome.WARN, GateTier.SOFT, event.run_id or None, event.left, event.to, evidence)
        yield _draft(gate, event, place, key=gate_key(_key(event, place)), severity=Severity.WARN)
    reason = None if "conditions" in evidence else event.reason
    move = compose_transition(event.run_id or None, event.left, event.to, event.kind, reason)
    yield _draft(move, event, place)


def _overridden(event: Event, place: Place) -> Iterator[Draft]:
    """A gate that somebody has passed by decision, and the move that follows."""
    evidence = read_evidence(event.reason)
    category = one_line(evidence.get("override_category")) or "uncategorized"
    said = one_line(evidence.get("reason"))
    gate = compose_gate(GateOutcome.BYPASS, GateTier.HARD, event.run_id or None, event.left, event.to)
    gate = evolve(gate, stated_decision=f"override:{category}", reason=said)
    yield _draft(gate, event, place, key=gate_key(_key(event, place)), severity=Severity.WARN)
    move = compose_transition(event.run_id or None, event.left, event.to, event.kind, said)
    yield _draft(move, event, place)


def _decided(outcome: GateOutcome, tier: GateTier) -> Callable[[Event, Place], Iterator[Draft]]:
    """A decision without a move: only a hard gate blocks, and a phase that is marked is passed over later."""

    def tell(event: Event, place: Place) -> Iterator[Draft]:
        evidence = read_evidence(event.reason)
        gate = compose_gate(outcome, tier, event.run_id or None, event.left, event.to, evidence)
        gate = evolve(gate, stated_decision=event.kind)
        severity = Severity.ERROR if outcome is GateOutcome.BLOCK else Severity.WARN
        yield _draft(gate, event, place, key=gate_key(_key(event, place)), severity=severity)

    return tell


def _paused(event: Event, place: Place) -> Iterator[Draft]:
    """A run that waits for a person: once for a phase, however often somebody tries."""
    way_out = f"ic run set {event.run_id} --auto-advance=true"
    text = f"{place.context(event.run_id)} waits in {event.left}: auto_advance is off. To go on: {way_out}"
    key = kernel_key(place.database, "pause", event.run_id, event.left)
    yield _draft(Notify(text=text, title="A run is paused"), event, place, key=key, severity=Severity.WARN)


def _cancelled(event: Event, place: Place) -> Iterator[Draft]:
    goal = one_line(place.runs.get(event.run_id, {}).get("goal"))
    text = f"{place.context(event.run_id)}: run {event.run_id} was cancelled" + (f" ({goal})" if goal else "")
    yield _draft(Notify(text=text, title="A run was cancelled"), event, place)


def _budget(event: Event, place: Place) -> Iterator[Draft]:
    """Tokens used up to a part of the budget, or beyond it; the figures are in free text."""
    is_over = event.kind == "budget.exceeded"
    found = _USAGE.search(event.reason)
    signal = HealthSignal(
        signal="budget",
        level=Level.RED if is_over else Level.YELLOW,
        stated_level=event.kind,
        value=float(found[1]) if found else None,
        unit="tokens" if found else None,
        threshold=float(found[3]) * float(found[2]) / 100 if found and found[3] else None,
        detail=one_line(event.reason),
    )
    yield _draft(signal, event, place, severity=Severity.ERROR if is_over else Severity.WARN)


def _resolved(event: Event, place: Place) -> Iterator[Draft]:
    yield Draft(
        intent=RESOLVED,
        payload={"finding": event.left, "resolution": event.to, "reason": one_line(event.reason)},
        context_id=place.context(event.run_id),
        source_hook="ic:review.disagreement_resolved",
        occurred_at=event.at,
        project_dir=place.project,
        dedupe_key=_key(event, place),
    )


def _reservation(event: Event, place: Place, held: dict[str, bool]) -> Iterator[Draft]:
    """A reservation of files; one that a hook makes again and again is told once until it is given back."""
    action, owner, pattern = RESERVATIONS.get(event.kind), event.left, event.to
    if action is None or not pattern:
        return
    name = f"{owner}\n{pattern}"
    if event.kind in _HELD:
        held.pop(name, None)
    elif event.kind in _HOLDS and event.reason.startswith(_AUTOMATIC):
        if held.get(name):
            return
        held[name] = True
    who = Holder(id=owner) if owner else None
    payload = Coordination(
        resource=Resource.FILE,
        resource_id=pattern,
        action=action,
        holder=who if event.kind in _HOLDS else None,
        requester=who if event.kind in _HELD else None,
        reservation_id=_lock_id(event),
        reason=one_line(event.reason),
    )
    severity = Severity.WARN if action is CoordinationAction.CONFLICT else Severity.INFO
    told = {"store": "ic", "owner": owner, "pattern": pattern, "stated_action": event.kind}
    yield evolve(
        _draft(payload, event, place, severity=severity),
        context_id=_tagged_bead(event.reason) or place.context(event.run_id),
        artifact_path=_file(pattern, place.project),
        extensions=told | ({"run_id": event.run_id} if event.run_id else {}),
    )


def _lock_id(event: Event) -> str | None:
    """The reservation's id, where ``ic`` says it; the tail of measured versions has only owner and pattern."""
    envelope = event.keys.get("envelope")
    return one_line(event.keys.get("lock_id") or (envelope.get("lock_id") if isinstance(envelope, Mapping) else None))


def _tagged_bead(reason: str) -> str | None:
    """The bead that a reservation was made for, as its reason is tagged; several are as bad as none."""
    found = _TAG.findall(reason)
    for tag in ("active_bead_id", "bead_id", "thread_id"):
        beads = {value for name, value in found if name == tag and is_bead(value)}
        if beads:
            return beads.pop() if len(beads) == 1 else None
    return None


def _file(pattern: str, project: Path) -> Path | None:
    """The file that a pattern without wildcards names, within the project."""
    if any(letter in pattern for letter in "*?[{\0") or ".." in Path(pattern).parts:
        return None
    path = project / pattern
    return path if path.is_relative_to(project) and path != project else None


_TELL: Mapping[tuple[str, str], Callable[[Event, Place], Iterator[Draft]]] = {
    ("phase", "advance"): _moved,
    ("phase", "set"): _moved,
    ("phase", "rollback"): _moved,
    ("phase", "override"): _overridden,
    ("phase", "block"): _decided(GateOutcome.BLOCK, GateTier.HARD),
    ("phase", "skip"): _decided(GateOutcome.SKIP, GateTier.NONE),
    ("phase", "pause"): _paused,
    ("phase", "cancel"): _cancelled,
    ("phase", "budget.warning"): _budget,
    ("phase", "budget.exceeded"): _budget,
    ("review", "disagreement_resolved"): _resolved,
}
