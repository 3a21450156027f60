"""Facts beside the reviews: reports for people, what blocks an agent at work, models that drift.

Source: ``reference/modules/interflux.md`` sections 2.3 (rows F1 to F4, F6 and F11) and 2.8.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    ArtifactReady,
    Coordination,
    CoordinationAction,
    Draft,
    DriftDetected,
    Holder,
    HookEvent,
    Observation,
    Resource,
    Severity,
    hookimpl,
)
from interhost_hookspecs.files import modified, read_head
from interhost_hookspecs.findings import parse_review
from interhost_hookspecs.reading import (
    compact,
    fact_key,
    first_line,
    first_number,
    first_paths,
    one_line,
    read_front_matter,
    read_object_lines,
    read_time,
    value_at,
)

from interhost_interflux.run import find_run
from interhost_interflux.subject import find_subject

DRIFTS = {"drift_detected": Severity.WARN, "baseline_shift_suspected": Severity.ERROR}
"""What is drift; the script's other answers say that there is none, that it is over, or that it could not look."""

_SCRIPT = "fluxbench-drift"
_REGISTRY = re.compile(r"\bMODEL_REGISTRY=([\"']?)(/[^\s\"']+)\1")
_HEADING = re.compile(r"^# +(\S.*)$", re.MULTILINE)
_BLOCKS = frozenset({"blocking", "p0"})
# An older line was brought by a checkout, not by an agent at work.
_LIFE = timedelta(hours=24)
_LINES = re.compile(r":\d+(?:[-:]\d+)*$")


def tell_report(path: Path, root: Path, ctx: AdapterContext, *, kind: str) -> Iterator[Draft]:
    """A report, as an artifact of the context that its findings or its front matter name; each state of it once."""
    if (found := find_run(path, ctx)) is None:
        return
    data, findings = read_head(path, -1), path.with_name("findings.json")
    text, digest = data.decode("utf-8", "replace"), hashlib.sha256(data).hexdigest()
    review, matter, heading = (
        parse_review(read_head(findings, -1)),
        read_front_matter(text) or {},
        _HEADING.search(text),
    )
    inputs = review.inputs if review else tuple(filter(None, (matter.get("target"),)))
    stated = review.bead if review else matter.get("bead")
    yield Draft(
        payload=ArtifactReady(kind=kind, title=one_line(heading[1]) if heading else None, sha256=digest),
        context_id=find_subject(path.parent, root, inputs, stated, ctx).bead,
        artifact_path=path,
        source_hook=f"file:{re.sub(r'^.*-', '', path.name)}",
        # A review is told before its report, in whatever order they were written.
        occurred_at=datetime.fromtimestamp(max(found[0], modified(findings) or 0.0), UTC),
        project_dir=root,
        dedupe_key=fact_key("interflux", "report", path, digest),
    )


def tell_peers(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """What one agent of a run told the others since the last look and blocks; the rest is no fact for everybody.

    The helper script writes another format than a real run did; a damaged line is passed over.
    """
    lines = ctx.tail(path, whole=True).lines
    if lines:
        ctx.look_again(path)  # the next lines may be there already
    for line, entry in read_object_lines(lines):
        stated = {(first_line(entry, key) or "").lower() for key in ("severity", "type")}
        at = read_time(one_line(entry.get("timestamp")), UTC)
        if stated & _BLOCKS and (at is None or ctx.now() - at < _LIFE):
            context = find_subject(path.parent, root, (), None, ctx).bead
            yield _compose_block(entry, line, at, path, root, context)


@hookimpl
def observe_hook(event: HookEvent) -> Observation:
    """Tell the drift of models that a shell command reported, one fact per model: nobody stores what it says."""
    printed = value_at(event.raw, "tool_response.stdout")
    if not isinstance(printed, str) or _SCRIPT not in event.command:
        return Observation()
    entries = [entry for _, entry in read_object_lines(printed.splitlines())]
    registry = _REGISTRY.search(event.command)
    return Observation(
        drafts=tuple(
            _compose_drift(entry, model, verdict, Path(registry[2]) if registry else None)
            for entry in entries
            if (model := first_line(entry, "model")) and (verdict := first_line(entry, "verdict")) in DRIFTS
        )
    )


def _compose_block(
    entry: Mapping[str, object], line: str, at: datetime | None, path: Path, root: Path, context: str | None
) -> Draft:
    ref = next(iter(first_paths(entry, "file_refs")), None)
    file = _LINES.sub("", ref) if ref else None
    return Draft(
        payload=Coordination(
            resource=Resource.FILE,
            resource_id=file or str(path.parent.relative_to(root)),
            action=CoordinationAction.BLOCKED,
            requester=Holder(name=first_line(entry, "agent")),
            reason=first_line(entry, "summary", "title", "note"),
            ref=ref,
        ),
        context_id=context,
        artifact_path=Path(file) if file else None,
        severity=Severity.WARN,
        source_hook="file:peer-findings.jsonl",
        occurred_at=at,
        project_dir=root,
        dedupe_key=fact_key("interflux", "peer", path, line),
    )


def _compose_drift(entry: Mapping[str, object], model: str, verdict: str, registry: Path | None) -> Draft:
    return Draft(
        payload=DriftDetected(
            kind="model_quality",
            actual=model,
            signal=verdict,
            score=first_number(entry, "max_drift"),
            detail=one_line(compact(entry.get("metrics"))),
        ),
        context_id="model:" + re.sub(r"[^a-z0-9._-]+", "-", model.lower()).strip("-"),
        artifact_path=registry,
        severity=DRIFTS[verdict],
        source_hook="PostToolUse:Bash",
    )
