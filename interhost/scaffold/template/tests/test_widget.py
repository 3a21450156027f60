"""The widget adapter."""

from __future__ import annotations

from interhost_hookspecs import Completed, DiscoverWork, Outcome, ReviewPass, Verdict
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext, make_intent, payloads
from interhost_widget import adapter

REVIEW = make_intent(ReviewPass(verdict=Verdict.NEEDS_CHANGES, counts={"P1": 1}))


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_a_todo_is_work(fake_context: FakeContext) -> None:
    """Other notes are nobody's business."""
    fake_context.new_lines[fake_context.home / adapter.NOTES] = ["milk", "todo: undo stack", "todo:"]
    assert payloads(adapter.observe(fake_context).drafts) == [DiscoverWork(action="plan", title="undo stack")]


def test_the_agent_hears_of_changes(fake_context: FakeContext) -> None:
    """By default nothing is noted."""
    assert adapter.on_review_pass(REVIEW, fake_context) == Outcome.degraded("told the agent; note_reviews is off")
    assert [advice.text for advice in fake_context.advices] == ["The review of iv-abc1 asks for changes."]
    assert fake_context.ran == []


def test_changes_are_noted_where_the_user_wants_it(fake_context: FakeContext) -> None:
    """By widget's own command, which may be missing."""
    fake_context.config = {"note_reviews": True}
    assert adapter.on_review_pass(REVIEW, fake_context) == Outcome.skipped("widget is not installed")
    fake_context.effects.clear()
    fake_context.commands["widget"] = Completed(argv=("widget",), returncode=0)
    assert adapter.on_review_pass(REVIEW, fake_context) == Outcome.done("noted")
    assert fake_context.ran[-1] == ("widget", f"The review of iv-abc1 asks for changes ({REVIEW.event_id})")
