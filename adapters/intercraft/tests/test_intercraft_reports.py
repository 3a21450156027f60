"""The files that reviews leave, in the shapes of reference/modules/intercraft.md section 8.2; the words are ours."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import Finding, ReviewPass, Severity, Verdict, VerdictSource
from interhost_hookspecs.testing import make_hook_event
from interhost_intercraft import adapter

if TYPE_CHECKING:
    from adapters.intercraft.tests.conftest import Project

CURRENT = ".clavain/reviews/current/agent-native-reviewer.md"
VERDICT = ".clavain/verdicts/agent-native-reviewer.json"
CONTRACT = """\
### Findings Index
- P1 | AN-1 | "Tools" | Export has no tool
- P2 | AN-2 | "Prompts" | Vague prompt
Verdict: needs-changes
"""
RESEARCH = """\
# Agent-Native Architecture Review: Sharing the Index

**Verdict:** NEEDS WORK (3/7 capabilities agent-accessible)

### P1: The index cannot be shared
**Verdict:** Defer to post-MVP, 1/6 capabilities

### P2: No status
**Verdict:** Nice-to-have, 5/6 capabilities

**Overall Verdict:** **NEEDS WORK**
"""
TEMPLATE = """\
## Agent-Native Architecture Review

#### Critical Issues (Must Fix)
1. **Export has no tool** - src/export.py:12

### Agent-Native Score
- **3/7 capabilities are agent-accessible**
- **Verdict**: {verdict}
"""


def verdict_file(status: object = "NEEDS_ATTENTION", **changes: Any) -> dict[str, Any]:
    """A verdict after the real sample."""
    return {
        "type": "verdict",
        "status": status,
        "model": "haiku",
        "tokens_spent": 0,
        "files_changed": [],
        "findings_count": 0,
        "summary": "P1x1: export has no tool",
        "detail_path": CURRENT,
        "timestamp": "2026-11-20T11:47:42Z",
        **changes,
    }


# Reports --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["current", "42", "feature/agent-tools", "ada/feature/tools"])
def test_a_report_of_a_review_is_told(project: Project, target: str) -> None:
    """Whatever the review was of: the work at hand, a pull request, a branch with its slashes."""
    path = project.write(f".clavain/reviews/{target}/agent-native-reviewer.md", CONTRACT)
    draft, review = project.review()
    assert review == ReviewPass(
        verdict=Verdict.NEEDS_CHANGES,
        counts={"P1": 1, "P2": 1},
        verdict_source=VerdictSource.STATED,
        stated_verdict="needs-changes",
        top=(
            Finding(severity="P1", id="AN-1", title="Export has no tool"),
            Finding(severity="P2", id="AN-2", title="Vague prompt"),
        ),
        mode="agent-native",
        report=str(path),
    )
    assert (draft.severity, draft.project_dir, draft.artifact_path) == (Severity.WARN, project.root, path)
    assert draft.source_hook == "file:agent-native-reviewer.md"


def test_a_redirected_report_is_told(project: Project) -> None:
    """Below docs/research, known by its title; the overall verdict counts, and the first score."""
    project.write("docs/research/agent-native-review-of-sharing.md", RESEARCH)
    draft, review = project.review()
    assert (review.verdict, review.stated_verdict, review.counts) == (
        Verdict.NEEDS_CHANGES,
        "NEEDS WORK",
        {"P1": 1, "P2": 1},
    )
    assert draft.extensions["score"] == {"have": 3, "total": 7}


def test_other_research_is_somebody_elses(project: Project) -> None:
    """Although its name is like that of a review."""
    project.write("docs/research/agent-native-patterns.md", "# Agent-Native Patterns\n\nVerdict: PASS\n")
    project.write("docs/research/export.md", RESEARCH)
    assert project.look() == []


def test_research_that_is_being_written_is_looked_at_again(project: Project) -> None:
    """Its title may not be there yet."""
    path = project.write("docs/research/agent-native-review.md", "", age=5)
    assert project.look() == []
    assert project.ctx.postponed == [path]


@pytest.mark.parametrize(
    ("text", "verdict", "severity"),
    [
        (TEMPLATE.format(verdict="NEEDS WORK"), Verdict.NEEDS_CHANGES, Severity.ERROR),
        (TEMPLATE.format(verdict="PASS"), Verdict.NEEDS_CHANGES, Severity.ERROR),
        (TEMPLATE.format(verdict="PASS").replace("1. **Export", "None: **Export"), Verdict.SAFE, Severity.INFO),
        (TEMPLATE.format(verdict="[PASS/NEEDS WORK]"), None, Severity.ERROR),
        (CONTRACT.replace("P1", "P2").replace("needs-changes", "safe"), Verdict.SAFE, Severity.INFO),
        (CONTRACT.replace("P1", "P0"), Verdict.RISKY, Severity.ERROR),
        (CONTRACT.replace("needs-changes", "safe"), Verdict.NEEDS_CHANGES, Severity.WARN),
        (CONTRACT.replace("needs-changes", "fine"), None, Severity.WARN),
        ("\x00\x01", None, Severity.WARN),
    ],
)
def test_what_a_report_proves(project: Project, text: str, verdict: Verdict | None, severity: Severity) -> None:
    """A pass that its findings contradict is none, a critical issue is an error, the unreadable has no verdict."""
    project.write(CURRENT, text)
    draft, review = project.review()
    assert (review.verdict, draft.severity) == (verdict, severity)
    assert ("excerpt" in draft.extensions) == (verdict is None and bool(text.strip("\x00\x01")))


# Verdict files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "verdict", "severity"),
    [
        ("CLEAN", Verdict.SAFE, Severity.INFO),
        ("NEEDS_ATTENTION", Verdict.NEEDS_CHANGES, Severity.WARN),
        ("BLOCKED", Verdict.RISKY, Severity.ERROR),
        ("ERROR", Verdict.ERROR, Severity.ERROR),
        ("FAILED", Verdict.ERROR, Severity.ERROR),
        ("COMPLETE", None, Severity.WARN),
        ("PARTIAL", None, Severity.WARN),
        ("MARVELLOUS", None, Severity.WARN),
    ],
)
def test_a_verdict_file_tells_what_no_report_tells(
    project: Project, status: str, verdict: Verdict | None, severity: Severity
) -> None:
    """Its status is the verdict; that something was done is none."""
    path = project.write(VERDICT, verdict_file(status, summary="Nothing to add", session_id="s-7"))
    draft, review = project.review()
    assert (review.verdict, review.stated_verdict, draft.severity) == (verdict, status, severity)
    assert (draft.artifact_path, draft.session_id) == (path, "s-7")
    assert draft.occurred_at == datetime(2026, 11, 20, 11, 47, 42, tzinfo=UTC)
    assert draft.extensions == {"model": "haiku", "findings_count": 0, "summary": "Nothing to add"}


@pytest.mark.parametrize(
    ("summary", "counts", "verdict"),
    [
        ("P0x1 P1x2: bad", {"P0": 1, "P1": 2}, Verdict.RISKY),
        ("2 P1, 3 P2", {"P1": 2, "P2": 3}, Verdict.NEEDS_CHANGES),
        ("P2 x 4", {"P2": 4}, Verdict.SAFE),
        ("no findings", {}, Verdict.SAFE),
        (None, {}, Verdict.SAFE),
    ],
)
def test_a_clean_status_is_held_against_its_summary(
    project: Project, summary: object, counts: dict[str, int], verdict: Verdict
) -> None:
    """The number of findings is 0 also where there are some."""
    project.write(VERDICT, verdict_file("CLEAN", summary=summary))
    _, review = project.review()
    assert (review.verdict, review.counts) == (verdict, counts)


def test_a_review_with_a_verdict_file_is_told_once(project: Project) -> None:
    """The report speaks for itself, the verdict that was made of it says the same: one key."""
    report = project.write(CURRENT, CONTRACT)
    project.write(VERDICT, verdict_file())
    first, second = project.look()
    assert first.dedupe_key == second.dedupe_key
    assert second.artifact_path == report


@pytest.mark.parametrize("where", ["gone", "outside", "link", "unreadable", "number", "null", "half"])
def test_a_report_that_cannot_be_followed_leaves_the_verdict(project: Project, where: str) -> None:
    """Nothing outside the project is read."""
    outside = project.root.parent / "secret.md"
    outside.write_text("Verdict: PASS\n")
    stated: object = {
        "gone": "gone.md",
        "outside": "../secret.md",
        "link": "link.md",
        "unreadable": "r.md",
        "number": 7,
        "null": "a\0.md",
        "half": "\ud800.md",
    }[where]
    (project.root / "link.md").symlink_to(outside)
    project.write("r.md", "nothing")
    project.write(VERDICT, verdict_file(detail_path=stated))
    draft, review = project.review()
    assert review.verdict is Verdict.NEEDS_CHANGES
    assert draft.artifact_path == project.root / ("r.md" if where == "unreadable" else VERDICT)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        {"status": 7},
        {"verdict": "CLEAN"},
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_a_damaged_verdict_file_tells_nothing(project: Project, content: object) -> None:
    """The next one counts."""
    project.write(VERDICT, content)
    assert project.look() == []


def test_the_same_verdict_has_one_key(project: Project) -> None:
    """By its own time; without one, by the state of the file."""
    keys = []
    for changes in ({}, {"model": "opus"}, {"timestamp": "2026-11-20T11:50:00Z"}, {"timestamp": None}):
        project.write(VERDICT, verdict_file(detail_path=None, **changes))
        keys.append(project.look()[0].dedupe_key)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


# Agents ---------------------------------------------------------------------------------------------------------------


def answer(project: Project, text: str, agent: str = "intercraft:review:agent-native-reviewer") -> list[ReviewPass]:
    event = make_hook_event(
        tool_name="Task",
        cwd=str(project.root),
        tool_input={"subagent_type": agent, "prompt": "Review the diff."},
        tool_response={"status": "completed", "agentType": agent, "content": [{"type": "text", "text": text}]},
    )
    drafts = adapter.observe_hook(event, project.ctx).drafts
    return [one.payload for one in drafts if isinstance(one.payload, ReviewPass)]


def test_the_reviewers_answer_is_told(project: Project) -> None:
    """Its text, or the report that it says it has written."""
    (review,) = answer(project, RESEARCH)
    assert (review.verdict, review.report) == (Verdict.NEEDS_CHANGES, None)
    path = project.write(CURRENT, CONTRACT)
    (review,) = answer(project, f"Findings written to {CURRENT}")
    assert (review.verdict, review.report) == (Verdict.NEEDS_CHANGES, str(path))
    assert answer(project, RESEARCH, agent="Explore") == []


def test_the_sub_agents_of_an_audit_are_not_its_result(project: Project) -> None:
    """They are called Explore like all others, and one principle is not the whole."""
    assert answer(project, "Audit for ACTION PARITY: 9/12 capabilities. Verdict: PASS", agent="Explore") == []


@pytest.mark.parametrize("skill", ["intercraft:agent-native-audit", "intercraft:agent-native-architecture"])
def test_the_use_of_a_skill_is_told(project: Project, skill: str) -> None:
    """That it began; its result is told when there is one."""
    event = make_hook_event(tool_name="Skill", tool_input={"skill": skill, "args": "3"})
    (draft,) = adapter.observe_hook(event, project.ctx).drafts
    assert (draft.intent, draft.payload) == ("intercraft.skill_used@1.0", {"skill": skill, "args": "3"})


def test_a_huge_report_is_read_to_its_first_megabyte(project: Project) -> None:
    """What comes after is not seen: without a verdict before, it has none."""
    path = project.write(CURRENT, "x" * 10_000_000 + "\nVerdict: PASS\n")
    assert os.path.getsize(path) > 10_000_000
    _, review = project.review()
    assert review.verdict is None
