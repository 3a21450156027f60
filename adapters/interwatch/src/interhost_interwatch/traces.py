"""What interwatch leaves besides its scans: the refresh log, baselines, audits, and the log of its git hooks.

Only documents of the tier Certain are logged, once for every time the agent touches one. A refresh that changed the
document is not logged: it shows in the baselines. Times state no zone; those of the hook are UTC, all others local.

Source: ``reference/modules/interwatch.md`` sections 4.2, 4.3 and 4.4 (rows W2 to W5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import frozen
from interhost_hookspecs import (
    AdapterContext,
    ArtifactReady,
    Change,
    Draft,
    DriftDetected,
    HealthSignal,
    Level,
    ReviewPass,
    Severity,
    Verdict,
    VerdictSource,
)
from interhost_hookspecs.files import modified, read_end, read_head
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import (
    fact_key,
    first_count,
    first_line,
    first_names,
    one_line,
    plain_line,
    read_local_time,
    read_object,
    read_object_lines,
    read_time,
    value_at,
)
from interhost_hookspecs.sources import tail_lines

from interhost_interwatch.report import MOST_BYTES, list_documents

LOG, BASELINES = ".interwatch/auto-refresh.log", ".interwatch/last-scan.json"
AUDIT, HOOK_LOG = ".interwatch/last-audit.json", ".interwatch/hook.log"

REQUEST = "refresh"
"""Kind of the requests for a refresh."""

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "fired": "the agent was asked to refresh it",
        "cooldown": "not refreshed: the agent was asked not long ago",
        "budget": "not refreshed: as often as allowed in one day already",
        "disabled": "not refreshed: it is turned off",
        "no_generator": "not refreshed: what would generate it is not installed",
    }
)
"""What interwatch did about a document that certainly drifted, when the agent touched it."""

LEVELS = ("high", "medium", "low")
"""Severities of an audit's findings."""

_FAILURE = re.compile(r"\[([^\]\s]+)\] interwatch hook \(([\w-]+)\) exit=(-?\d+): ?(.*)")
_MOST = 500


@frozen(kw_only=True)
class Failure:
    """A scan of a git hook that failed: when, which hook, its exit status, and its last words."""

    at: datetime | None
    hook: str
    exit: str
    error: str


def tell_log(root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """What the refresh log tells: each refresh that was asked for, and once a day each reason why one was not."""
    entries = [entry for _, entry in read_object_lines(tail_lines(root / LOG, ctx))]
    paths = {one.name: one.path for one in list_documents(root)} if entries else {}
    told = {draft.dedupe_key: draft for entry in entries if (draft := _tell_entry(entry, paths, root, ctx))}
    yield from told.values()


def tell_refreshes(path: Path, root: Path, ctx: AdapterContext, is_news: bool) -> Iterator[Draft]:
    """What the baselines tell: documents whose recorded refresh changed them."""
    stated = value_at(read_object(read_head(path, MOST_BYTES + 1)), "baselines")
    known: dict[str, list[str]] = recall(ctx, f"refreshed:{root}")
    paths = {one.name: one.path for one in list_documents(root)}
    for name, baseline in stated.items() if isinstance(stated, dict) else ():
        at, digest = first_line(baseline, "refreshed_at"), first_line(baseline, "content_hash")
        before = known.pop(name, ["", ""])
        known[name] = [at or before[0], digest or before[1]]
        # The same digest is a refresh that changed nothing, which the log tells; none is that of a name nobody watches.
        if is_news and at and digest and at != before[0] and digest != before[1] and paths.get(name):
            yield _compose_refresh(name, paths[name], digest, Change.UPDATED, read_local_time(at), root, ctx)
    keep(ctx, f"refreshed:{root}", known, most=_MOST)


def tell_audit(path: Path, root: Path, ctx: AdapterContext, is_news: bool) -> Iterator[Draft]:
    """What an audit found. A language model writes the file, so that it is clean has to be proved."""
    if not is_news:
        return
    text = read_head(path, MOST_BYTES + 1)
    audit = read_object(text)
    counts = _count_findings(audit, "findings_by_severity")
    verdict = judge_audit(audit, counts)
    yield Draft(
        payload=ReviewPass(
            verdict=verdict,
            counts={level: counts[level] for level in LEVELS if level in counts},
            verdict_source=VerdictSource.RECOMPUTED if verdict else VerdictSource.UNREADABLE,
            mode="doc_audit",
            inputs=first_names(audit, "docs_audited"),
            findings_path=str(path),
        ),
        artifact_path=path,
        project_dir=root,
        severity=Severity.INFO if verdict is Verdict.SAFE else Severity.ERROR,
        source_hook="file:last-audit.json",
        occurred_at=read_local_time(audit.get("audit_date")),
        dedupe_key=fact_key("interwatch", "audit", root, text.decode("utf-8", "replace")),
        extensions={"findings_by_class": _count_findings(audit, "findings_by_class")},
    )


def judge_audit(audit: Mapping[str, object], counts: Mapping[str, int]) -> Verdict | None:
    """The verdict that the counts prove: clean only if somebody looked, all levels are counted, and the sum fits."""
    if counts.get("high"):
        return Verdict.NEEDS_CHANGES
    stated = [counts[level] for level in LEVELS if level in counts]
    is_whole = len(stated) == len(LEVELS) and sum(stated) == first_count(audit, "finding_count")
    return Verdict.SAFE if is_whole and first_count(audit, "doc_count", "docs_audited") else None


def tell_failures(root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """The scans of git hooks that failed, once a day for the same words, where the user wants to hear of them."""
    if not ctx.config.is_on("tell_failed_scans"):
        return
    found = [failure for line in tail_lines(root / HOOK_LOG, ctx) if (failure := read_failure(line))]
    for one in {(one.hook, one.exit, one.error): one for one in found}.values():
        yield Draft(
            payload=HealthSignal(
                signal="doc_scan",
                level=Level.YELLOW,
                stated_level=f"exit={one.exit}",
                detail=f"{one.hook}: {one.error}",
            ),
            artifact_path=root / HOOK_LOG,
            project_dir=root,
            severity=Severity.WARN,
            source_hook="file:hook.log",
            occurred_at=one.at,
            dedupe_key=fact_key(
                "interwatch", "hook", root, one.hook, one.exit, one.error, (one.at or ctx.now()).date()
            ),
        )


def read_failure(line: str) -> Failure | None:
    """One line of the git hooks' log."""
    found = _FAILURE.match(line)
    if not found:
        return None
    return Failure(
        at=read_time(found[1]), hook=found[2], exit=found[3], error=plain_line(found[4]) or "no reason given"
    )


def find_failure(root: Path) -> Failure | None:
    """The last scan of a git hook, if it failed and no scan was saved since."""
    last = read_failure(read_end(root / HOOK_LOG, 4096).decode("utf-8", "replace").rstrip("\n").rpartition("\n")[2])
    saved = modified(root / ".interwatch" / "drift.json")
    is_over = last and last.at and saved is not None and last.at.timestamp() < saved
    return None if is_over else last


def _tell_entry(
    entry: Mapping[str, Any], paths: Mapping[str, Path | None], root: Path, ctx: AdapterContext
) -> Draft | None:
    name, outcome, tool = (plain_line(entry.get(key)) for key in ("name", "outcome", "tool"))
    stated = entry.get("ts")
    at = read_local_time(stated) if tool == "record-refresh" else read_time(stated, UTC)
    if not name or not outcome or at is None:
        return None
    if outcome == "no-op":
        path, digest = paths.get(name), first_line(entry, "content_hash") or ""
        return _compose_refresh(name, path, digest, None, at, root, ctx) if path else None
    if (meaning := OUTCOMES.get(outcome)) is None:
        return None
    is_asked = outcome == "fired"
    when = stated if is_asked else at.date()  # the same reason again is no news on the same day
    return Draft(
        payload=DriftDetected(kind="doc_refresh", signal=outcome, tier="Certain", detail=f"{name}: {meaning}"),
        artifact_path=paths.get(name),
        project_dir=root,
        severity=Severity.INFO if is_asked else Severity.WARN,
        source_hook="file:auto-refresh.log",
        occurred_at=at,
        dedupe_key=fact_key("interwatch", "refresh", root, name, outcome, when),
        extensions={"watchable": name, "tool": tool or None, "generator": first_line(entry, "generator")},
    )


def _compose_refresh(
    name: str,
    path: Path | None,
    digest: str,
    change: Change | None,
    at: datetime | None,
    root: Path,
    ctx: AdapterContext,
) -> Draft:
    """A refresh that was recorded, with what it changed; whoever asked for it need not wait any more."""
    for request in ctx.open_requests(REQUEST):
        if (request.details.get("watchable"), request.project_dir) == (name, root):
            ctx.close_request(request, "refreshed" if change else "refreshed, and nothing changed")
    return Draft(
        payload=ArtifactReady(kind="doc", title=name, change=change),
        artifact_path=path,
        project_dir=root,
        source_hook="file:last-scan.json" if change else "file:auto-refresh.log",
        occurred_at=at,
        dedupe_key=fact_key("interwatch", "refreshed", root, name, digest, str(at)),
        extensions={"watchable": name, "refresh": "refreshed" if change else "no-op", "content_hash": digest},
    )


def _count_findings(audit: Mapping[str, object], key: str) -> dict[str, int]:
    stated = audit.get(key)
    counted = {one_line(name): first_count(one, "") for name, one in stated.items()} if isinstance(stated, dict) else {}
    return {name: count for name, count in list(counted.items())[:_MOST] if name and count is not None}
