"""The hooks of the interlock adapter."""

from __future__ import annotations

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, hookimpl
from interhost_hookspecs.checks import check_file, check_module

from interhost_interlock.client import ServiceError
from interhost_interlock.edits import observe_hook
from interhost_interlock.looks import observe
from interhost_interlock.reactions import (
    on_coordination,
    on_drift_detected,
    on_gate_result,
    on_phase_transition,
    on_review_pass,
)
from interhost_interlock.service import PROBLEM, find_address, find_service

__all__ = [
    "observe",
    "observe_hook",
    "on_coordination",
    "on_drift_detected",
    "on_gate_result",
    "on_phase_transition",
    "on_review_pass",
]

JOINED = ".config/interlock/joined"


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="interlock",
        summary="Tells who holds, wants and gives back which files; tells a session that came second, and the others "
        "of risky reviews.",
        homepage="https://github.com/mistakeknot/interlock",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the service, interlock itself, and whether sessions join it."""
    return [
        _check_service(ctx),
        check_module(ctx, "install the interlock plugin, or configure 'url' or 'socket' where only intermute runs"),
        check_file(ctx.home / JOINED, "joined", "/interlock:join makes sessions announce what they edit"),
    ]


def _check_service(ctx: AdapterContext) -> Check:
    hint = "start intermute; until then nothing of it is told, and nobody is kept from working"
    try:
        where = str(find_address(ctx))
        if (service := find_service(ctx)) is None:
            return Check(name="service", level=CheckLevel.NOTE, detail="interlock is not installed", hint=hint)
        service.check_health()
    except ServiceError as error:
        return Check(name="service", level=CheckLevel.NOTE, detail=str(error), hint=hint)
    if problem := ctx.cursor.get(PROBLEM):
        return Check(
            name="service", level=CheckLevel.PROBLEM, detail=problem, hint="it is well, but did not answer this"
        )
    return Check(name="service", level=CheckLevel.OK, detail=where, hint=hint)
