"""Flow 5: flows 1 to 3 in one project, with every module missing, every adapter broken, the host killed at every act.

What must be the same whatever goes wrong: nobody else is stopped, no fact is told twice, and no effect outside happens
twice. What changes stands in tables, and in docs/flows.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

from tests.flow_kit import Scene

if TYPE_CHECKING:
    from tests.conftest import Shell

BEAD, OTHER = "acme-4q9", "acme-5w1"
PLAN, PRD = "docs/plans/retry-queue.md", "docs/prds/limits.md"
ADAPTERS = ("clavain", "interdoc", "interflux", "interline", "interlock", "interphase")


class Story:
    """A scene in which three flows go on at once, in three steps."""

    def __init__(self, shell: Shell) -> None:
        """Everything is installed and turned on; the host has looked once."""
        self.scene = scene = Scene(shell, *ADAPTERS)
        scene.configure("interphase", advance_on_review=True)
        scene.configure("interdoc", apply_fixes=True)
        scene.configure("interlock", reserve_on_executing=True)
        scene.install_bd(acme_4q9="planned", acme_5w1="strategized")
        scene.install_interflux()
        scene.install_interdoc()
        scene.install_interline()
        self.service = scene.install_intermute()
        self.ada = self.service.join("ada")
        scene.write_session(BEAD, "planned")
        scene.write_document(PRD, OTHER, "strategized")
        scene.write("AGENTS.md", "See old.py.\n")
        scene.write("old.py", "1\n")
        scene.commit()
        scene.move("old-1", "done", "long ago")
        scene.begin()

    def write(self) -> None:
        """A plan is written; the gate of another bead misses a review; a commit makes the document wrong."""
        self.scene.write_document(PLAN, BEAD, "planned")
        self.scene.decide(OTHER, "strategized", "planned", "block", "no review of the PRD")
        self.scene.git("mv", "old.py", "new.py")
        self.scene.commit()

    def review(self) -> None:
        """Both reviews come, and the work begins."""
        self.scene.write_review(PLAN, "P2")
        self.scene.write_review(PRD, "P3")
        files = {"phase_model": "interphase-8", "files": ["src/queue.py"]}
        self.scene.publish("phase_transition", BEAD, to="executing", **files)

    def finish(self) -> None:
        """The gate opens, and the work is done."""
        self.scene.decide(OTHER, "strategized", "planned", "pass", "transition allowed")
        self.scene.move(BEAD, "done", artifact=PLAN)

    @property
    def steps(self) -> tuple[Callable[[], None], ...]:
        """What happens between one worker and the next."""
        return self.write, self.review, self.finish

    def play(self) -> None:
        """All of it."""
        for step in self.steps:
            step()
            self.scene.work()
        self.scene.work()  # what was released is told

    def list_told(self) -> Counter[str]:
        """Who said what about what, and how often."""
        return Counter(
            f"{one['producer']}: {one['intent']} {_detail(one['payload'])} of {one['context_id']}"
            for one in self.scene.list_facts()
            if one["producer"] != "cli"
        )

    def list_ended(self) -> dict[str, str]:
        """What became of each fact at each adapter, but for what was skipped."""
        facts = {one["event_id"]: one for one in self.scene.list_facts()}
        ends = ((facts[event], adapter, tries[-1]) for (event, adapter), tries in self.scene.list_ends().items())
        return {
            f"{fact['intent']} {_detail(fact['payload'])} of {fact['context_id']} -> {adapter}": outcome
            for fact, adapter, (outcome, _) in ends
            if outcome != "skipped"
        }

    def list_failures(self) -> list[str]:
        """Why deliveries have failed for good."""
        ends = (tries[-1] for tries in self.scene.list_ends().values())
        return [reason for outcome, reason in ends if outcome == "failed"]

    def list_effects(self) -> Counter[str]:
        """What happened outside, and how often: in the tracker, in the repository, at the service."""
        requests = (self.service.folder / "requests.jsonl").read_text().splitlines()
        calls = [(one["method"], one["path"]) for one in map(json.loads, requests)]
        calls = [
            call for call in calls if call[0] != "GET" and call[1].startswith("/api/") and call[1] != "/api/agents"
        ]
        return Counter(
            [
                *(f"bd: {move}" for move in self.scene.list_moves()),
                *("interdoc: fix" for _ in self.scene.list_fixes()),
                *(f"intermute: {method} {'/'.join(path.split('/')[:3])}" for method, path in calls),
            ]
        )


def _detail(payload: Mapping[str, object]) -> str:
    """What tells two facts of one kind apart."""
    keys = ("to", "kind", "verdict", "outcome", "action")
    return next((str(payload[key]) for key in keys if payload.get(key) is not None), "")


@pytest.fixture
def story(shell: Shell) -> Iterator[Story]:
    """A fresh story."""
    story = Story(shell)
    yield story
    story.service.end()


@frozen(kw_only=True)
class Case:
    """What is different when something is missing or broken.

    Attributes:
        adapter: Whose deliveries end otherwise.
        lost: Facts that nobody tells.
        undone: Effects that do not happen.
        also: Deliveries to others that end otherwise, too.
        shown: The phase that the session shows in the end.
        requests: How many reviews are asked for.
    """

    adapter: str
    lost: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    shown: str = "done"
    requests: int = 3


_REVIEWED = f"interphase: phase_transition plan-reviewed of {BEAD}"
_GATE = f"interphase: gate_result block of {OTHER}"
_RESERVED, _RELEASED = (f"interlock: coordination {action} of {BEAD}" for action in ("reserve", "release"))
_DRIFT = ("interdoc: drift_detected doc of project:widgets", "interdoc: artifact_ready agents_md of project:widgets")
_MOVE, _WARNING = f"bd: {BEAD} plan-reviewed", "intermute: POST /api/broadcast"
_RESERVING, _RELEASING = "intermute: POST /api/reservations", "intermute: DELETE /api/reservations"

MISSING: Mapping[str, Case] = {
    "bd": Case(
        adapter="interphase",
        lost=(_REVIEWED,),
        undone=(_MOVE, _WARNING),  # nobody knows the project of the gate's bead
        also=(f"gate_result block of {OTHER} -> interflux", f"gate_result block of {OTHER} -> interlock"),
        requests=2,
    ),
    "interflux": Case(adapter="interflux", requests=0),
    "interdoc": Case(adapter="interdoc", lost=_DRIFT, undone=("interdoc: fix",), requests=2),
    "interline": Case(adapter="interline"),
    "intermute": Case(
        adapter="interlock", lost=(_RESERVED, _RELEASED), undone=(_WARNING, _RESERVING, _RELEASING), requests=3
    ),
}
"""Module to what is different without it. Clavain, interphase and interlock are not installed as plugins at all: their
adapters work from files, ``bd`` and the service alone."""

BROKEN: Mapping[str, Case] = {
    "clavain": Case(adapter="clavain", lost=(f"clavain: artifact_ready plan of {BEAD}",), requests=2),
    "interdoc": MISSING["interdoc"],
    "interflux": Case(
        adapter="interflux",
        lost=(f"interflux: review_pass safe of {BEAD}", f"interflux: review_pass safe of {OTHER}", _REVIEWED),
        undone=(_MOVE,),
        requests=0,
    ),
    "interline": Case(adapter="interline", shown="planned"),
    "interlock": MISSING["intermute"],
    "interphase": Case(
        adapter="interphase",
        lost=(
            _REVIEWED,
            _GATE,
            f"interphase: gate_result pass of {OTHER}",
            f"interphase: phase_transition done of {BEAD}",
            _RELEASED,
        ),
        undone=(_MOVE, _WARNING, _RELEASING),
        shown="executing",
        requests=2,
    ),
}
"""Adapter to what is different when it raises whatever it is asked."""

TOLD = Counter(
    (
        f"clavain: artifact_ready plan of {BEAD}",
        *_DRIFT,
        f"interflux: review_pass safe of {BEAD}",
        f"interflux: review_pass safe of {OTHER}",
        _RESERVED,
        _RELEASED,
        _GATE,
        f"interphase: gate_result pass of {OTHER}",
        _REVIEWED,
        f"interphase: phase_transition done of {BEAD}",
    )
)
"""What is told when nothing is wrong, each once."""

EFFECTS = Counter((_MOVE, "interdoc: fix", _WARNING, _RESERVING, _RELEASING))
"""What happens outside when nothing is wrong, each once."""

ENDED = {
    f"artifact_ready plan of {BEAD} -> interflux": "degraded",  # asked for; degraded, because asking is not reviewing
    "drift_detected doc of project:widgets -> interflux": "degraded",
    "drift_detected doc of project:widgets -> interline": "degraded",  # the status line has no place for a text
    f"gate_result block of {OTHER} -> interflux": "degraded",
    f"gate_result block of {OTHER} -> interlock": "done",
    f"phase_transition done of {BEAD} -> interline": "done",
    f"phase_transition done of {BEAD} -> interlock": "done",
    f"phase_transition executing of {BEAD} -> interline": "done",
    f"phase_transition executing of {BEAD} -> interlock": "done",
    f"phase_transition plan-reviewed of {BEAD} -> interline": "done",
    f"review_pass safe of {BEAD} -> interphase": "done",
}
"""How deliveries end when nothing is wrong; the others are skipped."""


def check(story: Story, case: Case) -> dict[str, str]:
    """Whether everything is as it is when nothing is wrong, but for the case; how its adapter's deliveries ended."""
    assert story.list_told() == TOLD - Counter(case.lost)
    assert story.list_effects() == EFFECTS - Counter(case.undone)
    gone = {fact.partition(": ")[2] for fact in case.lost}
    expected = {
        where: how
        for where, how in ENDED.items()
        if where.partition(" -> ")[0] not in gone and where not in case.also and not where.endswith(case.adapter)
    }
    ended = story.list_ended()
    assert {where: how for where, how in ended.items() if not where.endswith(case.adapter)} == expected
    assert story.scene.shown() == (BEAD, case.shown)
    assert len(story.scene.list_requests()) == case.requests
    return {where: how for where, how in ended.items() if where.endswith(case.adapter)}


def test_three_flows_go_on_at_once(story: Story) -> None:
    """When nothing is wrong, each fact is told once, and each effect happens once."""
    story.play()
    check(story, Case(adapter="nobody"))
    assert story.list_ended() == ENDED
    assert (story.service.list_held(), len(story.service.list_messages(story.ada))) == ([], 1)


@pytest.mark.parametrize("module", MISSING)
def test_without_a_module_the_others_go_on(story: Story, module: str) -> None:
    """What it alone does is left out and said to be; nothing fails."""
    remove = {
        "bd": (story.scene.bin / "bd").unlink,
        "intermute": story.service.end,
        "interline": (story.scene.shell.home / ".claude" / "statusline.sh").unlink,
    }
    remove.get(module, lambda: story.scene.shell.environ.pop(f"INTERHOST_{module.upper()}_ROOT"))()
    story.play()
    assert set(check(story, MISSING[module]).values()) <= {"degraded"}


@pytest.mark.parametrize("adapter", BROKEN)
def test_with_a_broken_adapter_the_others_go_on(story: Story, adapter: str) -> None:
    """It raises whatever it is asked; its deliveries are tried again later, and nobody else waits for it."""
    story.scene.break_adapter(adapter)
    story.play()
    assert set(check(story, BROKEN[adapter]).values()) <= {"error"}


def test_with_an_adapter_that_cannot_be_imported_the_others_go_on(story: Story) -> None:
    """As if it were not there; doctor says why."""
    story.scene.break_adapter("interflux", at_import=True)
    story.play()
    assert check(story, BROKEN["interflux"]) == {}
    assert "broken" in story.scene.shell.run("interhost", "doctor", code=1).out


@pytest.mark.parametrize("number", range(3))
def test_a_host_that_is_killed_at_any_act_is_resumed(story: Story, number: int) -> None:
    """Right before and right after every act that others can see: the next host does what is left, and nothing twice.

    Where nobody can tell whether it was done, it is said to be in doubt, and not done again.
    """
    scene, act, doubts = story.scene, 0, 0
    scene.install_killer()
    for step in story.steps[:number]:
        step()
        scene.work()
    story.steps[number]()
    scene.keep()
    scene.work()
    told, effects, ended = story.list_told(), story.list_effects(), story.list_ended()
    held = story.service.list_held()
    while True:
        act += 1
        scene.restore()
        scene.kill_at(act)
        if not scene.is_killed():
            break
        scene.kill_at(0)
        scene.make_due()
        scene.work()
        done, ends = story.list_effects(), story.list_ended()
        doubtful = {where for where, how in ends.items() if how == "failed"}
        assert story.list_told() == told, f"act {act}"
        assert done <= effects, f"act {act}"
        assert (effects - done).total() <= len(doubtful), f"act {act}"
        # The reservation was given back; when the answer was stored nothing was left to give back.
        may_differ = doubtful | {f"phase_transition done of {BEAD} -> interlock"}
        assert {ends.get(where) == how for where, how in ended.items() if where not in may_differ} == {True}, (
            f"act {act}"
        )
        assert all("in doubt" in reason for reason in story.list_failures()), f"act {act}"
        assert story.service.list_held() == held, f"act {act}"
        doubts += len(doubtful)
    assert act > (16, 8, 4)[number]
    assert doubts == (2, 0, 0)[number]  # before and after a broadcast, since nobody can say whether it has arrived
