"""What sessions do with files that others hold: an edit, and a commit that interlock's git hook stopped.

No hook sees what another plugin's hook has said, so that an edit is held against the stores once more.

Source: ``reference/modules/interlock.md`` sections 4.2, 4.3 (row L3) and 4.7; ``reference/claude-code.md`` section 1.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from interhost_hookspecs import (
    AdapterContext,
    CoordinationAction,
    Draft,
    Holder,
    HookEvent,
    Observation,
    Severity,
    hookimpl,
)
from interhost_hookspecs.reading import fact_key, plain_line, value_at

from interhost_interlock.client import ServiceError
from interhost_interlock.conflicts import Rival, rival_of_conflict, rival_of_lock, tell_conflict
from interhost_interlock.facts import compose
from interhost_interlock.holds import STORE
from interhost_interlock.kernel import list_locks
from interhost_interlock.places import Place, locate
from interhost_interlock.service import find_service, is_resting, rest
from interhost_interlock.sessions import OWN_ROWS, learn_server, list_agents_of

_STOPPED = "Cannot commit. Reserved files detected:"
_RESERVED = re.compile(r'\s*- (?P<file>.+) \(reserved by (?P<name>.+?): "(?P<reason>.*)"\)\s*')
_MOST_LINES = 20
_MOST_TEXT = 1024


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell when a session edits what somebody else holds, or could not commit it; learn who its MCP server is."""
    if event.name == "PreToolUse":
        return Observation(drafts=tuple(_list_conflicts(event, ctx)))
    if event.name == "PostToolUseFailure":
        return Observation(drafts=tuple(_list_stopped(event, ctx)))
    if event.name == "PostToolUse" and (event.tool_name or "").rpartition("__")[2] in OWN_ROWS:
        learn_server(event, ctx)
    return Observation()


def _list_conflicts(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    given = event.raw.get("tool_input")
    path = value_at(given, "file_path") or value_at(given, "notebook_path")
    found = locate(path, ctx) if isinstance(path, str) and event.session_id else None
    if not found:
        return
    place, file = found
    agents = list_agents_of(event.session_id, ctx)
    requester = Holder(
        id=next((one.agent for one in agents if one.agent), None),
        name=next((one.name for one in agents if one.name), None),
        session_id=event.session_id,
    )
    for rival in _list_rivals(place, file, ctx):
        is_own = any(agent.is_called(*rival.names) for agent in agents)
        source = f"{event.name}:{event.tool_name}"
        if not is_own and (draft := tell_conflict(rival, place, file, ctx, requester=requester, source=source)):
            yield draft


def _list_rivals(place: Place, file: str, ctx: AdapterContext) -> list[Rival]:
    """Who holds a file: whoever the service names, and whoever has a lock in the other store and is not the same."""
    locks = [rival_of_lock(lock) for lock in list_locks(ctx, place) if lock.pattern == file]
    try:
        service = None if is_resting(ctx) else find_service(ctx)
        conflicts = service.check(place.name, file) if service else []
    except ServiceError as error:
        rest(ctx, error)
        conflicts = []
    # A name such as [id].tsx is a glob to the service, which answers for whatever it matches.
    rivals = [rival_of_conflict(one) for one in conflicts if one.pattern == file or place.name_of(file)]
    known = {name for rival in rivals for name in rival.names}
    return [*rivals, *(lock for lock in locks if not known.intersection(lock.names))]


def _list_stopped(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    """The files that a commit was stopped for. The agent has read of it already."""
    error = event.raw.get("error")
    listed = error.partition(_STOPPED)[2].splitlines() if isinstance(error, str) else []
    for line in filter(None, (_RESERVED.fullmatch(one[:_MOST_TEXT]) for one in listed[:_MOST_LINES])):
        if found := locate(f"{event.cwd}/{line['file']}", ctx):
            yield compose(
                CoordinationAction.CONFLICT,
                found[0],
                found[1],
                key=fact_key("interlock", "stopped", event.session_id, event.tool_use_id or error, line["file"]),
                source="git:pre-commit",
                holder=Holder(name=plain_line(line["name"])),
                requester=Holder(session_id=event.session_id),
                reason=line["reason"],
                severity=Severity.ERROR,
                session_id=event.session_id or None,
                extensions={"store": STORE, "hard_blocker": True},
            )
