"""Runs that end without a result: those that crash, and those whose every agent fails.

A run's lock is a directory that it removes when it is done; one that crashed leaves it. Research leaves no verdict
behind, so there is none to miss. Source: ``reference/modules/interflux.md`` section 2.3, rows F5 and F8.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft, ReviewPass, Severity, Verdict, VerdictSource

from interhost_interflux.agents import list_agents
from interhost_interflux.passes import TRACK
from interhost_interflux.run import look_beside, modified
from interhost_interflux.subject import find_subject
from interhost_interflux.values import fact_key

_DRIVES, _REVIEWS = Path("docs/research/flux-drive"), Path("docs/research/flux-review")
_LOCK = ".run-*.lock"

LOCKS = (f"{_DRIVES}/*/{_LOCK}", f"{_REVIEWS}/*/track-*/{_LOCK}")
"""What is watched, below a project's root."""

# Whatever is created in a directory dates it. Opening thousands of old ones at every look would cost four times as much
# as all the rest of it.
_RECENT = 7 * 24 * 3600.0


def tell_ended(root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """Tell each run of a project once that ended without a result since the last look.

    A lock that nobody has touched for an hour when the project is seen for the first time is history.
    """
    name = f"locks:{root}"
    stored = ctx.cursor.get(name)
    before: dict[str, bool] = json.loads(stored) if stored else {}
    now = ctx.now().timestamp()
    seen: dict[str, bool] = {}
    for lock in sorted({*map(Path, before), *_list_locks(root, now)}):
        is_there = lock.is_dir()
        is_over = not is_there or not look_beside(lock).is_alive(now)
        if is_over and not before.get(str(lock), stored is None):
            yield from _tell(lock, root, ctx, crashed=is_there)
        if is_there:
            seen[str(lock)] = is_over
    ctx.cursor.set(name, json.dumps(seen))


def _list_locks(root: Path, now: float) -> Iterator[Path]:
    for folder in _subfolders(root / _DRIVES, now - _RECENT):
        yield from folder.glob(_LOCK)
    for review in _subfolders(root / _REVIEWS, 0.0):
        for track in _subfolders(review, now - _RECENT):
            yield from track.glob(_LOCK)


def _subfolders(folder: Path, since: float) -> list[Path]:
    """Directories within a directory that something was created in since then."""
    try:
        with os.scandir(folder) as entries:
            return [Path(one.path) for one in entries if one.is_dir() and one.stat().st_mtime >= since]
    except OSError:
        return []


def _tell(lock: Path, root: Path, ctx: AdapterContext, *, crashed: bool) -> Iterator[Draft]:
    """A review that failed, unless the run has left its result."""
    uuid = lock.name.removeprefix(".run-").removesuffix(".lock")
    agents, run = list_agents(lock.parent, uuid), look_beside(lock)
    written = modified(lock.with_name("findings.json"))
    worked = [time for path in lock.parent.glob(f"*{uuid}*") if (time := modified(path)) is not None]
    last = max([*worked, *([run.agents_at] if run.agents_at else [])], default=ctx.now().timestamp())
    if (written is not None and written >= last) or not (crashed or agents.all_failed):
        return
    subject = find_subject(lock.parent, root, (), None, ctx)
    yield Draft(
        payload=ReviewPass(
            verdict=Verdict.ERROR,
            counts={},
            verdict_source=VerdictSource.UNREADABLE,
            mode=TRACK if lock.parent.name.startswith("track-") else "flux-drive",
            agents_launched=agents.launched or None,
            agents_completed=agents.completed or None,
            agents_failed=agents.failed or None,
            run_uuid=uuid,
        ),
        severity=Severity.ERROR,
        context_id=subject.bead,
        artifact_path=subject.document,
        source_hook="file:.run.lock",
        occurred_at=datetime.fromtimestamp(last, UTC),
        project_dir=root,
        dedupe_key=fact_key("ended", lock, last),
    )
