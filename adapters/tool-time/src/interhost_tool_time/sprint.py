"""What a sprint means to tool-time: its log completed at the end, a report of its own, a marker while it is reviewed.

Nothing is uploaded and nobody's token is read. The marker lies in the project and makes tool-time's hook tell every
agent to save its report, so it is off until the user wants it.

Source: ``reference/modules/tool-time.md`` sections 1.2, 1.4 (E4, E6) and 1.7.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from interhost_hookspecs import AdapterContext, Intent, Outcome, PhaseTransition, StartSprint, hookimpl
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import read_object

from interhost_tool_time.reports import compose_finding, judge_edits

MARKER = Path("docs", "research", ".active")
"""While it is there, below a project, tool-time's hook has agents save their reports."""

REVIEWING = "review"
"""The phase in which reviews run; other vocabularies only name the state after one."""

REFRESH: Sequence[Sequence[str]] = (("backfill.py", "--days", "2", "--quiet"), ("summarize.py",), ("maintain.py",))
"""What completes tool-time's log and statistics, in order."""

_TIMEOUT = 60.0
_MOST = 100


@hookimpl
def on_start_sprint(intent: Intent[StartSprint], ctx: AdapterContext) -> Outcome:
    """Remember when the sprint began, for the report at its end."""
    started = recall(ctx, "started")
    started.setdefault(intent.context_id, intent.occurred_at.isoformat())
    keep(ctx, "started", started, most=_MOST)
    return Outcome.done("the sprint's edits are counted from here")


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome | None:
    """Mark a review in the project, where the user wants it; at the end of a sprint, complete the log and report."""
    if intent.project_dir is None:
        return Outcome.skipped("the project is not known")
    if intent.payload.to == REVIEWING:
        return _mark(intent.project_dir, intent.context_id, ctx)
    removed = _unmark(intent.project_dir, intent.context_id, ctx)
    if intent.payload.to == "done":
        return _finish(intent.project_dir, intent.context_id, ctx)
    return removed


def _mark(project: Path, context: str, ctx: AdapterContext) -> Outcome:
    if not ctx.config.is_on("mark_reviews"):
        return Outcome.skipped("mark_reviews is off")
    marker = project / MARKER
    if not marker.parent.is_dir() or not marker.parent.resolve().is_relative_to(project.resolve()):
        return Outcome.skipped(f"{project} has no {MARKER.parent}")
    try:
        if ctx.once("mark", happened=marker.exists):
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except FileExistsError:
        return Outcome.skipped(f"{MARKER} is there already")
    except OSError as error:
        return Outcome.failed(f"{marker}: {error.strerror}")
    ctx.cursor.set(f"marked:{project}", context)
    return Outcome.done(f"{MARKER} marks the review; agents save their reports in {MARKER.parent}")


def _unmark(project: Path, context: str, ctx: AdapterContext) -> Outcome | None:
    """Take our own marker away; one that somebody else wrote, or wrote into, stays."""
    marker = project / MARKER
    if ctx.cursor.get(f"marked:{project}") != context:
        return None
    ctx.cursor.set(f"marked:{project}", "")
    try:
        if marker.stat().st_size:
            return Outcome.skipped(f"{MARKER} was changed by somebody else and stays")
        marker.unlink()
    except FileNotFoundError:
        return Outcome.skipped(f"{MARKER} is gone already")
    except OSError as error:
        return Outcome.failed(f"{marker}: {error.strerror}")
    return Outcome.done(f"{MARKER} was removed: the review is over")


def _finish(project: Path, context: str, ctx: AdapterContext) -> Outcome:
    root = ctx.module_root()
    if root is None:
        return Outcome.skipped("tool-time is not installed")
    for script, *options in REFRESH:
        answer = ctx.run(["python3", str(root / script), *options], timeout=_TIMEOUT, cwd=project)
        if not answer.ok:
            return Outcome.failed(f"{script}: {answer.why}")
    return Outcome.done(f"log and statistics are complete{_report(root, project, context, ctx)}")


def _report(root: Path, project: Path, context: str, ctx: AdapterContext) -> str:
    """Publish how the sprint's edits went, and say so."""
    started = recall(ctx, "started")
    since = started.pop(context, None)
    if not isinstance(since, str):
        return ""
    argv = ["python3", str(root / "edit_stats.py"), "--since", since, "--project", str(project), "--json"]
    answer = ctx.run(argv, timeout=_TIMEOUT, cwd=project)
    found = judge_edits(read_object(answer.stdout)) if answer.ok else None
    if found is None:
        return "; no report of the sprint's edits" + (f" ({answer.why})" if not answer.ok else "")
    keep(ctx, "started", started)
    ctx.publish(compose_finding("sprint_edit_failures", found, project, "cli:edit_stats.py"))
    return f"; {found.detail}"
