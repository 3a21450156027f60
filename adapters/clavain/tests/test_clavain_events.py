"""What each kind of the kernel's events tells. Rows are those of reference/cli-contracts.md, section 1.9."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from interhost_hookspecs import (
    Coordination,
    CoordinationAction,
    Draft,
    GateOutcome,
    GateResult,
    GateTier,
    HealthSignal,
    Holder,
    Level,
    Notify,
    PhaseTransition,
    Resource,
)
from interhost_hookspecs.testing import payloads

from .conftest import BEAD, RUN, event, run, told

if TYPE_CHECKING:
    from .conftest import Machine

REASON = (
    '{"conditions":[{"check":"artifact_exists","phase":"brainstorm","result":"fail","count":0,'
    '"detail":"no artifacts found for phase \\"brainstorm\\""}]}'
)
CONDITION = {
    "check": "artifact_exists",
    "phase": "brainstorm",
    "result": "fail",
    "count": 0,
    "detail": 'no artifacts found for phase "brainstorm"',
}
MOVE = ("brainstorm", "brainstorm-reviewed")


def moved(trigger: str, reason: str | None = None) -> PhaseTransition:
    return PhaseTransition(
        to="brainstorm-reviewed",
        phase_model="clavain-9",
        from_phase="brainstorm",
        canonical_to="brainstorm-reviewed",
        reason=reason,
        trigger=trigger,
        run_id=RUN,
    )


def gate(outcome: GateOutcome, tier: GateTier, **more: Any) -> GateResult:
    return GateResult(
        outcome=outcome, tier=tier, target="brainstorm-reviewed", from_phase="brainstorm", run_id=RUN, **more
    )


WHY = 'no artifacts found for phase "brainstorm"'
ROWS: dict[str, tuple[dict[str, object], list[object]]] = {
    "advance": (event(4, "phase", "advance", *MOVE, '{"conditions":[]}'), [moved("advance")]),
    "advance past a soft gate that failed": (
        event(4, "phase", "advance", *MOVE, REASON),
        [gate(GateOutcome.WARN, GateTier.SOFT, reason=WHY, evidence=(CONDITION,)), moved("advance")],
    ),
    "advance past a pause": (
        event(4, "phase", "advance", *MOVE, "by hand | auto_advance disabled"),
        [moved("advance", "by hand | auto_advance disabled")],
    ),
    "rollback": (event(4, "phase", "rollback", *MOVE, "wrong way"), [moved("rollback", "wrong way")]),
    "set that moves": (event(4, "phase", "set", *MOVE), [moved("set")]),
    "set of something else": (event(4, "phase", "set", "brainstorm", "brainstorm"), []),
    "block": (
        event(4, "phase", "block", *MOVE, REASON),
        [gate(GateOutcome.BLOCK, GateTier.HARD, reason=WHY, evidence=(CONDITION,), stated_decision="block")],
    ),
    "skip, which moves nothing": (
        event(4, "phase", "skip", *MOVE, "not needed"),
        [gate(GateOutcome.SKIP, GateTier.NONE, reason="not needed", stated_decision="skip")],
    ),
    "override": (
        event(4, "phase", "override", *MOVE, '{"override_category":"justified","reason":"r2"}'),
        [
            gate(GateOutcome.BYPASS, GateTier.HARD, reason="r2", stated_decision="override:justified"),
            moved("override", "r2"),
        ],
    ),
    "override without a category": (
        event(4, "phase", "override", *MOVE),
        [gate(GateOutcome.BYPASS, GateTier.HARD, stated_decision="override:uncategorized"), moved("override")],
    ),
    "pause": (
        event(4, "phase", "pause", "executing", "executing", "auto_advance disabled"),
        [
            Notify(
                text=f"{BEAD} waits in executing: auto_advance is off. To go on: ic run set {RUN} --auto-advance=true",
                title="A run is paused",
            )
        ],
    ),
    "cancel": (
        event(4, "phase", "cancel", "executing"),
        [Notify(text=f"{BEAD}: run {RUN} was cancelled (Add mesh)", title="A run was cancelled")],
    ),
    "budget warning": (
        event(4, "phase", "budget.warning", reason="token usage 105 reached 80% of budget 10"),
        [
            HealthSignal(
                signal="budget",
                level=Level.YELLOW,
                stated_level="budget.warning",
                value=105.0,
                unit="tokens",
                threshold=8.0,
                detail="token usage 105 reached 80% of budget 10",
            )
        ],
    ),
    "budget exceeded, in words nobody knows": (
        event(4, "phase", "budget.exceeded", reason="over"),
        [HealthSignal(signal="budget", level=Level.RED, stated_level="budget.exceeded", detail="over")],
    ),
    "a decision about a finding": (
        event(4, "review", "disagreement_resolved", "AR-001", "discarded"),
        [{"finding": "AR-001", "resolution": "discarded", "reason": None}],
    ),
    "a dispatch, which is not named": (event(4, "dispatch", "status_change", "spawned", "running"), []),
    "interspect, whose text is not shown": (event(4, "interspect", "mesh_event", "mesh"), []),
    "discovery, which names no work": (event(4, "discovery", "status_change", "new", "scored"), []),
    "a kind that nobody knows": (event(4, "phase", "telepathy", *MOVE), []),
    "a source that nobody knows": (event(4, "astral", "advance", *MOVE), []),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_each_event_tells_its_facts(machine: Machine, row: tuple[dict[str, object], list[object]]) -> None:
    """About the bead of its run, with the time of the event."""
    line, expected = row
    machine.begin()
    drafts = machine.happens(line)
    assert payloads(drafts) == expected
    assert {one.context_id for one in drafts} <= {BEAD}
    assert {one.occurred_at for one in drafts} <= {datetime(2026, 11, 20, 10, 0, 4, tzinfo=UTC)}
    assert {one.project_dir for one in drafts} <= {machine.project}


def test_keys_are_those_of_a_submission(machine: Machine) -> None:
    """What somebody has submitted through interhost is told with the same keys, and so once."""
    machine.begin()
    drafts = machine.happens(
        event(4, "phase", "override", *MOVE), event(5, "phase", "block", *MOVE), event(6, "phase", "advance", *MOVE)
    )
    database = machine.database.resolve()
    assert [one.dedupe_key for one in drafts] == [
        f"ic:{database}:phase:4:gate",
        f"ic:{database}:phase:4",
        f"ic:{database}:phase:5:gate",
        f"ic:{database}:phase:6",
    ]
    assert [one.source_hook for one in drafts] == [
        *["ic:phase.override"] * 2,
        "ic:phase.block",
        "ic:phase.advance",
    ]


def test_a_gate_that_is_closed_is_an_error(machine: Machine) -> None:
    """As interphase's is; what was let pass, skipped or overridden is a warning."""
    machine.begin()
    kinds = ("block", "skip", "override", "advance")
    drafts = machine.happens(*(event(4 + n, "phase", kind, *MOVE, REASON) for n, kind in enumerate(kinds)))
    severities = [(one.payload.outcome, one.severity) for one in drafts if isinstance(one.payload, GateResult)]
    assert severities == [("block", "error"), ("skip", "warn"), ("bypass", "warn"), ("warn", "warn")]


def test_a_pause_is_told_once_for_a_phase(machine: Machine) -> None:
    """Every attempt to go on is an event; a person needs to be told once."""
    machine.begin()
    keys = {one.dedupe_key for n in (4, 5) for one in machine.happens(event(n, "phase", "pause", "executing"))}
    assert keys == {f"ic:{machine.database.resolve()}:pause:{RUN}:executing"}


def test_a_run_without_a_bead_is_about_its_project(machine: Machine) -> None:
    """Never about the bead of some other run that happens to be the newest."""
    machine.begin()
    machine.base["runs"][0]["scope_id"] = "no bead"
    [draft] = machine.happens(event(4, "phase", "advance", *MOVE))
    assert draft.context_id == "project:a project's $HOME"


# Reservations --------------------------------------------------------------------------------------------------------


def reserved(draft: Draft) -> Coordination:
    return cast(Coordination, draft.payload)


@pytest.mark.parametrize(
    ("kind", "action", "holder", "requester"),
    [
        ("coordination.acquired", "reserve", "a-1", None),
        ("coordination.released", "release", None, "a-1"),
        ("coordination.expired", "expire", None, "a-1"),
        ("coordination.conflict", "conflict", None, None),
        ("coordination.transferred", "reserve", None, None),
    ],
)
def test_each_reservation_is_told(
    machine: Machine, kind: str, action: str, holder: str | None, requester: str | None
) -> None:
    """As the kernel's, so that those of another store can be told apart; whose the owner is, only where it is known."""
    machine.begin()
    [draft] = machine.happens(event(4, "coordination", kind, "a-1", "src/router.go", "editing", run_id=""))
    assert draft.payload == Coordination(
        resource=Resource.FILE,
        resource_id="src/router.go",
        action=CoordinationAction(action),
        holder=Holder(id=holder) if holder else None,
        requester=Holder(id=requester) if requester else None,
        reason="editing",
    )
    assert draft.extensions == {
        "store": "ic",
        "owner": "a-1",
        "pattern": "src/router.go",
        "stated_action": kind,
    }
    assert draft.source_hook == f"ic:{kind}"
    assert draft.artifact_path == machine.project / "src/router.go"
    assert (draft.context_id, draft.severity) == (
        "project:a project's $HOME",
        "warn" if action == "conflict" else "info",
    )
    assert draft.dedupe_key == f"ic:{machine.database.resolve()}:coordination:4"


@pytest.mark.parametrize(
    ("reason", "bead"),
    [
        ("editing [active_bead_id=sylveste-kgfi.3 bead_id=sylveste-kgfi thread_id=x]", "sylveste-kgfi.3"),
        ("[bead_id=sylveste-kgfi thread_id=iv-1]", "sylveste-kgfi"),
        ("[thread_id=iv-1]", "iv-1"),
        ("[active_bead_id=iv-1 active_bead_id=iv-2]", BEAD),
        ("[active_bead_id=$(reboot)]", BEAD),
        ("editing", BEAD),
    ],
)
def test_a_reservation_is_about_the_bead_that_its_reason_names(machine: Machine, reason: str, bead: str) -> None:
    """One of several that differ is not guessed; else it is about its run's."""
    machine.begin()
    [draft] = machine.happens(event(4, "coordination", "coordination.acquired", "a", "x", reason))
    assert draft.context_id == bead


@pytest.mark.parametrize("pattern", ["src/*.go", "/etc/passwd", "../x", "src/[ab].go", "a\0b", "."])
def test_a_pattern_that_names_no_file_of_the_project_is_no_path(machine: Machine, pattern: str) -> None:
    """Globs, and whatever leads out of it."""
    machine.begin()
    [draft] = machine.happens(event(4, "coordination", "coordination.acquired", "a", pattern))
    assert (draft.artifact_path, reserved(draft).resource_id) == (None, pattern)


def test_an_automatic_reservation_is_told_once_until_it_ends(machine: Machine) -> None:
    """The hook stacks a row for every edit; another owner's, and one made by hand, are others."""
    machine.begin()

    def happens(number: int, kind: str, owner: str = "a", reason: str = "auto-reserve: editing") -> int:
        return len(machine.happens(event(number, "coordination", f"coordination.{kind}", owner, "x", reason)))

    assert [happens(4, "acquired"), happens(5, "acquired"), happens(6, "acquired", "b")] == [1, 0, 1]
    assert [happens(7, "acquired", reason="mine"), happens(8, "released", reason="")] == [1, 1]
    assert happens(9, "acquired") == 1


@pytest.mark.parametrize("line", [{"lock_id": "L1"}, {"envelope": {"lock_id": "L1"}}])
def test_a_reservation_has_its_id_where_the_kernel_says_it(machine: Machine, line: dict[str, Any]) -> None:
    """Measured versions do not."""
    machine.begin()
    [draft] = machine.happens(event(4, "coordination", "coordination.acquired", "a", "x", **line))
    assert reserved(draft).reservation_id == "L1"


def test_what_somebody_recorded_by_hand_is_left_alone(machine: Machine) -> None:
    """``events record`` takes any type, and may name nothing."""
    machine.begin()
    assert machine.happens(event(4, "coordination", "observed", "a", "x")) == []
    assert machine.happens(event(5, "coordination", "coordination.acquired", "a")) == []


def test_hostile_text_is_text(machine: Machine) -> None:
    """Quotes, escapes, newlines, half characters, and more than a line holds."""
    machine.begin()
    evil = "'; rm -rf $HOME \x1b]0;x\x07\n\ud800" + "x" * 1000
    drafts = machine.happens(
        event(4, "phase", "advance", *MOVE, evil),
        event(5, "coordination", "coordination.acquired", evil, evil, evil),
        event(6, "phase", "block", evil, evil, evil),
    )
    assert told(drafts) == [
        ("phase_transition@1.0", "ic:phase.advance"),
        ("coordination@1.0", "ic:coordination.acquired"),
        ("gate_result@1.0", "ic:phase.block"),
    ]
    reason = cast(PhaseTransition, drafts[0].payload).reason
    assert reason is not None
    assert (len(reason), "\n" in reason) == (300, False)
    assert all("\ud800" not in repr(one.payload) for one in drafts)


def test_a_scope_that_clavain_made_up_is_a_context(machine: Machine) -> None:
    """Without ``bd`` a sprint's scope is ``sprint-<time>``, which is unique to it."""
    machine.begin()
    machine.base["runs"].append(run("r2", scope_id="sprint-1795170949"))
    drafts = machine.happens(event(4, "phase", "advance", *MOVE, run_id="r2"))
    assert {one.context_id for one in drafts} == {"sprint-1795170949"}
