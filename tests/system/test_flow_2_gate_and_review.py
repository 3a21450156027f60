"""Flow 2: a gate that misses a review is closed, the review is asked for and comes, the gate opens (docs/flows.md)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.flow_kit import Scene, brief, now

if TYPE_CHECKING:
    from tests.conftest import Shell

BEAD = "acme-5w1"
RUN = "w46pk7wf"
PRD = "docs/prds/retry-queue.md"
CONDITION = {
    "check": "verdict_exists",
    "phase": "strategized",
    "result": "fail",
    "count": 0,
    "detail": "no passing verdict for the artifacts of this phase",
}


@pytest.fixture
def scene(shell: Shell) -> Iterator[Scene]:
    """A run whose PRD was written long ago, an agent who listens, and a host that has looked once."""
    scene = Scene(shell, "clavain", "interflux", "interphase", "interlock")
    scene.install_bd(acme_5w1="strategized")
    scene.install_interflux()
    scene.install_ic(RUN, BEAD)
    service = scene.install_intermute()
    scene.write_document(PRD, BEAD, "strategized")
    scene.write_session(BEAD, "strategized")
    scene.move("old-1", "done", "long ago")
    scene.begin()
    yield scene
    service.end()


def kernel_event(number: int, kind: str, reason: object = None) -> dict[str, object]:
    """One line of ``ic events tail``."""
    said = {"reason": json.dumps(reason)} if reason else {}
    states = {"from_state": "strategized", "to_state": "planned"}
    return {"id": number, "run_id": RUN, "source": "phase", "type": kind, **states, **said, "timestamp": now()}


def test_a_closed_gate_brings_the_review_that_opens_it(scene: Scene) -> None:
    """The block is an error and carries its evidence; the review is asked for once; the others are warned once."""
    assert scene.service is not None
    ada = scene.service.join("ada")
    scene.happens_in_kernel(kernel_event(4, "block", {"conditions": [CONDITION]}))
    (block,) = scene.work()
    assert (block["producer"], block["intent"], block["severity"]) == ("clavain", "gate_result", "error")
    assert (block["context_id"], block["source_hook"]) == (BEAD, "ic:phase.block")
    assert [block["payload"][key] for key in ("outcome", "tier", "target")] == ["block", "hard", "planned"]
    assert block["payload"]["evidence"] == [CONDITION]
    assert scene.end_of(block, "interflux")[0] == "degraded"
    (request,) = scene.list_requests()
    assert (request["path"], request["event_id"]) == (str(scene.project / PRD), block["event_id"])
    assert f"/interflux:flux-drive {PRD}" in scene.hook("UserPromptSubmit", prompt="why?")
    assert len(scene.service.list_messages(ada)) == 1

    scene.decide(BEAD, "strategized", "planned", "block", "no review of the PRD")
    (second,) = scene.work()  # interphase's own gate says the same
    assert (second["producer"], second["severity"]) == ("interphase", "error")
    assert scene.end_of(second, "interflux")[1].startswith("already requested")
    assert len(scene.list_requests()) == 1
    assert scene.service.list_messages(ada)[1:] == [f"gate of {BEAD} is blocked before planned: no review of the PRD"]

    time.sleep(1.1)  # the request's own second has to pass, so that the review is younger
    scene.write_review(PRD, "P3", stated="needs-changes", age=0.1)
    (review,) = scene.work()
    assert (review["payload"]["verdict"], review["context_id"]) == ("safe", BEAD)
    (request,) = scene.list_requests()
    assert request["answer"].startswith("safe: ")

    scene.happens_in_kernel(kernel_event(5, "advance"))
    scene.decide(BEAD, "strategized", "planned", "pass", "transition allowed")
    told = scene.work()
    assert brief(told) == ["clavain phase_transition", "interphase gate_result"]
    assert [told[1]["payload"][key] for key in ("outcome", "target")] == ["pass", "planned"]
    assert told[1]["severity"] == "info"
    assert scene.work() == []


def test_a_review_that_is_not_safe_opens_nothing(scene: Scene) -> None:
    """It answers the request, and the others hear of a risky one; nobody moves."""
    assert scene.service is not None
    ada = scene.service.join("ada")
    scene.happens_in_kernel(kernel_event(4, "block", {"conditions": [CONDITION]}))
    scene.work()
    time.sleep(1.1)
    scene.write_review(PRD, "P0", stated="safe", age=0.1)
    (review,) = scene.work()
    assert (review["payload"]["verdict"], review["severity"]) == ("risky", "error")
    assert scene.end_of(review, "interphase")[0] == "skipped"
    assert len(scene.service.list_messages(ada)) == 2
    scene.happens_in_kernel(kernel_event(5, "block", {"conditions": [CONDITION]}))
    (again,) = scene.work()
    assert scene.end_of(again, "interflux")[1].startswith("already reviewed")


def test_a_gate_that_does_not_miss_a_review_asks_for_none(scene: Scene) -> None:
    """A missing artifact is nothing that a review could mend."""
    missing = {**CONDITION, "check": "artifact_exists", "detail": "no artifacts found"}
    scene.happens_in_kernel(kernel_event(4, "block", {"conditions": [missing]}))
    (block,) = scene.work()
    assert (block["severity"], scene.list_requests()) == ("error", [])


def test_without_the_kernel_the_gate_of_interphase_brings_the_review(scene: Scene) -> None:
    """Its telemetry names no project; bd knows the bead's."""
    (scene.bin / "ic").unlink()
    scene.decide(BEAD, "strategized", "planned", "block", "no review of the PRD")
    (block,) = scene.work()
    assert (block["producer"], block["extensions"]["project_dir"]) == ("interphase", str(scene.project))
    (request,) = scene.list_requests()
    assert request["path"] == str(scene.project / PRD)
