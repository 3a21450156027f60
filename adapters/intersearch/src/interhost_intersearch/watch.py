"""What happens to the stores: files were indexed, the model changed, everything is gone.

intersearch announces nothing and keeps no history: ``updated`` is the only cursor, and a change of the model deletes
every embedding with a warning in a log that nobody reads.

Source: ``reference/modules/intersearch.md`` sections 3.5 and 3.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext, ArtifactReady, Change, Draft, DriftDetected, Severity
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import fact_key

from interhost_intersearch.store import Index, Snapshot, list_indexes

KIND = "search_index"
"""Kind of the artifact, and of its drift."""

# One run of indexing is one fact: it is over when nobody has written for so long.
_SETTLE = 10.0
# Of a store that the host meets later than the others, this much is news.
_NEWS = timedelta(hours=1)
_REMEMBERED = 500


def tell_stores(ctx: AdapterContext) -> list[Draft]:
    """What happened to the stores since the last look; the first look is silent."""
    is_silent = ctx.cursor.get("indexes") is None and not ctx.backfill
    seen: dict[str, dict[str, Any]] = recall(ctx, "indexes")
    drafts: list[Draft] = []
    after = dict(seen)
    for index in list_indexes(ctx):
        before = after.get(str(index.path), {})  # two projects may be one, by a link
        if before.get("signature") != index.signature and not _is_busy(index, ctx):
            after[str(index.path)], told = _look(index, before, ctx)
            drafts += () if is_silent else told
    for path, before in seen.items():
        if before.get("count") and not Path(path).exists():
            drafts.append(_tell_emptied(before, "no index any more", Path(path), Path(before["project"])))
            after[path] = {**before, "count": 0}
    if after != seen or is_silent:
        keep(ctx, "indexes", after, most=_REMEMBERED)
    return drafts


def _is_busy(index: Index, ctx: AdapterContext) -> bool:
    """Whether somebody is at work on it; a time in the future was set by another clock."""
    return 0 <= ctx.now().timestamp() - index.written < _SETTLE


def _look(index: Index, before: Mapping[str, Any], ctx: AdapterContext) -> tuple[dict[str, Any], list[Draft]]:
    """What to remember of a store that has changed, and what that tells."""
    seen = {**before, "signature": index.signature, "project": str(index.project)}
    found = index.read(before.get("updated") or ("" if ctx.backfill else (ctx.now() - _NEWS).isoformat()), ctx.now())
    if found is None:
        return seen, []
    kept = {"updated": found.newest, "model": found.model, "count": found.count}
    return {**seen, **kept}, list(_tell_change(index, before, found))


def _tell_change(index: Index, before: Mapping[str, Any], found: Snapshot) -> Iterator[Draft]:
    model = before.get("model")
    if model and found.model and found.model != model:
        detail = "intersearch deleted every embedding of the earlier model"
        yield _compose_drift("model_changed", model, found.model, detail, index.path, index.project)
    elif before.get("count") and not found.count:
        yield _tell_emptied(before, "an empty index", index.path, index.project)
    if found.fresh:
        yield Draft(
            payload=ArtifactReady(
                kind=KIND,
                title=f"Files indexed: {found.fresh}",
                change=Change.CREATED if found.fresh == found.count else Change.UPDATED,
            ),
            artifact_path=index.path,
            source_hook="file:embeddings.db",
            project_dir=index.project,
            dedupe_key=fact_key("intersearch", "indexed", index.path, found.newest),
            extensions={"count": found.fresh, "total": found.count, "model": found.model, "paths": list(found.paths)},
        )


def _tell_emptied(before: Mapping[str, Any], actual: str, path: Path, project: Path) -> Draft:
    detail = "a search by meaning finds nothing until the project is indexed again"
    return _compose_drift("emptied", f"files in the index: {before['count']}", actual, detail, path, project)


def _compose_drift(signal: str, expected: str, actual: str, detail: str, path: Path, project: Path) -> Draft:
    """The index is not what it was. It has no key: it is told when it is seen, and what was seen is kept with it."""
    return Draft(
        payload=DriftDetected(kind=KIND, expected=expected, actual=actual, signal=signal, detail=detail),
        artifact_path=path,
        severity=Severity.WARN,
        source_hook="file:embeddings.db",
        project_dir=project,
    )
