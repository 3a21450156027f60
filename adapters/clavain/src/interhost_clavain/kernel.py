"""One look at the kernel of each project: what changed in its database since the last one.

A database that nobody has written to since then is not asked at all: that costs two ``stat`` where ``ic`` costs a
process. The first look is a silent baseline; where no database was, everything in a later one is new.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext, Draft
from interhost_hookspecs.files import signature
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import read_time
from interhost_hookspecs.runs import DATABASE

from interhost_clavain.events import Place, tell_events
from interhost_clavain.runs import read_runs, tell_artifacts, tell_starts, tell_tasks
from interhost_clavain.tail import KernelError, read_events

_AFTER_FAILURE = timedelta(minutes=1)
_REMEMBERED = 500


def tell_kernel(ctx: AdapterContext) -> Iterator[Draft]:
    """What happened to runs, in every project with a database."""
    if not ctx.config.is_on("read_kernel"):
        return
    for project in ctx.projects:
        state = recall(ctx, _name(project))
        stamp = _read_stamp(project / DATABASE)
        is_first = ctx.cursor.get(_name(project)) is None
        if not stamp and is_first:
            keep(ctx, _name(project), {"marks": {}})
        if not stamp or state.get("stamp") == stamp or not _may_try(project, ctx):
            continue
        is_silent = bool(state.get("silent")) or (is_first and not ctx.backfill)
        try:
            drafts = list(_look(project, state, ctx, is_silent=is_silent))
        except KernelError as error:
            keep(ctx, _failed(project), {"at": ctx.now().isoformat(), "why": str(error)})
            continue
        if recall(ctx, _failed(project)):
            keep(ctx, _failed(project), {})
        # Taken before anything was read: what is written meanwhile, our own position too, leads to another look.
        keep(ctx, _name(project), {**state, "stamp": stamp} if not state["more"] else state)
        yield from [] if is_silent else drafts


def list_processes(ctx: AdapterContext) -> set[int]:
    """The processes of the tasks that the kernel has told about."""
    states = (recall(ctx, _name(project)) for project in ctx.projects)
    return {pid for state in states for _, pid in state.get("tasks", {}).values() if pid}


def _look(project: Path, state: dict[str, Any], ctx: AdapterContext, *, is_silent: bool) -> Iterator[Draft]:
    """Everything that is new, in the order: runs, events, what is registered, tasks; ``state`` is moved along."""
    marks, held, tasks = (state.setdefault(key, {}) for key in ("marks", "held", "tasks"))
    known, before = state.setdefault("artifacts", []), state.get("runs", {})
    events, is_drained = read_events(project, marks, ctx)
    place = Place(project, Path(os.path.realpath(project / DATABASE)), read_runs(project, ctx))
    yield from tell_starts(place, before)
    yield from tell_events(events, place, held)
    yield from tell_artifacts(place, before, known, ctx)
    if any(one.source == "dispatch" for one in events):
        yield from tell_tasks(place, tasks, ctx)
    state["runs"] = {run_id: run.get("status") for run_id, run in place.runs.items()}
    state["held"] = dict(list(held.items())[-_REMEMBERED:])
    state["more"], state["silent"] = not is_drained, is_silent and not is_drained


def list_problems(ctx: AdapterContext) -> list[str]:
    """Why the last look at a kernel failed, for each project where it did."""
    found = (recall(ctx, _failed(project)).get("why") for project in ctx.projects)
    return [why for why in found if isinstance(why, str) and why]


def _may_try(project: Path, ctx: AdapterContext) -> bool:
    """Whether a database that could not be read is tried again: one that hangs takes ten seconds each time."""
    failed = read_time(recall(ctx, _failed(project)).get("at"))
    return failed is None or ctx.now() - failed >= _AFTER_FAILURE


def _read_stamp(database: Path) -> list[str]:
    """What tells that a database was written to; empty when there is none."""
    log = database.with_name(f"{database.name}-wal")
    return [signature(database), signature(log)] if database.is_file() else []


def _name(project: Path) -> str:
    return f"kernel:{project}"


def _failed(project: Path) -> str:
    return f"kernel:failed:{project}"
