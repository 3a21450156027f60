"""What the host calls: one function per hook that interflux has a part in."""

from __future__ import annotations

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    ArtifactReady,
    Check,
    CheckLevel,
    DriftDetected,
    GateResult,
    HookEvent,
    Intent,
    Observation,
    Outcome,
    PhaseTransition,
    hookimpl,
)

from interhost_interflux.drift import list_drift
from interhost_interflux.ended import tell_ended
from interhost_interflux.request import react
from interhost_interflux.sources import SOURCES, list_facts
from interhost_interflux.subject import KIND
from interhost_interflux.wanted import want_artifact, want_drift, want_gate, want_phase


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Publish what runs have left since the last look, in the order in which it was written."""
    drafts = [draft for root in ctx.projects for tell in (list_facts, tell_ended) for draft in tell(root, ctx)]
    return Observation(drafts=tuple(sorted(drafts, key=lambda draft: draft.occurred_at or ctx.now())))


@hookimpl
def observe_hook(event: HookEvent) -> Observation:
    """Tell the drift of models that a shell command reported."""
    return Observation(drafts=tuple(list_drift(event)))


@hookimpl
def on_artifact_ready(intent: Intent[ArtifactReady], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review of a plan, PRD or brainstorm; every other artifact is not our business."""
    return react(want_artifact(intent), intent, ctx)


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review of the document of the phase that begins."""
    return react(want_phase(intent, ctx), intent, ctx)


@hookimpl
def on_gate_result(intent: Intent[GateResult], ctx: AdapterContext) -> Outcome | None:
    """Ask for the review that a gate found missing or stale."""
    return react(want_gate(intent, ctx), intent, ctx)


@hookimpl
def on_drift_detected(intent: Intent[DriftDetected], ctx: AdapterContext) -> Outcome | None:
    """Ask for a review of a document that drifted."""
    return react(want_drift(intent), intent, ctx)


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
    """Look for the installed module, for results in the projects the host knows, and for requests nobody answered."""
    module = ctx.module_root()
    patterns = [source.pattern for source in SOURCES]
    found = sum(1 for root in ctx.projects for pattern in patterns for _ in root.glob(pattern))
    waiting = ctx.open_requests(KIND)
    return [
        Check(
            name="module",
            level=CheckLevel.OK if module else CheckLevel.NOTE,
            detail=f"{module.name} in {module}" if module else "not installed",
            hint="install the interflux plugin or set INTERHOST_INTERFLUX_ROOT; without it no review is requested",
        ),
        Check(name="results", level=CheckLevel.OK, detail=f"{found} seen; projects known: {len(ctx.projects)}"),
        Check(
            name="requests",
            level=CheckLevel.NOTE if waiting else CheckLevel.OK,
            detail=f"{len(waiting)} open",
            hint=f"the oldest is {waiting[0].path}" if waiting else "",
        ),
    ]
