"""Two databases: what was delivered to sessions, and the decisions and hypotheses of the workbench.

Source: ``reference/modules/tldr-swinton.md`` sections 2.2 (state), 2.3 and 2.6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from interhost_hookspecs import AdapterContext, Draft
from interhost_hookspecs.databases import read_rows
from interhost_hookspecs.files import is_plain_name
from interhost_hookspecs.positions import recall
from interhost_hookspecs.reading import fact_key, first_count, first_line, plain_line, read_time

from interhost_tldr_swinton.answers import find_file

DELIVERIES = Path(".tldrs", "tldrs_state.db")
"""What each session was given, below the root of a project."""

WORKBENCH = Path(".workbench", "state.db")
"""Decisions and hypotheses, likewise."""

RECORDED = "recorded"
"""Where the decisions are kept that this adapter itself has put into the workbench."""

_SYMBOLS = 50
_DAY = timedelta(days=1)
# A row that a clock ahead of ours has dated must not be the cursor.
_NEWEST = "SELECT max(last_accessed) AS newest FROM deliveries WHERE last_accessed < ?"
_NEW = "SELECT * FROM deliveries WHERE last_accessed > ? AND last_accessed < ? ORDER BY last_accessed"
_KINDS = {
    "decision": "SELECT * FROM decisions ORDER BY rowid DESC LIMIT 500",
    "hypothesis": "SELECT * FROM hypotheses ORDER BY rowid DESC LIMIT 500",
}

Looked = tuple[dict[str, Any], list[Draft]]


def look_at_deliveries(project: Path, kept: Mapping[str, Any], ctx: AdapterContext, is_news: bool) -> Looked:
    """What was delivered since the last look, one fact for each session."""
    path, end = project / DELIVERIES, (ctx.now() + _DAY).isoformat()
    newest = kept.get("newest") or ""
    if not is_news:
        found = read_rows(path, _NEWEST, end)
        if found is None and path.exists():  # whatever cannot be read yet is history, too
            return {"newest": ctx.now().isoformat()}, []
        return {"newest": str(found[0]["newest"] or "") if found else newest}, []
    rows = read_rows(path, _NEW, newest, end) or []
    sessions: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        sessions.setdefault(plain_line(row.get("session_id")), []).append(row)
    newest = str(rows[-1]["last_accessed"]) if rows else newest
    return {"newest": newest}, [_compose_delivery(name, found, project) for name, found in sessions.items()]


def look_at_workbench(project: Path, kept: Mapping[str, Any], ctx: AdapterContext, is_news: bool) -> Looked:
    """The decisions and hypotheses that are new or have changed."""
    path, known = project / WORKBENCH, kept.get("known")
    if not path.exists():
        return {"known": {}}, []
    found = {kind: read_rows(path, query) for kind, query in _KINDS.items()}
    if None in found.values():
        return {"known": known}, []
    is_first = known is None and not ctx.backfill
    rows = [(kind, row) for kind, read in found.items() for row in reversed(read or [])]
    own, now, drafts = recall(ctx, RECORDED), dict[str, str](), list[Draft]()
    for kind, row in rows:
        name = f"{kind} {plain_line(row.get('id'))}"
        now[name] = fact_key("", row)[-16:]
        before = (known or {}).get(name)
        if not is_first and before != now[name] and row.get("id") not in own:
            drafts.append(_compose_record(kind, row, before is not None, project))
    return {"known": now}, drafts


def _compose_delivery(session: str, rows: Sequence[Mapping[str, Any]], project: Path) -> Draft:
    symbols = [plain_line(row.get("symbol_id")) for row in rows]
    newest = rows[-1]["last_accessed"]
    return Draft(
        intent="tldr_swinton.delivered@1.0",
        payload={
            "session_id": session,
            "count": len(rows),
            "tokens": sum(first_count(row, "token_estimate") or 0 for row in rows),
            "representations": dict(Counter(plain_line(row.get("representation"), 40) for row in rows)),
            "symbols": symbols[:_SYMBOLS],
        },
        artifact_path=find_file(symbols, project),
        source_hook="db:deliveries",
        occurred_at=read_time(newest),
        project_dir=project,
        session_id=session if is_plain_name(session) else None,
        dedupe_key=fact_key("tldr-swinton", "delivered", project, session, newest),
    )


def _compose_record(kind: str, row: Mapping[str, Any], is_known: bool, project: Path) -> Draft:
    """A row of the workbench: who keeps hypotheses under other names has them all in ``row``."""
    payload = {
        "id": plain_line(row.get("id")),
        "statement": first_line(row, "statement", "summary"),
        "change": "updated" if is_known else "created",
        "row": dict(_list_plain(row)),
    }
    return Draft(
        intent="tldr_swinton.decision@1.0" if kind == "decision" else "tldr_swinton.hypothesis@1.0",
        payload=payload,
        artifact_path=project / WORKBENCH,
        source_hook=f"db:{kind}",
        project_dir=project,
        dedupe_key=fact_key("tldr-swinton", kind, project, row),
    )


def _list_plain(row: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        if isinstance(value, str | int | float) and name != "id":
            yield plain_line(name, 40), plain_line(value) if isinstance(value, str) else value
