"""Disks that are full, cannot be written, or were damaged."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.bus.bus import Bus
from interhost.bus.log import Query
from interhost.bus.spool import spool_envelope
from interhost.errors import BusyError, InterhostError, StateError
from tests.proof.conftest import fact, is_intact

if TYPE_CHECKING:
    from tests.conftest import Done, Shell
    from tests.proof.conftest import Children, Disk


def _texts(shell: Shell) -> list[str]:
    return [one["payload"]["text"] for one in shell.run("interbus", "replay").records]


# Full ----------------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_survived(shell: Shell, disk: Disk) -> None:
    """``publish`` ends with 75 and one clear line, the log stays as it was, and goes on once there is room."""
    shell.environ["INTERBUS_ROOT"] = str(disk.path / "state")
    shell.publish("notify", '{"text": "before"}')
    disk.fill()
    for _ in range(2):
        done = shell.run("interbus", "publish", "notify", "--payload", '{"text": "lost"}', code=75)
        assert done.out == ""
        assert "Traceback" not in done.err
        assert "bus.db" in done.err
        assert "full" in done.err
    disk.free()
    assert is_intact(disk.path / "state")
    assert _texts(shell) == ["before"]
    shell.publish("notify", '{"text": "after"}')
    assert _texts(shell) == ["before", "after"]
    assert list((disk.path / "state").glob("spool/new/*")) == []


def test_a_disk_without_room_for_a_first_bus(shell: Shell, disk: Disk) -> None:
    """Nothing can be created: the exit code says try again, or what is missing; later it is created as ever."""
    shell.environ["INTERBUS_ROOT"] = str(disk.path / "state")
    (disk.path / "state").mkdir(mode=0o700)
    disk.fill()
    done = shell.run("interbus", "publish", "notify", "--payload", '{"text": "lost"}', code=75)
    assert done.out == ""
    assert "a fault of interhost" not in done.err
    disk.free()
    shell.publish("notify", '{"text": "after"}')
    assert _texts(shell) == ["after"]


def test_a_disk_that_fills_up_under_an_open_bus(disk: Disk) -> None:
    """Every publish that was acknowledged is there, the first that is not raises BusyError, and all goes on later."""
    root = disk.path / "state"
    acknowledged: list[str] = []

    def publish_until_full(bus: Bus) -> None:
        for _ in range(1000):
            acknowledged.append(bus.publish(fact(payload=f'{{"text": "{"x" * 20_000}"}}')).event_id)

    (disk.path / "filler").write_bytes(b"x" * 500_000)
    with Bus(root) as bus:
        for turn in range(3):
            with pytest.raises(BusyError, match=r"bus\.db"):
                publish_until_full(bus)
            assert [one.envelope.event_id for one in bus.log.read(Query())] == acknowledged
            if turn == 0:
                disk.free()
    assert len(acknowledged) > 10
    assert is_intact(root)
    with Bus(root) as bus:
        assert [one.envelope.event_id for one in bus.log.read(Query())] == acknowledged


_HEARING = """
from interhost_hookspecs import Outcome, hookimpl

@hookimpl
def on_notify(intent, ctx):
    return Outcome.done(intent.payload.text[:5])
"""


def test_a_resident_host_outlives_a_full_disk(shell: Shell, disk: Disk) -> None:
    """It says that there is no room, stays, and goes on by itself once there is: the fact in the spool is delivered."""
    shell.adapter("hearing", ["notify"], _HEARING)
    root = disk.path / "state"
    shell.environ["INTERBUS_ROOT"] = str(root)
    host = shell.start("interhost", "run")
    shell.until((root / "spool" / "new").is_dir)
    shell.publish("notify", '{"text": "first"}')
    shell.until(lambda: '"first"' in host.done.out)
    host.process.send_signal(signal.SIGSTOP)
    spool_envelope(root, fact(payload=f'{{"text": "later{"x" * 60_000}"}}'))
    disk.fill()
    host.process.send_signal(signal.SIGCONT)
    shell.until(lambda: "full" in host.done.err or host.process.poll() is not None)
    time.sleep(0.3)
    assert host.process.poll() is None, host.done
    disk.free()
    shell.until(lambda: '"later"' in host.done.out)
    done = host.end(signal.SIGTERM)
    assert done.code == 0
    assert "Traceback" not in done.err
    assert is_intact(root)


_LIMIT = "import os, resource, sys; n = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (n, n)); "
_LIMIT += "os.execv(sys.argv[2], sys.argv[2:])"


def _publish_limited(shell: Shell, limit: int, text: str, code: int) -> Done:
    """Publish in a process whose files may not grow beyond so many bytes: another way for writes to fail."""
    program, *arguments = shell.argv("interbus", "publish", "notify", "--payload", f'{{"text": "{text}"}}')
    command = [sys.executable, "-I", "-c", _LIMIT, str(limit), program, *arguments]
    shell_argv, shell.argv = shell.argv, lambda *_: command  # type: ignore[method-assign]
    try:
        return shell.run("interbus", code=code)
    finally:
        shell.argv = shell_argv  # type: ignore[method-assign]


@pytest.mark.parametrize("limit", [1024, 4096, 20_000, 33_000, 40_000])
def test_a_quota_sends_the_fact_to_the_spool(shell: Shell, limit: int) -> None:
    """The database cannot grow, one small file still can: 0, spooled, and stored by the next command without limit."""
    shell.publish("notify", '{"text": "before"}')
    done = _publish_limited(shell, limit, "limited", 0)
    (record,) = done.records
    assert "Traceback" not in done.err
    assert record.get("spooled") is True or record["seq"] == 2
    assert _texts(shell) == ["before", "limited"]
    assert is_intact(shell.root)


def test_a_quota_of_nothing_is_said(shell: Shell) -> None:
    """Not even the spool can take it: 75, one clear line, and no unfinished file is left behind."""
    shell.publish("notify", '{"text": "before"}')
    done = _publish_limited(shell, 0, "lost", 75)
    assert done.out == ""
    assert "bus.db" in done.err
    assert "Traceback" not in done.err
    assert list(shell.root.glob("spool/new/*")) == []
    assert _texts(shell) == ["before"]
    assert is_intact(shell.root)


# Read-only -----------------------------------------------------------------------------------------------------------

COMMANDS = [
    ("interbus", "publish", "notify", "--payload", '{"text": "x"}'),
    ("interbus", "emit", "notify", '{"text": "x"}'),
    ("interbus", "replay"),
    ("interbus", "subscribe", "*"),
    ("interbus", "consume", "--module", "script"),
    ("interbus", "trace", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ("interhost", "run", "--once"),
    ("interhost", "redrive"),
]


@pytest.mark.parametrize("existing", [True, False], ids=["with a bus", "empty"])
def test_a_read_only_file_system_is_named(shell: Shell, disk: Disk, existing: bool) -> None:
    """Every command that needs the bus ends with 69 and says which directory cannot be written; nothing else."""
    root = disk.path / "state"
    shell.environ["INTERBUS_ROOT"] = str(root)
    if existing:
        shell.publish()
    disk.make_read_only()
    for program, *arguments in COMMANDS:
        done = shell.run(program, *arguments, code=69)
        assert done.out == "", arguments
        assert str(root) in done.err, arguments
        assert len(done.err.splitlines()) <= 2, arguments
        assert done.err.startswith(f"{program}: "), arguments


# Damaged -------------------------------------------------------------------------------------------------------------

_LEAVE_A_WAL = """
with Bus(ROOT) as bus:
    for _ in range(int(sys.argv[2])):
        say(bus.publish(fact()).event_id)
    bus.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    say("checkpointed")
    for _ in range(40):
        say(bus.publish(fact()).event_id)
    say("ready")
    sys.stdin.readline()
"""
SEED = 20264


def _cut_anywhere(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size))


def _flip_bytes(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(20):
        data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    path.write_bytes(data)


def _flip_the_header(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(32)] ^= rng.randrange(1, 256)
    path.write_bytes(data)


def _overwrite(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(path.stat().st_size))


def _grow(path: Path, rng: random.Random) -> None:
    with path.open("ab") as file:
        file.write(rng.randbytes(10_000))


def _read_and_publish(root: Path) -> tuple[list[str], InterhostError | None]:
    """What is found, and that it goes on from there; or why not."""
    try:
        with Bus(root) as bus:
            found = [one.envelope.event_id for one in bus.log.read(Query())]
            goes_on = bus.publish(fact()).seq == len(found) + 1
    except InterhostError as error:
        return [], error
    assert goes_on
    return found, None


@pytest.mark.parametrize("damage", [_cut_anywhere, _flip_bytes, _flip_the_header, _overwrite, _grow])
@pytest.mark.parametrize("turn", range(3))
def test_a_damaged_wal_never_costs_what_was_checkpointed(
    root: Path, children: Children, damage: Callable[[Path, random.Random], None], turn: int
) -> None:
    """Recovered up to the damage, or refused as a StateError naming the file; never an exception of SQLite's."""
    child = children.start(_LEAVE_A_WAL, root, 60)
    child.until_said("ready")
    child.end(signal.SIGKILL)
    said = child.said()[:-1]
    middle = said.index("checkpointed")
    checkpointed, in_the_wal = said[:middle], said[middle + 1 :]
    wal = root / "bus.db-wal"
    assert wal.stat().st_size > 10_000
    damage(wal, random.Random(SEED + turn))
    why = f"seed {SEED + turn}"
    found, refused = _read_and_publish(root)
    if refused is not None:
        assert isinstance(refused, StateError), f"{why}: {refused!r}"
        assert str(root / "bus.db") in str(refused), why
        wal.unlink()  # what its hint comes down to: the database without it
        with closing(sqlite3.connect(root / "bus.db")) as connection:
            found = [row[0] for row in connection.execute("SELECT event_id FROM event ORDER BY seq")]
    assert found[: len(checkpointed)] == checkpointed, why
    rest = found[len(checkpointed) :]
    assert rest == in_the_wal[: len(rest)], f"{why}: not what was stored, in order"
    assert is_intact(root), why
