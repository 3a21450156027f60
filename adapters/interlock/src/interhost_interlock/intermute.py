"""The routes of intermute, and what they answer, read without trust: whatever is not usable is left out.

Source: ``reference/modules/interlock.md`` sections 4.3 (rows L1, L3, L6) and 4.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeGuard
from urllib.parse import quote

from attrs import frozen
from interhost_hookspecs.reading import encodable, first_line, read_object, read_time

from interhost_interlock.client import Client, RefusedError

NAME = "interbus"
"""The name under which we register."""

TTL_MINUTES = 15
"""How long a reservation of ours lasts; interlock's own hooks take as much."""

PAGE = 100
_PAGES = 20
_MOST = 2000
_MOST_TEXT = 1024
_MOST_REASON = 4096
# An id goes into paths and headers: no separators, no line ends, and no path segment such as "..".
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", re.ASCII)


@frozen(kw_only=True)
class Reservation:
    """One row: who holds what, until when, and what was said about it."""

    id: str
    agent: str
    pattern: str
    exclusive: bool
    reason: str
    created_at: datetime | None
    expires_at: datetime | None
    released_at: datetime | None


@frozen(kw_only=True)
class Conflict:
    """What stands in the way of a reservation.

    Attributes:
        id: Its reservation.
        agent: Id of who holds it.
        name: Name of who holds it.
        pattern: What is held.
        reason: Why.
        expires_at: Until when.
        said: Everything the service says about it.
    """

    id: str | None
    agent: str | None
    name: str | None
    pattern: str
    reason: str
    expires_at: datetime | None
    said: Mapping[str, object]


@frozen(kw_only=True)
class Agent:
    """Somebody who is registered in a project."""

    id: str
    name: str | None
    seen_at: datetime | None = None


@frozen(kw_only=True)
class Message:
    """A message, with the object in its body; an empty one when it is no JSON."""

    id: str
    subject: str
    body: Mapping[str, Any]
    sender: str | None
    created_at: datetime | None


@frozen(kw_only=True)
class Identity:
    """Who we are in one project: the id, and the token that newer versions give."""

    id: str
    token: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the service knows us by."""
        return {"X-Agent-ID": self.id} | ({"X-Agent-Token": self.token} if self.token else {})


class Intermute:
    """The service, for one exchange; every method raises ``ServiceError``."""

    def __init__(self, client: Client) -> None:
        """Ask with a client."""
        self.client = client

    def check_health(self) -> None:
        """Ask whether it is well."""
        self.client.ask("GET", "/health")

    def register(self, project: str) -> Identity:
        """Register ourselves in a project."""
        answer = self.client.ask("POST", "/api/agents", body={"name": NAME, "project": project})
        agent, token = first_line(answer, "agent_id", "id", "agent.id"), first_line(answer, "token", "agent_token")
        if not is_id(agent):
            raise RefusedError("POST /api/agents: the answer names no agent", 200, answer)
        return Identity(id=agent, token=token if is_id(token) else None)

    def list_agents(self, project: str) -> list[Agent]:
        """Who is registered, the last seen first."""
        answer = self.client.ask("GET", "/api/agents", query={"project": project})
        agents = [agent for one in _objects(answer, "agents") if (agent := _read_agent(one))]
        return sorted(agents, key=lambda one: one.seen_at.timestamp() if one.seen_at else 0.0, reverse=True)

    def list_reservations(self, project: str) -> list[Reservation]:
        """What is held in a project now."""
        return self._list({"project": project})

    def list_reservations_of(self, agent: str) -> list[Reservation]:
        """What an agent holds or held."""
        return self._list({"agent": agent}, inactive=True)

    def check(self, project: str, pattern: str) -> list[Conflict]:
        """What would stand in the way of an exclusive reservation; only the service knows how it compares patterns."""
        query = {"project": project, "pattern": pattern, "exclusive": "true"}
        return read_conflicts(self.client.ask("GET", "/api/reservations/check", query=query))

    def reserve(self, who: Identity, project: str, pattern: str, reason: str) -> None:
        """Reserve; a conflict is a ``RefusedError`` with status 409, whose answer ``read_conflicts`` reads."""
        body = {
            "agent_id": who.id,
            "project": project,
            "path_pattern": pattern,
            "exclusive": True,
            "reason": reason,
            "ttl_minutes": TTL_MINUTES,
        }
        self.client.ask("POST", "/api/reservations", body=body, headers=who.headers)

    def release(self, who: Identity, reservation: str) -> None:
        """Give a reservation of ours back; one that is gone already is released."""
        try:
            self.client.ask("DELETE", f"/api/reservations/{quote(reservation, safe='')}", headers=who.headers)
        except RefusedError as error:
            if error.status != 404:
                raise

    def broadcast(self, who: Identity, project: str, subject: str, body: str, topic: str) -> None:
        """Tell every agent of a project; more than ten a minute are a ``RefusedError`` with status 429."""
        message = {"project": project, "from": who.id, "subject": subject, "body": body, "topic": topic}
        self.client.ask("POST", "/api/broadcast", body=message, headers=who.headers)

    def read_inbox(self, agent: str, project: str, cursor: int) -> Iterator[tuple[list[Message], int]]:
        """The pages of an agent's inbox after a position, each with the position after it."""
        for _ in range(_PAGES):
            query = {"project": project, "since_cursor": str(cursor), "limit": str(PAGE)}
            answer = self.client.ask("GET", f"/api/inbox/{quote(agent, safe='')}", query=query)
            records, after = _objects(answer, "messages"), answer.get("cursor")
            if not isinstance(after, int) or after <= cursor:
                return
            cursor = after
            yield [message for one in records if (message := _read_message(one))], cursor
            if len(records) < PAGE:
                return

    def _list(self, query: Mapping[str, str], *, inactive: bool = False) -> list[Reservation]:
        answer = self.client.ask("GET", "/api/reservations", query=query)
        records = [one for one in _objects(answer, "reservations") if inactive or one.get("is_active") is not False]
        return [found for one in records[:_MOST] if (found := _read_reservation(one))]


def is_id(value: object) -> TypeGuard[str]:
    """Whether something may go into a path or a header."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def read_conflicts(answer: Mapping[str, Any]) -> list[Conflict]:
    """The conflicts in an answer: of a check, or of a reservation that was refused."""
    return [
        Conflict(
            id=reservation if is_id(reservation := one.get("reservation_id")) else None,
            agent=agent if is_id(agent := one.get("agent_id")) else None,
            name=first_line(one, "held_by"),
            pattern=pattern,
            reason=_reason(one),
            expires_at=_time(one.get("expires_at")),
            said=one,
        )
        for one in _objects(answer, "conflicts")
        if (pattern := _text(one.get("pattern")))
    ]


def read_rows(values: Sequence[object]) -> list[Reservation]:
    """The reservations among some JSON values, in the shape in which the service lists them."""
    return [found for one in values if isinstance(one, dict) and (found := _read_reservation(one))]


def _read_reservation(record: Mapping[str, Any]) -> Reservation | None:
    key, agent, pattern = record.get("id"), record.get("agent_id"), _text(record.get("path_pattern"))
    if not is_id(key) or not is_id(agent) or pattern is None:
        return None
    return Reservation(
        id=key,
        agent=agent,
        pattern=pattern,
        exclusive=record.get("exclusive") is not False,
        reason=_reason(record),
        created_at=_time(record.get("created_at")),
        expires_at=_time(record.get("expires_at")),
        released_at=_time(record.get("released_at")),
    )


def _read_agent(record: Mapping[str, Any]) -> Agent | None:
    key = first_line(record, "agent_id", "id")
    return (
        Agent(id=key, name=first_line(record, "name"), seen_at=_time(record.get("last_seen"))) if is_id(key) else None
    )


def _read_message(record: Mapping[str, Any]) -> Message | None:
    key, body = first_line(record, "message_id", "id"), record.get("body")
    if key is None:
        return None
    return Message(
        id=key,
        subject=first_line(record, "subject") or "",
        body=body if isinstance(body, dict) else read_object(body if isinstance(body, str) else None),
        sender=first_line(record, "from"),
        created_at=_time(record.get("created_at")),
    )


def _objects(answer: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    values = answer.get(key)
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _text(value: object) -> str | None:
    """A path or pattern, unchanged: cut short it would be another one."""
    return encodable(value) if isinstance(value, str) and value.strip() and len(value) <= _MOST_TEXT else None


def _reason(record: Mapping[str, Any]) -> str:
    """All of it: the bead stands at its end."""
    reason = record.get("reason")
    return encodable(reason[:_MOST_REASON]) if isinstance(reason, str) else ""


def _time(value: object) -> datetime | None:
    """A time; Go writes the year 1 where it has none."""
    time = read_time(value)
    return time if time and time.year > 2000 else None
