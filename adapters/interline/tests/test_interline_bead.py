"""The bead of a session, in a file that is written only where it is nobody else's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Outcome, OutcomeKind, PhaseTransition, SidebandError
from interhost_hookspecs.phases import PHASES

if TYPE_CHECKING:
    from adapters.interline.tests.conftest import Desk

FILE = ("interphase", "bead")
OWNED = {"id": "iv-abc1", "phase": "planned", "reason": "sprint-advance"}


def move(to: str) -> PhaseTransition:
    """A move of the session's bead."""
    return PhaseTransition(to=to, phase_model="interphase-8")


def test_where_there_is_no_file_the_bead_is_shown(desk: Desk) -> None:
    """With a reason by which interphase's adapter knows that it is no move of its own."""
    assert desk.react(move("executing")) == Outcome.done("iv-abc1 (executing)")
    assert desk.read(*FILE) == {
        "id": "iv-abc1",
        "phase": "executing",
        "reason": "interbus:01K9ZZZZZZ0000000000000000",
        "ts": int(desk.ctx.clock.timestamp()),
    }
    assert desk.draw() == ["[Opus] widgets", "iv-abc1 (executing)"]


def test_an_older_phase_of_the_same_bead_is_refreshed(desk: Desk) -> None:
    """Whoever wrote it."""
    desk.put(*FILE, {**OWNED, "ts": desk.ctx.clock.timestamp() - 60})
    assert desk.react(move("executing")) == Outcome.done("iv-abc1 (executing)")


def test_a_move_outside_any_session_is_shown_to_those_who_work_on_the_bead(desk: Desk) -> None:
    """The policy layer or an adapter has made it; whoever shows another bead, or a later phase, is left alone."""
    now = desk.ctx.clock.timestamp()
    desk.put(*FILE, {**OWNED, "ts": now - 60})
    desk.put(*FILE, {**OWNED, "ts": now - 60}, session="second")
    desk.put(*FILE, {**OWNED, "id": "iv-other", "ts": now - 60}, session="third")
    desk.put(*FILE, {**OWNED, "ts": now}, session="fourth")
    assert desk.react(move("executing"), session=None) == Outcome.done("iv-abc1 (executing)")
    shown = [(desk.read(*FILE, *session) or {})["phase"] for session in ([], ["second"], ["third"], ["fourth"])]
    assert shown == ["executing", "executing", "planned", "planned"]
    assert desk.react(move("shipping"), session=None, age=1) == Outcome.skipped(
        "the file is as new: left to its author"
    )


def test_of_two_moves_within_a_second_the_second_is_shown(desk: Desk) -> None:
    """The file counts in seconds; what is ours may be replaced in the order of the log, what is another's may not."""
    desk.react(move("executing"))
    assert desk.react(move("shipping")) == Outcome.done("iv-abc1 (shipping)")
    desk.put(*FILE, {**OWNED, "ts": desk.ctx.clock.timestamp()})
    assert desk.react(move("done")) == Outcome.skipped("the file is as new: left to its author")


@pytest.mark.parametrize("ts", [0, 60, None, "soon", True])
def test_a_file_as_new_or_of_no_known_age_stays(desk: Desk, ts: object) -> None:
    """Its author has written it; what is no time may be any."""
    at = desk.ctx.clock.timestamp() + ts if isinstance(ts, int) and not isinstance(ts, bool) else ts
    desk.put(*FILE, {**OWNED, "ts": at})
    assert desk.react(move("executing")) == Outcome.skipped("the file is as new: left to its author")
    assert (desk.read(*FILE) or {})["phase"] == "planned"


@pytest.mark.parametrize("bead", ["iv-other", "", None, 7])
def test_a_file_of_another_bead_stays(desk: Desk, bead: object) -> None:
    """However old it is: the session works on that one."""
    desk.put(*FILE, {**OWNED, "id": bead, "ts": 1})
    assert desk.react(move("executing")) == Outcome.skipped("the file names another bead: left to its author")


@pytest.mark.parametrize("content", ["", "{", '{"version": "2.0.0", "payload": {}}', None])
def test_a_file_that_cannot_be_read_stays(desk: Desk, content: str | None) -> None:
    """Torn, or of a later version, or a link to nothing: its author may need it."""
    path = desk.home / ".interband" / "interphase" / "bead" / "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11.json"
    path.parent.mkdir(parents=True)
    if content is None:
        path.symlink_to(desk.home / "nothing")
    else:
        path.write_text(content)
    assert desk.react(move("executing")) == Outcome.skipped("the file is there and cannot be read: left to its author")
    assert content is None or path.read_text() == content


def test_every_phase_that_readers_know_is_written(desk: Desk) -> None:
    """Also under its other name."""
    for age, phase in enumerate((*PHASES, "polish")):
        desk.react(move(phase), age=50 - age)
        assert (desk.read(*FILE) or {})["phase"] == {"polish": "shipping"}.get(phase, phase)


@pytest.mark.parametrize("phase", ["review", "reflect", "goal-formed", "Planned", "", "a\nb"])
def test_a_phase_that_no_reader_knows_is_dropped(desk: Desk, phase: str) -> None:
    """Readers would refuse the whole file."""
    outcome = desk.react(move(phase))
    assert outcome
    assert (outcome.kind, desk.sideband.files) == (OutcomeKind.SKIPPED, {})
    assert outcome.reason.startswith("no reader of the file knows the phase")


def test_without_a_bead_or_a_session_there_is_no_such_file(desk: Desk) -> None:
    """A project is no bead; a name with a slash is no session."""
    for session in (None, "../x"):
        assert desk.react(move("planned"), session=session) == Outcome.skipped("no bead of a session")
    assert desk.sideband.files == {}


def test_where_the_layer_is_off_or_nothing_can_be_written(desk: Desk) -> None:
    """Each is said."""
    desk.sideband.refusal = SidebandError("no space")
    assert desk.react(move("planned")) == Outcome.failed("no space")
    (desk.home / ".claude" / "interline.json").write_text('{"layers": {"bead": false}}')
    assert desk.react(move("planned")) == Outcome.skipped("the layer bead is off in ~/.claude/interline.json")


def test_no_root_is_no_reason_to_raise(desk: Desk) -> None:
    """Then nobody can tell what is there."""
    desk.sideband.root = None
    desk.sideband.refusal = SidebandError("no home directory")
    assert desk.react(move("planned")) == Outcome.failed("no home directory")


def test_a_day_old_bead_is_not_shown(desk: Desk) -> None:
    """As interline's rules say; we write no age of our own into it."""
    desk.react(move("planned"))
    (path,) = (desk.home / ".interband" / "interphase" / "bead").iterdir()
    os.utime(path, (1, 1))
    assert desk.draw() == ["[Opus] widgets"]
