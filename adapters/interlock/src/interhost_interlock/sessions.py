"""Which session of the coding agent is which agent of interlock.

A session that has joined leaves a file with its agent. Its MCP server may have registered as another one; a
reservation that the server shows to its own session tells which.

Source: ``reference/modules/interlock.md`` section 4.3, rows L8 and L9, and section 4.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen
from interhost_hookspecs import AdapterContext, HookEvent
from interhost_hookspecs.files import is_own, list_by_age, read_text
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import first_line, read_json, read_object

from interhost_interlock.intermute import read_rows

JOINED = "interlock-agent-*.json"
"""Files of joined sessions, in the temporary directory; the session stands for the ``*``."""

CONNECTED = "interlock-connected-*"
"""Markers of sessions whose hooks reach the service, likewise."""

OWN_ROWS = ("reserve_files", "my_reservations")
"""Tools of the MCP server that show an agent its own reservations."""

_MOST = 128


@frozen
class Member:
    """A session, the id and the name of its agent, and its project as interlock calls it."""

    session_id: str
    agent: str | None
    name: str | None = None
    project: str | None = None

    def is_called(self, *names: str | None) -> bool:
        """Whether one of these ids and names is this agent."""
        return any(name and name in (self.agent, self.name) for name in names)


def list_members(ctx: AdapterContext) -> list[Member]:
    """Sessions that have joined, and agents that their MCP servers are; the youngest first."""
    files = list_by_age(path for path in ctx.config.path("temporary_dir").glob(JOINED) if is_own(path))[-_MOST:]
    joined = [_read_member(path) for _, path in reversed(files)]
    return [*joined, *(Member(session, agent) for agent, session in recall(ctx, "servers").items())]


def find_session(ctx: AdapterContext, *names: str | None) -> str | None:
    """The session of an agent, by id or name."""
    return next((one.session_id for one in list_members(ctx) if one.is_called(*names)), None)


def list_agents_of(session: str, ctx: AdapterContext) -> list[Member]:
    """The agents that a session is."""
    return [one for one in list_members(ctx) if one.session_id == session]


def learn_server(event: HookEvent, ctx: AdapterContext) -> None:
    """Remember the agent of the reservations that an MCP server has shown to its own session."""
    rows = read_rows(list(_walk(event.raw.get("tool_response"))))
    known = recall(ctx, "servers")
    keep(ctx, "servers", known | {row.agent: event.session_id for row in rows}, most=_MOST)


def list_contacts(ctx: AdapterContext) -> list[tuple[str, bool]]:
    """Joined sessions whose hooks have ceased to reach the service since the last look, or reach it again.

    A session that ended takes its other file with it.

    Returns:
        Session, and whether its hooks reach the service.
    """
    folder = ctx.config.path("temporary_dir")
    now = {path.name.removeprefix(CONNECTED[:-1]) for path in folder.glob(CONNECTED) if is_own(path)}
    before = recall(ctx, "contacts")
    reached, lost = set(before.get("reached", ())), set(before.get("lost", ()))
    gone = {one for one in reached - now if is_own(folder / JOINED.replace("*", one))}
    keep(ctx, "contacts", {"reached": sorted(now)[:_MOST], "lost": sorted((lost | gone) - now)[:_MOST]})
    return [*((one, False) for one in sorted(gone - lost)), *((one, True) for one in sorted(lost & now))]


def _read_member(path: Path) -> Member:
    record = read_object(read_text(path))
    return Member(
        path.name.removeprefix("interlock-agent-").removesuffix(".json"),
        first_line(record, "agent_id"),
        first_line(record, "name"),
        first_line(record, "project"),
    )


def _walk(value: Any) -> Iterator[object]:
    """Every value in an answer of a tool; texts that are JSON are read."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, str):
            one = read_json(one) if one.lstrip()[:1] in ("{", "[") else None
            waiting += [one] if isinstance(one, dict | list) else []
        else:
            waiting += list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
