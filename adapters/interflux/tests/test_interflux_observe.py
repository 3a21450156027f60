"""When a findings.json becomes a fact, and which."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ArtifactReady, ReviewPass, Severity, Verdict, VerdictSource
from interhost_hookspecs.testing import EPOCH
from interhost_interflux.reviews import tell_findings

if TYPE_CHECKING:
    from adapters.interflux.tests.conftest import Project

UUID = "0b7e9a52-3d0e-4c1e-9f27-6f0c2d7a8e11"
DRIVE = "docs/research/flux-drive/plan-1a2b3c4d"
TRACK = "docs/research/flux-review/some-topic/track-b"
REVIEW: dict[str, object] = {
    "reviewed": "2026-11-20",
    "input": "docs/plans/p.md",
    "agents_launched": ["fd-safety", "fd-quality"],
    "agents_completed": ["fd-safety"],
    "agents_failed": ["fd-quality"],
    "findings": [{"id": "P1-1", "severity": "P1", "agent": "fd-safety", "title": "Tokens are logged"}],
    "improvements": [{"id": "IMP-1", "title": "Name the module"}],
    "verdict": "safe",
}


def test_finished_review_is_told_in_full(project: Project) -> None:
    """One findings.json and its report become a review pass and an artifact, with all that consumers ask for."""
    plan = project.write("docs/plans/p.md", "# Plan\n\n**Bead:** iv-abc1.2\n")
    findings = project.write(f"{DRIVE}/findings.json", REVIEW)
    project.write(f"{DRIVE}/fd-safety.md", f"<!-- run-uuid: {UUID} -->\n### Findings Index\n", age=400)
    report = project.write(f"{DRIVE}/summary.md", "# Review\n", age=200)
    draft, artifact = project.look()
    payload = draft.payload
    assert isinstance(payload, ReviewPass)
    assert payload == ReviewPass(
        verdict=Verdict.NEEDS_CHANGES,
        counts={"P0": 0, "P1": 1, "P2": 0, "P3": 0, "IMP": 1},
        verdict_source=VerdictSource.RECOMPUTED,
        stated_verdict="safe",
        top=payload.top,
        mode="flux-drive",
        inputs=("docs/plans/p.md",),
        agents_launched=("fd-safety", "fd-quality"),
        agents_completed=("fd-safety",),
        agents_failed=("fd-quality",),
        report=str(report),
        findings_path=str(findings),
        run_uuid=UUID,
        degraded=False,
    )
    assert [item.title for item in payload.top or ()] == ["Tokens are logged"]
    assert draft.context_id == artifact.context_id == "iv-abc1.2"
    assert (draft.artifact_path, artifact.artifact_path) == (plan, report)
    assert (draft.severity, artifact.severity) == (Severity.WARN, Severity.INFO)
    assert (draft.source_hook, artifact.source_hook) == ("file:findings.json", "file:summary.md")
    assert draft.occurred_at == EPOCH - timedelta(seconds=300)
    assert draft.project_dir == artifact.project_dir == project.root
    digest = hashlib.sha256(report.read_bytes()).hexdigest()
    assert artifact.payload == ArtifactReady(kind="review_report", title="Review", sha256=digest)
    assert draft.dedupe_key
    assert draft.dedupe_key.startswith("interflux:")
    assert artifact.dedupe_key not in (None, draft.dedupe_key)


def test_tracks_of_a_flux_review_are_passes_of_their_own(project: Project) -> None:
    """Both places are watched, and the older review is told first; a track does not speak for the document."""
    project.write("docs/plans/p.md", "# Plan")
    project.write(f"{DRIVE}/findings.json", REVIEW, age=10)
    project.write(f"{TRACK}/findings.json", REVIEW, age=20)
    project.write("docs/research/flux-research/x/findings.json", REVIEW)
    track, drive = project.look()
    assert (track.artifact_path, drive.artifact_path) == (None, project.root / "docs/plans/p.md")
    payloads = [track.payload, drive.payload]
    assert [payload.mode for payload in payloads if isinstance(payload, ReviewPass)] == [
        "flux-review-track",
        "flux-drive",
    ]


@pytest.mark.parametrize(
    ("level", "severity"),
    [("P0", Severity.ERROR), ("P1", Severity.WARN), ("P2", Severity.INFO), (None, Severity.ERROR)],
)
def test_severity_follows_the_verdict(project: Project, level: str | None, severity: Severity) -> None:
    """A review that proves nothing deserves as much attention as a risky one."""
    project.write(f"{DRIVE}/findings.json", {"findings": [{"severity": level}]})
    assert project.review()[0].severity is severity


def test_only_what_the_host_reports_is_read(project: Project) -> None:
    """Debounce and positions are the host's: a file it does not report is not looked at."""
    project.write(f"{DRIVE}/findings.json", REVIEW)
    project.ctx.changed_files = []
    assert project.look() == ()


def test_file_that_vanished_is_no_fact(project: Project) -> None:
    """A file may be gone between the host's look and ours."""
    gone = project.root / DRIVE / "findings.json"
    assert list(tell_findings(gone, project.root, project.ctx, mode="flux-drive")) == []
    assert project.ctx.postponed == []


def test_file_that_cannot_be_opened_is_unreadable(project: Project) -> None:
    """Whatever stands there in its place, it is no pass."""
    (project.root / DRIVE / "findings.json").mkdir(parents=True)
    project.touch(project.root / DRIVE / "findings.json", 300)
    assert project.review()[1].verdict_source is VerdictSource.UNREADABLE


# Half-written and unreadable files ------------------------------------------------------------------------------------


def test_young_file_that_does_not_parse_is_awaited(project: Project) -> None:
    """It is written in several passes: while it is young, half a file means "not yet"."""
    findings = project.write(f"{DRIVE}/findings.json", '{"findings": [', age=59)
    assert project.look() == ()
    assert project.ctx.postponed == [findings]


@pytest.mark.parametrize("content", ['{"findings": [', "", "[]", b"\xff\xfe", "null"])
@pytest.mark.parametrize("age", [61, -4000], ids=["old", "from the future"])
def test_old_file_that_does_not_parse_is_told_as_unreadable(project: Project, content: str | bytes, age: float) -> None:
    """A broken result is an error that someone sees, once per content, and never a pass."""
    project.write(f"{DRIVE}/findings.json", content, age=age)
    draft, payload = project.review()
    assert (payload.verdict, payload.verdict_source, payload.counts) == (None, VerdictSource.UNREADABLE, {})
    assert (draft.severity, draft.context_id, draft.artifact_path) == (Severity.ERROR, None, None)
    project.write(f"{DRIVE}/findings.json", "{broken otherwise", age=70)
    assert project.review()[0].dedupe_key != draft.dedupe_key


# The findings of an earlier run ---------------------------------------------------------------------------------------


def test_findings_of_an_earlier_run_wait_for_the_run_at_work(project: Project) -> None:
    """A new run keeps the old findings.json: while its lock stands and its agents are newer, there is no result."""
    findings = project.write(f"{DRIVE}/findings.json", REVIEW, age=500)
    lock = project.lock(age=400)
    project.write(f"{DRIVE}/fd-safety.md", "new", age=100)
    assert project.look() == ()
    assert project.ctx.postponed == [findings]
    project.write(f"{DRIVE}/findings.json", REVIEW, age=90)
    assert len(project.look()) == 1, "written after the agents: this run's result, lock or not"
    project.touch(findings, 500)
    lock.rmdir()
    assert len(project.look()) == 1, "without a lock nothing else is coming"


def test_lock_of_a_crashed_run_is_not_awaited_for_ever(project: Project) -> None:
    """After an hour without a sign of life nothing is told and nothing is polled; a new writing will be reported."""
    project.write(f"{DRIVE}/findings.json", REVIEW, age=9000)
    project.lock(age=8000)
    project.write(f"{DRIVE}/fd-safety.md", "new", age=3601)
    assert project.look() == ()
    assert project.ctx.postponed == []


def test_reports_and_files_named_like_locks_do_not_hold_a_result_back(project: Project) -> None:
    """Reports are written after findings.json; only directories are locks."""
    project.write(f"{DRIVE}/findings.json", REVIEW, age=100)
    project.write(f"{DRIVE}/summary.md", "later", age=50)
    project.write(f"{DRIVE}/synthesis.md", "later", age=50)
    project.lock(age=200)
    assert len(project.look()) == 3
    project.write(f"{TRACK}/findings.json", REVIEW, age=100)
    project.write(f"{TRACK}/fd-late.md", "straggler", age=50)
    project.write(f"{TRACK}/.run-x.lock", "a file", age=50)
    assert len(project.look()) == 4


# The same fact, and another -------------------------------------------------------------------------------------------


def test_adding_the_cost_is_the_same_fact(project: Project) -> None:
    """The second pass of the writer changes bytes and time, not what was found, nor the order that matters."""
    two = [{"id": "A", "severity": "P1", "title": "one"}, {"id": "B", "severity": "P2", "title": "two"}]
    project.write(f"{DRIVE}/findings.json", {**REVIEW, "findings": two})
    first = project.look()
    project.write(f"{DRIVE}/findings.json", {**REVIEW, "findings": two[::-1], "cost_report": {"usd": 3}}, age=100)
    project.write(f"{DRIVE}/summary.md", "# Review", age=90)
    second, report = project.look()
    assert [second.dedupe_key] == [draft.dedupe_key for draft in first]
    assert report.dedupe_key != second.dedupe_key, "a report that came later is still told"


@pytest.mark.parametrize(
    "change",
    [
        {"findings": [{"id": "P1-1", "severity": "P1", "title": "Another"}]},
        {"reviewed": "2026-11-21"},
        {"input": "docs/plans/q.md"},
        {"findings": [], "agents_completed": []},
    ],
)
def test_another_result_in_the_same_directory_is_another_fact(project: Project, change: dict[str, object]) -> None:
    """A new run re-uses the directory and says something else."""
    project.write(f"{DRIVE}/findings.json", REVIEW)
    before = project.review()[0].dedupe_key
    project.write(f"{DRIVE}/findings.json", {**REVIEW, **change})
    assert project.review()[0].dedupe_key != before


def test_equal_result_of_another_run_or_project_is_another_fact(project: Project, tmp_path: Path) -> None:
    """The run's identifier and the place tell equal findings apart."""
    project.write(f"{DRIVE}/findings.json", REVIEW)
    keys = {project.review()[0].dedupe_key}
    project.write(f"{DRIVE}/fd-safety.{UUID}.md", "x", age=400)
    keys.add(project.review()[0].dedupe_key)
    other = type(project)(tmp_path / "other")
    other.write(f"{DRIVE}/findings.json", REVIEW)
    keys.add(other.review()[0].dedupe_key)
    assert len(keys) == 3


def test_new_counts_of_a_file_without_lists_are_another_fact(project: Project) -> None:
    """Where only a summary tells runs apart, the summary is part of the key."""
    project.write(f"{DRIVE}/findings.json", {"findings_summary": {"P0": 1, "P1": 0}})
    before = project.review()[0].dedupe_key
    project.write(f"{DRIVE}/findings.json", {"findings_summary": {"P0": 2, "P1": 0}})
    assert project.review()[0].dedupe_key != before


# What was reviewed ----------------------------------------------------------------------------------------------------


def test_artifact_is_the_one_input_that_exists(project: Project) -> None:
    """A relative path, an absolute one, a directory; never a guess among several, never a file that is gone."""
    plan = project.write("docs/plans/p.md", "# Plan")
    for stated, artifact in {
        "docs/plans/p.md": plan,
        f"{plan}": plan,
        "docs/../docs/plans/": plan.parent,
        "docs/plans/gone.md": None,
        f"docs/plans/p.md, {plan}, docs": None,
        "docs/plans/p.md\x00": None,
        "x" * 5000: None,
    }.items():
        project.write(f"{DRIVE}/findings.json", {**REVIEW, "input": stated})
        assert project.review()[0].artifact_path == artifact


def test_patch_that_is_gone_keeps_its_name(project: Project) -> None:
    """Reviewed diffs live in temporary directories: no artifact, but the payload says what it was."""
    patch = str(project.root / "gone" / "diff.patch")
    project.write(f"{DRIVE}/findings.json", {**REVIEW, "input": patch})
    draft, payload = project.review()
    assert (draft.artifact_path, payload.inputs) == (None, (patch,))


@pytest.mark.parametrize(
    ("keys", "bead"),
    [
        ({"bead": "Sylveste-og7m.2.1"}, "Sylveste-og7m.2.1"),
        ({"bead_id": "iv-1"}, "iv-1"),
        ({"metadata": {"bead": "iv-2"}}, "iv-2"),
        ({"bead": "none of these"}, "iv-9"),
        ({"bead": 3}, "iv-9"),
        ({"input": "docs/plans/p.md,docs/plans/q.md"}, "iv-9"),
        ({"input": "docs/plans/p.md,docs/plans/r.md"}, None),
        ({"input": "docs/plans"}, None),
    ],
)
def test_context_is_the_bead_that_is_named(project: Project, keys: dict[str, object], bead: str | None) -> None:
    """The file's own bead, else the one its inputs agree on, else the host decides."""
    for name, text in {"p": "**Bead:** iv-9", "q": "**Bead:** iv-9", "r": "**Bead:** iv-8"}.items():
        project.write(f"docs/plans/{name}.md", text)
    project.write(f"{DRIVE}/findings.json", {**REVIEW, **keys})
    assert project.review()[0].context_id == bead


# What stands beside ---------------------------------------------------------------------------------------------------


def test_run_is_named_by_its_newest_agent_file(project: Project) -> None:
    """By the first line, else by the file's name; older runs have neither."""
    project.write(f"{DRIVE}/findings.json", REVIEW)
    project.write(f"{DRIVE}/fd-old.{UUID}.md", "x", age=900)
    project.write(f"{DRIVE}/fd-safety.md", "### Findings Index", age=800)
    assert project.review()[1].run_uuid is None
    project.write(f"{DRIVE}/fd-new.{UUID.upper()}.md", "x", age=700)
    assert project.review()[1].run_uuid == UUID.upper()
    project.write(f"{DRIVE}/fd-newest.{UUID}.md", "<!-- run-uuid: run-7 -->\n", age=600)
    assert project.review()[1].run_uuid == "run-7"


@pytest.mark.parametrize("name", ["summary.md", "synthesis.md"])
def test_degraded_synthesis_is_said(project: Project, name: str) -> None:
    """A report made without its tools opens with those words, decorated or not."""
    project.write(f"{DRIVE}/findings.json", REVIEW)
    assert (project.review()[1].report, project.review()[1].degraded) == (None, None)
    report = project.write(f"{DRIVE}/{name}", "> **Degraded synthesis — intersynth unavailable**\n")
    assert (project.review()[1].report, project.review()[1].degraded) == (str(report), True)
    project.write(f"{DRIVE}/{name}", b"\xff\xfe# Review\n\ndegraded synthesis is not what this was\n")
    assert project.review()[1].degraded is False
