"""Tool calls as two recorders log them, and counts of them per session.

A hook logs each call at once and knows nothing of its success; later the transcripts tell all calls of a session
again, with their errors. So of a session that the transcripts tell, the hook's lines do not count. Ids collide: a line
is known by its place in the file, and a file that was rotated is counted anew.

Source: ``reference/modules/tool-time.md`` sections 1.3 and 1.6 (traps 1 to 6).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeGuard

from attrs import frozen
from interhost_hookspecs import AdapterContext
from interhost_hookspecs.files import read_end
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line, read_object_lines, read_time
from interhost_hookspecs.sources import tail_lines

FOLDER = Path(".claude", "tool-time")
"""Where tool-time keeps everything, below the home."""

LOG = FOLDER / "events.jsonl"
"""Its log of tool calls."""

WINDOW = timedelta(days=7)
"""How far back calls count, as in tool-time's own statistics."""

_REJECTED = ("The user doesn't want to proceed", "Permission to use", "User denied", "User rejected", "User cancelled")
_NOT_READ = "File has not been read yet"
_SESSIONS = 300
_TOOL = 120
_BEGIN = 4 << 20  # bytes of an existing log that the first look counts
_TODAY = timedelta(hours=1)


class Result(StrEnum):
    """How a call ended, where anybody knows."""

    UNKNOWN = "unknown"
    WELL = "well"
    FAILED = "failed"
    REJECTED = "rejected"


@frozen(kw_only=True)
class Call:
    """One line of the log.

    Attributes:
        line: Its text.
        session: Session it happened in.
        at: When.
        project: Working directory of the session.
        tool: Name of the tool.
        result: How it ended; a hook never knows.
        error: What the tool said, if it failed.
        file: The file it was about.
    """

    line: str
    session: str
    at: datetime
    project: Path
    tool: str
    result: Result
    error: str = ""
    file: Path | None = None

    @property
    def is_unread_edit(self) -> bool:
        """Whether it failed because the file had not been read."""
        return _NOT_READ in self.error


@frozen
class Counts:
    """Calls of one tool: all, those whose end is known, and of these the failed and the rejected ones."""

    calls: int = 0
    observed: int = 0
    errors: int = 0
    rejections: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(
            self.calls + other.calls,
            self.observed + other.observed,
            self.errors + other.errors,
            self.rejections + other.rejections,
        )


@frozen
class Usage:
    """Calls in one project within the window: by tool, and how many edits failed for want of reading."""

    tools: Mapping[str, Counts]
    unread_edits: int


def read_calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls in lines of the log; damaged lines, and those without session, time or project, are left out."""
    for line, entry in read_object_lines(lines):
        if call := _read(line, entry):
            yield call


def count_calls(ctx: AdapterContext) -> tuple[list[Call], dict[Path, Usage] | None]:
    """The calls that are new since the last look, and the usage of every project.

    The first look counts the end of an existing log, so that rates mean something at once, and has no new calls. There
    is no usage while nothing was logged, or while a log that was rotated is read again: it is not yet that of today.
    """
    path = ctx.home / LOG
    state = recall(ctx, "sessions")
    lines, inode = tail_lines(path, ctx), _inode(path)
    is_first = ctx.cursor.get("sessions") is None
    if is_first:
        counted = list(read_calls(read_end(path, _BEGIN).decode("utf-8", "replace").split("\n")))
    else:
        counted = list(read_calls(lines))
        if not lines and state.get("inode") == inode:
            return [], None
    sessions: dict[str, Any] = state.get("sessions", {}) if state.get("inode") == inode or not inode else {}
    for call in counted:
        _count(sessions, call)
    _forget(sessions, ctx.now())
    keep(ctx, "sessions", {"inode": inode, "sessions": sessions})
    is_old = not counted or ctx.now() - counted[-1].at > _TODAY
    return ([] if is_first else counted), None if is_old and not is_first else _sum_up(sessions)


def _read(line: str, entry: Mapping[str, Any]) -> Call | None:
    session = entry.get("session") or str(entry.get("id", "")).rpartition("-")[0]
    at, project = read_time(entry.get("ts")), entry.get("project")
    tool = plain_line(entry.get("tool"), _TOOL)
    if not (isinstance(session, str) and session and at and _is_path(project) and tool):
        return None
    file = entry.get("file") or entry.get("skill")  # an old recorder took paths for skills
    return Call(
        line=line,
        session=session,
        at=at,
        project=Path(project),
        tool=tool,
        result=_judge(entry),
        error=plain_line(entry.get("error")) if entry.get("event") == "ToolUse" else "",
        file=Path(file) if _is_path(file) else None,
    )


def _judge(entry: Mapping[str, Any]) -> Result:
    """Only transcripts know; what a hook's line says of errors is wrong."""
    if entry.get("event") != "ToolUse":
        return Result.UNKNOWN
    error = entry.get("error")
    if not isinstance(error, str) or not error:
        return Result.WELL
    return Result.REJECTED if error.startswith(_REJECTED) else Result.FAILED


def _is_path(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and os.path.isabs(value) and value.isprintable() and len(value) < 4096


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except (OSError, ValueError):
        return 0


# A session: [project, last time, unread edits, {tool: calls} by the hook, {tool: counts} by the transcript].
def _count(sessions: dict[str, Any], call: Call) -> None:
    project, last, unread, hooked, told = sessions.pop(call.session, [str(call.project), 0.0, 0, {}, {}])
    if call.result is Result.UNKNOWN:
        hooked[call.tool] = hooked.get(call.tool, 0) + 1
    else:
        one = Counts(1, 1, int(call.result is Result.FAILED), int(call.result is Result.REJECTED))
        told[call.tool] = _tuple(Counts(*told.get(call.tool, ())) + one)
    last = max(last, call.at.timestamp())
    sessions[call.session] = [project, last, unread + int(call.is_unread_edit), hooked, told]


def _tuple(counts: Counts) -> list[int]:
    return [counts.calls, counts.observed, counts.errors, counts.rejections]


def _forget(sessions: dict[str, Any], now: datetime) -> None:
    """Drop sessions outside of the window, and the longest silent ones of too many."""
    for session in [name for name, row in sessions.items() if row[1] < (now - WINDOW).timestamp()]:
        del sessions[session]
    for session in list(sessions)[:-_SESSIONS]:
        del sessions[session]


def _sum_up(sessions: Mapping[str, Any]) -> dict[Path, Usage]:
    usage: dict[Path, Usage] = {}
    for project, _, unread, hooked, told in sessions.values():
        before = usage.get(Path(project), Usage({}, 0))
        tools = dict(before.tools)
        counted = {tool: Counts(*row) for tool, row in told.items()} or {t: Counts(n) for t, n in hooked.items()}
        for tool, counts in counted.items():
            tools[tool] = tools.get(tool, Counts()) + counts
        usage[Path(project)] = Usage(tools, before.unread_edits + unread)
    return usage
