"""Event ids: real ULIDs, in order, and never twice."""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import ulid

from interhost.bus.ids import id_time, is_id, new_id


def test_ids_are_ulids_of_the_present() -> None:
    """The reference library reads back the very text, and a time between before and after."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    for _ in range(1000):
        event_id = new_id()
        assert is_id(event_id)
        assert str(ulid.ULID.from_str(event_id)) == event_id
        assert before < id_time(event_id) < datetime.now(UTC) + timedelta(seconds=1)


def test_an_id_says_its_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ten characters are the clock's milliseconds, exactly."""
    moment = datetime(2100, 5, 17, 1, 2, 3, 456_000, tzinfo=UTC)
    monkeypatch.setattr(time, "time_ns", lambda: int(moment.timestamp() * 1000) * 1_000_000 + 999_999)
    assert id_time(new_id()) == moment
    assert ulid.ULID.from_str(new_id()).milliseconds == int(moment.timestamp() * 1000)


def test_ids_sort_in_the_order_they_were_made() -> None:
    """Also the thousands that are made within one millisecond."""
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_a_clock_that_is_set_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids go on from the latest time seen until the clock is past it."""
    start = time.time_ns() + 10**12
    made = []
    for offset in (0, 0, -5, -(10**11), 0, 10**6, 10**6, 10**7):
        monkeypatch.setattr(time, "time_ns", lambda now=start + offset: now)
        made.append(new_id())
    assert made == sorted(set(made))


def test_forked_children_never_repeat_an_id() -> None:
    """A child inherits everything of its parent but the sequence: 300 children and the parent, three ids each."""
    new_id()
    reading, writing = os.pipe()
    for _ in range(300):
        if (child := os.fork()) == 0:
            try:
                os.write(writing, "".join(f"{new_id()}\n" for _ in range(3)).encode())  # short enough to be one piece
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        made = pipe.read().split() + [new_id() for _ in range(3)]
    assert len(made) == 903
    assert len(set(made)) == 903


def test_threads_never_repeat_an_id() -> None:
    """Eight threads that take turns as often as can be make 40,000 different ids; no order is promised across them."""
    interval = sys.getswitchinterval()
    made: list[list[str]] = [[] for _ in range(8)]
    barrier = threading.Barrier(8)

    def make(own: list[str]) -> None:
        barrier.wait()
        own.extend(new_id() for _ in range(5000))

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=make, args=(own,)) for own in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len({event_id for own in made for event_id in own}) == 40_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01K9ZZZZZZ000000000000000",
        "01K9ZZZZZZ00000000000000000",
        "01k9zzzzzz0000000000000000",
        "81K9ZZZZZZ0000000000000000",
        "01K9ZZZZZZ000000000000000U",
        "01K9ZZZZZZ0000000000000000\n",
        " 01K9ZZZZZZ00000000000000",
    ],
)
def test_only_the_canonical_spelling_is_an_id(text: str) -> None:
    """Other lengths, lower case, letters outside the alphabet and values above 128 bits are none."""
    assert not is_id(text)
