"""The checks that most adapters make for ``interhost doctor``. A missing module is a note, a broken one a problem."""

from __future__ import annotations

import os
from pathlib import Path

from interhost_hookspecs.context import AdapterContext
from interhost_hookspecs.specs.adapter import Check, CheckLevel


def check_module(ctx: AdapterContext, hint: str, *, needs: Path | None = None) -> Check:
    """Whether the adapter's module is installed.

    Args:
        ctx: Knows where.
        hint: What to do when it is not, and what does not work until then.
        needs: A file below its root without which it is as good as absent.
    """
    root = ctx.module_root()
    found = root is not None and (needs is None or (root / needs).is_file())
    level = CheckLevel.OK if found else CheckLevel.NOTE
    return Check(name="module", level=level, detail=str(root) if root else "not installed", hint=hint)


def check_program(ctx: AdapterContext, name: str, hint: str) -> Check:
    """Whether a program is installed and says its version."""
    answer = ctx.run([name, "--version"])
    level = CheckLevel.OK if answer.ok else CheckLevel.NOTE if answer.missing else CheckLevel.PROBLEM
    return Check(name=name, level=level, detail="not installed" if answer.missing else answer.why, hint=hint)


def check_file(path: Path, name: str, hint: str) -> Check:
    """Whether a file that the module writes is there and may be read; the hint says when it is written."""
    if path.is_file() and not os.access(path, os.R_OK):
        return Check(name=name, level=CheckLevel.PROBLEM, detail=f"{path} cannot be read", hint=f"chmod u+r {path}")
    level = CheckLevel.OK if path.is_file() else CheckLevel.NOTE
    return Check(name=name, level=level, detail=str(path), hint=hint)


def check_requests(ctx: AdapterContext, kind: str) -> Check:
    """How many of the adapter's requests of a kind wait for an answer, and which has waited longest."""
    waiting = ctx.open_requests(kind)
    return Check(
        name="requests",
        level=CheckLevel.NOTE if waiting else CheckLevel.OK,
        detail=f"{len(waiting)} open",
        hint=f"the oldest is {waiting[0].path}" if waiting else "",
    )
