"""What the host calls: one function per hook that interflux has a part in."""

from __future__ import annotations

import os

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    ArtifactReady,
    Change,
    Check,
    CheckLevel,
    Intent,
    Observation,
    Outcome,
    hookimpl,
)

from interhost_interflux.passes import PATTERNS, read_pass
from interhost_interflux.request import request_review

REVIEWED_KINDS = frozenset({"plan", "prd", "brainstorm"})


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Publish the reviews that finished since the last look, in the order in which they were written."""
    drafts = [
        draft
        for root in ctx.projects
        for pattern, mode in PATTERNS.items()
        for path in ctx.changed(pattern, root=root, settle=2.0)
        for draft in read_pass(path, root=root, mode=mode, ctx=ctx)
    ]
    return Observation(drafts=tuple(sorted(drafts, key=lambda draft: draft.occurred_at or ctx.now())))


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review of a plan, PRD or brainstorm; every other artifact is not our business."""
    path = intent.artifact_path
    if intent.payload.kind not in REVIEWED_KINDS:
        return None
    if ctx.config.get("request_reviews", True) is not True:
        return Outcome.skipped("request_reviews is off")
    if ctx.module_root() is None:
        return Outcome.skipped("interflux is not installed")
    if intent.payload.change is Change.REMOVED:
        return Outcome.skipped("the artifact was removed")
    if path is None or not os.path.isfile(path):
        return Outcome.skipped(f"there is no file to review: {path}")
    if not str(path).isprintable():  # the path goes into text that an agent reads
        return Outcome.skipped("the path holds control characters")
    return request_review(path, intent, ctx)


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Name the module and what this adapter does for it."""
    return AdapterInfo(
        module="interflux",
        summary="Publishes finished flux-drive and flux-review passes; requests new ones for plans, PRDs, brainstorms.",
        homepage="https://github.com/mistakeknot/interflux",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the installed module, and for findings in the projects the host knows."""
    module = ctx.module_root()
    found = sum(1 for root in ctx.projects for pattern in PATTERNS for _ in root.glob(pattern))
    return [
        Check(
            name="module",
            level=CheckLevel.OK if module else CheckLevel.NOTE,
            detail=f"{module.name} in {module}" if module else "not installed",
            hint="install the interflux plugin or set INTERHOST_INTERFLUX_ROOT; without it no review is requested",
        ),
        Check(name="findings", level=CheckLevel.OK, detail=f"{found} seen; projects known: {len(ctx.projects)}"),
    ]
