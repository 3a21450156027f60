"""The options that say which stored facts are meant; shared by replay and subscribe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interhost.bus.bus import Bus
from interhost.bus.catalogue import resolve_intent
from interhost.bus.ids import is_id
from interhost.bus.log import Query, Stored
from interhost.cli.output import iso_time, note, print_table, printable, show_time
from interhost.cli.times import read_moment
from interhost.errors import InputError, UnknownEventError, UnknownIntentError, UsageError

FORMATS = ("table", "ndjson", "cloudevents")
_PAGE = 500
_LAST = (1 << 63) - 1
"""The largest number the log can count to."""


def read_text(text: str) -> str:
    """A word to compare with what is stored, which is always UTF-8.

    Raises:
        InputError: It is not, so nothing stored could be equal to it.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{text!r}: not valid UTF-8 at character {error.start}") from None
    return text


def read_position(bus: Bus, text: str) -> int:
    """A position in the log: ``start``, ``end``, a sequence number, an event id, or a time.

    Raises:
        UnknownEventError: The log has no event with that id.
        UsageError: It is none of these.
    """
    if text == "start":
        return 0
    if text == "end":
        return bus.log.end()
    if text.isdecimal():
        return min(int(text[:20]), _LAST)
    if is_id(text.upper()):
        if (stored := bus.log.get(text.upper())) is None:
            raise UnknownEventError(text.upper())
        return stored.seq
    try:
        since = read_moment(text)
    except UsageError:
        raise UsageError(
            f"position {text!r}: expected start, end, a sequence number, an event id, a time, or how long ago"
        ) from None
    first = bus.log.read(Query(since=since), 1)
    return first[0].seq - 1 if first else bus.log.end()


def say_nothing_matches(intents: Sequence[str]) -> None:
    """Say that nothing was found, and what an intent's name may have been meant to be."""
    note("nothing on the bus matches")
    for intent in intents:
        try:
            resolve_intent(intent)
        except UnknownIntentError as error:
            note(f"  {error}")
        except InputError:
            pass  # a glob


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
