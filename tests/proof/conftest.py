"""What the proofs share: other processes that work on the same state directory, and small disks of their own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from interhost.bus.compose import compose

_HEAD = """
import os, random, sys, time
from functools import partial
from pathlib import Path
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.log import Query, Subscription
ROOT = Path(sys.argv[1])
fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")

def say(text):
    os.write(1, f"{text}\\n".encode())
"""

fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")


class Child:
    """Another process; what it says goes into a file, so that it never waits for a reader."""

    def __init__(self, script: str, folder: Path, arguments: tuple[object, ...]) -> None:
        folder.mkdir()
        self._said = folder / "said"
        with self._said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _HEAD + script, *map(str, arguments)], stdin=subprocess.PIPE, stdout=out
            )

    def said(self) -> list[str]:
        """Every whole line so far."""
        return self._said.read_text().split("\n")[:-1]

    def until_said(self, text: str = "", seconds: float = 30.0) -> None:
        """Wait for a line, or for any line at all."""
        until(lambda: text in self.said() if text else self.said(), seconds)

    def go_on(self) -> None:
        """Send it one line."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, number: int | None = None) -> int:
        """Send it a signal, if one is given, and wait; its exit status."""
        if number is not None:
            self.process.send_signal(number)
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        return self.process.wait(60)


class Children:
    """Starts other processes, and ends what is left of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[Child] = []

    def start(self, script: str, *arguments: object) -> Child:
        """Run a script; its first argument is the state directory."""
        child = Child(script, self._folder / f"child-{len(self._children)}", arguments)
        self._children.append(child)
        return child

    def close(self) -> None:
        """End every process that still runs."""
        for child in self._children:
            child.end(signal.SIGKILL if child.process.poll() is None else None)


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    """Other processes, ended with the test."""
    folder = tmp_path / "children"
    folder.mkdir()
    children = Children(folder)
    yield children
    children.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A state directory that does not exist yet."""
    return tmp_path / "state"


class Disk:
    """A file system of its own, in memory, of two megabytes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        """Write until nothing fits any more."""
        with (self.path / "filler").open("wb", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def free(self) -> None:
        """Remove what :meth:`fill` wrote."""
        (self.path / "filler").unlink()

    def make_read_only(self) -> None:
        """Mount it again without the right to write."""
        subprocess.run(["mount", "-o", "remount,ro", self.path], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk; skipped where none may be mounted."""
    path = tmp_path / "disk"
    path.mkdir(mode=0o700)
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("mounting a small file system needs root on Linux")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "none", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield Disk(path)
    subprocess.run(["umount", "-l", path], check=True, capture_output=True)


def until(check: Callable[[], object], seconds: float = 30.0) -> None:
    """Look again and again until something holds."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"did not happen within {seconds} s"
        time.sleep(0.002)


def is_intact(root: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file."""
    with closing(sqlite3.connect(root / "bus.db")) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
