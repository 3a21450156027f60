"""What facts of others mean for the documents: a dry run, then advice, or the fix where the user turned it on.

A full refresh is a session's work, which writes and commits without asking: it is advised, and never started from here.

Source: ``reference/modules/interdoc.md`` sections 3.5 and 3.7.
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

from interhost_hookspecs import (
    AdapterContext,
    Advice,
    DriftDetected,
    Intent,
    Outcome,
    PhaseTransition,
    Severity,
    hookimpl,
)
from interhost_hookspecs.phases import canonical_phase
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line

from interhost_interdoc.documents import tell_states
from interhost_interdoc.drift import STRUCTURE, Drift, find_staleness, find_structure
from interhost_interdoc.fixing import apply_fix, busy_until, find_obstacle
from interhost_interdoc.repository import DOCUMENT, Repository, UnreadableError, find_repository
from interhost_interdoc.scripts import FIX

ENDING = frozenset({"shipping", "done"})
"""The phases that documents should be right for, as interphase names them; ``polish`` is ``shipping``."""

# What is released early should not wait for the end of its reservation.
_PATIENCE = timedelta(minutes=5)
_REMEMBERED = 64


@hookimpl
def on_drift_detected(intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome | None:
    """Mend a document of which somebody else says that it drifted, or say how."""
    path, detail = intent.artifact_path, plain_line(intent.payload.detail)
    if intent.payload.kind != "doc" or path is None or path.name != DOCUMENT:
        return None
    said = Drift(
        signal=f"{intent.producer}:{intent.payload.signal or ''}",
        measure="",
        severity=Severity.WARN,
        source=intent.producer,
        detail=f"{intent.producer} says {detail or 'that it drifted'}",
    )
    return _react(intent, said, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Look at the documents when work is about to be shipped."""
    if (intent.payload.canonical_to or canonical_phase(intent.payload.to)) not in ENDING:
        return None
    return _react(intent, None, ctx)


def _react(intent: Intent[Any], said: Drift | None, ctx: AdapterContext) -> Outcome:
    """Mend the documents of the intent's project, or say how.

    Args:
        intent: What led to it.
        said: The drift that somebody else found.
        ctx: Knows module and settings.

    Raises:
        HungError: A script did not answer in time; it is tried again.
    """
    root, repository = ctx.module_root(), find_repository(intent.project_dir)
    if root is None:
        return Outcome.skipped("interdoc is not installed")
    if repository is None:
        return Outcome.skipped(f"{intent.project_dir or 'its project'} is no git repository")
    try:
        if obstacle := find_obstacle(repository, ctx):
            return Outcome.skipped(obstacle)
        if repository.is_documented(ctx):
            return Outcome.skipped("the last commit changed documents and nothing else")
        structure = find_structure(repository, ctx)
        if structure and ctx.config.is_on("apply_fixes"):
            return _fix(root, repository, structure, ctx)
        if dirty := repository.list_dirty(ctx):
            return Outcome.skipped(f"{plain_line(dirty[0])} has changes that are not committed")
        drift = structure or find_staleness(repository, ctx) or said
        return _advise(drift, root, repository, intent, ctx) if drift else Outcome.skipped(f"{DOCUMENT} is up to date")
    except UnreadableError as error:
        return Outcome.failed(str(error))


def _fix(root: Path, repository: Repository, drift: Drift, ctx: AdapterContext) -> Outcome:
    """Put the documents right, once: changes that are not committed show to a later attempt that it was done."""
    if until := busy_until(repository, ctx):
        return Outcome.deferred(min(until, ctx.now() + _PATIENCE), f"somebody has {DOCUMENT}")
    dirty = repository.list_dirty(ctx)
    if not ctx.once("fix", happened=lambda: bool(dirty)):
        fixed = list(tell_states(dirty, repository.root, f"cli:{FIX.name}"))
    elif dirty:
        return Outcome.skipped(f"{plain_line(dirty[0])} has changes that are not committed")
    else:
        fixed = apply_fix(root, repository, ctx)
    for draft in fixed:
        ctx.publish(draft)
    return Outcome.done(f"{FIX.name} changed {len(fixed)} of the documents: {drift.detail}")


def _advise(drift: Drift, root: Path, repository: Repository, intent: Intent[Any], ctx: AdapterContext) -> Outcome:
    """Say how a document has drifted and what would help, once for the same commit and signal."""
    # A document that was never there is not missed more with every commit.
    state = repository.read_head(ctx) if drift.severity is Severity.WARN else ""
    said, key = recall(ctx, "advised"), f"{repository.root}:{drift.signal}"
    if said.get(key) == state:
        return Outcome.skipped(f"said before at this commit: {drift.detail}")
    command = f"bash {shlex.quote(str(root / FIX))}"
    mends = f"`{command}` there puts the file names right and commits nothing. " if drift.signal == STRUCTURE else ""
    text = f"{drift.detail} ({repository.root}). {mends}`/interdoc` brings {DOCUMENT} up to date, and commits it."
    if not text.isprintable():  # the text goes to an agent
        return Outcome.skipped("the project's path holds control characters")
    keep(ctx, "advised", {**said, key: state}, most=_REMEMBERED)
    ctx.advise(Advice(text=text, context_id=intent.context_id))
    return Outcome.degraded(f"advised: {drift.detail}")
