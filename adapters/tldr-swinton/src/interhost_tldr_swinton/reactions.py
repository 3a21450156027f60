"""What others tell, and what tldr-swinton does about it.

Whatever writes into the project is off until the user wants it, and evidence is gathered only where tldr-swinton is in
use already, which its folder shows.

Source: ``reference/modules/tldr-swinton.md`` sections 2.3, 2.5 and 2.6.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    ArtifactReady,
    Intent,
    Outcome,
    OutcomeKind,
    PhaseTransition,
    ReviewPass,
    StartSprint,
    hookimpl,
)
from interhost_hookspecs.changes import read_commit
from interhost_hookspecs.databases import read_rows
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line

from interhost_tldr_swinton.command import FailedError, MissingError, run
from interhost_tldr_swinton.daemon import FOLDER, RefusedError, compose_indexing, notify, start
from interhost_tldr_swinton.gathering import gather, show_changes
from interhost_tldr_swinton.index import BUNDLES
from interhost_tldr_swinton.records import RECORDED, WORKBENCH

WORKING = "executing"
"""The phase before which a session wants to see what has changed so far."""

GATED = frozenset({"review", "polish", "shipping"})
"""Phases from which the next gate asks for evidence."""

_PREBUILD_SECONDS = 120.0
_REMEMBERED = 200
_GRAVITY = (OutcomeKind.SKIPPED, OutcomeKind.DONE, OutcomeKind.FAILED)
_SAVED = re.compile(r"Bundle saved: ([0-9a-f]{40,64}) \((\d+) symbols\)")
_DECIDED = re.compile(r"recorded as (dec-[0-9a-f]+)")


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome:
    """Tell the project's daemon, where one is at work, that a file changed."""
    path, project = intent.artifact_path, intent.project_dir
    if not ctx.config.is_on("notify_daemon"):
        return Outcome.skipped("notify_daemon is off")
    path = Path(os.path.normpath(path)) if path else None
    if path is None or project is None or not path.is_relative_to(project):
        return Outcome.skipped("it is about no file of a project")
    try:
        tracked = notify(path, project, ctx)
    except RefusedError as error:
        return Outcome.failed(str(error))
    if tracked is None:
        return Outcome.skipped("no daemon is at work in the project")
    if tracked.is_indexing:
        ctx.publish(compose_indexing(tracked, project))
    if tracked.dirty is None:  # its index by meaning is off
        return Outcome.done("the daemon was told")
    return Outcome.done(f"the daemon tracks {tracked.dirty} of {tracked.threshold} files")


@hookimpl
def on_start_sprint(intent: Intent[StartSprint], ctx: AdapterContext) -> Outcome:
    """Prepare the project's bundle, and start its daemon, where the user wants it."""
    project, steps = intent.project_dir, {"prebuild": _prebuild, "start_daemon": start}
    wanted = [step for name, step in steps.items() if ctx.config.is_on(name)]
    if not wanted or project is None:
        return Outcome.skipped("prebuild and start_daemon are off" if project else "the project is not known")
    outcomes = [step(project, ctx) for step in wanted]
    worst = max(outcomes, key=lambda one: _GRAVITY.index(one.kind))
    return Outcome(worst.kind, "; ".join(one.reason for one in outcomes))


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Show what has changed when work begins; before a gate, gather what diagnostics and tests say of the changes."""
    project, phase = intent.project_dir, intent.payload.to
    if phase != WORKING and phase not in GATED:
        return None
    if project is None:
        return Outcome.skipped("the project is not known")
    if not ctx.config.is_on("gather_evidence"):
        return Outcome.skipped("gather_evidence is off")
    if not (project / FOLDER).is_dir():
        return Outcome.skipped(f"tldr-swinton is not in use in the project: it has no {FOLDER}")
    try:
        return show_changes(project, ctx) if phase == WORKING else gather(project, intent, ctx)
    except MissingError:
        return Outcome.skipped("tldrs is not installed")
    except FailedError as error:
        return Outcome.failed(str(error))


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome:
    """Note the verdict of a review as a decision in the project's workbench, where the user wants it."""
    project, verdict = intent.project_dir, intent.payload.verdict
    if not ctx.config.is_on("record_reviews") or project is None:
        return Outcome.skipped("record_reviews is off" if project else "the project is not known")
    if verdict is None:
        return Outcome.skipped("the review has no verdict that could be read")
    said, reason = (
        f"Review of {plain_line(intent.context_id)}: {verdict.value}",
        f"{plain_line(intent.producer)} {intent.event_id}",
    )
    if not ctx.once("decide", happened=lambda: _is_decided(project, reason)):
        return Outcome.done("noted by an earlier attempt")
    try:
        done = run(["wb", "decide", said, f"--reason={reason}"], project, ctx)
    except MissingError:
        return Outcome.skipped("tldrs is not installed")
    found = _DECIDED.search(done.stdout)
    if not done.ok or not found:
        return Outcome.failed(f"tldrs wb decide: {plain_line(done.why)}")
    keep(ctx, RECORDED, {**recall(ctx, RECORDED), found[1]: intent.event_id}, most=_REMEMBERED)
    return Outcome.done(f"noted as {found[1]}")


def _is_decided(project: Path, reason: str) -> bool | None:
    """Whether the workbench has a decision for this reason; ``None`` when nobody can tell."""
    path = project / WORKBENCH
    rows = read_rows(path, "SELECT id FROM decisions WHERE reason = ?", reason)
    return bool(rows) if rows is not None or not path.exists() else None


def _prebuild(project: Path, ctx: AdapterContext) -> Outcome:
    """Make the bundle of the commit that is checked out; whoever watches bundles tells it."""
    commit = read_commit(project, ctx)
    if commit is None:
        return Outcome.skipped("there is no commit to prepare")
    if (project / BUNDLES / f"{commit}.json").is_file():
        return Outcome.skipped(f"there is a bundle of {commit[:12]}")
    try:
        done = run(["prebuild", "--project", str(project)], project, ctx, timeout=_PREBUILD_SECONDS)
    except MissingError:
        return Outcome.skipped("tldrs is not installed")
    saved = _SAVED.search(done.stdout)
    if not done.ok or not saved:
        return Outcome.failed(f"tldrs prebuild: {plain_line(done.why)}")
    return Outcome.done(f"bundle of {saved[1][:12]}: {saved[2]} symbols")
