"""The worker that a hook leaves behind: detached, one at a time, and in the end done with everything."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.bus.hook_index import read_index
from tests.claude_kit import LOOKS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.claude_kit import Claude

# An adapter that waits where a test wants it to, and tells about itself.
SLOW = """
@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx, fds=FDS, session_of=os.getsid(0), cwd_of=os.getcwd())
    while (HOME / "wait").exists():
        time.sleep(0.01)
    return Observation(drafts=[Draft(payload={"text": str(event.raw["n"])}, intent="notify@1.0", context_id="wid-1")])


def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []:
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
    return found


FDS = descriptors()
"""


@pytest.fixture
def waiting(claude: Claude) -> Iterator[Claude]:
    """An adapter that does not come back until the file ``wait`` is removed."""
    claude.adapter("board", SLOW)
    claude.write_index()
    (claude.home / "wait").touch()
    yield claude
    (claude.home / "wait").unlink(missing_ok=True)


def _texts(claude: Claude) -> list[str]:
    return [json.loads(one.payload)["text"] for one in claude.facts()]


def test_the_worker_is_detached(waiting: Claude, tmp_path: Path) -> None:
    """The hook's pipes are at their end while the worker still works, in a session of its own, with nothing of ours.

    Its three descriptors are the null device, and of those the hook was started with, also one that somebody let slip,
    none is open in it. It stands in no directory of the user's.
    """
    leaked = os.open(tmp_path / "leaked", os.O_RDWR | os.O_CREAT)
    reader, writer = os.pipe()
    for fd in (leaked, writer):
        os.set_inheritable(fd, True)
    hook = waiting.start(pass_fds=(leaked, writer))
    os.close(writer)
    out, err = hook.communicate(json.dumps(waiting.event(n=1)).encode(), timeout=8)
    assert (hook.returncode, out, err) == (0, b"", b"")
    assert os.read(reader, 1) == b""  # which would wait for as long as anybody had it open
    until(lambda: waiting.seen("board"))
    (one,) = waiting.seen("board")
    (worker,) = waiting.workers()
    assert one["pid"] == worker
    assert one["session_of"] == worker
    assert one["cwd_of"] == "/"
    if sys.platform.startswith("linux"):
        fds = one["fds"]
        assert {fds[number] for number in "012"} == {"/dev/null"}
        others = [path for number, path in fds.items() if number not in "012"]
        assert not [path for path in others if "leaked" in path or str(os.fstat(reader).st_ino) in path]
        assert str(waiting.root / "drain.lock") in others
    os.close(leaked)
    os.close(reader)


def test_one_worker_at_a_time(waiting: Claude) -> None:
    """However many hooks come at once, a single worker runs; what comes while it works is done by it or the next."""
    events = [waiting.event("PostToolUse", n=number, tool_use_id=f"toolu_{number}") for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        calls = list(pool.map(waiting.hook, events))
        most = len(waiting.workers())
    for called in calls:
        called.quietly()
    assert most == 1
    until(lambda: waiting.seen("board"))
    assert len(waiting.workers()) == 1
    waiting.hook(waiting.event("Stop", n=24)).quietly()
    assert len(waiting.workers()) == 1
    (waiting.home / "wait").unlink()
    until(waiting.idle)
    waiting.hook(waiting.event("Stop", n=25)).quietly()
    waiting.settle()
    assert sorted(map(int, _texts(waiting))) == list(range(26))


def test_what_comes_while_a_worker_ends_is_not_left_lying(claude: Claude) -> None:
    """Hooks that arrive one after the other, whatever the worker is just doing: all is done without a further hook."""
    claude.adapter("board")
    claude.write_index()
    for number in range(16):
        claude.hook(claude.event("Stop", n=number)).quietly()
        time.sleep(0.03 * (number % 7))
    claude.settle()
    assert [one["raw"]["n"] for one in claude.seen("board")] == list(range(16))


def test_a_killed_worker_loses_and_doubles_nothing(claude: Claude) -> None:
    """SIGKILL again and again in the middle of its work: in the end each event has led to its fact, exactly once."""
    claude.adapter("board")
    claude.adapter("chronicle", LOOKS.replace("event.name", "'chronicle'"))
    claude.write_index()
    killed = 0
    for number in range(24):
        claude.hook(claude.event("PostToolUse", n=number, tool_use_id=f"toolu_{number}")).quietly()
        if number % 4 == 3:
            time.sleep(0.12 + 0.02 * (number // 4))
            for pid in claude.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
    assert killed > 2
    claude.hook(claude.event("Stop", n=24)).quietly()
    claude.settle()
    facts = sorted((one.producer, json.loads(one.payload)["text"].rpartition(" ")[2]) for one in claude.facts())
    assert facts == sorted((name, str(number)) for name in ("board", "chronicle") for number in range(25))


def test_a_worker_that_is_killed_while_an_adapter_looks(waiting: Claude) -> None:
    """The event is shown again by the next hook's worker, and leads to one fact."""
    waiting.hook(waiting.event("Stop", n=1)).quietly()
    until(lambda: waiting.seen("board"))
    (worker,) = waiting.workers()
    os.kill(worker, signal.SIGKILL)
    until(waiting.idle)
    assert waiting.facts() == []
    (waiting.home / "wait").unlink()
    waiting.hook(waiting.event("Stop", n=2)).quietly()
    waiting.settle()
    assert [one["raw"]["n"] for one in waiting.seen("board")] == [1, 1, 2]
    assert _texts(waiting) == ["1", "2"]


@pytest.mark.parametrize("stopped", ["worker", "resident"])
def test_who_is_stopped_while_it_should_work_stops_no_hook(claude: Claude, stopped: str) -> None:
    """SIGSTOP for the holder of ``drain.lock``, or for a resident host: hooks record and exit in time."""
    claude.adapter("board", hooks=["Stop"])
    claude.write_index()
    if stopped == "resident":
        host = claude.start(argv=claude.command("run"))
        until(lambda: (claude.root / "resident.lock").exists())
        time.sleep(0.3)
    else:
        program = (
            "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX);"
            "print('held', flush=True); time.sleep(60)"
        )
        host = claude.start(argv=[sys.executable, "-c", program, str(claude.root / "drain.lock")])
        assert host.stdout
        assert host.stdout.readline() == b"held\n"
    host.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    for number in range(3):
        claude.hook(claude.event("Stop", n=number)).quietly()
    assert time.monotonic() - begin < 10
    assert [document["n"] for _, document in claude.records()] == [0, 1, 2]
    assert claude.workers() == []
    host.send_signal(signal.SIGCONT)
    if stopped == "worker":
        host.kill()
        host.wait()
        claude.hook(claude.event("Stop", n=3)).quietly()
    until(lambda: len(claude.seen("board")) == (4 if stopped == "worker" else 3))


def test_a_stopped_writer_stops_no_hook(claude: Claude) -> None:
    """SIGSTOP for the holder of ``write.lock`` in mid-transaction: events are recorded, advice waits, exit 0."""
    claude.adapter("board", hooks=["Stop"])
    claude.adapter("prompt", hooks=["PreToolUse"], answers=True)
    claude.write_index()
    claude.advise("said later")
    program = (
        "import sys; from pathlib import Path; from interhost.bus.database import Database\n"
        "with Database(Path(sys.argv[1])).transaction():\n    print('held', flush=True); sys.stdin.read()"
    )
    holder = claude.start(argv=[sys.executable, "-c", program, str(claude.root)])
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    holder.send_signal(signal.SIGSTOP)
    called = [claude.hook(claude.event("Stop", n=1)), claude.hook(claude.event("PreToolUse", n=2, tool_name="Edit"))]
    for one in called:
        assert (one.code, one.out) == (0, "")
        assert one.seconds < 10
    assert [document["n"] for _, document in claude.records()] == [1, 2]
    holder.send_signal(signal.SIGCONT)
    holder.kill()
    holder.wait()
    assert "said later" in claude.hook(claude.event("Stop", n=3)).heard
    claude.settle()
    assert [one["raw"]["n"] for one in claude.seen("board")] == [1, 3]
    assert [one["raw"]["n"] for one in claude.seen("prompt")] == [2]


def test_a_resident_host_is_used(claude: Claude) -> None:
    """Where ``interhost run`` stays, no worker is started, and the event is looked at within moments."""
    claude.adapter("board")
    claude.write_index()
    host = claude.start(argv=claude.command("run"), stdout=subprocess.DEVNULL)
    until(lambda: (claude.root / "resident.lock").exists())
    time.sleep(0.3)
    for number in range(5):
        claude.hook(claude.event("Stop", n=number)).quietly()
    assert claude.workers() == []
    until(lambda: len(claude.facts()) == 5, 3.0)
    assert {one["pid"] for one in claude.seen("board")} == {host.pid}
    host.send_signal(signal.SIGTERM)
    assert host.wait(10) == 0
    claude.hook(claude.event("Stop", n=5)).quietly()
    claude.settle()
    assert len(claude.facts()) == 6


HEARS = """
@hookimpl
def on_notify(intent, ctx):
    with open(HOME / "heard", "a") as file:
        file.write(intent.payload.text + "\\n")
    return Outcome.done("heard")
"""


def _heard(claude: Claude) -> list[str]:
    path = claude.home / "heard"
    return path.read_text().splitlines() if path.exists() else []


def test_what_was_published_meanwhile_is_delivered_by_the_next_hook(claude: Claude) -> None:
    """An ``interbus publish`` and a file in the spool wait for nobody but the next hook, observed or not."""
    claude.adapter("listener", HEARS, hooks=(), consumes=["notify"])
    claude.drain()
    claude.hook(claude.event("Stop")).quietly()
    claude.settle()
    bus = "import sys; from interhost.cli.main import interbus; sys.exit(interbus(sys.argv[1:]))"
    publish = [str(claude.python), "-I", "-c", bus, "publish", "notify", "--payload", '{"text": "published"}']
    assert claude.hook(b"", argv=publish).code == 0
    claude.hook(claude.event("Notification")).quietly()
    until(lambda: _heard(claude) == ["published"])
    claude.settle()
    spool = claude.root / "spool" / "new"
    spool.mkdir(parents=True, exist_ok=True)
    head = {
        "event_id": "01K9ZQ3V9T6J1W0E4T5N8R2X7C",
        "intent": "notify@1.0",
        "context_id": "wid-1",
        "producer": "shell",
    }
    (spool / head["event_id"]).write_text(f'{json.dumps(head)}\n{{"text": "spooled"}}\n')
    claude.hook(claude.event("Notification")).quietly()
    until(lambda: _heard(claude) == ["published", "spooled"])
    claude.settle()
    claude.hook(claude.event("Notification")).quietly()
    assert claude.idle()  # nothing is left to do, and nobody is started for it


def test_files_are_looked_at_now_and_then(claude: Claude) -> None:
    """Hooks that nobody observes bring a worker every half a minute, so that modules' own files are seen, too."""
    claude.adapter("listener", HEARS, hooks=(), consumes=["notify"])
    claude.drain()
    (claude.root / "drained").touch()
    claude.hook(claude.event("Stop")).quietly()
    assert claude.idle()
    for age in (31, -3600):  # and a clock that was wrong keeps nobody waiting
        when = time.time() - age
        os.utime(claude.root / "drained", (when, when))
        claude.hook(claude.event("Stop")).quietly()
        assert abs(os.stat(claude.root / "drained").st_mtime - time.time()) < 10
        claude.settle()


def test_the_session_s_project_becomes_known(claude: Claude) -> None:
    """An adapter that looks at files of known projects finds the one a session works in, although nobody published."""
    watching = """
@hookimpl
def observe(ctx):
    (HOME / "projects").write_text("\\n".join(map(str, ctx.projects)))
    return None
"""
    claude.adapter("watcher", watching, hooks=())
    claude.write_index()
    (claude.project / "deep").mkdir()
    claude.hook(claude.event("Stop", cwd=str(claude.project / "deep"))).quietly()
    claude.settle()
    assert (claude.home / "projects").read_text() == str(claude.project)


def test_a_session_s_other_project_becomes_known(claude: Claude) -> None:
    """A session that has moved on is seen where it is now."""
    claude.adapter("board")
    claude.write_index()
    other = claude.home / "gadgets"
    (other / ".git").mkdir(parents=True)
    claude.hook(claude.event("CwdChanged", cwd=str(other), n=1)).quietly()
    claude.settle()
    with claude.bus() as bus:
        assert set(bus.store.projects()) == {claude.project, other}


@pytest.mark.parametrize("damage", ["", "{", '{"made_from": {}, "adapters": []}'])
def test_a_damaged_index_loses_no_event(claude: Claude, damage: str) -> None:
    """Nobody can tell from it who observes what: recorded, shown, and the index is whole again."""
    claude.adapter("board", hooks=["Stop"])
    claude.root.mkdir(mode=0o700)
    (claude.root / "hook-index.json").write_text(damage)
    for name in ("Notification", "Stop"):
        claude.hook(claude.event(name)).quietly()
    claude.settle()
    assert [one["event"] for one in claude.seen("board")] == ["Stop"]
    assert read_index(str(claude.root))


def test_a_new_adapter_misses_nothing(claude: Claude) -> None:
    """Installed while sessions run: the index is stale by then, and the very next event is shown to it.

    So is one of an event that it asks for only since its manifest, or the user's configuration, was changed.
    """
    claude.adapter("board", hooks=["Stop"])
    claude.hook(claude.event("Stop", n=1)).quietly()
    claude.settle()
    claude.adapter("fresh", hooks=["Notification"])
    claude.hook(claude.event("Notification", n=2)).quietly()
    claude.settle()
    assert [one["raw"]["n"] for one in claude.seen("fresh")] == [2]
    manifest = claude.site / "demo_board" / "integration.json"
    manifest.write_text(manifest.read_text().replace("Stop", "PreCompact"))
    (claude.root / "config.toml").write_text("[adapters.fresh]\nenabled = false\n")
    for name in ("PreCompact", "Notification"):
        claude.hook(claude.event(name, n=3)).quietly()
    claude.settle()
    assert [one["raw"]["n"] for one in claude.seen("board")] == [1, 3]
    assert [one["raw"]["n"] for one in claude.seen("fresh")] == [2]


def test_a_broken_configuration_loses_no_event(claude: Claude) -> None:
    """The worker cannot even begin: hooks go on recording; once the file is corrected, everything is shown."""
    claude.adapter("board")
    claude.write_index()
    (claude.root / "config.toml").write_text("adapters = [")
    for number in range(3):
        claude.hook(claude.event("Stop", n=number)).quietly()
    until(claude.idle)
    assert len(claude.records()) == 3
    (claude.root / "config.toml").unlink()
    claude.hook(claude.event("Stop", n=3)).quietly()
    claude.settle()
    assert [one["raw"]["n"] for one in claude.seen("board")] == [0, 1, 2, 3]
