"""The pressure, in the file that interline reads and believes however old it is."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Level, Outcome, OutcomeKind, SidebandError

if TYPE_CHECKING:
    from adapters.interline.tests.conftest import Desk

FILE = ("intercheck", "pressure")
SOURCE = ("interpulse", "pressure")
OTHER = "0d3f6a52-6f0e-4b7c-9a55-2b1f0f6f7c21"


@pytest.mark.parametrize("level", ["yellow", "orange", "red"])
def test_a_level_is_shown(desk: Desk, level: str) -> None:
    """With what readers of the channel ask for: numbers, not guesses."""
    assert desk.press(level, pressure=2) == Outcome.done(f"pressure {level}")
    now = int(desk.ctx.clock.timestamp())
    assert desk.read(*FILE) == {"level": level, "pressure": 2, "est_tokens": 0, "ts": now}
    assert desk.draw() == [f"[Opus] widgets | {level}"]


def test_green_hides_it(desk: Desk) -> None:
    """The way back is written, too."""
    desk.press("red", age=5)
    desk.press("green")
    assert desk.draw() == ["[Opus] widgets"]


@pytest.mark.parametrize("pressure", [None, "2", -1, True])
def test_what_is_no_number_counts_as_none(desk: Desk, pressure: object) -> None:
    """The channel wants one; interline does not look at it."""
    desk.press("red", pressure=pressure)
    assert (desk.read(*FILE) or {})["pressure"] == 0


@pytest.mark.parametrize("session", [None, "", "../x", "a/b", ".hidden", "a b", 7, "x" * 500])
def test_without_a_session_nothing_is_written(desk: Desk, session: object) -> None:
    """The session names the file, and interline takes its name as it is."""
    assert desk.press("red", session=session) == Outcome.skipped("no session is named")
    assert desk.sideband.files == {}


def test_an_old_level_is_not_shown_as_new(desk: Desk) -> None:
    """A fact may be delivered a day late; interline would not know."""
    assert desk.press("red", age=3600) == Outcome.skipped(
        "older than an hour, and interline would show it as if it were new"
    )
    assert desk.press("red", age=3599).kind is OutcomeKind.DONE  # type: ignore[union-attr] # it answers


def test_a_later_level_stays(desk: Desk) -> None:
    """Facts of different contexts overtake each other."""
    desk.press("orange")
    assert desk.press("red", age=10) == Outcome.skipped("a later level is shown")
    assert desk.draw() == ["[Opus] widgets | orange"]


def test_a_later_level_that_is_stale_does_not_count(desk: Desk) -> None:
    """What interband would not keep is none."""
    desk.put(*FILE, {"level": "red", "pressure": 1, "est_tokens": 0, "ts": desk.ctx.clock.timestamp() + 50})
    desk.sideband.stale.add((*FILE, next(key for *_, key in desk.sideband.files)))
    assert desk.press("orange") == Outcome.done("pressure orange")


def test_the_session_takes_its_level_with_it(desk: Desk) -> None:
    """Else it would be shown for ever."""
    desk.press("red")
    desk.press("orange", session=OTHER)
    desk.end(OTHER, "Stop")
    assert (desk.read(*FILE, OTHER) or {})["level"] == "orange"
    desk.end()
    assert desk.draw() == ["[Opus] widgets"]
    assert (desk.read(*FILE, OTHER) or {})["level"] == "orange"
    assert desk.press("red", age=10) == Outcome.skipped("a later level is shown")


def test_the_end_of_a_session_without_a_level_writes_nothing(desk: Desk) -> None:
    """Also when its id is no name, or somebody else's file is there."""
    desk.put(*FILE, {"level": "red", "pressure": 1, "est_tokens": 0, "ts": 1})
    for session in (next(key for *_, key in desk.sideband.files), "../x", ""):
        desk.end(session)
    assert (desk.read(*FILE) or {})["level"] == "red"


def test_a_level_that_nobody_confirms_is_taken_back_after_an_hour(desk: Desk) -> None:
    """A session that was killed, a module that was removed: no event says so."""
    desk.press("red")
    desk.look(3599)
    assert desk.draw() == ["[Opus] widgets | red"]
    desk.look(1)
    assert desk.draw() == ["[Opus] widgets"]
    before = dict(desk.ctx.cursor.values)
    desk.look(3600)
    assert desk.ctx.cursor.values == before, "there is nothing left to take back"


def test_a_level_that_still_holds_stays(desk: Desk) -> None:
    """Only crossings are told; interpulse writes after every tool, and so confirms it."""
    desk.press("red", pressure=7)
    for _ in range(3):
        desk.put(*SOURCE, {"level": "red", "ts": desk.ctx.clock.timestamp() + 3000})
        desk.look(3010)
        since = int(desk.ctx.clock.timestamp() - 10)
        assert desk.read(*FILE) == {"level": "red", "pressure": 7, "est_tokens": 0, "ts": since}
    desk.look(3600)
    assert desk.draw() == ["[Opus] widgets"]


@pytest.mark.parametrize(
    "stated",
    [
        {"level": "orange", "ts": 3000},
        {"level": "red", "ts": 0},
        {"level": "red", "ts": 4000},
        {"level": "red", "ts": "3000"},
        {"level": "red"},
        {"level": ["red"], "ts": 3000},
        {},
    ],
)
def test_another_level_an_old_one_and_a_damaged_one_confirm_nothing(desk: Desk, stated: dict[str, object]) -> None:
    """Of another level the fact will come."""
    desk.press("red")
    at = stated.get("ts")
    desk.put(*SOURCE, {**stated, **({"ts": desk.ctx.clock.timestamp() + at} if isinstance(at, int) else {})})
    desk.look(3600)
    assert (desk.read(*FILE) or {})["level"] == "green"


def test_a_file_that_somebody_else_has_written_since_is_theirs(desk: Desk) -> None:
    """An older intercheck, for example, still wrote it: it is not taken back, and not confirmed."""
    desk.press("red")
    desk.put(*FILE, {"level": "orange", "pressure": 1, "est_tokens": 0, "ts": desk.ctx.clock.timestamp() + 60})
    desk.look(3600)
    desk.end()
    assert desk.draw() == ["[Opus] widgets | orange"]


def test_what_cannot_be_written_is_said_and_tried_again_at_a_look(desk: Desk) -> None:
    """As long as the disk is full, nothing is forgotten."""
    desk.sideband.refusal = SidebandError("no space")
    assert desk.press("red") == Outcome.failed("no space")
    desk.sideband.refusal = None
    desk.press("red")
    desk.sideband.refusal = SidebandError("no space")
    desk.look(3600)
    desk.end()
    desk.sideband.refusal = None
    desk.look()
    assert desk.draw() == ["[Opus] widgets"]


def test_levels_are_remembered_for_a_bounded_number_of_sessions(desk: Desk) -> None:
    """The last ones."""
    for number in range(80):
        desk.press("red", session=f"s-{number}")
    assert len(json.loads(desk.ctx.cursor.values["shown"])) == 64


def test_where_the_layer_is_off_nothing_is_written(desk: Desk) -> None:
    """The user has said so in interline's own configuration; a damaged one says nothing."""
    config = desk.home / ".claude" / "interline.json"
    config.write_text('{"layers": {"pressure": false}}')
    assert desk.press("red") == Outcome.skipped("the layer pressure is off in ~/.claude/interline.json")
    for text in ('{"layers": {"pressure": "no"}}', '{"layers": 7}', "{", "[]", "[" * 100_000):
        config.write_text(text)
        assert desk.press("red") == Outcome.done("pressure red")


def test_without_interline_the_file_is_written_and_nobody_shows_it(desk: Desk) -> None:
    """Other status lines may read it; with the plugin, or only its script, interline is there."""
    (desk.home / ".claude" / "statusline.sh").unlink()
    assert desk.press("red") == Outcome.degraded("pressure red; interline is not installed")
    desk.ctx.root = desk.home
    assert desk.press("red") == Outcome.done("pressure red")


def test_the_trap_is_real(desk: Desk) -> None:
    """Three days old and still shown: what the documented rules say, and why levels are taken back."""
    desk.put(*FILE, {"level": "red", "pressure": 1, "est_tokens": 0, "ts": 1})
    path = desk.home / ".interband" / "intercheck" / "pressure"
    old = time.time() - 3 * 86400
    for file in path.iterdir():
        os.utime(file, (old, old))
    assert desk.draw() == ["[Opus] widgets | red"]
    assert Level("red") == "red"
