"""The hooks of the tool-time adapter."""

from __future__ import annotations

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, Observation, hookimpl
from interhost_hookspecs.checks import check_file, check_module, check_program

from interhost_tool_time.calls import LOG, count_calls
from interhost_tool_time.patterns import tell_failures, tell_patterns
from interhost_tool_time.reports import tell_reports
from interhost_tool_time.sprint import on_phase_transition, on_start_sprint

__all__ = ["on_phase_transition", "on_start_sprint"]


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what the calls of each project give away, and what tool-time's reports say."""
    calls, usages = count_calls(ctx)
    patterns = tell_patterns(usages, ctx) if usages is not None else ()
    return Observation(drafts=(*tell_failures(calls, ctx), *patterns, *tell_reports(ctx)))


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="tool-time",
        summary="Tells which tool calls fail too often, and habits; completes the log when a sprint ends.",
        homepage="https://github.com/mistakeknot/tool-time",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the log, for what its hook needs, and for tool-time itself."""
    return [
        check_file(ctx.home / LOG, "log", "tool-time's hook writes it with the first tool call"),
        check_program(ctx, "jq", "install jq; without it tool-time's hook logs nothing and does not say so"),
        check_module(ctx, "install the tool-time plugin; without it the log is not completed when a sprint ends"),
    ]
