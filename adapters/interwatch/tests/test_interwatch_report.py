"""What a saved scan tells: changes of tiers, missing documents, and nothing that is not certain.

Files have the shape of reference/modules/interwatch.md, section 4.3; the traps are those of sections 4.3 to 4.5.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Draft, DriftDetected
from interhost_interwatch import adapter
from interhost_interwatch.report import MOST_BYTES, REPORT

from .conftest import watchable

if TYPE_CHECKING:
    from .conftest import Repository

HOSTILE = "a'b\"c\n$(touch x)`x`;\x1b]0;x\x07../../é\ud800"


def look(repository: Repository) -> list[Draft]:
    """What one look tells."""
    return list(adapter.observe(repository.ctx).drafts)


def tiers(drafts: list[Draft]) -> list[tuple[str, str | None, str]]:
    """Kind, tier and severity of each fact."""
    payloads = [(draft.payload, draft.severity) for draft in drafts]
    return [(one.kind, one.tier, str(severity)) for one, severity in payloads if isinstance(one, DriftDetected)]


def test_a_certain_drift_is_told_with_its_document(repository: Repository, berlin: None) -> None:
    """The whole of it, as interwatch's own file has it; its time is local and states no zone."""
    repository.save(roadmap=watchable("Green"))
    look(repository)
    repository.save("2026-07-20T10:32:34", roadmap=watchable("Certain", recommended_action="auto-refresh-silent"))
    (fact,) = look(repository)
    assert fact.payload == DriftDetected(
        kind="doc",
        signal="version_bump",
        score=3.0,
        tier="Certain",
        detail="roadmap: Certain, was Green (version_bump 1)",
    )
    assert (fact.severity, fact.source_hook) == ("warn", "file:drift.json")
    assert (fact.artifact_path, fact.project_dir) == (repository.path / "docs/roadmap.md", repository.path)
    assert fact.context_id is None  # the host knows the bead of the document or the project
    assert fact.occurred_at == datetime(2026, 7, 20, 8, 32, 34, tzinfo=UTC)
    assert fact.extensions == {
        "watchable": "roadmap",
        "previous": "Green",
        "stated_tier": "Certain",
        "stated_path": None,
        "scan_date": "2026-07-20T10:32:34",
        "signals": {"version_bump": 1},
        "recommended_action": "auto-refresh-silent",
        "generator_args": "roadmap",
    }


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("Green", "Low", ("doc_tier", "Low", "info")),
        ("Green", "Medium", ("doc", "Medium", "warn")),
        ("Medium", "High", ("doc", "High", "warn")),
        ("Certain", "High", ("doc", "High", "warn")),
        ("High", "Low", ("doc_tier", "Low", "info")),
        ("High", "Green", ("doc_tier", "Green", "info")),
        ("Low", "Certain", ("doc", "Certain", "warn")),
    ],
)
def test_a_change_of_tier_is_told(repository: Repository, before: str, after: str, told: tuple[str, str, str]) -> None:
    """Up and down; what asks for nothing is no drift, so that nobody acts upon it."""
    repository.save(roadmap=watchable(before))
    look(repository)
    repository.save("2026-11-20T11:00:00", roadmap=watchable(after))
    assert tiers(look(repository)) == [told]
    assert look(repository) == []


def test_what_was_there_before_the_first_look_is_history(repository: Repository) -> None:
    """It is no news, and yet what the next scan is compared with."""
    repository.save(roadmap=watchable("High"), readme=watchable("Green", "README.md"))
    repository.ctx.changed_files = []
    assert look(repository) == []
    repository.ctx.changed_files = None
    repository.save("2026-11-20T11:00:00", roadmap=watchable("High"), readme=watchable("Medium", "README.md"))
    assert [draft.extensions["previous"] for draft in look(repository)] == ["Green"]


def test_at_first_sight_only_drift_counts(repository: Repository) -> None:
    """A new document that is in order is nothing to talk about."""
    repository.save(
        **{
            name: watchable(tier, f"{name}.md")
            for name, tier in zip("abcde", ("Green", "Low", "Medium", "High", "Certain"), strict=True)
        }
    )
    facts = look(repository)
    assert [tier for _, tier, _ in tiers(facts)] == ["Medium", "High", "Certain"]
    assert [draft.payload.detail for draft in facts if isinstance(draft.payload, DriftDetected)][1] == (
        "d: High (version_bump 1)"
    )


def test_a_missing_document_is_not_green(repository: Repository) -> None:
    """Although interwatch grades it so, with a score of 0: it is missing, and an error, until it is there."""
    repository.save(roadmap=watchable("Green", "docs/gone.md", exists=False))
    (fact,) = look(repository)
    assert tiers([fact]) == [("doc", "Missing", "error")]
    assert (fact.artifact_path, fact.extensions["stated_tier"]) == (repository.path / "docs/gone.md", "Green")
    assert look(repository) == []
    repository.save("2026-11-20T11:00:00", roadmap=watchable("Green", "docs/gone.md"))
    assert tiers(look(repository)) == [("doc_tier", "Green", "info")]


@pytest.mark.parametrize("documents", [{}, {"readme": watchable("Green", "README.md")}])
def test_a_scan_of_one_document_takes_nothing_back(repository: Repository, documents: dict[str, object]) -> None:
    """``--check`` with ``--save-state`` leaves one document in the file, or none; the others are as they were."""
    repository.save(roadmap=watchable("High"))
    look(repository)
    repository.save("2026-11-20T11:00:00", **documents)
    assert look(repository) == []
    repository.save("2026-11-20T12:00:00", roadmap=watchable("High"))
    assert look(repository) == []


def test_a_drift_that_two_saved_scans_erased_is_named_as_such(repository: Repository) -> None:
    """Saving resets what is counted: the second scan finds Green although nobody has touched the document."""
    now = time.time()
    os.utime(repository.path / "docs/roadmap.md", (now - 900, now - 900))
    first, second = (datetime.fromtimestamp(now - age).isoformat() for age in (600, 300))
    repository.save(first, roadmap=watchable("High"))
    look(repository)
    repository.save(second, roadmap=watchable("Green"))
    (fact,) = look(repository)
    assert isinstance(fact.payload, DriftDetected)
    assert fact.payload.detail == (
        "roadmap: Green, was High (the file was not changed: saving a scan resets what interwatch counts from)"
    )


def test_a_document_that_was_renewed_is_simply_green(repository: Repository) -> None:
    """It is younger than the scan that complained."""
    repository.save("2026-11-20T10:00:00", roadmap=watchable("High"))
    look(repository)
    os.utime(repository.path / "docs/roadmap.md")
    repository.save("2026-11-20T11:00:00", roadmap=watchable("Green"))
    (fact,) = look(repository)
    assert isinstance(fact.payload, DriftDetected)
    assert fact.payload.detail == "roadmap: Green, was High"


def test_outside_of_git_nothing_is_called_fresh(repository: Repository) -> None:
    """There no commit counts, and every document would be Green."""
    (repository.path / ".git").rmdir()
    repository.save(roadmap=watchable("High"))
    assert len(look(repository)) == 1
    repository.save("2026-11-20T11:00:00", roadmap=watchable("Green"))
    assert look(repository) == []
    repository.save("2026-11-20T12:00:00", roadmap=watchable("Certain"))
    assert [draft.extensions["previous"] for draft in look(repository)] == ["High"]


TORN = json.dumps({"scan_date": "2026-11-20T10:32:34", "watchables": {"roadmap": watchable("Green")}})


@pytest.mark.parametrize(
    "text",
    [
        TORN[:-40],
        "",
        "null",
        "[]",
        '{"watchables": []}',
        '{"watchables": {"roadmap": 7, "": {}, "x": {"confidence": "Purple"}, "y": {"confidence": ["High"]}}}',
        '{"watchables": {"roadmap": {"path": "docs/roadmap.md", "score": 3}}}',
        "[" * 100_000,
        b"\xff\xfe\x00",
        " " * MOST_BYTES + TORN,
    ],
    ids=["torn", "empty", "null", "list", "no object", "unknown", "older version", "deep", "no text", "huge"],
)
def test_a_damaged_scan_tells_nothing_and_forgets_nothing(repository: Repository, text: str | bytes) -> None:
    """The file is not written in one step, and its writer is killed after five seconds; the next scan counts."""
    repository.save(roadmap=watchable("High"))
    look(repository)
    repository.write(REPORT, text)
    assert look(repository) == []
    repository.save("2026-11-20T11:00:00", roadmap=watchable("Low"))
    assert [draft.extensions["previous"] for draft in look(repository)] == ["High"]


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a\nb.md", "\x1b]0;x\x07.md", "", ".", 7, None, "\0"]
)
def test_a_path_that_leads_elsewhere_is_no_artifact(repository: Repository, path: object) -> None:
    """The fact is told, about the project."""
    repository.save(roadmap=watchable("High", path=path))  # type: ignore[arg-type]
    (fact,) = look(repository)
    assert (fact.artifact_path, fact.project_dir) == (None, repository.path)


def test_a_path_may_take_a_detour_inside(repository: Repository) -> None:
    """It is the same file."""
    repository.save(roadmap=watchable("High", path="docs/../docs//roadmap.md"))
    (fact,) = look(repository)
    assert fact.artifact_path == repository.path / "docs/roadmap.md"


def test_names_and_numbers_that_are_none_harm_nobody(repository: Repository) -> None:
    """Everything that is told can be stored, and stands on one line."""
    signals = {HOSTILE: {"count": 2, "score": 1e999}, "x": 7, "y": {"count": -1}, "n": {"count": 1, "score": 10**400}}
    record = watchable(
        "High", score=float("nan"), signals=signals, generator=HOSTILE, generator_args={"type": [HOSTILE]}
    )
    report = {"scan_date": HOSTILE, "watchables": {HOSTILE: record, "b": watchable("High", signals=[])}}
    repository.write(REPORT, json.dumps(report))
    facts = look(repository)
    assert len(facts) == 2
    for fact in facts:
        assert isinstance(fact.payload, DriftDetected)
        json.dumps([fact.extensions, fact.payload.detail, fact.payload.score], allow_nan=False).encode()
        assert str(fact.payload.detail).isprintable()
        assert "\n" not in str(fact.dedupe_key)
        assert fact.occurred_at is None
    assert not (repository.path / "x").exists()


def test_many_documents_are_bounded(repository: Repository) -> None:
    """A list of thousands fills neither the log nor the memory of the adapter."""
    repository.save(**{f"d{n}": watchable("High", f"{n}.md") for n in range(2000)})
    assert len(look(repository)) == 500
    repository.save("2026-11-20T11:00:00", **{f"e{n}": watchable("High", f"{n}.md") for n in range(400)})
    assert len(look(repository)) == 400
    (kept,) = (value for name, value in repository.ctx.cursor.values.items() if name.startswith("tiers:"))
    assert len(json.loads(kept)) == 500


def test_each_project_has_a_memory_of_its_own(repository: Repository, tmp_path: Path) -> None:
    """The same name in another project is another document."""
    repository.save(roadmap=watchable("High"))
    look(repository)
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    repository.ctx.projects = (repository.path, other)
    repository.path = other
    repository.save(roadmap=watchable("High"))
    assert [draft.project_dir for draft in look(repository)] == [other]
