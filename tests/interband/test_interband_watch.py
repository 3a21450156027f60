"""Noticing sidebands that change: each content once, and nothing that is none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from interhost.errors import InputError
from interhost.interband.store import STAMP
from interhost.interband.watch import Watcher, find_sidebands
from interhost.interband.write import write_sideband


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "interband"


def write(root: Path, key: str, number: int = 1, *, space: str = "a", channel: str = "b", now: float = 1e9) -> Path:
    return write_sideband(root, space, channel, key, {"n": number}, kind="t", environ={}, now=now).path


def seen(watcher: Watcher) -> list[tuple[str, Any]]:
    return [(change.sideband.key, change.envelope and change.envelope.payload.get("n")) for change in watcher.look()]


def test_every_content_is_told_once(root: Path) -> None:
    """Of a new file and of a changed one; not again when it is written a second time just as it was."""
    watcher = Watcher(root)
    assert seen(watcher) == []
    write(root, "x")
    write(root, "y")
    assert seen(watcher) == [("x", 1), ("y", 1)]
    assert seen(watcher) == []
    write(root, "x")
    assert seen(watcher) == []
    write(root, "x", 2)
    assert seen(watcher) == [("x", 2)]
    write(root, "x", 2, now=1e9 + 1)
    assert seen(watcher) == [("x", 2)]


def test_a_file_written_in_place_is_noticed(root: Path) -> None:
    """Not everybody renames; same size and same second make no difference."""
    path = write(root, "x")
    watcher = Watcher(root)
    watcher.look()
    path.write_text(path.read_text().replace('"n":1', '"n":7'))
    assert seen(watcher) == [("x", 7)]


def test_what_is_no_sideband_is_not_looked_at(root: Path) -> None:
    """Temporary files of three writers, the stamp, hidden files and folders, and whatever else lies around."""
    folder = write(root, "x").parent
    for name in (".interband-tmp.AbCdEf", "x.json.tmp.42", STAMP, ".hidden.json", "notes.txt"):
        (folder / name).write_text("{}")
    (root / ".git/objects").mkdir(parents=True)
    (root / ".git/objects/a.json").write_text("{}")
    (root / "top.json").write_text("{}")
    assert [one.key for one in find_sidebands(root)] == ["x"]
    assert seen(Watcher(root)) == [("x", 1)]


def test_only_what_was_asked_for_is_told(root: Path) -> None:
    """One namespace or one channel; names that lead elsewhere are refused."""
    write(root, "x", space="a", channel="b")
    write(root, "y", space="a", channel="c")
    write(root, "z", space="d", channel="b")
    assert seen(Watcher(root)) == [("x", 1), ("y", 1), ("z", 1)]
    assert seen(Watcher(root, "a")) == [("x", 1), ("y", 1)]
    assert seen(Watcher(root, "a", "c")) == [("y", 1)]
    assert seen(Watcher(root, "", "b")) == [("x", 1), ("z", 1)]
    assert seen(Watcher(root, "none")) == []
    with pytest.raises(InputError, match="plain name"):
        Watcher(root, "..").look()


def test_a_file_that_cannot_be_read_is_told_once(root: Path) -> None:
    """With the reason; and its content, once it can be read."""
    path = write(root, "x")
    path.write_text("{")
    watcher = Watcher(root)
    [change] = watcher.look()
    assert change.envelope is None
    assert str(path) in change.problem
    assert watcher.look() == []
    write(root, "x", 3)
    assert seen(watcher) == [("x", 3)]


def test_a_position_goes_on_where_it_was(root: Path) -> None:
    """In another process, days later: what was told is not told again, and what changed meanwhile is."""
    write(root, "x")
    write(root, "y")
    first = Watcher(root)
    first.look()
    write(root, "y", 2)
    later = Watcher(root, position=first.position)
    assert seen(later) == [("y", 2)]
    assert json.loads(later.position).keys() == {"a/b/x.json", "a/b/y.json"}


def test_a_file_that_went_away_is_forgotten(root: Path) -> None:
    """So that a position does not grow for ever; if it comes back, it is new."""
    path = write(root, "x")
    watcher = Watcher(root)
    watcher.look()
    path.unlink()
    assert watcher.look() == []
    assert watcher.position == "{}"
    write(root, "x")
    assert seen(watcher) == [("x", 1)]


def test_an_unchanged_file_is_not_opened_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at many files costs one question each, also by a later watcher."""
    write(root, "x")
    watcher = Watcher(root)
    watcher.look()
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened"))
    assert watcher.look() == []
    assert Watcher(root, position=watcher.position).look() == []
