"""The hooks of the interphase adapter."""

from __future__ import annotations

import os

from interhost_hookspecs import (
    AdapterContext,
    AdapterInfo,
    Check,
    CheckLevel,
    Intent,
    Observation,
    Outcome,
    ReviewPass,
    hookimpl,
)

from interhost_interphase.beads import say_why
from interhost_interphase.facts import list_facts
from interhost_interphase.review import LIBRARY, react
from interhost_interphase.telemetry import TELEMETRY, count_unfinished, list_entries


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    """Tell what interphase wrote into its telemetry since the last look."""
    tail = ctx.tail(ctx.home / TELEMETRY)
    entries = list_entries(tail.lines)
    if unfinished := count_unfinished(entries, len(tail.lines), ctx.now()):
        tail.give_back(unfinished)
        entries.pop()
    return Observation(drafts=tuple(list_facts(entries, ctx.projects)))


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome:
    """Say, or do, what a finished review means for the phase of its bead."""
    return react(intent, ctx)


@hookimpl
def describe_adapter() -> AdapterInfo:
    """Say what this adapter is."""
    return AdapterInfo(
        module="interphase",
        summary="Tells phase changes and gate decisions of beads; after a safe review, advises or makes the next move.",
    )


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    """Look for the telemetry file, ``bd`` and interphase itself."""
    return [_check_telemetry(ctx), _check_bd(ctx), _check_module(ctx)]


def _check_telemetry(ctx: AdapterContext) -> Check:
    path = ctx.home / TELEMETRY
    if path.is_file() and not os.access(path, os.R_OK):
        return Check(
            name="telemetry", level=CheckLevel.PROBLEM, detail=f"{path} cannot be read", hint=f"chmod u+r {path}"
        )
    return Check(
        name="telemetry",
        level=CheckLevel.OK if path.is_file() else CheckLevel.NOTE,
        detail=str(path),
        hint="interphase writes it with the first phase change of a bead; without it nothing is observed",
    )


def _check_bd(ctx: AdapterContext) -> Check:
    answer = ctx.run(["bd", "--version"])
    detail = answer.stdout.strip() if answer.ok else "not installed" if answer.missing else say_why(answer)
    level = CheckLevel.OK if answer.ok else CheckLevel.NOTE if answer.missing else CheckLevel.PROBLEM
    return Check(name="bd", level=level, detail=detail, hint="install Beads; without it no phase can be moved")


def _check_module(ctx: AdapterContext) -> Check:
    root = ctx.module_root()
    found = root is not None and (root / LIBRARY).is_file()
    return Check(
        name="module",
        level=CheckLevel.OK if found else CheckLevel.NOTE,
        detail=str(root) if root else "not installed",
        hint="install the interphase plugin or set INTERPHASE_ROOT; without it, moves go through bd, past its gates",
    )
