"""Brainstorms, PRDs and plans: written, or changed in more than the phase that their header names.

The header is interphase's to write, and the move that it shows is interphase's to tell.

Source: ``reference/cli-contracts.md`` sections 5.1 and 5.3.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from attrs import evolve
from interhost_hookspecs import AdapterContext, Change, Draft
from interhost_hookspecs.files import read_head
from interhost_hookspecs.kernel_facts import compose_artifact
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import is_bead, one_line, read_front_matter
from interhost_hookspecs.sources import watch_states

FOLDERS: Mapping[str, str] = MappingProxyType(
    {"docs/brainstorms/**/*.md": "brainstorm", "docs/prds/**/*.md": "prd", "docs/plans/**/*.md": "plan"}
)
"""Where documents lie below a project, and what they are, as ``set-artifact`` calls it."""

BESIDE: Mapping[str, str] = MappingProxyType(
    {".criteria.md": "acceptance-criteria", ".criteria-results.md": "criteria-results"}
)
"""What lies beside a plan and is none."""

_PHASE = re.compile(rb"^\*{0,2}Phase(?::\*{0,2}|\*{0,2}:)[ \t]+([\w-]+)[^\n]*\n?", re.MULTILINE)
_TITLE = re.compile(r"^# +(.+)$", re.MULTILINE)
# More of a document than anybody reads; what changes behind it is not noticed.
_READ = 1 << 20
_REMEMBERED = 5000


def tell_documents(ctx: AdapterContext) -> Iterator[Draft]:
    """The documents of every project that were written or changed since the last look."""
    for project in ctx.projects:
        known = recall(ctx, f"documents:{project}")
        for pattern, kind in FOLDERS.items():
            for path, is_news in watch_states(pattern, project, ctx):
                if told := _read(path, kind, project, known, ctx, is_news=is_news):
                    yield told
        keep(ctx, f"documents:{project}", known, most=_REMEMBERED)


def _read(
    path: Path, kind: str, project: Path, known: dict[str, str], ctx: AdapterContext, *, is_news: bool
) -> Draft | None:
    """What a document tells; ``known`` has the digest of each, without its phase."""
    name, data = str(path.relative_to(project)), read_head(path, _READ)
    before, known[name] = known.pop(name, None), hashlib.sha256(_PHASE.sub(b"", data, count=1)).hexdigest()[:16]
    if not is_news or before == known[name]:
        return None
    text, phase = data.decode("utf-8-sig", "replace"), _PHASE.search(data)
    matter = read_front_matter(text) or {}
    title, bead = _TITLE.search(text), ctx.find_bead(path) or matter.get("bead")
    told = compose_artifact(
        next((other for suffix, other in BESIDE.items() if name.endswith(suffix)), kind),
        name,
        project,
        bead=bead if is_bead(bead) else None,
        phase=phase[1].decode("utf-8", "replace") if phase else None,
        title=one_line(title[1] if title else matter.get("title")),
        change=Change.UPDATED if before is not None else Change.CREATED,
    )
    # It may be gone by now.
    return evolve(told, source_hook=f"file:{name.rpartition('/')[0]}") if told.artifact_path else None
