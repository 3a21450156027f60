"""Whether anything is wrong with an adapter, as an empty file: who lists adapters need not open the database for it.

The mark is set before a problem is committed, and removed under the write lock some time after the last is gone: a mark
too many costs a look, a mark too few cannot be.
"""

from __future__ import annotations

import os

from interhost.errors import BusyError

_NAME = "problems"


def is_marked(root: str) -> bool:
    """Whether the database may hold a problem."""
    return os.path.exists(f"{root}/{_NAME}")


def set_mark(root: str) -> None:
    """A problem is about to be stored.

    Raises:
        BusyError: There is no room for it.
    """
    path = f"{root}/{_NAME}"
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise BusyError(f"{path}: {error.strerror}", hint="make room and try again") from error


def remove_mark(root: str) -> None:
    """No problem is left; under the write lock."""
    try:
        os.unlink(f"{root}/{_NAME}")
    except OSError:  # it was not there; else it costs a look
        return
