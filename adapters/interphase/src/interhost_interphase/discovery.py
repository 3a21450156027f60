"""Candidate work: interphase's scan of the tracker, where the user has turned it on.

The scan is not free of effects: it releases claims that nobody has touched for long, by ``bd set-state``. So it is off
by default, and then once in a while.

Source: ``reference/modules/interphase.md`` sections 1.3 (row P14) and 1.4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from interhost_hookspecs import BEAD_ID, AdapterContext, DiscoverWork, Draft

from interhost_interphase.beads import say_why
from interhost_interphase.phases import PHASE_MODEL, clean_phase

LIBRARY = Path("hooks", "lib-discovery.sh")
"""interphase's discovery, below its root."""

PROBLEM = "discovery:problem"
"""Cursor that keeps why the last scan brought nothing, for doctor."""

_SCAN = 'source "$1" && discovery_scan_beads'
_SCAN_TIMEOUT = 30.0
_EVERY = timedelta(minutes=30)
_KEPT = ("status", "possibly_done", "parent_closed_epic", "claimed_by", "discovery_source", "discovery_score")


class ScanError(Exception):
    """A scan brought no list; ``str()`` says what it brought instead."""


def list_work(ctx: AdapterContext) -> Iterator[Draft]:
    """The candidates that are new, or have another action, phase or priority than in the last scan of their project."""
    root = ctx.module_root()
    if ctx.config.get("discover_work") is not True or root is None or not (root / LIBRARY).is_file():
        return
    for project in ctx.projects:
        if not (project / ".beads").is_dir() or not _is_due(ctx, project):
            continue
        try:
            records = _scan(ctx, root / LIBRARY, project)
        except ScanError as error:
            ctx.cursor.set(PROBLEM, f"{project}: {error}")
            continue
        ctx.cursor.set(PROBLEM, "")
        yield from _tell_new(records, project, ctx)


def _is_due(ctx: AdapterContext, project: Path) -> bool:
    """Whether the project's last scan is long ago; a scan that failed is one, too."""
    name = f"discovery:at:{project}"
    last = ctx.cursor.get(name)
    if last and ctx.now() - datetime.fromisoformat(last) < _EVERY:
        return False
    ctx.cursor.set(name, ctx.now().isoformat())
    return True


def _scan(ctx: AdapterContext, library: Path, project: Path) -> list[Mapping[str, object]]:
    answer = ctx.run(
        ["bash", "-c", _SCAN, "_", str(library)],
        timeout=_SCAN_TIMEOUT,
        cwd=project,
        env={"DISCOVERY_PROJECT_DIR": str(project)},
    )
    try:
        records = json.loads(answer.stdout) if answer.ok else None
    except (ValueError, RecursionError):
        records = None
    if not isinstance(records, list):
        raise ScanError(say_why(answer))
    return [record for record in records if isinstance(record, dict)]


def _tell_new(records: list[Mapping[str, object]], project: Path, ctx: AdapterContext) -> Iterator[Draft]:
    name = f"discovery:seen:{project}"
    before = json.loads(ctx.cursor.get(name) or "{}")
    seen: dict[str, list[object]] = {}
    for rank, record in enumerate(records, 1):
        key = record.get("id") or record.get("plan_path") or record.get("title")
        state = [record.get(one) for one in ("action", "phase", "priority")]
        if isinstance(key, str) and isinstance(record.get("action"), str):
            seen[key] = state
            if before.get(key) != state:
                yield _tell(record, rank, project)
    ctx.cursor.set(name, json.dumps(seen))


def _tell(record: Mapping[str, object], rank: int, project: Path) -> Draft:
    """One candidate; one without a bead is about its project."""
    bead, plan, title = (_text(record.get(key)) for key in ("id", "plan_path", "title"))
    priority, score, stale = (record.get(key) for key in ("priority", "score", "stale"))
    return Draft(
        payload=DiscoverWork(
            action=str(record["action"]),
            title=title or bead or str(plan),
            priority=priority if isinstance(priority, int) else None,
            rank=rank,
            score=float(score) if isinstance(score, int | float) else None,
            phase=clean_phase(record.get("phase")),
            phase_model=PHASE_MODEL,
            stale=stale if isinstance(stale, bool) else None,
        ),
        context_id=bead if bead and re.fullmatch(BEAD_ID, bead) else None,
        artifact_path=project / plan if plan else None,
        project_dir=project,
        source_hook="cli:discovery_scan_beads",
        extensions={key: record[key] for key in _KEPT if record.get(key) is not None},
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
