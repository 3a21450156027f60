"""What stands beside a result: the lock of a run, the agents' files, the report for people.

An agent writes ``{agent}.{UUID}.md.partial`` and is renamed to ``{agent}.{UUID}.md``; runs older than that rule wrote
``{agent}.md``. Its last line is a sentinel, so its verdict block is found by its heading and not by counting lines.

Source: ``reference/modules/interflux.md`` sections 2.3 (rows F1, F5, F8), 2.5 and 2.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext
from interhost_hookspecs.files import list_by_age, modified, read_text
from interhost_hookspecs.reading import FRONT_MATTER

REPORTS = ("summary.md", "synthesis.md")

ABANDONED = 3600.0
"""Seconds without a sign of life after which a lock is one that a crashed run left."""

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UUID_IN_NAME = re.compile(rf"\.({_UUID})\.md$")
_UUID_IN_LINE = re.compile(r"<!--\s*run-uuid:\s*([\w.-]{1,64})\s*-->")
_NAME = re.compile(
    rf"(?P<agent>[^.]+)(?:\.(?P<uuid>{_UUID}))?\.(?P<state>md|(?:md\.)?(?:partial(?:\.aborted-\d+)?|refused\.md))"
)
_SENTINEL = "<!-- flux-drive:complete -->"
_INDEX = re.compile(r"^#+ Findings Index\s*$", re.MULTILINE)
_BLOCK = re.compile(r"^--- VERDICT ---\s*\nSTATUS: *(\w+)", re.MULTILINE)
# The whole line: one that lists every word there is comes from the template.
_VERDICT = re.compile(r"^[ \t>#*_-]*Verdict[\s*_]*:[\s*_`]*([^\W_][\w-]{0,39})[\s*_`.]*$", re.MULTILINE | re.IGNORECASE)
_MOST_BYTES = 1 << 20


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

    def is_alive(self, now: float) -> bool:
        """Whether there was a sign of life within the last hour."""
        return self.alive_at is not None and now - self.alive_at < ABANDONED


@frozen(kw_only=True)
class Agents:
    """The agents of one run, by name; one that is at work, or whose file proves nothing, was launched and no more."""

    launched: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def all_failed(self) -> bool:
        """Whether there were agents and none of them can have answered."""
        return bool(self.launched) and self.launched == self.failed


def find_run(result: Path, ctx: AdapterContext) -> tuple[float, Run] | None:
    """When a result was written, and the run it belongs to; ``None`` while it is not that of the run beside it.

    A new run in the same directory removes the agents' files of the last one, but not its findings.json. As long as
    the new one is alive, the host is asked to look again.
    """
    written, run = modified(result), look_beside(result)
    if written is None:
        return None
    if run.locked and run.agents_at is not None and written < run.agents_at:
        if run.is_alive(ctx.now().timestamp()):
            ctx.look_again(result)
        return None
    return written, run


def look_beside(result: Path) -> Run:
    """Look at the directory of a result."""
    folder = result.parent
    locks = list_by_age(path for path in folder.glob(".run-*.lock") if path.is_dir())
    agents = list_by_age(path for path in folder.glob("*.md") if path.is_file() and path.name not in REPORTS)
    at_work = list_by_age(folder.glob("*.partial"))
    report = next((path for name in REPORTS if (path := folder / name).is_file()), None)
    return Run(
        locked=bool(locks),
        agents_at=agents[-1][0] if agents else None,
        alive_at=max((time for time, _ in (*locks, *agents, *at_work)), default=None),
        uuid=_find_uuid(agents[-1][1]) if agents else None,
        report=report,
        degraded=None if report is None else is_degraded(report),
    )


def is_degraded(report: Path) -> bool:
    """Whether a report opens, behind its front matter, by saying that it was made without the full tool set."""
    text = read_text(report)
    found = FRONT_MATTER.match(text)
    return text[found.end() if found else 0 :].lstrip("#>*_ \r\n").lower().startswith("degraded synthesis")


def list_agents(folder: Path, uuid: str | None) -> Agents:
    """The agents whose files lie in a directory.

    Args:
        folder: Directory of the run.
        uuid: The run. A new run removes the reports of the last one, but not what it had aborted.
    """
    states: dict[str, set[bool | None]] = {}
    for name, answered in _list_files(folder, uuid.lower() if uuid else None):
        states.setdefault(name, set()).add(answered)
    # A second attempt of an agent that failed may have succeeded.
    return Agents(
        launched=tuple(states),
        completed=tuple(name for name, seen in states.items() if True in seen),
        failed=tuple(name for name, seen in states.items() if seen == {False}),
    )


def _list_files(folder: Path, uuid: str | None) -> Iterator[tuple[str, bool | None]]:
    """Every agent's file, with whether the agent answered; ``None`` when that cannot be told."""
    for path in sorted(folder.glob("*")):
        found = _NAME.fullmatch(path.name)
        if not found or (found["uuid"] and found["uuid"].lower() != uuid):
            continue
        if found["state"] != "md":
            yield found["agent"], None if found["state"].endswith("partial") else False
        elif found["uuid"] or found["agent"].startswith("fd-"):
            yield found["agent"], _answered(read_text(path, _MOST_BYTES), is_old=not found["uuid"])


def _answered(text: str, *, is_old: bool) -> bool | None:
    stated, block = _VERDICT.search(text), _BLOCK.search(text)
    if any(found and found[1].lower() == "error" for found in (stated, block)):
        return False
    has_shape = bool(stated or block or _INDEX.search(text))
    return True if _SENTINEL in text or (is_old and has_shape) else None


def _find_uuid(agent: Path) -> str | None:
    found = _UUID_IN_LINE.match(read_text(agent)) or _UUID_IN_NAME.search(agent.name)
    return found and found.group(1)
