"""What the adapter tells of interphase's telemetry."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import (
    DiscoverWork,
    Draft,
    DriftDetected,
    GateOutcome,
    GateResult,
    GateTier,
    PhaseTransition,
    Severity,
)
from interhost_hookspecs.phases import canonical_phase
from interhost_hookspecs.testing import EPOCH, FakeContext, payloads
from interhost_interphase import adapter
from interhost_interphase.adapter import observe

LATER = "2026-11-20T11:00:01Z"
NOON = "2026-11-20T12:00:00Z"


def line(event: str, bead: object = "iv-abc1", timestamp: object = "2026-11-20T11:00:00Z", **keys: object) -> str:
    """One line as jq -c writes it; shapes of reference/modules/interphase.md, section 1.3."""
    return json.dumps({"event": event, "bead": bead, **keys, "timestamp": timestamp}, separators=(",", ":"))


def moved(phase: str = "planned", **keys: object) -> str:
    return line("phase_transition", phase=phase, **{"reason": "Plan: docs/plans/p.md", **keys})


def advanced(phase: str = "planned", **keys: object) -> str:
    return line("phase_advance", phase=phase, **{"reason": "Plan: docs/plans/p.md", "artifact": "", **keys})


def decided(decision: str, **keys: object) -> str:
    return line("gate_enforce", decision=decision, **{"priority": "1", "tier": "hard", "reason": "", **keys})


def context(home: Path, **parts: Any) -> FakeContext:
    """A context whose temporary directory is not the machine's."""
    return FakeContext(home, of=adapter, config={"temporary_dir": str(home / "tmp")}, **parts)


def look(home: Path, *lines: str, now: datetime = EPOCH, projects: tuple[Path, ...] = ()) -> tuple[Draft, ...]:
    """One look at some new lines."""
    path = home / ".clavain" / "telemetry.jsonl"
    return observe(context(home, projects=projects, clock=now, new_lines={path: lines})).drafts


def test_a_move_and_its_advance_are_one_fact(tmp_path: Path) -> None:
    """The two lines that interphase writes for one move become one transition, which has the artifact of the second."""
    [fact] = look(tmp_path, moved(), advanced(artifact="/repo/docs/plans/p.md", timestamp=LATER))
    assert fact == Draft(
        payload=PhaseTransition(
            to="planned",
            phase_model="interphase-8",
            canonical_to="planned",
            reason="Plan: docs/plans/p.md",
            trigger="advance",
        ),
        context_id="iv-abc1",
        artifact_path=Path("/repo/docs/plans/p.md"),
        source_hook="telemetry:phase_advance",
        occurred_at=datetime(2026, 11, 20, 11, tzinfo=UTC),
        dedupe_key="interphase:iv-abc1:planned:2026-11-20T11:00:00Z",
    )


@pytest.mark.parametrize(
    ("lone", "trigger", "source"),
    [(moved(), "set", "telemetry:phase_transition"), (advanced(), "advance", "telemetry:phase_advance")],
)
def test_each_half_alone_is_a_fact(tmp_path: Path, lone: str, trigger: str, source: str) -> None:
    """A phase that was only set, or an advance whose first line was lost, is told too."""
    [fact] = look(tmp_path, lone)
    assert isinstance(fact.payload, PhaseTransition)
    assert (fact.payload.trigger, fact.source_hook) == (trigger, source)


@pytest.mark.parametrize(
    "between",
    [line("tool_call", None, tool="Bash"), "not json", moved(bead="iv-other")],
    ids=["another program", "garbage", "another bead"],
)
def test_lines_of_others_do_not_split_a_move(tmp_path: Path, between: str) -> None:
    """The file is shared: what others write between the two halves does not make two facts of one."""
    facts = look(tmp_path, moved(), between, advanced(artifact="/p.md"))
    assert [fact.artifact_path for fact in facts if fact.context_id == "iv-abc1"] == [Path("/p.md")]


@pytest.mark.parametrize(
    "second",
    [advanced("executing"), advanced(bead="iv-other"), advanced(timestamp="2026-11-20T11:00:31Z")],
    ids=["other phase", "other bead", "much later"],
)
def test_halves_that_do_not_match_are_two_facts(tmp_path: Path, second: str) -> None:
    """Only the same bead, the same phase and the same moment make one move."""
    assert len(look(tmp_path, moved(), second)) == 2


@pytest.mark.parametrize("first", [moved(timestamp=NOON), line("gate_check", timestamp=NOON, to="planned")])
def test_a_young_first_half_at_the_end_waits_for_its_second(tmp_path: Path, first: str) -> None:
    """A look between the two writes gives the first half back, and everything behind it, and tells it only later."""
    path = tmp_path / ".clavain" / "telemetry.jsonl"
    lines = (moved("executing"), first, "garbage")
    ctx = context(tmp_path, new_lines={path: lines}, clock=EPOCH + timedelta(seconds=1.9))
    observation = observe(ctx)
    assert ctx.tails[path].given_back == 2
    assert [fact.dedupe_key for fact in observation.drafts] == ["interphase:iv-abc1:executing:2026-11-20T11:00:00Z"]


def test_the_next_look_has_the_whole_move(tmp_path: Path) -> None:
    """A pair that was split over two looks ends as one fact with its artifact."""
    path = tmp_path / ".clavain" / "telemetry.jsonl"
    first, second = moved(timestamp=NOON), advanced(artifact="/p.md", timestamp=NOON)
    early = context(tmp_path, new_lines={path: [first]})
    assert observe(early).drafts == ()
    assert early.tails[path].given_back == 1
    [fact] = look(tmp_path, first, second)
    assert fact.artifact_path == Path("/p.md")


def test_an_old_first_half_is_not_held_back_for_ever(tmp_path: Path) -> None:
    """After two seconds no second half is expected, and a clock that stands in the future holds nothing back."""
    assert len(look(tmp_path, moved(timestamp=NOON), now=EPOCH + timedelta(seconds=2))) == 1
    assert len(look(tmp_path, moved(timestamp="2026-11-20T13:00:00Z"))) == 1


@pytest.mark.parametrize(
    "alien",
    [
        "",
        "}{",
        "null",
        "[1]",
        '"phase_transition"',
        "[" * 100_000,
        json.dumps({"event": ["phase_transition"], "bead": "iv-abc1"}),
        line("discovery_select", recommended=True),
        line("phase_desync", bead_phase="executing"),
        line("phase_desync", bead_phase="(no phase state set)", artifact_phase="planned", artifact="docs/plans/p.md"),
        line("phase_transition"),
        moved(""),
        moved("(no phase state set)"),
        moved(bead=None),
        moved(bead="no bead"),
        moved(bead="iv-abc1; rm"),
        moved(timestamp=None),
        moved(timestamp="yesterday"),
        moved(timestamp="2026-11-20T11:00:00"),
        line("gate_enforce", tier="hard"),
        decided("perhaps"),
        line("gate_check", **{"from": "planned"}, to="executing", result="pass"),
    ],
)
def test_what_is_not_a_fact_of_interphase_is_left_alone(tmp_path: Path, alien: str) -> None:
    """Foreign events, garbage and lines without the keys are skipped, and the line behind them is still told."""
    assert len(look(tmp_path, alien, moved(bead="iv-next"))) == 1


def test_dotted_bead_ids_survive(tmp_path: Path) -> None:
    """The id of a child bead keeps its dots, which interphase's own pattern cuts off."""
    assert [fact.context_id for fact in look(tmp_path, moved(bead="Sylveste-og7m.2.1"))] == ["Sylveste-og7m.2.1"]


def test_own_moves_are_not_told_again(tmp_path: Path) -> None:
    """A line whose reason names an intent is the echo of this adapter, not news."""
    echo = "interbus:01K9ZZZZZZ0000000000000000"
    assert look(tmp_path, moved(reason=echo), advanced(reason=echo)) == ()


@pytest.mark.parametrize(
    ("phase", "canonical"),
    [("done", "done"), ("polish", "shipping"), ("review", None), ("reflect", None), ("strategy-reviewed", None)],
)
def test_phases_outside_the_eight_keep_their_name(tmp_path: Path, phase: str, canonical: str | None) -> None:
    """The phase is told as it stands; a canonical name only where a source equates the two."""
    [fact] = look(tmp_path, moved(phase))
    assert isinstance(fact.payload, PhaseTransition)
    assert (fact.payload.to, fact.payload.canonical_to) == (phase, canonical)
    assert canonical_phase(phase) == canonical


@pytest.mark.parametrize(
    ("decision", "outcome", "severity"),
    [
        ("pass", GateOutcome.PASS, Severity.INFO),
        ("pass-no-gate", GateOutcome.NOT_ENFORCED, Severity.INFO),
        ("warn", GateOutcome.WARN, Severity.WARN),
        ("warn-stale", GateOutcome.WARN, Severity.WARN),
        ("skip", GateOutcome.SKIP, Severity.WARN),
        ("skip-strict-override", GateOutcome.SKIP, Severity.WARN),
        ("bypass", GateOutcome.BYPASS, Severity.WARN),
        ("block", GateOutcome.BLOCK, Severity.ERROR),
        ("block-strict-transient", GateOutcome.BLOCK, Severity.ERROR),
        ("block-strict-permanent", GateOutcome.BLOCK, Severity.ERROR),
    ],
)
def test_every_decision_has_its_outcome(
    tmp_path: Path, decision: str, outcome: GateOutcome, severity: Severity
) -> None:
    """The ten decisions of interphase map to the closed list, and the module's own word is kept."""
    [fact] = look(tmp_path, decided(decision))
    assert isinstance(fact.payload, GateResult)
    assert (fact.payload.outcome, fact.severity, fact.payload.stated_decision) == (outcome, severity, decision)


@pytest.mark.parametrize(
    ("stated", "tier"),
    [("hard", "hard"), ("soft", "soft"), ("none", "none"), ("permanent", "none"), (None, "none"), ([], "none")],
)
def test_tiers_other_than_hard_and_soft_are_none(tmp_path: Path, stated: object, tier: str) -> None:
    """Without a priority, whatever else stands in the tier says that nothing is enforced by it."""
    [fact] = look(tmp_path, decided("pass", tier=stated, priority="?"))
    assert isinstance(fact.payload, GateResult)
    assert fact.payload.tier is GateTier(tier)


@pytest.mark.parametrize(
    ("priority", "tier"), [("0", "hard"), ("P1", "hard"), (2, "soft"), ("3", "soft"), ("4", "none"), ("?", "none")]
)
def test_a_tier_that_interphase_could_not_tell_follows_the_priority(
    tmp_path: Path, priority: object, tier: str
) -> None:
    """Interphase reads bd's array as an object and then has no tier; P0 and P1 are hard, P2 and P3 soft."""
    [fact] = look(tmp_path, decided("block-strict-permanent", tier="permanent", priority=priority))
    assert isinstance(fact.payload, GateResult)
    assert fact.payload.tier is GateTier(tier)


def test_a_gate_knows_the_phases_of_its_check(tmp_path: Path) -> None:
    """The check before the decision is no fact of its own; it says which move was decided about."""
    check = line("gate_check", **{"from": "strategized"}, to="planned", result="pass")
    [fact] = look(tmp_path, check, decided("warn-stale", tier="soft", reason="review older than plan"))
    assert payloads([fact]) == [
        GateResult(
            outcome=GateOutcome.WARN,
            tier=GateTier.SOFT,
            stated_decision="warn-stale",
            target="planned",
            from_phase="strategized",
            phase_model="interphase-8",
            reason="review older than plan",
        )
    ]
    assert (fact.context_id, fact.source_hook, fact.artifact_path) == ("iv-abc1", "telemetry:gate_enforce", None)


@pytest.mark.parametrize(
    "check",
    [
        line("gate_check", "iv-other", **{"from": "strategized"}, to="planned"),
        line("gate_check", timestamp="2026-11-20T09:00:00Z", **{"from": "strategized"}, to="planned"),
    ],
    ids=["other bead", "hours ago"],
)
def test_a_check_of_something_else_says_nothing(tmp_path: Path, check: str) -> None:
    """Only the check of the same call gives a gate its phases."""
    [fact] = look(tmp_path, check, decided("pass-no-gate"))
    assert isinstance(fact.payload, GateResult)
    assert (fact.payload.from_phase, fact.payload.target) == (None, None)


def test_no_phase_state_set_is_unknown(tmp_path: Path) -> None:
    """Bd's words for an unset phase, which interphase copies, never become a phase."""
    check = line("gate_check", **{"from": "(no phase state set)"}, to="brainstorm", result="blocked")
    [fact] = look(tmp_path, check, decided("block"))
    assert isinstance(fact.payload, GateResult)
    assert (fact.payload.from_phase, fact.payload.target) == (None, "brainstorm")


def test_every_distinguishing_key_of_a_gate_is_in_its_dedupe_key(tmp_path: Path) -> None:
    """Decisions that differ in anything are different facts; the same line read twice is one."""
    variants = [
        [decided("block")],
        [decided("warn")],
        [decided("block", tier="soft")],
        [decided("block", priority="0")],
        [decided("block", reason="stale")],
        [decided("block", bead="iv-abc2")],
        [decided("block", timestamp=LATER)],
        [line("gate_check", to="planned"), decided("block")],
        [line("gate_check", **{"from": "planned"}, to="executing"), decided("block")],
    ]
    keys = [fact.dedupe_key for lines in variants for fact in look(tmp_path, *lines)]
    assert len(set(keys)) == len(variants)
    assert [fact.dedupe_key for fact in look(tmp_path, decided("block"))] == keys[:1]


def test_a_relative_artifact_is_found_in_the_only_project_that_has_it(tmp_path: Path) -> None:
    """The line does not say which project it is about; one file on disk does."""
    here, there = tmp_path / "here", tmp_path / "there"
    plan = here / "docs" / "plans" / "p.md"
    plan.parent.mkdir(parents=True)
    plan.touch()
    [fact] = look(tmp_path, advanced(artifact="docs/plans/p.md"), projects=(there, here))
    assert (fact.artifact_path, fact.project_dir, fact.extensions) == (plan, here, {})


def test_an_artifact_that_two_projects_have_is_only_quoted(tmp_path: Path) -> None:
    """Where the file could be either, neither is claimed, and the stated path is kept."""
    roots = tuple(tmp_path / name for name in ("here", "there"))
    for root in roots:
        root.mkdir()
        (root / "p.md").touch()
    [fact] = look(tmp_path, advanced(artifact="p.md"), projects=roots)
    assert (fact.artifact_path, fact.project_dir) == (None, None)
    assert fact.extensions == {"stated_artifact": "p.md"}


@pytest.mark.parametrize("stated", ["docs/plans/gone.md", "x" * 5000, "nul\0.md"])
def test_an_artifact_that_nobody_has_stops_nothing(tmp_path: Path, stated: str) -> None:
    """A path that does not exist, or cannot, is quoted; it does not keep the look from being stored."""
    [fact] = look(tmp_path, advanced(artifact=stated), projects=(tmp_path,))
    assert (fact.artifact_path, fact.extensions) == (None, {"stated_artifact": stated})


def test_a_move_behind_its_gate_knows_where_it_came_from(tmp_path: Path) -> None:
    """The check names the phase that the bead leaves; a check of another move, or of long ago, says nothing."""
    check = line("gate_check", **{"from": "strategized"}, to="planned", result="pass")
    gate, move = look(tmp_path, check, decided("pass"), moved(), advanced())
    assert isinstance(gate.payload, GateResult)
    assert isinstance(move.payload, PhaseTransition)
    assert (gate.payload.from_phase, move.payload.from_phase, move.payload.to) == ("strategized",) * 2 + ("planned",)
    for late in (moved("executing"), moved(timestamp="2026-11-20T11:00:31Z"), moved(bead="iv-other")):
        payload = look(tmp_path, check, decided("pass"), late)[-1].payload
        assert isinstance(payload, PhaseTransition)
        assert payload.from_phase is None


DESYNC = line("phase_desync", bead_phase="executing", artifact_phase="planned", artifact="docs/plans/p.md")


def test_a_phase_desync_is_a_drift(tmp_path: Path) -> None:
    """The bead's phase is what was expected, the artifact's is what was found."""
    plan = tmp_path / "docs" / "plans" / "p.md"
    plan.parent.mkdir(parents=True)
    plan.touch()
    [fact] = look(tmp_path, DESYNC, projects=(tmp_path,))
    assert fact.payload == DriftDetected(
        kind="phase_desync",
        expected="executing",
        actual="planned",
        detail="iv-abc1 is in executing, its artifact says planned",
    )
    assert (fact.context_id, fact.severity, fact.artifact_path, fact.project_dir) == (
        "iv-abc1",
        Severity.WARN,
        plan,
        tmp_path,
    )
    assert fact.source_hook == "telemetry:phase_desync"
    assert look(tmp_path, DESYNC)[0].extensions == {"stated_artifact": "docs/plans/p.md"}


def test_the_same_desync_is_told_once_a_day(tmp_path: Path) -> None:
    """Interphase writes the line whenever it looks; only another disagreement or another day is news."""
    again = DESYNC.replace("T11:00:00Z", "T18:30:00Z")
    tomorrow, other = DESYNC.replace("11-20", "11-21"), DESYNC.replace("executing", "shipping")
    first, second, third, fourth = (look(tmp_path, one)[0].dedupe_key for one in (DESYNC, again, tomorrow, other))
    assert first == second
    assert len({first, third, fourth}) == 3


def test_a_choice_of_work_has_the_title_that_bd_knows(machine: FakeContext) -> None:
    """The line has only the bead; title and priority are bd's, found in the project that tracks it."""
    path = machine.home / ".clavain" / "telemetry.jsonl"
    machine.new_lines[path] = [line("discovery_select", action="execute", recommended=True)]
    [fact] = observe(machine).drafts
    assert fact.payload == DiscoverWork(action="execute", title="Sample work", priority=1, selected=True)
    assert (fact.context_id, fact.project_dir, fact.extensions) == (
        "iv-abc1",
        machine.projects[0],
        {"recommended": True},
    )


def test_a_gate_and_a_move_are_told_of_the_project_that_tracks_the_bead(machine: FakeContext) -> None:
    """Lines name none, and whoever asks for the missing review needs one; bd is asked once for each bead."""
    path = machine.home / ".clavain" / "telemetry.jsonl"
    machine.new_lines[path] = [
        decided("block", reason="no review", timestamp=LATER),
        moved(),
        moved(bead="iv-zzz"),
        advanced(bead="iv-zzz", artifact="/repo/docs/plans/p.md"),
    ]
    facts = observe(machine).drafts
    assert [(one.context_id, one.project_dir) for one in facts] == [
        ("iv-abc1", machine.projects[0]),
        ("iv-abc1", machine.projects[0]),
        ("iv-zzz", None),  # its artifact says where it is
    ]
    assert machine.ran == [("bd", "--json", "show", "iv-abc1")]


@pytest.mark.parametrize("missing", ["bd", "bead", "project", "answer"])
def test_a_choice_without_a_title_is_told_by_its_bead(machine: FakeContext, missing: str) -> None:
    """Without bd, in no known project, or where bd hangs, the id stands for the title; the fact is not lost."""
    beads = machine.projects[0] / ".beads"
    if missing == "bd":
        del machine.commands["bd"]
    elif missing == "answer":
        (beads / "hangs").touch()
    elif missing == "project":
        machine.projects = ()
    bead = "iv-zzz" if missing == "bead" else "iv-abc1"
    path = machine.home / ".clavain" / "telemetry.jsonl"
    machine.new_lines[path] = [line("discovery_select", bead, action="plan", recommended="yes")]
    [fact] = observe(machine).drafts
    assert fact.payload == DiscoverWork(action="plan", title=bead, selected=True)
    assert fact.extensions == {"recommended": False}


def test_nothing_new_is_nothing_to_tell(tmp_path: Path) -> None:
    """Without the file, or without new lines, a look is empty."""
    assert look(tmp_path) == ()
