"""Publishing: known facts are dropped, and log and records change together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.log import Query
from interhost.errors import InputError

fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    with Bus(tmp_path / "state") as bus:
        yield bus


def test_a_published_fact_is_in_the_log(bus: Bus) -> None:
    """The answer says under which id and at which position."""
    envelope = fact()
    published = bus.publish(envelope)
    assert published == (envelope.event_id, 1, False)
    assert [(one.seq, one.envelope) for one in bus.log.read(Query())] == [(1, envelope)]


def test_a_known_natural_key_answers_with_the_first(bus: Bus) -> None:
    """The same fact seen by two producers is one event, whatever else they say about it."""
    first = bus.publish(fact(dedupe_key="ic:db:7", producer="clavain"))
    bus.publish(fact(dedupe_key="ic:db:8"))
    again = bus.publish(fact(dedupe_key="ic:db:7", producer="interphase", payload='{"text": "y"}'))
    assert again == (first.event_id, first.seq, True)
    assert bus.log.end() == 2


def test_a_known_id_is_a_duplicate_with_and_without_a_key(bus: Bus) -> None:
    """A spool file that is drained twice changes nothing, and its key is known from then on."""
    plain, keyed = fact(), fact(dedupe_key="k")
    for envelope in (plain, keyed):
        first, again = bus.publish(envelope), bus.publish(envelope)
        assert again == (envelope.event_id, first.seq, True)
    assert bus.log.end() == 2


def test_a_key_that_is_no_text_is_no_key(bus: Bus) -> None:
    """The open map may hold anything; only a text can name a fact."""
    for _ in range(2):
        bus.publish(fact(extensions={"dedupe_key": 7}))
    assert bus.log.end() == 2


def test_a_refused_fact_leaves_no_key_behind(bus: Bus) -> None:
    """Fact and key are stored together or not at all, so the fact can still be told."""
    taken = fact()
    bus.publish(taken)
    refused = fact(payload='{"text": "other"}', dedupe_key="k", event_id=taken.event_id)
    with pytest.raises(InputError):
        bus.publish(refused)
    assert bus.publish(fact(dedupe_key="k")).duplicate is False


def test_facts_and_cursors_are_stored_together(bus: Bus) -> None:
    """A cursor never moves without the envelopes it led to, nor they without it; both can be tried again."""

    def look(*, fail: bool) -> None:
        with bus.database.transaction():
            bus.publish(fact(dedupe_key="line-1"))
            bus.publish(fact(dedupe_key="line-2"))
            bus.store.move_cursor("alpha", "file", "42")
            if fail:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look(fail=True)
    assert (bus.log.end(), bus.store.cursor("alpha", "file")) == (0, None)
    look(fail=False)
    assert (bus.log.end(), bus.store.cursor("alpha", "file")) == (2, "42")


def test_a_key_whose_event_was_pruned_is_never_given_another_event(bus: Bus) -> None:
    """It stays a duplicate at its old position, and names no other event in its place."""
    first = bus.publish(fact(dedupe_key="k"))
    other = bus.publish(fact())
    with bus.database.transaction():
        bus.database.change("DELETE FROM event WHERE seq = ?", first.seq)
    again = bus.publish(fact(dedupe_key="k"))
    assert (again.seq, again.duplicate) == (first.seq, True)
    assert again.event_id != other.event_id
