"""Watching files for adapters: new lines of one, changed ones of many.

Positions are JSON in the adapter's cursors and are stored with what was made of the lines, so that nothing is read
twice or lost. Source: design section 7 (`ctx.tail`, `ctx.changed`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

_CHUNK = 4 << 20
_HEAD = 256


class FileTail:
    """New complete lines of one append-only file.

    A file is known by its inode, and by a digest of its first bytes because inodes are used again.

    Args:
        path: The file; it need not exist.
        stored: The position stored last time, or ``None`` at the first look.
        backfill: Read an existing file from its start at the first look, instead of from its end.

    Raises:
        OSError: What bears the name is no regular file, or cannot be read.
    """

    def __init__(self, path: Path, stored: str | None, *, backfill: bool) -> None:
        """Read what is new."""
        self._state: dict[str, Any] = json.loads(stored) if stored else {}
        self._lines: list[bytes] = []
        self.wants_more = False
        try:
            with open(path, "rb", opener=_open_regular) as file:
                self._read(file, first=stored is None and not backfill)
        except FileNotFoundError:
            # What appears later is new from its first line.
            self._state = self._state or {"inode": 0, "offset": 0, "head": ""}
        self.lines = tuple(line.decode("utf-8", "replace") for line in self._lines)

    @property
    def position(self) -> str:
        """The position to store."""
        return json.dumps(self._state)

    def give_back(self, count: int) -> None:
        """Leave the last lines for the next look."""
        if count:
            self._state["offset"] -= sum(len(line) + 1 for line in self._lines[-count:])
            self.wants_more = True

    def _read(self, file: IO[bytes], *, first: bool) -> None:
        info = os.fstat(file.fileno())
        if first:
            offset, inside = self._baseline(file, info.st_size)
        elif self._is_same(file, info.st_ino, info.st_size):
            offset, inside = self._take(file, self._state["offset"], inside=self._state.get("inside", False))
        else:
            offset, inside = self._take(file, 0, inside=False)
        size = min(_HEAD, offset)
        file.seek(0)
        head = _digest(file.read(size))
        self._state = {"inode": info.st_ino, "offset": offset, "inside": inside, "size": size, "head": head}

    def _baseline(self, file: IO[bytes], size: int) -> tuple[int, bool]:
        """Where history ends. An unfinished last line is not history: it will be finished after we began to look."""
        start = max(0, size - _CHUNK)
        file.seek(start)
        rest = file.read(_CHUNK)
        return start + rest.rfind(b"\n") + 1, start > 0 and b"\n" not in rest

    def _take(self, file: IO[bytes], offset: int, *, inside: bool) -> tuple[int, bool]:
        """Take the complete lines from an offset on, and say where the next look begins.

        No record is longer than one look: such a line is passed over piece by piece, and ``inside`` says that the
        offset is within one.
        """
        file.seek(offset)
        chunk = file.read(_CHUNK)
        self.wants_more = len(chunk) == _CHUNK
        if end := chunk.rfind(b"\n") + 1:
            self._lines = chunk[: end - 1].split(b"\n")[inside:]
            return offset + end, False
        return (offset + len(chunk), True) if self.wants_more else (offset, inside)

    def _is_same(self, file: IO[bytes], inode: int, size: int) -> bool:
        if self._state.get("inode") != inode or size < self._state["offset"]:
            return False
        return bool(_digest(file.read(self._state["size"])) == self._state["head"])


class ChangedFiles:
    """Files under a root that match a glob and are new or different since the last stored look.

    Args:
        root: Directory to look in.
        pattern: Glob relative to it.
        stored: The state stored last time, or ``None`` at the first look.
        now: Seconds since the epoch.
        settle: Seconds a file must have been left alone.
        backfill: Report existing files at the first look.
    """

    def __init__(
        self, root: Path, pattern: str, stored: str | None, *, now: float, settle: float, backfill: bool
    ) -> None:
        """Look."""
        before: Mapping[str, Any] = json.loads(stored) if stored else {"reported": {}, "young": {}}
        self._signatures = _signatures(root, pattern)
        self._reported: dict[str, str] = {}
        self._young: dict[str, list[Any]] = {}
        self.paths: list[Path] = []
        for name, (signature, modified) in self._signatures.items():
            if before["reported"].get(name) == signature or (stored is None and not backfill):
                self._reported[name] = signature
                continue
            # The clock that dated the file may not be ours; then it counts from when we first saw it like this.
            seen, since = before["young"].get(name, (signature, now))
            since = min(since, now) if seen == signature else now  # the clock may have been set back
            if now - modified >= settle or now - since >= settle:
                self._reported[name] = signature
                self.paths.append(Path(name))
            else:
                self._young[name] = [signature, since]

    @property
    def wants_more(self) -> bool:
        """Whether some files are not ready yet."""
        return bool(self._young)

    @property
    def position(self) -> str:
        """The state to store."""
        return json.dumps({"reported": self._reported, "young": self._young})

    def look_again(self, path: Path, now: float) -> None:
        """Forget that a path was reported."""
        if self._reported.pop(str(path), None) is not None:
            self._young[str(path)] = [self._signatures[str(path)][0], now]


def _signatures(root: Path, pattern: str) -> dict[str, tuple[str, float]]:
    found = {}
    for path in sorted(_matching(root, pattern)):
        try:
            info = os.stat(path)
        except (OSError, ValueError):
            continue
        if not stat.S_ISREG(info.st_mode):
            continue
        found[path] = (f"{info.st_ino}:{info.st_mtime_ns}:{info.st_size}", info.st_mtime)
    return found


def _matching(root: Path, pattern: str) -> Iterable[str]:
    """Paths that match a glob, some of them perhaps not there.

    Every look walks every pattern, and for 2,000 directories Path.glob takes 17 ms where this takes 5.
    """
    parts = pattern.split("/")
    return map(str, root.glob(pattern)) if "**" in parts else _walk(str(root), parts)


def _walk(folder: str, parts: Sequence[str]) -> Iterator[str]:
    part, *rest = parts
    if not any(letter in part for letter in "*?["):
        names: Iterable[str] = (part,)
    else:
        try:
            with os.scandir(folder) as entries:
                found = [entry for entry in entries if fnmatchcase(entry.name, part)]
        except OSError:
            return
        names = [entry.name for entry in found if not rest or _is_folder(entry)]
    for name in names:
        path = f"{folder}/{name}"
        if rest:
            yield from _walk(path, rest)
        else:
            yield path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _open_regular(path: str, flags: int) -> int:
    """Open a file without waiting: a pipe that bears its name would have us wait for a writer, for ever.

    Raises:
        OSError: It is a pipe, a device, a directory or nothing.
    """
    number = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return number


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
