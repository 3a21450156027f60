"""The host as a whole: looking, delivering, asking providers, draining, and what doctor says about it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Check, CheckLevel, SubmissionError

from interhost.bus.bus import Bus
from interhost.bus.log import MAX_ATTEMPTS, Query, Subscription
from interhost.bus.retention import DAY, prune_when_due
from interhost.bus.spool import rejected_files
from interhost.host.delivery import Delivered
from interhost.host.doctor import examine
from interhost.host.host import Host, drain
from interhost.host.looking import Look, look
from interhost.host.providers import HostGuards
from interhost.host.resident import Lanes, Voice
from interhost.host.submitting import HostSubmissions
from interhost.host.writing import Origin

if TYPE_CHECKING:
    from tests.conftest import Stage

HEARS = (
    "@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(intent.payload.text)\n    return Outcome.done('heard')\n"
)
WATCHES = """
@hookimpl
def observe(ctx):
    lines = ctx.tail(ctx.home / "log").lines
    SEEN.append(lines)
    ctx.cursor.set("count", str(len(lines)))
    during()
    return Observation(
        drafts=tuple(Draft(payload=Notify(text=line), context_id="wid-1") for line in lines),
        advice=tuple(Advice(text=line, session_id="s") for line in lines),
    )
"""


def write(stage: Stage, *lines: str) -> None:
    """Add lines to the log that ``WATCHES`` watches."""
    with (stage.home / "log").open("a") as file:
        file.writelines(line + "\n" for line in lines)


def texts(stage: Stage) -> list[str]:
    """The payloads on the bus."""
    return [stored.envelope.payload for stored in stage.bus.log.read(Query())]


# Looking --------------------------------------------------------------------------------------------------------------


def test_look_stores_facts_advice_and_positions_together(stage: Stage) -> None:
    """What a look brought is on the bus when it is over, and the next look sees none of it again."""
    stage.adapter("watch", [], WATCHES)
    host = stage.host()
    host.observe()
    write(stage, "one", "two")
    assert host.observe() == (2, False)
    assert texts(stage) == ['{"text":"one"}', '{"text":"two"}']
    assert [advice.text for advice in stage.bus.store.waiting_advice()] == ["one", "two"]
    assert stage.bus.store.cursor("watch", "count") == "2"
    assert host.observe() == (0, False)


def test_look_that_another_host_was_quicker_with_stores_nothing(stage: Stage) -> None:
    """Two hosts see the same lines at the same time: the slower one keeps nothing, says nothing, and looks again."""
    stage.adapter("watch", [], WATCHES)
    host = stage.host()
    host.observe()
    write(stage, "one")

    def other_host_looks() -> None:
        vars(stage.module("watch"))["during"] = lambda: None
        write(stage, "two")
        with Bus(stage.root) as bus:
            assert look(bus, host.adapters[0], host.config, host.providers) == Look(2, False, "")

    vars(stage.module("watch"))["during"] = other_host_looks
    assert look(stage.bus, host.adapters[0], host.config, host.providers) == Look(0, True, "")
    assert texts(stage) == ['{"text":"one"}', '{"text":"two"}']
    assert [advice.text for advice in stage.bus.store.waiting_advice()] == ["one", "two"]
    assert stage.bus.store.cursor("watch", "count") == "2"
    assert (stage.bus.store.problems(), stage.said) == ([], [])
    write(stage, "three")
    assert host.observe() == (1, False)
    assert stage.seen("watch") == [(), ("one",), ("one", "two"), ("three",)]


def test_invalid_draft_is_set_aside_and_stops_nothing(stage: Stage) -> None:
    """A line that makes no valid fact is set aside where doctor names it; the facts around it are stored, each once."""
    stage.adapter("watch", [], WATCHES)
    host = stage.host()
    host.observe()
    write(stage, "one", "", "two")
    host.observe()
    host.observe()
    assert texts(stage) == ['{"text":"one"}', '{"text":"two"}']
    assert stage.seen("watch") == [(), ("one", "", "two"), ()]
    assert stage.bus.store.problems() == []
    [(_, why)] = rejected_files(stage.root)
    assert why.startswith("watch: payload of notify@1.0: key 'text'")


def test_look_that_cannot_be_stored_stores_nothing_and_sees_the_same_again(stage: Stage) -> None:
    """A look is stored as a whole or not at all: where one advice does not fit, no fact, advice or move is kept."""
    odd = WATCHES.replace('session_id="s"', "session_id='\\udcff' if line == 'bad' else 's'")
    stage.adapter("watch", [], odd)
    host = stage.host()
    host.observe()
    write(stage, "one", "bad")
    assert host.observe() == (0, False)
    assert texts(stage) == []
    assert stage.bus.store.waiting_advice() == []
    assert stage.bus.store.cursor("watch", "count") == "0"
    [problem] = stage.bus.store.problems()
    assert (problem.adapter, problem.stage, problem.reason.partition(":")[0]) == (
        "watch",
        "observe",
        "UnicodeEncodeError",
    )
    host.observe()
    assert stage.seen("watch") == [(), ("one", "bad"), ("one", "bad")]


def test_raising_look_is_a_problem_until_the_next_good_one(stage: Stage) -> None:
    """A look that raises is recorded and said, stops no other adapter, and is cleared by the next good look."""
    stage.adapter("broken", [], WATCHES)
    stage.adapter("sound", [], WATCHES)
    host = stage.host()
    host.observe()
    write(stage, "one")
    vars(stage.module("broken"))["during"] = lambda: 1 / 0
    assert host.observe() == (1, False)
    assert [(one.adapter, one.stage, one.reason) for one in stage.bus.store.problems()] == [
        ("broken", "observe", "ZeroDivisionError: division by zero")
    ]
    assert stage.said == ["broken: observe: ZeroDivisionError: division by zero"]
    vars(stage.module("broken"))["during"] = lambda: None
    assert host.observe() == (1, False)
    assert stage.bus.store.problems() == []
    assert stage.seen("broken")[-1] == ("one",)


@pytest.mark.parametrize("answer", ["True", "[Observation()]", "Outcome.done('x')"])
def test_look_that_answers_something_else_is_a_problem(stage: Stage, answer: str) -> None:
    """An answer that is no Observation names its type."""
    stage.adapter("odd", [], f"@hookimpl\ndef observe(ctx):\n    return {answer}\n")
    stage.host().observe()
    [problem] = stage.bus.store.problems()
    assert problem.reason.endswith(", expected Observation or None")


def test_backfill_takes_history(stage: Stage) -> None:
    """Only a host that was asked to reads what was there before it first looked."""
    stage.adapter("watch", [], WATCHES)
    write(stage, "old")
    assert stage.host(backfill=True).observe() == (1, False)


# Who takes part -------------------------------------------------------------------------------------------------------


def test_disabled_adapter_is_neither_loaded_nor_subscribed(stage: Stage, tmp_path: Path) -> None:
    """An adapter that the user turned off is not even imported, and nothing waits for it."""
    stage.adapter("off", ["notify"], f"Path({str(tmp_path / 'ran')!r}).touch()\n" + HEARS)
    stage.adapter("on", ["notify"], HEARS)
    stage.config("[adapters.off]\nenabled = false\n")
    host = stage.host()
    assert [adapter.name for adapter in host.adapters] == ["on"]
    assert [position.subscription.consumer for position in stage.bus.log.positions()] == ["on"]
    assert not (tmp_path / "ran").exists()


def test_new_consumer_begins_at_the_end_of_the_log(stage: Stage) -> None:
    """Installing an adapter never replays what happened before."""
    stage.publish(payload={"text": "before"})
    stage.adapter("echo", ["notify"], HEARS)
    host = stage.host()
    stage.publish(payload={"text": "after"})
    host.deliver()
    assert stage.seen("echo") == ["after"]


def test_known_consumer_gets_what_happened_while_no_host_ran(stage: Stage) -> None:
    """Between two hosts nothing is lost, also for an adapter that could not be loaded for a while."""
    stage.adapter("echo", ["notify"], HEARS)
    stage.host()
    manifest = stage.site / "demo_echo" / "integration.json"
    text = manifest.read_text()
    stage.publish(payload={"text": "one"})
    manifest.write_text(text.replace('"api": 1', '"api": 9'))
    assert stage.host().adapters == []
    stage.publish(payload={"text": "two"})
    manifest.write_text(text)
    stage.host().deliver()
    assert stage.seen("echo") == ["one", "two"]


def test_reactions_are_delivered_in_the_same_pass(stage: Stage) -> None:
    """What an adapter publishes in reaction reaches the others before the pass is over."""
    stage.adapter(
        "worker",
        ["artifact_ready"],
        "@hookimpl\ndef on_artifact_ready(intent, ctx):\n    ctx.publish(Draft(payload=Notify(text='reaction')))\n"
        "    return Outcome.done('did')\n",
    )
    stage.adapter("echo", ["notify"], HEARS)
    host = stage.host()
    stage.publish("artifact_ready", {"kind": "plan"})
    assert [one.lease.consumer for one in host.run_pass().delivered] == ["worker", "echo"]
    assert stage.seen("echo") == ["reaction"]


def test_host_that_is_told_to_stop_begins_no_further_delivery(stage: Stage) -> None:
    """The delivery in hand ends; the rest is left to the next host."""
    stage.adapter("echo", ["notify"], HEARS)
    stop: list[int] = []
    host = stage.host(stopping=lambda: len(stop) > 0)
    vars(stage.module("echo"))["SEEN"] = stop
    for _ in range(3):
        stage.publish()
    assert len(host.deliver()) == 1
    stop.clear()
    assert len(host.deliver()) == 1


# Draining -------------------------------------------------------------------------------------------------------------


def timed(host: Host, deadline: float = 5.0) -> float:
    """Seconds that draining takes."""
    begin = time.monotonic()
    drain(host, deadline=deadline)
    return time.monotonic() - begin


def test_drain_waits_for_a_settling_file(stage: Stage) -> None:
    """A file that will be ready within a moment is waited for, and what it brings is delivered before the end."""
    stage.adapter(
        "watch",
        [],
        "@hookimpl\ndef observe(ctx):\n"
        "    paths = ctx.changed('*.json', root=ctx.home, settle=0.3)\n"
        "    return Observation(drafts=tuple(Draft(payload=Notify(text=one.name), context_id='c') for one in paths))\n",
    )
    stage.adapter("echo", ["notify"], HEARS)
    host = stage.host()
    host.observe()
    (stage.home / "a.json").write_text("{}")
    assert timed(host) < 3
    assert stage.seen("echo") == ["a.json"]


def test_drain_waits_for_a_retry_that_is_due_soon(stage: Stage) -> None:
    """A retry within two seconds is made by the same worker."""
    stage.adapter("echo", ["notify"], HEARS + "    \n")
    host = stage.host()
    stage.publish()
    [lease] = stage.bus.log.fetch("echo")
    stage.bus.log.release(lease, time.time_ns() // 1000 + 300_000)
    assert 0.2 < timed(host) < 3
    assert stage.seen("echo") == ["hello"]


def test_drain_does_not_wait_for_a_later_retry(stage: Stage) -> None:
    """What is due in more than two seconds is left to the next worker."""
    stage.adapter("echo", ["notify"], HEARS)
    host = stage.host()
    stage.publish()
    [lease] = stage.bus.log.fetch("echo")
    stage.bus.log.release(lease, time.time_ns() // 1000 + 5_000_000)
    assert timed(host) < 1
    assert stage.seen("echo") == []


def test_drain_ends_at_its_deadline(stage: Stage) -> None:
    """A source that is never ready does not keep the worker for ever."""
    stage.adapter(
        "never",
        [],
        "@hookimpl\ndef observe(ctx):\n    for path in ctx.changed('*', root=ctx.home / 'r', settle=0):\n"
        "        ctx.look_again(path)\n",
    )
    (stage.home / "r").mkdir()
    host = stage.host()
    host.observe()
    (stage.home / "r" / "a").write_text("x")
    assert timed(host, deadline=0.6) < 1.5


_CHATTY = """
@hookimpl
def observe(ctx):
    SEEN.append(1)
    return Observation(drafts=(Draft(payload=Notify(text="again"), context_id="c"),))
"""


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("end", ["deadline", "stopping"])
def test_drain_of_a_source_that_always_has_something_new_ends(stage: Stage, end: str, heard: bool) -> None:
    """At its deadline, and as soon as it is told to; whether or not anybody wants what is published."""
    stage.adapter("chatty", [], _CHATTY)
    if heard:
        stage.adapter("echo", ["notify"], HEARS)
    looks: list[int] = []
    host = stage.host(stopping=lambda: end == "stopping" and len(looks) >= 3)
    vars(stage.module("chatty"))["SEEN"] = looks
    took = timed(host, deadline=1.2 if end == "deadline" else 60.0)
    assert took < 8
    assert len(looks) >= 2
    assert len(looks) == 3 or end == "deadline"
    assert stage.bus.log.leased() == []


# Being here -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("publishing", [True, False], ids=["busy bus", "silent bus"])
def test_a_host_that_stays_keeps_its_adapters(stage: Stage, publishing: bool) -> None:
    """An adapter with nothing to do for months keeps its place while its host is here; one that is gone is released."""
    now = [time.time()]
    stage.bus.close()
    stage.bus = Bus(stage.root, clock=lambda: now[0])
    stage.adapter("rare", ["review_pass"], "@hookimpl\ndef on_review_pass(intent, ctx):\n    SEEN.append(1)\n")
    stage.bus.log.subscribe(Subscription("gone", ("review_pass@1",)))
    host = stage.host()
    released: list[str] = []
    for _ in range(70 * 4):  # looks of a resident host, a few hours apart
        now[0] += DAY / 4
        if publishing:
            stage.publish("notify")
            assert host.deliver() == []
        host.see_consumers()
        if pruned := prune_when_due(stage.bus, host.config.retention, lambda: now[0]):
            released += pruned.consumers
    assert released == ["gone"]
    assert [one.subscription.consumer for one in stage.bus.log.positions()] == ["rare"]
    stage.publish("review_pass", {"verdict": None, "counts": {}})
    assert [one.lease.consumer for one in host.deliver()] == ["rare"]
    assert stage.seen("rare") == [1]


# Providers ------------------------------------------------------------------------------------------------------------

GUARD = "@hookimpl\ndef has_ic():\n    SEEN.append('asked')\n    {}\n"


def test_providers_are_asked_one_by_one_behind_a_fence(stage: Stage) -> None:
    """One that raises is recorded and passed over, one without an opinion too; the first answer ends the asking."""
    for name, body in {"a": "raise OSError('no')", "b": "return None", "c": "return True", "d": "return False"}.items():
        stage.adapter(name, [], GUARD.format(body))
    host = stage.host()
    guards = HostGuards(host.providers)
    assert guards.has_ic() is True
    assert [stage.seen(name) for name in "abcd"] == [["asked"], ["asked"], ["asked"], []]
    assert [(one.adapter, one.stage, one.reason) for one in stage.bus.store.problems()] == [
        ("a", "has_ic", "OSError: no")
    ]


def submissions(stage: Stage, host: Host) -> HostSubmissions:
    """The writes, on a machine without any program."""
    return HostSubmissions(host.providers, stage.bus, Origin("cli", {"PATH": ""}, stage.project))


def test_no_provider_means_no(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is installed every guard says no, and no submission is carried out."""
    monkeypatch.setenv("PATH", "")
    host = stage.host()
    guards = HostGuards(host.providers)
    assert [guards.has_ic(), guards.has_bd(), guards.in_ecosystem(), guards.in_sprint()] == [False] * 4
    assert (guards.has_companion("interphase"), guards.get_bead()) == (False, "")
    submit = submissions(stage, host)
    assert submit.create_sprint(goal="x") is None
    assert submit.submit_artifact(bead_id="wid-1", kind="plan", path=Path("p.md")) is None
    assert texts(stage) == []


def test_refused_submission_passes_and_nobody_else_is_asked(stage: Stage) -> None:
    """A refusal is an answer: a second provider must not carry out what the first one refused."""
    spec = "@hookimpl\ndef create_sprint(goal, complexity, lane):\n    SEEN.append(goal)\n    {}\n"
    stage.adapter("a", [], spec.format("raise SubmissionError(SubmissionCode.GATE_BLOCKED, 'the gate is closed')"))
    stage.adapter(
        "b", [], spec.format("return SprintCreated(via='b', policy_enforced=False, bead_id='x-1', run_id=None)")
    )
    host = stage.host()
    with pytest.raises(SubmissionError, match="the gate is closed"):
        submissions(stage, host).create_sprint(goal="x")
    assert (stage.seen("a"), stage.seen("b")) == (["x"], [])
    assert stage.bus.store.problems() == []


def test_provider_that_fails_to_submit_is_passed_over(stage: Stage) -> None:
    """An exception that is no refusal is recorded, and the next provider carries it out."""
    spec = "@hookimpl\ndef create_sprint(goal, complexity, lane):\n    {}\n"
    stage.adapter("a", [], spec.format("raise OSError('no')"))
    stage.adapter(
        "b", [], spec.format("return SprintCreated(via='b', policy_enforced=True, bead_id='x-1', run_id=None)")
    )
    created = submissions(stage, stage.host()).create_sprint(goal="x")
    assert created is not None
    assert (created.via, created.bead_id) == ("b", "x-1")
    assert [one.adapter for one in stage.bus.store.problems()] == ["a"]


# The resident host ----------------------------------------------------------------------------------------------------


def test_guard_that_raises_in_a_lane_does_not_harm_who_asked(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard never raises, also not where the asking adapter runs in a thread of its own."""
    monkeypatch.setenv("PATH", "")
    stage.adapter("broken", [], GUARD.format("raise OSError('no')"))
    stage.adapter(
        "asks",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n    return Outcome.done(f'has ic: {ctx.guards.has_ic()}')\n",
    )
    host = stage.host()
    stage.publish()
    delivered: list[Delivered] = []
    ready = threading.Event()

    def heard(one: Delivered) -> None:
        delivered.append(one)
        ready.set()

    lanes = Lanes(stage.bus, host.adapters, host.config, host.providers, Voice(heard, stage.said.append))
    try:
        assert ready.wait(10)
    finally:
        lanes.stop()
    assert [(one.outcome, one.reason) for one in delivered] == [("done", "has ic: False")]
    assert [(one.adapter, one.stage) for one in stage.bus.store.problems()] == [("broken", "has_ic")]


# Doctor ---------------------------------------------------------------------------------------------------------------


def checks(stage: Stage) -> dict[str, Check]:
    """What doctor finds, by name."""
    return {check.name: check for check in examine(stage.bus, stage.entries(), stage.config())}


def test_doctor_has_nothing_against_a_sound_stage(stage: Stage) -> None:
    """No problem is reported where there is none, and every installed adapter is named."""
    stage.adapter("echo", ["notify"], HEARS)
    stage.host()
    found = checks(stage)
    assert [check for check in found.values() if check.level is CheckLevel.PROBLEM] == []
    assert found["adapter echo"].detail == "demo-echo 1.0"


def test_doctor_names_each_trouble_with_cause_and_next_step(stage: Stage) -> None:
    """Dead letters, failed adapters, failed looks, stuck leases, unknown consumers: what, why, and what to do."""
    stage.adapter("dead", ["notify"], "@hookimpl\ndef on_notify(intent, ctx):\n    raise KeyError('a bug')\n")
    stage.adapter("stuck", ["notify"], HEARS)
    stage.adapter("gone", ["notify"], HEARS)
    stage.adapter("blind", [], "@hookimpl\ndef observe(ctx):\n    raise OSError('cannot see')\n")
    host = stage.host()
    event = stage.publish(consumers=["dead"])
    for _ in range(MAX_ATTEMPTS):
        host.run_pass()
        stage.make_due()
    held = stage.publish(consumers=["stuck"])
    stage.bus.log.fetch("stuck")
    stage.change("UPDATE pending SET due = due - 400000000 WHERE consumer = 'stuck'")
    stage.adapter("refused", ["notify"], "import no_such_module")
    (stage.site / "demo_gone-1.0.dist-info" / "entry_points.txt").unlink()
    problems = {
        name: (check.detail, check.hint) for name, check in checks(stage).items() if check.level is CheckLevel.PROBLEM
    }
    assert problems == {
        "adapter blind: observe": ("OSError: cannot see", "what it could not see is seen by the next look"),
        "adapter refused": (
            "import of demo_refused.adapter: ModuleNotFoundError: No module named 'no_such_module'",
            "upgrade or remove demo-refused",
        ),
        f"dead letter {event.event_id}": (
            "dead gave up after 5 attempts: KeyError: 'a bug'",
            f"mend the cause, then: interhost redrive {event.event_id} --consumer dead",
        ),
        f"delivery {held.seq}": ("stuck's worker went away with it", "interhost run --drain"),
    }
    unknown = checks(stage)["consumer gone"]
    assert (unknown.level, unknown.detail.partition(":")[0]) == (CheckLevel.NOTE, "no installed adapter")
    assert unknown.hint


def test_doctor_says_how_to_enable_what_is_disabled(stage: Stage) -> None:
    """A disabled adapter is a note that names key and file."""
    stage.adapter("echo", ["notify"], HEARS)
    stage.config("[adapters.echo]\nenabled = false\n")
    check = checks(stage)["adapter echo"]
    assert (check.level, check.detail) == (CheckLevel.NOTE, "disabled")
    assert check.hint == f"set adapters.echo.enabled = true in {stage.root / 'config.toml'}"


def test_adapters_own_checks_are_shown_under_its_name(stage: Stage) -> None:
    """What an adapter found itself is passed on with its level and hint."""
    stage.adapter(
        "echo",
        [],
        "@hookimpl\ndef check_adapter(ctx):\n"
        "    return [Check(name='tool', level=CheckLevel.NOTE, detail='not there', hint='install it')]\n",
    )
    assert checks(stage)["echo: tool"] == Check(
        name="echo: tool", level=CheckLevel.NOTE, detail="not there", hint="install it"
    )


@pytest.mark.parametrize("body", ["raise OSError('no')", "return ['ok']", "return 1", "raise SystemExit(2)"])
def test_broken_check_is_a_problem_of_its_adapter(stage: Stage, body: str) -> None:
    """A check that raises or answers nonsense is reported, and doctor goes on to the end."""
    stage.adapter("broken", [], f"@hookimpl\ndef check_adapter(ctx):\n    {body}\n")
    stage.adapter("sound", [], "")
    found = checks(stage)
    assert found["broken: check"].level is CheckLevel.PROBLEM
    assert found["adapter sound"].level is CheckLevel.OK


@pytest.mark.parametrize("body", ["raise OSError('no')", "return 'text'", "raise SystemExit(2)"])
def test_adapter_that_cannot_say_what_it_is_stops_no_check(stage: Stage, body: str) -> None:
    """Also a description that raises or is none leaves the adapter listed, with what went wrong."""
    stage.adapter("odd", [], f"@hookimpl\ndef describe_adapter():\n    print('noise')\n    {body}\n")
    check = checks(stage)["adapter odd"]
    assert (check.level, check.detail.partition(":")[0]) == (CheckLevel.OK, "demo-odd 1.0; describe_adapter")


def test_doctor_changes_nothing(stage: Stage) -> None:
    """Looking neither subscribes, delivers nor clears."""
    stage.adapter("echo", ["notify"], HEARS)
    before = list(stage.bus.database.rows("SELECT total_changes()"))
    checks(stage)
    assert list(stage.bus.database.rows("SELECT total_changes()")) == before
    assert stage.bus.log.positions() == []
