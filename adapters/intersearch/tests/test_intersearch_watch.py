"""What happens to the stores, and how little a look costs them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ArtifactReady, Change, DriftDetected, Severity
from interhost_hookspecs.testing import EPOCH, payloads

if TYPE_CHECKING:
    from .conftest import Desk

AT = EPOCH - timedelta(minutes=5)
MODEL = "nomic-ai/nomic-embed-text-v1.5"


def test_files_that_were_indexed_are_told(desk: Desk) -> None:
    """One fact with how many, their names, the model, and how many the store has now."""
    store = desk.store()
    store.put("src/auth.py", [1.0, 0.0], at=AT)
    store.put("docs/b.md", [0.0, 1.0], at=AT + timedelta(seconds=1))
    (draft,) = desk.look()
    assert draft.payload == ArtifactReady(kind="search_index", title="Files indexed: 2", change=Change.CREATED)
    assert (draft.artifact_path, draft.project_dir) == (store.path, desk.project)
    assert (draft.severity, draft.source_hook) == (Severity.INFO, "file:embeddings.db")
    assert draft.extensions == {"count": 2, "total": 2, "model": MODEL, "paths": ["src/auth.py", "docs/b.md"]}
    assert desk.look() == ()


def test_only_later_rows_are_news(desk: Desk) -> None:
    """``updated`` is the cursor: a file indexed again is told, the others are not."""
    store = desk.store()
    store.put("a", [1.0], at=AT)
    store.put("b", [1.0], at=AT)
    desk.look()
    store.put("a", [2.0], at=AT + timedelta(seconds=1), seen=50)
    (draft,) = desk.look()
    assert draft.payload == ArtifactReady(kind="search_index", title="Files indexed: 1", change=Change.UPDATED)
    assert (draft.extensions["paths"], draft.extensions["total"]) == (["a"], 2)


def test_one_run_is_one_fact(desk: Desk) -> None:
    """While files are being indexed nothing is told; ten seconds after the last it is, all at once."""
    store = desk.store()
    for number in range(3):
        store.put(f"{number}", [1.0], at=AT + timedelta(seconds=number), seen=3)
        assert desk.look() == ()
    desk.wait(seconds=8)
    assert [draft.extensions["count"] for draft in desk.look()] == [3]


def test_a_clock_that_was_ahead_holds_nothing_up(desk: Desk) -> None:
    """A database dated in the future is read; a row from beyond tomorrow is never the cursor."""
    store = desk.store()
    store.put("a", [1.0], at=EPOCH + timedelta(days=400), seen=-9999)
    store.put("b", [1.0], at=AT, seen=-9999)
    (draft,) = desk.look()
    assert (draft.extensions["paths"], draft.extensions["total"]) == (["b"], 2)
    store.put("c", [1.0], at=AT + timedelta(seconds=1))
    assert [draft.extensions["paths"] for draft in desk.look()] == [["c"]]


def test_the_first_look_is_silent(desk: Desk) -> None:
    """What was indexed before the adapter came is history, unless the user wants it."""
    desk.store().put("a", [1.0], at=AT)
    desk.ctx.cursor.values.clear()
    assert desk.look() == ()
    desk.ctx.cursor.values.clear()
    desk.ctx.backfill = True
    assert len(desk.look()) == 1


def test_of_a_store_met_later_the_last_hour_is_news(desk: Desk) -> None:
    """A project that the host meets with its old index tells nothing; a new index tells all of itself."""
    store = desk.store()
    store.put("old", [1.0], at=EPOCH - timedelta(days=3))
    assert desk.look() == ()
    store.put("new", [1.0], at=AT)
    assert [draft.extensions["paths"] for draft in desk.look()] == [["new"]]


def test_another_model_is_told(desk: Desk) -> None:
    """It deleted every embedding, and nobody else says so (trap 2)."""
    store = desk.store()
    store.put("a", [1.0], at=AT)
    desk.look()
    store.write("DELETE FROM embeddings")
    store.write("UPDATE meta SET value = 'all-MiniLM-L6-v2'")
    (draft,) = desk.look()
    assert draft.payload == DriftDetected(
        kind="search_index",
        signal="model_changed",
        expected=MODEL,
        actual="all-MiniLM-L6-v2",
        detail="intersearch deleted every embedding of the earlier model",
    )
    assert (draft.severity, draft.artifact_path, draft.project_dir) == (Severity.WARN, store.path, desk.project)
    assert desk.look() == ()


def test_a_model_and_its_new_embeddings_are_told_together(desk: Desk) -> None:
    """By the time of the look the files may have been indexed again."""
    store = desk.store()
    store.put("a", [1.0], at=AT)
    desk.look()
    store.write("UPDATE meta SET value = 'all-MiniLM-L6-v2'")
    store.put("a", [2.0], at=AT + timedelta(seconds=1))
    assert [type(one).__name__ for one in payloads(desk.look())] == ["DriftDetected", "ArtifactReady"]


def test_an_index_that_was_emptied_is_told(desk: Desk) -> None:
    """Once; and again when it has been filled and emptied once more."""
    store = desk.store()
    store.put("a", [1.0], at=AT)
    desk.look()
    for minute in (1, 2):
        store.write("DELETE FROM embeddings")
        (draft,) = desk.look()
        assert isinstance(draft.payload, DriftDetected)
        assert (draft.payload.signal, draft.payload.expected, draft.payload.actual) == (
            "emptied",
            "files in the index: 1",
            "an empty index",
        )
        assert desk.look() == ()
        store.put("a", [1.0], at=AT + timedelta(minutes=minute))
        assert len(desk.look()) == 1


def test_an_index_that_is_gone_is_told(desk: Desk) -> None:
    """Its folder was removed."""
    store = desk.store()
    store.put("a", [1.0], at=AT)
    desk.look()
    for file in store.path.parent.iterdir():
        file.unlink()
    (draft,) = desk.look()
    assert isinstance(draft.payload, DriftDetected)
    assert (draft.payload.signal, draft.payload.actual) == ("emptied", "no index any more")
    assert (draft.artifact_path, draft.project_dir) == (store.path, desk.project)
    assert desk.look() == ()


@pytest.mark.parametrize("ending", ["", "/"])
@pytest.mark.parametrize("by_link", [False, True])
def test_every_spelling_of_a_project_is_found(desk: Desk, ending: str, by_link: bool) -> None:
    """A slash at the end, or the place a link leads to, makes another hash (trap 1)."""
    link = desk.home / "link"
    link.symlink_to(desk.project)
    desk.ctx.projects = (link,)
    store = desk.store(f"{desk.project if by_link else link}{ending}")
    store.put("a", [1.0], at=AT)
    (draft,) = desk.look()
    assert (draft.artifact_path, draft.project_dir) == (store.path, link)


def test_one_store_of_two_names_is_told_once(desk: Desk) -> None:
    """The host knows a project and a link to it."""
    link = desk.home / "link"
    link.symlink_to(desk.project)
    desk.ctx.projects = (link, desk.project)
    desk.store().put("a", [1.0], at=AT)
    assert len(desk.look()) == 1


def test_stores_of_others_are_left_alone(desk: Desk) -> None:
    """A hash of no known project, and whatever else lies there."""
    desk.store("/elsewhere").put("a", [1.0], at=AT)
    (desk.home / ".intersearch" / "index" / "README").write_text("x")
    assert desk.look() == ()


@pytest.mark.parametrize(
    "content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 4096], ids=["empty", "text", "damaged"]
)
def test_a_damaged_store_tells_nothing(desk: Desk, content: bytes) -> None:
    """And is read again when it has changed."""
    store = desk.store()
    store.path.write_bytes(content)
    store.touch(60)
    assert desk.look() == ()
    store.path.unlink()
    desk.store().put("a", [1.0], at=AT, seen=50)
    assert len(desk.look()) == 1


def test_another_schema_tells_nothing(desk: Desk) -> None:
    """A later version of intersearch."""
    store = desk.store()
    store.write("DROP TABLE embeddings")
    store.write("ALTER TABLE embeddings RENAME TO vectors")
    assert desk.look() == ()


def test_odd_rows_do_no_harm(desk: Desk) -> None:
    """Bytes and numbers where texts belong, names that act on a terminal, no model."""
    store = desk.store()
    when = AT.isoformat()
    for name in (b"\xff\xfe", 7, "a\x1b]0;b\nc", "d" * 5000):
        store.write("INSERT INTO embeddings VALUES (?, 'x', 'm', 'no bytes', ?)", name, when)
    store.write("DELETE FROM meta")
    (draft,) = desk.look()
    paths = draft.extensions["paths"]
    assert isinstance(paths, list)
    assert all(isinstance(path, str) and path.isprintable() and len(path) <= 300 for path in paths)
    assert (draft.extensions["count"], draft.extensions["model"]) == (4, "")


def test_a_store_with_odd_characters_in_its_path_is_read(desk: Desk, tmp_path: Path) -> None:
    """The home's path is part of a URI that SQLite reads."""
    home = tmp_path / "h?mode=rwc#x%41"
    home.mkdir()
    desk.home = desk.ctx.home = home
    desk.store().put("a", [1.0], at=AT)
    assert len(desk.look()) == 1
    assert os.listdir(tmp_path / "h?mode=rwc#x%41") == [".intersearch"]


def test_a_look_leaves_no_trace(desk: Desk) -> None:
    """A closed store stays one file, and nothing is made where there is none."""
    store = desk.store()
    store.put("a", [1.0], at=AT)
    before = {file.name: file.stat().st_mtime_ns for file in store.path.parent.iterdir()}
    assert len(desk.look()) == 1
    assert {file.name: file.stat().st_mtime_ns for file in store.path.parent.iterdir()} == before


def test_a_store_that_is_open_is_read_beside_its_writer(desk: Desk) -> None:
    """What the writer has committed lies in the log, which is never locked for readers."""
    store = desk.store()
    with closing(sqlite3.connect(store.path)) as writer:
        row = ("a", "x", "m", b"", AT.isoformat())
        writer.execute("INSERT INTO embeddings VALUES (?, ?, ?, ?, ?)", row)
        writer.commit()
        writer.execute("BEGIN IMMEDIATE")
        store.touch(60)
        assert [draft.extensions["paths"] for draft in desk.look()] == [["a"]]


def test_nothing_is_read_while_nothing_changed(desk: Desk) -> None:
    """A store of the same size and time is not opened, so that rows which went away secretly are not missed."""
    store = desk.store()
    store.put("a", [1.0], at=AT)
    desk.look()
    before, file = dict(desk.ctx.cursor.values), store.path.stat()
    store.write("DELETE FROM embeddings")
    os.utime(store.path, ns=(file.st_atime_ns, file.st_mtime_ns))
    assert store.path.stat().st_size == file.st_size
    assert desk.look() == ()
    assert desk.ctx.cursor.values == before
