"""What stands beside a result: the lock of a run, the agents' files, the report for people.

Source: ``reference/modules/interflux.md`` sections 2.3 (rows F1, F5, F8) and 2.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from interhost_interflux.agents import UUID

REPORTS = ("summary.md", "synthesis.md")

ABANDONED = 3600.0
"""Seconds without a sign of life after which a lock is one that a crashed run left."""

FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
"""Front matter, at the start of a text."""

_UUID_IN_NAME = re.compile(rf"\.({UUID})\.md$")
_UUID_IN_LINE = re.compile(r"<!--\s*run-uuid:\s*([\w.-]{1,64})\s*-->")


@frozen(kw_only=True)
class Run:
    """The run that a result belongs to.

    Attributes:
        locked: A run has this directory: it is at work, or it crashed.
        agents_at: When the newest agent file was written, as a POSIX timestamp; ``None`` without agent files.
        alive_at: The last sign of life of lock or agents, likewise.
        uuid: The run's identifier, when its newest agent file carries one.
        report: The report for people.
        degraded: Whether the report says that it was made without the full tool set; ``None`` without a report.
    """

    locked: bool
    agents_at: float | None
    alive_at: float | None
    uuid: str | None
    report: Path | None
    degraded: bool | None

    def outdates(self, written: float) -> bool:
        """Whether a result of this age was left by an earlier run that used the same directory.

        A new run removes the agents' files of the last one, but not its findings.json.
        """
        return self.locked and self.agents_at is not None and written < self.agents_at

    def is_alive(self, now: float) -> bool:
        """Whether there was a sign of life within the last hour."""
        return self.alive_at is not None and now - self.alive_at < ABANDONED


def look_beside(result: Path) -> Run:
    """Look at the directory of a result."""
    folder = result.parent
    locks = _dated(path for path in folder.glob(".run-*.lock") if path.is_dir())
    agents = _dated(path for path in folder.glob("*.md") if path.is_file() and path.name not in REPORTS)
    at_work = _dated(folder.glob("*.partial"))
    report = next((path for name in REPORTS if (path := folder / name).is_file()), None)
    return Run(
        locked=bool(locks),
        agents_at=agents[-1][0] if agents else None,
        alive_at=max((time for time, _ in (*locks, *agents, *at_work)), default=None),
        uuid=_uuid(agents[-1][1]) if agents else None,
        report=report,
        degraded=None if report is None else is_degraded(report),
    )


def modified(path: Path) -> float | None:
    """When a file was last written, as a POSIX timestamp; ``None`` when it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def is_degraded(report: Path) -> bool:
    """Whether a report opens, behind its front matter, by saying that it was made without the full tool set."""
    text = _head(report)
    found = FRONT_MATTER.match(text)
    return text[found.end() if found else 0 :].lstrip("#>*_ \r\n").lower().startswith("degraded synthesis")


def read_bytes(path: Path) -> bytes:
    """A file's bytes; nothing when it is gone or cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _dated(paths: Iterable[Path]) -> list[tuple[float, Path]]:
    """Paths with their time, oldest first; one that went away meanwhile is left out."""
    return sorted((time, path) for path in paths if (time := modified(path)) is not None)


def _uuid(agent: Path) -> str | None:
    found = _UUID_IN_LINE.match(_head(agent)) or _UUID_IN_NAME.search(agent.name)
    return found and found.group(1)


def _head(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return ""
