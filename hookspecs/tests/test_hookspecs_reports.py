"""What a report concludes, in every shape that was seen, and what is never taken for a pass.

The shapes are those of reference/modules/intercraft.md section 8.2; the words are ours.
"""

from __future__ import annotations

import json
import time

import pytest
from attrs import asdict
from hypothesis import given, settings
from hypothesis import strategies as st
from interhost_hookspecs import Finding, Verdict, VerdictSource
from interhost_hookspecs.reports import Report, read_report

SAFE, CHANGES, RISKY = Verdict.SAFE, Verdict.NEEDS_CHANGES, Verdict.RISKY

TEMPLATE = """\
## Agent-Native Architecture Review

### Summary
Fine so far.

#### Critical Issues (Must Fix)
1. **Export has no tool** - src/export.py:12
   - Only the button can do it
2. **Settings cannot be read**

#### Warnings (Should Fix)
- Names differ

#### Observations
* None

### Agent-Native Score
- **3/7 capabilities are agent-accessible**
- **Verdict**: NEEDS WORK
"""

INDEX = """\
### Findings Index
- P1 | AN-1 | "Tools" | No tool | for export
- P2 | AN-2 | "Prompts" | Vague prompt
- P2 | AN-3 | Missing section
Verdict: needs-changes

### Details
"""

REAL = """\
# Agent-Native Architecture Review: Index Sharing

**Reviewer:** a reviewer
**Verdict:** NEEDS WORK (3/7 capabilities agent-accessible)

### P1: The index cannot be shared
Text.

**Verdict:** Defer to post-MVP

### P2: No status
**Verdict:** Nice-to-have, 1/6 capabilities

## Conclusion

**Overall Verdict:** **NEEDS WORK**
"""


def test_the_template_is_read() -> None:
    """Its sections are counted by their own names, items within items are none, and "none" is no finding."""
    assert read_report(TEMPLATE) == Report(
        verdict=CHANGES,
        verdict_source=VerdictSource.STATED,
        stated="NEEDS WORK",
        counts={"critical": 2, "warnings": 1},
        top=(
            Finding(severity="critical", title="Export has no tool - src/export.py:12"),
            Finding(severity="critical", title="Settings cannot be read"),
            Finding(severity="warnings", title="Names differ"),
        ),
    )


def test_a_list_of_findings_is_read() -> None:
    """With and without a section, whatever else stands in the title."""
    report = read_report(INDEX)
    assert (report.verdict, report.stated, report.counts) == (CHANGES, "needs-changes", {"P1": 1, "P2": 2})
    assert report.top == (
        Finding(severity="P1", id="AN-1", title="No tool for export"),
        Finding(severity="P2", id="AN-2", title="Vague prompt"),
        Finding(severity="P2", id="AN-3", title="Missing section"),
    )


def test_a_real_report_is_read() -> None:
    """Four verdicts, two of them about something else; the overall one counts."""
    report = read_report(REAL)
    assert (report.verdict, report.verdict_source, report.stated) == (CHANGES, VerdictSource.STATED, "NEEDS WORK")
    assert report.counts == {"P1": 1, "P2": 1}


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("Verdict: PASS", SAFE),
        ("**Verdict:** PASS", SAFE),
        ("- **Verdict**: **PASS**", SAFE),
        ("  * Verdict - pass.", SAFE),
        ("### Verdict: PASS", SAFE),
        ("> Verdict: `PASS`", SAFE),
        ("Verdict \u2014 PASS", SAFE),
        ("Verdict: ✅ PASS", SAFE),
        ("Verdict: PASS ✅", SAFE),
        ("Final verdict: PASS (7/7 capabilities agent-accessible)", SAFE),
        ("Verdict: safe", SAFE),
        ("VERDICT: Needs Work", CHANGES),
        ("Verdict: NEEDS-WORK", CHANGES),
        ("Verdict: needs-changes", CHANGES),
        ("Verdict: NEEDS WORK, because of the index", CHANGES),
        ("Verdict: ❌ NEEDS WORK", CHANGES),
        ("Verdict: risky", RISKY),
        ("Verdict: RISKY (two P0)", RISKY),
    ],
)
def test_a_verdict_is_found_in_its_line(line: str, verdict: Verdict) -> None:
    """In any markup."""
    assert read_report(f"# Report\n\n{line}\n").verdict is verdict


@pytest.mark.parametrize(
    "text",
    [
        "",
        "All is well. PASS",
        "Verdict: [PASS/NEEDS WORK]",
        "Verdict: PASS | NEEDS WORK",
        "Verdict: PASS or NEEDS WORK",
        "Verdict: NEEDS WORK / PASS",
        "Verdict: PASS with reservations",
        "Verdict: PASS, if the index is fixed",
        "Verdict: PASS (once the index is fixed)",
        "Verdict: PASSABLE",
        "Verdict: not safe",
        "Verdict: unsafe",
        "Verdict: FAIL",
        "Verdict:",
        "Verdict: Defer to post-MVP",
        "The verdict: PASS is what we hope for",
        "My verdict: PASS",
        "Verdict\n\nPASS",
        "No Verdict: PASS",
        "Verdict: PASS\nOverall Verdict: see above",
        "Overall Verdict: PASS\nOverall Verdict: it depends",
    ],
)
def test_what_is_no_verdict_is_never_a_pass(text: str) -> None:
    """A template that was not filled in, a pass with conditions, other words: nothing is known."""
    report = read_report(text)
    assert (report.verdict, report.verdict_source) == (None, VerdictSource.UNREADABLE)


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (["Verdict: PASS", "Overall Verdict: NEEDS WORK"], CHANGES),
        (["Overall Verdict: NEEDS WORK", "Verdict: PASS"], CHANGES),
        (["Verdict: NEEDS WORK", "Overall Verdict: PASS"], SAFE),
        (["Overall Verdict: PASS", "Overall Verdict: NEEDS WORK"], CHANGES),
        (["Verdict: NEEDS WORK", "Verdict: PASS"], CHANGES),
        (["Verdict: PASS", "Verdict: NEEDS WORK"], CHANGES),
        (["Verdict: PASS", "Verdict: Nice-to-have"], SAFE),
        (["Verdict: Defer", "Verdict: PASS"], SAFE),
    ],
)
def test_of_several_verdicts_the_last_overall_one_counts(lines: list[str], verdict: Verdict) -> None:
    """Without one the first; a pass only when no other line contradicts it."""
    assert read_report("\n".join(lines)).verdict is verdict


@pytest.mark.parametrize(
    ("findings", "stated", "verdict"),
    [
        ("- P0 | A | s | t", "safe", RISKY),
        ("- P1 | A | s | t", "safe", CHANGES),
        ("- P0 | A | s | t", "needs-changes", RISKY),
        ("- P2 | A | s | t", "safe", SAFE),
        ("- P3 | A | s | t", "risky", RISKY),
        ("### P1: Title", "PASS", CHANGES),
        ("#### Critical Issues\n- one", "PASS", CHANGES),
        ("#### Critical Issues (Must Fix)\n- None found", "PASS", SAFE),
        ("#### Critical Issues\n- No critical issues.", "PASS", SAFE),
        ("#### Warnings\n- one", "PASS", SAFE),
        ("### Issues\n1) one\n2) two", "PASS", SAFE),
    ],
)
def test_findings_can_only_make_it_worse(findings: str, stated: str, verdict: Verdict) -> None:
    """A pass that its own findings contradict is none."""
    report = read_report(f"{findings}\n\nVerdict: {stated}\n")
    assert report.verdict is verdict
    is_same = {"safe": SAFE, "PASS": SAFE, "needs-changes": CHANGES, "risky": RISKY}[stated] is verdict
    assert report.verdict_source is (VerdictSource.STATED if is_same else VerdictSource.RECOMPUTED)


def test_findings_alone_are_no_verdict() -> None:
    """They are counted, and that is all."""
    report = read_report("### P0: Broken\n\nNo more.")
    assert (report.verdict, report.counts, report.is_grave) == (None, {"P0": 1}, True)


def test_the_gravest_are_shown() -> None:
    """Five at most, by severity, in the report's order."""
    lines = [f"- P{number % 4} | {number} | s | t{number}" for number in range(8)]
    assert [one.title for one in read_report("\n".join(lines)).top] == ["t0", "t4", "t1", "t5", "t2"]


def test_titles_do_nothing_to_whoever_reads_them() -> None:
    """One line, without control characters and markup."""
    (finding,) = read_report("### P1: \x1b]0;x\x07**Bold** `code`\u202e").top
    assert finding.title == "]0;x Bold code".replace("]", "")


@given(st.text())
@settings(max_examples=300)
def test_any_text_has_an_answer_that_can_be_stored(text: str) -> None:
    """Nothing raises."""
    json.dumps(asdict(read_report(text)), default=str).encode()


@pytest.mark.parametrize(
    "text",
    [
        "Verdict: PASS\n" * 500_000,
        "a" * 10_000_000,
        "- P1 |" * 1_000_000,
        "#" * 5_000_000,
        "verdict " * 800_000,
        "#### Issues\n" + "- no a " * 500_000 + "\n- no" + " b" * 500_000,
        "- - - -" * 700_000,
    ],
)
def test_a_huge_report_takes_no_time(text: str) -> None:
    """Its first megabyte is read."""
    begin = time.monotonic()
    read_report(text)
    assert time.monotonic() - begin < 20
