"""The hooks of the Clavain adapter."""

from __future__ import annotations

from interhost_hookspecs import AdapterContext, AdapterInfo, Check, CheckLevel, Observation, hookimpl
from interhost_hookspecs.checks import check_module
from interhost_hookspecs.runs import DATABASE

from interhost_clavain.commands import observe_hook
from interhost_clavain.dispatches import tell_dispatches
from interhost_clavain.documents import tell_documents
from interhost_clavain.kernel import list_problems, list_processes, tell_kernel
from interhost_clavain.quality import tell_gates

__all__ = ["observe_hook"]


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what Clavain's commands have left: documents, then what the kernel knows, quality gates, dispatched work."""
    documents, kernel, gates = list(tell_documents(ctx)), list(tell_kernel(ctx)), list(tell_gates(ctx))
    return Observation(drafts=(*documents, *kernel, *gates, *tell_dispatches(ctx, list_processes(ctx))))


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="clavain",
        summary="Tells what becomes of runs, documents and quality gates, and who works on what.",
        homepage="https://github.com/mistakeknot/Clavain",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for Clavain and for the databases of the projects; the programs are a matter of submissions."""
    hint = "install the Clavain plugin or set CLAVAIN_ROOT; documents and runs are told without it"
    return [check_module(ctx, hint), _check_kernel(ctx)]


def _check_kernel(ctx: AdapterContext) -> Check:
    problems = list_problems(ctx)
    watched = [project for project in ctx.projects if (project / DATABASE).is_file()]
    if not ctx.config.is_on("read_kernel"):
        level, detail = CheckLevel.NOTE, "read_kernel is off"
    elif problems:
        level, detail = CheckLevel.PROBLEM, "; ".join(problems)
    else:
        level = CheckLevel.OK if watched else CheckLevel.NOTE
        detail = ", ".join(map(str, watched)) or "no known project has a database"
    return Check(name="kernel", level=level, detail=detail, hint="run 'ic health' there, or 'ic init' to begin one")
