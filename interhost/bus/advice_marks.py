"""Who has advice waiting, as empty files in ``advice/``: a hook without any need not open the database.

A mark is set before its advice is committed and removed under the write lock, once nothing waits for it: a mark too
many costs a look, a mark too few cannot be.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = "advice"
_LENGTH = 200
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def mark_of(session_id: str | None, context_id: str | None) -> str:
    """The mark of advice for a session, else for a context."""
    kind, ears = ("s", session_id) if session_id else ("c", context_id or "")
    # Long or odd names may share a mark: it says where to look, not what is there.
    return f"{kind}-{''.join(char if char in _PLAIN else '_' for char in ears)}"[:_LENGTH]


def set_mark(root: str, mark: str) -> None:
    """Somebody has advice waiting."""
    os.makedirs(f"{root}/{FOLDER}", 0o700, exist_ok=True)
    os.close(os.open(f"{root}/{FOLDER}/{mark}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def list_marks(root: str) -> set[str]:
    """Every mark."""
    try:
        return set(os.listdir(f"{root}/{FOLDER}"))
    except OSError:
        return set()


def keep_marks(root: str, wanted: Iterable[str]) -> None:
    """Remove every other mark; under the write lock."""
    for mark in list_marks(root).difference(wanted):
        try:
            os.unlink(f"{root}/{FOLDER}/{mark}")
        except OSError:  # contextlib costs a hook 3 ms
            continue
