"""What a session's own calls of intersearch's tools brought: a search, or a failure that leaves no other trace.

Files that were indexed are told by the store.

Source: ``reference/modules/intersearch.md`` sections 3.2 and 3.6.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft, HookEvent, Observation, Severity, hookimpl
from interhost_hookspecs.agents import read_blocks
from interhost_hookspecs.files import find_project
from interhost_hookspecs.reading import first_count, first_line, first_number, read_object, value_at

INDEX, QUERY = "embedding_index", "embedding_query"

SERVERS = ("mcp__intersearch__", "mcp__plugin_intersearch_intersearch__")
"""Before the name of a tool: of a server that the user added, and of the plugin's."""

_MOST = 10


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell what a call of a tool brought."""
    tool, answer = (event.tool_name or "").rpartition("__")[2], read_object(read_blocks(event.raw.get("tool_response")))
    stated = value_at(event.raw, "tool_input.project_root")
    project = find_project(Path(stated), ctx.projects) if isinstance(stated, str) and "\0" not in stated else None
    tell = _tell_failure if "error" in answer or tool == INDEX else _tell_search
    return Observation(drafts=tuple(tell(tool, answer, project)) if tool in (INDEX, QUERY) and answer else ())


def _tell_failure(tool: str, answer: Mapping[str, object], project: Path | None) -> Iterator[Draft]:
    """A tool that refused, or files that it could not index: it keeps the reasons to itself."""
    error, lost = first_line(answer, "error"), first_count(answer, "errors")
    if error or lost:
        yield Draft(
            intent="intersearch.failed@1.0",
            payload={"tool": tool, "error": error or f"files that could not be indexed: {lost}"},
            severity=Severity.ERROR if error else Severity.WARN,
            project_dir=project,
        )


def _tell_search(tool: str, answer: Mapping[str, object], project: Path | None) -> Iterator[Draft]:
    results = answer.get("results")
    query, rows = first_line(answer, "query"), results if isinstance(results, list) else []
    found = [
        {"path": path, "score": first_number(row, "score")} for row in rows[:_MOST] if (path := first_line(row, "path"))
    ]
    if query and isinstance(results, list):
        yield Draft(
            intent="intersearch.searched@1.0",
            payload={"query": query, "results": found, "total_indexed": first_count(answer, "total_indexed")},
            artifact_path=_inside(project, str(found[0]["path"])) if found else None,
            project_dir=project,
        )


def _inside(project: Path | None, name: str) -> Path | None:
    path = Path(os.path.normpath(project / name)) if project else None
    return path if path and project and path.is_relative_to(project) else None
