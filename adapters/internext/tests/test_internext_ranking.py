"""The order of work, rule by rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from interhost_hookspecs.testing import EPOCH
from interhost_internext.ranking import Candidate, Claim, rank, read_claim


def issue(bead: str, **changes: Any) -> dict[str, Any]:
    """One issue as ``bd`` lists it (reference/cli-contracts.md section 4.6); ``claimed`` is a claim's age."""
    labels = list(changes.pop("labels", ()))
    if (age := changes.pop("claimed", None)) is not None:
        labels += ["claimed_by:s-9", f"claimed_at:{int((EPOCH - timedelta(minutes=age)).timestamp())}"]
    known = {"id": bead, "title": f"Title of {bead}", "status": "open", "priority": 2, "issue_type": "task"}
    return {**known, "created_at": "2026-04-20T12:00:00Z", "labels": labels, "dependent_count": 0, **changes}


def order(*issues: Any) -> list[str]:
    return [one.bead for one in rank(issues, EPOCH)]


def only(**changes: Any) -> Candidate:
    (one,) = rank([issue("iv-1", **changes)], EPOCH)
    return one


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"status": "in_progress", "priority": 4}, {"dependent_count": 50, "priority": 0, "issue_type": "bug"}),
        ({"dependent_count": 1, "priority": 4}, {"priority": 0, "issue_type": "bug"}),
        ({"dependent_count": 3}, {"dependent_count": 2}),
        ({"priority": 1, "issue_type": "chore"}, {"priority": 2, "issue_type": "bug"}),
        ({"issue_type": "bug"}, {"issue_type": "feature"}),
        ({"issue_type": "feature"}, {"issue_type": "task"}),
        ({"issue_type": "task"}, {"issue_type": "chore"}),
        ({"issue_type": "chore"}, {"issue_type": "epic"}),
        ({"created_at": "2026-01-01T00:00:00Z"}, {"created_at": "2026-02-01T00:00:00Z"}),
        ({"created_at": "2026-02-01T00:00:00Z"}, {"created_at": None}),
        ({"priority": 3}, {"priority": None}),
        ({"status": "in_progress", "claimed": 46}, {"status": "in_progress", "claimed": 20, "dependent_count": 9}),
    ],
)
def test_each_rule_counts_before_all_that_follow(better: dict[str, Any], worse: dict[str, Any]) -> None:
    """Begun and abandoned, then what unblocks, then urgency, kind and age; in whatever order bd lists them."""
    first, second = issue("iv-9", **better), issue("iv-1", **worse)
    assert order(first, second) == order(second, first) == ["iv-9", "iv-1"]


def test_equals_stand_in_the_order_of_their_ids() -> None:
    """The same tracker gives the same ranking."""
    assert order(issue("iv-b"), issue("iv-a")) == ["iv-a", "iv-b"]


def test_what_is_listed_twice_counts_once() -> None:
    """Work in progress may be ready, too."""
    assert order(issue("iv-1", status="in_progress"), issue("iv-1", status="in_progress")) == ["iv-1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"claimed": 0},
        {"claimed": 14.9},
        {"claimed": -5},
        {"issue_type": "event"},
        {"issue_type": "gate"},
    ],
)
def test_what_somebody_is_at_is_no_candidate(changes: dict[str, Any]) -> None:
    """Nor is what is no work at all; a claim from a clock that is ahead is fresh."""
    assert order(issue("iv-1", **changes)) == []


@pytest.mark.parametrize(
    ("minutes", "state", "begun"),
    [(15, "warm", False), (45, "warm", False), (46, "stale", True), (9000, "stale", True)],
)
def test_an_older_claim_is_flagged(minutes: int, state: str, *, begun: bool) -> None:
    """Until it is abandoned, the work is somebody's."""
    one = only(status="in_progress", claimed=minutes)
    assert one.claim
    assert (one.claim.state, one.claim.minutes) == (state, minutes)
    assert ("begun, and nobody works on it" in one.reasons) == begun
    assert f"claimed by s-9, {minutes} minutes ago" in one.reasons


@pytest.mark.parametrize("since", ["", "0", "soon", "-1", "9" * 4000, "1777911524.5"])
def test_a_claim_whose_age_nobody_says_is_somebodys(since: str) -> None:
    """It is neither left out nor called abandoned."""
    one = only(status="in_progress", labels=["claimed_by:s-9", f"claimed_at:{since}"])
    assert one.claim == Claim(holder="s-9", minutes=None)
    assert one.claim.state == "unknown"
    assert one.reasons == ("priority 2", "task", "claimed by s-9, nobody says when")


@pytest.mark.parametrize(
    "labels",
    [
        *([], None, "claimed_by:x", [7, None], ["claimed_at:1777911524"]),
        *(["claimed_by:"], ["claimed_by:released"], ["claimed_by:unknown"], ["claimed_by:\u202e"]),
        ["claimed_by:(no claimed_by state set)"],
    ],
)
def test_what_nobody_holds_is_free(labels: object) -> None:
    """Given back, never claimed, or a claim that names nobody."""
    assert read_claim(labels, EPOCH) is None


def test_a_candidate_says_why_it_stands_there() -> None:
    """The score has the rules as its digits."""
    one = only(
        status="in_progress", dependent_count=3, priority=0, issue_type="bug", labels=["phase:planned", "phase:"]
    )
    assert (one.score, one.phase) == (10_344, "planned")
    assert one.reasons == ("begun, and nobody works on it", "3 wait for it", "priority 0", "bug")


@pytest.mark.parametrize(
    "record",
    [{}, {"id": 7}, {"id": "../x"}, {"id": "iv-1; rm -rf ~"}, {"id": "$(id)"}, {"id": "iv-1\n"}, {"id": None}],
)
def test_what_has_no_id_is_no_candidate(record: dict[str, Any]) -> None:
    """An id is handed to bd and to people; it has to be one."""
    assert order({**issue("iv-1"), **record} if record else {}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": "high"},
        {"priority": True},
        {"priority": -3},
        {"priority": 10**30},
        {"dependent_count": "many"},
        {"dependent_count": 10**30},
        {"dependent_count": [1, 2]},
        {"issue_type": ["bug"]},
        {"issue_type": {}},
        {"labels": ["phase:(no phase state set)", "claimed_by", ":", "a:b:c"]},
        {"created_at": 7},
        {"status": None},
        {"title": None},
    ],
)
def test_values_of_other_types_are_as_good_as_absent(changes: dict[str, Any]) -> None:
    """Nothing raises, and the issue has its place."""
    one = only(**changes)
    assert 0 <= one.score < 20_000
    assert one.phase is None


def test_a_title_does_nothing_to_whoever_reads_it() -> None:
    """One line, and no control characters."""
    assert only(title="\x1b]0;owned\x07 Ignore\nall \u202eelse").title == "]0;owned Ignore all else"
    assert only(title="\x00").title == "iv-1"


def test_thousands_are_ranked() -> None:
    """A large tracker is no trouble."""
    many = [issue(f"iv-{number}", dependent_count=number % 200, priority=number % 5) for number in range(20_000)]
    assert len(rank(many, EPOCH)) == 20_000
