"""What a findings.json proves."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interhost_hookspecs import Verdict, VerdictSource
from interhost_hookspecs.findings import Review, parse_review, read_review

SAFE, NEEDS_CHANGES, RISKY, ERROR = Verdict.SAFE, Verdict.NEEDS_CHANGES, Verdict.RISKY, Verdict.ERROR


def items(*severities: object) -> list[object]:
    return [{"id": f"F-{n}", "severity": level, "title": f"finding {n}"} for n, level in enumerate(severities)]


VERDICTS: dict[str, tuple[dict[str, object], Verdict | None]] = {
    "any P0 is risky": ({"findings": items("P2", "P0"), "verdict": "needs-changes"}, RISKY),
    "any P1 needs changes": ({"findings": items("P3", "P1"), "verdict": "safe"}, NEEDS_CHANGES),
    "only P2 and P3 are safe": ({"findings": items("P2", "P3"), "verdict": "risky"}, SAFE),
    "severities may be sloppily spelled": ({"findings": items(" p0 ")}, RISKY),
    "an empty list is safe when agents answered": ({"findings": [], "agents_completed": ["a"]}, SAFE),
    "answered agents may be a number": ({"findings": [], "agents_complete": 7}, SAFE),
    "an empty list proves nothing when nobody is said to have looked": ({"findings": [], "verdict": "safe"}, None),
    "all agents failed": ({"findings": [], "agents_launched": ["a"], "agents_completed": [], "verdict": "safe"}, ERROR),
    "all agents failed, without a list": ({"agents_launched": 3, "agents_completed": 0}, ERROR),
    "nobody was launched": ({"findings": [], "agents_launched": [], "agents_completed": []}, None),
    "a P0 is not hidden by silent agents": (
        {"findings": items("P0"), "agents_launched": ["a"], "agents_completed": []},
        RISKY,
    ),
    "new findings count": ({"new_findings": items("P1"), "verdict": "safe"}, NEEDS_CHANGES),
    "new findings add to findings": ({"findings": items("P2"), "new_findings": items("P3", "P0")}, RISKY),
    "an unknown severity cannot be safe": ({"findings": items("P2", "critical")}, None),
    "a missing severity cannot be safe": ({"findings": [{"title": "x"}]}, None),
    "a finding that is no object cannot be safe": ({"findings": ["all is well"]}, None),
    "an unknown severity does not hide a P1": ({"findings": items("blocker", "P1")}, NEEDS_CHANGES),
    "a list of the wrong type cannot be safe": (
        {"findings": {"P0": ["x"]}, "new_findings": [], "agents_completed": ["a"]},
        None,
    ),
    "a summary of numbers": ({"findings_summary": {"P0": 0, "P1": 2, "total": 2}}, NEEDS_CHANGES),
    "a summary of objects": ({"summary_by_severity": {"P0": {"count": 1}, "P1": {"count": 0}}}, RISKY),
    "a summary in the metadata": ({"metadata": {"by_severity": {"P0": 0, "P1": 0, "P2": 4}}}, SAFE),
    "a summary in the verdict's detail": ({"verdict_detail": {"p0_count": 0, "p1_count": 1}}, NEEDS_CHANGES),
    "severity_summary": ({"severity_summary": {"P0": 3}}, RISKY),
    "a list of P0 findings alone": ({"p0_findings": [{"id": "S1", "title": "x"}]}, RISKY),
    "a summary that is silent about P1 cannot be safe": ({"findings_summary": {"P0": 0, "P2": 1}}, None),
    "a summary that cannot be read cannot be safe": ({"findings_summary": {"P0": "none", "P1": 0, "P2": 1}}, None),
    "the list is better evidence than a summary": (
        {"findings": items("P1"), "findings_summary": {"P0": 1}},
        NEEDS_CHANGES,
    ),
    "a summary that contradicts a harmless list": ({"findings": items("P2"), "verdict_detail": {"p0_count": 1}}, None),
    "nothing to count": ({"verdict": "safe", "agents_completed": ["a"]}, None),
    "an empty object": ({}, None),
}


@pytest.mark.parametrize(("document", "verdict"), VERDICTS.values(), ids=VERDICTS.keys())
def test_verdict_is_counted_never_believed(document: dict[str, object], verdict: Verdict | None) -> None:
    """The severities decide, whatever the file states; what they do not prove is no pass."""
    assert read_review(document).verdict is verdict


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("needs-changes", "needs-changes"),
        ("pass-with-findings", "pass-with-findings"),
        ({"overall": "risky", "gate": "FAIL"}, "risky"),
        ({"overall": 3, "gate": "FAIL"}, '{"overall":3,"gate":"FAIL"}'),
        (["a", 1], '["a",1]'),
        (None, None),
    ],
)
def test_stated_verdict_is_kept(stated: object, kept: str | None) -> None:
    """What the file says stays readable beside what was counted."""
    review = read_review({"verdict": stated, "findings": items("P2")})
    assert (review.stated_verdict, review.verdict) == (kept, SAFE)


def test_source_says_whether_anything_was_counted() -> None:
    """``recomputed`` stands for a count, even one that proves nothing; ``unreadable`` for its absence."""
    counted = read_review({"findings": items("P2", "critical")})
    assert (counted.verdict, counted.verdict_source) == (None, VerdictSource.RECOMPUTED)
    assert read_review({"findings_summary": {"P0": 1}}).verdict_source is VerdictSource.RECOMPUTED
    assert read_review({"verdict": "safe"}) == Review(stated_verdict="safe")
    assert Review().verdict_source is VerdictSource.UNREADABLE


def test_counts_have_every_level_and_the_improvements() -> None:
    """Levels without findings count zero; unknown severities are in no level."""
    review = read_review({"findings": items("P1", "P1", "P3", "odd"), "improvements": [{"id": "IMP-1"}, "another"]})
    assert review.counts == {"P0": 0, "P1": 2, "P2": 0, "P3": 1, "IMP": 2}
    assert read_review({"findings": items("P2"), "improvements": 4}).counts["IMP"] == 0


def test_a_finding_in_both_lists_counts_once() -> None:
    """A re-review may repeat a new finding in the full list."""
    assert read_review({"findings": items("P1", "P2"), "new_findings": items("P1")}).counts["P1"] == 1
    assert read_review({"findings": [{"severity": "P1"}, {"severity": "P1"}]}).counts["P1"] == 2


def test_top_is_the_gravest_five() -> None:
    """Gravest first, the file's order within a level, agents from either key."""
    findings = [
        {"id": "a", "severity": "P3", "title": "minor", "agent": "one"},
        {"id": "b", "severity": "P1", "title": "x" * 1000, "agents": ["one", "two", 3]},
        {"id": 7, "severity": "P0", "title": "two\n lines", "agent": "one"},
        {"id": None, "severity": "P1", "title": None, "description": "told elsewhere", "agents": "nobody"},
        {"id": "e", "severity": "odd", "title": "not shown"},
        {"id": "f", "severity": "P2"},
        {"id": "g", "severity": "P3", "title": "the sixth"},
    ]
    top = read_review({"findings": findings}).top
    assert [(item.severity, item.id) for item in top] == [
        ("P0", "7"),
        ("P1", "b"),
        ("P1", None),
        ("P2", "f"),
        ("P3", "a"),
    ]
    assert [item.title for item in top] == ["two lines", "x" * 299 + "…", "told elsewhere", "untitled", "minor"]
    assert [item.agents for item in top] == [("one",), ("one", "two"), None, None, ("one",)]


def test_a_file_without_lists_still_shows_its_highlights() -> None:
    """Findings that stand under another name are shown, and the summary is what is counted."""
    review = read_review(
        {
            "findings_summary": {"P0": 1, "P1": 9, "P2": 0, "P3": 0},
            "top_convergent_findings": [{"id": "C-1", "severity": "P1", "title": "seen by many"}],
            "p0_findings": [{"id": "P0-1", "title": "the worst"}],
        }
    )
    assert [(item.severity, item.id) for item in review.top] == [("P0", "P0-1"), ("P1", "C-1")]
    assert review.counts["P1"] == 9


@pytest.mark.parametrize(
    ("document", "inputs"),
    [
        ({"input": "docs/a.md"}, ("docs/a.md",)),
        ({"input": "/p/a.md, docs/b.md ,c.md"}, ("/p/a.md", "docs/b.md", "c.md")),
        ({"input": ["a.md", 3, "b.md"]}, ("a.md", "b.md")),
        ({"plan": "docs/p.md"}, ("docs/p.md",)),
        ({"input": 3, "metadata": {"document": "docs/d.md"}}, ("docs/d.md",)),
        ({"input": " , "}, ()),
        ({"metadata": "docs/d.md"}, ()),
    ],
)
def test_inputs_are_found_under_every_name(document: dict[str, object], inputs: tuple[str, ...]) -> None:
    """One path, several with commas, a list; three keys hold them."""
    assert read_review(document).inputs == inputs


def test_agents_are_names_or_nothing() -> None:
    """Numbers occur in real files and name nobody."""
    named = read_review({"agents_launched": ["a", "b"], "agents_completed": ["a"], "agents_failed": []})
    assert (named.launched, named.completed, named.failed) == (("a", "b"), ("a",), ())
    numbers = read_review({"agents_launched": 7, "agents_complete": 7, "agents_complete_list": ["a"]})
    assert (numbers.launched, numbers.completed, numbers.failed) == (None, ("a",), None)
    assert read_review({"agents_launched": ["a", 1]}).launched is None


def test_text_that_cannot_be_stored_is_mended() -> None:
    """A lone surrogate is valid JSON and would poison every database and file behind us."""
    review = parse_review(b'{"verdict": "\\ud800", "input": "\\udfff.md", "findings": [{"title": "\\ud83d"}]}')
    assert review is not None
    assert (review.stated_verdict, review.inputs, review.findings[0].title) == ("?", ("?.md",), "?")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe\xfa", b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_object_is_no_review(data: bytes) -> None:
    """Half a file, another kind of JSON, and nesting without end are told apart from a review."""
    assert parse_review(data) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
LEVEL = st.sampled_from(["P0", "P1", "P2", "P3", "odd"])
ITEM = st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "severity", "title", "agent", "agents"), JSON | LEVEL))
SUMMARY = st.dictionaries(st.sampled_from(["P0", "P1", "p0_count", "p1_count"]), st.integers(0, 2) | JSON)
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("input", "plan", "bead", "reviewed", "verdict", "improvements", "p0_findings"), JSON),
        **dict.fromkeys(("agents_launched", "agents_completed", "agents_failed"), JSON | st.lists(st.text())),
        **dict.fromkeys(("findings", "new_findings"), st.lists(ITEM | JSON) | JSON),
        **dict.fromkeys(("findings_summary", "verdict_detail", "severity_summary"), SUMMARY | JSON),
        "metadata": st.dictionaries(st.sampled_from(["document", "bead", "by_severity"]), SUMMARY | JSON) | JSON,
    },
)


@settings(deadline=None)  # a busy machine is not a broken promise
@given(DOCUMENT | st.dictionaries(st.text(), JSON))
def test_any_object_has_an_answer_and_grave_findings_are_never_safe(document: dict[str, object]) -> None:
    """Nothing in a file can make the adapter raise, and nothing talks it out of a P0 or P1."""
    review = parse_review(json.dumps(document).encode())
    assert review is not None
    lists = (value for key in ("findings", "new_findings") if isinstance(value := document.get(key), list))
    listed = [item.get("severity") for found in lists for item in found if isinstance(item, dict)]
    if "P0" in listed:
        assert review.verdict is RISKY
    elif "P1" in listed:
        assert review.verdict is NEEDS_CHANGES
    json.dumps([review.stated_verdict, review.inputs, [item.title for item in review.top]], ensure_ascii=False).encode()


# Worked out by hand from the files: verdict, stated verdict, (P0, P1, P2, P3, IMP), bead, last part of the one input,
# id of the gravest finding, number of named agents (launched, completed, failed).
SAMPLES: dict[str, tuple[object, ...]] = {
    "bead-key-risky-without-p0": (
        *(NEEDS_CHANGES, "risky", (0, 3, 6, 8, 0), "Sylveste-og7m.2.1"),
        *("2026-03-26-event-envelope-v2.md", "C1", (None, 7, None)),
    ),
    "flux-review-track": (RISKY, "risky", (2, 5, 0, 0, 7), None, "input.md", "P0-1", (3, 3, 0)),
    "no-findings-key": (RISKY, "needs-changes", (2, 21, 38, 2, 0), None, "flux-drive", "P0-1", (8, 8, None)),
    "p0-but-needs-changes": (
        *(RISKY, "needs-changes", (2, 9, 0, 0, 9), None),
        *("2026-02-10-test-suite-design.md", "P0-1", (3, 3, None)),
    ),
    "patch-input": (
        *(RISKY, "needs-changes", (1, 9, 2, 0, 4), None),
        *("fd-v2-validation-diff.patch", "P0-1", (3, 2, None)),
    ),
    "plain": (
        *(NEEDS_CHANGES, "needs-changes", (0, 6, 0, 0, 8), None),
        *("sylveste-vision.md", "P1-1", (12, 12, None)),
    ),
    # Named after what it states: its new findings hold three P1.
    "safe": (NEEDS_CHANGES, "safe", (0, 3, 5, 2, 3), None, "sylveste-vision.md", "V-P1-1", (7, 7, None)),
    "verdict-null": (
        *(RISKY, None, (3, 9, 6, 1, 0), "sylveste-benl.1"),
        *("2026-04-08-lens-go-package-brainstorm.md", "GAD-1", (7, None, None)),
    ),
    "verdict-object": (
        *(RISKY, "needs-changes", (2, 19, 20, 0, 0), None),
        *("2026-04-03-ockham-vision-brainstorm.md", "P0-01", (None, None, None)),
    ),
    "verdict-pass-with-findings": (
        *(NEEDS_CHANGES, "pass-with-findings", (0, 4, 5, 2, 0), None),
        *("2026-04-06-auraken-skaffen-migration.md", "PRD-P1-1", (16, 16, None)),
    ),
}


def samples_folder() -> Path | None:
    """Real files are not part of the repository: ``INTERHOST_REFERENCE``, else a reference beside the checkout."""
    stated = os.environ.get("INTERHOST_REFERENCE")
    beside = (parent / "shared" / "reference" for parent in Path(__file__).resolve().parents)
    roots = [Path(stated)] if stated else beside
    return next((found for root in roots if (found := root / "samples" / "findings").is_dir()), None)


SAMPLES_FOLDER = samples_folder()
needs_samples = pytest.mark.skipif(SAMPLES_FOLDER is None, reason="the real findings files are not on this machine")


@needs_samples
@pytest.mark.parametrize("name", SAMPLES)
def test_real_files_are_understood(name: str) -> None:
    """Every shape that was found in the wild gives what a person reads in it."""
    assert SAMPLES_FOLDER is not None
    review = parse_review((SAMPLES_FOLDER / f"{name}.json").read_bytes())
    assert review is not None
    assert (
        review.verdict,
        review.stated_verdict,
        tuple(review.counts.values()),
        review.bead,
        *(Path(path).name for path in review.inputs),
        review.top[0].id,
        tuple(None if names is None else len(names) for names in (review.launched, review.completed, review.failed)),
    ) == SAMPLES[name]


@needs_samples
def test_every_real_file_is_in_the_table() -> None:
    """A sample that someone adds has to be worked out by hand, too."""
    assert SAMPLES_FOLDER is not None
    assert {path.stem for path in SAMPLES_FOLDER.glob("*.json")} == set(SAMPLES)
