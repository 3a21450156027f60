"""What tldr-swinton has prepared of a project: a bundle per commit, the call graph, the index by meaning.

Source: ``reference/modules/tldr-swinton.md`` sections 2.2 (state), 2.3 and 2.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext, ArtifactReady, Change, Draft
from interhost_hookspecs.files import read_head, signature
from interhost_hookspecs.reading import fact_key, first_count, first_line, first_number, read_object, value_at
from interhost_hookspecs.sources import Source

BUNDLES = ".tldrs/cache/bundles"
"""Where bundles are, below the root of a project."""

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_LARGEST = 8 << 20
_LAST_TIME = 253_402_300_799  # the end of the year 9999


def _tell_bundle(path: Path, project: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """A bundle that was made; making it again for the same commit is no news."""
    bundle = read_object(read_head(path, _LARGEST))
    if not _COMMIT.fullmatch(path.stem) or bundle.get("commit_sha") != path.stem:
        return
    more = {key: first_count(bundle, f"metadata.{key}") for key in ("token_count", "file_count")}
    yield _compose(
        "context_bundle",
        f"Bundle of {path.stem[:12]}",
        path,
        project,
        key=path.stem,
        at=first_number(bundle, "created_at"),
        commit=path.stem,
        change=Change.CREATED,
        more={**more, "symbols": first_count(bundle, "structure"), "branch_info": _read_branch(bundle)},
    )


def _tell_graph(path: Path, project: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """The call graph of another time. One that is too large to be read here is told by its file alone."""
    graph = read_object(read_head(path, _LARGEST))
    time, edges = first_number(graph, "timestamp"), first_count(graph, "edges")
    more = {"index": "call_graph", "edges": edges}
    key = time or signature(path)
    yield _compose("code_index", "Call graph", path, project, key=key, at=time, more=more)


def _tell_meta(path: Path, project: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """The index by meaning was built; its file bears no time."""
    meta = read_object(read_head(path))
    if backend := first_line(meta, "backend"):
        texts = {key: first_line(meta, key) for key in ("embed_model", "embed_backend")}
        more = {"index": "semantic", "backend": backend, **texts, "count": first_count(meta, "count")}
        yield _compose("code_index", "Index by meaning", path, project, key=signature(path), more=more)


SOURCES: Sequence[Source[Draft]] = (
    Source(f"{BUNDLES}/*.json", _tell_bundle),
    Source(".tldrs/cache/call_graph.json", _tell_graph),
    Source(".tldrs/index/meta.json", _tell_meta),
)
"""The files, and what each tells when it changed."""


def _compose(
    kind: str,
    title: str,
    path: Path,
    project: Path,
    *,
    key: object,
    more: dict[str, Any],
    at: float | None = None,
    commit: str | None = None,
    change: Change = Change.UPDATED,
) -> Draft:
    return Draft(
        payload=ArtifactReady(kind=kind, title=title, change=change, commit=commit),
        artifact_path=path,
        source_hook=f"file:{'bundles' if commit else path.name}",
        occurred_at=datetime.fromtimestamp(at, UTC) if at and 0 < at < _LAST_TIME else None,
        project_dir=project,
        dedupe_key=fact_key("tldr-swinton", kind, path, key),
        extensions=more,
    )


def _read_branch(bundle: dict[str, Any]) -> dict[str, Any]:
    counts = {key: first_count(bundle, f"branch_info.{key}") for key in ("ahead", "behind")}
    commits = value_at(bundle, "branch_info.recent_commits")
    count = len(commits) if isinstance(commits, list) else None
    return {"branch": first_line(bundle, "branch_info.branch", "branch"), **counts, "recent_commits": count}
