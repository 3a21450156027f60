"""The resident host as a process of its own: prompt, fair, and not to be talked out of it."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from interhost.bus.ids import new_id
from interhost.bus.log import Query, Subscription
from interhost.bus.retention import DAY
from tests.proof.conftest import fact, until

if TYPE_CHECKING:
    from tests.conftest import Running, Shell

_HEAD = """
import os, sys, time
from pathlib import Path
from interhost_hookspecs import Outcome, hookimpl

NOTES = Path(__file__).parents[1]

def note(text):
    with (NOTES / "notes.txt").open("a") as file:
        file.write(text + "\\n")
"""
_HEARING = """
@hookimpl
def on_notify(intent, ctx):
    note(intent.payload.text)
    return Outcome.done("heard")
"""


def _notes(shell: Shell) -> list[str]:
    path = shell.site / "notes.txt"
    return path.read_text().splitlines() if path.exists() else []


def _resident(shell: Shell) -> Running:
    host = shell.start("interhost", "run")
    shell.until(lambda: "resident with" in host.done.err)
    return host


def _publish(shell: Shell, text: str, **more: Any) -> str:
    """Put a fact on the bus from this process, which is not the host's."""
    with shell.bus() as bus:
        return bus.publish(fact(payload=f'{{"text": "{text}"}}', **more)).event_id


def test_a_publish_elsewhere_wakes_the_host(shell: Shell) -> None:
    """What other processes publish is delivered at once, and not at the next of its looks every second."""
    shell.adapter("hearing", ["notify"], _HEAD + _HEARING)
    host = _resident(shell)
    waits = []
    for number in range(12):
        began = time.monotonic()
        _publish(shell, str(number))
        until(lambda: _notes(shell)[-1:] == [str(number)])  # noqa: B023 - called at once
        waits.append(time.monotonic() - began)
    shell.publish("notify", '{"text": "by a command"}')
    until(lambda: _notes(shell)[-1:] == ["by a command"])
    assert min(waits) < 0.5, f"nothing woke it: {waits}"
    assert _notes(shell) == [*map(str, range(12)), "by a command"]
    assert host.end(signal.SIGTERM).code == 0


def test_a_file_dropped_into_the_spool_wakes_the_host(shell: Shell) -> None:
    """As a shell writes it, without a word to anyone: created, filled, complete; delivered once."""
    shell.adapter("hearing", ["notify"], _HEAD + _HEARING)
    host = _resident(shell)
    new = shell.root / "spool" / "new"
    until(new.is_dir)
    for number in range(5):
        event_id = new_id()
        with (new / event_id).open("w") as file:
            file.write(f'{{"event_id":"{event_id}","intent":"notify@1.0","context_id":"wid-1"}}\n')
            file.flush()
            time.sleep(0.05)  # it is looked at while it is unfinished, and left alone
            file.write(f'{{"text":"spooled {number}"}}\n')
        until(lambda: _notes(shell)[-1:] == [f"spooled {number}"])  # noqa: B023 - called at once
    assert os.listdir(new) == []
    assert host.end(signal.SIGTERM).code == 0
    assert _notes(shell) == [f"spooled {number}" for number in range(5)]
    with shell.bus() as bus:
        assert bus.log.end() == 5


_HANGING = """
@hookimpl
def on_notify(intent, ctx):
    note("hanging")
    done = ctx.run(["sleep", "30"], timeout=5.0)
    note("let go")
    return Outcome.done(done.problem)
"""


def test_a_hanging_child_delays_nobody_else(shell: Shell) -> None:
    """While one adapter waits for its child for seconds, another gets delivery after delivery."""
    shell.adapter("hanging", ["notify"], _HEAD + _HANGING)
    shell.adapter("hearing", ["notify"], _HEAD + _HEARING)
    host = _resident(shell)
    _publish(shell, "first", context_id="wid-1")
    until(lambda: "hanging" in _notes(shell))
    for number in range(5):
        _publish(shell, f"more {number}", context_id="wid-1")
        until(lambda: f"more {number}" in _notes(shell))  # noqa: B023 - called at once
    assert "let go" not in _notes(shell)
    assert host.end(signal.SIGKILL).code == -signal.SIGKILL


_SLOW = """
@hookimpl
def on_notify(intent, ctx):
    note("begin " + intent.payload.text)
    while not (NOTES / "go").exists():
        time.sleep(0.01)
    note("end " + intent.payload.text)
    return Outcome.done("heard")
"""


def test_sigterm_finishes_what_every_lane_has_in_hand(shell: Shell) -> None:
    """Both deliveries end and are recorded, no third is begun, the exit code is 0, and no lease stays out."""
    shell.adapter("one", ["notify"], _HEAD + _SLOW)
    shell.adapter("two", ["notify"], _HEAD + _SLOW)
    host = _resident(shell)
    _publish(shell, "a")
    _publish(shell, "b")
    until(lambda: _notes(shell) == ["begin a", "begin a"])
    host.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)  # long enough for a signal that cuts off to have done so
    assert host.process.poll() is None
    (shell.site / "go").touch()
    done = host.end()
    assert done.code == 0
    assert sorted((one["consumer"], one["outcome"]) for one in done.records) == [("one", "done"), ("two", "done")]
    assert sorted(_notes(shell)) == ["begin a", "begin a", "end a", "end a"]
    with shell.bus() as bus:
        assert bus.log.leased() == []


def test_sighup_takes_what_is_valid_and_nothing_else(shell: Shell) -> None:
    """A broken file leaves the host as it is, deliveries included; a good one counts for the next delivery."""
    wish = _HEAD + (
        "@hookimpl\ndef on_notify(intent, ctx):\n"
        "    note(f\"{intent.payload.text} {ctx.config.get('wish')}\")\n    return Outcome.done('heard')\n"
    )
    shell.adapter("hearing", ["notify"], wish)
    config = shell.base / "state" / "config.toml"
    host = _resident(shell)

    def say(text: str, expected: str) -> None:
        _publish(shell, text)
        until(lambda: _notes(shell)[-1:] == [f"{text} {expected}"])

    say("first", "None")
    for number, (text, expected) in enumerate(
        [
            ('[adapters.hearing]\nwish = "one"\n', "one"),
            ("[adapters.hearing\n", "one"),
            ('[adapters]\nhearing = "no table"\n', "one"),
            ("[retention]\ndays = -1\n", "one"),
            ("[limits]\npayload_bytes = true\n", "one"),
            ('[adapters.hearing]\nwish = "two"\n', "two"),
        ]
    ):
        config.write_text(text)
        before = host.done.err.count("configuration")
        host.process.send_signal(signal.SIGHUP)
        shell.until(lambda: host.done.err.count("configuration") > before)  # noqa: B023 - called at once
        say(f"after {number}", expected)
    done = host.end(signal.SIGTERM)
    assert done.code == 0
    assert done.err.count("configuration read again") == 2
    assert done.err.count("configuration not taken") == 4


_EXITING = """
@hookimpl
def on_notify(intent, ctx):
    note("exiting " + intent.payload.text)
    if intent.payload.text == "one":
        sys.exit(2)
    return Outcome.done("heard")
"""


def test_an_adapter_that_exits_ends_one_attempt(shell: Shell) -> None:
    """``sys.exit`` in a lane is a failed attempt; the same lane goes on with the next event."""
    shell.adapter("exiting", ["notify"], _HEAD + _EXITING)
    host = _resident(shell)
    _publish(shell, "one")
    _publish(shell, "two")
    until(lambda: "exiting two" in _notes(shell))
    shell.until(lambda: len(host.done.out.splitlines()) >= 2)
    done = host.end(signal.SIGTERM)
    assert done.code == 0
    assert [(one["outcome"], one["reason"]) for one in done.records[:2]] == [
        ("error", "SystemExit: 2"),
        ("done", "heard"),
    ]


def _flushed(shell: Shell) -> int:
    with shell.bus() as bus:
        rows = bus.database.rows("SELECT value FROM meta WHERE key = 'flushed'")
    return int(rows[0][0]) if rows else 0


def test_the_log_is_flushed_when_it_changed_and_left_alone_when_not(shell: Shell) -> None:
    """Within a moment of a publish there is a commit that reaches the disk; an idle host writes nothing."""
    host = _resident(shell)
    for number in range(2):
        before = _flushed(shell)
        published = time.time_ns() // 1000
        _publish(shell, str(number))
        until(lambda: _flushed(shell) > before)  # noqa: B023 - called at once
        until(lambda: _flushed(shell) >= published)  # noqa: B023 - called at once
    idle_since = time.monotonic()
    seen = [_flushed(shell)]
    while time.monotonic() - idle_since < 3.0:
        time.sleep(0.25)
        seen.append(_flushed(shell))
    # The deliveries of the last publish may need one more; after that there is nothing to flush.
    assert len(set(seen)) <= 2
    assert len(set(seen[5:])) == 1, f"it goes on flushing: {seen}"
    assert host.end(signal.SIGTERM).code == 0


_TAILING = """
from interhost_hookspecs import Draft, Observation

@hookimpl
def observe(ctx):
    lines = ctx.tail(NOTES / "log").lines
    ctx.run(["sleep", "0.1"])  # such as asking bd: long enough for another host to look at the same
    return Observation(
        drafts=tuple(Draft(intent="tailing.line@1.0", payload={"line": one}, context_id="wid-1") for one in lines)
    )
"""


def _lines(shell: Shell) -> list[str]:
    """What was told, in the log's order."""
    with shell.bus() as bus:
        return [str(json.loads(one.envelope.payload)["line"]) for one in bus.log.read(Query(), 1000)]


def test_hosts_that_look_at_the_same_time_tell_every_line_once(shell: Shell) -> None:
    """Two resident hosts and passes in between, over facts without a natural key: none told twice, none lost."""
    shell.adapter("tailing", [], _HEAD + _TAILING)
    log = shell.site / "log"
    log.touch()
    shell.run("interhost", "run", "--once")
    hosts = [_resident(shell) for _ in range(2)]
    expected = [f"line {number}" for number in range(60)]
    for start in range(0, 60, 10):
        passes = [shell.start("interhost", "run", "--once") for _ in range(2)]
        for line in expected[start : start + 10]:
            with log.open("a") as file:
                file.write(f"{line}\n")
            time.sleep(0.01)
        assert [one.end().code for one in passes] == [0, 0]
    shell.until(lambda: set(_lines(shell)) == set(expected))
    ended = [host.end(signal.SIGTERM) for host in hosts]
    assert [one.code for one in ended] == [0, 0]
    assert _lines(shell) == expected
    assert [one.err.count("observe") for one in ended] == [0, 0]


def test_a_resident_host_keeps_its_idle_adapters(shell: Shell) -> None:
    """It prunes, too: whoever it looks after was seen before that, however long there was nothing for it to do."""
    shell.adapter("hearing", ["notify"], _HEAD + _HEARING)
    shell.run("interhost", "run", "--once")
    host = _resident(shell)
    until(lambda: _flushed(shell) > 0)
    month = 31 * DAY * 1_000_000
    with shell.bus() as bus, bus.database.transaction():
        bus.log.subscribe(Subscription("gone", ("notify@1",)))
        bus.database.change("UPDATE consumer SET seen = seen - ?", month)
        bus.store.set_pruned(time.time() - 2 * 3600)
        bus.publish(fact(consumers=("nobody",)))

    def consumers() -> list[str]:
        with shell.bus() as bus:
            return [one.subscription.consumer for one in bus.log.positions()]

    until(lambda: "gone" not in consumers())
    assert "hearing" in consumers()
    _publish(shell, "at last")
    until(lambda: _notes(shell) == ["at last"])
    assert host.end(signal.SIGTERM).code == 0
