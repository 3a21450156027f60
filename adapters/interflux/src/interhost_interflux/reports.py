"""Reports for people, as artifacts: of reviews, of research, of melanges. Each state of a file is told once.

Source: ``reference/modules/interflux.md`` sections 2.3 (rows F1 to F4) and 2.8.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from interhost_hookspecs import AdapterContext, ArtifactReady, Draft

from interhost_interflux.findings import parse_review
from interhost_interflux.run import look_beside, modified, read_bytes
from interhost_interflux.subject import find_subject
from interhost_interflux.syntheses import read_front_matter
from interhost_interflux.values import fact_key, one_line

_HEADING = re.compile(r"^# +(\S.*)$", re.MULTILINE)


def tell_report(path: Path, root: Path, ctx: AdapterContext, *, kind: str) -> Iterator[Draft]:
    """Turn one report into an artifact of the context that its findings or its front matter name.

    Args:
        path: The file, as ``ctx.changed`` reported it.
        root: Root of its project.
        ctx: Where the host is asked to look again at the report of a run that is at work.
        kind: Kind of the artifact.
    """
    written, data, run, findings = modified(path), read_bytes(path), look_beside(path), path.with_name("findings.json")
    if written is None:
        return
    if run.outdates(written):
        if run.is_alive(ctx.now().timestamp()):
            ctx.look_again(path)
        return
    review, matter = parse_review(read_bytes(findings)), read_front_matter(data) or {}
    inputs = review.inputs if review else tuple(filter(None, (matter.get("target"),)))
    stated = review.bead if review else matter.get("bead")
    heading = _HEADING.search(data.decode("utf-8", "replace"))
    digest = hashlib.sha256(data).hexdigest()
    yield Draft(
        payload=ArtifactReady(kind=kind, title=one_line(heading[1]) if heading else None, sha256=digest),
        context_id=find_subject(path.parent, root, inputs, stated, ctx).bead,
        artifact_path=path,
        source_hook=f"file:{re.sub(r'^.*-', '', path.name)}",
        # A review is told before its report, in whatever order they were written.
        occurred_at=datetime.fromtimestamp(max(written, modified(findings) or written), UTC),
        project_dir=root,
        dedupe_key=fact_key("report", path, digest),
    )
