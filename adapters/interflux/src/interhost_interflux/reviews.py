"""Review passes: from one findings.json, from the synthesis of a review's tracks, from a run that ended with neither.

"Safe" has to be proved. The front matter of a synthesis after the template has no counts and no verdict; then the
findings of the tracks are the evidence, and a bad verdict is believed without proof.

Source: ``reference/modules/interflux.md`` sections 2.3 (rows F1, F2, F5 and F8) and 2.8.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve
from interhost_hookspecs import AdapterContext, Draft, Finding, ReviewPass, Severity, Verdict, VerdictSource
from interhost_hookspecs.files import modified, read_head
from interhost_hookspecs.findings import LEVELS, Review, parse_review
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import fact_key, one_line, read_front_matter

from interhost_interflux.run import Agents, Run, find_run, is_degraded, list_agents, look_beside
from interhost_interflux.subject import Subject, find_subject, is_named_after, settle_request

DRIVE, TRACK = "flux-drive", "flux-review-track"
"""Modes of a review by one set of agents; only the synthesis of all tracks speaks for the document."""

SEVERITIES = {
    Verdict.SAFE: Severity.INFO,
    Verdict.NEEDS_CHANGES: Severity.WARN,
    Verdict.RISKY: Severity.ERROR,
    Verdict.ERROR: Severity.ERROR,
    None: Severity.ERROR,
}

HALF_WRITTEN = 60.0
"""Seconds for which a file that does not parse may still be on its way; it is written in two passes or more."""

_DRIVES, _REVIEWS = Path("docs/research/flux-drive"), Path("docs/research/flux-review")
_LOCK = ".run-*.lock"

LOCKS = (f"{_DRIVES}/*/{_LOCK}", f"{_REVIEWS}/*/track-*/{_LOCK}")
"""A run's lock is a directory that it removes when it is done; one that crashed leaves it."""

# Whatever is created in a directory dates it. Opening thousands of old ones at every look would cost four times as much
# as all the rest of it.
_RECENT = 7 * 24 * 3600.0
_GRAVE = (Verdict.RISKY, Verdict.NEEDS_CHANGES)


def tell_findings(path: Path, root: Path, ctx: AdapterContext, *, mode: str) -> Iterator[Draft]:
    """The pass that a findings.json tells, once it is that of the run beside it; of a track, about its bead alone."""
    if (found := find_run(path, ctx)) is None:
        return
    written, run = found
    review = parse_review(data := read_head(path, -1))
    if review is None and _is_half_written(path, written, ctx):
        return
    payload = _payload(path, review or Review(), run, list_agents(path.parent, run.uuid), mode)
    subject = find_subject(path.parent, root, payload.inputs or (), review.bead if review else None, ctx)
    if mode == TRACK:
        subject = evolve(subject, document=None)
    key = fact_key("interflux", "pass", path, run.uuid, _evidence(data, review))
    yield _tell(payload, subject, root, ctx, source="file:findings.json", at=written, key=key)


def tell_synthesis(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """The pass that the synthesis of a review's tracks tells."""
    written, data = modified(path), read_head(path, -1)
    matter = read_front_matter(data.decode("utf-8", "replace"))
    if written is None or (matter is None and _is_half_written(path, written, ctx)):
        return
    stated, tracks = matter or {}, read_tracks(path.parent)
    verdict, source = judge(stated, tracks)
    inputs = (stated["target"],) if stated.get("target") else ()
    payload = ReviewPass(
        verdict=verdict,
        counts=_counts(stated) or _sum(tracks),
        verdict_source=source,
        stated_verdict=stated.get("verdict"),
        top=_top(tracks) or None,
        mode="flux-review",
        inputs=inputs or None,
        report=str(path),
        degraded=is_degraded(path),
    )
    subject = find_subject(path.parent, root, inputs, stated.get("bead"), ctx)
    key = fact_key("interflux", "synthesis", path, hashlib.sha256(data).hexdigest())
    yield _tell(payload, subject, root, ctx, source="file:synthesis.md", at=written, key=key)


def tell_ended(root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """Tell each run of a project once that ended without a result since the last look.

    A lock that nobody has touched for an hour when the project is seen for the first time is history. Research leaves
    no verdict behind, so there is none to miss.
    """
    name, now = f"locks:{root}", ctx.now().timestamp()
    is_first, before = ctx.cursor.get(name) is None, recall(ctx, name)
    seen: dict[str, bool] = {}
    for lock in sorted({*map(Path, before), *_list_locks(root, now)}):
        is_there = lock.is_dir()
        is_over = not is_there or not look_beside(lock).is_alive(now)
        if is_over and not before.get(str(lock), is_first):
            yield from _tell_lock(lock, root, ctx, crashed=is_there)
        if is_there:
            seen[str(lock)] = is_over
    keep(ctx, name, seen)


def find_review(document: Path, project: Path) -> Path | None:
    """A readable review of a document that is younger than it."""
    written = modified(document) or 0.0
    for pattern in ("flux-drive/*/findings.json", "flux-review/*/*-synthesis.md"):
        for path in project.glob(f"docs/research/{pattern}"):
            if (modified(path) or 0.0) > written and _is_about(path, document, project):
                return path
    return None


def judge(stated: Mapping[str, str], tracks: Sequence[Review | None]) -> tuple[Verdict | None, VerdictSource]:
    """The verdict that front matter and tracks prove, and where it comes from."""
    counts, found = _counts(stated), [track.verdict if track else None for track in tracks]
    worst = next((verdict for verdict in _GRAVE if verdict in found), None)
    if counts.get("P0") or counts.get("P1"):
        return Verdict.RISKY if counts.get("P0") else Verdict.NEEDS_CHANGES, VerdictSource.RECOMPUTED
    if worst and not counts:
        return worst, VerdictSource.RECOMPUTED
    if found and all(verdict is Verdict.ERROR for verdict in found):
        return Verdict.ERROR, VerdictSource.RECOMPUTED
    looked = _number(stated, "findings_total") or any(found)
    is_whole = {"P0", "P1"} <= counts.keys() or (not counts and all(verdict is Verdict.SAFE for verdict in found))
    if is_whole and looked and not worst and len(tracks) >= (_number(stated, "tracks") or 0):
        return Verdict.SAFE, VerdictSource.RECOMPUTED
    said = next((verdict for verdict in (*_GRAVE, Verdict.ERROR) if stated.get("verdict") == verdict), None)
    return (said, VerdictSource.STATED) if said else (None, VerdictSource.UNREADABLE)


def read_tracks(folder: Path) -> list[Review | None]:
    """The findings of each track of a review; ``None`` for those that cannot be read."""
    return [parse_review(read_head(path, -1)) for path in sorted(folder.glob("track-*/findings.json"))]


def _tell(
    payload: ReviewPass, subject: Subject, root: Path, ctx: AdapterContext, *, source: str, at: float, key: str
) -> Draft:
    """One pass, which closes the request that it answers."""
    told = Draft(
        payload=payload,
        severity=SEVERITIES[payload.verdict],
        context_id=subject.bead,
        artifact_path=subject.document,
        source_hook=source,
        occurred_at=datetime.fromtimestamp(at, UTC),
        project_dir=root,
        dedupe_key=key,
    )
    if payload.mode != TRACK:
        settle_request(subject, told, ctx)
    return told


def _payload(path: Path, review: Review, run: Run, agents: Agents, mode: str) -> ReviewPass:
    nobody = agents.all_failed and review.verdict in (None, Verdict.SAFE)
    return ReviewPass(
        verdict=Verdict.ERROR if nobody else review.verdict,
        counts=review.counts,
        verdict_source=review.verdict_source,
        stated_verdict=review.stated_verdict,
        top=review.top or None,
        mode=mode,
        inputs=review.inputs or None,
        agents_launched=review.launched or agents.launched or None,
        agents_completed=agents.completed or None if nobody or review.completed is None else review.completed,
        agents_failed=agents.failed or None if nobody or review.failed is None else review.failed,
        report=str(run.report) if run.report else None,
        findings_path=str(path),
        run_uuid=run.uuid,
        degraded=run.degraded,
    )


def _evidence(data: bytes, review: Review | None) -> object:
    """What was found; the bytes only when nothing else can be read.

    A second writing that only adds the cost is the same pass; a new run in the same directory is another.
    """
    if review is None:
        return hashlib.sha256(data).hexdigest()
    counts = [review.counts.get(level) for level in LEVELS]
    items = sorted((item.severity, item.id or "", item.title) for item in review.findings)
    return (review.inputs, review.reviewed, review.verdict, counts, items)


def _is_half_written(path: Path, written: float, ctx: AdapterContext) -> bool:
    """Whether a file that cannot be read may soon be; then the host looks again."""
    if is_young := abs(ctx.now().timestamp() - written) < HALF_WRITTEN:
        ctx.look_again(path)
    return is_young


def _tell_lock(lock: Path, root: Path, ctx: AdapterContext, *, crashed: bool) -> Iterator[Draft]:
    """A review that failed, unless the run has left its result."""
    uuid = lock.name.removeprefix(".run-").removesuffix(".lock")
    agents, run = list_agents(lock.parent, uuid), look_beside(lock)
    written = modified(lock.with_name("findings.json"))
    worked = [time for path in lock.parent.glob(f"*{uuid}*") if (time := modified(path)) is not None]
    last = max([*worked, *([run.agents_at] if run.agents_at else [])], default=ctx.now().timestamp())
    if (written is not None and written >= last) or not (crashed or agents.all_failed):
        return
    payload = ReviewPass(
        verdict=Verdict.ERROR,
        counts={},
        verdict_source=VerdictSource.UNREADABLE,
        mode=TRACK if lock.parent.name.startswith("track-") else DRIVE,
        agents_launched=agents.launched or None,
        agents_completed=agents.completed or None,
        agents_failed=agents.failed or None,
        run_uuid=uuid,
    )
    subject, key = find_subject(lock.parent, root, (), None, ctx), fact_key("interflux", "ended", lock, last)
    yield _tell(payload, subject, root, ctx, source="file:.run.lock", at=last, key=key)


def _list_locks(root: Path, now: float) -> Iterator[Path]:
    tracks = (track for review in _subfolders(root / _REVIEWS, 0.0) for track in _subfolders(review, now - _RECENT))
    for folder in (*_subfolders(root / _DRIVES, now - _RECENT), *tracks):
        yield from folder.glob(_LOCK)


def _subfolders(folder: Path, since: float) -> list[Path]:
    """Directories within a directory that something was created in since then."""
    try:
        with os.scandir(folder) as entries:
            return [Path(one.path) for one in entries if one.is_dir() and one.stat().st_mtime >= since]
    except OSError:
        return []


def _is_about(path: Path, document: Path, project: Path) -> bool:
    """Whether a review was of this document, and was one: it ended with a verdict."""
    named: Iterable[str]
    if path.name == "findings.json":
        review = parse_review(read_head(path, -1)) or Review()
        verdict, named = review.verdict, review.inputs
    else:
        matter = read_front_matter(read_head(path, -1).decode("utf-8", "replace")) or {}
        verdict, named = judge(matter, read_tracks(path.parent))[0], filter(None, [matter.get("target", "")])
    stated = [os.path.realpath(project / name) for name in named]
    is_named = os.path.realpath(document) in stated or (not stated and is_named_after(path.parent, document, project))
    return is_named and verdict not in (None, Verdict.ERROR)


def _counts(stated: Mapping[str, str]) -> Mapping[str, int]:
    counts = {level: _number(stated, f"findings_{level.lower()}") for level in LEVELS}
    return {level: count for level, count in counts.items() if count is not None}


def _sum(tracks: Sequence[Review | None]) -> Mapping[str, int]:
    read = [track.counts for track in tracks if track and track.counts]
    return {level: sum(counts[level] for counts in read) for level in (*LEVELS, "IMP")} if read else {}


def _top(tracks: Sequence[Review | None]) -> tuple[Finding, ...]:
    found = [item for track in tracks if track for item in track.top]
    return tuple(sorted(found, key=lambda item: item.severity)[:5])


def _number(stated: Mapping[str, str], key: str) -> int | None:
    """A count; a list in brackets counts its items, as ``tracks: [a, b]`` does."""
    value = one_line(stated.get(key)) or ""
    if value.startswith("[") and value.endswith("]"):
        return len([item for item in value[1:-1].split(",") if item.strip()])
    return int(value) if value.isascii() and value.isdecimal() else None
