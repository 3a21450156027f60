"""The synthesis of a flux-review, whose front matter may or may not count what its tracks found.

Front matter after the template has no counts and no verdict; then the findings of the tracks are the evidence. "Safe"
has to be proved, by counts that no track contradicts; a bad verdict is believed without proof.

Source: ``reference/modules/interflux.md`` section 2.3, row F2.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from interhost_hookspecs import AdapterContext, Draft, Finding, ReviewPass, Verdict, VerdictSource

from interhost_interflux.findings import LEVELS, Review, parse_review
from interhost_interflux.passes import HALF_WRITTEN, SEVERITIES
from interhost_interflux.run import FRONT_MATTER, is_degraded, modified, read_bytes
from interhost_interflux.subject import find_subject, settle_request
from interhost_interflux.values import encodable, fact_key, one_line

_GRAVE = (Verdict.RISKY, Verdict.NEEDS_CHANGES)


def tell_synthesis(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """Turn the synthesis of a review's tracks into its review pass; see ``passes.tell_pass``."""
    written, data = modified(path), read_bytes(path)
    if written is None:
        return
    matter = read_front_matter(data)
    if matter is None and abs(ctx.now().timestamp() - written) < HALF_WRITTEN:
        ctx.look_again(path)
        return
    stated = matter or {}
    tracks = read_tracks(path.parent)
    verdict, source = judge(stated, tracks)
    target = stated.get("target", "")
    subject = find_subject(path.parent, root, (target,) if target else (), stated.get("bead"), ctx)
    told = Draft(
        payload=ReviewPass(
            verdict=verdict,
            counts=_counts(stated) or _sum(tracks),
            verdict_source=source,
            stated_verdict=stated.get("verdict"),
            top=_top(tracks) or None,
            mode="flux-review",
            inputs=(target,) if target else None,
            report=str(path),
            degraded=is_degraded(path),
        ),
        severity=SEVERITIES[verdict],
        context_id=subject.bead,
        artifact_path=subject.document,
        source_hook="file:synthesis.md",
        occurred_at=datetime.fromtimestamp(written, UTC),
        project_dir=root,
        dedupe_key=fact_key("synthesis", path, hashlib.sha256(data).hexdigest()),
    )
    settle_request(subject, told, ctx)
    yield told


def read_front_matter(data: bytes) -> Mapping[str, str] | None:
    """The ``key: value`` lines of the front matter, nested ones left out; ``None`` when there is none."""
    found = FRONT_MATTER.match(data.decode("utf-8-sig", "replace"))
    if not found:
        return None
    lines = re.findall(r"^([\w-]+):[ \t]+(\S.*?)\s*$", found[1], re.MULTILINE)
    return {key: encodable(value.strip("\"'")) for key, value in lines}


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
    return [parse_review(read_bytes(path)) for path in sorted(folder.glob("track-*/findings.json"))]


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
