"""One look at everything that interlock leaves to be seen.

Source: ``reference/modules/interlock.md`` section 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial

from attrs import evolve
from interhost_hookspecs import AdapterContext, Draft, HealthSignal, Holder, Level, Observation, Severity, hookimpl
from interhost_hookspecs.positions import is_due, keep, recall
from interhost_hookspecs.reading import read_time

from interhost_interlock.client import RefusedError, ServiceError
from interhost_interlock.conflicts import rival_of_hold, rival_of_lock, tell_conflict, tell_freed
from interhost_interlock.facts import find_bead
from interhost_interlock.hints import Hint, list_hints, tell_hints
from interhost_interlock.holds import SOURCE, STORE, Hold, Ledger, merge, tell_changes
from interhost_interlock.intermute import Agent, Intermute
from interhost_interlock.kernel import STORE as KERNEL
from interhost_interlock.kernel import Lock, is_locked, list_locks
from interhost_interlock.messages import list_messages
from interhost_interlock.places import Place, list_places
from interhost_interlock.service import PROBLEM, find_service, is_resting, rest
from interhost_interlock.sessions import find_session, list_contacts, list_members

_CONTACT = {
    False: (Level.YELLOW, Severity.WARN, "interlock lost its service: edits are not checked"),
    True: (Level.GREEN, Severity.INFO, "interlock reaches its service again"),
}
_LONGEST_SECONDS = 3600
_MOST_NAMES = 64


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what agents have reserved, given back, asked for and committed since the last look."""
    hints, places = list_hints(ctx), list_places(ctx)
    drafts = list(_tell_contacts(places, ctx))
    if hints or (not is_resting(ctx) and is_due(ctx, "asked", _interval(ctx))):
        drafts += _ask(hints, places, ctx)
    for place in places:  # a lock may run out without anybody saying so
        tell_freed(place, KERNEL, partial(is_locked, ctx, place), ctx)
    return Observation(drafts=tuple(drafts))


def _ask(hints: Sequence[Hint], places: Sequence[Place], ctx: AdapterContext) -> list[Draft]:
    """Ask the service about each project, the one first that was not asked about for longest.

    One that is refused hides no other; a service that does not answer at all is not asked any further.
    """
    drafts: list[Draft] = []
    asked: list[str] = recall(ctx, "asked_before").get("names", [])
    left = sorted(places, key=lambda place: asked.index(place.name) if place.name in asked else -1)
    silent: list[Place] = []
    ctx.cursor.set(PROBLEM, "")
    try:
        service = find_service(ctx)
        while service and left:
            place = left.pop(0)
            asked = [*(name for name in asked if name != place.name), place.name]
            silent.append(place)
            try:
                drafts += _look_at(place, service, ctx)
                silent.remove(place)
            except RefusedError as error:
                rest(ctx, error)
    except ServiceError as error:
        rest(ctx, error)
        silent += left
    keep(ctx, "asked_before", {"names": asked[-_MOST_NAMES:]})
    return [*drafts, *tell_hints(hints, silent, ctx)]


def _look_at(place: Place, service: Intermute, ctx: AdapterContext) -> list[Draft]:
    ledger = Ledger(place, ctx)
    agents = _list_agents(place, service)
    names = {one.id: one.name for one in (*agents, *_list_joined(ctx)) if one.name}
    now = merge(service.list_reservations(place.name), names)
    drafts = [*tell_changes(ledger, now, service, ctx), *list_messages(ledger, agents, service, ctx)]
    ledger.keep(ctx)
    tell_freed(place, STORE, lambda pattern, names: ledger.find(pattern, names) is not None, ctx)
    return [*drafts, *_tell_rivals(ledger, ctx)]


def _list_agents(place: Place, service: Intermute) -> list[Agent]:
    try:
        return service.list_agents(place.name)
    except RefusedError:  # an older version; reservations are told all the same
        return []


def _list_joined(ctx: AdapterContext) -> Iterator[Agent]:
    return (Agent(id=one.agent, name=one.name) for one in list_members(ctx) if one.agent)


def _tell_rivals(ledger: Ledger, ctx: AdapterContext) -> Iterator[Draft]:
    """What one agent holds in the service, and another one in the kernel's store, each without knowing of the other."""
    for lock in list_locks(ctx, ledger.place):
        for hold in ledger.holds:
            is_rival = hold.exclusive and hold.pattern == lock.pattern and lock.owner not in hold.names
            if is_rival and (draft := _tell_rival(hold, lock, ledger.place, ctx)):
                yield draft


def _tell_rival(hold: Hold, lock: Lock, place: Place, ctx: AdapterContext) -> Draft | None:
    created_at = read_time(hold.created_at)
    is_second = created_at is None or lock.at <= created_at
    requester = hold.holder if is_second else Holder(id=lock.owner)
    return tell_conflict(
        rival_of_lock(lock) if is_second else rival_of_hold(hold),
        place,
        hold.pattern,
        ctx,
        requester=evolve(requester, session_id=find_session(ctx, requester.id, requester.name)),
        source=SOURCE,
        bead=find_bead(hold.reason) if is_second else None,
    )


def _tell_contacts(places: Sequence[Place], ctx: AdapterContext) -> Iterator[Draft]:
    """Sessions whose hooks cannot reach the service, so that their edits are not checked; and when they can again."""
    projects = {one.session_id: one.project for one in list_members(ctx) if one.project}
    for session, is_reached in list_contacts(ctx):
        level, severity, detail = _CONTACT[is_reached]
        for place in places:
            if place.name == projects.get(session):
                yield Draft(
                    payload=HealthSignal(signal="coordination", level=level, detail=detail),
                    context_id=None if place.root else f"project:{place.name}",
                    severity=severity,
                    source_hook="file:interlock-connected",
                    project_dir=place.root,
                    session_id=session,
                )


def _interval(ctx: AdapterContext) -> timedelta:
    return timedelta(seconds=min(ctx.config.count("poll_seconds"), _LONGEST_SECONDS))
