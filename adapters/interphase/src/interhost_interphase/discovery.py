"""Candidate work: interphase's scan of the tracker, where the user has turned it on.

The scan is not free of effects: it releases claims that nobody has touched for long, by ``bd set-state``. So it is off
by default, and then once in a while.

Source: ``reference/modules/interphase.md`` sections 1.3 (row P14) and 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from interhost_hookspecs import AdapterContext, DiscoverWork, Draft
from interhost_hookspecs.phases import clean_phase
from interhost_hookspecs.positions import is_due, list_new
from interhost_hookspecs.reading import first_count, first_line, first_number, is_bead, read_json, read_objects

from interhost_interphase.facts import PHASE_MODEL

LIBRARY = Path("hooks", "lib-discovery.sh")
"""interphase's discovery, below its root."""

PROBLEM = "discovery:problem"
"""Position that keeps why the last scan brought nothing, for doctor."""

_SCAN = 'source "$1" && discovery_scan_beads'
_SCAN_TIMEOUT = 30.0
_EVERY = timedelta(minutes=30)
_KEPT = ("status", "possibly_done", "parent_closed_epic", "claimed_by", "discovery_source", "discovery_score")


def list_work(ctx: AdapterContext) -> Iterator[Draft]:
    """The candidates that are new, or have another action, phase or priority than in the last scan of their project."""
    root = ctx.module_root()
    if not ctx.config.is_on("discover_work") or root is None or not (root / LIBRARY).is_file():
        return
    for project in ctx.projects:
        if (project / ".beads").is_dir() and is_due(ctx, f"discovery:at:{project}", _EVERY):
            yield from _list_new(_scan(ctx, root / LIBRARY, project), project, ctx)


def _scan(ctx: AdapterContext, library: Path, project: Path) -> list[dict[str, object]] | None:
    """The candidates, best first; ``None`` when the scan brought something else, which is kept for doctor."""
    argv, env = ["bash", "-c", _SCAN, "_", str(library)], {"DISCOVERY_PROJECT_DIR": str(project)}
    answer = ctx.run(argv, timeout=_SCAN_TIMEOUT, cwd=project, env=env)
    is_list = answer.ok and isinstance(read_json(answer.stdout), list)
    ctx.cursor.set(PROBLEM, "" if is_list else f"{project}: {answer.why}")
    return read_objects(answer.stdout) if is_list else None


def _list_new(records: list[dict[str, object]] | None, project: Path, ctx: AdapterContext) -> Iterator[Draft]:
    if records is None:
        return
    named = ((rank, one, first_line(one, "id", "plan_path", "title")) for rank, one in enumerate(records, 1))
    known = {name: (rank, one) for rank, one, name in named if name and isinstance(one.get("action"), str)}
    states = {name: [one.get(key) for key in ("action", "phase", "priority")] for name, (_, one) in known.items()}
    for name in list_new(ctx, f"discovery:seen:{project}", states):
        yield _tell(*known[name], project)


def _tell(rank: int, record: Mapping[str, object], project: Path) -> Draft:
    """One candidate; one without a bead is about its project."""
    bead, plan, stale = first_line(record, "id"), first_line(record, "plan_path"), record.get("stale")
    return Draft(
        payload=DiscoverWork(
            action=str(record["action"]),
            title=first_line(record, "title") or bead or str(plan),
            priority=first_count(record, "priority"),
            rank=rank,
            score=first_number(record, "score"),
            phase=clean_phase(record.get("phase")),
            phase_model=PHASE_MODEL,
            stale=stale if isinstance(stale, bool) else None,
        ),
        context_id=bead if is_bead(bead) else None,
        artifact_path=project / plan if plan else None,
        project_dir=project,
        source_hook="cli:discovery_scan_beads",
        extensions={key: record[key] for key in _KEPT if record.get(key) is not None},
    )
