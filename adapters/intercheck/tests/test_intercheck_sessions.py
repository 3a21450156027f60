"""Which sessions are looked at, from when on, and that an event itself tells nothing."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import HealthSignal, Level, Observation
from interhost_intercheck import adapter
from interhost_intercheck.sessions import list_sessions

if TYPE_CHECKING:
    from adapters.intercheck.tests.conftest import Machine


def test_an_event_tells_nothing_of_what_its_own_hooks_left(machine: Machine) -> None:
    """Its hooks run beside ours, so the results of an edit are told at a later look, and once."""
    machine.count(1, 0)
    machine.press("red")
    assert adapter.observe_hook(machine.event(), machine.ctx) == Observation()
    assert [one.signal for one in machine.signals()] == ["syntax_errors", "context_pressure"]
    for event in (machine.event(), machine.event("Stop"), machine.event("SessionEnd")):
        assert adapter.observe_hook(event, machine.ctx) == Observation()
        assert machine.look() == ()


@pytest.mark.parametrize("source", ["startup", "clear"])
def test_of_a_session_that_begins_everything_is_news(bare: Machine, source: str) -> None:
    """Also what was written before the first look; it cannot be another's, for the session is new."""
    bare.count(1, 0)
    bare.press("yellow")
    bare.begin(source)
    assert [(one.signal, one.value) for one in bare.signals()] == [("syntax_errors", 1), ("context_pressure", 10.0)]


@pytest.mark.parametrize("source", ["resume", "fork", "compact", None, 7])
def test_what_a_session_has_left_before_we_met_it_is_history(bare: Machine, source: object) -> None:
    """The first look is silent; from then on every change is told."""
    bare.transcript.touch()
    bare.count(4, 2)
    bare.press("orange")
    bare.begin(source)  # type: ignore[arg-type] # Claude Code may say anything
    assert bare.look() == ()
    bare.count(5, 2)
    bare.press("red")
    assert bare.signals() == [
        HealthSignal(signal="syntax_errors", level=Level.RED, value=5, unit="errors", threshold=3),
        HealthSignal(signal="context_pressure", level=Level.RED, value=10.0, unit="percent left"),
    ]


def test_a_session_without_counters_is_not_one_with_none(bare: Machine) -> None:
    """No file is no data, so that the first error, which makes the file, is news."""
    bare.transcript.touch()
    bare.begin("resume")
    assert bare.look() == ()
    bare.count(1, 0)
    assert [one.value for one in bare.signals()] == [1]


def test_an_edit_makes_a_session_known(bare: Machine) -> None:
    """Its start may lie before the adapter was installed."""
    bare.transcript.touch()
    assert list_sessions(bare.ctx) == []
    adapter.observe_hook(bare.event(), bare.ctx)
    (session,) = list_sessions(bare.ctx)
    assert (session.project, session.transcript) == (str(bare.project), str(bare.transcript))


def test_outside_of_every_known_project_the_directory_stands_for_it(bare: Machine) -> None:
    """A fact always says where it happened."""
    adapter.observe_hook(bare.event(cwd="/elsewhere/src"), bare.ctx)
    assert list_sessions(bare.ctx)[0].project == "/elsewhere/src"


@pytest.mark.parametrize(
    "changes",
    [
        {"session_id": "../../etc/passwd"},
        {"session_id": "a/b"},
        {"session_id": ".hidden"},
        {"session_id": "a\n"},
        {"session_id": ""},
        {"session_id": "x" * 5000},
        {"cwd": "relative"},
        {"cwd": None},
        {"cwd": "/a\nb"},
        {"cwd": "/\x1b]0;x\x07"},
        {"transcript_path": None},
        {"transcript_path": 7},
    ],
)
def test_a_session_that_cannot_be_named_is_not_looked_at(bare: Machine, changes: dict[str, object]) -> None:
    """Its id becomes part of a file's name, its directory part of a fact."""
    assert adapter.observe_hook(bare.event(**changes), bare.ctx) == Observation()
    assert list_sessions(bare.ctx) == []


def test_a_transcript_that_is_a_pipe_or_a_link_is_not_opened(bare: Machine) -> None:
    """A pipe would keep the worker waiting for ever; a look at it ends at once."""
    pipe, link = bare.base / "pipe", bare.base / "link"
    os.mkfifo(pipe)
    link.symlink_to(bare.base / "target")
    for path in (pipe, link, bare.base, Path("/dev/zero"), Path("/a\0b")):
        adapter.observe_hook(bare.event(transcript_path=str(path)), bare.ctx)
        assert bare.look() == ()
    assert bare.ctx.tails == {}


def test_sessions_are_forgotten_after_a_day_and_beyond_thirty_two(bare: Machine) -> None:
    """The ones heard of last stay; a look costs no more however many there were."""
    for number in range(40):
        adapter.observe_hook(bare.event(session_id=f"s-{number}"), bare.ctx)
    adapter.observe_hook(bare.event(session_id="s-9"), bare.ctx)
    expected = ["s-8", *(f"s-{number}" for number in range(10, 40)), "s-9"]
    assert [one.id for one in list_sessions(bare.ctx)] == expected
    bare.ctx.clock += timedelta(hours=24)
    assert list_sessions(bare.ctx) == []


def test_a_session_that_ended_is_looked_at_a_little_longer(machine: Machine) -> None:
    """What it left may come late; then it costs no look any more, however many a day has."""
    adapter.observe_hook(machine.event("SessionEnd", reason="clear"), machine.ctx)
    machine.ctx.clock += timedelta(minutes=9)
    machine.count(1, 0)
    assert [one.signal for one in machine.signals()] == ["syntax_errors"]
    machine.ctx.clock += timedelta(minutes=1)
    assert list_sessions(machine.ctx) == []


def test_damaged_positions_are_none(bare: Machine) -> None:
    """Whatever stands in the cursor, a look goes on."""
    bare.ctx.cursor.values["sessions"] = "{"
    assert bare.look() == ()
