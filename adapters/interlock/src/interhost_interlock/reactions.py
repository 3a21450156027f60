"""What facts of others mean for the agents of a project, one function per intent.

Source: ``reference/modules/interlock.md`` section 4.7.
"""

from __future__ import annotations

from functools import partial

from interhost_hookspecs import (
    AdapterContext,
    Coordination,
    CoordinationAction,
    DriftDetected,
    GateOutcome,
    GateResult,
    Holder,
    Intent,
    Outcome,
    PhaseTransition,
    Resource,
    ReviewPass,
    Verdict,
    hookimpl,
)
from interhost_hookspecs.phases import canonical_phase
from interhost_hookspecs.reading import first_paths, plain_line, read_object

from interhost_interlock.broadcasts import broadcast
from interhost_interlock.conflicts import rival_of_lock, tell_conflict, tell_freed
from interhost_interlock.kernel import STORE as KERNEL
from interhost_interlock.kernel import Lock, count, is_locked, list_locks, read_lock
from interhost_interlock.places import Place
from interhost_interlock.reserving import release_own, reserve
from interhost_interlock.sessions import find_session

_OVER = ("shipping", "done")


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome:
    """Reserve the files that a move to executing names, where the user wants it; give ours back when work is over."""
    phase = intent.payload.canonical_to or canonical_phase(intent.payload.to)
    if phase in _OVER:
        return release_own(intent, ctx)
    if phase != "executing":
        return Outcome.skipped(f"nothing is reserved or released for {plain_line(intent.payload.to, 80)}")
    if not ctx.config.is_on("reserve_on_executing"):
        return Outcome.skipped("reserve_on_executing is off")
    files = first_paths(read_object(intent.payload_text), "files")
    return reserve(intent, files, ctx) if files else Outcome.skipped("the move names no files")


@hookimpl
def on_drift_detected(intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome | None:
    """Reserve a document that has drifted before somebody writes it, where the user wants it."""
    if intent.payload.kind != "doc":
        return None
    if not ctx.config.is_on("reserve_on_drift"):
        return Outcome.skipped("reserve_on_drift is off")
    if intent.artifact_path is None:
        return Outcome.skipped("the drift names no file")
    return reserve(intent, (str(intent.artifact_path),), ctx)


@hookimpl
def on_coordination(intent: Intent[Coordination], ctx: AdapterContext) -> Outcome | None:
    """Give ours back when a bead is released; count what is held in the kernel's store."""
    payload = intent.payload
    if payload.resource is Resource.BEAD and payload.action is CoordinationAction.RELEASE:
        return release_own(intent, ctx)
    place = Place(intent.project_dir.name, intent.project_dir) if intent.project_dir else None
    lock = read_lock(intent, place) if place else None
    if not place or not lock:
        return None
    if payload.action is CoordinationAction.CONFLICT:
        return _tell_second(lock, place, ctx)
    if payload.holder is None and payload.requester is None:
        return Outcome.skipped("it does not say whose the lock is")
    count(lock, ctx, is_held=payload.holder is not None)
    tell_freed(place, KERNEL, partial(is_locked, ctx, place), ctx)
    return Outcome.done("counted")


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome:
    """Tell every agent of the project that a review finished risky."""
    review = intent.payload
    if review.verdict is not Verdict.RISKY:
        return Outcome.skipped(f"the review finished {review.verdict or 'unreadable'}: nothing to warn of")
    found = ", ".join(f"{count} {name}" for name, count in sorted(review.counts.items()) if count)
    return broadcast(intent, "review", f"finished risky ({found or 'no counts'})", ctx)


@hookimpl
def on_gate_result(intent: Intent[GateResult], ctx: AdapterContext) -> Outcome:
    """Tell every agent of the project that a gate is closed."""
    gate = intent.payload
    if gate.outcome is not GateOutcome.BLOCK:
        return Outcome.skipped(f"the gate said {gate.outcome}: nothing to warn of")
    return broadcast(intent, "gate", f"is blocked before {gate.target or 'its next phase'}: {gate.reason or ''}", ctx)


def _tell_second(lock: Lock, place: Place, ctx: AdapterContext) -> Outcome:
    """Tell the session that came second, where it is known; the fact itself is told already.

    A conflict names one party, and not which. It is the second if somebody else is known to have the lock.
    """
    others = (one for one in list_locks(ctx, place) if one.pattern == lock.pattern and one.owner != lock.owner)
    rival = next(others, None)
    session = find_session(ctx, lock.owner) if rival else None
    if not rival or not session:
        return Outcome.skipped("nobody knows which session came second")
    requester = Holder(id=lock.owner, session_id=session)
    tell_conflict(rival_of_lock(rival), place, lock.pattern, ctx, requester=requester, source="ic:coordination")
    return Outcome.done(f"told session {session}")
