"""The host's own records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from interhost.bus.bus import Bus
from interhost.bus.store import Attempt, HostStore

HOUR = 3600


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bus(tmp_path: Path, clock: Clock) -> Iterator[Bus]:
    with Bus(tmp_path / "state", clock=clock) as bus:
        yield bus


@pytest.fixture
def store(bus: Bus) -> HostStore:
    return bus.store


def test_attempts_come_back_in_the_order_they_began(store: HostStore) -> None:
    """Of one event only, across consumers."""
    later, first = Attempt("alpha", 2, 30, 31, "done", "ok"), Attempt("alpha", 1, 10, 12, "error", "no luck")
    other = Attempt("beta", 1, 20, 25, "skipped", "nothing to do")
    for attempt in (later, first, other):
        store.record_attempt(7, attempt)
    store.record_attempt(8, first)
    assert store.attempts(7) == [first, other, later]
    assert store.attempts(9) == []


def test_cursors_belong_to_an_adapter_and_a_name(bus: Bus) -> None:
    """They overwrite their own value only, and are there for the next process."""
    for value in ("1", "2"):
        bus.store.move_cursor("alpha", "file", value)
    bus.store.move_cursor("alpha", "other", "")
    bus.store.move_cursor("beta", "file", "9")
    with Bus(bus.root) as another:
        assert another.store.cursor("alpha", "file") == "2"
        assert another.store.cursor("alpha", "other") == ""
        assert another.store.cursor("beta", "file") == "9"
        assert another.store.cursor("beta", "other") is None


def test_the_first_place_of_a_fact_is_remembered(store: HostStore) -> None:
    """A key that is known keeps its position."""
    assert store.known_fact("k") is None
    store.remember_fact("k", 3)
    store.remember_fact("k", 9)
    assert store.known_fact("k") == 3


def test_an_effect_is_begun_once(bus: Bus) -> None:
    """The second attempt, also of another process, learns that somebody was there before."""
    assert bus.store.begin_effect("e1", "alpha", "advance")
    assert bus.store.begin_effect("e1", "alpha", "comment")
    assert bus.store.begin_effect("e1", "beta", "advance")
    assert bus.store.begin_effect("e2", "alpha", "advance")
    with Bus(bus.root) as another:
        assert not another.store.begin_effect("e1", "alpha", "advance")


def test_the_same_advice_for_the_same_ears_is_kept_once(store: HostStore) -> None:
    """Another text, session, context or adapter makes it another advice; oldest first."""

    def advise(adapter: str = "alpha", text: str = "t", session: str | None = "s", context: str | None = None) -> None:
        store.add_advice(adapter, text, session_id=session, context_id=context, expires=None)

    advise()
    advise()
    advise(text="u")
    advise(session="s2")
    advise(session=None, context="iv-1")
    advise(session=None, context="iv-1")
    advise(adapter="beta")
    waiting = [(one.adapter, one.session_id, one.context_id, one.text) for one in store.waiting_advice()]
    assert waiting == [
        ("alpha", "s", None, "t"),
        ("alpha", "s", None, "u"),
        ("alpha", "s2", None, "t"),
        ("alpha", None, "iv-1", "t"),
        ("beta", "s", None, "t"),
    ]


def test_expired_advice_is_not_said(store: HostStore, clock: Clock) -> None:
    """At its time it is no longer worth saying."""
    expires = int((clock.now + 10) * 1_000_000)
    store.add_advice("alpha", "t", session_id="s", context_id=None, expires=expires)
    clock.now += 9
    assert [one.text for one in store.waiting_advice()] == ["t"]
    clock.now += 1
    assert store.waiting_advice() == []


def test_projects_are_listed_most_recent_first(store: HostStore, clock: Clock) -> None:
    """Seeing one again moves it up, at most once an hour: a busy session does not write all the time."""
    store.see_project(Path("/srv/a"))
    clock.now += 1
    store.see_project(Path("/srv/b"))
    clock.now += HOUR - 2
    store.see_project(Path("/srv/a"))
    assert store.projects() == (Path("/srv/b"), Path("/srv/a"))
    clock.now += 2
    store.see_project(Path("/srv/a"))
    assert store.projects() == (Path("/srv/a"), Path("/srv/b"))


def test_a_problem_is_cleared_by_the_stage_that_set_it(store: HostStore, clock: Clock) -> None:
    """One per adapter and stage, the latest; an observation that works does not hide that loading failed."""
    store.set_problem("beta", "load", "")
    store.set_problem("alpha", "load", "no module")
    store.set_problem("alpha", "observe", "")
    assert store.problems() == [("alpha", int(clock.now * 1_000_000), "load", "no module")]
    store.set_problem("alpha", "observe", "no file")
    store.set_problem("alpha", "observe", "no folder")
    assert [one[2:] for one in store.problems()] == [("load", "no module"), ("observe", "no folder")]
    store.set_problem("alpha", "observe", "")
    assert [one[2:] for one in store.problems()] == [("load", "no module")]
    store.set_problem("alpha", "load", "")
    assert store.problems() == []


def test_a_problem_that_stays_keeps_its_first_time(store: HostStore, clock: Clock) -> None:
    """It says since when it is so, and costs no write per pass."""
    store.set_problem("alpha", "load", "no module")
    begun = int(clock.now * 1_000_000)
    clock.now += 60
    store.set_problem("alpha", "load", "no module")
    assert [one.ts for one in store.problems()] == [begun]


def test_advice_is_handed_out_once_and_to_those_it_is_for(bus: Bus) -> None:
    """A session gets its own and that of its contexts; what it got nobody gets again, also in another process."""
    store = bus.store
    for text, session, context in (
        ("for s1", "s1", None),
        ("for s2", "s2", None),
        ("for iv-1", None, "iv-1"),
        ("for iv-2", None, "iv-2"),
        ("for s1 about iv-9", "s1", "iv-9"),
    ):
        store.add_advice("alpha", text, session_id=session, context_id=context, expires=None)
    assert [one.text for one in store.take_advice("s1", ["iv-1"])] == ["for s1", "for iv-1", "for s1 about iv-9"]
    with Bus(bus.root) as another:
        assert another.store.take_advice("s1", ["iv-1", "iv-9"]) == []
        assert [one.text for one in another.store.take_advice(None, ["iv-2"])] == ["for iv-2"]
    assert [one.text for one in store.waiting_advice()] == ["for s2"]


def test_a_submission_is_made_once(bus: Bus) -> None:
    """The first result is what everyone with the same key gets; without one the write is in doubt."""
    assert bus.store.begin_submission("k", "create_sprint", '{"goal":"g"}') is None
    with Bus(bus.root) as another:
        doubtful = another.store.begin_submission("k", "create_sprint", '{"goal":"another"}')
        assert doubtful is not None
        assert (doubtful.kind, doubtful.result, doubtful.request) == ("create_sprint", None, '{"goal":"g"}')
        assert another.store.submissions_in_doubt() == [doubtful]
        bus.store.finish_submission("k", '{"bead_id":"iv-1"}')
        known = another.store.begin_submission("k", "create_sprint")
        assert known is not None
        assert known.result == '{"bead_id":"iv-1"}'
        assert (another.store.find_submission("k"), another.store.submissions_in_doubt()) == (known, [])
        assert another.store.find_submission("other") is None


def test_a_submission_that_did_not_happen_may_be_made_again(store: HostStore) -> None:
    """A refusal takes the key back."""
    assert store.begin_submission("k", "advance_run") is None
    store.finish_submission("k", None)
    assert store.begin_submission("k", "advance_run") is None
