"""Sidebands under races, kill -9, and disks that are full or cannot be written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.errors import BusyError, StateError
from interhost.interband.loader import OURS
from interhost.interband.paths import sideband_path
from interhost.interband.read import read_sideband
from interhost.interband.write import prune_channel, write_sideband

if TYPE_CHECKING:
    from tests.conftest import Shell
    from tests.proof.conftest import Disk

SECONDS = 10.0
BEAD = {"id": "iv-1", "phase": "planned", "reason": "r", "ts": 1}

HEAD = """
import os, random, signal, sys, time
from pathlib import Path
from interhost.interband.paths import sideband_path
from interhost.interband.read import read_sideband
from interhost.interband.write import write_sideband
root, end = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2])
path, count = sideband_path(root, "a", "b", "c"), 0
"""
PYTHON_WRITER = """
while time.monotonic() < end:
    size = random.choice((1, 100, 5000, 200_000))
    write_sideband(root, "a", "b", "c", {"n": size, "text": "x" * size}, kind="t")
    count += 1
print(count)
"""
PYTHON_READER = """
while time.monotonic() < end:
    found = read_sideband(path)
    payload = found.envelope.payload
    assert len(payload["text"]) == payload["n"], "torn"
    assert found.is_fresh(5)
    count += 1
print(count)
"""
BASH_WRITER = """
while [[ $EPOCHREALTIME < $end ]]; do
    size=$((RANDOM % 3000)) text=''
    printf -v text '%*s' "$size" ''
    interband_write "$path" a b '' "{\\"n\\":$size,\\"text\\":\\"${text// /y}\\"}"
    count=$((count + 1))
done
"""
BASH_READER = """
while [[ $EPOCHREALTIME < $end ]]; do
    [[ $(interband_read_payload "$path") =~ ^\\{\\"n\\":([0-9]+),\\"text\\":\\"([xy]*)\\"\\}$ ]]
    [[ ${BASH_REMATCH[1]} == "${#BASH_REMATCH[2]}" ]]
    count=$((count + 1))
done
"""


def python(root: Path, script: str, seconds: float = SECONDS) -> subprocess.Popen[str]:
    environ = {**os.environ, "INTERBAND_PRUNE_INTERVAL_SECS": "0"}
    argv = [sys.executable, "-c", HEAD + script, str(root), str(seconds)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


def bash(root: Path, script: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "INTERBAND_ROOT": str(root), "INTERBAND_PYTHON": sys.executable}
    head = f"set -euo pipefail; source {OURS}; count=0; path=$(interband_path a b c); "
    head += f"end=$((${{EPOCHREALTIME%.*}} + {SECONDS:.0f})); "
    argv = ["bash", "-c", f"{head}{script} echo $count"]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


def temporaries(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".interband-tmp.")]


def test_readers_race_writers_and_never_see_an_error(tmp_path: Path) -> None:
    """Four writers and four readers, in Python and in bash, on one file for ten seconds: old or new, never between."""
    write_sideband(tmp_path, "a", "b", "c", {"n": 1, "text": "x"}, kind="t")
    running = [
        *(python(tmp_path, PYTHON_WRITER) for _ in range(2)),
        *(bash(tmp_path, BASH_WRITER) for _ in range(2)),
        *(python(tmp_path, PYTHON_READER) for _ in range(2)),
        *(bash(tmp_path, BASH_READER) for _ in range(2)),
    ]
    ended = [process.communicate(timeout=60) for process in running]
    assert [(process.returncode, err) for process, (_, err) in zip(running, ended, strict=True)] == [(0, "")] * 8
    assert all(int(out) > 20 for out, _ in ended)
    assert temporaries(tmp_path / "a/b") == []


def test_a_killed_writer_leaves_at_most_an_orphan(tmp_path: Path) -> None:
    """Killed at any moment: the file is whole, and what is left beside it goes with a prune after an hour."""
    write_sideband(tmp_path, "a", "b", "c", {"n": 1, "text": "x"}, kind="t")
    path = sideband_path(tmp_path, "a", "b", "c")
    for _ in range(6):
        writers = [python(tmp_path, PYTHON_WRITER, 30) for _ in range(2)]
        time.sleep(0.2 + random.random() / 5)
        for process in writers:
            process.kill()
            process.communicate()
        found = read_sideband(path)
        assert found
        assert len(found.envelope.payload["text"]) == found.envelope.payload["n"]
    process = python(tmp_path, "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)" + PYTHON_WRITER)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    orphans = temporaries(path.parent)
    assert orphans
    prune_channel(tmp_path, "a", "b", force=True)
    assert temporaries(path.parent) == orphans
    for orphan in orphans:
        os.utime(orphan, (time.time() - 3700, time.time() - 3700))
    prune_channel(tmp_path, "a", "b", force=True)
    assert temporaries(path.parent) == []
    assert read_sideband(path)


def test_a_full_disk_is_said_and_changes_nothing(disk: Disk, shell: Shell) -> None:
    """In Python, on the command line (75) and in bash; the old file stays, and nothing is left beside it."""
    root = disk.path / "interband"
    path = write_sideband(root, "interphase", "bead", "s1", BEAD).path
    before = path.read_bytes()
    disk.fill()
    big = {**BEAD, "reason": "x" * 10_000}
    with pytest.raises(BusyError, match="No space left on device"):
        write_sideband(root, "interphase", "bead", "s1", big)
    environ = {"INTERBAND_ROOT": str(root), "INTERBAND_PYTHON": sys.executable}
    arguments = ["interphase", "bead", "s1", "--payload", str(big).replace("'", '"')]
    assert "No space left" in shell.run("interhost", "interband", "write", *arguments, env=environ, code=75).err
    for text in ("x" * 10_000, "\u00e4" * 10_000):  # by bash itself, and by Python
        script = f'source {OURS}; interband_write "$1" interphase bead_phase s1 "$2"'
        payload = str({**BEAD, "reason": text}).replace("'", '"')
        argv = ["bash", "-c", script, "bash", str(path), payload]
        done = subprocess.run(argv, capture_output=True, text=True, env={**shell.environ, **environ}, check=False)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
    assert path.read_bytes() == before
    assert temporaries(path.parent) == []
    disk.free()
    assert write_sideband(root, "interphase", "bead", "s1", big).path.read_bytes() != before


def test_a_disk_that_cannot_be_written_is_said(disk: Disk, shell: Shell) -> None:
    """Reading goes on; writing and pruning end with 69 and name the file."""
    root = disk.path / "interband"
    path = write_sideband(root, "interphase", "bead", "s1", BEAD).path
    disk.make_read_only()
    with pytest.raises(StateError, match="Read-only file system"):
        write_sideband(root, "interphase", "bead", "s1", BEAD)
    with pytest.raises(StateError, match="Read-only file system"):
        prune_channel(root, "interphase", "bead", force=True)
    assert read_sideband(path)
    environ = {"INTERBAND_ROOT": str(root)}
    shell.run("interhost", "interband", "prune", "--force", env=environ, code=69)
    assert shell.run("interhost", "interband", "read", "interphase", "bead", "s1", env=environ).records == [BEAD]


def test_a_file_that_may_not_be_written_is_replaced(tmp_path: Path) -> None:
    """Who may write is up to the folder."""
    path = write_sideband(tmp_path, "interphase", "bead", "s1", BEAD).path
    path.chmod(0o400)
    write_sideband(tmp_path, "interphase", "bead", "s1", {**BEAD, "ts": 2})
    found = read_sideband(path)
    assert found
    assert found.envelope.payload["ts"] == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_what_is_not_permitted_is_named(tmp_path: Path) -> None:
    """A folder that may not be written, and a file that may not be read."""
    path = write_sideband(tmp_path, "interphase", "bead", "s1", BEAD).path
    path.parent.chmod(0o500)
    with pytest.raises(StateError, match="Permission denied"):
        write_sideband(tmp_path, "interphase", "bead", "s1", BEAD)
    path.chmod(0)
    with pytest.raises(StateError, match="Permission denied"):
        read_sideband(path)
    path.parent.chmod(0o700)
