"""Files that other programs leave: any of them may be gone, half written, or somebody else's at the next moment."""

from __future__ import annotations

import os
import os.path
import re
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeGuard

HEAD = 64 * 1024
"""Bytes within which a file says what it is."""

DIGESTED = 64 << 20
"""Bytes of the largest file whose content is read only to know it again."""

WHOLE = 16 << 20
"""Bytes of the largest file that is read as a whole."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


def read_head(path: Path, size: int = HEAD) -> bytes:
    """The first bytes of a file; nothing when it is gone or cannot be read.

    Args:
        path: The file.
        size: How many; with -1 all of them, or nothing of a file beyond ``WHOLE``: a part of it would be damaged.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            data = file.read(size if size >= 0 else WHOLE + 1) or b""
            return data if size >= 0 or len(data) <= WHOLE else b""
    except (OSError, ValueError):
        return b""


def read_end(path: Path, size: int = HEAD) -> bytes:
    """The last bytes of a file; nothing when it is gone or cannot be read."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read(size)
    except (OSError, ValueError):
        return b""


def read_text(path: Path, size: int = HEAD) -> str:
    """The same as text, without byte order mark; what is no UTF-8 is replaced."""
    return read_head(path, size).decode("utf-8-sig", "replace")


def digest(path: Path) -> str | None:
    """SHA-256 of a regular file's bytes, in hexadecimal; ``None`` for all else, and for files beyond ``DIGESTED``."""
    import hashlib  # 3 ms, which every hook would pay: the context imports this module

    try:
        with open(path, "rb", opener=_open_at_once) as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode) or info.st_size > DIGESTED:
                return None
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return None


def modified(path: Path) -> float | None:
    """When a file was last written, as a POSIX timestamp; ``None`` when it is gone."""
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return None


def signature(path: str | Path) -> str:
    """What is another text once a file was written or replaced, without reading it; empty when it is gone."""
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{info.st_ino}:{info.st_mtime_ns}:{info.st_size}"


def list_by_age(paths: Iterable[Path]) -> list[tuple[float, Path]]:
    """Paths with the time they were written, oldest first; one that went away meanwhile is left out."""
    return sorted((time, path) for path in paths if (time := modified(path)) is not None)


def is_readable(path: Path) -> bool:
    """Whether a path leads to a file that can be read, and not to a directory, a pipe or nothing."""
    return os.path.isfile(path) and os.access(path, os.R_OK)


def is_own(path: Path) -> bool:
    """Whether a regular file belongs to the user: what others leave in ``/tmp`` tells us nothing."""
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_uid == os.getuid()
    except (OSError, ValueError):
        return False


def is_plain_name(value: object) -> TypeGuard[str]:
    """Whether a value, such as a session id, can be part of a file name as it is: neither a path nor hidden."""
    return isinstance(value, str) and _PLAIN.fullmatch(value) is not None


def replace_text(path: Path, text: str) -> None:
    """Put a private file in place at once: who reads it sees the old or the new one.

    Raises:
        OSError: It cannot be written; the old one is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def find_inside(stated: str, start: Path, roots: Iterable[Path]) -> Path | None:
    """The file that a text of somebody else names, if it lies below one of some directories once links are followed.

    Args:
        stated: A path, relative or not; ``~`` is the user's home.
        start: Where a relative one begins.
        roots: Where it may lie. The root of the disk is none of them: everything lies below it.
    """
    try:
        path = Path(os.path.realpath(start / os.path.expanduser(stated)))
    except ValueError:  # a null byte, half a character
        return None
    places = {os.path.realpath(root) for root in roots} - {os.sep}
    return path if any(path.is_relative_to(place) for place in places) and os.path.isfile(path) else None


def find_project(path: Path, projects: Iterable[Path]) -> Path | None:
    """The innermost of some projects that a path lies in."""
    around = [project for project in projects if path.is_relative_to(project)]
    return max(around, key=lambda project: len(project.parts), default=None)


def find_holder(name: str, projects: Sequence[Path]) -> Path | None:
    """The only one of some projects that has a file of this relative name; several that do are as bad as none."""
    # os.path.isfile answers False where Path.is_file raises (a name that is too long).
    having = [project for project in projects if os.path.isfile(project / name)]
    return having[0] if len(having) == 1 else None


def short_name(path: Path, project: Path | None) -> str:
    """A path as people of the project write it: relative where it lies inside."""
    return str(path.relative_to(project) if project and path.is_relative_to(project) else path)


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe that bears its name must not make us wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)
