"""What the adapter does about a finished review."""

import json
import subprocess
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import define
from interhost_hookspecs import (
    Advice,
    Completed,
    InDoubtError,
    Intent,
    Outcome,
    OutcomeKind,
    PhaseTransition,
    ReviewPass,
    RunAdvanced,
    SubmissionCode,
    SubmissionError,
    Verdict,
)
from interhost_hookspecs.testing import EPOCH, FakeCommand, FakeContext, make_intent
from interhost_interphase.adapter import observe, on_review_pass
from interhost_interphase.beads import BdHungError, parse_phase
from interhost_interphase.phases import is_before

PROJECT = Path("/repo")
PLAN = PROJECT / "docs" / "plans" / "p.md"
OWN_REASON = "interbus:01K9ZZZZZZ0000000000000000"
ON = {"advance_on_review": True}


def review(
    verdict: Verdict | None = Verdict.SAFE,
    artifact: Path | None = PLAN,
    context_id: str = "iv-abc1",
    project: Path | None = PROJECT,
) -> Intent[ReviewPass]:
    """A review as interflux tells it."""
    payload = ReviewPass(verdict=verdict, counts={"P0": 0, "P1": 0, "P2": 2})
    return make_intent(
        payload, artifact_path=artifact, context_id=context_id, project_dir=project, producer="interflux"
    )


@define
class Bd:
    """A bd with one bead, as reference/cli-contracts.md, sections 4.2 and 4.3, describes it."""

    phase: str | None = "planned"
    lies: bool = False
    refuses: str = ""
    hangs: bool = False

    def __call__(self, command: FakeCommand) -> Completed:
        """Answer ``state`` and ``set-state``."""
        argv = command.argv
        if self.hangs:
            return Completed(argv=argv, returncode=None, problem="timed out after 10 s")
        if self.refuses:
            return Completed(argv=argv, returncode=1, stderr=self.refuses)
        if argv[1] == "set-state" and not self.lies:
            self.phase = argv[3].removeprefix("phase=")
        answer = {"dimension": "phase", "issue_id": argv[3], "schema_version": 1, "value": self.phase}
        return Completed(argv=argv, returncode=0, stdout=json.dumps(answer, indent=2))


def moving(home: Path, bd: Callable[[FakeCommand], Completed] | None) -> FakeContext:
    """A context of a user who turned the moves on."""
    return FakeContext(home, adapter="interphase", config=ON, commands={"bd": bd} if bd else {})


@pytest.mark.parametrize("config", [{}, {"advance_on_review": False}, {"advance_on_review": "no"}])
def test_by_default_a_safe_review_is_only_said(tmp_path: Path, config: Mapping[str, object]) -> None:
    """Until the user turns moves on, the bead's context gets one piece of advice and nothing is run."""
    ctx = FakeContext(tmp_path, config=config)
    assert on_review_pass(review(), ctx).kind is OutcomeKind.DONE
    assert ctx.advices == [
        Advice(
            text="Review of docs/plans/p.md finished safe (0 P0, 0 P1, 2 P2). "
            "interphase would move iv-abc1 to plan-reviewed.",
            context_id="iv-abc1",
            expires=EPOCH + timedelta(hours=24),
        )
    ]
    assert (ctx.ran, ctx.drafts) == ([], [])


@pytest.mark.parametrize(
    ("intent", "why"),
    [
        (review(Verdict.NEEDS_CHANGES), "needs-changes"),
        (review(Verdict.RISKY), "risky"),
        (review(Verdict.ERROR), "error"),
        (review(None), "unreadable"),
        (review(context_id="project:repo"), "not a bead"),
        (review(artifact=None), "not about"),
        (review(artifact=PROJECT / "src" / "plans" / "p.md"), "not about"),
        (review(artifact=PROJECT / "docs" / "plans"), "not about"),
        (review(artifact=PROJECT / "docs" / "prds" / "p.md"), "strategy-reviewed"),
    ],
)
@pytest.mark.parametrize("config", [{}, ON])
def test_other_reviews_change_no_phase(
    tmp_path: Path, intent: Intent[ReviewPass], why: str, config: Mapping[str, object]
) -> None:
    """Only a safe review of a brainstorm or plan of a bead counts; an unreadable one is never taken for a pass."""
    ctx = FakeContext(tmp_path, config=config)
    outcome = on_review_pass(intent, ctx)
    assert outcome.kind is OutcomeKind.SKIPPED
    assert "no phase change" in outcome.reason
    assert why in outcome.reason
    assert (ctx.advices, ctx.ran) == ([], [])


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("docs/brainstorms/b.md", "brainstorm", "brainstorm-reviewed"),
        ("docs/plans/p.md", "planned", "plan-reviewed"),
        ("docs/plans/2026/p.md", "(no phase state set)", "plan-reviewed"),
        ("docs/plans/p.md", None, "plan-reviewed"),
    ],
)
def test_bd_alone_moves_the_bead(tmp_path: Path, file: str, before: str | None, after: str) -> None:
    """Without policy layer and interphase, bd sets the phase that the artifact's folder says, and the move is told."""
    bd = Bd(phase=before)
    ctx = moving(tmp_path, bd)
    assert on_review_pass(review(artifact=PROJECT / file), ctx) == Outcome.done(f"bd moved iv-abc1 to {after}")
    assert ctx.ran[1:2] == [("bd", "set-state", "iv-abc1", f"phase={after}", "--reason", OWN_REASON)]
    assert bd.phase == after
    [fact] = ctx.drafts
    assert fact.payload == PhaseTransition(
        to=after,
        phase_model="interphase-8",
        from_phase=before if before in ("brainstorm", "planned") else None,
        canonical_to=after,
        reason=OWN_REASON,
        trigger="advance",
    )
    assert (fact.context_id, fact.artifact_path, fact.project_dir) == ("iv-abc1", PROJECT / file, PROJECT)


def test_a_bd_that_lies_is_found_out(tmp_path: Path) -> None:
    """Success is what bd says afterwards, not the exit status of the write."""
    ctx = moving(tmp_path, Bd(lies=True))
    outcome = on_review_pass(review(), ctx)
    assert outcome.kind is OutcomeKind.FAILED
    assert "bd left iv-abc1 in planned" in outcome.reason
    assert ctx.drafts == []


def test_without_bd_nothing_is_tried(tmp_path: Path) -> None:
    """A missing tool is a reason to skip, not a failure."""
    ctx = moving(tmp_path, None)
    assert on_review_pass(review(), ctx) == Outcome.skipped("bd is not installed")
    assert len(ctx.ran) == 1


def test_a_bd_without_a_database_fails_in_its_own_words(tmp_path: Path) -> None:
    """What bd refuses is final, and its message reaches the user."""
    outcome = on_review_pass(review(), moving(tmp_path, Bd(refuses="Error: no beads database found\n")))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason.endswith("Error: no beads database found")


def test_an_unreadable_answer_is_never_guessed(tmp_path: Path) -> None:
    """An answer that names no phase ends the delivery before anything is changed."""
    ctx = moving(tmp_path, lambda command: Completed(argv=command.argv, returncode=0, stdout='{"error": "locked"}'))
    assert on_review_pass(review(), ctx).kind is OutcomeKind.FAILED
    assert len(ctx.ran) == 1


def test_a_bd_that_hangs_is_asked_again(tmp_path: Path) -> None:
    """No answer in time is no answer: the delivery is retried."""
    with pytest.raises(BdHungError, match="timed out"):
        on_review_pass(review(), moving(tmp_path, Bd(hangs=True)))


@pytest.mark.parametrize("phase", ["plan-reviewed", "executing", "review", "polish", "reflect", "done", "reflected"])
def test_a_bead_only_moves_forward(tmp_path: Path, phase: str) -> None:
    """A bead that is there, further on, or in a phase nobody knows, is left alone."""
    bd = Bd(phase=phase)
    ctx = moving(tmp_path, bd)
    assert on_review_pass(review(), ctx) == Outcome.skipped(f"iv-abc1 is in {phase}: no phase change")
    assert (bd.phase, ctx.submit.calls, len(ctx.ran)) == (phase, [], 1)


def test_is_before_knows_all_five_vocabularies() -> None:
    """Phases of other vocabularies have their place in the order, a missing phase is before all."""
    forward = [None, "goal-formed", "strategized", "strategy-reviewed", "planned"]
    assert all(is_before(phase, "plan-reviewed") for phase in forward)
    assert not is_before("strategy-reviewed", "brainstorm-reviewed")


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("executing\n", "executing"),
        ("(no phase state set)\n", None),
        ("null", None),
        ('"plan-reviewed"', "plan-reviewed"),
        ('{"dimension":"phase","issue_id":"iv-abc1","schema_version":1,"value":"planned"}', "planned"),
        ('{"dimension":"phase","issue_id":"iv-abc1","value":null}', None),
        ('{"value":"(no phase state set)"}', None),
        ('[{"issue_id":"iv-abc1","value":"planned"}]', "planned"),
        ("[]", None),
        ('{"schema_version":1,"data":{"dimension":"phase","value":"planned"}}', "planned"),
        ('{"schema_version":1,"data":[{"value":"planned"}]}', "planned"),
        ('{"schema_version":1,"data":null}', None),
    ],
)
def test_every_shape_of_bd_is_read(text: str, phase: str | None) -> None:
    """Plain and JSON, array and object, with and without the envelope."""
    assert parse_phase(text) == phase


@pytest.mark.parametrize("text", ["", "\n", "5", "true", '{"error":"x"}', "Error: no beads database found", '[["",1]]'])
def test_what_is_no_answer_of_bd_is_refused(text: str) -> None:
    """Errors and empty output are not mistaken for an unset phase."""
    with pytest.raises(ValueError, match="no phase in"):
        parse_phase(text)


def test_the_policy_layer_goes_first(tmp_path: Path) -> None:
    """Where someone owns the run, they make the move and tell it, and bd is only read."""
    ctx = moving(tmp_path, Bd())
    ctx.submit.advance = RunAdvanced(
        via="clavain-cli", policy_enforced=True, run_id="r1", from_phase="planned", to_phase="executing"
    )
    assert on_review_pass(review(), ctx) == Outcome.done("clavain-cli moved iv-abc1 from planned to executing")
    assert ctx.submit.calls == [("advance_run", {"bead_id": "iv-abc1", "phase": "planned", "artifact": PLAN})]
    assert (len(ctx.ran), ctx.drafts) == (1, [])


def test_a_refusal_of_the_policy_layer_is_final(tmp_path: Path) -> None:
    """No other way is tried around a refusal, and it is not retried."""
    ctx = moving(tmp_path, Bd())
    ctx.submit.refusal = SubmissionError(SubmissionCode.GATE_BLOCKED, "gate blocked: no fresh review", recoverable=True)
    assert on_review_pass(review(), ctx) == Outcome.failed("gate blocked: no fresh review")
    assert len(ctx.ran) == 1


def test_a_bead_without_a_phase_has_no_run_to_move_on(tmp_path: Path) -> None:
    """The policy layer is asked to move on from a phase, never from an empty one."""
    ctx = moving(tmp_path, Bd(phase=None))
    assert on_review_pass(review(), ctx).kind is OutcomeKind.DONE
    assert ctx.submit.calls == []


def test_a_retry_after_a_crash_asks_bd(tmp_path: Path) -> None:
    """What an earlier attempt did is not done twice, and its fact is not lost."""
    ctx = moving(tmp_path, Bd(phase="plan-reviewed"))
    ctx.effects.add("advance")
    outcome = on_review_pass(review(), ctx)
    assert outcome == Outcome.done("iv-abc1 is in plan-reviewed: an earlier attempt moved it")
    assert [argv[1] for argv in ctx.ran] == ["--json"]
    assert len(ctx.drafts) == 1


def test_a_retry_makes_the_move_that_did_not_happen(tmp_path: Path) -> None:
    """When bd says that the earlier attempt came to nothing, the move is made."""
    bd = Bd()
    ctx = moving(tmp_path, bd)
    ctx.effects.add("advance")
    assert on_review_pass(review(), ctx) == Outcome.done("bd moved iv-abc1 to plan-reviewed")


def test_a_move_that_cannot_be_confirmed_is_settled_by_the_retry(tmp_path: Path) -> None:
    """When bd hangs after the write, the delivery raises, and the next attempt asks instead of writing again."""
    bd = Bd()

    def hanging_after_the_write(command: FakeCommand) -> Completed:
        answer = bd(command)
        bd.hangs = command.argv[1] == "set-state"
        return answer

    ctx = moving(tmp_path, hanging_after_the_write)
    with pytest.raises(BdHungError):
        on_review_pass(review(), ctx)
    bd.hangs = False
    assert on_review_pass(review(), ctx).kind is OutcomeKind.DONE
    assert [argv[1] for argv in ctx.ran].count("set-state") == 1


class DoubtfulContext(FakeContext):
    """A context whose host cannot tell what an earlier attempt did."""

    def once(self, action: str, happened: Callable[[], bool | None] | None = None) -> bool:
        """Doubt."""
        raise InDoubtError(action)


def test_doubt_is_left_to_the_host(tmp_path: Path) -> None:
    """The adapter does not turn a doubt into an outcome of its own."""
    with pytest.raises(InDoubtError):
        on_review_pass(review(), DoubtfulContext(tmp_path, config=ON, commands={"bd": Bd()}))


# interphase's own library, really executed -------------------------------------------------------------------------

# The contract of reference/modules/interphase.md, sections 1.3 and 1.4: enforce_gate BEAD PHASE ARTIFACT answers 1 for
# a hard block; advance_phase BEAD PHASE REASON ARTIFACT writes bd, then two lines of telemetry, and answers 0 even when
# bd failed.
LIBRARY = """
enforce_gate() {
  [[ -f "$3" && ! -e "$GATES_PROJECT_DIR/gate-closed" ]]
}
advance_phase() {
  bd set-state "$1" "phase=$2" --reason "$3" >/dev/null 2>&1 || true
  mkdir -p ~/.clavain
  local now; now="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  printf '{"event":"phase_transition","bead":"%s","phase":"%s","reason":"%s","timestamp":"%s"}\\n' \\
    "$1" "$2" "$3" "$now" >> ~/.clavain/telemetry.jsonl
  printf '{"event":"phase_advance","bead":"%s","phase":"%s","reason":"%s","artifact":"%s","timestamp":"%s"}\\n' \\
    "$1" "$2" "$3" "$4" "$now" >> ~/.clavain/telemetry.jsonl
  return 0
}
"""
BD = """#!/usr/bin/env bash
case "$*" in
  "--json state iv-abc1 phase") printf '{"schema_version":1,"value":"%s"}\\n' "$(cat phase)" ;;
  "set-state iv-abc1 phase="*) [[ -e bd-broken ]] && exit 1; printf '%s' "${3#phase=}" > phase ;;
  *) exit 1 ;;
esac
"""


def run_for_real(home: Path) -> Callable[[FakeCommand], Completed]:
    """Run commands for real, with the stub of bd first on PATH."""

    def run(command: FakeCommand) -> Completed:
        path = f"{home / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            command.argv,
            cwd=command.cwd,
            env={"HOME": str(home), "PATH": path, **command.env},
            capture_output=True,
            text=True,
            timeout=command.timeout,
            check=False,
        )
        return Completed(argv=command.argv, returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)

    return run


@pytest.fixture
def real(tmp_path: Path) -> FakeContext:
    """A project, a bd and an interphase whose names need quoting."""
    project, root, bd = tmp_path / "a project's $HOME", tmp_path / "inter phase", tmp_path / "bin" / "bd"
    for folder in (project / "docs" / "plans", root / "hooks", bd.parent):
        folder.mkdir(parents=True)
    (project / "docs" / "plans" / "p.md").touch()
    (project / "phase").write_text("planned")
    (root / "hooks" / "lib-gates.sh").write_text(LIBRARY)
    bd.write_text(BD)
    bd.chmod(0o755)
    run = run_for_real(tmp_path)
    return FakeContext(
        tmp_path, adapter="interphase", config=ON, root=root, projects=(project,), commands={"bd": run, "bash": run}
    )


def reviewed(ctx: FakeContext) -> Outcome:
    """A safe review of the only plan of the only project, which the envelope does not name."""
    return on_review_pass(review(artifact=ctx.projects[0] / "docs" / "plans" / "p.md", project=None), ctx)


def test_the_library_of_interphase_moves_the_bead(real: FakeContext) -> None:
    """The documented call passes gate and phase in the right order, in the project, and bd confirms the move."""
    assert reviewed(real) == Outcome.done("interphase moved iv-abc1 to plan-reviewed")
    assert (real.projects[0] / "phase").read_text() == "plan-reviewed"
    assert [argv[0] for argv in real.ran] == ["bd", "bash", "bd"]


def test_the_echo_of_the_library_is_not_told_twice(real: FakeContext) -> None:
    """The lines that the library writes for our move are recognised by their reason: the move is told once."""
    reviewed(real)
    telemetry = real.home / ".clavain" / "telemetry.jsonl"
    echo = telemetry.read_text().splitlines()
    assert [json.loads(line)["reason"] for line in echo] == [OWN_REASON, OWN_REASON]
    real.new_lines[telemetry] = echo
    assert observe(real).drafts == ()
    assert len(real.drafts) == 1


def test_a_blocked_gate_is_final(real: FakeContext) -> None:
    """Exit status 1 of the library is a decision: nothing is moved, no other way is tried, nothing is retried."""
    (real.projects[0] / "gate-closed").touch()
    outcome = reviewed(real)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason.startswith("gate blocked")
    assert (real.projects[0] / "phase").read_text() == "planned"
    assert len(real.ran) == 2


def test_the_library_may_not_hide_a_failure_of_bd(real: FakeContext) -> None:
    """advance_phase ends with 0 although bd failed; the phase that bd still has is what is told."""
    (real.projects[0] / "bd-broken").touch()
    outcome = reviewed(real)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason.startswith("interphase left iv-abc1 in planned")
    assert real.drafts == []


def test_a_broken_library_is_not_a_blocked_gate(real: FakeContext) -> None:
    """A library without the functions fails with the shell's own words."""
    assert real.root is not None
    (real.root / "hooks" / "lib-gates.sh").write_text("")
    outcome = reviewed(real)
    assert outcome.kind is OutcomeKind.FAILED
    assert "enforce_gate" in outcome.reason


def test_a_root_without_the_library_leaves_it_to_bd(real: FakeContext) -> None:
    """An install of interphase that has no gates is no way to move a phase."""
    assert real.root is not None
    (real.root / "hooks" / "lib-gates.sh").unlink()
    assert reviewed(real) == Outcome.done("bd moved iv-abc1 to plan-reviewed")
