"""What ``ic publish doctor`` finds wrong after something was released or installed.

Source: ``reference/modules/interpub.md`` sections 5.3 (row P6) and 5.5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft, DriftDetected, Severity
from interhost_hookspecs.positions import list_new
from interhost_hookspecs.reading import fact_key

from interhost_interpub.commands import list_findings
from interhost_interpub.releases import MANIFEST, find_root, is_name, read_plugin


def tell_findings(ctx: AdapterContext) -> Iterator[Draft]:
    """The errors that were not there when the doctor was asked last."""
    if not ctx.config.is_on("run_doctor"):
        return
    errors = list_findings(find_plugin_project(ctx), ctx)
    if errors is None:
        return
    found = {json.dumps([one["plugin"], one["category"], one["message"]]): one for one in errors}
    for key in list_new(ctx, "findings", dict.fromkeys(found, True)):
        one = found[key]
        root = find_root(one["plugin"], ctx)
        yield Draft(
            payload=DriftDetected(
                kind="release", signal=one["category"] or None, detail=f"{one['plugin']}: {one['message']}"
            ),
            context_id=None if root else f"project:{one['plugin'] if is_name(one['plugin']) else 'interpub'}",
            artifact_path=root / MANIFEST if root else None,
            project_dir=root,
            severity=Severity.WARN,
            source_hook="cli:ic publish doctor",
            dedupe_key=fact_key("interpub", "finding", key, ctx.now()),
            extensions={"plugin": one["plugin"], "fix": one["fix"]},
        )


def find_plugin_project(ctx: AdapterContext) -> Path | None:
    """The project in which the doctor is asked: the first that is a plugin."""
    return next((root for root in ctx.projects if read_plugin(root)), None)
