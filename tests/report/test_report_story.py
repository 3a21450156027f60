"""The story of a context: order, phases, who took part, what is open, where to continue."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from interhost.bus.log import MAX_ATTEMPTS
from interhost.report import story as story_module
from interhost.report.contexts import choose_context, list_activity
from interhost.report.continuing import find_continuation
from interhost.report.phases import phase_times
from interhost.report.story import tell_story
from interhost.report.text import render_text
from interhost.report.words import show_span
from tests.report.conftest import Sprint

REVIEW: dict[str, object] = {"verdict": "risky", "counts": {"P0": 1}}
BLOCKED: dict[str, object] = {"outcome": "block", "tier": "hard", "target": "executing"}
PLAN = "/widgets/docs/plans/p.md"


def states(sprint: Sprint) -> list[str]:
    """The states of what is open."""
    return [point.state for point in sprint.open()]


def test_a_story_has_the_facts_of_its_context_only(sprint: Sprint) -> None:
    """Others have stories of their own."""
    sprint.tell("notify", {"text": "one"})
    sprint.tell("notify", {"text": "two"}, context="iv-abc2")
    assert [one.payload["text"] for one in sprint.story().moments] == ["one"]


def test_facts_stand_in_the_order_in_which_they_happened(sprint: Sprint) -> None:
    """Also when they came late onto the bus."""
    sprint.tell("notify", {"text": "later"}, minutes=10)
    sprint.tell("notify", {"text": "earlier"}, minutes=-5)
    assert [one.payload["text"] for one in sprint.story().moments] == ["earlier", "later"]
    assert sprint.story().duration == timedelta(minutes=5)


def test_nothing_is_known_of_an_unknown_context(sprint: Sprint) -> None:
    """It is an empty story, not an error."""
    story = sprint.story("iv-none")
    assert (story.moments, story.spans, story.duration) == ([], [], timedelta())
    assert sprint.open("iv-none") == []


def test_of_a_long_story_the_newest_facts_are_told(sprint: Sprint, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how many older ones there are."""
    monkeypatch.setattr(story_module, "MOST_EVENTS", 3)
    for number in range(8):
        sprint.tell("notify", {"text": str(number)})
    story = tell_story(sprint.bus, "iv-abc1", sprint.now)
    assert [one.payload["text"] for one in story.moments] == ["5", "6", "7"]
    assert story.left_out == 5


def test_time_is_counted_per_phase(sprint: Sprint) -> None:
    """A phase that was left and entered again is summed up; the present one is counted to now."""
    sprint.move("brainstorm")
    sprint.move("planned", minutes=30)
    sprint.move("brainstorm", minutes=90)
    sprint.move("planned", minutes=10)
    sprint.now += timedelta(minutes=5)
    assert phase_times(sprint.story().spans) == {
        "brainstorm": (timedelta(minutes=40), False),
        "planned": (timedelta(minutes=95), True),
    }


def test_a_move_told_by_two_is_one_stay(sprint: Sprint) -> None:
    """Also when each has its own word for the phase."""
    sprint.move("shipping", producer="interphase")
    sprint.move("polish", model="ic-9", producer="clavain")
    assert [span.phase for span in sprint.story().spans] == ["shipping"]


def test_nobody_stays_in_done(sprint: Sprint) -> None:
    """The last phase ends when it begins."""
    sprint.move("shipping")
    sprint.move("done", minutes=20)
    sprint.now += timedelta(hours=5)
    assert phase_times(sprint.story().spans) == {"shipping": (timedelta(minutes=20), False)}


def test_who_took_part_is_counted(sprint: Sprint) -> None:
    """Facts told, and deliveries by outcome; what was skipped is nobody's part."""
    sprint.subscribe("alpha", "notify@1")
    sprint.subscribe("beta", "notify@1")
    sprint.tell("notify", {"text": "x"}, producer="interphase")
    sprint.end(sprint.take("alpha"), "done", "told")
    sprint.end(sprint.take("beta"), "skipped", "no")
    actors = {one.name: (one.told, dict(one.acted)) for one in sprint.story().actors}
    assert actors == {"interphase": (1, {}), "alpha": (0, {"done": 1})}


# What is open ---------------------------------------------------------------------------------------------------------


def test_a_closed_gate_is_open_until_it_lets_pass(sprint: Sprint) -> None:
    """Only the same gate can do so."""
    sprint.tell("gate_result", BLOCKED)
    sprint.tell("gate_result", {**BLOCKED, "target": "shipping", "outcome": "pass"})
    assert states(sprint) == ["blocked"]
    sprint.tell("gate_result", {**BLOCKED, "outcome": "pass"})
    assert states(sprint) == []


def test_a_review_is_open_until_a_safe_one_of_the_same_file(sprint: Sprint) -> None:
    """A review of another file says nothing about it."""
    sprint.tell("review_pass", REVIEW, artifact=PLAN)
    sprint.tell("review_pass", {"verdict": "safe", "counts": {}}, artifact="/widgets/docs/other.md")
    assert states(sprint) == ["to review"]
    sprint.tell("review_pass", {"verdict": "safe", "counts": {}}, artifact=PLAN)
    assert states(sprint) == []


def test_a_review_that_could_not_be_read_is_no_pass(sprint: Sprint) -> None:
    """It is as open as a risky one."""
    sprint.tell("review_pass", {"verdict": None, "counts": {}}, artifact=PLAN)
    assert states(sprint) == ["to review"]


@pytest.mark.parametrize(("action", "after"), [("release", []), ("expire", []), ("reserve", ["contended"])])
def test_a_conflict_is_open_until_the_file_is_free(sprint: Sprint, action: str, after: list[str]) -> None:
    """Another reservation does not end it."""
    sprint.tell("coordination", {"resource": "file", "resource_id": "a.py", "action": "conflict"})
    sprint.tell("coordination", {"resource": "file", "resource_id": "a.py", "action": action})
    assert states(sprint) == after


def test_a_delivery_that_waits_or_failed_is_open_with_what_helps(sprint: Sprint) -> None:
    """Waiting ones need a host, failed ones a look."""
    sprint.subscribe("alpha", "notify@1")
    event = sprint.tell("notify", {"text": "x"})
    assert sprint.open() == [("waiting", "1 fact to be delivered to alpha", "interhost run --drain")]
    assert continue_text(sprint) == "nothing is known to be open"
    sprint.end(sprint.take("alpha"), "failed", "it broke")
    [point] = sprint.open()
    assert point == ("failed", "alpha, to be told: x (it broke)", f"interbus trace {event}")


def test_a_dead_letter_is_open_with_the_command_that_delivers_it_again(sprint: Sprint) -> None:
    """After the last attempt."""
    sprint.subscribe("alpha", "notify@1")
    event = sprint.tell("notify", {"text": "x"})
    for _ in range(MAX_ATTEMPTS):
        sprint.bus.log.nack(sprint.take("alpha"), "boom")
        sprint.now += timedelta(hours=1)
    assert [(one.state, one.command) for one in sprint.open()] == [("dead", f"interhost redrive {event}")]


def request(sprint: Sprint, name: str, **changes: object) -> Path:
    """A request file as the host writes it."""
    folder = sprint.bus.root / "requests" / "interflux"
    folder.mkdir(parents=True, exist_ok=True)
    record = {"kind": "review", "context_id": "iv-abc1", "path": PLAN, **changes}
    (folder / f"{name}.json").write_text(json.dumps(record))
    return folder / f"{name}.md"


def test_an_open_request_is_shown_with_its_file(sprint: Sprint) -> None:
    """Answered, expired, damaged and foreign ones are not."""
    path = request(sprint, "01A-review")
    request(sprint, "01B-review", answer="done")
    request(sprint, "01C-review", expires="2026-11-20T08:00:00+00:00")
    request(sprint, "01D-review", context_id="iv-other")
    request(sprint, "01E-review").with_suffix(".json").write_text("{torn")
    assert sprint.open() == [("requested", "interflux asks for a review of p.md", str(path))]


def test_a_submission_in_doubt_is_shown_first(sprint: Sprint) -> None:
    """Nothing else should be done before it is known."""
    sprint.tell("gate_result", BLOCKED)
    sprint.bus.store.begin_submission("k", "advance_run", json.dumps({"bead_id": "iv-abc1"}))
    sprint.bus.store.begin_submission("k2", "advance_run", json.dumps({"bead_id": "iv-other"}))
    assert states(sprint) == ["in doubt", "blocked"]


# Where to continue ----------------------------------------------------------------------------------------------------


def continue_text(sprint: Sprint) -> str:
    """What the report would say."""
    return find_continuation(sprint.story(), sprint.open()).text


def test_what_is_open_comes_before_the_next_phase(sprint: Sprint) -> None:
    """With nothing open, the next phase of the context's own vocabulary comes next."""
    sprint.move("planned")
    assert continue_text(sprint) == "go on from planned to plan-reviewed"
    sprint.tell("gate_result", BLOCKED)
    assert continue_text(sprint) == "blocked: gate to executing: block"


@pytest.mark.parametrize(
    ("phase", "text"), [("done", "nothing: it is done"), ("dreaming", "nothing is known to be open")]
)
def test_the_end_and_an_unknown_phase_have_no_next_one(sprint: Sprint, phase: str, text: str) -> None:
    """Nothing is guessed."""
    sprint.move(phase)
    assert continue_text(sprint) == text


def test_the_newest_artifact_is_the_checkpoint(sprint: Sprint) -> None:
    """That is where an interrupted sprint resumes."""
    sprint.tell("artifact_ready", {"kind": "plan"}, artifact=PLAN)
    sprint.tell("artifact_ready", {"kind": "doc"}, artifact="/widgets/docs/b.md")
    sprint.tell("artifact_ready", {"kind": "doc"})
    checkpoint = find_continuation(sprint.story(), []).checkpoint
    assert checkpoint
    assert checkpoint.stored.envelope.artifact_path == "/widgets/docs/b.md"


# Which context --------------------------------------------------------------------------------------------------------


def test_contexts_are_listed_by_their_last_fact(sprint: Sprint) -> None:
    """The most recently active one first, with how much is known of it."""
    for context in ("iv-1", "iv-2", "iv-1"):
        sprint.tell("notify", {"text": "x"}, context=context)
    assert [(one.context, one.events) for one in list_activity(sprint.bus)] == [("iv-1", 2), ("iv-2", 1)]


def test_whoever_names_no_context_means_their_own(sprint: Sprint) -> None:
    """The session's bead, else what happened last in this project, else the newest of all."""
    sprint.tell("notify", {"text": "x"}, context="iv-1")
    sprint.tell("notify", {"text": "x"}, context="iv-2")
    sprint.tell("notify", {"text": "x"}, context="iv-3", project=Path("/gadgets"))
    activity = list_activity(sprint.bus)
    assert choose_context(activity, ["iv-1", "project:widgets"], "/widgets") == "iv-1"
    assert choose_context(activity, ["iv-unknown", "project:widgets"], "/widgets") == "iv-2"
    assert choose_context(activity, [], "/nowhere") == "iv-3"
    assert choose_context([], ["iv-1"], "/widgets") is None


# The text -------------------------------------------------------------------------------------------------------------


def test_the_text_says_everything_in_a_readable_order(sprint: Sprint) -> None:
    """Where to continue stands first, then what is open, the phases, the facts, and who took part."""
    sprint.subscribe("alpha", "review_pass@1")
    sprint.move("planned")
    event = sprint.tell("review_pass", REVIEW, artifact=PLAN, producer="interflux", severity="error", minutes=61)
    sprint.end(sprint.take("alpha"), "done", "told")
    story, points = sprint.story(), sprint.open()
    lines = [line.rstrip() for line in render_text(story, points, find_continuation(story, points))]
    clock = [one.at.astimezone() for one in story.moments]
    assert lines == [
        "iv-abc1: 2 facts in 1 h 1 min",
        "",
        "Where to continue",
        "  to review: review of p.md finished: risky (1 P0)",
        f"    interbus trace {event}",
        "",
        "What failed or waits",
        "  to review: review of p.md finished: risky (1 P0)",
        f"    interbus trace {event}",
        "",
        "Time in each phase",
        "  planned  1 h 1 min so far",
        "",
        "What happened",
        f"  {clock[0]:%Y-%m-%d}",
        f"    {clock[0]:%H:%M:%S}  cli: moved to planned",
        f"  x {clock[1]:%H:%M:%S}  interflux: review of p.md finished: risky (1 P0)",
        "               → alpha  done: told",
        "",
        "Who took part",
        "  alpha: reacted: 1 done",
        "  cli: told 1 fact",
        "  interflux: told 1 fact",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (90061, "1 d 1 h"), (-5, "0 s")],
)
def test_a_length_of_time_is_said_in_two_units(seconds: int, text: str) -> None:
    """The two largest are enough."""
    assert show_span(timedelta(seconds=seconds)) == text
