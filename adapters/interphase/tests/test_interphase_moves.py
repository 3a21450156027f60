"""Moving a bead, with real stand-ins for bd, ic and interphase's library."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import (
    ArtifactReady,
    BdHungError,
    Completed,
    GateOutcome,
    GateResult,
    InDoubtError,
    Outcome,
    OutcomeKind,
    PhaseTransition,
    ReviewPass,
    RunAdvanced,
    SubmissionCode,
    SubmissionError,
    Verdict,
)
from interhost_hookspecs.testing import FakeCommand, FakeContext, make_intent
from interhost_interphase.adapter import observe, on_artifact_ready, on_phase_transition, on_review_pass

OWN_REASON = "interbus:01K9ZZZZZZ0000000000000000"
SETTINGS = ("advance_on_artifact", "advance_on_review", "follow_transitions")


@pytest.fixture
def moving(machine: FakeContext) -> FakeContext:
    """A machine of a user who turned all moves on."""
    machine.config = {**machine.config, **dict.fromkeys(SETTINGS, True)}
    return machine


@pytest.fixture
def bare(moving: FakeContext) -> FakeContext:
    """The same without interphase: bd is all there is."""
    moving.root = None
    return moving


def bead(ctx: FakeContext, **states: str | None) -> Path:
    """The bead's states in the stand-in's database."""
    folder = ctx.projects[0] / ".beads" / "iv-abc1"
    for name, value in states.items():
        (folder / name).unlink(missing_ok=True)
        if value is not None:
            (folder / name).write_text(value)
    return folder


def phase_of(ctx: FakeContext) -> str:
    return (bead(ctx) / "phase").read_text()


def reviewed(ctx: FakeContext, file: str = "docs/plans/p.md") -> Outcome:
    """A safe review of a document, whose envelope does not name the project."""
    payload = ReviewPass(verdict=Verdict.SAFE, counts={})
    return on_review_pass(make_intent(payload, artifact_path=ctx.projects[0] / file), ctx)


def followed(ctx: FakeContext, to: str = "plan-reviewed", run_id: str | None = None) -> Outcome:
    """A move that somebody else told."""
    payload = PhaseTransition(to=to, phase_model="clavain-9", run_id=run_id)
    return on_phase_transition(make_intent(payload, project_dir=ctx.projects[0]), ctx)


def programs(ctx: FakeContext) -> list[str]:
    """Which programs were run, in order; bd with its verb."""
    return [" ".join(argv[:1] + argv[2:3]) if argv[:2] == ("bd", "--json") else argv[0] for argv in ctx.ran]


# bd alone ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("docs/brainstorms/b.md", "brainstorm", "brainstorm-reviewed"),
        ("docs/plans/p.md", "planned", "plan-reviewed"),
        ("docs/plans/2026/p.md", None, "plan-reviewed"),
    ],
)
def test_bd_alone_moves_the_bead(bare: FakeContext, file: str, before: str | None, after: str) -> None:
    """Without run and interphase, bd sets the phase that the document's folder says; the move is told, once set."""
    bead(bare, phase=before)
    assert reviewed(bare, file) == Outcome.done(f"bd moved iv-abc1 to {after}")
    assert phase_of(bare) == after
    assert bare.ran[2] == ("bd", "set-state", "iv-abc1", f"phase={after}", "--reason", OWN_REASON)
    [fact] = bare.drafts
    assert fact.payload == PhaseTransition(
        to=after,
        phase_model="interphase-8",
        from_phase=before,
        canonical_to=after,
        reason=OWN_REASON,
        trigger="advance",
    )
    path = bare.projects[0] / file
    assert (fact.context_id, fact.artifact_path, fact.project_dir) == ("iv-abc1", path, bare.projects[0])


def test_one_fact_leaves_at_most_one_event_bead(bare: FakeContext) -> None:
    """Bd makes a child bead of every change: nothing is set that is so already, or that was set before."""
    for _ in range(3):
        reviewed(bare)
        followed(bare)
    assert (bead(bare) / "children").read_text().split() == ["x"]


@pytest.mark.parametrize(
    ("kind", "before", "after"), [("plan", "strategized", "planned"), ("prd", None, "strategized")]
)
def test_a_written_document_moves_its_bead(bare: FakeContext, kind: str, before: str | None, after: str) -> None:
    """Where the user wants it, the phase is the one that the kind of document ends."""
    bead(bare, phase=before)
    outcome = on_artifact_ready(make_intent(ArtifactReady(kind=kind), project_dir=bare.projects[0]), bare)
    assert outcome == Outcome.done(f"bd moved iv-abc1 to {after}")


def test_a_followed_move_is_not_told_again(bare: FakeContext) -> None:
    """The fact is on the bus already; the outcome says that the bead followed."""
    assert followed(bare, "polish") == Outcome.done("bd moved iv-abc1 to shipping")
    assert bare.drafts == []


@pytest.mark.parametrize(
    ("trouble", "why"),
    [("lies", "bd left iv-abc1 in planned: ✓ Set phase"), ("broken", "bd left iv-abc1 in planned: Error: database")],
)
def test_success_is_what_bd_says_afterwards(bare: FakeContext, trouble: str, why: str) -> None:
    """Neither the exit status nor the tick of the write is believed."""
    (bare.projects[0] / ".beads" / trouble).touch()
    outcome = reviewed(bare)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason.startswith(why)
    assert bare.drafts == []


def test_a_phase_that_bd_cannot_confirm_is_no_success(bare: FakeContext) -> None:
    """The write ended well and the answer afterwards is none: failed, with what both of them said."""
    trap = bare.commands["bd"]
    assert callable(trap)

    def vanishing(command: FakeCommand) -> Completed:
        answer = trap(command)
        if command.argv[1] == "set-state":
            (bare.projects[0] / ".beads").rename(bare.home / "beads")
        return answer

    bare.commands["bd"] = vanishing
    outcome = reviewed(bare)
    assert outcome.kind is OutcomeKind.FAILED
    assert "✓ Set phase" in outcome.reason
    assert "no beads database found" in outcome.reason
    assert bare.drafts == []


def test_a_crash_between_write_and_answer_is_settled_by_the_retry(bare: FakeContext) -> None:
    """Bd hangs after the write: the delivery raises, and the next attempt asks instead of writing again."""
    trap, hangs = bare.commands["bd"], bare.projects[0] / ".beads" / "hangs"
    assert callable(trap)

    def hanging_after_the_write(command: FakeCommand) -> Completed:
        answer = trap(command)
        if command.argv[1] == "set-state":
            hangs.touch()
        return answer

    bare.commands["bd"] = hanging_after_the_write
    with pytest.raises(BdHungError):
        reviewed(bare)
    hangs.unlink()
    assert reviewed(bare).kind is OutcomeKind.DONE
    assert (bead(bare) / "children").read_text().split() == ["x"]
    assert len(bare.drafts) == 1


def test_without_bd_nothing_is_tried(bare: FakeContext) -> None:
    """A missing tool is a reason to skip, not a failure."""
    bare.commands.clear()
    assert reviewed(bare) == Outcome.skipped("bd is not installed")
    assert len(bare.ran) == 1


def test_a_bd_without_a_database_fails_in_its_own_words(bare: FakeContext) -> None:
    """What bd refuses is final, and its message reaches the user."""
    (bare.projects[0] / ".beads").rename(bare.home / "beads")
    outcome = reviewed(bare)
    assert outcome.kind is OutcomeKind.FAILED
    assert "Error: no beads database found" in outcome.reason


def test_an_unreadable_answer_is_never_guessed(bare: FakeContext) -> None:
    """An answer that names no phase ends the delivery before anything is changed."""
    bead(bare, phase="two words")
    outcome = reviewed(bare)
    assert outcome.kind is OutcomeKind.FAILED
    assert "bd's answer for iv-abc1 names no phase" in outcome.reason
    assert len(bare.ran) == 1


def test_a_prd_without_a_run_moves_nothing(moving: FakeContext) -> None:
    """Interphase itself has no phase for a reviewed PRD."""
    outcome = reviewed(moving, "docs/prds/p.md")
    assert outcome == Outcome.skipped("interphase has no phase strategy-reviewed: no phase change")


def test_a_bd_that_hangs_is_asked_again(bare: FakeContext) -> None:
    """No answer in time is no answer: the delivery is retried."""
    (bare.projects[0] / ".beads" / "hangs").touch()
    with pytest.raises(BdHungError, match="timed out"):
        reviewed(bare)


@pytest.mark.parametrize("phase", ["plan-reviewed", "executing", "review", "polish", "reflect", "done", "reflected"])
def test_a_bead_only_moves_forward(moving: FakeContext, phase: str) -> None:
    """A bead that is there, further on, or in a phase nobody knows, is left alone."""
    bead(moving, phase=phase)
    assert reviewed(moving) == Outcome.skipped(f"iv-abc1 is in {phase}: no phase change")
    assert (phase_of(moving), moving.submit.calls) == (phase, [])
    assert programs(moving) == ["bd state", "bd state"]


# Retries -------------------------------------------------------------------------------------------------------------


def test_a_retry_after_a_crash_asks_bd(bare: FakeContext) -> None:
    """What an earlier attempt did is not done twice, and its fact is not lost."""
    bead(bare, phase="plan-reviewed")
    bare.effects.add("advance")
    assert reviewed(bare) == Outcome.done("iv-abc1 is in plan-reviewed: an earlier attempt moved it")
    assert programs(bare) == ["bd state", "bd state"]
    assert len(bare.drafts) == 1


def test_a_retry_makes_the_move_that_did_not_happen(bare: FakeContext) -> None:
    """When bd says that the earlier attempt came to nothing, the move is made."""
    bare.effects.add("advance")
    assert reviewed(bare) == Outcome.done("bd moved iv-abc1 to plan-reviewed")


class DoubtfulContext(FakeContext):
    """A context whose host cannot tell what an earlier attempt did."""

    def once(self, action: str, happened: Callable[[], bool | None] | None = None) -> bool:
        """Doubt."""
        raise InDoubtError(action)


def test_doubt_is_left_to_the_host(bare: FakeContext) -> None:
    """The adapter does not turn a doubt into an outcome of its own."""
    ctx = DoubtfulContext(bare.home, of=bare.of, config=bare.said, projects=bare.projects, commands=bare.commands)
    with pytest.raises(InDoubtError):
        reviewed(ctx)


# interphase's library ------------------------------------------------------------------------------------------------


def test_the_library_of_interphase_moves_the_bead(moving: FakeContext) -> None:
    """The documented call passes gate and phase in the right order, in the project, and bd confirms the move."""
    assert reviewed(moving) == Outcome.done("interphase moved iv-abc1 to plan-reviewed")
    assert phase_of(moving) == "plan-reviewed"
    assert programs(moving) == ["bd state", "bd state", "bash", "bd state"]


def test_the_name_of_a_document_is_no_code_of_the_library(moving: FakeContext) -> None:
    """It is an argument of a script that never changes, whatever it holds."""
    name = "docs/plans/a'b\"c `touch PWNED` $(touch PWNED); touch PWNED\n-x.md"
    assert reviewed(moving, name) == Outcome.done("interphase moved iv-abc1 to plan-reviewed")
    assert list(moving.home.rglob("PWNED")) == []


def look_at_telemetry(ctx: FakeContext) -> list[Any]:
    """The facts of everything the library wrote."""
    path = ctx.home / ".clavain" / "telemetry.jsonl"
    ctx.new_lines[path] = path.read_text().splitlines()
    return [draft.payload for draft in observe(ctx).drafts]


def test_our_own_move_is_told_once(moving: FakeContext) -> None:
    """Lines and header that the library writes for our move are known as its echo; only the gate's decision is news."""
    reviewed(moving)
    assert "**Phase:** plan-reviewed" in (moving.projects[0] / "docs" / "plans" / "p.md").read_text()
    [gate] = look_at_telemetry(moving)
    assert isinstance(gate, GateResult)
    assert gate.outcome is GateOutcome.PASS
    assert [draft.payload.to for draft in moving.drafts if isinstance(draft.payload, PhaseTransition)] == [
        "plan-reviewed"
    ]


def test_a_blocked_gate_is_final_and_told_by_the_telemetry(moving: FakeContext) -> None:
    """Exit status 1 is a decision: nothing moves, no other way is tried; the block is told once, by its own line."""
    (moving.projects[0] / "gate-closed").touch()
    outcome = reviewed(moving)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason.startswith("gate blocked")
    assert (phase_of(moving), programs(moving), moving.drafts) == ("planned", ["bd state", "bd state", "bash"], [])
    [gate] = look_at_telemetry(moving)
    assert isinstance(gate, GateResult)
    assert (gate.outcome, gate.from_phase, gate.target) == (GateOutcome.BLOCK, "planned", "plan-reviewed")


def test_a_first_move_is_not_logged_from_a_sentence(moving: FakeContext) -> None:
    """Interphase takes bd's words for an unset phase for a phase; they do not reach the bus."""
    bead(moving, phase=None)
    reviewed(moving)
    assert "(no phase state set)" in (moving.home / ".clavain" / "telemetry.jsonl").read_text()
    [gate] = look_at_telemetry(moving)
    assert isinstance(gate, GateResult)
    assert (gate.from_phase, gate.target) == (None, "plan-reviewed")


def test_the_library_may_not_hide_a_failure_of_bd(moving: FakeContext) -> None:
    """advance_phase ends with 0 although bd failed; the phase that bd still has is what is told."""
    (moving.projects[0] / ".beads" / "broken").touch()
    outcome = reviewed(moving)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason.startswith("interphase left iv-abc1 in planned")
    assert moving.drafts == []


@pytest.mark.parametrize(
    "text",
    ["", "enforce_gate() { return 0; }\n", "if then fi (\n", "return 3\n"],
    ids=["empty", "older", "damaged", "refuses to load"],
)
def test_a_library_that_cannot_do_it_is_named(moving: FakeContext, text: str) -> None:
    """An older or damaged interphase is no open gate: nothing moves, and the outcome says what to do."""
    assert moving.root is not None
    (moving.root / "hooks" / "lib-gates.sh").write_text(text)
    outcome = reviewed(moving)
    assert outcome.kind is OutcomeKind.FAILED
    assert "has no enforce_gate and advance_phase: update the interphase plugin" in outcome.reason
    assert phase_of(moving) == "planned"


def test_a_root_without_the_library_leaves_it_to_bd(moving: FakeContext) -> None:
    """An install of interphase that has no gates is no way to move a phase."""
    assert moving.root is not None
    (moving.root / "hooks" / "lib-gates.sh").unlink()
    assert reviewed(moving) == Outcome.done("bd moved iv-abc1 to plan-reviewed")


# Runs ----------------------------------------------------------------------------------------------------------------

# reference/cli-contracts.md section 1.5: `phases` only when the run has a chain of its own.
CLAVAIN_TEN = [
    *("brainstorm", "brainstorm-reviewed", "strategized", "strategy-reviewed", "planned"),
    *("plan-reviewed", "executing", "shipping", "reflect", "done"),
]


def give_run(ctx: FakeContext, phase: str | None, *, status: str = "active", phases: list[str] | None = None) -> None:
    """A run of the bead, and a policy layer that moves it; without a phase the kernel's database is not there."""
    bead(ctx, ic_run_id="r1")
    if phase is not None:
        folder = ctx.projects[0] / ".clavain"
        folder.mkdir()
        (folder / "intercore.db").touch()
        run = {"auto_advance": True, "complexity": 3, "id": "r1", "phase": phase, "status": status}
        (folder / "run.json").write_text(json.dumps({**run, **({"phases": phases} if phases else {})}))
    ctx.submit.advance = RunAdvanced(
        via="clavain-cli", policy_enforced=True, run_id="r1", from_phase=phase or "planned", to_phase="plan-reviewed"
    )


def test_the_policy_layer_moves_a_bead_that_has_a_run(moving: FakeContext) -> None:
    """It owns the run and tells the move; neither interphase's library nor bd writes anything."""
    give_run(moving, "planned", phases=CLAVAIN_TEN)
    bead(moving, phase="brainstorm")  # the bead's own label may lag behind
    assert reviewed(moving) == Outcome.done("clavain-cli moved iv-abc1 from planned to plan-reviewed")
    (project,) = moving.projects
    asked = {"bead_id": "iv-abc1", "phase": "planned", "artifact": project / "docs" / "plans" / "p.md"}
    assert moving.submit.calls == [("advance_run", {**asked, "project": project})]
    assert (programs(moving), moving.drafts) == (["bd state", "bd state", "ic"], [])


def test_a_reviewed_prd_moves_a_run_that_has_such_a_phase(moving: FakeContext) -> None:
    """``strategy-reviewed`` is in one of the five chains; where it is not the next step, nothing moves."""
    give_run(moving, "strategized", phases=CLAVAIN_TEN)
    assert reviewed(moving, "docs/prds/p.md").kind is OutcomeKind.DONE
    run = moving.projects[0] / ".clavain" / "run.json"
    run.write_text(json.dumps({"id": "r1", "phase": "strategized", "status": "active"}))
    outcome = reviewed(moving, "docs/prds/p.md")
    assert outcome == Outcome.skipped(
        "the run of iv-abc1 is in strategized, its next phase is planned: no phase change"
    )
    assert len(moving.submit.calls) == 1


@pytest.mark.parametrize(("phase", "following"), [("strategized", "planned"), ("executing", "review"), ("done", None)])
def test_a_run_goes_only_one_step_of_its_own_chain(moving: FakeContext, phase: str, following: str | None) -> None:
    """A review does not push a run on that stands elsewhere; the kernel's own chain counts where it has no other."""
    give_run(moving, phase)
    assert reviewed(moving) == Outcome.skipped(
        f"the run of iv-abc1 is in {phase}, its next phase is {following}: no phase change"
    )
    assert moving.submit.calls == []


@pytest.mark.parametrize("phase", ["planned", "plan-reviewed"])
def test_a_run_that_is_there_or_over_leaves_the_bead_to_follow(moving: FakeContext, phase: str) -> None:
    """Nothing is left to ask the policy layer for; interphase's own gates decide about the bead."""
    give_run(moving, phase, status="active" if phase == "plan-reviewed" else "completed", phases=CLAVAIN_TEN)
    assert reviewed(moving) == Outcome.done("interphase moved iv-abc1 to plan-reviewed")
    assert moving.submit.calls == []


def test_a_move_of_the_run_itself_is_only_followed(moving: FakeContext) -> None:
    """What the kernel has moved is not moved on again, even where it cannot be asked."""
    give_run(moving, None)
    assert followed(moving, run_id="r1") == Outcome.done("interphase moved iv-abc1 to plan-reviewed")
    assert (moving.submit.calls, moving.drafts) == ([], [])


def test_without_the_kernel_the_step_of_interphase_is_asked_for(moving: FakeContext) -> None:
    """No database, no command that would create one: the policy layer is told which phase the run should be in."""
    give_run(moving, None)
    assert reviewed(moving).kind is OutcomeKind.DONE
    assert moving.submit.calls[0][1]["phase"] == "planned"
    assert programs(moving) == ["bd state", "bd state"]
    with pytest.raises(InDoubtError):
        reviewed(moving)  # a retry: nobody can be asked whether the run has moved
    outcome = reviewed(moving, "docs/prds/p.md")
    assert outcome.reason == "the run of iv-abc1 is not known to have strategy-reviewed: no phase change"


def test_a_refusal_of_the_policy_layer_is_final(moving: FakeContext) -> None:
    """No other way is tried around a refusal, and it is not retried."""
    give_run(moving, "planned", phases=CLAVAIN_TEN)
    moving.submit.refusal = SubmissionError(SubmissionCode.GATE_BLOCKED, "gate blocked: no review", recoverable=True)
    assert reviewed(moving) == Outcome.failed("gate blocked: no review")
    assert phase_of(moving) == "planned"


@pytest.mark.parametrize("refusal", [None, SubmissionError(SubmissionCode.NOT_FOUND, "no such run")])
def test_where_nobody_answers_for_the_run_interphase_does(moving: FakeContext, refusal: SubmissionError | None) -> None:
    """Without a policy layer, or with one that does not know the run, the bead's own gates decide."""
    give_run(moving, "planned", phases=CLAVAIN_TEN)
    moving.submit.advance, moving.submit.refusal = None, refusal
    assert reviewed(moving) == Outcome.done("interphase moved iv-abc1 to plan-reviewed")


def test_an_absent_kernel_program_counts_as_no_answer(moving: FakeContext) -> None:
    """A database without ``ic``: the step of interphase's own order is asked for."""
    give_run(moving, "planned", phases=CLAVAIN_TEN)
    del moving.commands["ic"]
    assert reviewed(moving).kind is OutcomeKind.DONE
    assert moving.submit.calls[0][1]["phase"] == "planned"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"error": "locked"}', '{"phase": 7, "phases": "x"}'])
def test_a_kernel_that_answers_nonsense_moves_nothing(moving: FakeContext, text: str) -> None:
    """An answer without a phase is no step; one that is no object counts as no answer."""
    give_run(moving, "planned")
    (moving.projects[0] / ".clavain" / "run.json").write_text(text)
    outcome = reviewed(moving)
    is_object = text.startswith("{") and len(text) > 1
    assert outcome.kind is (OutcomeKind.SKIPPED if is_object else OutcomeKind.DONE)
    assert len(moving.submit.calls) == (0 if is_object else 1)
