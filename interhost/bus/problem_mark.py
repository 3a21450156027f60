"""Whether anything is wrong with an adapter, as an empty file: whoever lists adapters need not open the database for it.

The mark is set before a problem is committed and removed under the write lock, once none is left: a mark too many costs
a look, a mark too few cannot be.
"""

from __future__ import annotations

import os

_NAME = "problems"


def is_marked(root: str) -> bool:
    """Whether the database may hold a problem."""
    return os.path.exists(f"{root}/{_NAME}")


def set_mark(root: str) -> None:
    """A problem is about to be stored."""
    os.close(os.open(f"{root}/{_NAME}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def remove_mark(root: str) -> None:
    """No problem is left; under the write lock."""
    try:
        os.unlink(f"{root}/{_NAME}")
    except OSError:  # it was not there; else it costs a look
        return
