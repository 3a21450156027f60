"""``kill -9`` at any moment: what was acknowledged is there, what was not is whole or absent, nothing happens twice."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from interhost.bus.bus import Bus
from interhost.bus.spool import drain_spool, rejected_files, spool_envelope
from tests.proof.conftest import fact, is_intact, until

if TYPE_CHECKING:
    from tests.conftest import Shell
    from tests.proof.conftest import Children

ROUNDS = 20

_PUBLISH = """
with Bus(ROOT) as bus:
    while True:
        say(bus.publish(fact(payload='{"text": "%s"}' % ("x" * random.randrange(1, 9000)))).event_id)
"""


def test_killed_in_mid_publish(root: Path, children: Children) -> None:
    """Two writers killed, 20 times: every id they had printed is in the log, no row is torn, no number is missing."""
    seed = 20261
    rng = random.Random(seed)
    acknowledged: set[str] = set()
    for turn in range(ROUNDS):
        writers = [children.start(_PUBLISH, root) for _ in range(2)]
        for child in writers:
            child.until_said()
        time.sleep(rng.uniform(0, 0.1))
        for child in writers:
            assert child.end(signal.SIGKILL) == -signal.SIGKILL
            acknowledged |= set(child.said())
        assert is_intact(root), f"seed {seed}, round {turn}"
    with Bus(root) as bus:
        rows = bus.database.rows("SELECT seq, event_id, payload FROM event ORDER BY seq")
    stored = {row[1] for row in rows}
    assert acknowledged <= stored, f"seed {seed}: {len(acknowledged - stored)} acknowledged facts are lost"
    # A writer killed between COMMIT and printing leaves one more each.
    assert len(stored - acknowledged) <= 2 * ROUNDS, f"seed {seed}"
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1)), f"seed {seed}"
    assert all(set(json.loads(row[2])["text"]) <= {"x"} for row in rows), f"seed {seed}"


# Small batches, so that a few hundred files are many transactions to be killed in.
_DRAIN = """
import interhost.bus.spool as spool
spool.BATCH = 20
with Bus(ROOT) as bus:
    say("ready")
    sys.stdin.readline()
    spool.drain_spool(bus, set)
    say("done")
"""
_FILES = 300


def test_killed_in_mid_drain(root: Path, children: Children) -> None:
    """20 times in the middle of 300 files: no file is lost, and each becomes exactly one event."""
    seed = 20262
    rng = random.Random(seed)
    new = root / "spool" / "new"
    spooled: list[str] = []
    in_the_middle = 0
    for turn in range(ROUNDS):
        child = children.start(_DRAIN, root)
        fresh = [spool_envelope(root, fact()).name for _ in range(_FILES)] if root.exists() else []
        child.until_said("ready")
        if not fresh:  # the first child has made the directory
            fresh = [spool_envelope(root, fact()).name for _ in range(_FILES)]
        spooled += fresh
        left = rng.randrange(_FILES)
        child.go_on()
        until(lambda: len(os.listdir(new)) <= left)  # noqa: B023 - called at once
        time.sleep(rng.uniform(0, 0.003))
        child.end(signal.SIGKILL)
        waiting = set(os.listdir(new))
        in_the_middle += bool(waiting)
        with Bus(root) as bus:
            stored = {row[0] for row in bus.database.rows("SELECT event_id FROM event")}
        assert waiting | stored == set(spooled), f"seed {seed}, round {turn}: files vanished before they were stored"
    assert in_the_middle > ROUNDS // 4, "the drains were over before they were killed: nothing was shown"
    with Bus(root) as bus:
        drain_spool(bus, set)
        ids = [row[0] for row in bus.database.rows("SELECT event_id FROM event ORDER BY seq")]
    assert sorted(ids) == sorted(spooled), f"seed {seed}"
    assert len(spooled) == ROUNDS * _FILES
    assert os.listdir(new) == []
    assert rejected_files(root) == []
    assert is_intact(root)


# One line per effect, written at once; the pauses let a kill hit before, between and after.
_POSTING = """
import os, time
from pathlib import Path
from interhost_hookspecs import Outcome, hookimpl

EFFECTS = Path(__file__).parents[1] / "effects.txt"

@hookimpl
def on_notify(intent, ctx):
    time.sleep(0.002)
    if ctx.once("post"):
        time.sleep(0.002)
        fd = os.open(EFFECTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, (intent.event_id + "\\n").encode())
        os.close(fd)
        time.sleep(0.002)
    return Outcome.done("posted")
"""


def test_killed_in_mid_delivery(shell: Shell) -> None:
    """20 times: every event ends done or ``failed: in doubt``, and no effect outside happens twice."""
    seed = 20263
    rng = random.Random(seed)
    shell.adapter("posting", ["notify"], _POSTING)
    effects = shell.site / "effects.txt"
    effects.touch()
    shell.run("interhost", "run", "--once")  # the adapter is on the bus
    with shell.bus() as bus:
        events = [bus.publish(fact(context_id=f"wid-{number % 5}")) for number in range(500)]
    for _ in range(ROUNDS):
        before = effects.stat().st_size
        worker = shell.start("interhost", "run", "--drain", "--quiet")
        until(lambda: effects.stat().st_size > before or worker.process.poll() is not None)  # noqa: B023 - called at once
        time.sleep(rng.uniform(0, 0.08))
        assert worker.end(signal.SIGKILL).code == -signal.SIGKILL, f"seed {seed}: the events ran out"
        shell.change("UPDATE pending SET due = 0")  # the leases run out
    shell.run("interhost", "run", "--drain", "--quiet")
    happened = effects.read_text().splitlines()
    assert len(happened) == len(set(happened)), f"seed {seed}: an effect happened twice"
    with shell.bus() as bus:
        assert bus.database.rows("SELECT * FROM pending") == []
        assert bus.log.dead_letters() == []
        ends = {one.event_id: bus.store.attempts(one.seq)[-1] for one in events}
    done = {event_id for event_id, last in ends.items() if last.outcome == "done"}
    doubtful = {event_id for event_id, last in ends.items() if last.outcome == "failed"}
    assert done | doubtful == set(ends), f"seed {seed}"
    assert all("in doubt" in ends[event_id].reason for event_id in doubtful), f"seed {seed}"
    assert done <= set(happened), f"seed {seed}: done, but nothing happened"
    assert 0 < len(doubtful) <= ROUNDS, f"seed {seed}"
    assert is_intact(shell.root)
