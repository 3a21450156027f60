"""Small files of the module, some of them where every user of the machine may write."""

from __future__ import annotations

import os
from pathlib import Path

_HEAD_BYTES = 64 * 1024


def read_head(path: Path) -> bytes:
    """The first 64 KiB of a file; nothing when it is gone or cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def is_own(path: Path) -> bool:
    """Whether a regular file belongs to the user: what others leave in ``/tmp`` tells us nothing."""
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_uid == os.getuid()
    except OSError:
        return False
