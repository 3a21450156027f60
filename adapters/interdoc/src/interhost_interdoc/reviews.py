"""What interdoc leaves in ``.git/interdoc``: the review by another model, and the preview of a dry run.

Source: ``reference/modules/interdoc.md`` section 3.3, rows D7 and D8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from interhost_hookspecs import AdapterContext, ArtifactReady, Draft, ReviewPass, Severity, Verdict, VerdictSource
from interhost_hookspecs.files import read_head
from interhost_hookspecs.reading import fact_key, first_count, first_line, read_object, read_time
from interhost_hookspecs.sources import Source

from interhost_interdoc.repository import DOCUMENT

_PREVIEW = "interdoc.preview.v1"


def tell_review(path: Path, root: Path) -> Iterator[Draft]:
    """A review of the document. Safe when every suggestion was taken; unreadable counts prove nothing."""
    report = read_object(read_head(path))
    names = ("suggestionCount", "appliedCount", "skippedCount")
    suggested, applied, skipped = (first_count(report, name) for name in names)
    verdict, counts = None, {}
    if suggested is not None and applied is not None and skipped is not None:
        verdict = Verdict.NEEDS_CHANGES if skipped or applied < suggested else Verdict.SAFE
        counts = {"suggestions": suggested, "applied": applied, "skipped": skipped}
    at, commit = first_line(report, "reviewedAt"), first_line(report, "reviewedCommit")
    yield Draft(
        payload=ReviewPass(
            verdict=verdict,
            counts=counts,
            verdict_source=VerdictSource.RECOMPUTED if verdict else VerdictSource.UNREADABLE,
            mode="oracle",
            findings_path=str(path),
        ),
        artifact_path=root / DOCUMENT,
        severity=Severity.ERROR if verdict is None else Severity.WARN if suggested else Severity.INFO,
        source_hook=f"file:{path.name}",
        occurred_at=read_time(at),
        project_dir=root,
        dedupe_key=fact_key("interdoc", "review", path, at, commit, counts),
        extensions={"reviewed_commit": commit} if commit else {},
    )


def tell_preview(path: Path, root: Path) -> Iterator[Draft]:
    """What interdoc would write, as a patch beside the preview."""
    preview = read_object(read_head(path))
    if preview.get("schema") != _PREVIEW:
        return
    counts = [f"{first_count(preview, f'summary.{name}') or 0} {name}" for name in ("new", "updated", "deleted")]
    at, head = first_line(preview, "timestamp"), first_line(preview, "head")
    yield Draft(
        payload=ArtifactReady(kind="agents_md_preview", title=f"Preview of documents: {', '.join(counts)}"),
        artifact_path=path.with_name("preview.patch"),
        source_hook=f"file:{path.name}",
        occurred_at=read_time(at),
        project_dir=root,
        dedupe_key=fact_key("interdoc", "preview", path, at, head, counts),
        extensions={"head": head} if head else {},
    )


_TELL = {"last-review.json": tell_review, "preview.json": tell_preview}


def _tell(path: Path, root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    tell = _TELL.get(path.name)
    return tell(path, root) if tell else iter(())


SOURCES: Sequence[Source[Draft]] = (Source(".git/interdoc/*.json", _tell),)
"""What is watched below a project's root: one pattern, because every look costs a position to read."""
