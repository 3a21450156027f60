"""``interhost run``: once, until idle, for good; and what no adapter can do to the others."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Running, Shell

_HEAD = """
import os, sys, time
from pathlib import Path
from interhost_hookspecs import InDoubtError, Outcome, hookimpl

NOTES = Path(__file__).parents[1]

def note(text):
    with (NOTES / "notes.txt").open("a") as file:
        file.write(text + "\\n")
"""
_HEARING = """
@hookimpl
def on_notify(intent, ctx):
    note(intent.payload.text)
    return Outcome.done("heard " + intent.payload.text)
"""
# Waits in the middle of a delivery until told to go on.
_SLOW = """
@hookimpl
def on_notify(intent, ctx):
    note("begin " + intent.payload.text)
    while not (NOTES / "go").exists():
        time.sleep(0.01)
    note("end " + intent.payload.text)
    return Outcome.done("heard")
"""
_SPOOLED = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
_GOOD = ("hearing", ["notify"], _HEAD + _HEARING)


def _notes(shell: Shell) -> list[str]:
    path = shell.site / "notes.txt"
    return path.read_text().splitlines() if path.exists() else []


def _say(shell: Shell, *texts: str) -> None:
    for text in texts:
        shell.publish("notify", f'{{"text": "{text}"}}')


def _spool(shell: Shell, text: str) -> None:
    """Leave a file, as shells do, whether or not there is a bus already."""
    new = shell.root / "spool" / "new"
    for folder in (shell.root, new.parent, new):
        folder.mkdir(mode=0o700, exist_ok=True)
    (new / _SPOOLED).write_text(f'{{"intent": "notify@1.0", "context_id": "wid-1"}}\n{{"text": "{text}"}}\n')


def _resident(shell: Shell, *arguments: str) -> Running:
    host = shell.start("interhost", "run", *arguments)
    shell.until(lambda: "resident with" in host.done.err)
    return host


def test_once_delivers_everything_due(shell: Shell) -> None:
    """One line for each delivery, with who, what and how it ended; nothing the second time."""
    shell.adapter(*_GOOD)
    _say(shell, "one", "two")
    records = shell.run("interhost", "run", "--once").records
    assert [(one["consumer"], one["intent"], one["attempt"], one["outcome"], one["reason"]) for one in records] == [
        ("hearing", "notify@1.0", 1, "done", "heard one"),
        ("hearing", "notify@1.0", 1, "done", "heard two"),
    ]
    assert {one["context_id"] for one in records} == {"project:widgets"}
    assert shell.run("interhost", "run", "--once").out == ""
    _say(shell, "three")
    assert shell.run("interhost", "run", "--once", "--quiet").out == ""
    assert _notes(shell) == ["one", "two", "three"]


def test_a_table_tells_each_delivery(shell: Shell) -> None:
    """--table: one line for people."""
    shell.adapter(*_GOOD)
    _say(shell, "one")
    assert shell.run("interhost", "run", "--once", "--table").out == (
        "notify@1.0  project:widgets  → hearing  done: heard one\n"
    )


def test_a_second_drain_leaves_it_to_the_first(shell: Shell) -> None:
    """The second ends at once and quietly; what was published meanwhile is delivered by the first, once."""
    shell.adapter("slow", ["notify"], _HEAD + _SLOW)
    _say(shell, "one")
    first = shell.start("interhost", "run", "--drain")
    shell.until(lambda: _notes(shell) == ["begin one"])
    began = time.monotonic()
    second = shell.run("interhost", "run", "--drain")
    assert (second.out, second.err) == ("", "")
    assert time.monotonic() - began < 5.0
    _say(shell, "two")
    assert shell.run("interhost", "run", "--drain").out == ""
    (shell.site / "go").touch()
    done = first.end()
    assert (done.code, [one["outcome"] for one in done.records]) == (0, ["done", "done"])
    assert _notes(shell) == ["begin one", "end one", "begin two", "end two"]


def test_what_is_published_while_drains_end_is_delivered(shell: Shell) -> None:
    """Whoever publishes and then starts a drain may be sure: either that one or the one about to end delivers it."""
    shell.adapter(*_GOOD)
    running = []
    for number in range(8):
        _say(shell, str(number))
        running.append(shell.start("interhost", "run", "--drain"))
    assert [one.end().code for one in running] == [0] * 8
    assert _notes(shell) == [str(number) for number in range(8)]


@pytest.mark.parametrize("reader", ["replay", "subscribe *", f"trace {_SPOOLED}"])
@pytest.mark.parametrize("order", ["read first", "run first"])
def test_what_waits_in_the_spool_of_a_fresh_home_reaches_its_adapter(shell: Shell, reader: str, order: str) -> None:
    """Whichever command is the first to open the bus: it takes the file in, and every adapter is to get it."""
    shell.adapter(*_GOOD)
    _spool(shell, "from a shell")
    if order == "read first":
        assert [one["event_id"] for one in shell.run("interbus", *reader.split()).records] == [_SPOOLED]
    (record,) = shell.run("interhost", "run", "--drain").records
    assert (record["consumer"], record["reason"]) == ("hearing", "heard from a shell")
    assert [one["event_id"] for one in shell.run("interbus", *reader.split()).records] == [_SPOOLED]
    assert shell.run("interhost", "run", "--drain").out == ""
    assert _notes(shell) == ["from a shell"]


# Stands for a shell's hook that fires while the last, empty pass is looking, and for the worker that it starts.
_LATE = """
import subprocess

@hookimpl
def observe(ctx):
    if not (NOTES / "fired").exists():
        (NOTES / "fired").touch()
        new = Path(os.environ["INTERBUS_ROOT"]) / "spool" / "new"
        new.mkdir(parents=True, exist_ok=True)
        (new / "01ARZ3NDEKTSV4RRFFQ69G5FAV").write_text(
            '{"intent": "notify@1.0", "context_id": "wid-1"}\\n{"text": "late"}\\n'
        )
        worker = subprocess.run([sys.argv[0], "run", "--drain"], capture_output=True, text=True)
        note(f"the hook's own worker: {worker.returncode} {worker.stdout}{worker.stderr}".strip())
"""


def test_a_file_that_comes_while_the_last_drain_ends_is_delivered_by_it(shell: Shell) -> None:
    """The worker that its producer started found another one at work and left: that one must not leave it lying."""
    shell.adapter("late", ["notify"], _HEAD + _LATE + _HEARING)
    (record,) = shell.run("interhost", "run", "--drain").records
    assert (record["consumer"], record["reason"]) == ("late", "heard late")
    assert _notes(shell) == ["the hook's own worker: 0", "late"]
    assert os.listdir(shell.root / "spool" / "new") == []


_CHATTY = """
from interhost_hookspecs import Draft, Observation

@hookimpl
def observe(ctx):
    note("look")
    return Observation(drafts=(Draft(intent="chatty.tick@1.0", payload={"a": 1}, context_id="wid-1"),))
"""


def test_a_drain_that_never_comes_to_rest_ends_on_sigterm(shell: Shell) -> None:
    """A module that has something new at every look keeps no worker from ending, with 0."""
    shell.adapter("chatty", [], _HEAD + _CHATTY)
    worker = shell.start("interhost", "run", "--drain")
    shell.until(lambda: len(_notes(shell)) >= 2)
    began = time.monotonic()
    done = worker.end(signal.SIGTERM)
    assert time.monotonic() - began < 8
    assert (done.code, done.err) == (0, "")


def test_a_resident_host_delivers_what_another_process_publishes(shell: Shell) -> None:
    """It tells how many adapters it has, delivers soon after a publish, and ends with 0 on SIGTERM and on Ctrl-C."""
    shell.adapter(*_GOOD)
    for number in (signal.SIGTERM, signal.SIGINT):
        host = _resident(shell)
        _say(shell, f"for {number.name}")
        shell.until(lambda: f"heard for {number.name}" in host.done.out, seconds=5.0)  # noqa: B023 - called at once
        done = host.end(number)
        assert done.code == 0
        assert len(done.records) == 1
        assert "Traceback" not in done.err
    assert _notes(shell) == ["for SIGTERM", "for SIGINT"]


def test_sigterm_waits_for_the_delivery_in_hand(shell: Shell) -> None:
    """The delivery that is under way is finished and recorded, no further one is begun, and the exit code is 0."""
    shell.adapter("slow", ["notify"], _HEAD + _SLOW)
    host = _resident(shell)
    _say(shell, "one", "two")
    shell.until(lambda: _notes(shell) == ["begin one"])
    host.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)  # long enough for a signal that cuts off to have done so
    assert host.process.poll() is None
    (shell.site / "go").touch()
    done = host.end()
    assert (done.code, len(done.records)) == (0, 1)
    assert _notes(shell) == ["begin one", "end one"]
    shell.run("interhost", "run", "--once")
    assert _notes(shell) == ["begin one", "end one", "begin two", "end two"]


def test_sighup_takes_a_changed_configuration(shell: Shell) -> None:
    """An adapter that was switched off is left out after SIGHUP; a broken file is reported and changes nothing."""
    shell.adapter(*_GOOD)
    host = _resident(shell)
    config = shell.root / "config.toml"
    config.write_text("[adapters.hearing]\nenabled = maybe\n")
    host.process.send_signal(signal.SIGHUP)
    shell.until(lambda: "config.toml" in host.done.err)
    assert "line 2" in host.done.err
    config.unlink()  # which the host does not know yet
    _say(shell, "one")
    shell.until(lambda: _notes(shell) == ["one"])
    config.write_text("[adapters.hearing]\nenabled = false\n")
    host.process.send_signal(signal.SIGHUP)
    shell.until(lambda: "configuration read again" in host.done.err)
    _say(shell, "two")
    shell.publish("review_pass", '{"verdict": null, "counts": {}}')
    shell.until(lambda: '"interphase"' in host.done.out)  # it goes on for the others, past what it was to leave out
    assert host.end(signal.SIGTERM).code == 0
    assert _notes(shell) == ["one"]


_ONCE = """
@hookimpl
def on_notify(intent, ctx):
    happened = lambda: True if (NOTES / "knows").exists() else None
    if ctx.once("post", happened=happened):
        note("effect")
        while not (NOTES / "go").exists():
            time.sleep(0.01)
        return Outcome.done("posted")
    return Outcome.done("posted by an earlier attempt")
"""


@pytest.mark.parametrize(
    ("can_tell", "outcome", "reason"),
    [(True, "done", "posted by an earlier attempt"), (False, "failed", "in doubt")],
)
def test_a_killed_delivery_is_repeated_without_a_second_effect(
    shell: Shell, can_tell: bool, outcome: str, reason: str
) -> None:
    """A worker killed between effect and outcome: once the lease is over the delivery comes again, as attempt 2.

    ``ctx.once`` keeps the effect from happening twice: done when the module can tell, else failed: in doubt.
    """
    shell.adapter("posting", ["notify"], _HEAD + _ONCE)
    _say(shell, "one")
    worker = shell.start("interhost", "run", "--once")
    shell.until(lambda: _notes(shell) == ["effect"])
    assert worker.end(signal.SIGKILL).code == -signal.SIGKILL
    assert shell.run("interhost", "run", "--once").out == ""  # the lease still stands
    assert shell.change("UPDATE pending SET due = 0") == 1
    if can_tell:
        (shell.site / "knows").touch()
    (record,) = shell.run("interhost", "run", "--once").records
    assert (record["attempt"], record["outcome"]) == (2, outcome)
    assert reason in record["reason"]
    assert _notes(shell) == ["effect"]
    assert shell.run("interhost", "run", "--once").out == ""


BROKEN = {
    "raises at import": "raise RuntimeError('boom at import')",
    "ImportError": "import a_module_that_nobody_has",
    "SyntaxError": "def broken(:",
    "sys.exit at import": "import sys; sys.exit(2)",
    "prints at import": "print('noise')\nraise RuntimeError('boom')",
    "sys.exit": _HEAD + "@hookimpl\ndef on_notify(intent, ctx):\n    sys.exit(2)",
    "undecodable": _HEAD + "@hookimpl\ndef on_notify(intent, ctx):\n    raise OSError(os.fsdecode(b'\\xff'))",
    "raises": _HEAD + "@hookimpl\ndef on_notify(intent, ctx):\n    raise ValueError('boom')",
    "answers nonsense": _HEAD + "@hookimpl\ndef on_notify(intent, ctx):\n    return 42",
    "prints": _HEAD + "@hookimpl\ndef on_notify(intent, ctx):\n    print('noise')\n    raise ValueError('boom')",
    "no hook": _HEAD,
    "wrong hook": _HEAD + "@hookimpl\ndef on_notfy(intent, ctx):\n    return None",
    "observing": _HEAD + _HEARING.replace("note(", "len(") + "@hookimpl\ndef observe(ctx):\n    raise OSError('boom')",
}


@pytest.mark.parametrize("way", BROKEN)
def test_a_broken_adapter_stops_nobody(shell: Shell, way: str) -> None:
    """Whatever one adapter does, the next one gets its delivery, stdout stays NDJSON, and the fault has a name."""
    shell.adapter("broken", ["notify"], BROKEN[way])
    shell.adapter(*_GOOD)
    _say(shell, "one")
    done = shell.run("interhost", "run", "--once")
    assert {one["consumer"] for one in done.records} <= {"broken", "hearing"}
    assert _notes(shell) == ["one"]
    assert "broken: " in done.err
    assert "Traceback" not in done.err


def test_broken_adapters_do_not_stop_a_resident_host(shell: Shell) -> None:
    """All of them together, and one that hangs in its delivery: the good one is still served, and SIGTERM is 0."""
    for number, hooks in enumerate(BROKEN.values()):
        shell.adapter(f"broken{number}", ["notify"], hooks)
    shell.adapter("slow", ["notify"], _HEAD + _SLOW)
    shell.adapter(*_GOOD)
    host = _resident(shell)
    _say(shell, "one")
    shell.until(lambda: "heard one" in host.done.out)
    _say(shell, "two")
    shell.until(lambda: "heard two" in host.done.out)
    (shell.site / "go").touch()
    shell.until(lambda: "end two" in _notes(shell))
    done = host.end(signal.SIGTERM)
    assert done.code == 0
    good = [one["reason"] for one in done.records if one["consumer"] == "hearing"]
    assert good == ["heard one", "heard two"]
    assert [number for number in range(len(BROKEN)) if f"broken{number}: " not in done.err] == []
    assert "Traceback" not in done.err


def test_strict_mode_is_for_authors(shell: Shell) -> None:
    """INTERHOST_STRICT=1 opens the fence: the adapter's own traceback ends the host, and not with 2."""
    shell.adapter("broken", ["notify"], BROKEN["raises"])
    _say(shell, "one")
    done = shell.run("interhost", "run", "--once", env={"INTERHOST_STRICT": "1"}, code=1)
    assert "Traceback" in done.err
    assert "ValueError: boom" in done.err


def test_history_is_left_alone_unless_asked_for(shell: Shell) -> None:
    """What a source held before the first look is not told; --backfill tells it."""
    lines = (
        '{"event":"phase_transition","bead":"wid-1","phase":"planned","reason":"","timestamp":"2026-11-20T09:00:00Z"}\n'
        '{"event":"phase_advance","bead":"wid-1","phase":"planned","reason":"","timestamp":"2026-11-20T09:00:00Z"}\n'
    )
    (shell.home / ".clavain").mkdir()
    (shell.home / ".clavain" / "telemetry.jsonl").write_text(lines)
    shell.run("interhost", "run", "--once")
    shell.run("interbus", "replay", code=1)
    fresh = {"INTERBUS_ROOT": str(shell.base / "fresh")}
    shell.run("interhost", "run", "--once", "--backfill", env=fresh)
    stored = shell.run("interbus", "replay", env=fresh).records
    assert [(one["intent"], one["context_id"]) for one in stored] == [("phase_transition@1.0", "wid-1")]
    assert os.listdir(shell.root) != []
