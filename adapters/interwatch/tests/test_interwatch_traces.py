"""What the logs, the baselines and the audit tell.

Lines have the shapes of reference/modules/interwatch.md, sections 4.2 and 4.3, rows W2 to W5 of section 4.4.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from attrs import evolve
from interhost_hookspecs import ArtifactReady, Change, Draft, DriftDetected, HealthSignal, Level, Request, ReviewPass
from interhost_hookspecs.testing import make_request, payloads
from interhost_interwatch import adapter
from interhost_interwatch.traces import AUDIT, BASELINES, HOOK_LOG, LOG, OUTCOMES, find_failure, read_failure

from .conftest import watchable

if TYPE_CHECKING:
    from .conftest import Repository

HASH = "c98bb8" + "0" * 58


@pytest.fixture
def watched(repository: Repository) -> Repository:
    """A project whose roadmap is watched; what its saved scan says is known."""
    repository.save(roadmap=watchable("Certain"))
    repository.ctx.changed_files = []
    assert adapter.observe(repository.ctx).drafts == ()
    return repository


def log(repository: Repository, name: str, *lines: object) -> list[Draft]:
    """What a look tells when these lines are new in a log."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    repository.ctx.new_lines = {repository.path / name: texts}
    repository.ctx.tails.clear()
    return list(adapter.observe(repository.ctx).drafts)


def change(repository: Repository, name: str, content: object) -> list[Draft]:
    """What a look tells when a file has another content."""
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    repository.ctx.changed_files = [repository.write(name, text)]
    return list(adapter.observe(repository.ctx).drafts)


# The refresh log ------------------------------------------------------------------------------------------------------


def test_a_refresh_that_was_asked_for_is_told(watched: Repository, berlin: None) -> None:
    """The hook's own clock is UTC, although it does not say so."""
    line = {
        "ts": "2026-11-20T10:32:34",
        "name": "roadmap",
        "tool": "Read",
        "outcome": "fired",
        "generator": "interpath",
    }
    (fact,) = log(watched, LOG, line)
    assert fact.payload == DriftDetected(
        kind="doc_refresh", signal="fired", tier="Certain", detail="roadmap: the agent was asked to refresh it"
    )
    assert (fact.severity, fact.artifact_path) == ("info", watched.path / "docs/roadmap.md")
    assert fact.occurred_at == datetime(2026, 11, 20, 10, 32, 34, tzinfo=UTC)
    assert fact.extensions == {"watchable": "roadmap", "tool": "Read", "generator": "interpath"}


@pytest.mark.parametrize("outcome", sorted(OUTCOMES.keys() - {"fired"}))
def test_a_refresh_that_was_not_asked_for_is_told_once_a_day(watched: Repository, outcome: str) -> None:
    """The hook logs it at every touch; the second of a day is no news, and the log of facts drops it by its key."""
    lines = [
        {"ts": f"2026-11-{day}T10:32:34", "name": "roadmap", "tool": tool, "outcome": outcome, "daily_cap": 5}
        for day, tool in ((20, "Read"), (20, "Edit"), (21, "Read"))
    ]
    facts = log(watched, LOG, *lines)
    assert [(fact.severity, fact.payload.signal) for fact in facts if isinstance(fact.payload, DriftDetected)] == [
        ("warn", outcome)
    ] * 2
    assert log(watched, LOG, lines[0])[0].dedupe_key == facts[0].dedupe_key


def test_a_refresh_that_changed_nothing_is_told_in_local_time(watched: Repository, berlin: None) -> None:
    """Recording a refresh writes the machine's own time into the same log."""
    line = {"ts": "2026-07-20T10:32:35", "name": "roadmap", "tool": "record-refresh", "outcome": "no-op"}
    (fact,) = log(watched, LOG, {**line, "content_hash": HASH})
    assert fact.payload == ArtifactReady(kind="doc", title="roadmap")
    assert fact.occurred_at == datetime(2026, 7, 20, 8, 32, 35, tzinfo=UTC)
    assert fact.artifact_path == watched.path / "docs/roadmap.md"
    assert fact.extensions == {"watchable": "roadmap", "refresh": "no-op", "content_hash": HASH}


def test_a_document_that_nobody_watches_has_no_file(watched: Repository) -> None:
    """What happened to it is told about the project; that it is ready cannot be."""
    line = {"ts": "2026-11-20T10:32:34", "name": "gone", "tool": "Read", "outcome": "disabled"}
    (fact,) = log(watched, LOG, line, {**line, "tool": "record-refresh", "outcome": "no-op"})
    assert (fact.artifact_path, fact.project_dir) == (None, watched.path)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not json",
        '{"ts": "2026-11-20T10:32:34", "name": "roadmap"',
        "[]",
        {"ts": "2026-11-20T10:32:34", "name": "roadmap", "tool": "Read", "outcome": "invented"},
        {"ts": "2026-11-20T10:32:34", "name": "roadmap", "tool": "Read"},
        {"ts": "yesterday", "name": "roadmap", "tool": "Read", "outcome": "fired"},
        {"ts": ["2026"], "name": {}, "tool": 7, "outcome": []},
        {"name": "roadmap", "tool": "Read", "outcome": "fired"},
    ],
)
def test_a_line_that_says_nothing_is_passed_over(watched: Repository, line: object) -> None:
    """Torn, foreign, of a newer version."""
    assert log(watched, LOG, line) == []


def test_a_hostile_name_stands_on_one_line(watched: Repository) -> None:
    """And acts on no terminal."""
    line = {"ts": "2026-11-20T10:32:34", "name": "a\n\x1b]0;x\x07$(touch x)", "outcome": "disabled"}
    (fact,) = log(watched, LOG, line)
    assert fact.extensions == {"watchable": "a ]0;x $(touch x)", "tool": None, "generator": None}


def test_a_flood_of_lines_is_one_fact(watched: Repository) -> None:
    """An agent that reads one document a thousand times is one reason."""
    line = {"ts": "2026-11-20T10:32:34", "name": "roadmap", "tool": "Read", "outcome": "cooldown"}
    assert len(log(watched, LOG, *[line] * 1000)) == 1


def test_a_folder_that_bears_the_name_of_a_log_stops_nobody(watched: Repository) -> None:
    """Neither do a pipe and a file where the folder should be."""
    (watched.home / "auto-refresh.log").mkdir()
    assert log(watched, LOG, {"ts": "2026-11-20T10:32:34", "name": "roadmap", "outcome": "fired"}) == []


# Baselines ------------------------------------------------------------------------------------------------------------


def baselines(at: str | None = "2026-11-20T10:40:00", digest: str | None = HASH, name: str = "roadmap") -> object:
    """Baselines after a refresh, or after a scan, which has no ``refreshed_at``."""
    one = {"bead_closed_count": 3, "bead_created_count": 1, "refreshed_at" if at else "scanned_at": at or "x"}
    return {
        "last_updated": at,
        "baselines": {name: {**one, **({"content_hash": digest} if digest is not None else {})}},
    }


def test_a_refresh_that_changed_the_document_is_told(watched: Repository, berlin: None) -> None:
    """The log has no line of it; baselines have the local time."""
    (fact,) = change(watched, BASELINES, baselines())
    assert fact.payload == ArtifactReady(kind="doc", title="roadmap", change=Change.UPDATED)
    assert (fact.artifact_path, fact.source_hook) == (watched.path / "docs/roadmap.md", "file:last-scan.json")
    assert fact.occurred_at == datetime(2026, 11, 20, 9, 40, tzinfo=UTC)
    assert fact.extensions == {"watchable": "roadmap", "refresh": "refreshed", "content_hash": HASH}


def test_a_refresh_that_the_log_tells_is_not_told_by_the_baselines(watched: Repository) -> None:
    """The digest is the same: nothing was changed."""
    change(watched, BASELINES, baselines())
    assert change(watched, BASELINES, baselines("2026-11-20T11:00:00")) == []


def test_a_scan_between_two_refreshes_hides_none(watched: Repository) -> None:
    """It replaces the baseline of the refresh by one of its own; the next refresh is one."""
    change(watched, BASELINES, baselines())
    assert change(watched, BASELINES, baselines(None, None)) == []
    assert len(change(watched, BASELINES, baselines("2026-11-20T12:00:00", "f" * 64))) == 1


def test_baselines_of_before_the_first_look_are_history(repository: Repository) -> None:
    """The next refresh is compared with them."""
    repository.save(roadmap=watchable("Certain"))
    repository.write(BASELINES, json.dumps(baselines()))
    repository.ctx.changed_files = []
    assert adapter.observe(repository.ctx).drafts == ()
    assert change(repository, BASELINES, baselines("2026-11-20T11:00:00")) == []
    assert len(change(repository, BASELINES, baselines("2026-11-20T12:00:00", "f" * 64))) == 1


def test_a_name_that_nobody_watches_is_no_refresh(watched: Repository) -> None:
    """Any name is taken into the baselines, with an empty digest."""
    assert change(watched, BASELINES, baselines(digest="", name="roadmpa")) == []
    assert change(watched, BASELINES, baselines(name="roadmpa")) == []


@pytest.mark.parametrize(
    "content", ["", '{"baselines": {"roadmap"', "[]", {"baselines": []}, {"baselines": {"roadmap": 7}}, "[" * 100_000]
)
def test_damaged_baselines_tell_nothing_and_forget_nothing(watched: Repository, content: object) -> None:
    """They are not written in one step, either."""
    change(watched, BASELINES, baselines())
    assert change(watched, BASELINES, content) == []
    assert change(watched, BASELINES, baselines("2026-11-20T12:00:00")) == []


def test_a_refresh_answers_the_request_for_it(watched: Repository) -> None:
    """Other requests stay open."""
    asked = make_request(watched.path / "docs/roadmap.md", watched.path, kind="refresh")
    watched.ctx.waiting = [
        _with(asked, watchable="roadmap"),
        _with(make_request(asked.path, watched.path, kind="refresh", event_id="2"), watchable="readme"),
    ]
    change(watched, BASELINES, baselines())
    assert watched.ctx.closed == {asked.path: "refreshed"}


def _with(request: Request, **details: object) -> Request:
    return evolve(request, details=details)


# Audits ---------------------------------------------------------------------------------------------------------------


def audit(**changes: object) -> dict[str, object]:
    """The summary of an audit, in the shape that the command asks the model for."""
    return {
        "audit_date": "2026-11-20T10:45:00",
        "doc_count": 4,
        "finding_count": 3,
        "findings_by_severity": {"high": 0, "medium": 1, "low": 2},
        "findings_by_class": {"stale-path": 2, "wrong.claim": 1},
        "docs_audited": ["README.md", "docs/roadmap.md"],
        **changes,
    }


def test_an_audit_without_grave_findings_is_safe(watched: Repository, berlin: None) -> None:
    """It is a review of several documents; its own file is what it left."""
    (fact,) = change(watched, AUDIT, audit())
    assert fact.payload == ReviewPass(
        verdict="safe",  # type: ignore[arg-type]
        counts={"high": 0, "medium": 1, "low": 2},
        verdict_source="recomputed",  # type: ignore[arg-type]
        mode="doc_audit",
        inputs=("README.md", "docs/roadmap.md"),
        findings_path=str(watched.path / AUDIT),
    )
    assert (fact.severity, fact.artifact_path) == ("info", watched.path / AUDIT)
    assert fact.occurred_at == datetime(2026, 11, 20, 9, 45, tzinfo=UTC)
    assert fact.extensions == {"findings_by_class": {"stale-path": 2, "wrong.claim": 1}}


@pytest.mark.parametrize("changes", [{}, {"finding_count": 0, "docs_audited": None}])
def test_a_grave_finding_decides(watched: Repository, changes: dict[str, object]) -> None:
    """Whatever the rest of the file says."""
    (fact,) = change(watched, AUDIT, audit(findings_by_severity={"high": 1, "medium": 0, "low": 0}, **changes))
    assert isinstance(fact.payload, ReviewPass)
    assert (fact.payload.verdict, fact.severity) == ("needs-changes", "error")


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"doc_count": 4',
        "All documents are fine.",
        {},
        audit(findings_by_severity={"high": 0, "medium": 0}),
        audit(findings_by_severity=None),
        audit(findings_by_severity={"high": "none", "medium": 1, "low": 2}),
        audit(finding_count=9),
        audit(finding_count=None),
        audit(doc_count=0),
        audit(doc_count=None, docs_audited=[]),
        "[" * 100_000,
    ],
)
def test_an_audit_that_proves_nothing_is_no_pass(watched: Repository, content: object) -> None:
    """A language model wrote it: torn, prose, levels left out, a sum that does not fit, nothing looked at."""
    (fact,) = change(watched, AUDIT, content)
    assert isinstance(fact.payload, ReviewPass)
    assert (fact.payload.verdict, fact.payload.verdict_source, fact.severity) == (None, "unreadable", "error")


def test_an_audit_of_before_the_first_look_is_history(repository: Repository) -> None:
    """The same file again has the same key."""
    repository.write(AUDIT, json.dumps(audit()))
    repository.ctx.changed_files = []
    assert adapter.observe(repository.ctx).drafts == ()
    first, again = change(repository, AUDIT, audit()), change(repository, AUDIT, audit())
    assert first[0].dedupe_key == again[0].dedupe_key
    assert change(repository, AUDIT, audit(doc_count=5))[0].dedupe_key != first[0].dedupe_key


# The git hooks' log ---------------------------------------------------------------------------------------------------

FAILED = "[2026-11-20T10:40:41+00:00] interwatch hook (post-commit) exit=2: Error: no watchables.yaml found"


def test_a_failed_scan_is_not_told_unless_it_is_wanted(watched: Repository) -> None:
    """By default it is doctor's business."""
    assert log(watched, HOOK_LOG, FAILED) == []
    watched.ctx.config = {"tell_failed_scans": True}
    (fact,) = log(watched, HOOK_LOG, FAILED, FAILED, "noise", "")
    assert payloads([fact]) == [
        HealthSignal(
            signal="doc_scan",
            level=Level.YELLOW,
            stated_level="exit=2",
            detail="post-commit: Error: no watchables.yaml found",
        )
    ]
    assert (fact.severity, fact.artifact_path) == ("warn", watched.path / HOOK_LOG)
    assert fact.occurred_at == datetime(2026, 11, 20, 10, 40, 41, tzinfo=UTC)


def test_a_failure_is_over_when_a_scan_was_saved(watched: Repository) -> None:
    """Doctor asks for the last one, at the end of a log that nobody rotates."""
    late = FAILED.replace("2026", "2999")
    watched.write(HOOK_LOG, f"noise\n{FAILED}\n{late}\n")
    found = find_failure(watched.path)
    assert (found and found.error) == "Error: no watchables.yaml found"
    watched.write(HOOK_LOG, "x" * 100_000 + f"\n{late}")
    assert find_failure(watched.path) is not None
    for text in (f"{late}\n{FAILED}\n", f"{late}\nnoise\n", "\n"):
        watched.write(HOOK_LOG, text)
        assert find_failure(watched.path) is None
    watched.write(HOOK_LOG, f"{FAILED}\n")
    (watched.home / "drift.json").unlink()
    assert find_failure(watched.path) is not None


@pytest.mark.parametrize(
    "line", ["", "[x] interwatch", "[2026] interwatch hook (a b) exit=2: x", "interwatch hook (a) exit="]
)
def test_other_lines_are_no_failures(line: str) -> None:
    """Whatever else stands in the log."""
    assert read_failure(line) is None


def test_a_failure_without_words_is_one(watched: Repository) -> None:
    """A scan that was killed after five seconds says nothing."""
    found = read_failure("[soon] interwatch hook (post-merge) exit=124: ")
    assert found is not None
    assert (found.at, found.hook, found.exit, found.error) == (None, "post-merge", "124", "no reason given")
