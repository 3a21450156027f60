"""What the host calls, and where interwatch leaves what it is called for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, Draft, Observation, hookimpl
from interhost_hookspecs.checks import check_module, check_requests
from interhost_hookspecs.files import is_readable, read_head
from interhost_hookspecs.sources import watch_states

from interhost_interwatch.reactions import on_artifact_ready, on_drift_detected, on_phase_transition, on_release_status
from interhost_interwatch.report import MOST_BYTES, REPORT, read_report, tell_report
from interhost_interwatch.scripts import SCAN
from interhost_interwatch.traces import (
    AUDIT,
    BASELINES,
    REQUEST,
    find_failure,
    tell_audit,
    tell_failures,
    tell_log,
    tell_refreshes,
)

__all__ = ["on_artifact_ready", "on_drift_detected", "on_phase_transition", "on_release_status"]

STATES: Mapping[str, Callable[[Path, Path, AdapterContext, bool], Iterator[Draft]]] = MappingProxyType(
    {REPORT: tell_report, BASELINES: tell_refreshes, AUDIT: tell_audit}
)
"""The files of a project that are replaced as a whole, and what each tells."""


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what interwatch found and did since the last look, in the order in which it happened."""
    drafts = [draft for root in ctx.projects for draft in _look(root, ctx)]
    return Observation(drafts=tuple(sorted(drafts, key=lambda draft: draft.occurred_at or ctx.now())))


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Name the module and what this adapter does for it."""
    return AdapterInfo(
        module="interwatch",
        summary="Tells documents that drift or are missing, refreshes and audits; scans before work ships.",
        homepage="https://github.com/mistakeknot/interwatch",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the installed module, for damaged and outdated scans, and for requests nobody answered."""
    return [
        check_module(
            ctx, "install the interwatch plugin or set INTERWATCH_ROOT; without it nothing is scanned", needs=SCAN
        ),
        _check_scans(ctx),
        _check_hooks(ctx),
        check_requests(ctx, REQUEST),
    ]


def _look(root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    for pattern, tell in STATES.items():
        for path, is_news in watch_states(pattern, root, ctx):
            yield from tell(path, root, ctx, is_news)
    yield from tell_log(root, ctx)
    yield from tell_failures(root, ctx)


def _check_scans(ctx: AdapterContext) -> Check:
    saved = [root / REPORT for root in ctx.projects if is_readable(root / REPORT)]
    torn = [path for path in saved if read_report(read_head(path, MOST_BYTES + 1), path.parent.parent) is None]
    if torn:
        hint = "scan again, such as with /interwatch:watch; until then nothing of it is told"
        return Check(name="scans", level=CheckLevel.PROBLEM, detail=f"{torn[0]} is damaged", hint=hint)
    return Check(
        name="scans",
        level=CheckLevel.OK if saved else CheckLevel.NOTE,
        detail=f"{len(saved)} saved; projects known: {len(ctx.projects)}",
        hint="" if saved else "/interwatch:watch or interwatch's git hooks save one",
    )


def _check_hooks(ctx: AdapterContext) -> Check:
    failing = [(root, failure) for root in ctx.projects if (failure := find_failure(root))]
    if not failing:
        return Check(name="git hooks", level=CheckLevel.OK, detail="no scan failed since the last saved one")
    root, failure = failing[0]
    return Check(
        name="git hooks",
        level=CheckLevel.PROBLEM,
        detail=f"{root}: {failure.hook} ended with {failure.exit}: {failure.error}",
        hint=f"its saved scan grows old; {root / '.interwatch' / 'hook.log'} says more",
    )
