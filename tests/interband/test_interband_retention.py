"""How long files stay: variables, defaults, and what a prune removes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interhost.interband.channels import CHANNELS, Channel
from interhost.interband.retention import ignored_variables, plain_number, prune_interval, retention
from interhost.interband.store import ORPHAN_SECONDS, STAMP, prune

NOW = 1_800_000_000.0
DAY = 86400
BAD = ["", " ", "abc", "-1", "+1", "1.5", "1e3", "0x10", "1_000", "60s", " 60", "60\n", "\u0663\u0660\u0660", "9" * 19]


@pytest.mark.parametrize("value", BAD)
def test_a_value_that_is_no_plain_number_is_passed_over(value: str) -> None:
    """The next source counts: of the channel, global, default; for each of the four variables and the interval."""
    broken = {"INTERBAND_RETENTION_CLAVAIN_DISPATCH_SECS": value, "INTERBAND_MAX_FILES_CLAVAIN_DISPATCH": value}
    every = {"INTERBAND_RETENTION_SECS": "70", "INTERBAND_MAX_FILES": "7"}
    assert retention({**broken, **every}, "clavain", "dispatch") == (70, 7)
    all_broken = {**broken, **dict.fromkeys(every, value)}
    assert retention(all_broken, "clavain", "dispatch") == (6 * 3600, 128)
    assert prune_interval({"INTERBAND_PRUNE_INTERVAL_SECS": value}) == 300
    assert set(ignored_variables(all_broken)) == {(name, value) for name in all_broken}


def test_zero_never_removes_everything() -> None:
    """As retention it is passed over, with any number of zeros; as interval it is every time."""
    for zero in ("0", "000", "0" * 30):
        environ = {"INTERBAND_RETENTION_SECS": zero, "INTERBAND_MAX_FILES": zero}
        assert retention(environ, "interphase", "bead") == (DAY, 256)
        assert dict(ignored_variables(environ)) == environ
        assert prune_interval({"INTERBAND_PRUNE_INTERVAL_SECS": zero}) == 0
        assert list(ignored_variables({"INTERBAND_PRUNE_INTERVAL_SECS": zero})) == []


def test_the_channels_own_variable_wins() -> None:
    """Its name is in capitals, and what cannot stand in a variable's name is ``_``."""
    environ = {
        "INTERBAND_RETENTION_SECS": "1",
        "INTERBAND_RETENTION_MY_NS_A_B_SECS": "0100",
        "INTERBAND_MAX_FILES": "5",
        "OTHER": "x",
    }
    assert retention(environ, "my-ns", "a.b") == (100, 5)
    assert retention(environ, "clavain", "dispatch") == (1, 5)
    assert list(ignored_variables(environ)) == []


@pytest.mark.parametrize("channel", CHANNELS)
def test_defaults_are_those_of_the_channel(channel: Channel) -> None:
    """Without variables every known channel has its own; any other a day and 256."""
    assert retention({}, channel.namespace, channel.name) == (channel.seconds, channel.files)
    assert retention({}, "any", "other") == (DAY, 256)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**18 - 1), st.integers(min_value=0, max_value=30))
def test_numbers_are_decimal(number: int, zeros: int) -> None:
    """Up to eighteen digits, and leading zeros mean nothing."""
    assert plain_number("0" * zeros + str(number)) == number
    assert plain_number("0" * 5000 + str(number)) == number


@settings(deadline=None)
@given(st.text())
def test_a_number_is_made_of_digits(text: str) -> None:
    """Whatever else a variable holds is none; nothing raises."""
    number = plain_number(text)
    assert number is None or (text.isascii() and text.isdigit() and int(text) == number)


# Pruning -------------------------------------------------------------------------------------------------------------


def file(folder: Path, name: str, age: float) -> Path:
    path = folder / name
    path.write_text("{}")
    os.utime(path, (NOW - age, NOW - age))
    return path


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {STAMP}


def test_old_files_go_and_the_newest_stay(tmp_path: Path) -> None:
    """First what is too old, then the oldest beyond the number; files from the future are the newest."""
    for name, age in (("old", 101), ("a", 90), ("b", 50), ("c", 10), ("future", -1000)):
        file(tmp_path, f"{name}.json", age)
    assert prune(str(tmp_path), 100, 3, 300, NOW) == ["old.json", "a.json"]
    assert left(tmp_path) == {"b.json", "c.json", "future.json"}


def test_odd_names_are_names_like_others(tmp_path: Path) -> None:
    """With spaces, newlines, a dash in front, or bytes that are no text."""
    odd = ["a b.json", "a\nb.json", "-rf.json", "*.json", os.fsdecode(b"\xff.json"), "..hidden.json"]
    for name in odd:
        file(tmp_path, name, 200)
    assert set(prune(str(tmp_path), 100, 10, 300, NOW) or []) == set(odd)
    assert left(tmp_path) == set()


def test_only_sidebands_and_orphans_are_removed(tmp_path: Path) -> None:
    """Folders, links, pipes and other files stay; unfinished files go after an hour, whoever began them."""
    keep = [file(tmp_path, name, 10 * DAY).name for name in ("notes.txt", "x.json.bak", "json")]
    young = [file(tmp_path, name, ORPHAN_SECONDS - 1).name for name in (".interband-tmp.1", "s.json.tmp.1")]
    for name in (".interband-tmp.AbCdEf", "s.json.tmp.42"):
        file(tmp_path, name, ORPHAN_SECONDS + 1)
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "notes.txt")
    os.mkfifo(tmp_path / "pipe.json")
    removed = prune(str(tmp_path), 100, 10, 300, NOW)
    assert set(removed or []) == {".interband-tmp.AbCdEf", "s.json.tmp.42"}
    assert left(tmp_path) == {*keep, *young, "folder.json", "link.json", "pipe.json"}


def test_a_linked_folder_is_pruned_like_any_other(tmp_path: Path) -> None:
    """A channel may be a link to a folder elsewhere."""
    (tmp_path / "real").mkdir()
    (tmp_path / "channel").symlink_to(tmp_path / "real")
    file(tmp_path / "real", "old.json", 200)
    assert prune(str(tmp_path / "channel"), 100, 10, 300, NOW) == ["old.json"]


def test_a_folder_that_is_not_there_has_nothing_to_remove(tmp_path: Path) -> None:
    """And is not made by looking."""
    assert prune(str(tmp_path / "none"), 100, 10, 300, NOW) == []
    assert list(tmp_path.iterdir()) == []


def test_it_is_done_once_per_interval(tmp_path: Path) -> None:
    """The stamp says when; an interval of zero is always over."""
    file(tmp_path, "a.json", 200)
    assert prune(str(tmp_path), 100, 10, 300, NOW) == ["a.json"]
    file(tmp_path, "b.json", 200)
    assert prune(str(tmp_path), 100, 10, 300, NOW + 299) is None
    assert left(tmp_path) == {"b.json"}
    assert prune(str(tmp_path), 100, 10, 0, NOW + 299) == ["b.json"]
    assert prune(str(tmp_path), 100, 10, 300, NOW + 598) is None
    assert prune(str(tmp_path), 100, 10, 300, NOW + 599) == []


def test_a_stamp_from_the_future_does_not_count(tmp_path: Path) -> None:
    """A clock that was wrong once must not stop pruning for good; afterwards the stamp is right."""
    stamp = file(tmp_path, STAMP, -10 * DAY)
    file(tmp_path, "a.json", 200)
    assert prune(str(tmp_path), 100, 10, 300, NOW) == ["a.json"]
    assert stamp.stat().st_mtime == NOW
    assert prune(str(tmp_path), 100, 10, 300, NOW + 1) is None


def test_a_stamp_that_others_have_touched_counts(tmp_path: Path) -> None:
    """The published library only touches it: its time counts, and its text is put right for bash."""
    stamp = file(tmp_path, STAMP, 10)
    file(tmp_path, "a.json", 200)
    assert prune(str(tmp_path), 100, 10, 300, NOW) is None
    assert stamp.read_text() == f"{NOW - 10:.0f}\n"
    assert stamp.stat().st_mtime == NOW - 10


def test_a_link_in_place_of_the_stamp_is_not_followed(tmp_path: Path) -> None:
    """Nothing else is overwritten, whatever somebody put there."""
    (tmp_path / "precious").write_text("text")
    os.utime(tmp_path / "precious", (1, 1))
    (tmp_path / STAMP).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=STAMP.replace(".", r"\.")):
        prune(str(tmp_path), 100, 10, 300, NOW)
    assert (tmp_path / "precious").read_text() == "text"


def test_a_file_that_was_renewed_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that is faster than the one who prunes loses nothing."""
    path = file(tmp_path, "a.json", 200)
    real = os.lstat

    def renewed(name: str) -> os.stat_result:
        file(tmp_path, "a.json", 0)
        return real(name)

    monkeypatch.setattr(os, "lstat", renewed)
    assert prune(str(tmp_path), 100, 10, 300, NOW) == []
    assert path.exists()
