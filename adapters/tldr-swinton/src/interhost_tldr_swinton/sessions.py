"""What a session does: files it edits, which the daemon is told of, and questions it asks ``tldrs`` by itself.

Of a command that fails there is no event, and of one whose output is not an answer nothing is told.

Source: ``reference/modules/tldr-swinton.md`` sections 2.2, 2.4 and 2.6.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft, HookEvent, Observation, hookimpl
from interhost_hookspecs.agents import read_blocks
from interhost_hookspecs.files import find_project
from interhost_hookspecs.reading import value_at

from interhost_tldr_swinton.answers import Origin, tell_answer
from interhost_tldr_swinton.command import read_answer
from interhost_tldr_swinton.daemon import RefusedError, compose_indexing, notify

EDITS = frozenset({"Edit", "MultiEdit", "NotebookEdit", "Write"})
"""Tools that change a file."""

_COMMAND = re.compile(r"(?:^|[\s;&|(])tldrs\s+(?:--machine\s+)?([a-z-]+)")


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell the daemon of a file that was edited, and the bus what tldrs answered to a session."""
    tell = _notify if event.tool_name in EDITS else _tell_command if event.tool_name == "Bash" else _tell_tool
    return Observation(drafts=tuple(tell(event, ctx)))


def _notify(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    stated = value_at(event.raw, "tool_input.file_path") or value_at(event.raw, "tool_input.notebook_path")
    path = Path(os.path.normpath(stated)) if isinstance(stated, str) and os.path.isabs(stated) else None
    project = find_project(path, ctx.projects) if path else None
    if path is None or project is None or not ctx.config.is_on("notify_daemon"):
        return
    try:
        tracked = notify(path, project, ctx)
    except RefusedError:
        return  # the next edit tells it again, and a daemon that is in trouble says so in its status
    if tracked and tracked.is_indexing:
        yield compose_indexing(tracked, project)


def _tell_command(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    asked, printed = _COMMAND.search(event.command), value_at(event.raw, "tool_response.stdout")
    if asked and isinstance(printed, str):
        yield from _tell(printed, asked[1], "cli", event, ctx)


def _tell_tool(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    printed, name = read_blocks(event.raw.get("tool_response")), (event.tool_name or "").rpartition("__")[2]
    yield from _tell(printed, name, "mcp", event, ctx)


def _tell(printed: str, command: str, by: str, event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    project = find_project(event.cwd, ctx.projects) if event.cwd else None
    answer = read_answer(printed)
    if project and answer:
        yield from tell_answer(answer, Origin(project, command, by), ctx)
