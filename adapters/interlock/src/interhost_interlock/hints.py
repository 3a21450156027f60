"""interlock's signals: lines and sidebands that say in free words what has happened.

Few installations write them, and most reservations leave none. So a signal says only that the service should be asked
at once; what it says itself is told while the service cannot be asked.

Source: ``reference/modules/interlock.md`` section 4.3, row L5; ``reference/modules/_wave2-shared-ground.md`` section
1.2; ``reference/modules/_wave1-design-facts.md`` section 0, point 8.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from attrs import evolve, field, frozen
from interhost_hookspecs import AdapterContext, Draft
from interhost_hookspecs.files import is_readable
from interhost_hookspecs.reading import encodable, fact_key, first_line, read_object_lines, read_time

from interhost_interlock.facts import compose_commit
from interhost_interlock.holds import Hold, Ledger, tell_end, tell_reserve
from interhost_interlock.kernel import is_locked
from interhost_interlock.places import Place

SIGNALS = "*.jsonl"
"""Signal files, in their directory: one for each project and agent, with ``-`` between the two."""

DEFAULT_DIR = "/var/run/intermute/signals"

_MOST_FILES = 256
_MOST_TEXT = 1024
_RESERVED = re.compile(r"reserved (?P<pattern>\S.*)")
_RELEASED = re.compile(r"released (?P<id>[\w.:-]+)")
_ALL = re.compile(r"released all\b|agent deregistered\b")
_COMMITTED = re.compile(r"committed (?P<commit>[0-9a-f]{7,64}) \(\d+ files?\): (?P<message>.*)")


@frozen
class Hint:
    """One signal: the name of its file, when, its text, and where it was seen."""

    key: str
    ts: str
    text: str
    source: str = field(eq=False)


def list_hints(ctx: AdapterContext) -> list[Hint]:
    """The signals since the last look, each once, although most are left in both places."""
    folder = Path(ctx.config.text("signal_dir") or os.environ.get("INTERLOCK_SIGNAL_DIR") or DEFAULT_DIR)
    new = ctx.changed(SIGNALS, root=folder, settle=0.0)
    hints = [
        _read_hint(path.stem, record, "file:interlock-signal")
        for path in islice(filter(is_readable, sorted(folder.glob(SIGNALS))), _MOST_FILES)
        for _, record in read_object_lines(ctx.tail(path, whole=path in new).lines)
    ]
    for file in ctx.sideband.changed("interlock", "coordination"):
        hints.append(_read_hint(file.key, file.payload, "interband:interlock/coordination"))
    return list(dict.fromkeys(hints))


def tell_hints(hints: Iterable[Hint], places: Sequence[Place], ctx: AdapterContext) -> Iterator[Draft]:
    """What the signals themselves say, for while the service cannot be asked. It is not told again by the service."""
    for hint in hints:
        if found := _find_place(hint.key, places):
            place, agent = found
            ledger = Ledger(place, ctx)
            yield from _tell(hint, agent, ledger, ctx)
            ledger.keep(ctx)


def _tell(hint: Hint, agent: str, ledger: Ledger, ctx: AdapterContext) -> Iterator[Draft]:
    """One signal in words: of a reservation, of one or all releases of an agent, or of a commit."""
    at, place = read_time(hint.ts), ledger.place
    if found := _RESERVED.fullmatch(hint.text):
        hold = Hold(
            agent=agent, name=agent, pattern=found["pattern"], created_at=at.isoformat() if at else None, told=True
        )
        if not ledger.find(hold.pattern, [agent]) and not is_locked(ctx, place, hold.pattern, [agent]):
            ledger.holds.append(hold)
            yield tell_reserve(place, hold, ctx, key=_key(hint), source=hint.source)
    elif _ALL.match(hint.text):
        yield from _tell_ends(hint, [one for one in ledger.holds if agent in one.names], ledger, ctx)
    elif found := _RELEASED.match(hint.text):
        # Of several reservations of one file, the others still count.
        left = [evolve(one, ids=tuple(key for key in one.ids if key != found["id"])) for one in ledger.holds]
        gone = [old for old, new in zip(ledger.holds, left, strict=True) if old.ids and not new.ids]
        kept = [old if old in gone else new for old, new in zip(ledger.holds, left, strict=True)]
        ledger.holds = kept
        yield from _tell_ends(hint, gone, ledger, ctx)
    elif (found := _COMMITTED.match(hint.text)) and (
        draft := compose_commit(place, found["commit"], found["message"], source=hint.source, by=agent, at=at)
    ):
        yield draft


def _tell_ends(hint: Hint, gone: Iterable[Hold], ledger: Ledger, ctx: AdapterContext) -> Iterator[Draft]:
    for hold in gone:
        ledger.holds.remove(hold)
        if hold.told:
            key, at = _key(hint, hold.pattern), read_time(hint.ts)
            yield tell_end(ledger.place, hold, ctx, released_at=at or ctx.now(), key=key, source=hint.source)


def _key(hint: Hint, *more: str) -> str:
    return fact_key("interlock", "signal", hint.key, hint.ts, hint.text, *more)


def _find_place(key: str, places: Sequence[Place]) -> tuple[Place, str] | None:
    """The project and the agent in the name of a file; both may have a ``-``, so the longest project wins."""
    for place in sorted(places, key=lambda one: len(one.name), reverse=True):
        start = re.sub(r"[^A-Za-z0-9._-]", "_", place.name) + "-"
        if key.startswith(start) and (agent := key.removeprefix(start)):
            return place, agent
    return None


def _read_hint(key: str, record: Mapping[str, object], source: str) -> Hint:
    text = record.get("text")
    lines = encodable(text[:_MOST_TEXT]).splitlines() if isinstance(text, str) else []
    return Hint(encodable(key), first_line(record, "ts") or "", lines[0] if lines else "", source)
