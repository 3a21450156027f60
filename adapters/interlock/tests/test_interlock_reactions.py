"""What the adapter does among the agents, over a real service (reference/modules/interlock.md, sections 4.5, 4.7)."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from interhost_hookspecs import (
    Completed,
    Coordination,
    CoordinationAction,
    Draft,
    DriftDetected,
    GateOutcome,
    GateResult,
    GateTier,
    Holder,
    InDoubtError,
    Intent,
    Outcome,
    PhaseTransition,
    Resource,
    ReviewPass,
    Severity,
    Verdict,
)
from interhost_hookspecs.testing import FakeCommand, make_intent
from interhost_interlock import adapter

if TYPE_CHECKING:
    from adapters.interlock.tests.conftest import Machine

EVENT = "01K9ZZZZZZ0000000000000000"


def _move(machine: Machine, to: str, files: object = None, **more: Any) -> Intent[PhaseTransition]:
    payload = PhaseTransition(to=to, phase_model="interphase-8")
    intent = make_intent(payload, project_dir=machine.project, **more)
    return evolve(intent, payload_text=json.dumps({"to": to, "phase_model": "interphase-8", "files": files}))


def _reserve(machine: Machine, *files: object, **more: Any) -> Outcome:
    machine.configure(reserve_on_executing=True)
    return adapter.on_phase_transition(_move(machine, "executing", list(files), **more), machine.ctx)


def _rows(machine: Machine) -> list[dict[str, Any]]:
    rows = machine.service.ask("GET", "/api/reservations?project=widgets")["reservations"]
    return [one for one in rows if isinstance(one, dict)]


def _payload(draft: Draft) -> Coordination:
    assert isinstance(draft.payload, Coordination)
    return draft.payload


# Reserving ------------------------------------------------------------------------------------------------------------


def test_nothing_is_reserved_until_the_user_wants_it(machine: Machine) -> None:
    """Neither for a move nor for a drift; only ``true`` turns it on."""
    for value in (None, False, "yes", 1):
        machine.configure(reserve_on_executing=value, reserve_on_drift=value)
        move = adapter.on_phase_transition(_move(machine, "executing", ["a"]), machine.ctx)
        drift = adapter.on_drift_detected(make_intent(DriftDetected(kind="doc")), machine.ctx)
        assert (move, drift) == (
            Outcome.skipped("reserve_on_executing is off"),
            Outcome.skipped("reserve_on_drift is off"),
        )
    assert machine.service.list_requests("POST") == []


def test_a_move_to_executing_reserves_its_files_in_our_name(machine: Machine) -> None:
    """Tagged with the bead and the event, for a quarter of an hour, after registering once."""
    outcome = _reserve(machine, "src/a.py", str(machine.project / "b"))
    assert outcome == Outcome.done("2 reserved for 15 minutes")
    rows = _rows(machine)
    assert [(row["path_pattern"], row["exclusive"]) for row in rows] == [("src/a.py", True), ("b", True)]
    assert rows[0]["reason"] == f"interbus phase_transition [active_bead_id=iv-abc1 interbus={EVENT}]"
    (us,) = machine.service.ask("GET", "/api/agents?project=widgets")["agents"]
    assert (us["name"], {row["agent_id"] for row in rows}) == ("interbus", {us["agent_id"]})
    asked = machine.service.list_requests("POST /api/reservations")
    assert [json.loads(one["body"])["ttl_minutes"] for one in asked] == [15, 15]
    assert {one["headers"]["X-Agent-ID"] for one in asked} == {us["agent_id"]}
    _reserve(machine, "c", event_id="01K9ZZZZZZ0000000000000009")
    assert len(machine.service.list_requests("POST /api/agents")) == 1


def test_our_own_reservation_is_told_like_any_other(machine: Machine) -> None:
    """By the next look, about its bead."""
    machine.look()
    _reserve(machine, "a")
    (told,) = machine.look()
    assert told.context_id == "iv-abc1"
    assert _payload(told).holder
    assert _payload(told).holder == Holder(id=_rows(machine)[0]["agent_id"], name="interbus")


def test_what_another_holds_is_told_as_a_conflict(machine: Machine) -> None:
    """And the rest is reserved."""
    ada = machine.service.join("ada")
    machine.service.reserve(ada, "src/*", "mine")
    outcome = _reserve(machine, "src/a.py", "b")
    assert outcome == Outcome.degraded("1 reserved for 15 minutes; src/a.py is held by ada")
    (told,) = machine.ctx.drafts
    assert (_payload(told).action, _payload(told).resource_id) == ("conflict", "src/a.py")
    assert _payload(told).holder == Holder(id=ada, name="ada")
    assert _payload(told).requester == Holder(id=_rows(machine)[-1]["agent_id"], name="interbus")
    assert (told.severity, told.context_id) == (Severity.WARN, "iv-abc1")
    assert _reserve(machine, "src/a.py", event_id="01K9ZZZZZZ0000000000000009").kind == "skipped"
    assert len(machine.ctx.drafts) == 1


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "src/*.py", "app/[id].tsx", "a\nb", "", ".", "src/../../x", "\x1b[31m", 7, None]
)
def test_only_plain_files_of_the_project_are_reserved(machine: Machine, name: object) -> None:
    """A pattern from the bus may not close a whole project, nor name what lies outside of it."""
    assert _reserve(machine, name).kind == "skipped"
    assert machine.service.list_requests("POST /api/reservations") == []


def test_a_list_without_end_is_cut(machine: Machine) -> None:
    """Fifty files are enough for one move."""
    outcome = _reserve(machine, *(f"src/{number}.py" for number in range(60)))
    assert outcome.kind == "degraded"
    assert len(_rows(machine)) == 50


def test_a_session_that_has_joined_reserves_for_itself(machine: Machine) -> None:
    """What we hold, nobody may edit; not even the session that works on it."""
    machine.join_session("s-1", "a-1", "ada")
    outcome = _reserve(machine, "a", extensions={"session_id": "s-1"})
    assert outcome == Outcome.skipped("its session has joined interlock, and reserves for itself")
    assert _reserve(machine, "a", extensions={"session_id": "s-2"}).kind == "done"


def test_an_attempt_that_is_repeated_reserves_once(machine: Machine) -> None:
    """The service is asked whether the one before did; if nobody can say, it is said."""
    assert _reserve(machine, "a").kind == "done"
    assert _reserve(machine, "a").kind == "done"
    assert len(_rows(machine)) == 1
    machine.ctx.effects.add("reserve b")
    assert _reserve(machine, "b").kind == "done"
    assert len(_rows(machine)) == 2
    machine.ctx.effects.add("reserve c")
    machine.service.misbehave(GET_api_reservations=500)
    with pytest.raises(InDoubtError):
        _reserve(machine, "c")


@pytest.mark.parametrize(
    ("fault", "kind", "why"),
    [
        (500, "failed", "500"),
        (400, "failed", "400"),
        (403, "failed", "403"),
        ("html", "failed", "no JSON object"),
        ("closed", "failed", "without response"),
    ],
)
def test_a_reservation_that_goes_wrong_is_said_and_not_repeated(
    machine: Machine, fault: object, kind: str, why: str
) -> None:
    """What may have happened ends by itself."""
    machine.service.misbehave(POST_api_reservations=fault)
    outcome = _reserve(machine, "a", "b")
    assert outcome.kind == kind
    assert why in outcome.reason
    assert len(machine.service.list_requests("POST /api/reservations")) == 1


def test_a_service_that_does_not_know_us_is_told_our_name_again(machine: Machine) -> None:
    """Its database may be another one than yesterday's."""
    _reserve(machine, "a")
    machine.service.misbehave(POST_api_reservations=403)
    _reserve(machine, "b", event_id="01K9ZZZZZZ0000000000000008")
    (machine.service.folder / "faults.json").unlink()
    assert _reserve(machine, "c", event_id="01K9ZZZZZZ0000000000000009").kind == "done"
    assert len(machine.service.list_requests("POST /api/agents")) == 2


def test_a_drifted_document_is_reserved_before_it_is_written(machine: Machine) -> None:
    """Where the user wants it; a conflict tells whoever writes that somebody else is at it."""
    machine.configure(reserve_on_drift=True)
    drift = make_intent(DriftDetected(kind="doc"), project_dir=machine.project, context_id="project:widgets")
    agents = evolve(drift, artifact_path=machine.project / "AGENTS.md")
    assert adapter.on_drift_detected(agents, machine.ctx) == Outcome.done("1 reserved for 15 minutes")
    assert _rows(machine)[0]["reason"] == f"interbus drift_detected [interbus={EVENT}]"
    assert adapter.on_drift_detected(drift, machine.ctx) == Outcome.skipped("the drift names no file")
    assert adapter.on_drift_detected(make_intent(DriftDetected(kind="phase_desync")), machine.ctx) is None


# Giving back ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["done", "shipping", "polish"])
def test_our_own_are_given_back_when_the_work_is_over(machine: Machine, phase: str) -> None:
    """Those of its bead; no other's, and nobody else's with the same tag."""
    service = machine.service
    _reserve(machine, "a", "b")
    _reserve(machine, "c", context_id="iv-xyz2", event_id="01K9ZZZZZZ0000000000000009")
    service.reserve(service.join("interbus"), "d", f"x [active_bead_id=iv-abc1 interbus={EVENT}]")
    outcome = adapter.on_phase_transition(_move(machine, phase), machine.ctx)
    assert outcome == Outcome.done("2 released")
    assert [row["path_pattern"] for row in _rows(machine)] == ["c", "d"]
    again = adapter.on_phase_transition(_move(machine, phase), machine.ctx)
    assert again == Outcome.skipped("we hold nothing for iv-abc1")


def test_a_released_bead_gives_ours_back(machine: Machine) -> None:
    """Interphase tells it without a project, so every project is asked where we have a name."""
    _reserve(machine, "a")
    payload = Coordination(resource=Resource.BEAD, resource_id="iv-abc1", action=CoordinationAction.RELEASE)
    assert adapter.on_coordination(make_intent(payload), machine.ctx) == Outcome.done("1 released")
    claim = evolve(payload, action=CoordinationAction.CLAIM)
    assert adapter.on_coordination(make_intent(claim), machine.ctx) is None


def test_whoever_never_reserved_asks_nobody(machine: Machine) -> None:
    """The end of each bead costs no request."""
    outcome = adapter.on_phase_transition(_move(machine, "done"), machine.ctx)
    assert outcome == Outcome.skipped("we hold nothing for iv-abc1")
    assert machine.service.list_requests() == []


def test_what_is_gone_is_released(machine: Machine) -> None:
    """It ran out between the question and the release."""
    _reserve(machine, "a")
    machine.service.misbehave(DELETE_api=404)
    assert adapter.on_phase_transition(_move(machine, "done"), machine.ctx) == Outcome.done("1 released")


@pytest.mark.parametrize(("fault", "kind"), [(403, "failed"), (500, "failed"), ("closed", "skipped")])
def test_a_release_that_is_refused_is_reported_once(machine: Machine, fault: object, kind: str) -> None:
    """Nothing is tried again; it runs out."""
    _reserve(machine, "a")
    machine.service.misbehave(DELETE_api=fault)
    assert adapter.on_phase_transition(_move(machine, "done"), machine.ctx).kind == kind
    assert len(machine.service.list_requests("DELETE")) == 1


# Telling the others ---------------------------------------------------------------------------------------------------


def _risky(machine: Machine, **more: Any) -> Intent[ReviewPass]:
    payload = ReviewPass(verdict=Verdict.RISKY, counts={"P0": 1, "P1": 3, "P2": 0})
    plan = machine.project / "docs" / "plans" / "p.md"
    return make_intent(payload, project_dir=machine.project, artifact_path=plan, **more)


def test_a_risky_review_is_broadcast_once(machine: Machine) -> None:
    """To every agent, in the topic of reviews, from ourselves."""
    ada = machine.service.join("ada")
    assert adapter.on_review_pass(_risky(machine), machine.ctx) == Outcome.done("told every agent of widgets")
    (message,) = machine.service.ask("GET", f"/api/inbox/{ada}?project=widgets")["messages"]
    assert message["subject"] == "review of docs/plans/p.md finished risky (1 P0, 3 P1)"
    assert message["topic"] == "review"
    assert json.loads(message["body"]) == {
        "type": "review",
        "text": "review of docs/plans/p.md finished risky (1 P0, 3 P1)",
        "context_id": "iv-abc1",
        "file": "docs/plans/p.md",
        "event_id": EVENT,
    }
    (sent,) = machine.service.list_requests("POST /api/broadcast")
    assert sent["headers"]["X-Agent-ID"] == message["from"]
    with pytest.raises(InDoubtError):
        adapter.on_review_pass(_risky(machine), machine.ctx)
    assert len(machine.service.list_requests("POST /api/broadcast")) == 1


@pytest.mark.parametrize("verdict", [Verdict.SAFE, Verdict.NEEDS_CHANGES, Verdict.ERROR, None])
def test_no_other_review_is_broadcast(machine: Machine, verdict: Verdict | None) -> None:
    """Nor is one that could not be read."""
    intent = make_intent(ReviewPass(verdict=verdict, counts={}), project_dir=machine.project)
    assert adapter.on_review_pass(intent, machine.ctx).kind == "skipped"
    assert machine.service.list_requests() == []


def test_a_closed_gate_is_broadcast(machine: Machine) -> None:
    """In the topic of gates; an open one is not."""
    ada = machine.service.join("ada")
    gate = GateResult(outcome=GateOutcome.BLOCK, tier=GateTier.HARD, target="executing", reason="no review\n\x1b[31m")
    intent = make_intent(gate, project_dir=machine.project)
    assert adapter.on_gate_result(intent, machine.ctx).kind == "done"
    (message,) = machine.service.ask("GET", f"/api/inbox/{ada}?project=widgets")["messages"]
    assert message["subject"] == "gate of iv-abc1 is blocked before executing: no review [31m"
    assert message["topic"] == "gate"
    passed = make_intent(evolve(gate, outcome=GateOutcome.PASS), project_dir=machine.project)
    assert adapter.on_gate_result(passed, machine.ctx).kind == "skipped"


def test_too_many_broadcasts_are_tried_once_more_and_dropped(machine: Machine) -> None:
    """The service takes ten a minute: a minute later once, and then no more."""
    ids = [f"01K9ZZZZZZ00000000000000{number:02}" for number in range(11)]
    outcomes = []
    for key in ids:
        machine.ctx.effects.clear()
        outcomes.append(adapter.on_review_pass(_risky(machine, event_id=key), machine.ctx))
    assert [one.kind for one in outcomes] == ["done"] * 10 + ["deferred"]
    assert outcomes[-1].until == machine.ctx.now() + timedelta(seconds=60)
    last = adapter.on_review_pass(_risky(machine, event_id=ids[-1]), machine.ctx)
    assert (last.kind, last.reason.endswith(": dropped")) == ("skipped", True)
    assert len(machine.service.list_requests("POST /api/broadcast")) == 12


@pytest.mark.parametrize("fault", [500, 403, "html", "closed", "half closed"])
def test_a_broadcast_that_goes_wrong_is_not_repeated(machine: Machine, fault: object) -> None:
    """Where it may have been told, that is said."""
    machine.service.misbehave(POST_api_broadcast=fault)
    outcome = adapter.on_review_pass(_risky(machine), machine.ctx)
    assert (outcome.kind, "in doubt" in outcome.reason) == ("failed", isinstance(fault, str))
    assert len(machine.service.list_requests("POST /api/broadcast")) == 1


def test_the_user_can_have_silence(machine: Machine) -> None:
    """And nothing is asked."""
    machine.configure(broadcast=False)
    assert adapter.on_review_pass(_risky(machine), machine.ctx) == Outcome.skipped("broadcast is off")
    assert machine.service.list_requests() == []


# Nobody there ---------------------------------------------------------------------------------------------------------


def test_without_a_service_everything_is_skipped(machine: Machine) -> None:
    """It says where nobody answered, and is not tried again."""
    _reserve(machine, "x")
    machine.service.stop()
    for outcome in (
        _reserve(machine, "a", event_id="01K9ZZZZZZ0000000000000009"),
        adapter.on_review_pass(_risky(machine), machine.ctx),
        adapter.on_phase_transition(_move(machine, "done"), machine.ctx),
    ):
        assert outcome.kind == "skipped"
        assert "Connection refused" in outcome.reason


def test_a_service_that_hangs_is_skipped_in_time(machine: Machine) -> None:
    """Before anything was asked for that could have happened."""
    machine.service.misbehave(POST_api_agents="slow body")
    began = machine.ctx.now()
    outcome = adapter.on_review_pass(_risky(machine), machine.ctx)
    assert (outcome.kind, "timed out" in outcome.reason) == ("skipped", True)
    assert datetime.now(UTC) - began < timedelta(seconds=8)


def test_where_interlock_is_not_used_nothing_is_done(machine: Machine) -> None:
    """No plugin, no address: the module is missing, or disabled."""
    machine.configure(url="")
    for outcome in (_reserve(machine, "a"), adapter.on_review_pass(_risky(machine), machine.ctx)):
        assert outcome == Outcome.skipped("interlock is not installed")


def test_an_address_that_may_not_be_asked_is_said(machine: Machine) -> None:
    """With what to do about it."""
    machine.configure(url="http://10.0.0.7:7338")
    outcome = adapter.on_review_pass(_risky(machine), machine.ctx)
    assert (outcome.kind, "allow_remote = true" in outcome.reason) == ("skipped", True)


@pytest.mark.parametrize("phase", ["planned", "brainstorm", "\x1b[31m" * 50])
def test_other_moves_are_nobodys_business(machine: Machine, phase: str) -> None:
    """And said so in one plain line."""
    outcome = adapter.on_phase_transition(_move(machine, phase), machine.ctx)
    assert (outcome.kind, outcome.reason.isprintable(), len(outcome.reason) < 200) == ("skipped", True, True)


def test_facts_without_a_project_or_a_bead_reserve_and_release_nothing(machine: Machine) -> None:
    """Nobody could say where, or for whom."""
    machine.configure(reserve_on_executing=True)
    nowhere = evolve(_move(machine, "executing", ["a"]), project_dir=None)
    for move in (nowhere, _move(machine, "done", context_id="project:widgets"), _move(machine, "executing")):
        assert adapter.on_phase_transition(move, machine.ctx).kind == "skipped"
    assert adapter.on_review_pass(evolve(_risky(machine), project_dir=None), machine.ctx).kind == "skipped"
    assert machine.service.list_requests() == []


# The kernel's store ---------------------------------------------------------------------------------------------------


IC = r"""#!/bin/sh
echo "$*" >> .clavain/asked
case "$4 $*" in
*--pattern=held*)
  printf '{"conflict":{"blocker_id":"l-9","blocker_owner":"ada","blocker_pattern":"held","blocker_reason":"r"}}\n'
  exit 1 ;;
*--pattern=broken*) echo '{"level":"ERROR","msg":"database is locked"}' >&2; exit 2 ;;
"reserve "*) printf '{"lock":{"id":"l-%d"}}\n' "$(wc -l < .clavain/asked)" ;;
*"release l-1") echo '{"released":0}'; exit 1 ;;
"release "*) echo '{"released":1}' ;;
*) exit 3 ;;
esac
"""
"""``ic --json --timeout=5s coordination …`` (reference, section 4.5)."""


@pytest.fixture
def kernel(machine: Machine) -> Machine:
    """A project with a kernel's database, ``ic`` as a program of its own, and no service."""
    program = machine.ctx.home / "ic"
    program.write_text(IC)
    program.chmod(0o755)
    (machine.project / ".clavain").mkdir()
    (machine.project / ".clavain" / "intercore.db").touch()

    def run(command: FakeCommand) -> Completed:
        done = subprocess.run(
            [program, *command.argv[1:]], cwd=command.cwd, capture_output=True, text=True, check=False
        )
        return Completed(argv=command.argv, returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)

    machine.ctx.commands["ic"] = run
    machine.ctx.guards.ic = True
    machine.service.stop()
    return machine


def test_where_the_service_does_not_run_the_kernel_reserves(kernel: Machine) -> None:
    """With the same time and reason; what another one holds is said, and told by whoever tells that store."""
    outcome = _reserve(kernel, "a $(id)", "held", "broken")
    assert outcome.kind == "degraded"
    assert outcome.reason.startswith("1 reserved for 15 minutes; held: held by ada; broken: ic: ")
    assert kernel.ctx.ran[0] == (
        *("ic", "--json", "--timeout=5s", "coordination", "reserve", "--owner=interbus"),
        f"--scope={kernel.project}",
        "--pattern=a $(id)",
        "--ttl=900",
        f"--reason=interbus phase_transition [active_bead_id=iv-abc1 interbus={EVENT}]",
    )
    assert kernel.ctx.drafts == []


def test_the_kernels_locks_are_given_back_by_their_ids(kernel: Machine) -> None:
    """Never by owner, which would release those of other beads; one that has run out is released."""
    _reserve(kernel, "a", "b")
    _reserve(kernel, "c", context_id="iv-xyz2", event_id="01K9ZZZZZZ0000000000000009")
    kernel.ctx.ran.clear()
    assert adapter.on_phase_transition(_move(kernel, "done"), kernel.ctx) == Outcome.done("1 released")
    assert [one[4:] for one in kernel.ctx.ran] == [("release", "l-1"), ("release", "l-2")]
    kernel.ctx.ran.clear()
    assert adapter.on_phase_transition(_move(kernel, "done"), kernel.ctx).kind == "skipped"
    assert kernel.ctx.ran == []


def test_a_lock_that_may_have_been_taken_is_not_taken_again(kernel: Machine) -> None:
    """The kernel cannot be asked; it runs out."""
    kernel.ctx.effects.add("lock a")
    with pytest.raises(InDoubtError):
        _reserve(kernel, "a")


def test_a_kernel_that_hangs_is_said(kernel: Machine) -> None:
    """What it may hold is kept, for the next fact to give it back."""
    _reserve(kernel, "a")
    kernel.ctx.commands["ic"] = Completed(argv=("ic",), returncode=None, problem="timed out after 10 s")
    outcome = adapter.on_phase_transition(_move(kernel, "done"), kernel.ctx)
    assert outcome == Outcome.skipped("ic: timed out after 10 s")
    assert "l-1" in (kernel.ctx.cursor.get("locks") or "")


@pytest.mark.parametrize("missing", ["ic", "database"])
def test_without_a_kernel_a_service_that_is_down_is_all_there_is(kernel: Machine, missing: str) -> None:
    """``ic`` would create a database where there is none."""
    if missing == "ic":
        kernel.ctx.guards.ic = False
    else:
        (kernel.project / ".clavain" / "intercore.db").unlink()
    assert _reserve(kernel, "a").kind == "skipped"
    assert kernel.ctx.ran == []
