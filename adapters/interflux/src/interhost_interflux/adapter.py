"""What the host calls, and where interflux leaves what it is called for."""

from __future__ import annotations

from functools import partial

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, Draft, Observation, hookimpl
from interhost_hookspecs.checks import check_module, check_requests
from interhost_hookspecs.sources import Source, tell_changes

from interhost_interflux.requests import on_artifact_ready, on_drift_detected, on_gate_result, on_phase_transition
from interhost_interflux.reviews import DRIVE, TRACK, tell_ended, tell_findings, tell_synthesis
from interhost_interflux.signals import observe_hook, tell_peers, tell_report
from interhost_interflux.subject import KIND

__all__ = ["observe_hook", "on_artifact_ready", "on_drift_detected", "on_gate_result", "on_phase_transition"]

_DRIVE, _REVIEW = "docs/research/flux-drive/*", "docs/research/flux-review/*"
_report, _research = (partial(tell_report, kind=f"{kind}_report") for kind in ("review", "research"))

SOURCES: tuple[Source[Draft], ...] = (
    Source(f"{_DRIVE}/findings.json", partial(tell_findings, mode=DRIVE)),
    Source(f"{_REVIEW}/track-*/findings.json", partial(tell_findings, mode=TRACK)),
    Source(f"{_REVIEW}/*-synthesis.md", tell_synthesis),
    Source(f"{_REVIEW}/*-synthesis.md", _report),
    Source(f"{_DRIVE}/summary.md", _report),
    Source(f"{_DRIVE}/synthesis.md", _report),
    Source(f"{_REVIEW}/track-*/summary.md", _report),
    Source(f"{_REVIEW}/track-*/synthesis.md", _report),
    Source("docs/research/flux-research/*/synthesis.md", _research),
    Source("docs/research/flux-melange/*/*-synthesis.md", _research),
    Source(f"{_DRIVE}/peer-findings.jsonl", tell_peers, settle=0.0),
    Source(f"{_REVIEW}/track-*/peer-findings.jsonl", tell_peers, settle=0.0),
)
"""What is watched below a project's root, and what each file tells."""


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Publish what runs have left since the last look, in the order in which it was written."""
    drafts = [draft for root in ctx.projects for draft in (*tell_changes(SOURCES, root, ctx), *tell_ended(root, ctx))]
    return Observation(drafts=tuple(sorted(drafts, key=lambda draft: draft.occurred_at or ctx.now())))


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
    patterns = {source.pattern for source in SOURCES}
    found = sum(1 for root in ctx.projects for pattern in patterns for _ in root.glob(pattern))
    return [
        check_module(
            ctx, "install the interflux plugin or set INTERHOST_INTERFLUX_ROOT; without it no review is requested"
        ),
        Check(name="results", level=CheckLevel.OK, detail=f"{found} seen; projects known: {len(ctx.projects)}"),
        check_requests(ctx, KIND),
    ]
