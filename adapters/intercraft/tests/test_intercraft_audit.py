"""The summary of an audit, as it stands in the chat (reference/modules/intercraft.md section 8.2 (a))."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ReviewPass, Severity, Verdict
from interhost_hookspecs.testing import make_hook_event
from interhost_intercraft import adapter
from interhost_intercraft.audit import MODE, read_audit

if TYPE_CHECKING:
    from adapters.intercraft.tests.conftest import Project

ROWS: list[tuple[str, object, object, object, str]] = [
    ("Action Parity", 9, 12, 75, "⚠️"),
    ("Tools as Primitives", 10, 10, 100, "✅"),
    ("Context Injection", 2, 5, 40, "❌"),
    ("Shared Workspace", 4, 5, 80, "✅"),
    ("CRUD Completeness", 6, 7, 86, "✅"),
    ("UI Integration", 5, 6, 83, "✅"),
    ("Capability Discovery", 6, 7, 86, "✅"),
    ("Prompt-Native Features", 4, 8, 50, "⚠️"),
]


def summary(overall: object = 75, rows: Sequence[tuple[str, object, object, object, str]] = ROWS) -> str:
    """The summary after the command's template."""
    table = "\n".join(f"| {name} | {have}/{total} | {part}% | {mark} |" for name, have, total, part, mark in rows)
    return (
        "All eight are done.\n\n## Agent-Native Architecture Review: widgets\n\n### Overall Score Summary\n\n"
        f"| Core Principle | Score | Percentage | Status |\n|---|---|---|---|\n{table}\n\n"
        f"**Overall Agent-Native Score: {overall}%**\n\n### Status Legend\n- ✅ Excellent (80%+)\n"
    )


def test_a_summary_is_read_whole() -> None:
    """The whole, each principle, and how many of them are good, fair and bad by the legend."""
    report = read_audit(summary())
    assert report
    assert (report.verdict, report.stated, report.mode) == (
        Verdict.NEEDS_CHANGES,
        "Overall Agent-Native Score: 75%",
        MODE,
    )
    assert report.counts == {"good": 5, "fair": 2, "bad": 1}
    assert report.details["overall_pct"] == 75
    principles = report.details["principles"]
    assert isinstance(principles, dict)
    assert list(principles) == [name for name, *_ in ROWS]
    assert principles["Action Parity"] == {"have": 9, "total": 12, "pct": 75}


@pytest.mark.parametrize(
    ("overall", "worst", "verdict"),
    [
        (100, 100, Verdict.SAFE),
        (80, 50, Verdict.SAFE),
        (80, 49, Verdict.NEEDS_CHANGES),
        (79, 79, Verdict.NEEDS_CHANGES),
        (50, 10, Verdict.NEEDS_CHANGES),
        (49, 90, Verdict.RISKY),
        (0, 0, Verdict.RISKY),
    ],
)
def test_the_percentages_decide(overall: int, worst: int, verdict: Verdict) -> None:
    """By the audit's own legend; the whole is good only where nothing is bad."""
    report = read_audit(summary(overall, [("One", 1, 1, 100, "✅"), ("Two", 1, 2, worst, "?")]))
    assert report
    assert report.verdict is verdict


@pytest.mark.parametrize(
    "text",
    [
        "",
        "**Overall Agent-Native Score: 75%**",
        summary("X"),
        summary(rows=[("Action Parity", "X", "Y", "Z", "✅")]),
        summary().replace("## Agent-Native", "## Another"),
        summary().replace("**Overall", "The **Overall"),
        summary().partition("**Overall")[0],
    ],
)
def test_what_is_no_summary_is_none(text: str) -> None:
    """A template that was not filled in, a part of one, another table."""
    assert read_audit(text) is None


@pytest.mark.parametrize(("overall", "severity"), [(85, Severity.WARN), (60, Severity.WARN), (30, Severity.ERROR)])
def test_a_summary_is_told_when_the_agent_stops(project: Project, overall: int, severity: Severity) -> None:
    """Once for a session and what it says; its context is the session's."""
    ctx = project.ctx
    event = make_hook_event("Stop", last_assistant_message=summary(overall))
    (draft,) = adapter.observe_hook(event, ctx).drafts
    assert isinstance(draft.payload, ReviewPass)
    assert (draft.payload.mode, draft.severity, draft.context_id) == (MODE, severity, None)
    assert draft.extensions["overall_pct"] == overall
    (again,) = adapter.observe_hook(event, ctx).drafts
    (other,) = adapter.observe_hook(make_hook_event("Stop", last_assistant_message=summary(99)), ctx).drafts
    assert again.dedupe_key == draft.dedupe_key != other.dedupe_key


@pytest.mark.parametrize("said", ["The parser is written.", None, 7, ["x"], "\ud800"])
def test_other_last_words_tell_nothing(project: Project, said: object) -> None:
    """Nor do other events with the same words."""
    ctx = project.ctx
    assert adapter.observe_hook(make_hook_event("Stop", last_assistant_message=said), ctx).drafts == ()
    other = make_hook_event("SubagentStop", last_assistant_message=summary())
    assert adapter.observe_hook(other, ctx).drafts == ()


def test_names_and_numbers_are_bounded() -> None:
    """Whatever the table holds."""
    rows = [("x" * 500, 1, 1, 100, ""), ("\x1b[31mOne\u202e", 10**9, 1, 100, ""), ("Two", 1, 2, 50, "")]
    report = read_audit(summary(75, rows))
    assert report
    principles = report.details["principles"]
    assert isinstance(principles, dict)
    assert list(principles) == ["Two"]


@pytest.mark.parametrize("text", ["| " * 3_000_000, summary() * 5_000, "|a|1/1|" + "1" * 4_000_000, "*" * 5_000_000])
def test_huge_last_words_take_no_time(text: str) -> None:
    """Their first megabyte is read."""
    begin = time.monotonic()
    read_audit(text)
    assert time.monotonic() - begin < 20
