"""Counters that moved, and a pressure that crossed a level."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import HealthSignal, Level, Severity
from interhost_intercheck.state import read_counters

if TYPE_CHECKING:
    from adapters.intercheck.tests.conftest import Machine

WRITER = """
import json, sys
n = 0
while True:
    n += 1
    with open(sys.argv[1], "w") as file:
        file.write(json.dumps({"syntax_errors": n, "filler": " " * 4000, "format_runs": n}))
"""
BROKEN = ["", "{", "[]", "7", '{"syntax_errors": 1}', '{"syntax_errors": true, "format_runs": 0}', "[" * 100_000]


@pytest.mark.parametrize(
    ("count", "level", "severity"),
    [(1, Level.YELLOW, Severity.WARN), (2, Level.YELLOW, Severity.WARN), (3, Level.RED, Severity.ERROR)],
)
def test_errors_that_were_counted_are_told(machine: Machine, count: int, level: Level, severity: Severity) -> None:
    """A warning, and an error from the third on."""
    path = machine.count(count, 1)
    (draft,) = machine.look()
    assert draft.payload == HealthSignal(signal="syntax_errors", level=level, value=count, unit="errors", threshold=3)
    assert (draft.severity, draft.artifact_path, draft.source_hook) == (severity, path, "file:intercheck-state")
    assert draft.extensions == {
        "check": "counters",
        "syntax_errors": count,
        "format_runs": 1,
        "delta_syntax_errors": count,
        "delta_format_runs": 1,
    }
    assert (draft.context_id, draft.project_dir) == (None, machine.project), "the host knows the session's bead"
    assert machine.look() == ()


@pytest.mark.parametrize(("many", "level"), [(1, Level.RED), (9, Level.YELLOW), (0, Level.YELLOW), ("x", Level.YELLOW)])
def test_how_many_errors_are_many_is_a_setting(machine: Machine, many: object, level: Level) -> None:
    """What is no number of at least one counts as three."""
    machine.ctx.config = {**machine.ctx.config, "many_errors": many}
    machine.count(1, 0)
    assert [one.level for one in machine.signals()] == [level]


def test_format_runs_are_told_and_are_nothing_bad(machine: Machine) -> None:
    """Which file it was, intercheck keeps nowhere."""
    machine.count(0, 2)
    (draft,) = machine.look()
    assert draft.payload == HealthSignal(signal="format_runs", level=Level.GREEN, value=2, unit="runs")
    assert draft.severity is Severity.INFO


@pytest.mark.parametrize("lower", [(1, 9), (0, 0), (9, 1)])
def test_lower_counters_are_a_new_baseline(machine: Machine, lower: tuple[int, int]) -> None:
    """The file was made anew: nothing is told, and counting goes on from there."""
    machine.count(5, 5)
    machine.look()
    machine.count(*lower)
    assert machine.look() == ()
    machine.count(lower[0] + 1, lower[1])
    assert [one.value for one in machine.signals()] == [lower[0] + 1]


def test_a_file_that_is_gone_says_nothing(machine: Machine) -> None:
    """The directory is cleaned; that is no zero."""
    machine.count(2, 2).unlink()
    assert machine.look() == ()


def test_keys_of_others_are_no_obstacle(machine: Machine) -> None:
    """Unknown keys survive in the file, and are none of ours."""
    machine.count(1, 0, calls=77, pressure="red")
    assert [one.signal for one in machine.signals()] == ["syntax_errors"]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_damaged_file_is_left_alone_and_tells_nothing(machine: Machine, text: str) -> None:
    """Torn, corrupt, of another type or deep: what is whole at a later look is told then. It is never written."""
    path = machine.count(0, 0)
    path.write_text(text)
    before = path.stat()
    assert machine.look() == ()
    assert (path.read_text(), path.stat().st_mtime_ns, path.stat().st_ino) == (text, before.st_mtime_ns, before.st_ino)
    machine.count(1, 0)
    assert [one.value for one in machine.signals()] == [1]


def test_what_others_leave_in_the_directory_is_not_read(machine: Machine) -> None:
    """Anybody can write there: a link, a folder, a pipe are passed over, and a huge file costs one head."""
    path = machine.count(1, 0)
    path.rename(machine.tmp / "elsewhere")
    path.symlink_to(machine.tmp / "elsewhere")
    assert machine.look() == ()
    path.unlink()
    os.mkfifo(path)
    assert machine.look() == ()
    path.unlink()
    path.mkdir()
    assert machine.look() == ()
    path.rmdir()
    path.write_bytes(b"\xff" * (10 << 20))
    assert machine.look() == ()


def test_a_file_that_is_written_all_the_time_is_never_misread(machine: Machine) -> None:
    """The writer empties it first, as ``echo > file`` does: a reader finds what was written, or nothing."""
    path = machine.count(0, 0)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
    try:
        found: list[tuple[int, int] | None] = []
        end = time.monotonic() + 1.0
        while time.monotonic() < end or (not any(found) and time.monotonic() < end + 20):
            found.append(read_counters(machine.event().session_id, machine.ctx))
    finally:
        writer.kill()
        writer.wait()
    whole = [one for one in found if one is not None]
    assert all(errors == runs for errors, runs in whole)
    assert whole == sorted(whole)
    assert whole


@pytest.mark.parametrize(
    ("level", "severity"),
    [("yellow", Severity.WARN), ("orange", Severity.WARN), ("red", Severity.ERROR)],
)
def test_a_level_that_is_crossed_is_told_once(machine: Machine, level: str, severity: Severity) -> None:
    """With what interpulse measured; its estimate of tokens, which stays near zero, is left out."""
    machine.ctx.sideband.root = machine.home / ".interband"
    machine.press(level)
    (draft,) = machine.look()
    assert draft.payload == HealthSignal(signal="context_pressure", level=Level(level), value=10.0, unit="percent left")
    assert (draft.severity, draft.source_hook) == (severity, "interband:interpulse/pressure")
    assert draft.artifact_path == machine.home / ".interband" / "interpulse" / "pressure" / f"{draft.session_id}.json"
    assert draft.occurred_at == datetime(2026, 11, 20, 11, 59, 55, tzinfo=UTC)
    assert draft.extensions == {
        "source": "interpulse",
        "previous": "green",
        "pressure": 2,
        "context_usable": 10,
        "context_raw": 25,
    }
    machine.press(level, age=1.0)
    assert machine.look() == (), "the same level, measured again"


def test_the_way_back_is_told_too(machine: Machine) -> None:
    """Each crossing with the level before; green is no trouble, and the same level again is a new fact."""
    seen = []
    for age, level in ((9.0, "red"), (8.0, "orange"), (7.0, "green"), (6.0, "red")):
        machine.press(level, age=age)
        (draft,) = machine.look()
        seen.append(
            (draft.extensions["previous"], getattr(draft.payload, "level", None), str(draft.severity), draft.dedupe_key)
        )
    assert [one[:3] for one in seen] == [
        ("green", "red", "error"),
        ("red", "orange", "warn"),
        ("orange", "green", "info"),
        ("green", "red", "error"),
    ]
    assert len({one[3] for one in seen}) == 4


def test_green_from_the_beginning_is_no_news(machine: Machine) -> None:
    """It is written after every tool; only crossings count."""
    machine.press("green")
    assert machine.look() == ()


def test_newer_versions_count_real_tokens(machine: Machine) -> None:
    """What they know besides is kept; without a share of the context, the points are the measurement."""
    machine.press("red", context_usable=None, real_context_tokens=181000, real_context_threshold=200000)
    (draft,) = machine.look()
    assert (getattr(draft.payload, "value", None), getattr(draft.payload, "unit", None)) == (2.0, "points")
    assert draft.extensions["real_context_tokens"] == 181000


@pytest.mark.parametrize(
    "wrong",
    [
        {"age": 3600.0},
        {"age": 3 * 86400.0},
        {"age": -120.0},
        {"ts": None},
        {"ts": "2026-11-20T12:00:00Z"},
        {"ts": True},
        {"ts": 1e300},
        {"level": "drift:3"},
        {"level": "RED"},
        {"level": ["red"]},
        {"level": None},
    ],
)
def test_a_pressure_that_cannot_be_believed_is_none(machine: Machine, wrong: dict[str, object]) -> None:
    """Older than an hour, from the future, without a time, of an unknown level: never guessed, and not remembered."""
    level = wrong.pop("level", "red")
    machine.press(level, **wrong)  # type: ignore[arg-type] # that is the point
    assert machine.look() == ()
    machine.press("red")
    assert [one.level for one in machine.signals()] == [Level.RED]


def test_sessions_are_told_apart(machine: Machine) -> None:
    """Each has counters and a level of its own; one that is not known tells nothing."""
    machine.begin(session_id="s-2")
    for session in ("s-2", "s-3"):
        machine.count(1, 0, session)
        machine.press("red", session)
    assert {draft.session_id for draft in machine.look()} == {"s-2"}


def test_a_session_that_is_over_goes_quiet(machine: Machine) -> None:
    """A day after it was last heard of, its files tell nothing any more."""
    machine.ctx.clock += timedelta(hours=25)
    machine.count(1, 0)
    assert machine.look() == ()


def test_a_look_that_found_nothing_new_moves_nothing(machine: Machine) -> None:
    """What is stored is stored again unchanged, so that an idle host writes nothing."""
    before = dict(machine.ctx.cursor.values)
    machine.look()
    assert machine.ctx.cursor.values == before
    assert json.loads(before["sessions"])
