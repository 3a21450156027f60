"""What a result is about: its document, its bead, and the request that waits for it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, Request, ReviewPass, Verdict
from interhost_hookspecs.reading import is_bead

KIND = "review"
"""Kind of the requests that wait for a review."""

FOLDERS = {"plan": "docs/plans", "prd": "docs/prds", "brainstorm": "docs/brainstorms"}
"""Kinds of documents that deserve a review, and where they lie below a project's root."""


@frozen(kw_only=True)
class Subject:
    """What one result is about.

    Attributes:
        bead: Its bead, when the result, its inputs, or the request for it say so.
        document: The one file or directory that was looked at, when it exists.
        request: The open request for it.
    """

    bead: str | None
    document: Path | None
    request: Request | None


def find_subject(folder: Path, root: Path, inputs: Sequence[str], stated: str | None, ctx: AdapterContext) -> Subject:
    """Find out what a result is about.

    Args:
        folder: Directory of the run.
        root: Root of the project.
        inputs: What was looked at, as the result names it; one in three names nothing.
        stated: What the result calls its bead.
        ctx: Reads beads, and knows the requests.
    """
    existing = [found for name in inputs if (found := _existing(root, name))]
    request = _find_request(folder, existing, ctx.open_requests(KIND))
    if not inputs:
        named = _existing(root, str(document_of(request))) if request else _find_named(folder, root)
        existing = [named] if named else []
    document = existing[0] if existing and len(inputs) < 2 else None
    context = request.context_id if request and is_bead(request.context_id) else None
    return Subject(bead=_bead(stated, existing, ctx) or context, document=document, request=request)


def settle_request(subject: Subject, told: Draft, ctx: AdapterContext) -> None:
    """Close the request that a review answers: one that ended with a verdict, after it was asked for."""
    review, request = told.payload, subject.request
    if not request or not isinstance(review, ReviewPass) or review.verdict in (None, Verdict.ERROR):
        return
    if told.occurred_at and told.occurred_at >= request.asked_at:
        ctx.close_request(request, f"{review.verdict}: {review.report or review.findings_path}")


def document_of(request: Request) -> Path:
    """The document whose review a request asks for."""
    return Path(str(request.details.get("path")))


def is_named_after(folder: Path, document: Path, project: Path | None) -> bool:
    """Whether a run's directory has the name that a document's path gives it: its stem and eight digits of a hash."""
    names = {str(document)}
    if project and document.is_relative_to(project):
        names |= {(name := str(document.relative_to(project))), f"./{name}"}
    digests = "|".join(hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8] for name in names)
    return re.search(rf"-(?:{digests})(?:-|$)", folder.name) is not None


def _find_named(folder: Path, root: Path) -> Path | None:
    """The document that a run's directory is named after."""
    documents = (path for place in FOLDERS.values() for path in root.glob(f"{place}/**/*.md"))
    return next((path for path in documents if is_named_after(folder, path, root)), None)


def _find_request(folder: Path, existing: Iterable[Path], requests: Iterable[Request]) -> Request | None:
    known = {os.path.realpath(path) for path in existing}
    for request in requests:
        document = document_of(request)
        if os.path.realpath(document) in known or is_named_after(folder, document, request.project_dir):
            return request
    return None


def _bead(stated: str | None, existing: Iterable[Path], ctx: AdapterContext) -> str | None:
    """The bead the result states, else the one that its inputs name in agreement."""
    if is_bead(stated):
        return stated
    named = {bead for path in existing if path.is_file() and (bead := ctx.find_bead(path))}
    return named.pop() if len(named) == 1 else None


def _existing(root: Path, name: str) -> Path | None:
    """The file or directory that an input names, relative to the project unless it is absolute."""
    path = os.path.abspath(root / name)
    return Path(path) if os.path.exists(path) else None
