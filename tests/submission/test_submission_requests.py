"""What may be asked for, how a refusal is reported, what doctor finds, and how adapters submit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import CheckLevel, SubmissionCode, SubmissionError

from interhost.bus.log import Query
from interhost.host.submitting import HostSubmissions
from interhost.host.writing import Origin
from interhost.interbase.toolerror import ERROR_TYPES
from interhost.submission.checks import ASSUMPTIONS, examine_programs, examine_submissions
from interhost.submission.toolerror import to_tool_error
from tests.submission_kit import BEAD, GOAL, RUN, says, slog

if TYPE_CHECKING:
    from tests.conftest import Stage
    from tests.submission.conftest import Office

# Requests -------------------------------------------------------------------------------------------------------------

WRONG: list[tuple[Callable[[HostSubmissions], object], str]] = [
    (lambda one: one.create_sprint(goal="  "), "goal is empty"),
    (lambda one: one.create_sprint(goal="--runtime-evidence"), "would be read as an option"),
    (lambda one: one.create_sprint(goal="a\x1b[2Jb"), "control character"),
    (lambda one: one.create_sprint(goal="a" * 5000), "5000 characters"),
    (lambda one: one.create_sprint(goal=GOAL, complexity=6), "complexity 6: expected 1 (trivial) to 5 (research)"),
    (lambda one: one.create_sprint(goal=GOAL, complexity=0), "complexity 0"),
    (lambda one: one.create_sprint(goal=GOAL, lane="a,b"), "lane 'a,b'"),
    (lambda one: one.create_sprint(goal=GOAL, project=Path("/no/such/folder")), "no such folder"),
    (lambda one: one.advance_run(bead_id="-h", phase="planned"), "bead '-h'"),
    (lambda one: one.advance_run(bead_id=BEAD, phase="a b"), "phase 'a b'"),
    (lambda one: one.override_gate(run_id="", reason="x", category="justified"), "run ''"),
    (lambda one: one.override_gate(run_id=RUN, reason="", category="justified"), "reason is empty"),
    (lambda one: one.override_gate(run_id=RUN, reason="x", category="fine"), "expected justified or expedient"),
    (lambda one: one.dispatch_task(run_id=RUN, prompt_file=Path("nope.md")), "nope.md: no such file"),
    (lambda one: one.dispatch_task(run_id=RUN, prompt_file=Path("docs/b.md"), agent="a b"), "agent 'a b'"),
    (lambda one: one.submit_artifact(bead_id=BEAD, kind="../x", path=Path("docs/b.md")), "kind of artifact '..'"),
    (lambda one: one.submit_artifact(bead_id=BEAD, kind="plan", path=Path("-x")), "artifact begins with '-'"),
    (lambda one: one.get_artifact(bead_id=BEAD, kind=""), "kind of artifact ''"),
    (lambda one: one.read_sprint(bead_id="a\nb"), "bead 'a\\nb'"),
]


@pytest.mark.parametrize(("act", "words"), WRONG)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(
    office: Office, act: Callable[[HostSubmissions], object], words: str
) -> None:
    """A request that a program would misread reaches none, and leaves no record."""
    error = office.refused(act)
    assert error.code is SubmissionCode.INVALID
    assert words in error.message
    assert office.world.calls() == []
    assert office.bus.store.submissions_in_doubt() == []


@pytest.mark.parametrize("bead", ["sylveste-9lp.32", "my-app-x1", "iv_2-a"])
def test_beads_of_every_shape_are_taken(office: Office, bead: str) -> None:
    """Children and hyphenated prefixes too, which clavain's own intents refuse (section 0.1, fact 21)."""
    error = office.refused(lambda one: one.advance_run(bead_id=bead, phase="planned"))
    assert error.code is SubmissionCode.NOT_FOUND


def test_a_file_is_registered_relative_to_its_project(office: Office, tmp_path: Path) -> None:
    """However it was named; one outside of the project keeps its whole path."""
    outside = tmp_path / "o.md"
    outside.touch()
    here = office.world.project / "docs" / "b.md"
    office.submit().submit_artifact(bead_id=BEAD, kind="brainstorm", path=here)
    office.world.answer(says("bd", f"state {BEAD} artifact_x/v1", out=json.dumps({"value": str(outside)})))
    office.submit().submit_artifact(bead_id=BEAD, kind="x/v1", path=outside)
    assert office.world.calls("clavain-cli", "set-artifact")[-1][-2:] == ["x/v1", str(outside)]


# Refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", SubmissionCode)
def test_every_refusal_has_its_tool_error(code: SubmissionCode) -> None:
    """With the code, what to do and the evidence as data; whether trying again helps is the refusal's own word."""
    for recoverable in (True, False):
        refusal = SubmissionError(
            code, "no", recoverable=recoverable, remediation="do this", evidence={"a": 1}, in_doubt=True
        )
        error = to_tool_error(refusal)
        assert error.type in ERROR_TYPES
        assert (error.message, error.recoverable, error.__cause__) == ("no", recoverable, refusal)
        assert error.data == {"code": code.value, "remediation": "do this", "evidence": {"a": 1}, "in_doubt": True}
    assert to_tool_error(SubmissionError(code, "no")).data == {"code": code.value, "in_doubt": False}


# Doctor ---------------------------------------------------------------------------------------------------------------

SOUND = (
    says("ic", "frobnicate", code=3, err=slog("unknown command")),
    says("ic", "--timeout=abc version", code=3, err="ic: invalid timeout: abc\n"),
    says("ic", "version", out='{\n  "version": "0.3.5"\n}\n'),
    says("clavain-cli", "frobnicate", code=1, err="clavain-cli: unknown command 'frobnicate'\n"),
    says("bd", "version", out="bd version 1.0.5\n"),
)


def found(office: Office, **environ: str) -> dict[str, tuple[str, CheckLevel]]:
    """What doctor finds: detail to (hint, level)."""
    checks = examine_programs({**office.world.environ, **environ}, office.world.project)
    return {f"{check.name}: {check.detail}": (check.hint, check.level) for check in checks}


def test_doctor_says_which_way_and_which_assumptions_hold(office: Office) -> None:
    """With sound programs everything is as measured."""
    office.world.answer(*SOUND)
    checks = found(office)
    assert {level for _, level in checks.values()} == {CheckLevel.OK}
    assert f"submissions: through {office.world.bin}/clavain-cli, with policy" in checks
    assert f"submissions: database: {office.world.database}" in checks
    assert f"submissions: bd: {office.world.bin}/bd, bd version 1.0.5" in checks
    assert f"submissions: clavain-cli: {office.world.bin}/clavain-cli, of no known version" in checks
    assert len([name for name in checks if name.startswith("contract of ")]) == len(ASSUMPTIONS)


def test_doctor_says_which_versions_were_found(office: Office, tmp_path: Path) -> None:
    """As each says it; clavain-cli's is that of its plugin; one that cannot say it is used all the same."""
    plugin = tmp_path / "clavain" / "0.6.299"
    (plugin / "bin").mkdir(parents=True)
    (plugin / ".claude-plugin").mkdir()
    (plugin / ".claude-plugin" / "plugin.json").write_text('{"name": "clavain", "version": "0.6.299"}')
    office.world.answer(
        says("ic", "version", out="ic 0.3.5\ncommit: unstamped\n"), says("bd", "version", code=1, err="no\n"), *SOUND
    )
    office.world.install("clavain-cli", plugin / "bin")
    (office.world.bin / "clavain-cli").unlink()
    (office.world.bin / "clavain-cli").symlink_to(plugin / "bin" / "clavain-cli")
    checks = found(office, INTERHOST_IC=str(office.world.bin / "ic"))
    here = office.world.bin
    assert f"submissions: clavain-cli: {here}/clavain-cli, of clavain 0.6.299" in checks
    assert f"submissions: ic: {here}/ic, ic 0.3.5, as INTERHOST_IC says" in checks
    assert f"submissions: bd: {here}/bd, tells no version: no" in checks


def test_doctor_names_what_does_not_hold(office: Office) -> None:
    """A newer program that differs, the Bash fallback, a database that is not sound: each with what follows."""
    office.world.answer(
        says("ic", "frobnicate", code=1),
        says("clavain-cli", "help", out="Usage (Bash fallback mode)\n"),
        says("ic", "health", code=2, err=slog("health: database not migrated — run 'ic init'")),
        *SOUND,
    )
    checks = found(office)
    differs = "contract of ic: does not hold: an unknown command exits with 3 (section 1.1); exit codes may be misread"
    assert checks[differs][1] is CheckLevel.NOTE
    assert checks["submissions: clavain-cli: clavain-cli runs in its Bash fallback mode"][1] is CheckLevel.PROBLEM
    [(hint, level)] = [value for name, value in checks.items() if "not migrated" in name]
    assert (hint, level) == ("run 'ic init' in the project", CheckLevel.PROBLEM)


def test_doctor_says_when_nobody_enforces_policy(office: Office) -> None:
    """Without clavain-cli, without both, and with a variable that leads nowhere."""
    office.world.answer(*SOUND)
    office.world.remove("clavain-cli")
    [(name, (hint, level)), *_] = found(office).items()
    assert (level, "without policy" in name, "INTERHOST_CLAVAIN_CLI" in hint) == (CheckLevel.NOTE, True, True)
    office.world.remove("ic", "bd")
    assert list(found(office)) == ["submissions: nobody carries them out: neither clavain-cli nor ic was found"]
    [(name, (_, level))] = found(office, INTERHOST_IC="/nope").items()
    assert (level, "INTERHOST_IC=/nope" in name) == (CheckLevel.PROBLEM, True)


def test_doctor_does_not_touch_a_project_without_a_database(office: Office) -> None:
    """The kernel would create one there."""
    office.world.answer(*SOUND)
    office.world.database.unlink()
    assert not [name for name in found(office) if name.startswith("submissions: database")]
    assert office.world.calls("ic", "health") == []


def test_doctor_shows_what_is_in_doubt(office: Office) -> None:
    """With the command that ends the doubt."""
    office.bus.store.begin_submission("create_sprint:k", "create_sprint", '{"goal":"g"}')
    [check] = examine_submissions(office.bus)
    assert (check.level, check.detail) == (CheckLevel.PROBLEM, 'in doubt: create_sprint {"goal":"g"}')
    assert "interhost submit resolve create_sprint:k" in check.hint


# Adapters -------------------------------------------------------------------------------------------------------------

ADVANCES = """
@hookimpl
def on_notify(intent, ctx):
    moved = ctx.submit.advance_run(bead_id=intent.context_id, phase="brainstorm")
    return Outcome.done(f"{moved.to_phase} {moved.repeated}")

@hookimpl
def on_phase_transition(intent, ctx):
    SEEN.append(intent.payload.to)
    return Outcome.done("heard")
"""


def test_an_adapter_submits_in_the_project_of_its_intent(
    stage: Stage, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the host's directory, not in the host's session; and it hears of the fact that its own write led to."""
    monkeypatch.setenv("PATH", str(office.world.bin))
    monkeypatch.setenv("CLAVAIN_SKIP_BUDGET", "of the host's own session")
    office.world.answer(says("ic", "run tokens *", out='{"total_tokens":999999}', when=["strict"]))
    stage.project = office.world.project
    stage.adapter("mover", ["notify", "phase_transition"], ADVANCES)
    host = stage.host()
    first = stage.publish(context_id=BEAD)
    host.run_pass()
    assert stage.outcomes(first.seq) == [("mover", 1, "done", "brainstorm-reviewed False")]
    assert stage.seen("mover") == ["brainstorm-reviewed"]
    [fact] = [one.envelope for one in stage.bus.log.read(Query()) if one.envelope.name == "phase_transition"]
    assert (fact.producer, fact.caused_by, fact.context_id) == ("clavain", first.event_id, BEAD)
    assert (fact.extensions["submitted_by"], fact.extensions["door"], fact.depth) == ("mover", "adapter", 1)
    again = stage.publish(context_id=BEAD)
    host.run_pass()
    assert stage.outcomes(again.seq) == [("mover", 1, "done", "brainstorm-reviewed True")]
    office.world.answer(says("ic", "run tokens *", out='{"total_tokens":999999}'))
    third = stage.publish(context_id=BEAD)
    host.run_pass()
    assert "has used its budget" in stage.outcomes(third.seq)[0][3]


def test_an_adapter_may_answer_before_the_built_in_ones(stage: Stage, office: Office) -> None:
    """Another ecosystem's provider carries it out; what it answers is recorded and told all the same."""
    stage.adapter(
        "other",
        [],
        "@hookimpl\ndef create_sprint(goal, complexity, lane, project):\n"
        "    SEEN.append(str(project))\n"
        "    return SprintCreated(via='other', policy_enforced=True, bead_id='x-1', run_id=None)\n",
    )
    submit = HostSubmissions(
        stage.host().providers, stage.bus, Origin("cli", office.world.environ, office.world.project)
    )
    for _ in range(2):
        made = submit.create_sprint(goal=GOAL)
        assert made is not None
        assert (made.via, made.bead_id) == ("other", "x-1")
    assert stage.seen("other") == [str(office.world.project.resolve())]
    assert office.world.calls() == []
    assert [one.envelope.context_id for one in stage.bus.log.read(Query())] == ["x-1"]


def test_a_provider_that_answers_something_else_is_a_fault(stage: Stage, office: Office) -> None:
    """Nobody knows what it has done, so nobody is asked after it."""
    stage.adapter("odd", [], "@hookimpl\ndef create_sprint(goal):\n    return Outcome.done('x')\n")
    submit = HostSubmissions(
        stage.host().providers, stage.bus, Origin("cli", office.world.environ, office.world.project)
    )
    with pytest.raises(SubmissionError) as caught:
        submit.create_sprint(goal=GOAL)
    assert (caught.value.code, caught.value.in_doubt) == (SubmissionCode.INTERNAL, True)
    assert "answered Outcome, expected SprintCreated" in caught.value.message
