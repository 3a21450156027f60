"""Which project a path belongs to, without asking git: a fork costs more than the answer."""

from __future__ import annotations

from pathlib import Path


def git_root(start: Path) -> Path | None:
    """The nearest directory at or above ``start`` that has a ``.git`` (a folder, or a worktree's file)."""
    for directory in (start, *start.parents):
        try:
            if (directory / ".git").exists():
                return directory
        except OSError:
            return None
    return None


def project_root(start: Path) -> Path:
    """The git root of ``start``, or ``start`` itself outside of git."""
    return git_root(start) or start
