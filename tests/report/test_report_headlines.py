"""One sentence for every fact."""

from __future__ import annotations

import json

import pytest
from interhost_hookspecs import CATALOGUE

from interhost.bus.compose import compose
from interhost.report.headlines import headline


def say(intent: str, payload: dict[str, object], artifact: str | None = None) -> str:
    """The headline of a fact."""
    envelope = compose(
        intent=intent,
        payload=json.dumps(payload),
        context_id="iv-abc1",
        producer="cli",
        door="cli",
        artifact_path=artifact,
        allow_unknown=True,
    )
    return headline(envelope, payload)


@pytest.mark.parametrize(
    ("intent", "payload", "text"),
    [
        ("discover_work", {"action": "plan", "title": "Undo stack"}, "work found: Undo stack, next: plan"),
        ("discover_work", {"action": "plan", "title": "Undo", "selected": True}, "work chosen: Undo, next: plan"),
        ("start_sprint", {"trigger": "claim", "goal": "Ship it"}, "sprint began (claim): Ship it"),
        ("phase_transition", {"to": "planned", "phase_model": "m"}, "moved to planned"),
        (
            "phase_transition",
            {"from": "brainstorm", "to": "planned", "phase_model": "m", "reason": "Plan"},
            "moved from brainstorm to planned: Plan",
        ),
        ("artifact_ready", {"kind": "plan"}, "plan ready: p.md"),
        ("artifact_ready", {"kind": "doc", "title": "Guide", "change": "updated"}, "doc changed: Guide"),
        ("artifact_ready", {"kind": "doc", "change": "removed"}, "doc removed: p.md"),
        ("review_pass", {"verdict": "safe", "counts": {"P0": 0}}, "review of p.md finished: safe"),
        (
            "review_pass",
            {"verdict": "risky", "counts": {"P0": 1, "P2": 3}},
            "review of p.md finished: risky (1 P0, 3 P2)",
        ),
        (
            "review_pass",
            {"verdict": None, "counts": {}},
            "review of p.md finished: a report that could not be read",
        ),
        (
            "gate_result",
            {"outcome": "block", "tier": "hard", "target": "executing", "reason": "no review"},
            "gate to executing: block: no review",
        ),
        ("gate_result", {"outcome": "not_enforced", "tier": "none"}, "gate: not enforced"),
        (
            "coordination",
            {
                "resource": "file",
                "resource_id": "a.py",
                "action": "conflict",
                "holder": {"name": "one"},
                "requester": {"session_id": "two"},
            },
            "a.py wanted by two, held by one, for two",
        ),
        ("drift_detected", {"kind": "doc", "detail": "14 commits behind"}, "drift of p.md (doc): 14 commits behind"),
        ("health_signal", {"signal": "context_pressure", "level": "orange"}, "context pressure is orange"),
        (
            "release_status",
            {"state": "published", "module": "widgets", "version": "1.4.0", "dry_run": True},
            "release published (dry run): widgets 1.4.0",
        ),
        ("notify", {"text": "It is reviewed", "recipient": "ann"}, "to be told to ann: It is reviewed"),
        ("jot.noted@1.0", {"text": "milk"}, 'jot.noted {"text": "milk"}'),
    ],
)
def test_a_fact_is_one_sentence(intent: str, payload: dict[str, object], text: str) -> None:
    """In words that a person would use, with what matters of the payload."""
    assert say(intent, payload, artifact="/widgets/docs/p.md") == text


def test_every_intent_of_the_catalogue_has_its_own_sentence() -> None:
    """None is shown as raw JSON."""
    from docs.generate import EXAMPLES

    for name in CATALOGUE:
        assert not say(name, dict(EXAMPLES[name])).startswith(name)


def test_a_long_or_odd_text_stays_one_line() -> None:
    """Line ends are blanks, and nothing is longer than a line."""
    said = say("notify", {"text": "one\ntwo " + "x" * 5000})
    assert "\n" not in said
    assert len(said) <= 300
