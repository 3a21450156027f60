"""The hooks of the tldr-swinton adapter."""

from __future__ import annotations

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, Observation, hookimpl
from interhost_hookspecs.checks import check_program
from interhost_hookspecs.sources import tell_changes

from interhost_tldr_swinton.command import PROGRAM
from interhost_tldr_swinton.daemon import FOLDER, is_at_work
from interhost_tldr_swinton.index import SOURCES
from interhost_tldr_swinton.reactions import on_artifact_ready, on_phase_transition, on_review_pass, on_start_sprint
from interhost_tldr_swinton.receipts import tell_receipts
from interhost_tldr_swinton.sessions import observe_hook
from interhost_tldr_swinton.watch import tell_states

__all__ = ["observe_hook", "on_artifact_ready", "on_phase_transition", "on_review_pass", "on_start_sprint"]


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what tldr-swinton has prepared, delivered and noted in every project since the last look."""
    files = [draft for project in ctx.projects for draft in tell_changes(SOURCES, project, ctx)]
    return Observation(drafts=(*files, *tell_states(ctx), *tell_receipts(ctx)))


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="tldr-swinton",
        summary="Tells what tldrs prepares and delivers; gathers diagnostics and the impact of changes before a gate.",
        homepage="https://github.com/mistakeknot/tldr-swinton",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for tldrs, for a checker without which diagnostics look clean, and for the daemons of known projects."""
    checkers = [name for name in ("ruff", "pyright", "tsc") if ctx.run([name, "--version"]).ok]
    used = [project for project in ctx.projects if (project / FOLDER).is_dir()]
    running = [project for project in used if is_at_work(project, ctx)]
    return [
        check_program(ctx, PROGRAM, "install tldr-swinton; without it nothing is prepared and no evidence is gathered"),
        Check(
            name="checkers",
            level=CheckLevel.OK if checkers else CheckLevel.NOTE,
            detail=", ".join(checkers) or "none",
            hint="" if checkers else "install ruff, pyright or tsc; without one, diagnostics measure nothing",
        ),
        Check(
            name="projects",
            level=CheckLevel.OK,
            detail=f"projects that use it: {len(used)}; daemons at work: {len(running)}",
            hint="",
        ),
    ]
