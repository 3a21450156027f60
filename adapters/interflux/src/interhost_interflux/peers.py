"""What one agent of a run tells the others while they work: only what blocks is a fact for everybody.

The helper script writes another format than a real run did. Source: ``reference/modules/interflux.md`` row F6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from interhost_hookspecs import AdapterContext, Coordination, CoordinationAction, Draft, Holder, Resource, Severity

from interhost_interflux.subject import find_subject
from interhost_interflux.values import fact_key, first_line, first_paths, one_line, value_at

_BLOCKS = frozenset({"blocking", "p0"})
_SUMMARIES = ("summary", "title", "note")
# An older line was brought by a checkout, not by an agent at work.
_LIFE = timedelta(hours=24)
_LINES = re.compile(r":\d+(?:[-:]\d+)*$")


def tell_peer_findings(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """The blocking lines that were added to one file; a damaged line is passed over."""
    lines = ctx.tail(path, whole=True).lines
    if lines:
        ctx.look_again(path)  # the next lines may be there already
    for line in lines:
        try:
            entry: object = json.loads(line)
        except (ValueError, RecursionError):
            continue
        stated = {(first_line(entry, (key,)) or "").lower() for key in ("severity", "type")}
        at = _time(one_line(value_at(entry, "timestamp")))
        if stated & _BLOCKS and (at is None or ctx.now() - at < _LIFE):
            yield _tell(entry, line, at, path, root, ctx)


def _tell(entry: object, line: str, at: datetime | None, path: Path, root: Path, ctx: AdapterContext) -> Draft:
    ref = next(iter(first_paths(entry, ("file_refs",))), None)
    file = _LINES.sub("", ref) if ref else None
    return Draft(
        payload=Coordination(
            resource=Resource.FILE,
            resource_id=file or str(path.parent.relative_to(root)),
            action=CoordinationAction.BLOCKED,
            requester=Holder(name=first_line(entry, ("agent",))),
            reason=first_line(entry, _SUMMARIES),
            ref=ref,
        ),
        context_id=find_subject(path.parent, root, (), None, ctx).bead,
        artifact_path=Path(file) if file else None,
        severity=Severity.WARN,
        source_hook="file:peer-findings.jsonl",
        occurred_at=at,
        project_dir=root,
        dedupe_key=fact_key("peer", path, line),
    )


def _time(stated: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(stated or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
