"""Processes that stop in the worst place: holding the lock, or half-way through reading."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.bus.bus import Bus
from interhost.bus.log import Query
from tests.proof.conftest import fact

if TYPE_CHECKING:
    from tests.conftest import Shell
    from tests.proof.conftest import Children

_HOLD = """
from interhost.bus.database import Database
database = Database(ROOT)
with database.transaction():
    say("held")
    sys.stdin.readline()
"""


def test_a_stopped_lock_holder_stops_nobody(shell: Shell, children: Children) -> None:
    """``publish`` returns 0 within seconds and spools; ``replay`` answers; afterwards the fact is there, once."""
    first = shell.publish("notify", '{"text": "before"}')
    holder = children.start(_HOLD, shell.root)
    holder.until_said("held")
    holder.signal(signal.SIGSTOP)

    began = time.monotonic()
    done = shell.run("interbus", "publish", "notify", "--payload", '{"text": "meanwhile"}')
    assert time.monotonic() - began < 10
    (record,) = done.records
    assert (record["spooled"], record["seq"], record["duplicate"]) == (True, None, False)
    assert "write.lock" in done.err
    assert (shell.root / "spool" / "new" / record["event_id"]).is_file()

    began = time.monotonic()
    answer = shell.run("interbus", "replay")
    assert time.monotonic() - began < 15
    assert [one["event_id"] for one in answer.records] == [first["event_id"]]
    assert "write.lock" in answer.err

    holder.signal(signal.SIGCONT)
    holder.go_on()
    assert holder.end() == 0
    for _ in range(2):
        stored = shell.run("interbus", "replay").records
        assert [one["event_id"] for one in stored] == [first["event_id"], record["event_id"]]
    assert stored[1]["payload"] == {"text": "meanwhile"}
    assert stored[1]["extensions"]["project_dir"] == str(shell.project)


def test_a_stopped_creator_stops_no_publisher(shell: Shell, children: Children) -> None:
    """Also before there is any database: the lock is held by somebody else, and the fact waits in the spool."""
    shell.root.mkdir(mode=0o700)
    holder = children.start(
        "from interhost.bus.lock import FileLock\nwith FileLock(ROOT / 'write.lock'):\n"
        "    say('held')\n    sys.stdin.readline()\n",
        shell.root,
    )
    holder.until_said("held")
    holder.signal(signal.SIGSTOP)
    record = shell.publish("notify", '{"text": "early"}')
    assert record["spooled"] is True
    holder.end(signal.SIGKILL)
    assert [one["event_id"] for one in shell.run("interbus", "replay").records] == [record["event_id"]]


_HALF_WAY = """
from interhost.bus.catalogue import resolve_intent
from interhost.cli.query import read_pages
with Bus(ROOT) as bus:
    for number, stored in enumerate(read_pages(bus, Query())):
        if number == 700:  # in the second page
            say("half-way")
            sys.stdin.readline()
        if number > 700 and sys.argv[2] == "slowly":
            time.sleep(0.005)
    say(number + 1)
"""


@pytest.mark.parametrize("way", ["slowly", "stopped"])
def test_a_reader_that_stops_half_way_lets_the_log_be_tidied(root: Path, children: Children, way: str) -> None:
    """Pages are fetched whole: while somebody lingers over one, 20,000 publishes keep the WAL at a few megabytes."""
    wal = root / "bus.db-wal"
    with Bus(root) as bus:
        with bus.database.transaction():
            for _ in range(1500):
                bus.publish(fact())
        reader = children.start(_HALF_WAY, root, way)
        reader.until_said("half-way")
        if way == "stopped":
            reader.signal(signal.SIGSTOP)
        else:
            reader.go_on()
        largest = 0
        for number in range(20_000):
            bus.publish(fact())
            if number % 200 == 0:
                largest = max(largest, wal.stat().st_size)
        largest = max(largest, wal.stat().st_size)
        assert bus.log.end() == 21_500
        assert largest < 8 << 20
        assert reader.process.poll() is None or way == "stopped", "it was not reading all the while"
        reader.end(signal.SIGKILL)
        assert len(bus.log.read(Query(after=21_000))) == 500


_LOOKING = """
from pathlib import Path
from interhost_hookspecs import Draft, Notify, Observation, Outcome, hookimpl

NOTES = Path(__file__).parents[1] / "notes.txt"

@hookimpl
def on_notify(intent, ctx):
    return Outcome.done("heard")

@hookimpl
def observe(ctx):
    with NOTES.open("a") as notes:
        notes.write("look\\n")
    return Observation(drafts=(Draft(payload=Notify(text="seen"), context_id="wid-1"),))
"""


@pytest.mark.parametrize("what", ["idle", "with a file in the spool", "while a lane stores what it saw"])
def test_a_resident_host_ends_while_the_lock_holder_is_stopped(shell: Shell, children: Children, what: str) -> None:
    """SIGTERM ends it within seconds and with 0, whichever of its threads waits for the lock."""
    if what == "while a lane stores what it saw":
        shell.adapter("looking", ["notify"], _LOOKING)
    notes = shell.site / "notes.txt"
    host = shell.start("interhost", "run")
    shell.until(lambda: "resident with" in host.done.err)
    holder = children.start(_HOLD, shell.root)
    holder.until_said("held")
    holder.signal(signal.SIGSTOP)
    if what == "with a file in the spool":
        assert shell.publish()["spooled"] is True
    if what == "while a lane stores what it saw":
        looks = len(notes.read_text()) if notes.exists() else 0
        shell.until(lambda: notes.exists() and len(notes.read_text()) > looks)
    time.sleep(0.5)  # for whoever is to run into the lock
    began = time.monotonic()
    done = host.end(signal.SIGTERM)
    assert time.monotonic() - began < 8
    assert done.code == 0
    assert "Traceback" not in done.err
    holder.end(signal.SIGKILL)
    if what == "with a file in the spool":
        assert len(shell.run("interbus", "replay").records) == 1
