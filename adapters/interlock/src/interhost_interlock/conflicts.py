"""Two agents, one file: told once to everybody, and once to the session that came second; and once that it is over.

Source: ``reference/modules/interlock.md`` sections 4.3 (row L3) and 4.7.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from attrs import field, frozen
from interhost_hookspecs import AdapterContext, Advice, CoordinationAction, Draft, Holder, Severity
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import fact_key, plain_line, read_time

from interhost_interlock.facts import compose
from interhost_interlock.holds import STORE as HOLDS
from interhost_interlock.holds import Hold
from interhost_interlock.intermute import Conflict
from interhost_interlock.kernel import STORE as KERNEL
from interhost_interlock.kernel import Lock
from interhost_interlock.places import Place

WAITING = "waiting"
"""Position that keeps who waits for what."""

_MOST = 256
_LASTS = timedelta(hours=1)
_SAID = 120

ADVICE = (
    "{file} is held by {name}{why}{until}, and this session came second. Its holder can be asked for it with "
    "interlock's negotiate_release; other files are not affected."
)
OVER = "{file} is free again: {name} no longer holds it."


@frozen(kw_only=True)
class Rival:
    """Who holds what somebody else wants.

    Attributes:
        holder: The agent.
        pattern: What it holds.
        store: Where: ``intermute`` or ``ic``.
        id: What tells this hold from the next one of the same agent.
        reservation: Id of the reservation.
        reason: Why.
        expires_at: Until when.
        said: What else is known of it.
    """

    holder: Holder
    pattern: str
    store: str
    id: str
    reservation: str | None = None
    reason: str = ""
    expires_at: datetime | None = None
    said: Mapping[str, object] = field(factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """What the holder is called."""
        return tuple(filter(None, (self.holder.id, self.holder.name)))


def rival_of_conflict(conflict: Conflict) -> Rival:
    """The rival that the service named."""
    kept = ("state", "confidence", "active_bead_id", "suggested_action", "hard_blocker")
    return Rival(
        holder=Holder(id=conflict.agent, name=conflict.name),
        pattern=conflict.pattern,
        store=HOLDS,
        id=conflict.id or f"{conflict.agent} {conflict.name} {conflict.pattern}",
        reservation=conflict.id,
        reason=conflict.reason,
        expires_at=conflict.expires_at,
        said={name: conflict.said[name] for name in kept if isinstance(conflict.said.get(name), str | bool)},
    )


def rival_of_lock(lock: Lock) -> Rival:
    """The rival that has a lock in the kernel's store."""
    return Rival(holder=Holder(id=lock.owner), pattern=lock.pattern, store=KERNEL, id=lock.event)


def rival_of_hold(hold: Hold) -> Rival:
    """The rival that holds something in the service."""
    last = hold.ids[-1] if hold.ids else None
    ends = read_time(hold.expires_at)
    return Rival(
        holder=hold.holder,
        pattern=hold.pattern,
        store=HOLDS,
        id=last or "signal",
        reservation=last,
        reason=hold.reason,
        expires_at=ends,
    )


def tell_conflict(
    rival: Rival,
    place: Place,
    file: str,
    ctx: AdapterContext,
    *,
    requester: Holder,
    source: str,
    bead: str | None = None,
) -> Draft | None:
    """Somebody wants what somebody else holds; its session, if it is known, is told with the next hook.

    Args:
        rival: Who holds it.
        place: The project.
        file: What is wanted, as the project has it.
        ctx: Remembers who was told.
        requester: Who wants it.
        source: Where it was seen.
        bead: What the requester works on.

    Returns:
        The fact; ``None`` when it was told before.
    """
    session = requester.session_id
    key = json.dumps([place.name, session or requester.id, file, rival.store, rival.names, rival.pattern])
    waiting = recall(ctx, WAITING)
    if key in waiting:
        return None
    keep(ctx, WAITING, waiting | {key: session}, most=_MOST)
    if session:
        ctx.advise(Advice(text=_describe(rival, file), session_id=session, expires=ctx.now() + _LASTS))
    return compose(
        CoordinationAction.CONFLICT,
        place,
        file,
        key=fact_key("interlock", "conflict", key, rival.id),
        source=source,
        holder=rival.holder,
        requester=requester,
        reservation=rival.reservation,
        reason=rival.reason,
        bead=bead,
        expires_at=rival.expires_at,
        severity=Severity.WARN,
        session_id=session,
        extensions={
            **rival.said,
            "store": rival.store,
            "pattern": rival.pattern,
            "blocked_agent": requester.name or requester.id,
        },
    )


def tell_freed(place: Place, store: str, is_held: Callable[[str, Collection[str]], bool], ctx: AdapterContext) -> None:
    """Say to every session that waits for something in a project that it is free, if it is.

    Args:
        place: The project.
        store: Where the holds are that ``is_held`` knows.
        is_held: Whether one of these agents holds a pattern still.
        ctx: Remembers who waits.
    """
    waiting = recall(ctx, WAITING)
    parts = {key: json.loads(key) for key in waiting}
    freed = [
        key
        for key, (name, _, _, where, names, pattern) in parts.items()
        if (name, where) == (place.name, store) and not is_held(pattern, names)
    ]
    if not freed:
        return
    rest = {key: session for key, session in waiting.items() if key not in freed}
    blocked = [parts[key][:3] for key in rest]
    for key in freed:
        _, _, file, _, names, _ = parts[key]
        if waiting[key] and parts[key][:3] not in blocked:
            text = OVER.format(file=plain_line(file), name=call(names))
            ctx.advise(Advice(text=text, session_id=waiting[key], expires=ctx.now() + _LASTS))
    keep(ctx, WAITING, rest)


def _describe(rival: Rival, file: str) -> str:
    reason = plain_line(rival.reason, _SAID)
    until = f" until {rival.expires_at.astimezone(UTC):%H:%M} UTC" if rival.expires_at else ""
    why = f' ("{reason}")' if reason else ""
    return ADVICE.format(file=plain_line(file), name=call(rival.names), why=why, until=until)


def call(names: Sequence[str]) -> str:
    """What an agent is called, fit to be read."""
    return plain_line(names[-1] if names else "", _SAID) or "another agent"
