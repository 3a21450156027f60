"""Reserving files in our own name, and giving back what is ours and nobody else's.

Whoever edits is somebody else: what we hold, no agent may edit. So this is for sessions that have not joined interlock
themselves, and off until the user turns it on.

Source: ``reference/modules/interlock.md`` sections 4.4, 4.5 and 4.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from interhost_hookspecs import AdapterContext, Holder, Intent, Outcome

from interhost_interlock.client import DownError, RefusedError, ServiceError
from interhost_interlock.conflicts import call, rival_of_conflict, tell_conflict
from interhost_interlock.facts import find_bead
from interhost_interlock.intermute import NAME, TTL_MINUTES, Identity, Intermute, Reservation, read_conflicts
from interhost_interlock.locks import has_kernel, release_locks, reserve_lock
from interhost_interlock.own import doubt, identify, list_identities
from interhost_interlock.places import Place
from interhost_interlock.service import find_service
from interhost_interlock.sessions import list_agents_of

_MOST_FILES = 50
_CONFLICT = 409


@define
class Tally:
    """What came of some files."""

    reserved: list[str] = field(factory=list)
    problems: list[str] = field(factory=list)

    def conclude(self, error: ServiceError | None = None) -> Outcome:
        """The outcome: done if all are reserved, degraded if some are.

        Args:
            error: What ended it before its time.
        """
        said = [f"{len(self.reserved)} reserved for {TTL_MINUTES} minutes"] if self.reserved else []
        text = "; ".join([*said, *self.problems, *([str(error)] if error else [])])
        if self.reserved:
            return Outcome.degraded(text) if self.problems or error else Outcome.done(text)
        return Outcome.failed(text) if error and not isinstance(error, DownError) else Outcome.skipped(text)


def reserve(intent: Intent[Any], files: Sequence[str], ctx: AdapterContext) -> Outcome:
    """Reserve files of the intent's project; what somebody else holds is told as a conflict.

    Args:
        intent: What they are needed for.
        files: Paths, absolute or as the project has them.
        ctx: Has settings and memory.

    Raises:
        InDoubtError: An earlier attempt may have reserved one, and nobody can say.
    """
    if intent.project_dir is None:
        return Outcome.skipped(f"the project of {intent.context_id} is not known")
    session = intent.extensions.get("session_id")
    if isinstance(session, str) and list_agents_of(session, ctx):
        return Outcome.skipped("its session has joined interlock, and reserves for itself")
    place, tally = Place(intent.project_dir.name, intent.project_dir), Tally()
    names = [name for file in files[:_MOST_FILES] if (name := place.name_of(file))]
    if len(names) < len(files):
        tally.problems.append(f"{len(files) - len(names)} are no plain files of the project, or too many")
    try:
        if (service := find_service(ctx)) is None:
            return Outcome.skipped("interlock is not installed")
        who = identify(place.name, service, ctx)
        for name in names:
            _reserve(name, intent, place, who, service, tally, ctx)
    except DownError as error:
        if tally.reserved or not has_kernel(intent.project_dir, ctx):
            return tally.conclude(error)
        for name in names:
            _lock(name, intent, intent.project_dir, tally, ctx)
    except ServiceError as error:
        if isinstance(error, RefusedError):
            doubt(place.name, error, ctx)
        return tally.conclude(error)
    return tally.conclude()


def release_own(intent: Intent[Any], ctx: AdapterContext) -> Outcome:
    """Give back what we reserved for the intent's bead, and nothing else."""
    if intent.bead is None:
        return Outcome.skipped(f"{intent.context_id} is not a bead: nothing is reserved for it")
    released, problems = release_locks(intent.bead, ctx)
    root = intent.project_dir
    ours = {project: who for project, who in list_identities(ctx).items() if root is None or project == root.name}
    try:
        if ours and (service := find_service(ctx)):
            for project, who in ours.items():
                for row in (row for row in service.list_reservations(project) if _is_ours(row, intent.bead, who)):
                    service.release(who, row.id)
                    released += 1
    except RefusedError as error:
        doubt(project, error, ctx)
        return Outcome.failed("; ".join([f"{released} released", *problems, str(error)]))
    except ServiceError as error:  # what is left ends by itself
        problems.append(str(error))
    if problems:
        text = "; ".join([*([f"{released} released"] if released else []), *problems])
        return Outcome.degraded(text) if released else Outcome.skipped(text)
    return Outcome.done(f"{released} released") if released else Outcome.skipped(f"we hold nothing for {intent.bead}")


def _reserve(
    name: str, intent: Intent[Any], place: Place, who: Identity, service: Intermute, tally: Tally, ctx: AdapterContext
) -> None:
    def happened() -> bool | None:
        try:
            rows = service.list_reservations(place.name)
        except ServiceError:
            return None
        return any(row.pattern == name and _tag(intent) in row.reason for row in rows)

    try:
        if ctx.once(f"reserve {name}", happened):
            service.reserve(who, place.name, name, f"interbus {intent.name} [{_tag(intent)}]")
        tally.reserved.append(name)
    except RefusedError as error:
        if error.status != _CONFLICT:
            raise
        rivals = [rival_of_conflict(one) for one in read_conflicts(error.answer)]
        tally.problems.append(f"{name} is held by {call(rivals[0].names if rivals else ())}")
        us = Holder(id=who.id, name=NAME)
        for rival in rivals:
            if draft := tell_conflict(rival, place, name, ctx, requester=us, source="cli:reserve", bead=intent.bead):
                ctx.publish(draft)


def _lock(name: str, intent: Intent[Any], root: Path, tally: Tally, ctx: AdapterContext) -> None:
    ctx.once(f"lock {name}")
    is_reserved, problem = reserve_lock(name, f"interbus {intent.name} [{_tag(intent)}]", intent.context_id, root, ctx)
    if is_reserved:
        tally.reserved.append(name)
    else:
        tally.problems.append(f"{name}: {problem}")


def _is_ours(row: Reservation, bead: str, who: Identity) -> bool:
    return row.agent == who.id and " interbus=" in row.reason and find_bead(row.reason) == bead


def _tag(intent: Intent[Any]) -> str:
    """What a reservation of ours is known by, in the metadata of its reason."""
    return f"active_bead_id={intent.bead} interbus={intent.event_id}" if intent.bead else f"interbus={intent.event_id}"
