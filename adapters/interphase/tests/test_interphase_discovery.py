"""Candidate work that interphase's scan finds."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import DiscoverWork, Draft
from interhost_hookspecs.testing import FakeContext
from interhost_interphase.adapter import check_adapter, observe

# What reference/modules/interphase.md, section 1.3, shows below its table.
RECORD: dict[str, Any] = {
    "id": "iv-abc1",
    "title": "Sample work",
    "priority": 1,
    "status": "open",
    "action": "execute",
    "plan_path": "./docs/plans/p.md",
    "stale": False,
    "phase": "planned",
    "score": 53,
    "parent_closed_epic": None,
    "claimed_by": None,
    "discovery_source": None,
    "discovery_score": None,
}


@pytest.fixture
def scanning(machine: FakeContext) -> FakeContext:
    """A machine of a user who turned the scan on."""
    machine.config = {**machine.config, "discover_work": True}
    return machine


def scan(ctx: FakeContext, *records: object, after: int = 31) -> tuple[Draft, ...]:
    """What a look tells when interphase finds this, so many minutes after the last one."""
    ctx.sleep(after * 60)
    (ctx.projects[0] / "scan.json").write_text(json.dumps(records))
    return observe(ctx).drafts


def scans(ctx: FakeContext) -> int:
    """How often the tracker was scanned."""
    log = ctx.projects[0] / ".beads" / "log"
    return log.read_text().split("\n").count("scan") if log.exists() else 0


def test_a_candidate_is_work_that_was_found(scanning: FakeContext) -> None:
    """Rank, score, phase and plan are told; what the catalogue has no key for is kept beside."""
    [fact] = scan(scanning, RECORD)
    project = scanning.projects[0]
    assert fact == Draft(
        payload=DiscoverWork(
            action="execute",
            title="Sample work",
            priority=1,
            rank=1,
            score=53.0,
            phase="planned",
            phase_model="interphase-8",
            stale=False,
        ),
        context_id="iv-abc1",
        artifact_path=project / "docs" / "plans" / "p.md",
        project_dir=project,
        source_hook="cli:discovery_scan_beads",
        extensions={"status": "open"},
    )


def test_the_scan_is_off_by_default(machine: FakeContext) -> None:
    """It changes the tracker, so nobody runs it who did not ask for it."""
    assert scan(machine, RECORD) == ()
    assert (machine.ran, scans(machine)) == ([], 0)


def test_the_scan_comes_once_in_half_an_hour(scanning: FakeContext) -> None:
    """Every scan can release claims and costs a second: looks in between make none."""
    scan(scanning, RECORD)
    assert scan(scanning, {**RECORD, "action": "ship"}, after=29) == ()
    assert scans(scanning) == 1
    assert len(scan(scanning, {**RECORD, "action": "ship"}, after=1)) == 1


def test_only_what_changed_is_told_again(scanning: FakeContext) -> None:
    """Another action, phase or priority is news; another score or place in the list is not; what comes back is."""
    other = {**RECORD, "id": "iv-abc2"}
    assert len(scan(scanning, RECORD, other)) == 2
    assert scan(scanning, other, {**RECORD, "score": 12, "stale": True}) == ()
    for change in ({"action": "ship"}, {"phase": "executing"}, {"priority": 0}):
        assert [fact.context_id for fact in scan(scanning, {**RECORD, **change}, other)] == ["iv-abc1"]
    assert scan(scanning, other) == ()
    assert len(scan(scanning, RECORD, other)) == 1


def test_a_document_without_a_bead_is_about_its_project(scanning: FakeContext) -> None:
    """Interphase lists orphans with a null id; the host finds out what they are about."""
    [fact] = scan(scanning, {"id": None, "status": "orphan", "action": "create_bead", "plan_path": "docs/plans/o.md"})
    assert (fact.context_id, fact.project_dir) == (None, scanning.projects[0])
    assert isinstance(fact.payload, DiscoverWork)
    assert (fact.payload.title, fact.payload.phase) == ("docs/plans/o.md", None)


def test_no_phase_state_set_is_no_phase(scanning: FakeContext) -> None:
    """Bd's words for an unset phase, which the scan hands on."""
    [fact] = scan(scanning, {**RECORD, "phase": "(no phase state set)"})
    assert isinstance(fact.payload, DiscoverWork)
    assert fact.payload.phase is None


def test_what_is_no_candidate_is_left_out(scanning: FakeContext) -> None:
    """Entries without an action or a name, or that are no objects, do not stop the next one."""
    odd: list[object] = [None, 7, [], {}, {"id": "iv-1"}, {"action": "plan"}, {"id": 7, "action": "plan"}]
    facts = scan(scanning, *odd, {**RECORD, "score": "high", "stale": None, "priority": None, "plan_path": 5})
    assert [fact.context_id for fact in facts] == ["iv-abc1"]
    assert isinstance(facts[0].payload, DiscoverWork)
    assert (facts[0].payload.rank, facts[0].payload.score, facts[0].artifact_path) == (5, None, None)


@pytest.mark.parametrize("answer", ["DISCOVERY_UNAVAILABLE", "DISCOVERY_ERROR", "", "{}", "[" * 100_000])
def test_a_scan_that_fails_is_named_by_doctor(scanning: FakeContext, answer: str) -> None:
    """The words interphase prints instead of a list are no candidates; the next scan clears the note."""
    (scanning.projects[0] / "scan.json").write_text(answer)
    assert observe(scanning).drafts == ()
    check = check_adapter(scanning)[-1]
    assert (check.name, check.level) == ("discovery", "problem")
    assert str(scanning.projects[0]) in check.detail
    scan(scanning)
    assert check_adapter(scanning)[-1].level == "ok"


@pytest.mark.parametrize("missing", ["module", "library", "tracker"])
def test_without_module_or_tracker_nothing_is_scanned(scanning: FakeContext, missing: str, tmp_path: Path) -> None:
    """An absent interphase, one without the library, or a project without beads is passed over."""
    if missing == "module":
        scanning.root = None
    elif missing == "library":
        (tmp_path / "inter phase" / "hooks" / "lib-discovery.sh").unlink()
    else:
        (scanning.projects[0] / ".beads").rename(tmp_path / "beads")
    assert scan(scanning, RECORD) == ()
    assert scanning.ran == []


def test_a_failed_scan_is_not_repeated_at_once(scanning: FakeContext) -> None:
    """A broken library costs one attempt in half an hour, not one per look."""
    scanning.sleep(timedelta(hours=1).total_seconds())
    observe(scanning)
    observe(scanning)
    assert scans(scanning) == 1
