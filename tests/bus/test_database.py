"""The file behind the bus: created privately, shared safely, and left alone when it is not ours."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.database import Database
from interhost.bus.log import Query
from interhost.bus.wake import Waker
from interhost.errors import BusyError, StateError

fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")

HOLD_THE_LOCK = """
import sys
from pathlib import Path
from interhost.bus.database import Database
database = Database(Path(sys.argv[1]))
with database.transaction():
    print("held", flush=True)
    sys.stdin.readline()
"""

OPEN_AND_PUBLISH = """
import sys
from pathlib import Path
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
sys.stdin.readline()
with Bus(Path(sys.argv[1])) as bus:
    bus.publish(compose(intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli"))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is in the middle of a write transaction."""
    with python(HOLD_THE_LOCK, root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def python(script: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# Creating ------------------------------------------------------------------------------------------------------------


def test_everything_is_private_to_its_owner(root: Path) -> None:
    """The directory is 0700 and every file in it 0600, whatever the umask lets through."""
    umask = os.umask(0)
    try:
        with Bus(root) as bus:
            bus.publish(fact())
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in root.iterdir()}
    finally:
        os.umask(umask)
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert modes == dict.fromkeys(modes, 0o600)
    assert {"bus.db", "bus.db-wal", "write.lock", "wake"} <= set(modes)


def test_opening_again_finds_what_was_stored(root: Path) -> None:
    """A second opening creates nothing anew."""
    envelope = fact()
    with Bus(root) as bus:
        bus.publish(envelope)
    with Bus(root) as bus:
        assert [one.envelope for one in bus.log.read(Query())] == [envelope]


def test_an_empty_file_is_a_bus_not_yet_begun(root: Path) -> None:
    """A process that died between creating the file and filling it leaves nothing that has to be mended."""
    root.mkdir(mode=0o700)
    (root / "bus.db").touch()
    with Bus(root) as bus:
        assert bus.publish(fact()).seq == 1


def test_processes_may_create_it_at_once(tmp_path: Path) -> None:
    """Whoever comes second waits and finds it ready: nobody fails, and nothing is lost."""
    for turn in range(4):
        root = tmp_path / f"state-{turn}"
        processes = [python(OPEN_AND_PUBLISH, root) for _ in range(8)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate()[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * 8, outputs
        with Bus(root) as bus:
            assert [one.seq for one in bus.log.read(Query())] == list(range(1, 9))


def test_a_creation_between_two_looks_is_noticed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another process fills while we look at it is ours, not a foreign one."""
    ask = Database._one
    asked: list[str] = []

    def ask_while_another_creates(database: Database, sql: str) -> tuple[int, ...]:
        asked.append(sql)
        if len(asked) == 2:
            done = subprocess.run([sys.executable, "-c", OPEN_AND_PUBLISH, root], input="go\n", text=True, check=False)
            assert done.returncode == 0
        return ask(database, sql)

    monkeypatch.setattr(Database, "_one", ask_while_another_creates)
    with Bus(root) as bus:
        assert bus.log.end() == 1


# What is not ours ----------------------------------------------------------------------------------------------------


def other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1);")


def other_program_with_wal(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1);")


def other_application(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA application_id=42; VACUUM;")


def only_a_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA user_version=7; VACUUM;")


def text_file(path: Path) -> None:
    path.write_text("dear diary, this is no database at all\n" * 40)


def short_file(path: Path) -> None:
    path.write_text("x")


def newer_schema(path: Path) -> None:
    Bus(path.parent).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=999")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (other_program, "another program"),
        (other_program_with_wal, "another program"),
        (other_application, "another program"),
        (only_a_version, "another program"),
        (text_file, "no database"),
        (short_file, "another program"),
        (newer_schema, "schema 999"),
    ],
)
def test_a_file_that_is_not_ours_keeps_every_byte(root: Path, make: Callable[[Path], None], words: str) -> None:
    """It is refused by name, with a way out, and not touched."""
    root.mkdir(mode=0o700)
    path = root / "bus.db"
    make(path)
    before = digest(path), path.stat().st_mode
    for _ in range(2):
        with pytest.raises(StateError, match=words) as caught:
            Database(root)
        assert str(path) in str(caught.value)
        assert (caught.value.path, caught.value.exit_code) == (str(path), 69)
        assert caught.value.hint
    assert (digest(path), path.stat().st_mode) == before


def test_a_directory_in_its_place_is_named(root: Path) -> None:
    """What cannot be opened at all is a StateError too."""
    (root / "bus.db").mkdir(parents=True)
    root.chmod(0o700)
    with pytest.raises(StateError, match=r"bus\.db"):
        Database(root)


def test_a_refused_file_leaves_no_descriptor_open(root: Path) -> None:
    """A host that asks again and again does not run out of files."""
    root.mkdir(mode=0o700)
    text_file(root / "bus.db")
    with pytest.raises(StateError):
        Database(root)
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        with pytest.raises(StateError):
            Database(root)
    assert len(os.listdir("/dev/fd")) == before


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 2048 * 2048)


def scribbled_over(path: Path) -> None:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(2048)
        file.write(b"\xa5" * (size - 2048))


@pytest.mark.parametrize("damage", [cut_short, scribbled_over])
def test_a_damaged_file_is_named_and_left_for_rescue(root: Path, damage: Callable[[Path], None]) -> None:
    """Reading and publishing say which file is damaged; neither makes it worse."""
    with Bus(root) as bus:
        for _ in range(50):
            bus.publish(fact(payload=f'{{"text": "{"x" * 500}"}}'))
    path = root / "bus.db"
    damage(path)
    before = digest(path)
    uses: list[Callable[[Bus], object]] = [lambda bus: bus.log.read(Query()), lambda bus: bus.publish(fact())]
    for use in uses:
        with pytest.raises(StateError, match="damaged") as caught, Bus(root) as bus:
            use(bus)
        assert caught.value.path == str(path)
        assert str(path) in str(caught.value)
    assert digest(path) == before


# Transactions --------------------------------------------------------------------------------------------------------


def fail_after(bus: Bus, work: Callable[[], object]) -> None:
    """Do something in a transaction, by transactions of its own, and fail before the end."""
    with bus.database.transaction():
        work()
        raise ZeroDivisionError


def test_a_raising_body_changes_nothing(root: Path) -> None:
    """What was done before the error is undone, and the error arrives as it was."""
    with Bus(root) as bus:

        def work() -> None:
            bus.store.move_cursor("alpha", "a", "1")
            bus.log.append(fact())

        with pytest.raises(ZeroDivisionError):
            fail_after(bus, work)
        assert bus.log.end() == 0
        assert bus.store.cursor("alpha", "a") is None
        assert bus.publish(fact()).seq == 1


def test_nested_transactions_are_one(root: Path) -> None:
    """An inner one that has ended is still undone with the outer, and is seen by others only after it."""
    with Bus(root) as bus, Bus(root) as other:
        with pytest.raises(ZeroDivisionError):
            fail_after(bus, lambda: bus.store.move_cursor("alpha", "a", "1"))
        assert bus.store.cursor("alpha", "a") is None
        with bus.database.transaction():
            with bus.database.transaction():
                bus.store.move_cursor("alpha", "a", "2")
            assert other.store.cursor("alpha", "a") is None
        assert other.store.cursor("alpha", "a") == "2"


def test_a_change_needs_a_transaction(root: Path) -> None:
    """A writing statement that would bypass the lock is a mistake in the program."""
    with closing(Database(root)) as database:
        with pytest.raises(RuntimeError, match="transaction"):
            database.change("DELETE FROM cursor")
        with database.transaction():
            assert database.change("DELETE FROM cursor") == 0
        with pytest.raises(RuntimeError, match="transaction"):
            database.change("DELETE FROM cursor")


def test_a_full_disk_is_a_reason_to_try_again(root: Path) -> None:
    """It ends as BusyError, stores nothing, and works again once there is room."""
    with Bus(root) as bus:
        ((pages,),) = bus.database.rows("PRAGMA page_count")
        bus.database.rows(f"PRAGMA max_page_count={pages}")
        with pytest.raises(BusyError, match="full") as caught:
            bus.publish(fact(payload=f'{{"text": "{"x" * 20_000}"}}'))
        assert caught.value.exit_code == 75
        assert bus.log.end() == 0
        bus.database.rows("PRAGMA max_page_count=1000000")
        assert bus.publish(fact()).seq == 1


# The lock ------------------------------------------------------------------------------------------------------------


def test_a_deadline_ends_the_wait_for_another_process(root: Path, holder: subprocess.Popen[str]) -> None:
    """Past the deadline it is BusyError naming the lock; reading needs no lock at all."""
    with Bus(root, deadline=0.1) as bus:
        started = time.monotonic()
        with pytest.raises(BusyError, match=r"write\.lock"):
            bus.publish(fact())
        assert time.monotonic() - started < 5
        assert bus.log.read(Query()) == []
        holder.communicate("done\n")
        assert bus.publish(fact()).seq == 1


def test_without_a_deadline_a_writer_waits_its_turn(root: Path, holder: subprocess.Popen[str]) -> None:
    """It is blocked while another process writes, and goes on when that one has finished."""
    with python(OPEN_AND_PUBLISH, root) as waiting:
        assert waiting.stdin is not None
        waiting.stdin.write("go\n")
        waiting.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.3)
        holder.communicate("done\n")
        waiting.communicate()
    assert waiting.returncode == 0


def test_a_killed_holder_gives_the_lock_back(root: Path, holder: subprocess.Popen[str]) -> None:
    """Death by kill -9 in the middle of a transaction leaves neither a lock nor half of its changes."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with Bus(root, deadline=5) as bus:
        assert bus.publish(fact()).seq == 1


# The sentinel --------------------------------------------------------------------------------------------------------


def test_watchers_are_woken_after_the_commit_and_not_before(root: Path) -> None:
    """Whoever wakes finds the row: the sentinel is touched once the transaction is over."""
    with Bus(root) as bus, Waker(root) as waker:
        with bus.database.transaction():
            bus.publish(fact())
            assert not waker.wait(0.05)
        assert waker.wait(5)


def test_nothing_appended_wakes_nobody(root: Path) -> None:
    """A duplicate, an undone append and a moved cursor are no news."""
    envelope = fact()
    with Bus(root) as bus:
        bus.publish(envelope)
        with Waker(root) as waker:
            bus.publish(envelope)
            with pytest.raises(ZeroDivisionError):
                fail_after(bus, lambda: bus.publish(fact()))
            bus.store.move_cursor("alpha", "a", "1")
            assert not waker.wait(0.05)
            bus.publish(fact())
            assert waker.wait(5)
