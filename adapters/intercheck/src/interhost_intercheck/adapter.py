"""The hooks of the intercheck adapter."""

from __future__ import annotations

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, Draft, Observation, hookimpl
from interhost_hookspecs.checks import check_module, check_program

from interhost_intercheck.checking import CHECK, on_artifact_ready, on_phase_transition
from interhost_intercheck.results import list_failures
from interhost_intercheck.sessions import keep_sessions, list_sessions, observe_hook
from interhost_intercheck.signals import list_counters, list_pressure
from interhost_intercheck.state import PRESSURE, STATE, list_damaged, temporary_dir

__all__ = ["observe_hook", "on_artifact_ready", "on_phase_transition"]


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what the known sessions' transcript, counters and pressure say that they did not say at the last look."""
    sessions, drafts = list_sessions(ctx), list[Draft]()
    for session in sessions:
        drafts += list_failures(session, session.read_lines(ctx))
        drafts += (*list_counters(session, ctx), *list_pressure(session, ctx))
    if sessions:
        keep_sessions(sessions, ctx)
    return Observation(drafts=tuple(drafts))


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="intercheck",
        summary="Tells syntax errors, counters and the pressure on a session's context; checks files when written.",
        homepage="https://github.com/mistakeknot/intercheck",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for intercheck and what its hooks need, for known sessions, the pressure's writer, and damaged counters."""
    known, damaged = len(list_sessions(ctx)), list_damaged(ctx)
    root = ctx.sideband.root
    written = root is not None and root.joinpath(*PRESSURE).is_dir()
    return [
        check_module(
            ctx, "install the intercheck plugin or set INTERCHECK_ROOT; without it no file is checked", needs=CHECK
        ),
        check_program(ctx, "jq", "install jq; without it intercheck's hooks do nothing, and no file is checked"),
        Check(
            name="sessions",
            level=CheckLevel.OK if known else CheckLevel.NOTE,
            detail=f"{known} known",
            hint="register 'interhost hook' for SessionStart, PostToolUse and Stop; sessions are known by their hooks",
        ),
        Check(
            name="pressure",
            level=CheckLevel.OK if written else CheckLevel.NOTE,
            detail="/".join(PRESSURE) if written else "nobody has written any",
            hint="install the interpulse plugin, which measures the pressure; intercheck does not do it any more",
        ),
        Check(
            name="counters",
            level=CheckLevel.PROBLEM if damaged else CheckLevel.OK,
            detail=f"damaged: {', '.join(map(str, damaged))}" if damaged else f"{temporary_dir(ctx)}/{STATE}",
            hint="remove the file: intercheck is silent about every error of its session",
        ),
    ]
