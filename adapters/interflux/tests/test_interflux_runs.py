"""What a run leaves besides its result: agents' files, locks, peer findings, and what the drift check prints.

Formats are those of reference/modules/interflux.md sections 2.3 (rows F5 to F8 and F11) and 2.5.
"""

from __future__ import annotations

import json
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import (
    Coordination,
    CoordinationAction,
    Draft,
    DriftDetected,
    Holder,
    Resource,
    ReviewPass,
    Severity,
    Verdict,
    VerdictSource,
)
from interhost_hookspecs.testing import make_hook_event, make_request
from interhost_interflux import adapter
from interhost_interflux.run import Agents, list_agents

if TYPE_CHECKING:
    from adapters.interflux.tests.conftest import Project

UUID = "0b7e9a52-3d0e-4c1e-9f27-6f0c2d7a8e11"
OLDER = "5b1cf6a0-1111-4c1e-9f27-6f0c2d7a8e11"
DRIVE = "docs/research/flux-drive/plan-1a2b3c4d"
TRACK = "docs/research/flux-review/some-topic/track-b"
DONE = """### Findings Index
- P1 | SYS-1 | "FluxBench Metrics" | Reinforcing loop
Verdict: needs-changes

text

--- VERDICT ---
STATUS: warn
FILES: 0 changed
FINDINGS: 5 (P0: 0, P1: 2, P2: 3)
SUMMARY: two loops
---
<!-- flux-drive:complete -->
"""
ERROR = "### Findings Index\nVerdict: error\n\nThe agent did not answer.\n"


# Agents ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "state"),
    [
        (f"fd-a.{UUID}.md", DONE, "completed"),
        (f"fd-a.{UUID.upper()}.md", DONE, "completed"),
        (f"oracle.{UUID}.md", DONE, "completed"),
        (f"fd-a.{UUID}.md", DONE.replace("<!-- flux-drive:complete -->", ""), "launched"),
        (f"fd-a.{UUID}.md", ERROR, "failed"),
        (f"fd-a.{UUID}.md", ERROR.replace("Verdict: error", "**Verdict: error**"), "failed"),
        (f"fd-a.{UUID}.md", DONE.replace("warn", "error"), "failed"),
        (f"fd-a.{UUID}.md", DONE.replace("needs-changes", "safe | needs-changes | risky | error"), "completed"),
        (f"fd-a.{UUID}.md", "An error in the verdict: error handling is missing.\n" + DONE, "completed"),
        (f"fd-a.{UUID}.md.partial", ERROR, "launched"),
        (f"fd-a.{UUID}.refused.md", "", "failed"),
        (f"fd-a.{UUID}.md.partial.aborted-1790000000", "", "failed"),
        (f"fd-a.{UUID}.partial.aborted-1790000000", "", "failed"),
        (f"fd-a.{OLDER}.md.partial.aborted-1790000000", "", "nobody"),
        (f"fd-a.{OLDER}.md", DONE, "nobody"),
        ("fd-a.md", DONE, "completed"),
        ("fd-a.md", "### Findings Index\n", "completed"),
        ("fd-a.md", "Verdict: polish\n", "completed"),
        ("fd-a.md", "An answer without any shape.\n", "launched"),
        ("fd-a.md", ERROR, "failed"),
        ("fd-a.refused.md", "", "failed"),
        ("summary.md", DONE, "nobody"),
        ("input.md", ERROR, "nobody"),
        ("fd-a.txt", DONE, "nobody"),
    ],
)
def test_agent_is_known_by_name_and_sentinel(tmp_path: Path, name: str, text: str, state: str) -> None:
    """Renamed and sealed is done; an error stub, a refusal and an abort failed; anything else proves nothing."""
    (tmp_path / name).write_text(text)
    names = (name.partition(".")[0],)
    assert list_agents(tmp_path, UUID) == Agents(
        launched=names if state != "nobody" else (),
        completed=names if state == "completed" else (),
        failed=names if state == "failed" else (),
    )


def test_second_attempt_of_an_agent_counts(tmp_path: Path) -> None:
    """What was aborted and then answered, answered; what is tried again may yet."""
    for name, text in {"fd-a": DONE, "fd-b": ERROR}.items():
        (tmp_path / f"{name}.{UUID}.md.partial.aborted-1790000000").write_text("")
        (tmp_path / f"{name}.{UUID}.md").write_text(text)
    (tmp_path / f"fd-c.{UUID}.refused.md").write_text("")
    (tmp_path / f"fd-c.{UUID}.md.partial").write_text("")
    assert list_agents(tmp_path, UUID) == Agents(
        launched=("fd-a", "fd-b", "fd-c"), completed=("fd-a",), failed=("fd-b",)
    )


def test_agent_that_cannot_be_read_proves_nothing(tmp_path: Path) -> None:
    """A directory in its place, and a directory that is gone."""
    (tmp_path / f"fd-a.{UUID}.md").mkdir()
    assert list_agents(tmp_path, UUID) == Agents(launched=("fd-a",))
    assert list_agents(tmp_path / "gone", UUID) == Agents()


def test_agents_that_the_findings_do_not_name_are_those_of_the_files(project: Project) -> None:
    """Numbers name nobody, and some files say nothing at all."""
    project.write(f"{DRIVE}/findings.json", {"findings": [{"severity": "P1"}], "agents_launched": 2})
    project.agent(f"fd-a.{UUID}.md", DONE)
    project.agent(f"fd-b.{UUID}.md", ERROR)
    payload = project.review()[1]
    assert (payload.agents_launched, payload.agents_completed, payload.agents_failed) == (
        ("fd-a", "fd-b"),
        ("fd-a",),
        ("fd-b",),
    )


@pytest.mark.parametrize("findings", [[], [{"severity": "P2"}]])
def test_findings_of_agents_that_all_failed_are_no_pass(project: Project, findings: list[object]) -> None:
    """Whatever the synthesis claims: nobody has looked."""
    stated = {"findings": findings, "agents_completed": ["fd-a"], "agents_failed": [], "verdict": "safe"}
    project.write(f"{DRIVE}/findings.json", stated)
    project.agent(f"fd-a.{UUID}.md", ERROR)
    draft, payload = project.review()
    assert (payload.verdict, payload.agents_completed, payload.agents_failed) == (Verdict.ERROR, None, ("fd-a",))
    assert draft.severity is Severity.ERROR


def test_grave_finding_is_not_hidden_by_agents_that_failed(project: Project) -> None:
    """A P0 stays a P0."""
    project.write(f"{DRIVE}/findings.json", {"findings": [{"severity": "P0"}]})
    project.agent(f"fd-a.{UUID}.md", ERROR)
    assert project.review()[1].verdict is Verdict.RISKY


def test_verdict_files_are_not_believed(project: Project) -> None:
    """Real ones say 0 findings beside a summary that counts five, and name a report that does not exist."""
    verdict = {
        "type": "verdict",
        "status": "CLEAN",
        "findings_count": 0,
        "summary": "P0x1 P1x2 P2x2",
        "detail_path": "/nowhere/.clavain/verdicts/fd-a.md",
    }
    for folder in (".clavain/verdicts", f"{DRIVE}/.clavain/verdicts"):
        project.write(f"{folder}/fd-a.json", verdict)
    assert project.look() == ()
    project.write(f"{DRIVE}/findings.json", {"findings": [{"severity": "P1"}]})
    assert project.review()[1].verdict is Verdict.NEEDS_CHANGES


# Runs that end without a result ---------------------------------------------------------------------------------------


def ended(project: Project) -> list[tuple[Draft, ReviewPass]]:
    return [(draft, draft.payload) for draft in project.look() if isinstance(draft.payload, ReviewPass)]


@pytest.mark.parametrize(("folder", "mode"), [(DRIVE, "flux-drive"), (TRACK, "flux-review-track")])
def test_crashed_run_is_told_once_as_a_review_that_failed(project: Project, folder: str, mode: str) -> None:
    """An hour without a sign of life: its agents are named, nothing is counted, and it is no pass."""
    assert project.look() == (), "the first look"
    project.agent(f"fd-a.{UUID}.md", DONE, age=3700, folder=folder)
    project.agent(f"fd-b.{UUID}.md.partial", "", age=3601, folder=folder)
    lock = project.lock(age=4000, folder=folder)
    ((draft, payload),) = ended(project)
    assert payload == ReviewPass(
        verdict=Verdict.ERROR,
        counts={},
        verdict_source=VerdictSource.UNREADABLE,
        mode=mode,
        agents_launched=("fd-a", "fd-b"),
        agents_completed=("fd-a",),
        run_uuid=UUID,
    )
    assert (draft.severity, draft.source_hook, draft.project_dir) == (Severity.ERROR, "file:.run.lock", project.root)
    assert draft.dedupe_key
    assert project.look() == ()
    lock.rmdir()
    assert project.look() == ()


def test_run_at_work_is_no_crash(project: Project) -> None:
    """A lock, an agent or half an agent's file that is younger than an hour is a sign of life."""
    project.look()
    lock = project.lock(age=9000)
    half = project.agent(f"fd-a.{UUID}.md.partial", "", age=3599)
    assert project.look() == ()
    project.touch(half, 3601)
    project.touch(lock, 3599)
    assert project.look() == ()
    project.touch(lock, 3601)
    assert len(ended(project)) == 1


def test_crash_before_the_first_look_is_history(project: Project) -> None:
    """Installing the adapter tells no old crashes; a run that was at work then is followed."""
    old = project.lock(age=3601)
    young = project.lock(age=10, folder=TRACK)
    assert project.look() == ()
    project.ctx.sleep(3600)
    ((_, payload),) = ended(project)
    assert payload.mode == "flux-review-track"
    assert old.is_dir()
    assert young.is_dir()


def test_lock_that_a_finished_run_left_is_no_crash(project: Project) -> None:
    """The result is there, and younger than all that the agents wrote."""
    project.look()
    project.agent(f"fd-a.{UUID}.md", DONE, age=5000)
    project.lock(age=6000)
    project.write(f"{DRIVE}/findings.json", {"findings": [{"severity": "P2"}]}, age=4000)
    assert [payload.verdict for _, payload in ended(project)] == [Verdict.SAFE]


def test_result_of_an_earlier_run_does_not_hide_a_crash(project: Project) -> None:
    """A new run keeps the old findings.json; it crashed all the same."""
    project.write(f"{DRIVE}/findings.json", {"findings": [{"severity": "P2"}]}, age=9000)
    project.look()
    project.ctx.changed_files = []
    project.agent(f"fd-a.{UUID}.md", DONE, age=5000)
    project.lock(age=6000)
    assert [payload.verdict for _, payload in ended(project)] == [Verdict.ERROR]


def test_run_whose_agents_all_failed_is_told(project: Project) -> None:
    """It removed its lock and wrote no findings: an error that names who failed."""
    lock = project.lock(age=60)
    project.agent(f"fd-a.{UUID}.md", ERROR, age=30)
    project.write(f"{DRIVE}/fd-b.{UUID}.md.partial.aborted-1790000000", "", age=20)
    assert project.look() == ()
    lock.rmdir()
    ((_, payload),) = ended(project)
    assert (payload.verdict, payload.agents_failed, payload.agents_completed) == (
        Verdict.ERROR,
        ("fd-a", "fd-b"),
        None,
    )
    assert project.look() == ()


def test_run_that_ends_otherwise_is_not_told_twice(project: Project) -> None:
    """Its result speaks; and where an agent answered, a result may still come."""
    lock = project.lock(age=60)
    agent = project.agent(f"fd-a.{UUID}.md", DONE, age=30)
    project.look()
    lock.rmdir()
    assert project.look() == ()
    lock.mkdir()
    project.touch(lock, 25)
    project.look()
    agent.write_text(ERROR)
    project.touch(agent, 20)
    lock.rmdir()
    project.write(f"{DRIVE}/findings.json", {"findings": [], "agents_launched": 1, "agents_completed": 0}, age=10)
    assert [payload.findings_path for _, payload in ended(project)] == [f"{project.root}/{DRIVE}/findings.json"]


def test_crash_leaves_the_request_open(project: Project) -> None:
    """It is told in the request's context, and the review is still wanted."""
    plan = project.write("docs/plans/p.md", "# Plan")
    folder = f"docs/research/flux-drive/p-{sha256(b'docs/plans/p.md').hexdigest()[:8]}"
    project.ctx.waiting.append(make_request(plan, project.root))
    project.look()
    project.lock(age=4000, folder=folder)
    ((draft, _),) = ended(project)
    assert (draft.context_id, draft.artifact_path, project.ctx.closed) == ("iv-abc1", plan, {})


# Peer findings --------------------------------------------------------------------------------------------------------

HELPER = {
    "severity": "blocking",
    "agent": "fd-safety",
    "category": "auth",
    "summary": "tokens in localStorage",
    "file_refs": ["src/auth.ts:42"],
    "timestamp": "2026-11-20T10:35:31Z",
}
REAL = {
    "agent": "fd-supply-chain-multi-sourcing",
    "severity": "P0",
    "id": "SCM-01",
    "type": "blocking",
    "title": "One source",
    "note": "longer",
}


def tell_lines(project: Project, *lines: object, folder: str = DRIVE) -> list[Draft]:
    path = project.write(f"{folder}/peer-findings.jsonl", "")
    project.ctx.tails.clear()
    project.ctx.new_lines = {path: [line if isinstance(line, str) else json.dumps(line) for line in lines]}
    return list(project.look())


@pytest.mark.parametrize("folder", [DRIVE, TRACK])
def test_blocking_peer_finding_blocks_its_file(project: Project, folder: str) -> None:
    """The helper's format: who says so, what, and where."""
    (draft,) = tell_lines(project, HELPER, folder=folder)
    assert draft.payload == Coordination(
        resource=Resource.FILE,
        resource_id="src/auth.ts",
        action=CoordinationAction.BLOCKED,
        requester=Holder(name="fd-safety"),
        reason="tokens in localStorage",
        ref="src/auth.ts:42",
    )
    assert (draft.artifact_path, draft.severity, draft.project_dir) == (
        Path("src/auth.ts"),
        Severity.WARN,
        project.root,
    )
    assert draft.occurred_at
    assert draft.occurred_at.isoformat() == "2026-11-20T10:35:31+00:00"


def test_peer_finding_as_a_real_run_wrote_it(project: Project) -> None:
    """Other keys, no place and no time: the run's directory stands for the file."""
    (draft,) = tell_lines(project, REAL)
    assert isinstance(draft.payload, Coordination)
    assert (draft.payload.reason, draft.payload.resource_id, draft.payload.ref) == ("One source", DRIVE, None)
    assert (draft.artifact_path, draft.occurred_at) == (None, None)
    again, other = tell_lines(project, REAL, {**REAL, "id": "SCM-02"})
    assert again.dedupe_key == draft.dedupe_key != other.dedupe_key


@pytest.mark.parametrize(
    ("entry", "blocks"),
    [
        ({"severity": "P0"}, True),
        ({"severity": "Blocking"}, True),
        ({"severity": "P1", "type": "blocking"}, True),
        ({"severity": "P1", "type": "note"}, False),
        ({"severity": "notable"}, False),
        ({"summary": "blocking"}, False),
        ({"severity": ["P0"]}, False),
        ({**HELPER, "timestamp": "2026-11-19T11:59:59Z"}, False),
        ({**HELPER, "timestamp": "yesterday"}, True),
        ({**HELPER, "timestamp": "2026-11-20T10:35:31"}, True),
        (["blocking"], False),
        ("{half", False),
        ("[" * 100_000, False),
        ("", False),
    ],
)
def test_only_what_blocks_now_is_told(project: Project, entry: object, blocks: bool) -> None:
    """Notes are between the agents, lines of another day came with a checkout, damaged ones say nothing."""
    assert len(tell_lines(project, entry, "{}")) == blocks


def test_peer_findings_are_looked_at_until_there_are_no_more(project: Project) -> None:
    """A look takes a limited amount; the next one comes by itself."""
    tell_lines(project, HELPER)
    assert project.ctx.postponed == [project.root / DRIVE / "peer-findings.jsonl"]
    tell_lines(project)
    assert len(project.ctx.postponed) == 1


# Drift of models ------------------------------------------------------------------------------------------------------


def told_by(stdout: object, command: object = "bash scripts/fluxbench-drift.sh --model m") -> tuple[Draft, ...]:
    event = make_hook_event(tool_input={"command": command}, tool_response={"stdout": stdout, "stderr": ""})
    return adapter.observe_hook(event=event).drafts


@pytest.mark.parametrize(
    ("verdict", "severity"), [("drift_detected", Severity.WARN), ("baseline_shift_suspected", Severity.ERROR)]
)
def test_drift_that_a_session_measured_is_told(verdict: str, severity: Severity) -> None:
    """One fact per model that drifted, among whatever else was printed."""
    line = json.dumps(
        {"model": "DeepSeek/V3.1 chat", "verdict": verdict, "max_drift": 0.21, "metrics": {"recall": 0.2}}
    )
    (draft,) = told_by(f"reading baseline\n{line}\n", "MODEL_REGISTRY='/r/models.yaml' scripts/fluxbench-drift.sh")
    assert draft.payload == DriftDetected(
        kind="model_quality",
        actual="DeepSeek/V3.1 chat",
        signal=verdict,
        score=0.21,
        detail='{"recall":0.2}',
    )
    assert (draft.context_id, draft.artifact_path) == ("model:deepseek-v3.1-chat", Path("/r/models.yaml"))
    assert (draft.severity, draft.source_hook) == (severity, "PostToolUse:Bash")


@pytest.mark.parametrize(
    "verdict", ["drift_cleared", "drift_recovering", "no_drift", "skipped_timeout", "", None, "drift"]
)
def test_other_answers_of_the_drift_check_are_no_drift(verdict: str | None) -> None:
    """Over, on the mend, not there, not measured."""
    assert told_by(json.dumps({"model": "m", "verdict": verdict})) == ()


@pytest.mark.parametrize(
    ("stdout", "command"),
    [
        ('{"model": "m", "verdict": "drift_detected"}', "cat log"),
        ('{"verdict": "drift_detected"}', "fluxbench-drift.sh"),
        ('["drift_detected"]', "fluxbench-drift.sh"),
        ("{half", "fluxbench-drift.sh"),
        ("[" * 100_000, "fluxbench-drift.sh"),
        (None, "fluxbench-drift.sh"),
        ('{"model": "m", "verdict": "drift_detected"}', ["fluxbench-drift.sh"]),
    ],
)
def test_output_of_others_and_damaged_output_tell_nothing(stdout: object, command: object) -> None:
    """Only the check itself is believed, and only a whole line of it."""
    assert told_by(stdout, command) == ()


@pytest.mark.parametrize("text", ["\n", "\n*", "> ", "Verdict: _\n", "Verdict: ", "## Findings Index\n "])
def test_a_hostile_report_costs_no_time(tmp_path: Path, text: str) -> None:
    """Agents write what they like; a generous bound, where a careless pattern takes hours."""
    (tmp_path / "fd-systems.md").write_text(text * (1 << 20) + "_" * (1 << 20) + "!")
    before = time.monotonic()
    list_agents(tmp_path, None)
    assert time.monotonic() - before < 10
