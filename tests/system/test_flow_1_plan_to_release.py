"""Flow 1: a plan, its review, the next phase, and what was reserved is free again (docs/flows.md)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.flow_kit import SESSION, Scene, brief

if TYPE_CHECKING:
    from tests.conftest import Shell

BEAD = "acme-4q9"
PLAN = "docs/plans/2026-11-21-retry-queue.md"


@pytest.fixture
def scene(shell: Shell) -> Iterator[Scene]:
    """Everything installed, a session that works on the bead, and a host that has looked once."""
    scene = Scene(shell, "clavain", "interflux", "interphase", "interlock", "interline")
    scene.configure("interlock", reserve_on_executing=True)
    scene.install_bd(acme_4q9="planned")
    scene.install_interflux()
    scene.install_interline()
    service = scene.install_intermute()
    scene.write_session(BEAD, "planned")
    scene.move("old-1", "done", "long ago")
    scene.begin()
    yield scene
    service.end()


def test_a_plan_becomes_work_and_the_work_ends(scene: Scene) -> None:
    """Every step leads to the next through the bus alone; each fact is told once, by its owner, with its cause."""
    scene.configure("interphase", advance_on_review=True)
    plan = scene.write_document(PLAN, BEAD, "planned")
    (written,) = scene.work()
    assert (written["producer"], written["intent"], written["context_id"]) == ("clavain", "artifact_ready", BEAD)
    assert (written["payload"]["kind"], written["artifact_path"]) == ("plan", str(plan))
    assert scene.end_of(written, "interflux")[0] == "degraded"  # asked, not reviewed
    (request,) = scene.list_requests()
    said = scene.hook("UserPromptSubmit", prompt="what is next?")
    assert f"/interflux:flux-drive {PLAN}" in said

    time.sleep(1.1)  # the request's own second has to pass, so that the review is younger
    scene.write_review(PLAN, "P2", stated="risky", age=0.1)
    review, move = scene.work()
    assert (review["producer"], review["intent"], review["context_id"]) == ("interflux", "review_pass", BEAD)
    assert [review["payload"][key] for key in ("verdict", "verdict_source", "stated_verdict")] == [
        "safe",
        "recomputed",
        "risky",
    ]
    (request,) = scene.list_requests()
    assert request["answer"].startswith("safe: ")
    assert (move["producer"], move["intent"], move["extensions"]["caused_by"]) == (
        "interphase",
        "phase_transition",
        review["event_id"],
    )
    assert (move["payload"]["from"], move["payload"]["to"]) == ("planned", "plan-reviewed")
    assert (scene.phase_of(BEAD), scene.list_moves()) == ("plan-reviewed", [f"{BEAD} plan-reviewed"])
    assert scene.shown() == (BEAD, "plan-reviewed")
    assert scene.end_of(move, "interlock") == ("skipped", "nothing is reserved or released for plan-reviewed")

    assert scene.service is not None
    scene.publish("phase_transition", BEAD, to="executing", phase_model="interphase-8", files=["src/queue.py"])
    assert brief(scene.work()) == ["interlock coordination"]
    assert scene.service.list_held() == ["src/queue.py"]
    assert scene.shown() == (BEAD, "executing")

    scene.move(BEAD, "done")
    done, release = scene.work()
    assert (done["producer"], done["payload"]["to"]) == ("interphase", "done")
    assert scene.end_of(done, "interlock") == ("done", "1 released")
    assert (release["intent"], release["payload"]["action"]) == ("coordination", "release")
    assert (scene.service.list_held(), scene.shown()) == ([], (BEAD, "done"))
    assert scene.work() == []
    scene.shell.run("interhost", "doctor")


def test_by_default_the_next_phase_is_advised(scene: Scene) -> None:
    """Nothing in the tracker changes; the session hears of it with its next hook, and nobody is told a move."""
    scene.write_document(PLAN, BEAD, "planned")
    scene.write_review(PLAN, "P3")
    assert brief(scene.work()) == ["clavain artifact_ready", "interflux review_pass"]
    assert (scene.list_moves(), scene.shown()) == ([], (BEAD, "planned"))
    said = scene.hook("UserPromptSubmit", session=SESSION, prompt="and now?")
    assert f"interphase would move {BEAD} to plan-reviewed" in said


@pytest.mark.parametrize(
    ("severities", "verdict"), [(["P0"], "risky"), (["P1", "P3"], "needs-changes"), (["severe"], None)]
)
def test_only_a_safe_review_moves_a_bead(scene: Scene, severities: list[str], verdict: str | None) -> None:
    """Whatever the review calls itself; what cannot be counted is no pass."""
    scene.configure("interphase", advance_on_review=True)
    scene.write_document(PLAN, BEAD, "planned")
    scene.write_review(PLAN, *severities, stated="safe")
    _, review = scene.work()
    assert review["payload"]["verdict"] == verdict
    assert scene.end_of(review, "interphase")[0] == "skipped"
    assert (scene.list_moves(), scene.shown()) == ([], (BEAD, "planned"))
