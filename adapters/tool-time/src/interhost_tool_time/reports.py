"""What tool-time's own reports say: the digest, the statistics of edits, the survey of servers.

Each is written over as a whole, and told when it says something else than before. The digest speaks of all projects.

Source: ``reference/modules/tool-time.md`` sections 1.2, 1.4 (E2 to E4) and 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, HealthSignal, Level, Severity
from interhost_hookspecs.files import read_head, read_text
from interhost_hookspecs.positions import list_new
from interhost_hookspecs.reading import first_count, first_line, first_number, plain_line, read_object, value_at
from interhost_hookspecs.sources import watch_states

from interhost_tool_time.calls import FOLDER

DIGEST, EDITS, RIG = "digest.txt", "edit_stats.json", "rig.json"
"""The reports, below tool-time's folder."""

_BROKEN = ("may be broken", "measurement is down")
_LINES = 8
_REPORT = 4 << 20
_NAMES = 20
_KINDS = 5
_MANY_EDITS, _FAILING = 200, 0.05
_UNUSED = 3


@frozen
class Finding:
    """What a report comes to: a level, a measurement with its unit, one line, and what more there is to keep."""

    level: Level
    value: float
    unit: str
    threshold: float
    detail: str
    more: Mapping[str, object]


def tell_reports(ctx: AdapterContext) -> Iterator[Draft]:
    """What the reports say that they did not say at the last look."""
    folder = ctx.home / FOLDER
    for path, is_news in watch_states(DIGEST, folder, ctx, settle=0.0):
        yield from _tell_digest(path, ctx, is_news)
    for name, signal, judge in ((EDITS, "edit_failures", judge_edits), (RIG, "unused_servers", judge_rig)):
        for path, is_news in watch_states(name, folder, ctx, settle=0.0):
            found = judge(read_object(read_head(path, _REPORT)))
            changed = found and list_new(ctx, f"level:{name}", {"level": found.level})
            if found and changed and is_news:
                yield compose_finding(signal, found, folder, f"file:{name}", path)


def judge_edits(report: Mapping[str, object]) -> Finding | None:
    """How many edits failed; ``None`` when nobody counted. A rate of few edits is no reason to worry."""
    rate, total = first_number(report, "totals.failure_rate"), first_count(report, "totals.resolved_calls")
    if rate is None or not total:
        return None
    kinds = value_at(report, "failure_kinds")
    named = [(first_line(one, "kind"), first_count(one, "count")) for one in kinds] if isinstance(kinds, list) else []
    most = {name: count for name, count in named[:_KINDS] if name and count}
    failed = first_count(report, "totals.failed") or round(rate * total)
    detail = f"{failed} of {total} edits failed{f' ({_list_counts(most)})' if most else ''}"
    level = Level.YELLOW if rate >= _FAILING and total >= _MANY_EDITS else Level.GREEN
    return Finding(level, round(100 * rate, 1), "percent", 100 * _FAILING, detail, {"failure_kinds": most})


def judge_rig(report: Mapping[str, object]) -> Finding | None:
    """How many servers are loaded and never used."""
    unused = value_at(report, "zero_use")
    if not isinstance(unused, list):
        return None
    names = [plain_line(one if isinstance(one, str) else first_line(one, "name"), 80) for one in unused[:_NAMES]]
    detail = f"{len(unused)} servers are loaded and unused: {', '.join(filter(None, names))}"
    level = Level.YELLOW if len(unused) >= _UNUSED else Level.GREEN
    return Finding(level, len(unused), "servers", _UNUSED, detail[:300], {})


def compose_finding(signal: str, found: Finding, project: Path, source: str, path: Path | None = None) -> Draft:
    """A finding as a fact about a project."""
    return Draft(
        payload=HealthSignal(
            signal=signal,
            level=found.level,
            value=found.value,
            unit=found.unit,
            threshold=found.threshold,
            detail=found.detail,
        ),
        artifact_path=path,
        project_dir=project,
        severity=Severity.INFO if found.level is Level.GREEN else Severity.WARN,
        source_hook=source,
        extensions=found.more,
    )


def _tell_digest(path: Path, ctx: AdapterContext, is_news: bool) -> Iterator[Draft]:
    lines = [plain_line(line.removeprefix("tool-time: ")) for line in read_text(path).split("\n")[:_LINES]]
    new = list_new(ctx, "digest", dict.fromkeys(filter(None, lines), ""))
    for line in new if is_news else ():
        is_broken = any(word in line for word in _BROKEN)
        yield Draft(
            payload=HealthSignal(signal="tool_digest", level=Level.ORANGE if is_broken else Level.YELLOW, detail=line),
            artifact_path=path,
            project_dir=path.parent,
            severity=Severity.ERROR if is_broken else Severity.WARN,
            source_hook="file:digest.txt",
        )


def _list_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {plain_line(name, 40)}" for name, count in counts.items())


WATCHED: Sequence[str] = tuple(f"~/{FOLDER}/{name}" for name in (DIGEST, EDITS, RIG))
"""The reports, as the manifest names them."""
