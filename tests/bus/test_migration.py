"""From an older ``bus.db`` to this one: all missing steps in one transaction, or none of them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from interhost.bus import database, schema
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.log import Query, Subscription
from interhost.errors import BusyError, StateError

fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")

_NOTES = "CREATE TABLE note(text TEXT NOT NULL);"
_FILLED = "INSERT INTO note SELECT event_id FROM event ORDER BY seq; ALTER TABLE consumer ADD COLUMN colour TEXT;"
_FAILING = "CREATE TABLE another(a); INSERT INTO no_such_table VALUES(1);"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A state directory at today's step, with some of everything in it."""
    root = tmp_path / "state"
    with Bus(root) as bus:
        bus.log.subscribe(Subscription("board", ("*",)))
        for _ in range(3):
            bus.publish(fact())
        bus.log.fetch("board")
    return root


def steps(monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    """From now on the program knows more steps than were released; how many there are."""
    known = (*schema.MIGRATIONS, *more)
    monkeypatch.setattr(database, "MIGRATIONS", known)
    return len(known)


def dump(root: Path) -> tuple[int, list[str]]:
    """Version and everything that a database holds."""
    with closing(sqlite3.connect(root / "bus.db")) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0], list(connection.iterdump())


def test_a_fresh_file_takes_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says how many it has taken."""
    number = steps(monkeypatch, _NOTES, _FILLED)
    with Bus(tmp_path / "state") as bus:
        assert bus.database.rows("PRAGMA user_version") == [(number,)]
        assert bus.database.rows("PRAGMA application_id") == [(schema.APPLICATION_ID,)]
        assert bus.database.rows("SELECT * FROM note") == []
        assert bus.publish(fact()).seq == 1


def test_an_older_file_takes_the_steps_that_are_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time or several at once; what was stored and what was leased stays."""
    before, _ = dump(root)
    for more in ((_NOTES,), (_NOTES, _FILLED)):
        number = steps(monkeypatch, *more)
        with Bus(root) as bus:
            assert bus.database.rows("PRAGMA user_version") == [(number,)]
            assert [one.seq for one in bus.log.read(Query())] == [1, 2, 3]
            assert [(one[0], one[1]) for one in bus.log.leased()] == [("board", 1)]
            assert bus.database.rows("PRAGMA journal_mode") == [("wal",)]
    assert number == before + 2
    with Bus(root) as bus:  # a third opening takes none
        ids = [one.envelope.event_id for one in bus.log.read(Query())]
        assert bus.database.rows("SELECT text FROM note ORDER BY rowid") == [(one,) for one in ids]
        assert bus.publish(fact()).seq == 4


def test_several_steps_are_one_transaction(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of three fails: the file is as it was, byte for byte of content, and the error names it."""
    before = dump(root)
    steps(monkeypatch, _NOTES, _FILLED, _FAILING)
    for _ in range(2):
        with pytest.raises(StateError, match="no_such_table") as caught:
            Bus(root)
        assert str(root / "bus.db") in str(caught.value)
        assert caught.value.exit_code == 69
        assert dump(root) == before
    monkeypatch.setattr(database, "MIGRATIONS", schema.MIGRATIONS)
    with Bus(root) as bus:  # the older program goes on with it
        assert bus.publish(fact()).seq == 4


def test_a_failed_step_leaves_no_lock(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others who have it open go on publishing."""
    with Bus(root, deadline=1.0) as bus:
        steps(monkeypatch, _FAILING)
        with pytest.raises(StateError):
            Bus(root)
        assert bus.publish(fact()).seq == 4


def test_a_failed_first_step_leaves_a_file_that_can_be_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program with a mistake in its first step has not spoilt the state directory."""
    monkeypatch.setattr(database, "MIGRATIONS", (_FAILING,))
    with pytest.raises(StateError, match="no_such_table"):
        Bus(tmp_path / "state")
    monkeypatch.setattr(database, "MIGRATIONS", schema.MIGRATIONS)
    with Bus(tmp_path / "state") as bus:
        assert bus.publish(fact()).seq == 1


def test_a_newer_file_is_refused_and_left_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that this program does not know may have changed what it believes to know."""
    steps(monkeypatch, _NOTES)
    Bus(root).close()
    before = dump(root)
    monkeypatch.setattr(database, "MIGRATIONS", schema.MIGRATIONS)
    with pytest.raises(StateError, match="schema") as caught:
        Bus(root)
    assert "upgrade" in caught.value.hint
    assert dump(root) == before


_HOLD = """
import sys
from pathlib import Path
from interhost.bus.lock import FileLock
with FileLock(Path(sys.argv[1]) / "write.lock"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_nobody_writes_while_steps_are_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are taken under the write lock: whoever cannot have it in time is told to try again, and changes nothing."""
    before = dump(root)
    steps(monkeypatch, _NOTES)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=r"write\.lock"):
            Bus(root, deadline=0.1)
        assert dump(root) == before
        holder.communicate("done\n")
    with Bus(root, deadline=5.0) as bus:
        assert bus.database.rows("SELECT * FROM note") == []


def test_released_steps_are_what_they_were() -> None:
    """Each step is SQL that a database without data takes, one after the other."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in schema.MIGRATIONS:
            connection.executescript(step)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"event", "consumer", "pending", "dead", "attempt", "cursor", "dedupe", "effect", "meta"} <= tables
