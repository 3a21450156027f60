"""What a submission leads to on the bus: one fact each, in clavain's name, with the module's own key."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import SubmissionCode

from interhost.bus.log import Query
from interhost.host.submitting import HostSubmissions
from tests.submission_kit import BEAD, EVIDENCE, GOAL, OPEN_GATE, PHASES, RUN, event, events, run_status, says

if TYPE_CHECKING:
    from tests.submission.conftest import Office

CONDITIONS = EVIDENCE["conditions"]
MOVE = {
    "from": "brainstorm",
    "to": "brainstorm-reviewed",
    "phase_model": "clavain-9",
    "run_id": RUN,
    "canonical_to": "brainstorm-reviewed",
}
GATE = {"target": "brainstorm-reviewed", "from": "brainstorm", "run_id": RUN}


def create(submit: HostSubmissions) -> object:
    return submit.create_sprint(goal=GOAL, complexity=3, lane="ui")


def dispatch(submit: HostSubmissions) -> object:
    return submit.dispatch_task(run_id=RUN, prompt_file=Path("docs/b.md"))


def advance(submit: HostSubmissions) -> object:
    return submit.advance_run(bead_id=BEAD, phase="brainstorm")


def override(submit: HostSubmissions) -> object:
    return submit.override_gate(run_id=RUN, reason="ship it", category="justified")


def artifact(submit: HostSubmissions) -> object:
    return submit.submit_artifact(bead_id=BEAD, kind="brainstorm", path=Path("docs/b.md"))


SPRINT = {
    "trigger": "run_create",
    "goal": GOAL,
    "run_id": RUN,
    "complexity": 3,
    "lane": "ui",
    "phase": "brainstorm",
    "phase_model": "clavain-9",
    "phases": PHASES,
    "token_budget": 250000,
}
TASK = {
    "resource": "bead",
    "resource_id": BEAD,
    "action": "claim",
    "holder": {"id": "hq2nuey6", "name": "codex"},
    "reservation_id": "hq2nuey6",
    "reason": "a task was handed to an agent",
}
BYPASS = {
    **GATE,
    "outcome": "bypass",
    "tier": "hard",
    "stated_decision": "override:justified",
    "reason": "ship it",
    "policy": "ic",
    "evidence": CONDITIONS,
}
FILE = {
    "kind": "brainstorm",
    "phase": "brainstorm-reviewed",
    "run_id": RUN,
    "sha256": sha256(b"# Brainstorm\n").hexdigest(),
}


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (create, [("start_sprint", SPRINT)]),
        (dispatch, [("coordination", TASK)]),
        (advance, [("phase_transition", {**MOVE, "trigger": "advance"})]),
        (
            override,
            [("gate_result", BYPASS), ("phase_transition", {**MOVE, "trigger": "override", "reason": "ship it"})],
        ),
        (artifact, [("artifact_ready", FILE)]),
    ],
)
def test_each_write_tells_its_fact(
    office: Office, act: Callable[[HostSubmissions], object], expected: list[tuple[str, dict[str, Any]]]
) -> None:
    """About the bead, in clavain's name, from the door it came in by; with who asked for it and by which way."""
    act(office.submit(CLAUDE_SESSION_ID="s1"))
    assert office.facts() == [(name, BEAD, payload) for name, payload in expected]
    for stored in office.bus.log.read(Query()):
        found = stored.envelope
        assert (found.producer, found.extensions["door"], found.extensions["submitted_by"]) == ("clavain", "cli", "cli")
        assert found.extensions["project_dir"] == str(office.world.project.resolve())
        assert {"via", "policy_enforced"} <= found.extensions.keys()
        assert str(found.source_hook).startswith("submit:")


def test_keys_are_the_modules_own(office: Office) -> None:
    """Whoever reads the same from the kernel's events tells nothing twice."""
    submit = office.submit()
    for act in (create, dispatch, advance, artifact):
        act(submit)
    database, path = office.world.database, office.world.project.resolve() / "docs" / "b.md"
    keys = [stored.envelope.extensions.get("dedupe_key") for stored in office.bus.log.read(Query())]
    assert keys == [
        f"ic:{database}:run:{RUN}",
        f"ic:{database}:spawn:hq2nuey6",
        f"ic:{database}:phase:7",
        f"artifact:brainstorm:{path}:{FILE['sha256']}",
    ]


def test_a_fact_that_somebody_has_told_is_not_told_again(office: Office) -> None:
    """The same file, registered twice without a key, is one fact; changed, it is another."""
    for _ in range(2):
        artifact(office.submit())
    (office.world.project / "docs" / "b.md").write_text("# Changed\n")
    artifact(office.submit())
    assert len(office.facts()) == 2


def test_an_artifact_that_is_no_file_is_told_without_one(office: Office) -> None:
    """Some kinds are commits or words (section 2.6): no file is made up."""
    listed = [{"id": "a1", "path": "8141f02c", "phase": "executing", "type": "implementation", "status": "active"}]
    office.world.answer(says("ic", "run artifact list *", out=json.dumps(listed)))
    made = office.submit().submit_artifact(bead_id=BEAD, kind="implementation", path=Path("8141f02c"))
    assert made is not None
    [stored] = office.bus.log.read(Query())
    assert stored.envelope.artifact_path is None
    assert json.loads(stored.envelope.payload)["commit"] == "8141f02c"
    assert office.world.calls("clavain-cli", "set-artifact")[0][-1] == "8141f02c"


def test_a_gate_that_blocks_has_decided(office: Office) -> None:
    """A refused advance and an enforced gate tell the decision, with its conditions."""
    office.world.answer(
        says("clavain-cli", "sprint-advance *", code=1, mark="blocked"),
        says("clavain-cli", "enforce-gate *", code=1, err="gate blocked for brainstorm-reviewed\n"),
    )
    office.refused(advance)
    office.refused(lambda one: one.enforce_gate(bead_id=BEAD, phase="brainstorm-reviewed"))
    first, second = office.facts()
    assert (first[0], first[1]) == ("gate_result", BEAD)
    assert {key: first[2][key] for key in (*GATE, "outcome", "tier", "evidence")} == {
        **GATE,
        "outcome": "block",
        "tier": "hard",
        "evidence": CONDITIONS,
    }
    assert (second[2]["outcome"], second[2]["tier"]) == ("block", "soft")
    stored = office.bus.log.read(Query())
    assert stored[0].envelope.extensions["dedupe_key"] == f"ic:{office.world.database}:phase:5:gate"
    assert [one.envelope.severity for one in stored] == ["error", "error"]


def test_a_gate_that_lets_pass_is_told(office: Office) -> None:
    """Each time it is asked, with what it was."""
    office.world.answer(says("ic", "gate check *", out=json.dumps(OPEN_GATE)))
    for _ in range(2):
        office.submit().enforce_gate(bead_id=BEAD, phase="brainstorm-reviewed")
    assert [(name, payload["outcome"]) for name, _, payload in office.facts()] == [("gate_result", "pass")] * 2


def test_other_refusals_and_questions_tell_nothing(office: Office) -> None:
    """What changed nothing is no fact."""
    office.world.answer(says("clavain-cli", "sprint-advance *", code=1, mark="paused"))
    assert office.refused(advance).code is SubmissionCode.PAUSED
    office.refused(lambda one: one.advance_run(bead_id=BEAD, phase="planned"))
    office.submit().read_sprint(bead_id=BEAD)
    office.submit().get_artifact(bead_id=BEAD, kind="brainstorm")
    assert office.facts() == []


def test_a_sprint_without_a_bead_is_about_its_project(office: Office) -> None:
    """Without a tracker there is no bead; a bead of the session that asks is not taken for it."""
    office.world.remove("clavain-cli")
    create(office.submit(CLAVAIN_BEAD_ID="iv-wrong"))
    assert [(name, about) for name, about, _ in office.facts()] == [("start_sprint", "project:pro ject")]


def test_a_fact_that_is_not_valid_takes_nothing_from_the_result(office: Office) -> None:
    """It is set aside where doctor names it."""
    long = "iv-" + "a" * 300
    office.world.answer(
        says("bd", f"state {long} ic_run_id", out=f'{{"value":"{RUN}"}}'),
        says("ic", f"run status {RUN}", when=["!moved"], out=run_status(scope_id=long)),
        says("clavain-cli", "sprint-advance *", mark="moved", err="Phase: brainstorm → brainstorm-reviewed\n"),
        says("ic", f"run events {RUN}", when=["moved"], out=events(event(7, "advance"))),
    )
    made = office.submit().advance_run(bead_id=long, phase="brainstorm")
    assert made is not None
    assert made.to_phase == "brainstorm-reviewed"
    assert office.facts() == []
    assert len(list((office.root / "spool" / "rejected").glob("*.why"))) == 1
