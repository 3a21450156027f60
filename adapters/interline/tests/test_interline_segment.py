"""One short text, for what interline has no place for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import (
    DriftDetected,
    HealthSignal,
    Level,
    Notify,
    Outcome,
    Payload,
    ReleaseState,
    ReleaseStatus,
    Severity,
)
from interhost_interline.segment import WIDTH, shorten

if TYPE_CHECKING:
    from adapters.interline.tests.conftest import Desk

SESSION = "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11"
NOT_SHOWN = "not shown, for the status line has no place for it yet: "


def syntax(detail: str | None = "bad.py: SyntaxError") -> HealthSignal:
    """A file with an error."""
    return HealthSignal(signal="syntax", level=Level.RED, detail=detail)


def install(desk: Desk) -> None:
    """The user has run ``interhost statusline install``."""
    command = (
        "test -f /v/interhost/claude/statusline.sh && . /v/interhost/claude/statusline.sh; ~/.claude/statusline.sh"
    )
    settings = {"statusLine": {"type": "command", "command": command}}
    (desk.home / ".claude" / "settings.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("payload", "severity", "text"),
    [
        (syntax(), Severity.ERROR, "bad.py: SyntaxError"),
        (syntax(None), Severity.ERROR, "syntax red"),
        (DriftDetected(kind="doc", expected="docs/undo.md"), Severity.WARN, "doc drift: docs/undo.md"),
        (DriftDetected(kind="doc", actual="a", detail="14 commits"), Severity.ERROR, "doc drift: 14 commits"),
        (DriftDetected(kind="model_quality", actual="opus"), Severity.WARN, "model_quality drift: opus"),
        (DriftDetected(kind="doc"), Severity.WARN, "doc drift"),
        (
            ReleaseStatus(state=ReleaseState.FAILED, module="widgets", version="1.4.0"),
            Severity.INFO,
            "widgets 1.4.0 failed",
        ),
        (ReleaseStatus(state=ReleaseState.PUBLISHED), Severity.INFO, "release published"),
        (Notify(text="tests are green"), Severity.INFO, "tests are green"),
        (Notify(text="tests are green", title="CI"), Severity.INFO, "CI"),
    ],
)
def test_each_kind_of_fact_has_a_text(desk: Desk, payload: Payload, severity: Severity, text: str) -> None:
    """Shown where the user has installed the place for it, and kept for it where not."""
    until = str(int(desk.ctx.clock.timestamp()) + 1800)
    assert desk.react(payload, severity=severity) == Outcome.degraded(NOT_SHOWN + text)
    assert desk.lines == [[until, str(severity), SESSION, text]]
    install(desk)
    assert desk.react(payload, severity=severity) == Outcome.done(f"shown: {text}")
    assert desk.draw() == ["[Opus] widgets"], "interline itself shows none of it"


@pytest.mark.parametrize(
    ("payload", "severity", "floor"),
    [
        (syntax(), Severity.WARN, "error"),
        (syntax(), Severity.INFO, "error"),
        (DriftDetected(kind="doc"), Severity.INFO, "warn"),
    ],
)
def test_what_is_not_grave_enough_is_not_shown(desk: Desk, payload: Payload, severity: Severity, floor: str) -> None:
    """One text has room; it is for what matters."""
    assert desk.react(payload, severity=severity) == Outcome.skipped(f"less than {floor}: not shown")
    assert desk.lines == []


def test_without_a_session_the_project_shows_it(desk: Desk) -> None:
    """Drift and releases are found by looking at files, not in a session."""
    desk.react(DriftDetected(kind="doc"), severity=Severity.WARN, session=None)
    assert [line[2] for line in desk.lines] == [str(desk.project)]
    desk.react(Notify(text="x"), session="../no-name")
    assert [line[3] for line in desk.lines] == ["doc drift"], "the graver one stays"


def test_without_either_there_is_nowhere_to_show_it(desk: Desk) -> None:
    """Nor in a folder whose name would break the line."""
    nowhere = Outcome.skipped("no session and no project is named")
    assert desk.react(Notify(text="x"), session=None, project=False) == nowhere
    for name in ("a\tb", "a\nb", "a\x1b[31m"):
        desk.project = Path("/", name)
        assert desk.react(Notify(text="x"), session=None) == nowhere
    assert desk.lines == []


def test_one_text_per_scope_the_newest_of_the_gravest(desk: Desk) -> None:
    """An error is not covered by good news; when its time is over it goes."""
    desk.react(Notify(text="one"))
    desk.react(Notify(text="two"))
    assert [line[3] for line in desk.lines] == ["two"]
    desk.react(syntax("three"), severity=Severity.ERROR)
    assert desk.react(Notify(text="four")) == Outcome.skipped("something graver is shown: three")
    desk.react(syntax("five"), severity=Severity.ERROR)
    assert [line[3] for line in desk.lines] == ["five"]
    desk.look(1801)
    desk.react(Notify(text="six"))
    assert [line[3] for line in desk.lines] == ["six"]


def test_lines_are_sorted_gravest_and_newest_first(desk: Desk) -> None:
    """The reader takes the first that is about its session or its project."""
    for number, severity in enumerate((Severity.INFO, Severity.ERROR, Severity.WARN, Severity.ERROR)):
        desk.react(Notify(text=str(number)), severity=severity, session=f"s-{number}")
    assert [line[3] for line in desk.lines] == ["3", "1", "2", "0"]


def test_the_file_is_bounded(desk: Desk) -> None:
    """A status line reads all of it."""
    for number in range(100):
        desk.react(Notify(text="x" * 200), session=f"s-{number}")
    assert [line[2] for line in desk.lines] == [f"s-{number}" for number in range(99, 35, -1)]
    path = desk.home / ".interband" / "interbus" / "segment" / "lines"
    assert path.stat().st_size < 10_000
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["lines"]


@pytest.mark.parametrize(
    ("minutes", "seconds"),
    [(5, 300), (1, 60), (0, 1800), (-3, 1800), (99999, 86400), (True, 1800), ("10", 1800), (1.5, 1800), (None, 1800)],
)
def test_how_long_a_text_stays_is_a_setting(desk: Desk, minutes: object, seconds: int) -> None:
    """Counted from when it happened; what is no number of minutes is thirty."""
    desk.ctx.config = {"segment_minutes": minutes}
    desk.react(Notify(text="x"), age=10)
    assert int(desk.lines[0][0]) == int(desk.ctx.clock.timestamp()) - 10 + seconds


def test_a_fact_that_comes_too_late_is_not_shown(desk: Desk) -> None:
    """It may have waited for a host for hours."""
    assert desk.react(Notify(text="x"), age=1800) == Outcome.skipped("too old to be shown")


@pytest.mark.parametrize("recipient", ["#builds", "ada\n\x1b[31m"])
def test_a_message_for_somebody_else_is_not_shown(desk: Desk, recipient: str) -> None:
    """It has a recipient."""
    outcome = desk.react(Notify(text="x", recipient=recipient))
    assert outcome
    assert (outcome.kind, desk.lines) == ("skipped", [])
    assert "\n" not in outcome.reason


@pytest.mark.parametrize("text", ["", " \n\t", "\x1b\x07", "\u202e\u200b"])
def test_a_text_of_which_nothing_is_left_is_none(desk: Desk, text: str) -> None:
    """Not even an empty place."""
    assert desk.react(Notify(text=text)) == Outcome.skipped("nothing to show")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\tc  d", "a b c d"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("\x1b]0;title\x07text", "]0;title text"),
        ("turned\u202eround", "turned round"),
        ("$(touch x) `x` %s \\033", "$(touch x) `x` %s \\033"),
        ("half \ud800 a character", "half a character"),
        ("Übung 日本", "Übung 日本"),
        ("x" * 61, "x" * 59 + "…"),
        pytest.param("x" * 10_000_000, "x" * 59 + "…", id="huge"),
    ],
)
def test_a_text_is_one_short_line_that_drives_no_terminal(text: str, expected: str) -> None:
    """Control signs, and signs that turn the writing round, become blanks."""
    assert (shorten(text), len(shorten(text)) <= WIDTH) == (expected, True)


def test_what_cannot_be_written_is_said(desk: Desk) -> None:
    """A file where a folder should be; no place at all."""
    (desk.home / ".interband").write_text("")
    outcome = desk.react(Notify(text="x"))
    assert outcome
    assert outcome.reason.startswith("interbus/segment/lines: ")
    desk.sideband.root = None
    assert desk.react(Notify(text="x")) == Outcome.failed("nobody can tell where sideband files lie")


def test_settings_of_another_folder_count(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claude Code's own folder can be moved; damaged, huge or odd settings show nothing."""
    install(desk)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(desk.home / "moved"))
    assert desk.react(Notify(text="x")) == Outcome.degraded(f"{NOT_SHOWN}x")
    (desk.home / ".claude").rename(desk.home / "moved")
    assert desk.react(Notify(text="x")) == Outcome.done("shown: x")
    for text in ("{", "[]", '{"statusLine": 7}', '{"statusLine": {"command": 7}}', " " * (2 << 20) + "{}"):
        (desk.home / "moved" / "settings.json").write_text(text)
        assert desk.react(Notify(text="x")) == Outcome.degraded(f"{NOT_SHOWN}x")
