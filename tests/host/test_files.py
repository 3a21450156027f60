"""Watching files: nothing is read twice, nothing is lost, and nothing odd about a file stops the look."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interhost.host.files import ChangedFiles, FileTail

if TYPE_CHECKING:
    from tests.conftest import Stage

GIANT = 4 << 20
NOW = 1_800_000_000.0


class Reader:
    """Looks at one file again and again, as the host does: each look begins where the last one was stored."""

    def __init__(self, path: Path, *, backfill: bool = False) -> None:
        self.path = path
        self.backfill = backfill
        self.stored: str | None = None
        self.tail: FileTail | None = None

    def look(self) -> list[str]:
        """One look, stored."""
        self.tail = FileTail(self.path, self.stored, backfill=self.backfill)
        self.stored = self.tail.position
        return list(self.tail.lines)

    def give_back(self, count: int) -> None:
        """Give lines of the last look back; stored."""
        assert self.tail is not None
        self.tail.give_back(count)
        self.stored = self.tail.position

    def wants_more(self) -> bool:
        """What the last look said."""
        assert self.tail is not None
        return self.tail.wants_more


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that does not exist yet."""
    return tmp_path / "events.jsonl"


@pytest.fixture
def reader(path: Path) -> Reader:
    """Its reader."""
    return Reader(path)


def append(path: Path, data: bytes) -> None:
    """Add to a file."""
    with path.open("ab") as file:
        file.write(data)


def test_first_look_at_an_existing_file_is_a_silent_baseline(path: Path, reader: Reader) -> None:
    """History is not replayed; what is added afterwards is read."""
    append(path, b"old 1\nold 2\n")
    assert reader.look() == []
    append(path, b"new\n")
    assert reader.look() == ["new"]
    assert reader.look() == []


def test_backfill_reads_history_once(path: Path) -> None:
    """Whoever asks for it gets the file from its start, and then only what is new."""
    append(path, b"old 1\nold 2\n")
    reader = Reader(path, backfill=True)
    assert reader.look() == ["old 1", "old 2"]
    append(path, b"new\n")
    assert reader.look() == ["new"]


def test_unfinished_last_line_waits_for_its_end(path: Path, reader: Reader) -> None:
    """A line is given when its newline is there, whole, also where it was begun before the first look."""
    append(path, b"old\nhalf ")
    assert reader.look() == []
    append(path, b"a line")
    assert reader.look() == []
    append(path, b"!\nnext")
    assert reader.look() == ["half a line!"]
    append(path, b"\n")
    assert reader.look() == ["next"]


def test_file_that_appears_later_is_read_from_its_start(path: Path, reader: Reader) -> None:
    """A file that was not there at the first look has no history: its first line is news."""
    assert reader.look() == []
    append(path, b"one\ntwo\n")
    assert reader.look() == ["one", "two"]


def test_missing_file_keeps_its_position(path: Path, reader: Reader, tmp_path: Path) -> None:
    """A file that is away for a while is continued, not read again, when it comes back."""
    append(path, b"one\n")
    reader.look()
    path.rename(tmp_path / "away")
    assert reader.look() == []
    (tmp_path / "away").rename(path)
    append(path, b"two\n")
    assert reader.look() == ["two"]


def test_truncated_file_is_read_from_its_start(path: Path, reader: Reader) -> None:
    """A file that was cut and written anew is new from its first line, shorter or longer than before."""
    append(path, b"one\ntwo\n")
    reader.look()
    path.write_bytes(b"new\n")
    assert reader.look() == ["new"]
    path.write_bytes(b"longer than before 1\nlonger than before 2\n")
    assert reader.look() == ["longer than before 1", "longer than before 2"]
    path.write_bytes(b"")
    assert reader.look() == []
    append(path, b"again\n")
    assert reader.look() == ["again"]


def test_rotated_file_is_read_from_its_start(path: Path, reader: Reader) -> None:
    """A new file under the old name is another file, even where it begins with the same bytes."""
    append(path, b"same\none\n")
    reader.look()
    path.rename(path.with_suffix(".1"))
    append(path, b"same\ntwo\n")
    assert reader.look() == ["same", "two"]


def test_reused_inode_with_other_content_is_another_file(path: Path, reader: Reader) -> None:
    """File systems use inodes again: the first bytes tell the two files apart."""
    append(path, b"first file, line 1\n")
    reader.look()
    before = path.stat().st_ino
    with path.open("r+b") as file:  # the same inode, no truncation in between
        file.write(b"other file, line 1\nother file, line 2\n")
    assert path.stat().st_ino == before
    assert reader.look() == ["other file, line 1", "other file, line 2"]


def test_given_back_lines_come_again(path: Path, reader: Reader) -> None:
    """The last lines of a look can be left for the next one, and the host is told to come back soon."""
    reader.look()
    append(path, "one\ntwö\r\nthree\n".encode())
    assert reader.look() == ["one", "twö\r", "three"]
    assert not reader.wants_more()
    reader.give_back(2)
    assert reader.wants_more()
    append(path, b"four\n")
    assert reader.look() == ["twö\r", "three", "four"]


def test_giving_back_nothing_changes_nothing(path: Path, reader: Reader) -> None:
    """``give_back(0)`` is no request to come back."""
    reader.look()
    append(path, b"one\n")
    reader.look()
    before = reader.stored
    reader.give_back(0)
    assert (reader.stored, reader.wants_more()) == (before, False)


def test_giant_line_is_passed_over_as_a_whole(path: Path, reader: Reader) -> None:
    """A line longer than 4 MiB is no record: neither it nor its end is given, and the ones after it are."""
    reader.look()
    append(path, b"x" * (2 * GIANT + 5) + b"\nnext\n")
    looks = [reader.look() for _ in range(4)]
    assert looks == [[], [], ["next"], []]


def test_more_than_one_look_can_hold_is_read_piece_by_piece(path: Path, reader: Reader) -> None:
    """What does not fit into one look is announced, and follows in the next without a torn line."""
    reader.look()
    lines = [f"{number:07}" + "x" * 992 for number in range(5000)]
    append(path, "".join(line + "\n" for line in lines).encode())
    first = reader.look()
    assert reader.wants_more()
    assert first + reader.look() == lines
    assert not reader.wants_more()


def test_bytes_that_are_no_text_are_replaced(path: Path, reader: Reader) -> None:
    """A line with invalid UTF-8 or NUL bytes is a line; only its unreadable bytes are lost."""
    reader.look()
    append(path, b"a\xff\xfeb\n\x00\n\n")
    assert reader.look() == ["a\ufffd\ufffdb", "\x00", ""]


def test_what_is_no_file_is_an_error_and_not_an_empty_file(tmp_path: Path) -> None:
    """A source that cannot be read is a problem of this look, so that nobody mistakes it for silence."""
    os.mkfifo(tmp_path / "pipe")  # opening it the usual way would wait for a writer
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            FileTail(path, None, backfill=False)


def test_unreadable_source_is_recorded_and_read_on_once_it_is_readable(stage: Stage) -> None:
    """A source that cannot be read is recorded against its adapter; its position stays, and no line is lost."""
    stage.adapter(
        "watch",
        [],
        "@hookimpl\ndef observe(ctx):\n    SEEN.extend(ctx.tail(ctx.home / 'log').lines)\n",
    )
    path, away = stage.home / "log", stage.home / "away"
    append(path, b"old\n")
    host = stage.host()
    host.observe()
    append(path, b"one\n")
    path.rename(away)
    path.mkdir()
    host.observe()
    assert [problem.stage for problem in stage.bus.store.problems()] == ["observe"]
    path.rmdir()
    away.rename(path)
    append(path, b"two\n")
    host.observe()
    assert stage.seen("watch") == ["one", "two"]
    assert stage.bus.store.problems() == []


@given(
    lines=st.lists(st.binary(max_size=12).map(lambda data: data.replace(b"\n", b"")), max_size=12),
    rest=st.binary(max_size=6).map(lambda data: data.replace(b"\n", b"")),
    cuts=st.lists(st.integers(0, 200), max_size=12),
    seen=st.integers(0, 200),
    backfill=st.booleans(),
)
def test_lines_do_not_depend_on_when_one_looks(
    lines: list[bytes], rest: bytes, cuts: list[int], seen: int, backfill: bool
) -> None:
    """However writing is split and looked at, all looks together give the complete lines, each once and in order."""
    data = b"".join(line + b"\n" for line in lines) + rest
    before = data[: min(seen, len(data))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.write_bytes(before)
        reader = Reader(path, backfill=backfill)
        found = reader.look()
        places = sorted({min(cut, len(data)) for cut in cuts if cut >= len(before)} | {len(before), len(data)})
        for start, end in itertools.pairwise(places):
            append(path, data[start:end])
            found += reader.look()
        found += reader.look()
    known = 0 if backfill else before.count(b"\n")
    assert found == [line.decode("utf-8", "replace") for line in lines[known:]]


class Watcher:
    """Looks at one root again and again with a clock of its own."""

    def __init__(self, root: Path, pattern: str = "*.json", *, settle: float = 2.0, backfill: bool = False) -> None:
        self.root = root
        self.pattern = pattern
        self.settle = settle
        self.backfill = backfill
        self.now = NOW
        self.stored: str | None = None
        self.changed: ChangedFiles | None = None

    def look(self, later: float = 0.0) -> list[str]:
        """One look, so many seconds after the last one; stored."""
        self.now += later
        self.changed = ChangedFiles(
            self.root, self.pattern, self.stored, now=self.now, settle=self.settle, backfill=self.backfill
        )
        self.stored = self.changed.position
        return [str(path.relative_to(self.root)) for path in self.changed.paths]

    def wants_more(self) -> bool:
        """What the last look said."""
        assert self.changed is not None
        return self.changed.wants_more

    def write(self, name: str, text: str = "{}", *, age: float = 0.0) -> Path:
        """Write a file that is so many seconds old."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (self.now - age, self.now - age))
        return path


@pytest.fixture
def watcher(tmp_path: Path) -> Watcher:
    """A watcher of an existing, empty root."""
    (tmp_path / "root").mkdir()
    return Watcher(tmp_path / "root")


def test_first_look_at_a_root_is_a_silent_baseline(watcher: Watcher) -> None:
    """Files that are there are not reported; new and different ones are, each once."""
    watcher.write("old.json", age=100)
    assert watcher.look() == []
    watcher.write("new.json", age=10)
    assert watcher.look() == ["new.json"]
    assert watcher.look(10) == []
    watcher.write("old.json", '{"changed": 1}', age=5)
    assert watcher.look() == ["old.json"]


def test_pipes_and_devices_are_no_changed_files(watcher: Watcher) -> None:
    """What could hold up whoever opens it is not reported, nor where a link leads to it."""
    watcher.look()
    os.mkfifo(watcher.root / "pipe.json")
    (watcher.root / "link.json").symlink_to(watcher.root / "pipe.json")
    (watcher.root / "endless.json").symlink_to("/dev/zero")
    assert watcher.look(10) == []


def test_backfill_reports_what_is_there(tmp_path: Path) -> None:
    """Whoever asks for it gets the files of the first look, once."""
    watcher = Watcher(tmp_path, backfill=True)
    watcher.write("old.json", age=100)
    assert watcher.look() == ["old.json"]
    assert watcher.look(10) == []


def test_file_is_reported_once_it_was_left_alone(watcher: Watcher) -> None:
    """A young file is announced, and reported when its time of change is old enough."""
    watcher.look()
    watcher.write("a.json")
    assert watcher.look(1.0) == []
    assert watcher.wants_more()
    assert watcher.look(1.0) == ["a.json"]
    assert not watcher.wants_more()


def test_rewriting_while_it_settles_begins_anew(watcher: Watcher) -> None:
    """A file that is written in two passes is reported after the second one."""
    watcher.look()
    watcher.write("a.json", "{")
    assert watcher.look(1.5) == []
    watcher.write("a.json", "{ }")
    assert watcher.look(1.5) == []
    assert watcher.look(0.5) == ["a.json"]


def test_clock_of_another_machine_does_not_hold_a_file_back(watcher: Watcher) -> None:
    """A file dated in the future settles by our own clock, from when it was first seen like this."""
    watcher.look()
    watcher.write("a.json", age=-3600)
    assert watcher.look() == []
    assert watcher.look(1.0) == []
    assert watcher.look(1.0) == ["a.json"]
    watcher.write("a.json", "longer", age=-3600)
    assert watcher.look() == []
    assert watcher.look(2.0) == ["a.json"]


def test_clock_that_is_set_back_does_not_hold_a_settling_file_back(watcher: Watcher) -> None:
    """What was young before is reported as soon as it was left alone for as long by the new time."""
    watcher.look()
    watcher.write("a.json")
    assert watcher.look(1.0) == []
    assert watcher.look(-86400.0) == []
    assert watcher.wants_more()
    assert watcher.look(1.0) == []
    assert watcher.look(1.0) == ["a.json"]
    assert watcher.look(86400.0) == []


def test_removed_file_is_forgotten_and_new_when_it_comes_back(watcher: Watcher) -> None:
    """A removal is no report; the same name later is a new file."""
    watcher.look()
    path = watcher.write("a.json", age=10)
    assert watcher.look() == ["a.json"]
    path.unlink()
    assert watcher.look() == []
    watcher.write("a.json", age=10)
    assert watcher.look() == ["a.json"]


def test_removed_while_it_settles_is_no_reason_to_come_back(watcher: Watcher) -> None:
    """A young file that is gone is waited for no longer."""
    watcher.look()
    path = watcher.write("a.json")
    watcher.look()
    path.unlink()
    assert watcher.look(1.0) == []
    assert not watcher.wants_more()


def test_look_again_reports_the_same_file_once_more(watcher: Watcher) -> None:
    """A reported file that was not ready is reported again by the next look, unchanged as it is."""
    watcher.look()
    path = watcher.write("a.json", age=10)
    assert watcher.look() == ["a.json"]
    assert watcher.changed is not None
    watcher.changed.look_again(path, watcher.now)
    watcher.stored = watcher.changed.position
    assert watcher.wants_more()
    assert watcher.look(0.5) == ["a.json"]
    assert watcher.look(10) == []


def test_look_again_at_something_unknown_changes_nothing(watcher: Watcher) -> None:
    """A path that was not reported cannot be asked for."""
    watcher.look()
    assert watcher.changed is not None
    watcher.changed.look_again(watcher.root / "never.json", watcher.now)
    assert (watcher.changed.position, watcher.wants_more()) == (watcher.stored, False)


def test_folders_and_dangling_or_looping_links_are_no_files(watcher: Watcher) -> None:
    """Only regular files are reported, links to them included; loops end."""
    watcher.pattern = "**/*.json"
    watcher.look()
    (watcher.root / "folder.json").mkdir()
    (watcher.root / "loop").symlink_to(watcher.root, target_is_directory=True)
    (watcher.root / "self.json").symlink_to(watcher.root / "self.json")
    (watcher.root / "dangling.json").symlink_to(watcher.root / "nowhere")
    target = watcher.write("deep/a.json", age=10)
    (watcher.root / "link.json").symlink_to(target)
    assert watcher.look() == ["deep/a.json", "link.json"]


@pytest.mark.parametrize("pattern", ["*", "*/f", "d?/*.md", "d1/f", "[de]*/*/f", "x/*", "*/nothing", "d1/**/*", ".*/f"])
def test_patterns_mean_what_they_mean_elsewhere(tmp_path: Path, pattern: str) -> None:
    """The walk is our own, because a look must not cost what ``Path.glob`` takes; its answers are the same."""
    for name in ("d1/f", "d1/a.md", "d2/a.md", "d2/.md", "e/deep/f", ".h/f", "f", "d1/s/t/f"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "d1")
    (tmp_path / "e" / "loop").symlink_to(tmp_path / "e")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    found = ChangedFiles(tmp_path, pattern, None, now=NOW, settle=0.0, backfill=True).paths
    assert found == sorted(path for path in tmp_path.glob(pattern) if path.is_file())


def test_name_that_is_no_text_is_reported(watcher: Watcher) -> None:
    """A file name with invalid UTF-8 is reported, and its state can be stored."""
    watcher.look()
    name = os.fsdecode(b"caf\xe9.json")
    watcher.write(name, age=10)
    assert watcher.look() == [name]
    assert watcher.stored is not None
    assert watcher.stored.encode("ascii")
    assert json.loads(watcher.stored)["young"] == {}


CHANGED = (
    "@hookimpl\ndef observe(ctx):\n"
    "    SEEN.extend(path.name for path in ctx.changed('*.json', root=ctx.home / 'reports', settle=0))\n"
)


def test_root_that_is_gone_keeps_its_state(stage: Stage) -> None:
    """A folder that is away for a while (an unmounted disk) does not come back as news."""
    reports, away = stage.home / "reports", stage.home / "away"
    reports.mkdir()
    stage.adapter("watch", [], CHANGED)
    host = stage.host()
    host.observe()
    (reports / "a.json").write_text("{}")
    host.observe()
    reports.rename(away)
    host.observe()
    away.rename(reports)
    (reports / "b.json").write_text("{}")
    host.observe()
    assert stage.seen("watch") == ["a.json", "b.json"]


def test_root_that_appears_later_is_news_from_its_first_file(stage: Stage) -> None:
    """A folder that was not there at the first look has no history, as for a single file."""
    stage.adapter("watch", [], CHANGED)
    host = stage.host()
    host.observe()
    (stage.home / "reports").mkdir()
    (stage.home / "reports" / "a.json").write_text("{}")
    host.observe()
    assert stage.seen("watch") == ["a.json"]


def test_within_one_look_every_question_has_the_same_answer(stage: Stage) -> None:
    """An adapter that asks twice in one call sees the same lines and files, even when more was written meanwhile."""
    (stage.home / "reports").mkdir()
    (stage.home / "log").write_text("")
    stage.adapter(
        "watch",
        [],
        "def ask(ctx):\n    files = ctx.changed('*.json', root=ctx.home / 'reports', settle=0)\n"
        "    return list(ctx.tail(ctx.home / 'log').lines), [path.name for path in files]\n"
        "@hookimpl\ndef observe(ctx):\n    SEEN.append(ask(ctx))\n    during()\n    SEEN.append(ask(ctx))\n",
    )
    host = stage.host()

    def write() -> None:
        append(stage.home / "log", b"one\n")
        (stage.home / "reports" / "a.json").write_text("{}")

    vars(stage.module("watch"))["during"] = write
    host.observe()
    vars(stage.module("watch"))["during"] = lambda: None
    host.observe()
    assert stage.seen("watch") == [([], []), ([], []), (["one"], ["a.json"]), (["one"], ["a.json"])]
