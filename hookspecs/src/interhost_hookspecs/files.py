"""Files that other programs leave: any of them may be gone, half written, or somebody else's at the next moment."""

from __future__ import annotations

import os
import os.path
from collections.abc import Iterable, Sequence
from pathlib import Path

HEAD = 64 * 1024
"""Bytes within which a file says what it is."""


def read_head(path: Path, size: int = HEAD) -> bytes:
    """The first bytes of a file, all of it with ``size=-1``; nothing when it is gone or cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError):
        return b""


def read_text(path: Path, size: int = HEAD) -> str:
    """The same as text, without byte order mark; what is no UTF-8 is replaced."""
    return read_head(path, size).decode("utf-8-sig", "replace")


def modified(path: Path) -> float | None:
    """When a file was last written, as a POSIX timestamp; ``None`` when it is gone."""
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return None


def list_by_age(paths: Iterable[Path]) -> list[tuple[float, Path]]:
    """Paths with the time they were written, oldest first; one that went away meanwhile is left out."""
    return sorted((time, path) for path in paths if (time := modified(path)) is not None)


def is_own(path: Path) -> bool:
    """Whether a regular file belongs to the user: what others leave in ``/tmp`` tells us nothing."""
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_uid == os.getuid()
    except (OSError, ValueError):
        return False


def find_holder(name: str, projects: Sequence[Path]) -> Path | None:
    """The only one of some projects that has a file of this relative name; several that do are as bad as none."""
    # os.path.isfile answers False where Path.is_file raises (a name that is too long).
    having = [project for project in projects if os.path.isfile(project / name)]
    return having[0] if len(having) == 1 else None


def short_name(path: Path, project: Path | None) -> str:
    """A path as people of the project write it: relative where it lies inside."""
    return str(path.relative_to(project) if project and path.is_relative_to(project) else path)
