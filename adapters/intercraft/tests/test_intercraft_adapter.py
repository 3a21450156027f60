"""The adapter as a whole: contract, requests, doctor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from interhost_hookspecs import ArtifactReady, Completed, Intent, Notify, OutcomeKind, PhaseTransition
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext, make_intent, make_request
from interhost_intercraft import adapter
from interhost_intercraft.reports import REVIEWER, SOURCES

if TYPE_CHECKING:
    from adapters.intercraft.tests.conftest import Project

DEGRADED, SKIPPED = OutcomeKind.DEGRADED, OutcomeKind.SKIPPED


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_the_files_that_are_watched() -> None:
    """People read there what the adapter looks at."""
    manifest = json.loads(Path(adapter.__file__).with_name("integration.json").read_text())
    assert manifest["interbus"]["observes"]["files"] == [source.pattern for source in SOURCES]


def changes(project: Project, *names: str) -> None:
    """A git that says that these were changed."""

    def git(command: Any) -> Completed:
        said = {"rev-parse": "c" * 40, "status": "".join(f" M {name}\0" for name in names)}
        word = next((one for one in command.argv if one in said), "")
        return Completed(argv=command.argv, returncode=0 if word else 128, stdout=said.get(word, ""))

    project.ctx.commands["git"] = git


@pytest.mark.parametrize(
    ("name", "deserves"),
    [
        ("src/tools/export.py", True),
        ("src/export_tool.py", True),
        ("app/components/List.ts", True),
        ("web/List.tsx", True),
        ("web/main.css", True),
        ("prompts/system.md", True),
        ("src/system_prompt.txt", True),
        ("skills/plan/SKILL.md", True),
        (".mcp.json", True),
        ("agents/reviewer.md", True),
        ("src/export.py", False),
        ("AGENTS.md", False),
        ("sub/AGENTS.md", False),
        ("docs/research/agent-native-review.md", False),
        (".clavain/reviews/current/agent-native-reviewer.md", False),
        ("README.md", False),
    ],
)
def test_interfaces_tools_and_prompts_deserve_a_review(project: Project, name: str, deserves: bool) -> None:
    """Nothing else does; least of all the reports themselves."""
    changes(project, name)
    intent = make_intent(PhaseTransition(to="shipping", phase_model="clavain-9"), project_dir=project.root)
    outcome = adapter.on_phase_transition(intent, project.ctx)
    assert outcome
    assert outcome.kind is (DEGRADED if deserves else SKIPPED)


@pytest.mark.parametrize(
    ("to", "kind"), [("plan-reviewed", DEGRADED), ("shipping", DEGRADED), ("polish", DEGRADED), ("executing", None)]
)
def test_a_review_is_asked_for_at_two_phases(project: Project, to: str, kind: OutcomeKind | None) -> None:
    """Under every name they have; the request names agent and shape."""
    changes(project, "web/main.css")
    intent = make_intent(PhaseTransition(to=to, phase_model="ic-9"), project_dir=project.root)
    outcome = adapter.on_phase_transition(intent, project.ctx)
    assert (outcome.kind if outcome else None) is kind
    if kind:
        ((name, text, _),) = project.ctx.requests
        assert name == "agent-native"
        assert "the agent `intercraft:review:agent-native-reviewer`" in text
        assert "    - **Verdict**: PASS or NEEDS WORK" in text


def ordered(project: Project, payload_text: str = "{}") -> Intent[ArtifactReady]:
    """An artifact is ready, for this adapter."""
    path = project.write("docs/plans/p.md", "# Plan")
    intent = make_intent(ArtifactReady(kind="plan"), artifact_path=path, project_dir=project.root)
    return evolve(intent, consumers=("intercraft",), payload_text=payload_text)


@pytest.mark.parametrize("principle", [3, "3", "Action Parity"])
def test_an_audit_of_one_principle_may_be_ordered(project: Project, principle: object) -> None:
    """With the command, and the shape of its summary."""
    intent = ordered(project, json.dumps({"kind": "plan", "principle": principle}))
    outcome = adapter.on_artifact_ready(intent, project.ctx)
    assert outcome
    assert outcome.kind is DEGRADED
    assert f"the command `/intercraft:agent-native-audit {principle}`" in project.ctx.requests[0][1]
    assert "    **Overall Agent-Native Score: 75%**" in project.ctx.requests[0][1]


@pytest.mark.parametrize("principle", [9, "0", "x; rm -rf ~", "$(id)", "a\nb", "`id`", "x" * 99, ["1"], {"a": 1}])
def test_what_is_no_principle_is_refused(project: Project, principle: object) -> None:
    """It would stand in a command."""
    outcome = adapter.on_artifact_ready(ordered(project, json.dumps({"principle": principle})), project.ctx)
    assert outcome
    assert outcome.kind is SKIPPED
    assert project.ctx.requests == []


def test_a_review_without_a_principle_is_the_agents(project: Project) -> None:
    """Of the artifact; unaddressed ones are nobody's business here."""
    outcome = adapter.on_artifact_ready(ordered(project), project.ctx)
    assert outcome
    assert outcome.kind is DEGRADED
    assert adapter.on_artifact_ready(evolve(ordered(project), consumers=()), project.ctx) is None


def test_a_request_that_nobody_answers_is_told(project: Project) -> None:
    """After a day."""
    request = make_request(project.root, project.root, kind=REVIEWER.kind)
    project.ctx.waiting = [evolve(request, details={"event_id": "e", "subject": "web/main.css"})]
    project.ctx.sleep(24 * 3600)
    (draft,) = project.look()
    assert draft.payload == Notify(
        title="An agent-native review was not made",
        text="Nobody made the agent-native review of web/main.css within 24 hours.",
        link=str(request.path),
    )


def test_doctor_sees_what_is_there_and_what_waits(project: Project, tmp_path: Path) -> None:
    """The module and open requests; on an empty machine a note with a hint."""
    assert [(one.name, one.level) for one in adapter.check_adapter(project.ctx)] == [
        ("module", "ok"),
        ("requests", "ok"),
    ]
    project.ctx.waiting = [make_request(project.root, project.root, kind=REVIEWER.kind)]
    assert adapter.check_adapter(project.ctx)[1].detail == "1 open"
    empty = adapter.check_adapter(FakeContext(tmp_path, of=adapter))
    assert [(one.level, bool(one.hint)) for one in empty] == [("note", True), ("ok", False)]
