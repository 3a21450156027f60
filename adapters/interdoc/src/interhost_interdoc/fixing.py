"""Putting documents right with ``drift-fix.sh``, where nothing of somebody else's could be lost.

The script replaces whole files and commits nothing. It is run only where the user turned ``apply_fixes`` on.

Source: ``reference/modules/interdoc.md`` sections 3.3 (row D4), 3.5 and 3.7.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    Coordination,
    CoordinationAction,
    Draft,
    Intent,
    Outcome,
    Resource,
    hookimpl,
)
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line, read_time

from interhost_interdoc.documents import mark_fixed, tell_states
from interhost_interdoc.repository import DOCUMENT, Repository
from interhost_interdoc.scripts import FIX, run_fix

HOST = "interbus"
"""The agent that interlock's adapter reserves as, when a document has drifted: for us, so nobody is to wait for it."""

_TAKEN = {CoordinationAction.RESERVE, CoordinationAction.CONFLICT, CoordinationAction.BLOCKED}
_FREE = {CoordinationAction.RELEASE, CoordinationAction.EXPIRE}
# A conflict says when it was, not when it will be over.
_CONTESTED = timedelta(minutes=30)
_REMEMBERED = 64


@hookimpl
def on_coordination(intent: Intent[Coordination], ctx: AdapterContext) -> Outcome | None:
    """Remember that somebody has the document, or wants it: a fix waits until it is free."""
    one = intent.payload
    if one.resource is not Resource.FILE or not intent.project_dir or not _is_in(intent.project_dir, one.resource_id):
        return None
    if one.action is CoordinationAction.RESERVE and one.holder and one.holder.name == HOST:
        return Outcome.skipped(f"{HOST} holds it for whoever mends it: nothing to wait for")
    busy = recall(ctx, "busy")
    key = f"{intent.project_dir}:{one.reservation_id or one.resource_id}"
    if one.action in _TAKEN:
        until = read_time(one.expires_at) or intent.occurred_at + _CONTESTED
        keep(ctx, "busy", {**busy, key: [str(intent.project_dir), until.isoformat()]}, most=_REMEMBERED)
        return Outcome.done(f"a fix of {DOCUMENT} waits until {until.isoformat()}, or until it is released")
    if one.action in _FREE and busy.pop(key, None):
        keep(ctx, "busy", busy)
        return Outcome.done(f"{DOCUMENT} is free again")
    return None


def busy_until(repository: Repository, ctx: AdapterContext) -> datetime | None:
    """Until when somebody has the document; ``None`` when nobody does."""
    times = [read_time(until) for project, until in recall(ctx, "busy").values() if project == str(repository.root)]
    return max((time for time in times if time and time > ctx.now()), default=None)


def find_obstacle(repository: Repository, ctx: AdapterContext) -> str | None:
    """Why its documents must be left alone, in words; ``None`` when nothing is in the way.

    Raises:
        UnreadableError: git refused.
        HungError: git did not answer in time.
    """
    if repository.is_linked:
        return f"{repository.root} is a worktree or a submodule, where {FIX.name} cannot work"
    if repository.is_unsettled:
        return "a merge or a rebase is under way"
    links = repository.list_links(ctx)
    return f"{plain_line(links[0])} is a symbolic link, which {FIX.name} would replace" if links else None


def apply_fix(root: Path, repository: Repository, ctx: AdapterContext) -> list[Draft]:
    """Put the documents right, and say which were changed. Whoever calls this has looked for obstacles and changes.

    Args:
        root: interdoc's root.
        repository: Where.
        ctx: Runs the script.

    Raises:
        UnreadableError: It refused, or printed something else.
        HungError: It did not answer in time, or another run of it is not over.
    """
    modified = run_fix(root, repository, ctx, dry=False).modified
    return list(mark_fixed(tell_states(modified, repository.root, f"cli:{FIX.name}"), modified))


def _is_in(project: Path, resource: str) -> bool:
    """Whether a path, or a pattern below the project, takes in one of its documents."""
    path = project / resource
    return path.is_relative_to(project) and (path.name == DOCUMENT or fnmatchcase(DOCUMENT, resource))
