"""Deliveries, the workbench, and the receipts of Clavain's gateway.

Rows and receipts have the shapes of reference/modules/tldr-swinton.md section 2.3.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import Severity
from interhost_hookspecs.databases import read_rows
from interhost_hookspecs.testing import EPOCH, payloads
from interhost_tldr_swinton import records

if TYPE_CHECKING:
    from conftest import Desk

STATE = ".tldrs/tldrs_state.db"
WORKBENCH = ".workbench/state.db"
DELIVERIES = """CREATE TABLE deliveries (session_id TEXT, symbol_id TEXT, etag TEXT, representation TEXT,
  token_estimate INTEGER, last_accessed TEXT, PRIMARY KEY (session_id, symbol_id));"""
DECISIONS = "CREATE TABLE decisions (id TEXT PRIMARY KEY, statement TEXT, reason TEXT, created_at, superseded_by TEXT);"


def deliver(session: str, symbol: str, minutes: float = 0, *, how: str = "full", tokens: int = 26) -> str:
    """SQL by which a symbol is delivered."""
    at = (EPOCH + timedelta(minutes=minutes)).isoformat()
    values = ", ".join(f"'{one}'" for one in (session, symbol, "0b20ff31", how, tokens, at))
    return " ".join(["INSERT OR REPLACE INTO deliveries VALUES (", values, ");"])


def test_deliveries_are_told_by_session(desk: Desk) -> None:
    """How much of what, and of which file; each row once."""
    rows = (
        deliver("s1", "src/auth.py:login"),
        deliver("s1", "src/auth.py:hash_pw", 0.1, how="signature", tokens=4),
        deliver("s2", "src/app.py:main", 0.2),
    )
    desk.ask(STATE, DELIVERIES, *rows)
    first, second = desk.look()
    assert first.payload == {
        "session_id": "s1",
        "count": 2,
        "tokens": 30,
        "representations": {"full": 1, "signature": 1},
        "symbols": ["src/auth.py:login", "src/auth.py:hash_pw"],
    }
    assert (first.artifact_path, first.session_id) == (desk.project / "src/auth.py", "s1")
    assert (first.occurred_at, first.project_dir) == (EPOCH + timedelta(minutes=0.1), desk.project)
    assert (second.session_id, second.artifact_path) == ("s2", desk.project / "src/app.py")
    assert desk.look() == []
    desk.ask(STATE, deliver("s1", "src/auth.py:login", 1))
    (again,) = desk.look()
    assert isinstance(again.payload, dict)
    assert again.payload["symbols"] == ["src/auth.py:login"]


def test_earlier_deliveries_are_history(desk: Desk) -> None:
    """At the first look; a row of the future is no cursor."""
    future = deliver("s1", "later", 60 * 24 * 400)
    desk.ask(STATE, DELIVERIES, deliver("s1", "old.py:f", -1), future)
    desk.ctx.cursor.values.clear()
    assert desk.look() == []
    desk.ask(STATE, deliver("s1", "new.py:f", 0.5))
    (draft,) = desk.look()
    assert isinstance(draft.payload, dict)
    assert draft.payload["symbols"] == ["new.py:f"]


def test_odd_deliveries_do_no_harm(desk: Desk) -> None:
    """Symbols that lead out or act on a terminal, sessions that are paths, times that are none."""
    rows = (
        deliver("../../x", "../../etc/passwd:f"),
        deliver("s\x1b]0;", "/etc/passwd:f"),
        "INSERT INTO deliveries VALUES (x'ff', x'00', 1, NULL, 'many', '2026-11-20T12:00:00+00:00');",
        "INSERT INTO deliveries VALUES ('s3', 'a', 1, 1, 1, 5);",
    )
    desk.ask(STATE, DELIVERIES, *rows)
    drafts = desk.look()
    assert len(drafts) == 3
    assert {(one.artifact_path, one.session_id) for one in drafts} == {(None, None)}


@pytest.mark.parametrize("content", ["", "no database", "SQLite format 3\0" + "x" * 4096])
def test_damaged_databases_tell_nothing(desk: Desk, content: str) -> None:
    """And are read again when they have changed."""
    for name in (STATE, WORKBENCH):
        desk.write(name, content)
    assert desk.look() == []
    (desk.project / STATE).unlink()
    desk.ask(STATE, DELIVERIES, deliver("s1", "a.py:f"))
    assert len(desk.look()) == 1


def test_a_history_that_cannot_be_read_yet_is_history(desk: Desk) -> None:
    """The databases are damaged, or locked, at the first look, and in order later."""
    for name in (STATE, WORKBENCH):
        desk.write(name, "no database")
    desk.ctx.cursor.values.clear()
    assert desk.look() == []
    for name in (STATE, WORKBENCH):
        (desk.project / name).unlink()
    desk.ask(STATE, DELIVERIES, deliver("s1", "old.py:f", -1))
    desk.ask(WORKBENCH, DECISIONS, "INSERT INTO decisions VALUES ('d', 'old', '', '', NULL)")
    assert desk.look() == []
    desk.ask(STATE, deliver("s1", "new.py:f", 5))
    desk.ask(WORKBENCH, "INSERT INTO decisions VALUES ('e', 'new', '', '', NULL)")
    assert [one.intent for one in desk.look()] == ["tldr_swinton.delivered@1.0", "tldr_swinton.decision@1.0"]


def test_what_is_written_during_a_look_is_seen_by_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signature that is kept is not younger than what was read."""
    desk.ask(STATE, DELIVERIES, deliver("s1", "a.py:f"))
    real = read_rows

    def read_and_write(path: Path, query: str, *values: object) -> list[dict[str, Any]] | None:
        rows = real(path, query, *values)
        monkeypatch.setattr(records, "read_rows", real)
        desk.ask(STATE, deliver("s1", "b.py:f", 0.5))
        return rows

    monkeypatch.setattr(records, "read_rows", read_and_write)
    told = [one["symbols"] for _ in range(2) for one in payloads(desk.look()) if isinstance(one, dict)]
    assert told == [["a.py:f"], ["b.py:f"]]


def test_decisions_are_told_and_what_becomes_of_them(desk: Desk) -> None:
    """New, and superseded by another."""
    made = "INSERT INTO decisions VALUES ('dec-9568b4', 'Use sha256', 'fast', '2026-11-20', NULL);"
    desk.ask(WORKBENCH, DECISIONS, made)
    (draft,) = desk.look()
    assert draft.intent == "tldr_swinton.decision@1.0"
    assert draft.payload == {
        "id": "dec-9568b4",
        "statement": "Use sha256",
        "change": "created",
        "row": {"statement": "Use sha256", "reason": "fast", "created_at": "2026-11-20"},
    }
    assert (draft.artifact_path, draft.source_hook) == (desk.project / WORKBENCH, "db:decision")
    assert desk.look() == []
    later = "INSERT INTO decisions VALUES ('dec-2', 'Use blake2', 'faster', '2026-11-21', NULL);"
    desk.ask(WORKBENCH, later, "UPDATE decisions SET superseded_by = 'dec-2' WHERE id = 'dec-9568b4'")
    changes = [(one["id"], one["change"]) for one in payloads(desk.look()) if isinstance(one, dict)]
    assert changes == [("dec-9568b4", "updated"), ("dec-2", "created")]


def test_hypotheses_are_told_whatever_their_columns(desk: Desk) -> None:
    """Of a workbench that has no decisions yet."""
    made = "CREATE TABLE hypotheses (id TEXT, statement TEXT, status TEXT, extra BLOB);"
    desk.ask(WORKBENCH, made, "INSERT INTO hypotheses VALUES ('hyp-ead5ae', 'login is slow', 'open', x'00')")
    (draft,) = desk.look()
    assert draft.intent == "tldr_swinton.hypothesis@1.0"
    assert isinstance(draft.payload, dict)
    assert draft.payload["row"] == {"statement": "login is slow", "status": "open"}
    desk.ask(WORKBENCH, "UPDATE hypotheses SET status = 'refuted'")
    assert [one["change"] for one in payloads(desk.look()) if isinstance(one, dict)] == ["updated"]


def test_an_earlier_workbench_is_history(desk: Desk) -> None:
    """What was decided before the adapter came is not told; what follows is. Two rows of one id do no harm."""
    desk.ask(WORKBENCH, "CREATE TABLE decisions (id TEXT, statement TEXT); INSERT INTO decisions VALUES ('d', 'old')")
    desk.ctx.cursor.values.clear()
    assert desk.look() == []
    desk.ask(WORKBENCH, "INSERT INTO decisions VALUES ('e', 'a\x1b]0;b'), ('e', 'c')")
    told = [one["row"]["statement"] for one in payloads(desk.look()) if isinstance(one, dict)]
    assert told == ["a ]0;b", "c"]


# Receipts ------------------------------------------------------------------------------------------------------------


def make_receipt(desk: Desk, **more: object) -> dict[str, object]:
    """A receipt as Clavain's gateway writes it."""
    return {
        "candidate_paths": ["src/auth.py", "src/app.py"],
        "confidence": 0.9,
        "decision": "inject",
        "duration_ms": 1095,
        "harness_profile": "claude",
        "min_confidence": 0.6,
        "mode": "auto",
        "packet_chars": 965,
        "packet_sha256": "e7b3",
        "project": str(desk.project),
        "reason": "ranked_candidate",
        "schema_version": 1,
        "task_sha256": "53bc",
        "timestamp": EPOCH.isoformat(),
        "tldrs_version": "tldrs 0.8.4",
        **more,
    }


def look_at_receipt(desk: Desk, receipt: object, folder: str = ".clavain/context-gateway") -> list[Any]:
    """What a new receipt tells."""
    path = desk.write(f"{folder}/20261120-77-0123456789.json", receipt, root=desk.home)
    return desk.look(str(path))


def test_a_receipt_is_told(desk: Desk) -> None:
    """What the gateway decided, why, and which files it thought of."""
    (draft,) = look_at_receipt(desk, make_receipt(desk))
    assert (draft.intent, draft.severity, draft.project_dir) == (
        "tldr_swinton.packet@1.0",
        Severity.INFO,
        desk.project,
    )
    assert draft.payload == {
        "decision": "inject",
        "reason": "ranked_candidate",
        "mode": "auto",
        "harness_profile": "claude",
        "task_sha256": "53bc",
        "confidence": 0.9,
        "min_confidence": 0.6,
        "packet_chars": 965,
        "duration_ms": 1095,
        "candidate_paths": ["src/auth.py", "src/app.py"],
    }
    assert draft.artifact_path.name == "20261120-77-0123456789.json"
    assert draft.occurred_at == EPOCH


@pytest.mark.parametrize(
    ("decision", "reason", "severity"),
    [
        ("fallback", "low_confidence", "warn"),
        ("fallback", "tldrs_timeout", "warn"),
        ("bypass", "docs_or_config", "info"),
    ],
)
def test_a_gateway_that_could_not_help_is_a_warning(desk: Desk, decision: str, reason: str, severity: str) -> None:
    """One that did not want to is none."""
    (draft,) = look_at_receipt(desk, make_receipt(desk, decision=decision, reason=reason))
    assert (draft.severity, draft.payload["reason"]) == (severity, reason)


@pytest.mark.parametrize("change", [{"project": None}, {"project": "src"}, {"project": "/a\x1b"}, {"decision": 5}])
def test_a_receipt_of_no_project_tells_nothing(desk: Desk, change: dict[str, object]) -> None:
    """Nor does one that is damaged."""
    assert look_at_receipt(desk, make_receipt(desk, **change)) == []
    assert look_at_receipt(desk, "{") == []


def test_receipts_are_looked_through_only_when_one_has_come(desk: Desk, now: float) -> None:
    """A folder in which nothing has happened for ten seconds is not searched."""
    assert len(look_at_receipt(desk, make_receipt(desk))) == 1
    folder = desk.home / ".clavain" / "context-gateway"
    os.utime(folder, (now - 9, now - 9))
    path = str(next(folder.iterdir()))
    assert len(desk.look(path)) == 1
    assert len(desk.look(path)) == 1
    desk.wait(seconds=2)
    assert desk.look(path) == []


def test_the_spare_folder_counts_where_it_is_our_own(desk: Desk) -> None:
    """Where everybody may write, a link may lead to somebody else's."""
    name = f"clavain-context-gateway-{os.getuid()}"
    spare = desk.home / "spare"
    (desk.sockets / name).symlink_to(spare)
    assert look_at_receipt(desk, make_receipt(desk), "spare") == []
    (desk.sockets / name).unlink()
    desk.set(temporary_dir=str(desk.home))
    assert len(look_at_receipt(desk, make_receipt(desk), name)) == 1
