"""What the calls of a project give away: rates that cross a threshold, and habits.

tool-time's own evidence of these patterns divides by calls whose end nobody knows, and is no valid JSON; so they are
computed here, from the log, and never read. A rate that was not measured is none.

Source: ``reference/modules/tool-time.md`` sections 1.4 (E1, E5), 1.6 (traps 1 and 8) and 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, HealthSignal, Level, Severity
from interhost_hookspecs.files import read_head
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import fact_key, first_number, read_object

from interhost_tool_time.calls import FOLDER, Call, Counts, Result, Usage

THRESHOLDS_FILE = FOLDER / "interspect-thresholds.json"
"""The user's own thresholds, where there are any."""

DEFAULTS: Mapping[str, float] = MappingProxyType(
    {
        "min_calls_for_rate": 10,
        "error_rate": 0.10,
        "rejection_rate": 0.20,
        "edit_without_read_min": 1,
        "bash_share": 0.50,
        "min_distinct_tools": 5,
    }
)
"""tool-time's thresholds."""

ERRORS, REJECTIONS = "tool_error_rate_high", "tool_rejection_rate_high"
_LIMIT = {ERRORS: "error_rate", REJECTIONS: "rejection_rate"}
_HABIT = 50  # calls below which the mix of tools says nothing; ours
_LEVELS = {Result.FAILED: (Level.ORANGE, Severity.ERROR), Result.REJECTED: (Level.YELLOW, Severity.WARN)}
_MOST = 500
_NEWS = timedelta(days=1)


@frozen
class Crossing:
    """A pattern that is there.

    Attributes:
        pattern: tool-time's name of it.
        value: The measurement.
        unit: Its unit.
        threshold: Where it begins.
        detail: In one line.
        tool: The tool it is about; empty when it is about all of them.
    """

    pattern: str
    value: float
    unit: str
    threshold: float
    detail: str
    tool: str = ""


def tell_patterns(usages: Mapping[Path, Usage], ctx: AdapterContext) -> Iterator[Draft]:
    """The patterns that came up or went away since the last look; the first one keeps silent about what it finds."""
    limits = read_thresholds(ctx)
    known: dict[str, list[str]] = recall(ctx, "patterns")
    is_first = ctx.cursor.get("patterns") is None
    for project, usage in usages.items():
        found = {f"{one.pattern} {one.tool}": one for one in list_crossings(usage, limits)}
        before = known.pop(str(project), [])
        known[str(project)] = list(found)
        if not is_first:
            yield from (_compose(one, project) for name, one in found.items() if name not in before)
            yield from (_compose_end(name, project) for name in before if name not in found)
    keep(ctx, "patterns", known, most=_MOST)


def tell_failures(calls: Sequence[Call], ctx: AdapterContext) -> Iterator[Draft]:
    """Each call that failed or was rejected, where the user wants to hear of every one."""
    if not ctx.config.is_on("tell_failures"):
        return
    for call in calls:
        if call.result in _LEVELS and abs(ctx.now() - call.at) < _NEWS:
            yield _compose_failure(call)


def read_thresholds(ctx: AdapterContext) -> Mapping[str, float]:
    """The thresholds: the user's where they are numbers, tool-time's for the rest."""
    own = read_object(read_head(ctx.home / THRESHOLDS_FILE))
    stated = {name: first_number(own, name) for name in DEFAULTS}
    return {name: DEFAULTS[name] if value is None else value for name, value in stated.items()}


def list_crossings(usage: Usage, limits: Mapping[str, float]) -> Iterator[Crossing]:
    """The patterns in the calls of one project."""
    for tool, counts in usage.tools.items():
        yield from _rate(ERRORS, "failed", tool, counts.errors, counts.observed, limits)
        yield from _rate(REJECTIONS, "were rejected", tool, counts.rejections, counts.observed, limits)
    yield from _unread(usage, limits)
    yield from _habits(usage, limits)


def _rate(
    pattern: str, verb: str, tool: str, count: int, observed: int, limits: Mapping[str, float]
) -> Iterator[Crossing]:
    """A rate over the calls whose end is known; fewer than the minimum measure nothing."""
    limit = limits[_LIMIT[pattern]]
    if observed >= max(1, limits["min_calls_for_rate"]) and count / observed >= limit and count:
        detail = f"{tool}: {count} of {observed} observed calls {verb} within 7 days"
        yield Crossing(pattern, 100 * count / observed, "percent", 100 * limit, detail, tool)


def _unread(usage: Usage, limits: Mapping[str, float]) -> Iterator[Crossing]:
    count, limit = usage.unread_edits, max(1.0, limits["edit_without_read_min"])
    if count >= limit:
        detail = f"edits of files that had not been read: {count} within 7 days"
        yield Crossing("tool_edit_without_read", count, "calls", limit, detail)


def _habits(usage: Usage, limits: Mapping[str, float]) -> Iterator[Crossing]:
    total, shell = sum(one.calls for one in usage.tools.values()), usage.tools.get("Bash", Counts()).calls
    if total < _HABIT:
        return
    if shell / total > limits["bash_share"]:
        detail = f"Bash: {shell} of {total} calls within 7 days"
        yield Crossing("tool_bash_dominance", 100 * shell / total, "percent", 100 * limits["bash_share"], detail)
    if len(usage.tools) < limits["min_distinct_tools"]:
        detail = f"{len(usage.tools)} different tools in {total} calls within 7 days"
        yield Crossing("tool_low_diversity", len(usage.tools), "tools", limits["min_distinct_tools"], detail)


def _compose(one: Crossing, project: Path) -> Draft:
    return Draft(
        payload=HealthSignal(
            signal=one.pattern,
            level=Level.YELLOW,
            value=round(one.value, 1),
            unit=one.unit,
            threshold=one.threshold,
            detail=one.detail,
        ),
        project_dir=project,
        severity=Severity.WARN,
        source_hook="file:events.jsonl",
        extensions={"tool": one.tool} if one.tool else {},
    )


def _compose_end(name: str, project: Path) -> Draft:
    pattern, _, tool = name.partition(" ")
    return Draft(
        payload=HealthSignal(signal=pattern, level=Level.GREEN, detail=f"{tool or pattern}: below the threshold again"),
        project_dir=project,
        source_hook="file:events.jsonl",
        extensions={"tool": tool} if tool else {},
    )


def _compose_failure(call: Call) -> Draft:
    level, severity = _LEVELS[call.result]
    return Draft(
        payload=HealthSignal(
            signal=f"tool_{call.result}", level=level, detail=f"{call.tool}: {call.error}" if call.error else call.tool
        ),
        artifact_path=call.file,
        project_dir=call.project,
        session_id=call.session,
        severity=severity,
        source_hook="file:events.jsonl",
        occurred_at=call.at,
        dedupe_key=fact_key("tool-time", call.line),
        extensions={"tool": call.tool},
    )
