"""Every module in one sprint: a bead from discovery to release, through the real host with every adapter there is.

Commands, hooks and workers are real processes, git is git, and each stand-in is a process of its own. The sprint is
played once; docs/a-sprint.md shows it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.docs_kit import has_line, list_steps, with_ids
from tests.sprint_kit import ROOT, Call, Machine
from tests.sprint_programs import MODULES
from tests.sprint_rehearsal import NOT_THEIRS, Planned, Rehearsal
from tests.sprint_story import STEPS, Fact, Sprint, Typed

if TYPE_CHECKING:
    from interhost.bus.envelope import Envelope

# Every worker of a parallel run would play it anew.
pytestmark = pytest.mark.xdist_group("sprint")

STREAM = """
discover cli discover_work brainstorm, iv-zad7y | done: intersearch | degraded: internext
discover internext discover_work start, iv-zad7y | skipped: intersearch
discover internext internext.ranked, iv-zad7y
discover interphase discover_work brainstorm, iv-zad7y | skipped: intersearch | none: internext
start clavain start_sprint run_create, iv-zad7y | done: tool-time | skipped: intersearch tldr-swinton
start interphase coordination claim, iv-zad7y | none: interdoc interlock interslack
brainstorm clavain artifact_ready brainstorm, iv-zad7y | done: intersearch | degraded: interflux | skipped: intercheck
    interphase tldr-swinton | none: intercraft interform interwatch
brainstorm clavain phase_transition brainstorm-reviewed advance, iv-zad7y | done: interline | skipped: interlock
    interphase | none: intercheck intercraft interdoc interflux interform internext interpub intersearch interwatch
    tldr-swinton tool-time
plan clavain artifact_ready plan, iv-zad7y | done: intersearch | degraded: interflux | skipped: intercheck interphase
    tldr-swinton | none: intercraft interform interwatch
plan clavain phase_transition planned advance, iv-zad7y | done: interline | skipped: interflux interlock interphase
    intersearch | none: intercheck intercraft interdoc interform internext interpub interwatch tldr-swinton tool-time
review intercraft review_pass safe, iv-zad7y | skipped: interlock interphase tldr-swinton | none: interpub interslack
review interflux artifact_ready review_report, iv-zad7y | skipped: intercheck tldr-swinton | none: intercraft
    interform interphase intersearch interwatch
review interflux review_pass safe, iv-zad7y | done: interphase | skipped: interlock tldr-swinton | none: interpub
    interslack
review interphase gate_result pass, iv-zad7y | skipped: interlock | none: interflux interslack
review interphase phase_transition plan-reviewed advance, iv-zad7y | done: interline | degraded: intercraft | skipped:
    interlock | none: intercheck interdoc interflux interform internext interpub intersearch interwatch tldr-swinton
    tool-time
gate clavain gate_result block, iv-zad7y | done: interlock | none: interflux interslack
gate clavain gate_result bypass, iv-zad7y | skipped: interlock | none: interflux interslack
gate clavain phase_transition executing override, iv-zad7y | done: interline tldr-swinton | degraded: interform |
    skipped: interlock interphase | none: intercheck intercraft interdoc interflux internext interpub intersearch
    interwatch tool-time
gate interform review_pass safe, iv-zad7y | skipped: interlock interphase tldr-swinton | none: interpub interslack
gate tldr-swinton tldr_swinton.context diff, project:widgets
work intercheck health_signal context_pressure red, iv-zad7y | done: interline internext interslack
work intercheck health_signal syntax green, project:widgets | skipped: interline | none: internext interslack
work intercheck health_signal syntax red, iv-zad7y | degraded: interline | none: internext interslack
work intercheck health_signal syntax_errors yellow, iv-zad7y | skipped: interline | none: internext interslack
work interdoc drift_detected doc structural, project:widgets | degraded: interflux interline | skipped: interlock |
    none: interslack interwatch
work interform health_signal design_lint yellow, iv-zad7y | skipped: interline | none: internext interslack
work interlock coordination conflict, project:widgets | none: interdoc interslack
work interlock coordination reserve, iv-zad7y | none: interdoc interslack
work intersearch artifact_ready search_index, project:widgets | skipped: intercheck tldr-swinton | none: intercraft
    interflux interform interphase interwatch
work interslack interslack.message sent, iv-zad7y
work interwatch drift_detected doc bead_closed, project:widgets | degraded: interflux interline | skipped: interlock |
    none: interdoc interslack
work tldr-swinton artifact_ready context_bundle, project:widgets | done: intercheck | none: intercraft interflux
    interform interphase intersearch interwatch
work tool-time health_signal tool_error_rate_high yellow, project:widgets | skipped: interline | none: internext
    interslack
quality clavain gate_result pass, iv-zad7y | skipped: interlock | none: interflux interslack
quality clavain review_pass safe, iv-zad7y | skipped: interlock interphase tldr-swinton | none: interpub interslack
release clavain phase_transition shipping advance, iv-zad7y | done: interline interwatch tldr-swinton | degraded:
    interpub | skipped: intercheck intercraft interdoc interlock interphase | none: interflux interform internext
    intersearch tool-time
release interdoc artifact_ready agents_md, project:widgets | skipped: intercheck tldr-swinton | none: intercraft
    interflux interform interphase intersearch interwatch
release interpub release_status prepared, iv-zad7y | skipped: interline | none: interslack interwatch
release interpub release_status published, project:widgets | done: interslack | skipped: interline interwatch
release interslack interslack.message sent, project:widgets
release tldr-swinton tldr_swinton.evidence, iv-zad7y
notify clavain phase_transition done advance, iv-zad7y | done: interline tool-time | skipped: interdoc interlock
    internext interphase interwatch | none: intercheck intercraft interflux interform interpub intersearch
    tldr-swinton
notify cli notify, iv-zad7y | done: interslack | degraded: interline
notify interphase coordination release, iv-zad7y | skipped: interlock | none: interdoc interslack
notify interslack interslack.message sent, iv-zad7y
notify tool-time health_signal sprint_edit_failures green, iv-zad7y | skipped: interline | none: internext interslack
"""
"""Every fact: its step, who told it, what, about which context; then, for each outcome, whose deliveries ended so.

``none`` are consumers that had no business with it. Within a step the order of facts is that of the alphabet here,
because consumers work side by side.
"""


class Played(NamedTuple):
    """What was typed, what was told, what would be done again, and which programs were called."""

    typed: list[Typed]
    facts: list[Fact]
    planned: list[Planned]
    calls: list[Call]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The sprint, once."""
    machine = Machine(tmp_path_factory.mktemp("sprint"))
    try:
        rehearsal = Rehearsal(machine)
        sprint = Sprint(machine, rehearsal.begin)
        sprint.play()
        yield Played(sprint.typed, sprint.facts, rehearsal.planned, machine.list_calls())
    finally:
        machine.close()


def _row(fact: Fact) -> str:
    by_outcome: dict[str, list[str]] = {}
    for consumer, (outcome, reason) in sorted(fact.outcomes.items()):
        by_outcome.setdefault("none" if reason == NOT_THEIRS else outcome, []).append(consumer)
    ended = [f"{outcome}: {' '.join(by_outcome[outcome])}" for outcome in _OUTCOMES if outcome in by_outcome]
    one, payload = fact.envelope, json.loads(fact.envelope.payload)
    what = " ".join([one.intent.partition("@")[0], *(str(payload[key]) for key in _KEYS if key in payload)])
    return " | ".join([f"{fact.step} {one.producer} {what}, {one.context_id}", *ended])


_KEYS = ("action", "kind", "outcome", "signal", "level", "state", "to", "trigger", "verdict")
_OUTCOMES = ("done", "degraded", "skipped", "failed", "deferred", "error", "none")


def test_the_whole_stream(played: Played) -> None:
    """What was told, by whom, about what, to whom, and how each delivery ended: all of it, and nothing else."""
    order = [step.__name__ for step in STEPS]
    told = [_row(fact) for fact in played.facts if fact.step in order]
    expected = [" ".join(row.split()) for row in re.split(r"\n(?=\S)", STREAM.strip())]
    assert sorted(told, key=lambda row: (order.index(row.split()[0]), row)) == expected


def test_every_module_takes_part(played: Played) -> None:
    """Each of them tells something, or has something to do about what another one tells."""
    active = {fact.envelope.producer for fact in played.facts}
    active |= {name for fact in played.facts for name, (ended, _) in fact.outcomes.items() if ended != "skipped"}
    assert active - {"cli"} == set(MODULES)


def test_the_recorded_log_is_delivered_again_with_the_same_plan(played: Played) -> None:
    """The same outcomes, the same commands, the same facts: what an adapter does follows from what it is told."""
    assert len(played.planned) == sum(len(fact.outcomes) for fact in played.facts)
    caused: dict[tuple[str, str], list[str]] = {}
    for fact in played.facts:
        one: Envelope = fact.envelope
        caused.setdefault((one.producer, str(one.extensions.get("caused_by"))), []).append(one.intent)
    for plan in played.planned:
        where = f"{plan.fact.envelope.intent} to {plan.consumer} in {plan.fact.step}"
        assert plan.outcome == plan.fact.outcomes[plan.consumer], where
        assert sorted(plan.told) == sorted(caused.get((plan.consumer, plan.fact.envelope.event_id), [])), where
    acts = [call.argv for call in played.calls if _is_act(call.argv)]
    assert Counter(argv for plan in played.planned for argv in plan.commands if _is_act(argv)) == Counter(acts)
    assert acts


def _is_act(argv: tuple[str, ...]) -> bool:
    """Whether a program is called in deliveries only, not by a look: Slack, scripts of modules, intersearch's model."""
    return argv[0] in ("python3", "slackcli", "tldrs") or argv[0].startswith("/")


def test_nobody_was_told_anything_twice(played: Played) -> None:
    """Each fact once, each delivery once, no message to a person twice; and one more look finds nothing."""
    assert [one for one in played.facts if one.step == "again"] == []
    facts = [(one.envelope.intent, one.envelope.context_id, one.envelope.payload) for one in played.facts]
    assert [fact for fact, count in Counter(facts).items() if count > 1] == []
    keys = [key for one in played.facts if (key := one.envelope.extensions.get("dedupe_key"))]
    assert len(set(keys)) == len(keys)
    deliveries = [(plan.fact.envelope.event_id, plan.consumer) for plan in played.planned]
    assert len(set(deliveries)) == len(deliveries)
    sent = [call.argv for call in played.calls if call.argv[:3] == ("slackcli", "messages", "send")]
    assert len(set(sent)) == len(sent)


def test_the_page_shows_what_happens(played: Played) -> None:
    """Each command of docs/a-sprint.md was typed, in this order, and showed each line that it has there.

    The lines of one command may stand in another order, because consumers work side by side.
    """
    page, ids = (ROOT / "docs" / "a-sprint.md").read_text("utf-8"), dict[str, str]()
    left = list(played.typed)
    for shown in list_steps(page):
        command = with_ids(shown.command, ids)
        while left and left[0].command != command:
            left.pop(0)
        assert left, f"line {shown.line}: {shown.command}: nobody typed it, or not at this place"
        seen = left.pop(0).output
        for line in shown.output.splitlines():
            where = f"line {shown.line}: {line}\n{seen}"
            assert line.strip() == "..." or has_line(line.rstrip(), seen.splitlines(), ids), where
