"""The digest, the statistics of edits and the survey of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Draft, HealthSignal, Severity
from interhost_tool_time.calls import FOLDER
from interhost_tool_time.reports import DIGEST, EDITS, RIG

LINE = "tool-time: WebFetch error rate is 35% (14/40 observed calls in 7d)"

if TYPE_CHECKING:
    from conftest import Machine


def signal_of(fact: Draft) -> HealthSignal:
    """What a fact says: all of this adapter's are signals."""
    assert isinstance(fact.payload, HealthSignal)
    return fact.payload


def edits(rate: float | None, total: int) -> dict[str, object]:
    """The statistics of edits as edit_stats.py writes them (reference/modules/tool-time.md, section 1.4, E4)."""
    failed = int((rate or 0) * total)
    return {
        "generated": "2026-11-20T10:00:00Z",
        "totals": {
            "resolved_calls": total,
            "succeeded": total - failed,
            "failed": failed,
            "failure_rate": rate,
        },
        "failure_kinds": [
            {"kind": "not_read_first", "count": failed - 1, "share_of_failures": 0.9, "class": "workflow"},
            {"kind": "other", "count": 1, "share_of_failures": 0.1, "class": "other"},
        ],
    }


def rig(unused: int) -> dict[str, object]:
    """The survey as rig.py writes it (same section, E3)."""
    return {"servers": {}, "zero_use": [f"server-{number}" for number in range(unused)], "meta": {"warnings": []}}


def test_each_line_of_the_digest_is_told_while_it_is_new(machine: Machine) -> None:
    """It is about the machine, so its context is tool-time's own folder."""
    machine.report(DIGEST, f"{LINE}\n")
    [fact] = machine.look()
    assert signal_of(fact).detail == LINE.removeprefix("tool-time: ")
    assert (fact.project_dir, fact.severity) == (machine.ctx.home / FOLDER, Severity.WARN)
    assert machine.look() == []
    machine.report(DIGEST, "")
    assert machine.look() == []


@pytest.mark.parametrize(
    "line", ["stats are empty: the pipeline may be broken", "error measurement is down — 0 of 9 calls"]
)
def test_a_broken_measurement_is_an_error(machine: Machine, line: str) -> None:
    """Everything else in the digest rests on it."""
    machine.report(DIGEST, f"tool-time: {line}\n")
    assert [fact.severity for fact in machine.look()] == [Severity.ERROR]


@pytest.mark.parametrize(
    ("rate", "total", "level"), [(0.06, 300, "yellow"), (0.06, 100, None), (0.04, 300, None), (None, 300, None)]
)
def test_edits_are_told_when_many_fail(machine: Machine, rate: float | None, total: int, level: str | None) -> None:
    """Five of a hundred, of at least two hundred; a rate that nobody measured is none."""
    machine.report(EDITS, edits(0.0, 500))
    machine.look()
    machine.report(EDITS, edits(rate, total))
    assert [found for _, found, _ in machine.signals()] == ([level] if level else [])


def test_the_statistics_name_what_failed(machine: Machine) -> None:
    """And are told once while the level stays."""
    machine.report(EDITS, edits(0.1, 300))
    assert machine.signals() == [("edit_failures", "yellow", "30 of 300 edits failed (29 not_read_first, 1 other)")]
    machine.report(EDITS, edits(0.11, 301))
    assert machine.signals() == []
    machine.report(EDITS, edits(0.01, 400))
    assert [level for _, level, _ in machine.signals()] == ["green"]


def test_servers_that_nobody_uses_are_told(machine: Machine) -> None:
    """From three on, by name."""
    machine.report(RIG, rig(2))
    machine.look()
    machine.report(RIG, rig(3))
    assert machine.signals() == [
        ("unused_servers", "yellow", "3 servers are loaded and unused: server-0, server-1, server-2")
    ]


@pytest.mark.parametrize("name", [EDITS, RIG, DIGEST])
@pytest.mark.parametrize("content", ["{torn", "[]", '{"totals": [], "zero_use": 5}', "\x00\xff", '"text"'])
def test_a_damaged_report_says_nothing_false(machine: Machine, name: str, content: str) -> None:
    """It is left for the next one."""
    machine.report(name, content)
    levels = [level for signal, level, _ in machine.signals() if signal != "tool_digest"]
    assert levels == []
