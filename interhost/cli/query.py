"""The options that say which stored facts are meant; shared by replay and subscribe."""

from __future__ import annotations

from collections.abc import Iterator

from interhost.bus.bus import Bus
from interhost.bus.ids import is_id
from interhost.bus.log import Query, Stored
from interhost.cli.output import iso_time, print_table, printable, show_time
from interhost.cli.times import read_moment
from interhost.errors import InputError

FORMATS = ("table", "ndjson", "cloudevents")
_PAGE = 500


def read_position(bus: Bus, text: str) -> int:
    """A position in the log: ``start``, ``end``, a sequence number, an event id, or a time.

    Raises:
        InputError: The log has no event with that id.
        UsageError: It is none of these.
    """
    if text == "start":
        return 0
    if text == "end":
        return bus.log.end()
    if text.isdecimal():
        return int(text)
    if is_id(text):
        if (stored := bus.log.get(text)) is None:
            raise InputError(f"event {text}: not in the log", hint="'interbus replay --last 20' shows the newest")
        return stored.seq
    first = bus.log.read(Query(since=read_moment(text)), 1)
    return first[0].seq - 1 if first else bus.log.end()


def read_pages(bus: Bus, query: Query) -> Iterator[Stored]:
    """Everything a query finds, page by page, so that no read is left open."""
    while True:
        page = bus.log.read(query, _PAGE)
        yield from page
        if query.last is not None or len(page) < _PAGE:
            return
        query = query._replace(after=page[-1].seq)


def format_line(stored: Stored, form: str) -> str:
    """One fact on one line."""
    if form == "cloudevents":
        return stored.envelope.to_cloudevent()
    return stored.envelope.to_json(seq=stored.seq, stored_at=iso_time(stored.ts))


def print_facts(facts: list[Stored]) -> None:
    """Facts as a table."""
    print_table(
        ("SEQ", "STORED", "INTENT", "CONTEXT", "FROM", "SEVERITY", "PAYLOAD"),
        [
            (
                stored.seq,
                show_time(stored.ts),
                stored.envelope.intent,
                stored.envelope.context_id,
                stored.envelope.producer,
                stored.envelope.severity,
                printable(stored.envelope.payload),
            )
            for stored in facts
        ],
    )
