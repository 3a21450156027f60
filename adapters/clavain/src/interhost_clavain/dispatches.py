"""Work that Clavain's script hands to another agent: one sideband for each process, which goes when that ends.

The older file in ``/tmp`` says the same, and is all there is where interband is not installed. A task that the kernel
started is the kernel's; the same process has a sideband, too, and is not told again.

Source: ``reference/cli-contracts.md`` sections 5.4, 5.5 and 5.7.
"""

from __future__ import annotations

import os.path
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft
from interhost_hookspecs.files import find_project, is_own, read_head
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import first_count, first_line, read_object

INTENT = "clavain.dispatch@1.0"
"""Work was handed to another agent, or that one has ended: ``state`` is ``started`` or ``ended``."""

CHANNEL = ("clavain", "dispatch")
LEGACY = "clavain-dispatch-*.json"
"""The older files, in the temporary directory; the process stands for the ``*``."""

_PREFIX = LEGACY.partition("*")[0]
_KEPT = ("name", "workdir", "started", "turns", "commands", "messages")
_DONE = "done"


def tell_dispatches(ctx: AdapterContext, kernels: Collection[int]) -> Iterator[Draft]:
    """What was started and what has ended since the last look.

    Args:
        ctx: Knows the sidebands.
        kernels: Processes that the kernel tells about.
    """
    running: dict[str, dict[str, object]] = recall(ctx, "dispatches")
    folder = ctx.config.path("temporary_dir")
    news = {path.stem.removeprefix(_PREFIX): _read(path) for path in ctx.changed(LEGACY, root=folder, settle=0.0)}
    news |= {one.key: one.payload for one in ctx.sideband.changed(*CHANNEL)}
    for process in sorted(running.keys() | news.keys()):
        now = news.get(process) or ctx.sideband.read(*CHANNEL, process) or _read(folder / f"{_PREFIX}{process}.json")
        known, is_same = running.get(process), False
        if known and now:
            is_same = now.get("started") == known.get("started")
        is_over = not now or now.get("activity") == _DONE
        if known and (is_over or not is_same):
            yield _compose("ended", process, now if now and is_same else known, ctx)
            del running[process]
        if now and not is_over and not is_same and process in news and not _is_any(process, kernels):
            running[process] = {key: now.get(key) for key in _KEPT}
            yield _compose("started", process, now, ctx)
    keep(ctx, "dispatches", running)


def _read(path: Path) -> Mapping[str, object]:
    """What an older file says; nothing when it is gone, damaged, or somebody else's."""
    return read_object(read_head(path)) if is_own(path) else {}


def _compose(state: str, process: str, keys: Mapping[str, object], ctx: AdapterContext) -> Draft:
    workdir = first_line(keys, "workdir")
    counted = {key: first_count(keys, key) for key in ("turns", "commands", "messages")}
    payload = {"state": state, "name": first_line(keys, "name"), "process": process, "workdir": workdir, **counted}
    return Draft(
        intent=INTENT,
        payload=payload,
        project_dir=_project(workdir, ctx),
        source_hook="interband:clavain/dispatch",
        dedupe_key=f"clavain:dispatch:{process}:{keys.get('started')}:{state}",
    )


def _project(workdir: str | None, ctx: AdapterContext) -> Path:
    """The known project that the work is done in, else the folder itself, else the home: it happened somewhere."""
    folder = Path(workdir) if workdir and os.path.isabs(workdir) else ctx.home
    return find_project(folder, ctx.projects) or folder


def _is_any(process: str, kernels: Collection[int]) -> bool:
    return process.isdecimal() and int(process) in kernels
