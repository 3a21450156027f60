"""Databases of other programs."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from interhost_hookspecs.databases import read_rows, sign_database

NOTES = "SELECT id, text FROM notes ORDER BY id"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database in a folder whose name a URI would take for something else."""
    path = tmp_path / "a?mode=rwc#%41" / "state.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.executescript("CREATE TABLE notes (id INTEGER, text TEXT); INSERT INTO notes VALUES (1, 'one')")
    return path


def test_rows_are_read_by_their_names(path: Path) -> None:
    """With values for the question."""
    assert read_rows(path, NOTES) == [{"id": 1, "text": "one"}]
    assert read_rows(path, "SELECT text FROM notes WHERE id > ?", 1) == []


def test_reading_leaves_no_trace(path: Path) -> None:
    """A closed database stays one file, and none is made where there is none."""
    before = [(one.name, one.stat().st_mtime_ns) for one in path.parent.iterdir()]
    assert read_rows(path, NOTES)
    assert read_rows(path.with_name("other.db"), NOTES) is None
    assert [(one.name, one.stat().st_mtime_ns) for one in path.parent.iterdir()] == before
    assert os.listdir(path.parent.parent) == [path.parent.name]


def test_what_a_writer_has_committed_is_read(path: Path) -> None:
    """While it holds the database, and goes on writing; and the signature moves with its log."""
    before = sign_database(path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("INSERT INTO notes VALUES (2, 'two')")
        writer.commit()
        writer.execute("BEGIN IMMEDIATE")
        rows = read_rows(path, NOTES)
        assert rows == [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]
        assert sign_database(path) != before


def test_a_table_that_was_never_made_has_no_rows(path: Path) -> None:
    """Its program has had nothing to write yet; a column that is not there is another version."""
    assert read_rows(path, "SELECT * FROM tasks") == []
    assert read_rows(path, "SELECT title FROM notes") is None


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 4096])
def test_what_is_damaged_cannot_be_read(path: Path, content: bytes) -> None:
    """It is not taken for an empty one, unless it is one."""
    path.write_bytes(content)
    assert read_rows(path, NOTES) == (None if content else [])


def test_what_is_no_file_cannot_be_read(path: Path) -> None:
    """A directory, a path below a file, one that no file can have."""
    for other in (path.parent, path / "x", path.with_name("\0"), path.with_name("x" * 300)):
        assert read_rows(other, NOTES) is None
        sign_database(other)


def test_odd_values_do_no_harm(path: Path) -> None:
    """Texts that are no UTF-8 are replaced, endless views end, and values of many megabytes are not read."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE notes SET text = CAST(x'ff41' AS TEXT)")
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        database.execute(f"CREATE VIEW endless AS {endless}")
        database.execute("CREATE TABLE big AS SELECT zeroblob(3000000) AS value")
        database.commit()
    assert read_rows(path, NOTES) == [{"id": 1, "text": "\ufffdA"}]
    assert read_rows(path, "SELECT * FROM endless") is None
    assert read_rows(path, "SELECT value FROM big") is None
