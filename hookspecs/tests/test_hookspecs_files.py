"""Files that other programs leave, and may take away at any moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from interhost_hookspecs.files import (
    HEAD,
    WHOLE,
    find_holder,
    find_inside,
    find_project,
    is_own,
    is_plain_name,
    is_readable,
    list_by_age,
    modified,
    read_end,
    read_head,
    read_text,
    replace_text,
    short_name,
    signature,
)


def test_the_head_of_a_file_is_enough_or_all_of_it(tmp_path: Path) -> None:
    """A huge file costs no memory unless it is asked for."""
    path = tmp_path / "long"
    path.write_bytes(b"x" * (HEAD + 1))
    assert (len(read_head(path)), len(read_head(path, -1)), read_head(path, 2)) == (HEAD, HEAD + 1, b"xx")


def test_what_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    """Gone, a directory, a name that is too long or impossible."""
    for path in (tmp_path / "gone", tmp_path, tmp_path / ("x" * 300), tmp_path / "a\0b"):
        assert (read_head(path), read_end(path), read_text(path)) == (b"", b"", "")
        assert (is_own(path), is_readable(path)) == (False, False)
    assert modified(tmp_path / "gone") is None
    assert modified(tmp_path / "a\0b") is None


def test_the_end_of_a_file_is_read_without_its_beginning(tmp_path: Path) -> None:
    """Of a log that nobody rotates; a short one is read as a whole."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * HEAD + b"end")
    assert (read_end(path, 3), len(read_end(path)), read_end(path, HEAD * 2)) == (b"end", HEAD, b"x" * HEAD + b"end")


def test_nobody_waits_for_the_writer_of_a_pipe(tmp_path: Path) -> None:
    """A pipe is read as nothing, at once, whether somebody holds it open or not."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert (read_head(path), read_end(path), is_readable(path)) == (b"", b"", False)
    writer = os.open(path, os.O_RDWR)
    assert (read_head(path), read_end(path)) == (b"", b"")
    os.close(writer)


def test_what_has_no_end_is_not_read_as_a_whole(tmp_path: Path) -> None:
    """A file beyond the limit and a device are nothing, rather than a part or all of the memory."""
    path = tmp_path / "huge"
    path.write_bytes(b"x" * 10)
    os.truncate(path, WHOLE)
    assert len(read_head(path, -1)) == WHOLE
    os.truncate(path, WHOLE + 1)
    assert (read_head(path, -1), len(read_head(path, 20))) == (b"", 20)
    assert read_head(Path("/dev/zero"), -1) == b""


def test_text_has_no_mark_and_no_bad_bytes(tmp_path: Path) -> None:
    """A byte order mark is none of the text."""
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfa\xff")
    assert read_text(tmp_path / "a") == "a\ufffd"


def test_files_are_listed_by_age(tmp_path: Path) -> None:
    """Oldest first; one that is gone is left out."""
    for name, time in {"a": 2.0, "b": 1.0}.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time, time))
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "gone"]
    assert list_by_age(paths) == [(1.0, tmp_path / "b"), (2.0, tmp_path / "a")]


def test_a_file_has_another_signature_once_it_was_replaced(tmp_path: Path) -> None:
    """Also by one of the same size and time; what is gone, or can be no name, has none."""
    path, other = tmp_path / "a", tmp_path / "b"
    for file in (path, other):
        file.write_text("same")
        os.utime(file, (1.0, 1.0))
    before = signature(path)
    assert signature(str(path)) == before != ""
    other.rename(path)
    assert signature(path) != before
    assert (signature(other), signature("a\0b")) == ("", "")


def test_links_and_folders_are_not_ours(tmp_path: Path) -> None:
    """In a directory where everybody may write, only a plain file of the user counts."""
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert [is_own(tmp_path / name) for name in ("a", "link", ".")] == [True, False, False]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "-rf", "a/b", "a b", "a\n", "a\0", "é", "x" * 201, 7, None])
def test_what_is_no_plain_name_is_no_part_of_a_path(name: object) -> None:
    """A session id comes from outside: what could lead elsewhere, or hide, is none."""
    assert not is_plain_name(name)


def test_a_plain_name_is_what_programs_make() -> None:
    """Ids of sessions, versions, numbers."""
    assert all(map(is_plain_name, ("5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11", "s_1", "1.2.3", "x" * 200)))


def test_a_text_is_put_in_place_at_once_and_for_its_owner(tmp_path: Path) -> None:
    """Folders are made; a link in its place is replaced, not followed; half a character stops nobody."""
    path = tmp_path / "new" / "line"
    replace_text(path, "one")
    path.unlink()
    (tmp_path / "elsewhere").write_text("untouched")
    path.symlink_to(tmp_path / "elsewhere")
    replace_text(path, "two \ud800")
    assert (path.read_text(), path.is_symlink(), path.stat().st_mode & 0o777) == ("two ?", False, 0o600)
    assert (tmp_path / "elsewhere").read_text() == "untouched"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["line"]


def test_what_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    """Where a folder stands, it stays, and the scratch file goes."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_text(tmp_path / "folder", "x")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_path_belongs_to_the_innermost_project(tmp_path: Path) -> None:
    """A repository may lie in another one; names that only begin alike are not around it."""
    outer, inner = tmp_path / "one", tmp_path / "one" / "two"
    projects = (outer, inner, tmp_path / "on")
    assert find_project(inner / "src", projects) == inner
    assert find_project(inner, projects) == inner
    assert find_project(outer / "twofold", projects) == outer
    assert find_project(tmp_path, projects) is None


def test_a_relative_name_belongs_to_the_only_project_that_has_it(tmp_path: Path) -> None:
    """Two are as bad as none, and a name that cannot be one stops nobody."""
    one, other = tmp_path / "one", tmp_path / "other"
    for project in (one, other):
        project.mkdir()
    (one / "p.md").touch()
    assert find_holder("p.md", (one, other)) == one
    (other / "p.md").touch()
    assert find_holder("p.md", (one, other)) is None
    assert find_holder("x" * 5000, (one, other)) is None


def test_a_name_is_short_within_its_project(tmp_path: Path) -> None:
    """As people write it; elsewhere it stays whole."""
    assert short_name(tmp_path / "docs" / "p.md", tmp_path) == "docs/p.md"
    assert short_name(tmp_path / "p.md", tmp_path / "x") == str(tmp_path / "p.md")
    assert short_name(tmp_path / "p.md", None) == str(tmp_path / "p.md")


def test_a_named_file_is_found_inside_only(tmp_path: Path) -> None:
    """Relative, absolute, or through a link that stays inside; the name as links resolve it."""
    project, outside = tmp_path / "project", tmp_path / "secret.md"
    (project / "docs").mkdir(parents=True)
    report = project / "docs" / "r.md"
    for path in (report, outside):
        path.write_text("x")
    (project / "in.md").symlink_to(report)
    (project / "out.md").symlink_to(outside)
    for stated in ("docs/r.md", "in.md", str(report), "docs/../docs/r.md"):
        assert find_inside(stated, project, (project,)) == report
    names = ("../secret.md", str(outside), "out.md", "docs", "gone.md", "", "a\0b", "\ud800", "x" * 5000, "~/x.md")
    for stated in names:
        assert find_inside(stated, project, (project,)) is None
    assert find_inside(str(outside), project, (Path("/"),)) is None
    assert find_inside(str(outside), project, (project, tmp_path)) == outside
