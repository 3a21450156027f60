"""What agents tell one another, as far as it is about files: negotiations and commits.

Source: ``reference/modules/interlock.md`` sections 4.3 (rows L6 and L7) and 4.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from interhost_hookspecs import AdapterContext, CoordinationAction, Draft, Holder, Severity
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import encodable, fact_key, first_line, first_names, is_bead, read_time

from interhost_interlock.client import RefusedError
from interhost_interlock.facts import compose, compose_commit, find_bead
from interhost_interlock.holds import STORE, Ledger
from interhost_interlock.intermute import Agent, Intermute, Message, is_id
from interhost_interlock.places import Place

SOURCE = "poll:intermute"

_STAGE = "release-"
_MOST_INBOXES = 16
_MOST_POSITIONS = 128
_MOST_TEXT = 1024


def list_messages(ledger: Ledger, agents: Sequence[Agent], service: Intermute, ctx: AdapterContext) -> Iterator[Draft]:
    """What came into the inboxes of a project since the last look; what was there before the first is history.

    Args:
        ledger: What is held there.
        agents: Who is registered there, the last seen first.
        service: Has the inboxes.
        ctx: Remembers the positions, and since when the project is looked at.

    Raises:
        ServiceError: The service did not say.
    """
    name = f"inboxes:{ledger.place.name}"
    kept = recall(ctx, name)
    since = read_time(kept.get("since"))
    positions: dict[str, int] = kept.get("positions", {})
    told: set[str] = set()  # a message to several is in several inboxes
    for agent in agents[:_MOST_INBOXES]:
        begun = positions.pop(agent.id, None)
        positions[agent.id] = begun or 0
        for message in _read_inbox(agent.id, ledger.place, positions, service):
            if message.id not in told and (_is_news(message, since, begun) or ctx.backfill):
                told.add(message.id)
                yield from _tell(message, ledger)
    latest = dict(list(positions.items())[-_MOST_POSITIONS:])
    keep(ctx, name, {"since": (since or ctx.now()).isoformat(), "positions": latest})


def _read_inbox(agent: str, place: Place, positions: dict[str, int], service: Intermute) -> Iterator[Message]:
    """The messages after a position, which moves; none where the service keeps an inbox to its owner."""
    try:
        for messages, after in service.read_inbox(agent, place.name, positions[agent]):
            yield from messages
            positions[agent] = after
    except RefusedError:
        return


def _is_news(message: Message, since: datetime | None, begun: int | None) -> bool:
    """Whether a message came after we began to look; one without a time, after its inbox was looked at."""
    if since is None or message.created_at is None:
        return since is not None and begun is not None
    return message.created_at >= since


def _tell(message: Message, ledger: Ledger) -> Iterator[Draft]:
    kind = first_line(message.body, "type") or ""
    if kind == "commit" and (commit := _tell_commit(message, ledger.place)):
        yield commit
    elif kind.startswith(_STAGE) and (draft := _tell_negotiation(message, kind.removeprefix(_STAGE), ledger)):
        yield draft


def _tell_commit(message: Message, place: Place) -> Draft | None:
    body = message.body
    stated = [value for key in ("active_bead_id", "bead_id") if is_bead(value := body.get(key))]
    return compose_commit(
        place,
        first_line(body, "hash", "short") or "",
        first_line(body, "message") or "",
        source=SOURCE,
        files=first_names(body, "files") or (),
        by=message.sender,
        bead=next(iter(stated), None),
        at=message.created_at,
    )


def _tell_negotiation(message: Message, stage: str, ledger: Ledger) -> Draft | None:
    """A request for a file, its answer, or its end; an answer that released nothing is normal."""
    body = message.body
    file, reservation = body.get("file"), body.get("reservation_id")
    if not isinstance(file, str) or not file.strip() or len(file) > _MOST_TEXT:
        return None
    wanted_by = {"id": first_line(body, "requester_id"), "name": first_line(body, "requester")}
    holder = first_line(body, "holder") or (message.sender if stage == "defer" else None)
    held = next((one for one in ledger.holds if reservation in one.ids), None)
    return compose(
        CoordinationAction.NEGOTIATE,
        ledger.place,
        encodable(file),
        key=fact_key("interlock", "message", message.id),
        source=SOURCE,
        holder=Holder(id=holder) if holder else None,
        requester=Holder(**wanted_by) if any(wanted_by.values()) else None,
        reservation=reservation if is_id(reservation) else None,
        reason=first_line(body, "reason") or "",
        bead=_find_bead(body, held.reason if held else ""),
        at=message.created_at,
        severity=Severity.WARN if body.get("urgency") == "urgent" else Severity.INFO,
        extensions={"store": STORE, "stage": stage, "body": _flatten(body)},
    )


def _find_bead(body: Mapping[str, object], reason: str) -> str | None:
    """The bead of the reservation that it is about, else what the message itself names."""
    named = (body.get(key) for key in ("active_bead_id", "bead_id", "thread_id"))
    return find_bead(reason) or next((one for one in named if is_bead(one)), None)


def _flatten(body: Mapping[str, object]) -> dict[str, object]:
    """What the message says, as far as it can be stored: no lists, no objects, no texts without end."""
    flat = {key: value for key, value in body.items() if isinstance(value, str | bool | int)}
    return {encodable(key): encodable(one[:_MOST_TEXT]) if isinstance(one, str) else one for key, one in flat.items()}
