"""Reports for people, and the syntheses of tracks.

Shapes are those of reference/modules/interflux.md section 2.3, rows F1 to F4.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ArtifactReady, Draft, ReviewPass, Severity, Verdict, VerdictSource
from interhost_hookspecs.findings import Review, parse_review
from interhost_hookspecs.testing import make_request
from interhost_interflux.reviews import judge
from interhost_interflux.run import is_degraded

if TYPE_CHECKING:
    from adapters.interflux.tests.conftest import Project

DRIVE = "docs/research/flux-drive/plan-1a2b3c4d"
TOPIC = "docs/research/flux-review/some-topic"
SYNTHESIS = f"{TOPIC}/2026-11-20-synthesis.md"
RECOMPUTED, STATED, UNREADABLE = VerdictSource.RECOMPUTED, VerdictSource.STATED, VerdictSource.UNREADABLE

# The template's keys, and behind them those that real files add.
MATTER = """---
artifact_type: review-synthesis
method: flux-review
target: "docs/plans/p.md"
tracks: 2
date: 2026-11-20
{more}---

# What the tracks agree on
"""


def review(*severities: str, completed: int = 1) -> Review | None:
    findings = [{"id": f"F-{n}", "severity": level, "title": f"finding {n}"} for n, level in enumerate(severities)]
    return parse_review(repr({"findings": findings, "agents_completed": completed}).replace("'", '"').encode())


def write_track(project: Project, letter: str, *severities: str) -> None:
    findings = [{"id": f"{letter}-{n}", "severity": level, "title": level} for n, level in enumerate(severities)]
    project.write(f"{TOPIC}/track-{letter}/findings.json", {"findings": findings, "agents_completed": ["fd-x"]})


def synthesis(project: Project) -> tuple[Draft, ReviewPass]:
    """The pass of the synthesis alone, without those of its tracks."""
    ((draft, payload),) = [
        (draft, draft.payload)
        for draft in project.look()
        if isinstance(draft.payload, ReviewPass) and draft.payload.mode == "flux-review"
    ]
    return draft, payload


# Reports --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"{DRIVE}/summary.md", "review_report"),
        (f"{DRIVE}/synthesis.md", "review_report"),
        (f"{TOPIC}/track-a/summary.md", "review_report"),
        (f"{TOPIC}/track-a/synthesis.md", "review_report"),
        ("docs/research/flux-research/topic-1a2b3c4d/synthesis.md", "research_report"),
        ("docs/research/flux-melange/cache/2026-11-20-synthesis.md", "research_report"),
    ],
)
def test_every_report_is_an_artifact(project: Project, name: str, kind: str) -> None:
    """Reviews, research and melanges leave a report, with or without findings beside it."""
    report = project.write(name, "---\nrounds_run: 3\n---\n\n#  The **cache**\n\ntext\n")
    (draft,) = project.look()
    assert isinstance(draft.payload, ArtifactReady)
    assert (draft.payload.kind, draft.payload.title, draft.artifact_path) == (kind, "The **cache**", report)
    assert (draft.severity, draft.context_id, draft.project_dir) == (Severity.INFO, None, project.root)
    assert draft.source_hook in ("file:summary.md", "file:synthesis.md")


def test_report_that_comes_after_its_findings_is_announced(project: Project) -> None:
    """The findings have been told and are not touched again; the report is a file of its own."""
    project.write("docs/plans/p.md", "**Bead:** iv-abc1")
    project.write(f"{DRIVE}/findings.json", {"input": "docs/plans/p.md", "findings": []}, age=100)
    assert len(project.look()) == 1
    report = project.write(f"{DRIVE}/summary.md", "late", age=10)
    project.ctx.changed_files = [report]
    (draft,) = project.look()
    assert (draft.artifact_path, draft.context_id) == (report, "iv-abc1")
    assert draft.payload == ArtifactReady(kind="review_report", sha256=sha256(b"late").hexdigest())


def test_report_is_told_once_per_state(project: Project) -> None:
    """A touched file says nothing new; a changed one does."""
    report = project.write(f"{DRIVE}/summary.md", "one")
    (first,) = project.look()
    project.touch(report, 5)
    (touched,) = project.look()
    project.write(f"{DRIVE}/summary.md", "two")
    (changed,) = project.look()
    assert first.dedupe_key == touched.dedupe_key != changed.dedupe_key


def test_report_of_an_earlier_run_waits_for_the_run_at_work(project: Project) -> None:
    """While agents write, the report beside them is an old one; a crashed run's is never told."""
    report = project.write(f"{DRIVE}/synthesis.md", "old", age=500)
    project.agent("fd-safety.md", "new", age=100)
    lock = project.lock(age=400)
    assert project.look() == ()
    assert project.ctx.postponed == [report]
    project.touch(lock, 9000)
    project.touch(project.root / DRIVE / "fd-safety.md", 3601)
    project.touch(report, 9500)
    assert [type(draft.payload) for draft in project.look()] == [ReviewPass], "the crash, and no report"
    assert project.ctx.postponed == [report]


def test_report_that_vanished_is_no_fact(project: Project) -> None:
    """A file may be gone between the host's look and ours."""
    for name in (f"{DRIVE}/summary.md", SYNTHESIS):
        path = project.write(name, "x")
        path.unlink()
        path.symlink_to(path.with_name("nowhere"))
    assert project.look() == ()


# Syntheses ------------------------------------------------------------------------------------------------------------


def test_synthesis_speaks_for_all_tracks(project: Project) -> None:
    """One pass for the document, one artifact for the report, the tracks' findings as evidence."""
    plan = project.write("docs/plans/p.md", "**Bead:** iv-abc1.2")
    write_track(project, "a", "P2")
    write_track(project, "b", "P1", "P3")
    report = project.write(SYNTHESIS, MATTER.format(more="verdict: safe\n"))
    draft, payload = synthesis(project)
    assert payload == ReviewPass(
        verdict=Verdict.NEEDS_CHANGES,
        counts={"P0": 0, "P1": 1, "P2": 1, "P3": 1, "IMP": 0},
        verdict_source=RECOMPUTED,
        stated_verdict="safe",
        top=payload.top,
        mode="flux-review",
        inputs=("docs/plans/p.md",),
        report=str(report),
        degraded=False,
    )
    assert [item.id for item in payload.top or ()] == ["b-0", "a-0", "b-1"]
    assert (draft.artifact_path, draft.context_id, draft.severity) == (plan, "iv-abc1.2", Severity.WARN)
    artifacts = [one for one in project.look() if isinstance(one.payload, ArtifactReady)]
    assert [(one.artifact_path, one.context_id) for one in artifacts] == [(report, "iv-abc1.2")]


JUDGED: dict[str, tuple[dict[str, str], list[Review | None], Verdict | None, VerdictSource]] = {
    "P0 counted": ({"findings_p0": "1", "findings_p1": "0"}, [], Verdict.RISKY, RECOMPUTED),
    "P1 counted, verdict lies": ({"findings_p1": "2", "verdict": "safe"}, [], Verdict.NEEDS_CHANGES, RECOMPUTED),
    "nothing grave counted": (
        {"findings_p0": "0", "findings_p1": "0", "findings_total": "4"},
        [],
        Verdict.SAFE,
        RECOMPUTED,
    ),
    "nothing counted by nobody": (
        {"findings_p0": "0", "findings_p1": "0", "findings_total": "0"},
        [],
        None,
        UNREADABLE,
    ),
    "a count is missing": ({"findings_p0": "0", "findings_total": "4"}, [review("P2")], None, UNREADABLE),
    "a track contradicts": (
        {"findings_p0": "0", "findings_p1": "0", "findings_total": "4"},
        [review("P1")],
        None,
        UNREADABLE,
    ),
    "the gravest track": ({}, [review("P1"), review("P0")], Verdict.RISKY, RECOMPUTED),
    "all tracks safe": ({"tracks": "2"}, [review("P2"), review()], Verdict.SAFE, RECOMPUTED),
    "named tracks": ({"tracks": "[a, b]"}, [review("P2"), review()], Verdict.SAFE, RECOMPUTED),
    "a track is missing": ({"tracks": "[a, b, c]"}, [review("P2"), review()], None, UNREADABLE),
    "a track cannot be read": ({}, [review("P2"), None], None, UNREADABLE),
    "all tracks failed": (
        {},
        [parse_review(b'{"agents_launched": 2, "agents_completed": 0}')] * 2,
        Verdict.ERROR,
        RECOMPUTED,
    ),
    "safe is not believed": ({"verdict": "safe"}, [], None, UNREADABLE),
    "pass is not believed": ({"verdict": "pass"}, [], None, UNREADABLE),
    "risky is believed": ({"verdict": "risky"}, [], Verdict.RISKY, STATED),
    "needs-changes is believed": ({"verdict": "needs-changes"}, [review("P2"), None], Verdict.NEEDS_CHANGES, STATED),
    "counts that are none": ({"findings_p0": "none", "findings_p1": "0.5"}, [], None, UNREADABLE),
}


@pytest.mark.parametrize(("stated", "tracks", "verdict", "source"), JUDGED.values(), ids=JUDGED.keys())
def test_verdict_of_a_synthesis_is_proved(
    stated: dict[str, str], tracks: list[Review | None], verdict: Verdict | None, source: VerdictSource
) -> None:
    """Counts first, then the tracks; a stated verdict can condemn, and never acquits."""
    assert judge(stated, tracks) == (verdict, source)


def test_synthesis_without_front_matter_is_awaited_then_unreadable(project: Project) -> None:
    """While it is young it may still be on its way; later it is an error that someone sees, and no pass."""
    path = project.write(SYNTHESIS, "---\nverdict: safe\n", age=59)
    project.ctx.changed_files = [path]
    assert [type(draft.payload) for draft in project.look()] == [ArtifactReady]
    assert project.ctx.postponed == [path]
    project.touch(path, 61)
    draft, payload = synthesis(project)
    assert (payload.verdict, payload.verdict_source, payload.counts) == (None, UNREADABLE, {})
    assert draft.severity is Severity.ERROR


def test_report_that_is_gone_is_not_degraded(tmp_path: Path) -> None:
    """It may go between two looks of ours."""
    assert is_degraded(tmp_path / "gone.md") is False


def test_degraded_synthesis_is_said_behind_the_front_matter(project: Project) -> None:
    """The notice stands in the first line of the text."""
    text = MATTER.format(more="findings_p0: 0\nfindings_p1: 1\n")
    project.write(SYNTHESIS, text.replace("# What", "degraded synthesis — intersynth unavailable\n\n# What"))
    assert synthesis(project)[1].degraded is True
    project.write(SYNTHESIS, text + "\ndegraded synthesis is not what this was\n")
    assert synthesis(project)[1].degraded is False


# The request that waits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("severity", ["P0", "P2"])
def test_report_closes_the_request_that_waits_for_it(project: Project, severity: str) -> None:
    """Whatever the verdict, the review has been made; its context is the request's where nothing else says one."""
    plan = project.write("docs/plans/p.md", "# Plan")
    project.ctx.waiting.append(make_request(plan, project.root))
    project.write(f"{DRIVE}/findings.json", {"input": str(plan), "findings": [{"severity": severity}]})
    draft, payload = project.review()
    assert project.ctx.closed == {project.ctx.waiting[0].path: f"{payload.verdict}: {payload.findings_path}"}
    assert draft.context_id == "iv-abc1"


def test_synthesis_closes_the_request_and_a_track_does_not(project: Project) -> None:
    """One track of four is not the review that was asked for."""
    plan = project.write("docs/plans/p.md", "# Plan")
    project.ctx.waiting.append(make_request(plan, project.root))
    project.write(f"{TOPIC}/track-a/findings.json", {"input": "docs/plans/p.md", "findings": [{"severity": "P2"}]})
    project.look()
    assert project.ctx.closed == {}
    project.write(SYNTHESIS, MATTER.format(more="findings_p1: 3\n"))
    project.look()
    assert list(project.ctx.closed.values()) == [f"needs-changes: {project.root / SYNTHESIS}"]


@pytest.mark.parametrize("name", ["docs/plans/p.md", "./docs/plans/p.md", "{root}/docs/plans/p.md"])
@pytest.mark.parametrize("end", ["", "-0b7e9a52-3d0e-4c1e-9f27-6f0c2d7a8e11"])
def test_review_that_names_no_input_is_known_by_its_directory(project: Project, name: str, end: str) -> None:
    """One real file in three has no input; the directory carries a hash of the path that was given."""
    plan = project.write("docs/plans/p.md", "# Plan")
    project.ctx.waiting.append(make_request(plan, project.root))
    digest = sha256(name.format(root=project.root).encode()).hexdigest()[:8]
    project.write(f"docs/research/flux-drive/p-{digest}{end}/findings.json", {"findings": [{"severity": "P2"}]})
    draft, _ = project.review()
    assert (draft.artifact_path, draft.context_id) == (plan, "iv-abc1")
    assert len(project.ctx.closed) == 1


def test_directory_that_nobody_asked_for_still_names_its_document(project: Project) -> None:
    """A plan, PRD or brainstorm is found by the hash, and with it its bead; any other directory names nothing."""
    prd = project.write("docs/prds/deep/p.md", "**Bead:** iv-abc1")
    digest = sha256(b"docs/prds/deep/p.md").hexdigest()[:8]
    report = project.write(f"docs/research/flux-drive/p-{digest}/summary.md", "x", age=9)
    project.write(f"docs/research/flux-drive/p-{digest}/findings.json", {"findings": []})
    project.write(f"{DRIVE}/findings.json", {"findings": []}, age=200)
    review, other, summary = project.look()
    assert (other.artifact_path, other.context_id) == (None, None)
    assert (review.artifact_path, review.context_id) == (prd, "iv-abc1")
    assert (summary.artifact_path, summary.context_id) == (report, "iv-abc1")


@pytest.mark.parametrize(
    ("document", "age"),
    [
        ({"input": "docs/plans/p.md", "findings": [{"severity": "odd"}]}, 10),
        ({"input": "docs/plans/p.md", "findings": [], "agents_launched": ["a"], "agents_completed": []}, 10),
        ({"input": "docs/plans/p.md", "findings": [{"severity": "P2"}]}, 4000),
        ({"input": "docs/plans/q.md", "findings": [{"severity": "P2"}]}, 10),
    ],
    ids=["proves nothing", "nobody answered", "older than the request", "another document"],
)
def test_request_stays_open_until_it_is_answered(project: Project, document: dict[str, object], age: float) -> None:
    """Only a review with a verdict, made after it was asked for, is an answer."""
    plan = project.write("docs/plans/p.md", "# Plan", age=9000)
    project.write("docs/plans/q.md", "# Another")
    project.ctx.waiting.append(make_request(plan, project.root))
    project.write(f"{DRIVE}/findings.json", document, age=age)
    assert len(project.look()) == 1
    assert project.ctx.closed == {}


def test_request_that_expired_is_not_closed(project: Project) -> None:
    """After its day nobody waits."""
    plan = project.write("docs/plans/p.md", "# Plan")
    project.ctx.waiting.append(make_request(plan, project.root))
    project.ctx.sleep(24 * 3600)
    project.write(f"{DRIVE}/findings.json", {"input": "docs/plans/p.md", "findings": [{"severity": "P2"}]}, age=-80_000)
    assert len(project.look()) == 1
    assert project.ctx.closed == {}


def test_document_outside_the_project_is_known_by_its_whole_path(project: Project, tmp_path: Path) -> None:
    """It has no other name."""
    outside = tmp_path.parent / f"{tmp_path.name}-notes.md"
    outside.write_text("# Notes")
    project.ctx.waiting.append(make_request(outside, project.root))
    digest = sha256(str(outside).encode()).hexdigest()[:8]
    project.write(f"docs/research/flux-drive/notes-{digest}/findings.json", {"findings": [{"severity": "P2"}]})
    assert project.review()[0].artifact_path == outside
    assert len(project.ctx.closed) == 1


def test_real_paths_are_compared(project: Project, tmp_path: Path) -> None:
    """A request and a review may name one file by two paths."""
    plan = project.write("docs/plans/p.md", "# Plan")
    link = project.root / "now.md"
    link.symlink_to(plan)
    project.ctx.waiting.append(make_request(link, project.root))
    project.write(f"{DRIVE}/findings.json", {"input": "docs/plans/p.md", "findings": [{"severity": "P2"}]})
    project.look()
    assert len(project.ctx.closed) == 1
