"""Who holds what, from one look to the next: the facts are the differences.

intermute lists rows, up to four of them for one agent and file; together they are one hold. ``ic`` has a store of its
own, which the clavain adapter tells: a hold that is told there is not told from here as well.

Source: ``reference/modules/interlock.md`` section 4.3, rows L1, L2 and L4, and section 4.7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import attrs
from attrs import evolve, frozen
from interhost_hookspecs import AdapterContext, CoordinationAction, Draft, Holder
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import read_time

from interhost_interlock.facts import compose, find_bead
from interhost_interlock.intermute import Intermute, Reservation
from interhost_interlock.kernel import is_locked
from interhost_interlock.places import Place
from interhost_interlock.sessions import find_session

SOURCE = "poll:intermute"
STORE = "intermute"
"""What the extension ``store`` says of a fact from here."""


@frozen(kw_only=True)
class Hold:
    """What one agent holds under one pattern.

    Attributes:
        agent: Its id; its name, where only a signal told the hold.
        name: Its name, where it is known.
        pattern: Path or glob.
        ids: Its reservations, the oldest first; none, where only a signal told the hold.
        reason: Why, by the youngest of them that names a bead, else by the youngest.
        exclusive: Whether nobody else may hold it.
        created_at: When the oldest was made, RFC 3339.
        expires_at: When the last one ends, likewise.
        told: The bus knows of it from here.
        told_as: The reservation by which it does, for the end to name the same one.
    """

    agent: str
    name: str | None = None
    pattern: str
    ids: tuple[str, ...] = ()
    reason: str = ""
    exclusive: bool = True
    created_at: str | None = None
    expires_at: str | None = None
    told: bool = False
    told_as: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What its agent is called."""
        return tuple(filter(None, (self.agent, self.name)))

    @property
    def holder(self) -> Holder:
        """Its agent."""
        return Holder(id=self.agent if self.ids else None, name=self.name)


class Ledger:
    """What is held in one project, as of the last look.

    Attributes:
        place: The project.
        holds: What is held.
        is_new: There was no look yet.
    """

    def __init__(self, place: Place, ctx: AdapterContext) -> None:
        """Read what the last look kept."""
        kept = recall(ctx, f"holds:{place.name}")
        self.place = place
        self.is_new = not kept.get("looked")
        self.holds = [Hold(**{**one, "ids": tuple(one["ids"])}) for one in kept.get("holds", ())]

    def find(self, pattern: str, names: Iterable[str]) -> Hold | None:
        """What one of these agents holds under a pattern."""
        wanted = set(names)
        return next((one for one in self.holds if one.pattern == pattern and wanted.intersection(one.names)), None)

    def keep(self, ctx: AdapterContext) -> None:
        """Keep it for the next look."""
        holds = [attrs.asdict(one) for one in self.holds]
        keep(ctx, f"holds:{self.place.name}", {"looked": not self.is_new, "holds": holds})


def merge(rows: Iterable[Reservation], names: Mapping[str, str]) -> list[Hold]:
    """One hold per agent and pattern.

    Args:
        rows: What the service lists.
        names: Names of agents by their ids.
    """
    groups: dict[tuple[str, str], list[Reservation]] = {}
    for row in sorted(rows, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0):
        groups.setdefault((row.agent, row.pattern), []).append(row)
    return [_merge(group, names.get(agent)) for (agent, _), group in groups.items()]


def tell_changes(ledger: Ledger, now: Sequence[Hold], service: Intermute, ctx: AdapterContext) -> Iterator[Draft]:
    """What was reserved, released or ran out since the last look; the first look at a project is a silent baseline.

    Args:
        ledger: What was held; it is brought up to date, not kept.
        now: What is held.
        service: Is asked how what is gone came to its end.
        ctx: Knows the other store, and the sessions.

    Raises:
        ServiceError: The service did not say.
    """
    gone, kept = list(ledger.holds), []
    for hold in now:
        old = ledger.find(hold.pattern, hold.names)
        if old in gone:
            gone.remove(old)
        if old and old.told:
            hold = evolve(hold, told_as=old.told_as)
        is_known = (ledger.is_new and not ctx.backfill) or bool(old and old.told)
        is_news = not is_known and not is_locked(ctx, ledger.place, hold.pattern, hold.names)
        if is_news or (old and old.told and _has_other_bead(old, hold)):
            yield tell_reserve(ledger.place, hold, ctx)
        kept.append(evolve(hold, told=is_known or is_news))
    yield from _tell_ends(ledger.place, [one for one in gone if one.told], service, ctx)
    ledger.holds, ledger.is_new = kept, False


def tell_reserve(place: Place, hold: Hold, ctx: AdapterContext, *, key: str = "", source: str = SOURCE) -> Draft:
    """Somebody holds something from now on.

    Args:
        place: The project.
        hold: What.
        ctx: Knows the sessions.
        key: What makes the fact this one, where the reservation has no id.
        source: Where it was seen.
    """
    draft = _tell(CoordinationAction.RESERVE, place, hold, ctx, key=key, source=source)
    return evolve(draft, occurred_at=read_time(hold.created_at))


def tell_end(
    place: Place,
    hold: Hold,
    ctx: AdapterContext,
    *,
    released_at: datetime | None = None,
    key: str = "",
    source: str = SOURCE,
) -> Draft:
    """Somebody gave something back; or its time ran out, where it is past that and was not given back before.

    Args:
        place: The project.
        hold: What was held.
        ctx: Knows the sessions.
        released_at: When it was given back, where somebody says.
        key: What makes the fact this one, where the reservation has no id.
        source: Where it was seen.
    """
    expires_at = read_time(hold.expires_at)
    is_over = released_at is None and expires_at is not None and expires_at <= ctx.now()
    action = CoordinationAction.EXPIRE if is_over else CoordinationAction.RELEASE
    draft = _tell(action, place, hold, ctx, key=key, source=source)
    return evolve(draft, occurred_at=expires_at if is_over else released_at)


def _tell(action: CoordinationAction, place: Place, hold: Hold, ctx: AdapterContext, *, key: str, source: str) -> Draft:
    has_it = action is CoordinationAction.RESERVE
    last = hold.ids[-1] if hold.ids else None
    return compose(
        action,
        place,
        hold.pattern,
        key=key or f"interlock:{STORE}:{last}:{'reserve' if has_it else 'end'}",
        source=source,
        holder=hold.holder if has_it else None,
        requester=None if has_it else hold.holder,
        reservation=hold.told_as,
        reason=hold.reason,
        bead=find_bead(hold.reason),
        expires_at=read_time(hold.expires_at),
        session_id=find_session(ctx, *hold.names),
        extensions={"store": STORE, "exclusive": hold.exclusive},
    )


def _tell_ends(place: Place, gone: Iterable[Hold], service: Intermute, ctx: AdapterContext) -> Iterator[Draft]:
    histories: dict[str, dict[str, Reservation]] = {}
    for hold in gone:
        if is_locked(ctx, place, hold.pattern, hold.names):
            continue  # whoever tells the other store tells the end
        if hold.ids and hold.agent not in histories:
            histories[hold.agent] = {row.id: row for row in service.list_reservations_of(hold.agent)}
        rows = [histories[hold.agent].get(one) for one in hold.ids]
        released = [row.released_at for row in rows if row and row.released_at]
        yield tell_end(place, hold, ctx, released_at=max(released, default=None))


def _has_other_bead(old: Hold, hold: Hold) -> bool:
    """Whether a further reservation says what the hold is about, and it is something else."""
    return find_bead(hold.reason) not in (None, find_bead(old.reason))


def _merge(rows: Sequence[Reservation], name: str | None) -> Hold:
    telling = [row for row in rows if find_bead(row.reason)] or rows
    began, ends = [row.created_at for row in rows if row.created_at], [row.expires_at for row in rows if row.expires_at]
    return Hold(
        agent=rows[0].agent,
        name=name,
        pattern=rows[0].pattern,
        ids=tuple(row.id for row in rows),
        told_as=rows[-1].id,
        reason=telling[-1].reason,
        exclusive=any(row.exclusive for row in rows),
        created_at=min(began).isoformat() if began else None,
        expires_at=max(ends).isoformat() if ends else None,
    )
