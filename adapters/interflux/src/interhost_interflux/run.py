"""What stands beside a findings.json: the lock of a run, the agents' files, the report for people.

Source: the output contract of interflux; agent files are named ``{agent}.{UUID}.md`` and, in runs older than that
rule, ``{agent}.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

REPORTS = ("summary.md", "synthesis.md")

UUID_IN_NAME = re.compile(r"\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.md$", re.IGNORECASE)
UUID_IN_LINE = re.compile(r"<!--\s*run-uuid:\s*([\w.-]{1,64})\s*-->")


@frozen(kw_only=True)
class Run:
    """The run that a findings.json belongs to.

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
        """Whether a findings.json of this age was left by an earlier run that used the same directory.

        A new run removes the agents' files of the last one, but not its findings.json.
        """
        return self.locked and self.agents_at is not None and written < self.agents_at


def look_beside(findings: Path) -> Run:
    """Look at the directory of a findings.json."""
    folder = findings.parent
    locks = _dated(path for path in folder.glob(".run-*.lock") if path.is_dir())
    agents = _dated(path for path in folder.glob("*.md") if path.is_file() and path.name not in REPORTS)
    report = next((path for name in REPORTS if (path := folder / name).is_file()), None)
    return Run(
        locked=bool(locks),
        agents_at=agents[-1][0] if agents else None,
        alive_at=max(time for time, _ in (*locks, *agents)) if locks or agents else None,
        uuid=_uuid(agents[-1][1]) if agents else None,
        report=report,
        degraded=None if report is None else _is_degraded(report),
    )


def modified(path: Path) -> float | None:
    """When a file was last written, as a POSIX timestamp; ``None`` when it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _dated(paths: Iterable[Path]) -> list[tuple[float, Path]]:
    """Paths with their time, oldest first; one that went away meanwhile is left out."""
    return sorted((time, path) for path in paths if (time := modified(path)) is not None)


def _is_degraded(report: Path) -> bool:
    return _first_line(report).lstrip("#>*_ ").lower().startswith("degraded synthesis")


def _uuid(agent: Path) -> str | None:
    found = UUID_IN_LINE.match(_first_line(agent)) or UUID_IN_NAME.search(agent.name)
    return found and found.group(1)


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.readline(400)
    except OSError:
        return ""
