"""Where interflux leaves its results, below a project's root, and what each of them tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft

from interhost_interflux.passes import TRACK, tell_pass
from interhost_interflux.peers import tell_peer_findings
from interhost_interflux.reports import tell_report
from interhost_interflux.syntheses import tell_synthesis

_DRIVE, _REVIEW = "docs/research/flux-drive", "docs/research/flux-review"
_RESEARCH, _MELANGE = "docs/research/flux-research", "docs/research/flux-melange"
_report = partial(tell_report, kind="review_report")
_research = partial(tell_report, kind="research_report")


@frozen
class Source:
    """Files that tell the same kind of facts.

    Attributes:
        pattern: Glob below a project's root.
        tells: One function per fact; each takes file, root and context.
        settle: Seconds a file must have been left alone.
    """

    pattern: str
    tells: tuple[Callable[[Path, Path, AdapterContext], Iterator[Draft]], ...]
    settle: float = 2.0


SOURCES = (
    Source(f"{_DRIVE}/*/findings.json", (partial(tell_pass, mode="flux-drive"),)),
    Source(f"{_REVIEW}/*/track-*/findings.json", (partial(tell_pass, mode=TRACK),)),
    Source(f"{_REVIEW}/*/*-synthesis.md", (tell_synthesis, _report)),
    Source(f"{_DRIVE}/*/summary.md", (_report,)),
    Source(f"{_DRIVE}/*/synthesis.md", (_report,)),
    Source(f"{_REVIEW}/*/track-*/summary.md", (_report,)),
    Source(f"{_REVIEW}/*/track-*/synthesis.md", (_report,)),
    Source(f"{_RESEARCH}/*/synthesis.md", (_research,)),
    Source(f"{_MELANGE}/*/*-synthesis.md", (_research,)),
    Source(f"{_DRIVE}/*/peer-findings.jsonl", (tell_peer_findings,), settle=0.0),
    Source(f"{_REVIEW}/*/track-*/peer-findings.jsonl", (tell_peer_findings,), settle=0.0),
)


def list_facts(root: Path, ctx: AdapterContext) -> Iterator[Draft]:
    """What the files of one project tell that changed since the last look."""
    for source in SOURCES:
        for path in ctx.changed(source.pattern, root=root, settle=source.settle):
            for tell in source.tells:
                yield from tell(path, root, ctx)
