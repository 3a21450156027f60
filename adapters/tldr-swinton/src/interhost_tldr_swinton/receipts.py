"""Receipts that Clavain's gateway writes for every packet it asked ``tldrs`` for, before a prompt reached the model.

Source: ``reference/modules/tldr-swinton.md`` sections 2.2 (state), 2.3 and 2.6.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft, Severity
from interhost_hookspecs.files import modified, read_head, signature
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import (
    fact_key,
    first_count,
    first_line,
    first_names,
    first_number,
    plain_line,
    read_object,
    read_time,
)
from interhost_hookspecs.sources import Source, tell_changes

FALLBACK = "fallback"
"""The decision of a gateway that wanted to give context and could not."""

_PATHS = 50
_SETTLED = 10.0


def tell_receipts(ctx: AdapterContext) -> Iterator[Draft]:
    """The receipts that are new, in their own folder and in the one that is used where that cannot be written."""
    for folder in (ctx.config.path("receipt_dir"), _spare_folder(ctx)):
        if folder and not _is_quiet(folder, ctx):
            yield from tell_changes(_SOURCES, folder, ctx)


def _is_quiet(folder: Path, ctx: AdapterContext) -> bool:
    """Whether no receipt has come for a while: one comes with every prompt, and to look at all of them takes time."""
    seen, sign = recall(ctx, "receipts"), signature(folder)
    if seen.get(str(folder)) != sign:
        keep(ctx, "receipts", {**seen, str(folder): sign})
        return False
    return ctx.now().timestamp() - (modified(folder) or 0.0) > _SETTLED


def _spare_folder(ctx: AdapterContext) -> Path | None:
    """Where everybody may write, only a folder of the user's own counts."""
    folder = ctx.config.path("temporary_dir") / f"clavain-context-gateway-{os.getuid()}"
    try:
        found = folder.lstat()
    except OSError:
        return None
    return folder if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() else None


def _tell_receipt(path: Path, folder: Path, ctx: AdapterContext) -> Iterator[Draft]:
    receipt = read_object(read_head(path))
    decision, project = first_line(receipt, "decision"), first_line(receipt, "project")
    if not decision or not project or not os.path.isabs(project) or not project.isprintable():
        return
    yield Draft(
        intent="tldr_swinton.packet@1.0",
        payload={
            "decision": decision,
            **{key: first_line(receipt, key) for key in ("reason", "mode", "harness_profile", "task_sha256")},
            **{key: first_number(receipt, key) for key in ("confidence", "min_confidence")},
            **{key: first_count(receipt, key) for key in ("packet_chars", "duration_ms")},
            "candidate_paths": [plain_line(one) for one in (first_names(receipt, "candidate_paths") or ())[:_PATHS]],
        },
        artifact_path=path,
        severity=Severity.WARN if decision == FALLBACK else Severity.INFO,
        source_hook="file:context-gateway",
        occurred_at=read_time(receipt.get("timestamp")),
        project_dir=Path(project),
        dedupe_key=fact_key("tldr-swinton", "packet", path.name, receipt.get("timestamp")),
    )


_SOURCES = (Source("*.json", _tell_receipt),)
