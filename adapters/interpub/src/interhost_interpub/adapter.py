"""What the host calls, and where ``ic publish`` leaves what it is called for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, Draft, Observation, hookimpl
from interhost_hookspecs.checks import check_file, check_module
from interhost_hookspecs.reading import plain_line
from interhost_hookspecs.sources import watch_states

from interhost_interpub.canaries import CANARIES, INSTALLED, tell_canaries, tell_installed
from interhost_interpub.commands import list_findings
from interhost_interpub.commits import tell_commits
from interhost_interpub.findings import find_plugin_project, tell_findings
from interhost_interpub.kernel import tell_publishes
from interhost_interpub.output import observe_hook, tell_transcripts
from interhost_interpub.reactions import on_phase_transition, on_release_status, on_review_pass
from interhost_interpub.releases import REQUEST

__all__ = ["observe_hook", "on_phase_transition", "on_release_status", "on_review_pass"]

STATES: Mapping[str, Callable[[Path, AdapterContext, bool], Iterator[Draft]]] = MappingProxyType(
    {CANARIES: tell_canaries, INSTALLED: tell_installed}
)
"""The files of the user that a publish replaces as a whole, and what each tells; the better witness first."""


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what was released since the last look, by whichever trace shows it first."""
    looks = [(tell, path, is_news) for name, tell in STATES.items() for path, is_news in _watch(name, ctx)]
    drafts = [draft for tell, path, is_news in looks for draft in tell(path, ctx, is_news)]
    drafts += [*tell_publishes(ctx), *(draft for root in ctx.projects for draft in tell_commits(root, ctx))]
    drafts += tell_transcripts(ctx)
    if any(is_news for *_, is_news in looks):
        drafts += tell_findings(ctx)
    return Observation(drafts=tuple(sorted(drafts, key=lambda draft: draft.occurred_at or ctx.now())))


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Name the module and what this adapter does for it."""
    return AdapterInfo(
        module="interpub",
        summary="Tells releases of plugins and their canaries; looks whether one is ready, and leaves it to you.",
        homepage="https://github.com/mistakeknot/interpub",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the module, ``ic`` and its canaries, for what its doctor finds, and for releases nobody has made."""
    waiting = ctx.open_requests(REQUEST)
    version = ctx.run(["ic", "version"])
    ic = CheckLevel.OK if version.ok else CheckLevel.NOTE if version.missing else CheckLevel.PROBLEM
    detail = "not installed" if version.missing else plain_line(version.why)
    return [
        check_module(ctx, "install the interpub plugin or set INTERPUB_ROOT; it has the commands that publish"),
        Check(name="ic", level=ic, detail=detail, hint="install intercore; without it no release is prepared"),
        check_file(ctx.home / CANARIES, "canaries", "ic publish writes it with the first release"),
        *([_check_findings(ctx)] if version.ok else []),
        Check(
            name="requests",
            level=CheckLevel.NOTE if waiting else CheckLevel.OK,
            detail=f"{len(waiting)} open",
            hint=f"the oldest is {waiting[0].path}" if waiting else "",
        ),
    ]


def _watch(name: str, ctx: AdapterContext) -> list[tuple[Path, bool]]:
    path = ctx.home / name
    return list(watch_states(path.name, path.parent, ctx, settle=0.0))


def _check_findings(ctx: AdapterContext) -> Check:
    errors = list_findings(find_plugin_project(ctx), ctx)
    if errors is None:
        hint = "run ic publish doctor --json by hand"
        return Check(name="marketplace", level=CheckLevel.NOTE, detail="ic publish doctor cannot say", hint=hint)
    if not errors:
        return Check(name="marketplace", level=CheckLevel.OK, detail="no errors")
    first = errors[0]
    return Check(
        name="marketplace",
        level=CheckLevel.PROBLEM,
        detail=f"{len(errors)} errors, the first of {first['plugin']}: {first['message']}",
        hint=first["fix"] or "ic publish doctor says more",
    )
