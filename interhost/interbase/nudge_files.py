"""The files in which nudges are remembered, shared with other implementations. ``docs/interbase.md`` is their contract.

All changes are made under one lock, which the kernel releases when its holder dies. A file is complete at any moment:
it is replaced by another one. Nothing here is trusted: a pipe, a folder or garbage in place of a file is set aside.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time

from interhost.interbase.nudge_state import State, compose_count, compose_state, parse_count, parse_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

STATE = "nudge-state.json"
LOCK = f"{STATE}.lock"
SESSION, FLAG, TEMPORARY = "nudge-session-", "nudge-flag-", ".nudge-tmp."
KEPT_SECONDS = 7 * 86400
_MAX_BYTES = 1 << 20
_PAUSE_SECONDS = 0.003
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class LockedError(OSError):
    """Somebody else has held the lock all the time."""


class NudgeFiles:
    """The folder of one user.

    Args:
        home: The user's home.
    """

    def __init__(self, home: str) -> None:
        """Touch nothing."""
        self.folder = f"{home}/.config/interverse"

    def lock(self, seconds: float) -> Lock:
        """The lock for changes; the folder is made when it is taken. Use as a context.

        Args:
            seconds: How long to wait.

        Raises:
            LockedError: It is held by somebody else.
            OSError: The folder cannot be written.
        """
        return Lock(self.folder, seconds)

    def state(self) -> State:
        """What is remembered; reading changes nothing.

        Raises:
            OSError: It may not be read.
        """
        return parse_state(self._read(STATE))

    def count(self, session: str) -> int:
        """How many tips a session has had; where its file does not tell, as many as it has flags.

        Raises:
            OSError: It may not be read.
        """
        count = parse_count(self._read(_session_file(session)))
        return len(self.list_flags(session)) if count is None else count

    def has_flag(self, session: str, companion: str) -> bool:
        """Whether a companion was suggested in a session."""
        return os.path.lexists(f"{self.folder}/{FLAG}{session}-{companion}")

    def list_flags(self, session: str = "") -> list[str]:
        """Names of the flags of a session, or of all."""
        prefix = f"{FLAG}{session}-" if session else FLAG
        return [name for name in self._names() if name.startswith(prefix)]

    def save(self, state: State) -> None:
        """Replace the state. Only under the lock.

        Raises:
            OSError: It cannot be written; the old one is still there.
        """
        self._replace({STATE: compose_state(state)})

    def record(self, state: State, session: str, count: int, companion: str) -> None:
        """Record a tip: its flag, the state and the session's count, all or nothing. Only under the lock.

        Raises:
            OSError: It cannot be written; nothing has changed.
        """
        files = {STATE: compose_state(state), _session_file(session): compose_count(count)}
        self._replace(files, flag=f"{self.folder}/{FLAG}{session}-{companion}")

    def prune(self) -> None:
        """Remove what sessions have left behind a week ago."""
        oldest = time.time() - KEPT_SECONDS
        for name in self._names():
            if name.startswith((SESSION, FLAG, TEMPORARY)) and _changed(f"{self.folder}/{name}") < oldest:
                _remove(f"{self.folder}/{name}")

    def forget_sessions(self, companion: str = "") -> int:
        """Remove flags and counts of all sessions, or the flags of one companion; how many. Only under the lock."""
        start, end = (FLAG, f"-{companion}") if companion else ((SESSION, FLAG), "")
        names = [name for name in self._names() if name.startswith(start) and name.endswith(end)]
        for name in names:
            _remove(f"{self.folder}/{name}")
        return len(names)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self.folder)
        except FileNotFoundError:
            return []

    def _read(self, name: str) -> bytes | None:
        """What is in a file; nothing of what is no file, ``None`` where nothing is."""
        path = f"{self.folder}/{name}"
        try:
            # Opening a pipe would wait for its writer.
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            if stat.S_ISREG(os.lstat(path).st_mode):
                raise
            return b""  # a socket, or a link to itself
        try:
            return os.read(fd, _MAX_BYTES) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        finally:
            os.close(fd)

    def _replace(self, files: Mapping[str, bytes], flag: str = "") -> None:
        # Whatever can go wrong does so while the new files are made beside the old ones.
        news: dict[str, str] = {}
        flagged = False
        try:
            for number, (name, data) in enumerate(files.items(), 1):
                news[name] = f"{self.folder}/{TEMPORARY}{os.getpid()}.{number}"
                _write(news[name], data)
            if flag:
                os.mkdir(flag, 0o700)
                flagged = True
            for name, new in news.items():
                self._set_aside(name)
                os.replace(new, f"{self.folder}/{name}")
        except BaseException:
            for path in (*news.values(), *([flag] if flagged else [])):
                _remove(path)
            raise

    def _set_aside(self, name: str) -> None:
        """Keep what is damaged under another name, for whoever wants to know."""
        data = self._read(name)
        if (parse_state(data).damage == "") if name == STATE else (parse_count(data) is not None):
            return
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path, number = f"{self.folder}/{name}.corrupt-{moment}", 1
        while os.path.lexists(path):
            number += 1
            path = f"{self.folder}/{name}.corrupt-{moment}-{number}"
        os.rename(f"{self.folder}/{name}", path)


class Lock:
    """``flock`` on a file that is never removed."""

    def __init__(self, folder: str, seconds: float) -> None:
        """Take nothing yet."""
        self._folder = folder
        self._seconds = seconds

    def __enter__(self) -> None:
        """Take it."""
        os.makedirs(self._folder, 0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK  # not to wait for a pipe's other end
        self._fd = os.open(f"{self._folder}/{LOCK}", flags, 0o600)
        try:
            self._take()
        except BaseException:
            os.close(self._fd)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""
        os.close(self._fd)

    def _take(self) -> None:
        until = time.monotonic() + self._seconds
        while True:
            try:
                return fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise LockedError(f"{self._folder}/{LOCK} is held by another process") from None
            time.sleep(_PAUSE_SECONDS)


def safe_session(*candidates: str | None) -> str:
    """The first id of which something is left when only what fits a file name is kept; else the day."""
    for candidate in candidates:
        if kept := "".join(one for one in candidate or "" if one in _SAFE):
            return kept
    return time.strftime("day-%Y%m%d")


def _session_file(session: str) -> str:
    return f"{SESSION}{session}.json"


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)


def _changed(path: str) -> float:
    """When it was changed last; of what is gone, never mind."""
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return time.time()


def _remove(path: str) -> None:
    """Remove a file, or a folder with the files in it; whatever keeps it from going may keep it.

    A flag is a folder, and of a shell that was killed between its ``mkdir`` and its ``mv`` there are files in it.
    """
    try:
        os.unlink(path)  # of a link, the link
    except OSError:
        try:
            for name in os.listdir(path):
                os.unlink(f"{path}/{name}")
            os.rmdir(path)
        except OSError:
            return
