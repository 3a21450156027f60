"""Commits by which a release is made, from git's own record of what was checked out: no process is started.

Only commits that were made here are in it; what a pull brought was released elsewhere.

Source: ``reference/modules/interpub.md`` sections 5.2 (side effects) and 5.3, row P4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft, ReleaseState
from interhost_hookspecs.files import read_head, signature
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.sources import tail_lines

from interhost_interpub.releases import compose, is_name, is_version, read_plugin, tell_once

_COMMIT = re.compile(r"[0-9a-f]+ ([0-9a-f]{40,64}) .*> (\d{1,10}) [+-]\d{4}\tcommit(?: \([\w ]+\))?: (.*)")
_PLUGIN = re.compile(r"chore: bump version to (\S+)")
_MARKETPLACE = re.compile(r"chore: bump (\S+) to v(\S+)")


def tell_commits(root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """What the new commits of a project say: a plugin's version was raised, or its marketplace has it."""
    for line in tail_lines(find_git(root, ctx) / "logs" / "HEAD", ctx):
        if found := _COMMIT.fullmatch(line):
            yield from _tell_commit(found[1], found[2], found[3], root, ctx)


def find_git(root: Path, ctx: AdapterContext) -> Path:
    """The folder in which git keeps a project's record; a worktree has it elsewhere, as its ``.git`` file says."""
    path = root / ".git"
    if path.is_dir():
        return path
    known, sign = recall(ctx, f"worktree:{root}"), signature(path)
    if known.get("signature") != sign:
        stated = read_head(path, 4096).decode("utf-8", "replace").partition("\n")[0]
        known = {"signature": sign, "folder": stated.removeprefix("gitdir:").strip()}
        keep(ctx, f"worktree:{root}", known)
    folder = str(known["folder"])
    return root / folder if folder.isprintable() and folder else path


def _tell_commit(commit: str, seconds: str, subject: str, root: Path, ctx: AdapterContext) -> list[Draft]:
    make = partial(
        compose,
        ctx=ctx,
        source="git:commit",
        at=datetime.fromtimestamp(int(seconds), UTC),
        extensions={"git_sha": commit},
    )
    if (found := _PLUGIN.fullmatch(subject)) and is_version(found[1]):
        if not (plugin := read_plugin(root)):
            return []
        return tell_once(make(plugin.name, found[1], ReleaseState.PUBLISHING, stated="raised", root=root), ctx)
    if (found := _MARKETPLACE.fullmatch(subject)) and is_name(found[1]) and is_version(found[2]):
        return tell_once(make(found[1], found[2], ReleaseState.PUBLISHED, stated="in the marketplace"), ctx)
    return []
