"""Documents that were written: by a commit, by a tool of a session, by ``drift-fix.sh``, or by anybody else.

Source: ``reference/modules/interdoc.md`` sections 3.3 (rows D4 and D6) and 3.7.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import AdapterContext, ArtifactReady, Change, Draft, HookEvent, Observation, hookimpl
from interhost_hookspecs.files import digest, find_project
from interhost_hookspecs.reading import fact_key, value_at

from interhost_interdoc.repository import DOCUMENT, Repository
from interhost_interdoc.scripts import FIX, read_structure

KIND = "agents_md"
"""Kind of the artifacts."""

_MOST_PATHS = 50


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell a document that a tool wrote, and those that a session's own ``drift-fix.sh`` did."""
    drafts = _list_fixed(event, ctx) if event.tool_name == "Bash" else _list_written(event, ctx)
    return Observation(drafts=tuple(drafts))


def tell_commits(repository: Repository, before: str | None, head: str, ctx: AdapterContext) -> Iterator[Draft]:
    """The documents that commits since the last look changed: each once, with the newest of its commits.

    Raises:
        UnreadableError: git does not have these commits.
        HungError: git did not answer in time.
    """
    told: set[Path] = set()
    for commit in repository.list_commits(ctx, before, head):
        for name, change in commit.changes.items():
            path = repository.root / name
            is_there = os.path.lexists(path)
            if path in told or is_there is (change is Change.REMOVED) or not str(path).isprintable():
                continue
            told.add(path)
            yield Draft(
                payload=ArtifactReady(kind=KIND, change=change, commit=commit.id),
                artifact_path=path,
                source_hook="git:commit",
                occurred_at=commit.at,
                project_dir=repository.root,
                dedupe_key=fact_key("interdoc", "commit", path, commit.id),
                extensions={"attributed_to_interdoc": commit.is_own, "paths": list(commit.changes)[:_MOST_PATHS]},
            )


def tell_states(names: Iterable[str | Path], project: Path, source: str | None) -> Iterator[Draft]:
    """Documents as they are now, each state of one once, whoever wrote it.

    Args:
        names: Their paths; what is no document, or leads out of the project, is left out.
        project: Root of the project.
        source: What was seen; ``None`` leaves it to the host.
    """
    for name in list(names)[:_MOST_PATHS]:
        path = Path(os.path.normpath(project / name))
        if state := read_digest(path, project):
            yield Draft(
                payload=ArtifactReady(kind=KIND, sha256=state),
                artifact_path=path,
                source_hook=source,
                project_dir=project,
                dedupe_key=fact_key("interdoc", "state", path, state),
            )


def read_digest(path: Path, project: Path) -> str:
    """The digest of a document within a project, links resolved; empty when it is none."""
    try:
        real = path.resolve(strict=True)
        is_one = path.name == DOCUMENT and real.is_file() and real.is_relative_to(project.resolve())
    except (OSError, RuntimeError, ValueError):
        return ""
    return (digest(real) or "") if is_one and str(path).isprintable() else ""


def _list_written(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    stated = value_at(event.raw, "tool_input.file_path")
    if isinstance(stated, str) and (project := find_project(Path(stated), ctx.projects)):
        yield from tell_states([stated], project, None)


def _list_fixed(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    printed = value_at(event.raw, "tool_response.stdout")
    if FIX.name not in event.command or "--dry-run" in event.command or not isinstance(printed, str):
        return
    fixed, project = read_structure(printed), find_project(event.cwd, ctx.projects) if event.cwd else None
    if fixed and project:
        yield from mark_fixed(tell_states(fixed.modified, project, None), fixed.modified)


def mark_fixed(drafts: Iterable[Draft], modified: Iterable[str]) -> Iterator[Draft]:
    """Say of written documents that ``drift-fix.sh`` wrote them."""
    more = {"mode": "structural_fix", "files_modified": list(modified)[:_MOST_PATHS]}
    return (evolve(draft, extensions=more) for draft in drafts)
