"""What a scan says of the documents, and what of it is news.

A scan is read from ``drift.json``, which interwatch saves, or from the output of a scan that saved nothing. Both are
held against the same memory of tiers, so that what one told the other does not tell again. A file that holds fewer
documents than before (``--check`` with ``--save-state`` leaves one of all) takes nothing back.

Source: ``reference/modules/interwatch.md`` sections 4.3, 4.4 (rows W1 and W6) and 4.6.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, DriftDetected, Severity
from interhost_hookspecs.files import modified, read_head
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import (
    fact_key,
    first_count,
    first_line,
    first_number,
    one_line,
    plain_line,
    read_local_time,
    read_object,
    value_at,
)

REPORT = ".interwatch/drift.json"
"""The last saved scan, below a project."""

MISSING = "Missing"
"""Our tier of a document that is not there; interwatch calls it Green, with a score of 0."""

TIERS: Mapping[str, Severity] = MappingProxyType(
    {
        "Green": Severity.INFO,
        "Low": Severity.INFO,
        "Medium": Severity.WARN,
        "High": Severity.WARN,
        "Certain": Severity.WARN,
        MISSING: Severity.ERROR,
    }
)
"""interwatch's tiers from good to bad, and ours; of the first two interwatch itself asks nothing."""

MOST_BYTES = 4 << 20
"""Bytes of the largest file that is read; a larger one counts as damaged."""

_MOST = 500
_SIGNALS = 8
_KEPT = ("recommended_action", "generator", "generator_args.type")


@frozen(kw_only=True)
class Document:
    """One document that interwatch watches, as a scan found it.

    Attributes:
        name: Its name in interwatch's configuration.
        tier: One of ``TIERS``.
        path: The file; ``None`` when the scan names none inside of the project.
        record: What else the scan says.
    """

    name: str
    tier: str
    path: Path | None
    record: Mapping[str, object]


@frozen(kw_only=True)
class Report:
    """One scan: when, in interwatch's words and as a time, and the documents."""

    date: str | None
    at: datetime | None
    documents: tuple[Document, ...]


def read_report(text: str | bytes, root: Path) -> Report | None:
    """A scan; ``None`` for a torn one, and for what is none. Documents without a known tier are left out."""
    report = read_object(text)
    watchables = report.get("watchables")
    if not isinstance(watchables, dict):
        return None
    found = (_read_document(name, record, root) for name, record in watchables.items())
    date = first_line(report, "scan_date")
    return Report(date=date, at=read_local_time(date), documents=tuple(one for one in found if one)[:_MOST])


def list_documents(root: Path) -> tuple[Document, ...]:
    """The documents of the last saved scan of a project."""
    report = read_report(read_head(root / REPORT, MOST_BYTES + 1), root)
    return report.documents if report else ()


def tell_report(path: Path, root: Path, ctx: AdapterContext, is_news: bool) -> Iterator[Draft]:
    """What a saved scan tells; a torn file is left for the next one."""
    if report := read_report(read_head(path, MOST_BYTES + 1), root):
        drafts = list(tell_tiers(report, root, ctx, source="file:drift.json"))
        yield from drafts if is_news else ()


def tell_tiers(report: Report, root: Path, ctx: AdapterContext, *, source: str) -> Iterator[Draft]:
    """The documents that came into another tier, and those that are seen for the first time and drifted already.

    Args:
        report: The scan.
        root: Its project.
        ctx: Remembers the tiers.
        source: Where the scan comes from.
    """
    is_git = os.path.lexists(root / ".git")  # without it no commit counts, and all is Green
    known: dict[str, list[object]] = recall(ctx, f"tiers:{root}")
    for one in report.documents:
        tier, since = known.get(one.name, (None, None))
        if one.tier == tier or (not is_git and not is_drifted(one.tier)):
            continue
        known.pop(one.name, None)
        known[one.name] = [one.tier, (report.at or ctx.now()).timestamp()]
        if is_drifted(one.tier) or tier in TIERS:
            yield _compose(one, str(tier) if tier else None, since, report, root, source)
    keep(ctx, f"tiers:{root}", known, most=_MOST)


def is_drifted(tier: str) -> bool:
    """Whether interwatch asks for something about documents of this tier."""
    return TIERS[tier] is not Severity.INFO


def _read_document(name: str, record: object, root: Path) -> Document | None:
    label = plain_line(name)
    tier = MISSING if value_at(record, "exists") is False else first_line(record, "confidence") or ""
    if not label or tier not in TIERS or not isinstance(record, dict):
        return None
    return Document(name=label, tier=tier, path=_place(record.get("path"), root), record=record)


def _place(stated: object, root: Path) -> Path | None:
    if not isinstance(stated, str) or not stated or not stated.isprintable():
        return None
    path = Path(os.path.normpath(root / stated))
    return path if path != root and path.is_relative_to(root) else None


def _compose(one: Document, previous: str | None, since: object, report: Report, root: Path, source: str) -> Draft:
    """One document in another tier; ``doc_tier`` is no drift, and nobody needs to do anything about it."""
    signals = _list_signals(one.record)
    why = _explain(one, since) or ", ".join(f"{name} {count}" for name, count in signals.items())
    move = f"{one.tier}, was {previous}" if previous else one.tier
    kept = {key.partition(".")[0]: first_line(one.record, key) for key in _KEPT}
    return Draft(
        payload=DriftDetected(
            kind="doc" if is_drifted(one.tier) else "doc_tier",
            signal=", ".join(signals) or None,
            score=first_number(one.record, "score"),
            tier=one.tier,
            detail=f"{one.name}: {move}{f' ({why})' if why else ''}",
        ),
        artifact_path=one.path,
        project_dir=root,
        severity=TIERS[one.tier],
        source_hook=source,
        occurred_at=report.at,
        dedupe_key=fact_key("interwatch", "tier", root, one.name, previous, one.tier, report.date),
        extensions={
            "watchable": one.name,
            "previous": previous,
            "stated_tier": first_line(one.record, "confidence"),
            "stated_path": None if one.path else one_line(one.record.get("path")),
            "scan_date": report.date,
            "signals": signals,
            **{key: text for key, text in kept.items() if text},
        },
    )


def _list_signals(record: Mapping[str, object]) -> Mapping[str, int]:
    """The signals that found something, with how much, the heaviest first."""
    stated = record.get("signals")
    named = {plain_line(name): value for name, value in stated.items()} if isinstance(stated, dict) else {}
    found = [
        (first_number(value, "score") or 0.0, name, first_count(value, "count") or 0) for name, value in named.items()
    ]
    return {name: count for _, name, count in sorted(found, key=lambda one: -one[0])[:_SIGNALS] if name and count}


def _explain(one: Document, since: object) -> str:
    """What the tier alone would hide."""
    if one.tier == MISSING:
        return "the file is not there, which interwatch does not count"
    written = modified(one.path) if one.path and not is_drifted(one.tier) else None
    if written is not None and isinstance(since, int | float) and written < since:
        return "the file was not changed: saving a scan resets what interwatch counts from"
    return ""
