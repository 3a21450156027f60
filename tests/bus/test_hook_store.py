"""Recorded hook events in files and in the database; the index of who observes them; the marks of waiting advice."""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interhost.bus.advice_marks import keep_marks, list_marks, mark_of, set_mark
from interhost.bus.bus import Bus
from interhost.bus.hook_index import find_observers, matches, modified, read_index, read_said
from interhost.bus.hook_record import list_records, read_record, sweep_orphans, write_record
from interhost.json_scan import quote, scan


class Clock:
    """A clock that stands still until a test moves it."""

    now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    @property
    def micros(self) -> int:
        return int(self.now * 1_000_000)


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def bus(tmp_path: Path, clock: Clock) -> Iterator[Bus]:
    """A bus with that clock."""
    with Bus(tmp_path / "state", clock=clock) as bus:
        yield bus


def _add(bus: Bus, clock: Clock, key: str = "k", *adapters: str, delay: float = 0.0, window: int | None = None) -> bool:
    due = {name: clock.micros + int(delay * 1_000_000) for name in adapters or ("board",)}
    return bus.hooks.add(key, clock.micros, '{"at": "1"}', f'{{"key": "{key}"}}', due, window=window)


# The database --------------------------------------------------------------------------------------------------------


def test_events_are_shown_in_order(bus: Bus, clock: Clock) -> None:
    """The oldest first, to each adapter by itself; what one has looked at still waits for the other."""
    for key in ("a", "b"):
        assert _add(bus, clock, key, "one", "two")
    first = bus.hooks.next("one")
    assert first
    assert (first.body, first.head, first.attempts) == ('{"key": "a"}', '{"at": "1"}', 0)
    assert bus.hooks.finish(first)
    assert not bus.hooks.finish(first)  # somebody else was faster
    second, other = bus.hooks.next("one"), bus.hooks.next("two")
    assert second
    assert other
    assert (second.body, other.body) == ('{"key": "b"}', '{"key": "a"}')
    assert bus.hooks.next("three") is None
    assert [(name, count) for name, count, _ in bus.hooks.waiting()] == [("one", 1), ("two", 2)]


def test_a_failed_look_waits_for_its_time(bus: Bus, clock: Clock) -> None:
    """Others go first meanwhile; it comes back with one attempt more."""
    for key in ("a", "b"):
        _add(bus, clock, key)
    first = bus.hooks.next("board")
    assert first
    bus.hooks.retry(first, 10.0)
    second = bus.hooks.next("board")
    assert second
    assert second.body == '{"key": "b"}'
    bus.hooks.finish(second)
    assert bus.hooks.next("board") is None
    assert bus.hooks.next_due(["board", "nobody"]) == clock.micros + 10_000_000
    clock.now += 10
    again = bus.hooks.next("board")
    assert again
    assert (again.id, again.attempts) == (first.id, 1)


def test_what_a_hook_waits_for_is_left_to_it(bus: Bus, clock: Clock) -> None:
    """For a moment, nobody else is shown it; after that everybody but a hook, which has no time for old failures."""
    _add(bus, clock, "a", delay=2.0)
    assert bus.hooks.next("board") is None
    waiting = bus.hooks.next("board", early=True)
    assert waiting
    bus.hooks.retry(waiting, 1.0)
    assert bus.hooks.next("board", early=True) is None
    clock.now += 3
    assert bus.hooks.next("board", early=True) is None
    assert bus.hooks.next("board")


def test_a_look_that_is_cut_short_is_no_attempt(bus: Bus, clock: Clock) -> None:
    """Whoever has time is shown the event at once; the next hook in a hurry is not."""
    _add(bus, clock, "a", delay=2.0)
    waiting = bus.hooks.next("board", early=True)
    assert waiting
    bus.hooks.leave(waiting)
    assert bus.hooks.next("board", early=True) is None
    again = bus.hooks.next("board")
    assert again
    assert again.attempts == 0


def test_a_key_is_the_same_event_for_its_time(bus: Bus, clock: Clock) -> None:
    """For ever, or within a window, in both directions of time."""
    assert _add(bus, clock, "for ever")
    clock.now += 3600
    assert not _add(bus, clock, "for ever")
    assert _add(bus, clock, "for a while", window=10_000_000)
    clock.now += 10
    assert not _add(bus, clock, "for a while", window=10_000_000)
    clock.now -= 20
    assert not _add(bus, clock, "for a while", window=10_000_000)
    clock.now += 20.001
    assert _add(bus, clock, "for a while", window=10_000_000)


def test_a_day_old_is_let_go(bus: Bus, clock: Clock) -> None:
    """Events nobody came to look at, and keys nobody repeats; younger ones stay."""
    _add(bus, clock, "old")
    clock.now += 23 * 3600
    _add(bus, clock, "young")
    bus.hooks.prune()
    assert len(bus.database.rows("SELECT 1 FROM hook_event")) == 2
    clock.now += 2 * 3600
    bus.hooks.prune()
    assert bus.database.rows("SELECT key FROM hook_event") == [("young",)]
    assert [(name, count) for name, count, _ in bus.hooks.waiting()] == [("board", 1)]


def test_nothing_waits_in_the_beginning(bus: Bus) -> None:
    """Neither now nor later."""
    assert bus.hooks.waiting() == []
    assert bus.hooks.next_due(["board"]) is None
    assert bus.hooks.next_due([]) is None


# Record files --------------------------------------------------------------------------------------------------------


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Head and document, whatever is in them; private; in the order of writing."""
    root = str(tmp_path / "state")
    heads = [{"at": "1", "bead": 'q"\\\n\udcff\U0001f9f5'}, {}, {"at": "3"}]
    documents = ['{"a": 1}', "", '{"b":\n{}}\n\n']
    for head, document in zip(heads, documents, strict=True):
        write_record(root, head, document)
    found = [read_record(path) for path in list_records(root)]
    assert found[0] == (heads[0], documents[0])
    assert found[2] == (heads[2], documents[2])
    for path in list_records(root):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(f"{root}/spool/hooks").st_mode) == 0o700


def test_a_record_that_somebody_took_is_no_record(tmp_path: Path) -> None:
    """Two workers at the same file: one gets it."""
    root = str(tmp_path)
    write_record(root, {}, "{}")
    (path,) = list_records(root)
    os.unlink(path)
    assert read_record(path) is None
    assert list_records(root) == []
    assert list_records(str(tmp_path / "nowhere")) == []


def test_a_record_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """The error is the caller's; no half a file stays."""
    root = str(tmp_path)
    (tmp_path / "spool").write_text("")
    with pytest.raises(OSError) as caught:  # noqa: PT011 - which one differs between systems
        write_record(root, {}, "{}")
    assert caught.value.errno in (errno.ENOTDIR, errno.EEXIST)
    sweep_orphans(root)
    assert os.listdir(tmp_path) == ["spool"]


def test_other_first_lines_belong_to_the_document(tmp_path: Path) -> None:
    """A file that no hook wrote: what is no object, or has nothing behind it, is document."""
    for text in ("[1]\n{}", "{}", "Stop\n{}", '{"a": 1}\n'):
        path = tmp_path / "x"
        path.write_text(text)
        assert read_record(str(path)) == ({}, text)
    path.write_text('{"a": 1, "b": "2"}\n{}')
    assert read_record(str(path)) == ({"b": "2"}, "{}")


# The index -----------------------------------------------------------------------------------------------------------


def _index(root: Path, **more: object) -> None:
    adapters = {"board": {"enabled": True, "answers": False, "hooks": ["Stop"]}}
    (root / "hook-index.json").write_text(json.dumps({"made_from": {}, "adapters": adapters, **more}))


def test_an_index_holds_until_what_it_is_made_from_changes(tmp_path: Path) -> None:
    """A newer configuration, one that comes, one that goes, a folder with one distribution more: all make it stale."""
    root, config = str(tmp_path), tmp_path / "config.toml"
    site = tmp_path / "site"
    site.mkdir()
    _index(tmp_path, made_from={str(config): "", str(site): modified(str(site))})
    assert read_index(root)
    config.write_text("")
    assert read_index(root) is None
    _index(tmp_path, made_from={str(config): modified(str(config)), str(site): modified(str(site))})
    assert read_index(root)
    os.utime(config, ns=(1, 1))
    assert read_index(root) is None
    config.unlink()
    assert read_index(root) is None
    _index(tmp_path, made_from={str(config): "", str(site): modified(str(site))})
    assert read_index(root)
    os.utime(site, ns=(1, 1))
    (site / "demo_new-1.0.dist-info").mkdir()
    assert read_index(root) is None


DAMAGED = ["", "{", "[]", "null", '{"made_from": {}}', '{"adapters": {}}', '{"made_from": [], "adapters": {}}', "\x00"]


@pytest.mark.parametrize(
    "text", [*DAMAGED, '{"made_from": {}, "adapters": {"a": 1}}', '{"made_from":{},"adapters":[]}']
)
def test_a_damaged_index_is_none(tmp_path: Path, text: str) -> None:
    """And nobody believes it; also when it is no text, no file, or not to be read."""
    (tmp_path / "hook-index.json").write_text(text)
    assert read_index(str(tmp_path)) is None


def test_an_index_that_is_no_file_is_none(tmp_path: Path) -> None:
    """A folder in its place, bytes that are no UTF-8, nothing at all."""
    assert read_index(str(tmp_path)) is None
    (tmp_path / "hook-index.json").write_bytes(b"\xff\xfe")
    assert read_index(str(tmp_path)) is None
    (tmp_path / "hook-index.json").unlink()
    (tmp_path / "hook-index.json").mkdir()
    assert read_index(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("pattern", "event", "tool", "expected"),
    [
        ("Stop", "Stop", None, True),
        ("Stop", "SubagentStop", None, False),
        ("PreToolUse", "PreToolUse", "Bash", True),
        ("PreToolUse:Edit|Write", "PreToolUse", "Write", True),
        ("PreToolUse:Edit|Write", "PreToolUse", "Wri", False),
        ("PreToolUse:Edit|Write", "PreToolUse", "Edit|Write", False),
        ("PreToolUse:Edit", "PreToolUse", None, False),
        ("PreToolUse:mcp__a__b", "PreToolUse", "mcp__a__b", True),
        ("*", "AgentDreamed", None, True),
        ("*:Bash", "PostToolUse", "Bash", True),
        ("*:Bash", "PostToolUse", "Read", False),
        ("", "Stop", None, False),
    ],
)
def test_a_pattern_asks_for_events_and_tools(pattern: str, event: str, tool: str | None, expected: bool) -> None:
    """An event's name, or ``*`` for all; behind a colon the names of tools."""
    assert matches([pattern], event, tool) is expected


def test_the_environment_counts_more_than_the_index() -> None:
    """It enables what is disabled, and disables what is enabled; names nobody has are no observers."""
    adapters = {
        "on": {"enabled": True, "answers": True, "hooks": ["Stop"]},
        "off": {"enabled": False, "answers": False, "hooks": ["Stop"]},
        "odd": {"enabled": 1, "hooks": "Stop"},
    }
    assert find_observers(adapters, {}, "Stop", None) == {"on": True}
    said = read_said({"INTERHOST_ADAPTERS": " off ,-on,,-,nobody"})
    assert said == {"off": True, "on": False, "nobody": True}
    assert find_observers(adapters, said, "Stop", None) == {"off": False}
    assert read_said({}) == {}


# Marks ---------------------------------------------------------------------------------------------------------------


def test_marks_say_who_has_advice(tmp_path: Path) -> None:
    """One per session or context, as an empty private file whose name is safe whatever theirs is."""
    root = str(tmp_path)
    assert list_marks(root) == set()
    marks = [mark_of("../a b", None), mark_of(None, "project:ü"), mark_of("x" * 400, None), mark_of(None, None)]
    assert marks == ["s-.._a_b", "c-project__", f"s-{'x' * 198}", "c-"]
    for mark in marks * 2:
        set_mark(root, mark)
    assert list_marks(root) == set(marks)
    assert {stat.S_IMODE((tmp_path / "advice" / mark).stat().st_mode) for mark in marks} == {0o600}
    keep_marks(root, [marks[0], "s-another"])
    assert list_marks(root) == {marks[0]}


# JSON ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [{}, [], {"a": [1.0, None, True, "x"]}, 'ü\ud800\x00"\\', {"": {"b": [[]]}}, 1e300, {"n": [0.5, 1e9]}],
)
def test_the_scanner_reads_what_json_writes(value: object) -> None:
    """And says where it ends; numbers are floats."""
    text = json.dumps(value)
    assert scan(f" \n{text} tail") == (value, len(text) + 2)


@pytest.mark.parametrize("text", ["", " ", "{", '{"a"', "nope", "[1,", "[" * 100_000, '{"a": tru}', "\ufeff{}", "'a'"])
def test_what_is_no_value_is_none(text: str) -> None:
    """Never an exception, however broken or deep."""
    assert scan(text) is None


def test_numbers_of_any_length_are_numbers() -> None:
    """Python refuses to make an int of 5,000 digits; a hook does not care."""
    assert scan("9" * 5000) == (float("inf"), 5000)
    found = scan("[NaN, -Infinity, 1e999, -0]")
    assert found
    assert len(found[0]) == 4  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "plain", 'q"\\/\b\n\x00', "ü漢🧵", "\ud83e lone", "</script>\u2028"])
def test_a_quoted_text_is_one_line_of_ascii(text: str) -> None:
    """And reads back as it was."""
    quoted = quote(text)
    assert quoted.isascii()
    assert "\n" not in quoted
    assert json.loads(quoted) == text


def test_a_clock_is_only_needed_where_time_counts(tmp_path: Path) -> None:
    """By default it is the system's."""
    with Bus(tmp_path / "state") as bus:
        assert bus.hooks.add("k", time.time_ns() // 1000, "{}", "{}", {"board": 0}, window=None)
        assert bus.hooks.next("board")
