"""Thousands of hooks at once, disks that are full or read-only: nothing is lost, and every hook ends well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.claude_kit import LOOKS, Claude

if TYPE_CHECKING:
    from tests.proof.conftest import Disk

LOOPS = 8
HOOKS = 250

# One loop, as lean as can be: what is measured is the hook. Prints exit status and seconds of each.
_LOOP = """
import json, os, sys, time
loop, count, event, argv = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4:]
null = os.open(os.devnull, os.O_WRONLY)
for n in range(count):
    event["tool_use_id"], event["n"] = f"toolu_{loop}_{n}", f"{loop}.{n}"
    reader, writer = os.pipe()
    begin = time.monotonic()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, reader, 0)])
    os.write(writer, json.dumps(event).encode() + b"\\n")
    os.close(reader)
    os.close(writer)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), time.monotonic() - begin)
"""


@pytest.fixture
def claude(tmp_path: Path) -> Iterator[Claude]:
    """A fresh Claude Code; afterwards none of its processes is left."""
    claude = Claude(tmp_path)
    yield claude
    claude.close()


def test_two_thousand_hooks_from_eight_loops(
    claude: Claude, record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Every exit status is 0, every event leads to its fact exactly once; the 99th percentile is reported."""
    claude.adapter("board", LOOKS.replace("note(ctx.adapter, event, ctx)", "pass"))
    claude.write_index()
    event = json.dumps(claude.event("PostToolUse", tool_name="Edit", tool_input={"file_path": "/w/a.py"}))
    files = [(claude.base / f"loop-{loop}").open("w+b") for loop in range(LOOPS)]
    begin = time.monotonic()
    loops = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LOOP, str(loop), str(HOOKS), event, *claude.argv()],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=claude.environ,
            cwd=claude.project,
        )
        for loop, file in enumerate(files)
    ]
    assert [loop.wait(120) for loop in loops] == [0] * LOOPS
    took = time.monotonic() - begin
    lines = []
    for file in files:
        file.seek(0)
        lines += file.read().decode().splitlines()
        file.close()
    assert len(lines) == LOOPS * HOOKS  # and so none has said anything
    ended = [line.split() for line in lines]
    assert Counter(code for code, _ in ended) == {"0": LOOPS * HOOKS}
    claude.settle(60)
    texts = Counter(json.loads(one.payload)["text"] for one in claude.facts())
    assert texts == {f"PostToolUse {loop}.{n}": 1 for loop in range(LOOPS) for n in range(HOOKS)}
    assert claude.rejected() == {}
    seconds = sorted(float(each) for _, each in ended)
    median, p99, most = (seconds[int(len(seconds) * part)] for part in (0.5, 0.99, 0.9999))
    for name, value in (("median", median), ("p99", p99), ("max", most)):
        record_property(f"hook_{name}_ms", round(value * 1000, 1))
    with capsys.disabled():
        print(
            f"\n2,000 hooks from 8 loops: median {median * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, "
            f"max {most * 1000:.0f} ms, in {took:.0f} s"
        )
    assert p99 < 1.0


def _hidden(root: Path) -> list[str]:
    folder = root / "spool" / "hooks"
    return [name for name in os.listdir(folder) if name.startswith(".")] if folder.exists() else []


def test_a_full_disk_stops_no_hook(claude: Claude, disk: Disk) -> None:
    """Exit 0 and one line; no half a record is left; with room again, everything recorded is shown, advice is said."""
    claude.root = disk.path / "state"
    claude.environ["INTERBUS_ROOT"] = str(claude.root)
    (disk.path / "home").mkdir()
    claude.adapter("board")
    claude.write_index()
    claude.advise("kept for later")
    with claude.no_worker():
        for number in range(3):
            claude.hook(claude.event("SessionEnd", n=number)).quietly()
    disk.fill()
    event = claude.event("PostToolUse", n=3, tool_use_id="toolu_3", tool_input={"content": "x" * 20_000})
    called = claude.hook(event)
    assert called.code == 0
    assert "No space left on device" in called.err
    assert called.seconds < 10
    heard = called.heard
    assert _hidden(claude.root) == []
    assert [document["n"] for _, document in claude.records()] == [0, 1, 2]
    disk.free()
    heard += claude.hook(claude.event("Stop", n=4)).heard
    assert heard.count("kept for later") == 1
    claude.settle()
    assert [one["raw"]["n"] for one in _seen(claude)] == [0, 1, 2, 4]


def _seen(claude: Claude) -> list[dict[str, dict[str, int]]]:
    """The kit's adapters write into ``home``, beside the state directory."""
    path = claude.root.parent / "home" / "board.seen"
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("named", [True, False], ids=["state directory", "home"])
def test_a_read_only_disk_stops_no_hook(claude: Claude, disk: Disk, named: bool) -> None:
    """Exit 0 and one line that says what to do; what waits for Claude is not said: it could not be once."""
    (disk.path / "home").mkdir()
    claude.root = disk.path / "state" if named else disk.path / "home" / ".interbus"
    claude.adapter("board")
    claude.write_index()
    if named:
        claude.environ["INTERBUS_ROOT"] = str(claude.root)
    else:
        del claude.environ["INTERBUS_ROOT"]
        claude.environ["HOME"] = str(disk.path / "home")
    claude.advise("kept for later")
    disk.make_read_only()
    for name in ("Stop", "SessionEnd"):
        called = claude.hook(claude.event(name))
        assert (called.code, called.out, called.err.count("\n")) == (0, "", 1)
        assert f"state directory {claude.root} cannot be written" in called.err
        assert called.seconds < 10


def test_a_home_that_cannot_be_written_stops_no_hook(claude: Claude, disk: Disk) -> None:
    """There is no state directory yet, and none can be made."""
    disk.make_read_only()
    del claude.environ["INTERBUS_ROOT"]
    called = claude.hook(claude.event(), env={"HOME": str(disk.path)})
    assert (called.code, called.out, called.err.count("\n")) == (0, "", 1)
    assert f"state directory {disk.path}/.interbus" in called.err
