"""Waiting for the next publish.

Publishers touch one sentinel file after COMMIT; whoever waits watches it and the spool through inotify, elsewhere looks
at the sentinel's time every 20 ms, and comes back after a second anyway (a publisher may be killed between COMMIT and
touch). Nobody watches the write-ahead log: its write event comes before the commit can be seen.
Source: reference/event-log.md sections 3e, 5.1 and 6.6.
"""

from __future__ import annotations

import ctypes
import os
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from interhost.bus.hook_record import FOLDER as HOOK_FOLDER

SENTINEL = "wake"
_IN_ATTRIB = 0x4
_IN_CLOSE_WRITE = 0x8
_IN_MOVED_TO = 0x80
_IN_NONBLOCK = 0x800
_IN_CLOEXEC = 0x80000
_POLL_SECONDS = 0.02


class Waker:
    """Watches the sentinel of one state directory.

    Args:
        root: State directory.
        interrupt: A file descriptor that also ends the wait, such as a signal's wake-up pipe.
    """

    def __init__(self, root: Path, interrupt: int | None = None) -> None:
        """Begin to watch; touches from now on are noticed by the next wait."""
        self._path = root / SENTINEL
        self._path.touch(mode=0o600)
        self._interrupt = [interrupt] if interrupt is not None else []
        folders = [root / "spool" / "new", root / HOOK_FOLDER]
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = _inotify(self._path, folders)
        self._touched = self._path.stat().st_mtime_ns

    def wait(self, seconds: float) -> bool:
        """Sleep until somebody publishes, at most so long; whether somebody did."""
        if self._fd is None:
            return self._poll(seconds)
        ready, _, _ = select.select([self._fd, *self._interrupt], [], [], seconds)
        if self._fd in ready:
            os.read(self._fd, 4096)
        return self._fd in ready

    def close(self) -> None:
        """Stop watching."""
        if self._fd is not None:
            os.close(self._fd)

    def _poll(self, seconds: float) -> bool:
        """Where nothing can be watched: look at the sentinel's time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            touched = self._path.stat().st_mtime_ns
            if touched != self._touched:
                self._touched = touched
                return True
            if select.select(self._interrupt, [], [], _POLL_SECONDS)[0]:
                return False
        return False

    def __enter__(self) -> Waker:
        """Watch within a ``with`` statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self.close()


def _inotify(sentinel: Path, folders: Sequence[Path]) -> int | None:
    """A descriptor that becomes readable when the sentinel is touched or a file in one of the folders is complete.

    ``None`` where the kernel has no inotify.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    fd: int = libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
    if fd < 0:
        return None
    spooled = [(folder, _IN_CLOSE_WRITE | _IN_MOVED_TO) for folder in folders]
    for path, mask in ((sentinel, _IN_ATTRIB), *spooled):
        if libc.inotify_add_watch(fd, os.fsencode(path), mask) < 0:
            os.close(fd)
            return None
    return fd
