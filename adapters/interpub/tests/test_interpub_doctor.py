"""The adapter against its contract, what ``ic publish doctor`` finds, and what interhost's doctor shows of it.

Findings have the shape of reference/modules/interpub.md, section 5.3, row P6.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Completed, DriftDetected
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import make_request
from interhost_interpub import adapter
from interhost_interpub.commands import list_findings

from .conftest import record

if TYPE_CHECKING:
    from .conftest import Machine

SECTION = json.loads(resources.files("interhost_interpub").joinpath("integration.json").read_text("utf-8"))["interbus"]


def finding(plugin: str = "demo", message: str = "marketplace has 0.1.0", severity: str = "error") -> dict[str, str]:
    """One finding."""
    fix = "ic publish doctor --fix"
    return {"severity": severity, "category": "drift", "plugin": plugin, "message": message, "fix": fix}


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_a_real_publish_is_off() -> None:
    """What is on reads and asks, and starts nothing that writes."""
    assert {name: row["default"] for name, row in SECTION["settings"].items()} == {
        "bump": "patch",
        "prepare": True,
        "publish": False,
        "run_doctor": True,
    }
    assert [f"~/{name}" for name in adapter.STATES] == SECTION["observes"]["files"][:2]


# ic's doctor ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "status"), [("null", 0), ("[]", 0), (json.dumps([finding(severity="warning")]), 0)])
def test_null_is_healthy(machine: Machine, text: str, status: int) -> None:
    """It is the word for no findings; warnings are no errors."""
    machine.answer(doctor=text, doctor_rc=status)
    assert list_findings(None, machine.ctx) == []


@pytest.mark.parametrize("text", ["", "nil", "{}", '[{"severity": "error"', "Usage: ic publish doctor", "0", '"null"'])
def test_what_is_no_list_says_nothing(machine: Machine, text: str) -> None:
    """Nobody is called healthy for it; nor for a ``null`` of a command that failed, nor for no answer."""
    machine.answer(doctor=text)
    assert list_findings(None, machine.ctx) is None
    machine.answer(doctor="null", doctor_rc=2)
    assert list_findings(None, machine.ctx) is None
    machine.ctx.commands["ic"] = Completed(argv=(), returncode=None, problem="timed out after 30 s")
    assert list_findings(None, machine.ctx) is None
    machine.ctx.commands = {}
    assert list_findings(None, machine.ctx) is None


def test_errors_are_told_once_after_something_was_released(machine: Machine) -> None:
    """Not at every look; one that was mended and comes back is news."""
    machine.answer(doctor=json.dumps([finding(), finding("other"), finding("demo", "x", "info")]), doctor_rc=1)
    machine.begin()
    machine.canary(record())
    facts = [fact for fact in machine.look() if isinstance(fact.payload, DriftDetected)]
    assert [fact.payload for fact in facts] == [
        DriftDetected(kind="release", signal="drift", detail="demo: marketplace has 0.1.0"),
        DriftDetected(kind="release", signal="drift", detail="other: marketplace has 0.1.0"),
    ]
    assert [(fact.context_id, fact.project_dir) for fact in facts] == [(None, machine.plugin), ("project:other", None)]
    assert {fact.severity for fact in facts} == {"warn"}
    assert facts[0].extensions == {"plugin": "demo", "fix": "ic publish doctor --fix"}
    assert machine.look() == []
    machine.answer(doctor="null", doctor_rc=0)
    machine.look()
    machine.answer(doctor=json.dumps([finding()]), doctor_rc=1)
    assert len(machine.look()) == 1


def test_nobody_asks_doctor_when_nothing_changed_or_nobody_wants_it(machine: Machine) -> None:
    """It is a process."""
    machine.canary(record())
    machine.begin()
    machine.ctx.changed_files = []
    machine.look()
    assert machine.calls == []
    machine.ctx.changed_files, machine.ctx.config = None, {"run_doctor": False}
    machine.look()
    assert machine.calls == []


def test_a_finding_of_no_plugin_is_told_on_one_line(machine: Machine) -> None:
    """Its texts come from files of anybody."""
    machine.answer(
        doctor=json.dumps([{"severity": "error", "plugin": "../x\n", "message": ["y"], "category": "\x1b]0;"}])
    )
    machine.begin()
    machine.canary(record())
    fact = machine.look()[-1]
    assert isinstance(fact.payload, DriftDetected)
    assert (fact.context_id, fact.payload.detail) == ("project:interpub", "../x: ")


def test_many_findings_are_bounded(machine: Machine) -> None:
    """A broken marketplace is one trouble, not a thousand facts."""
    machine.answer(doctor=json.dumps([finding(message=str(n)) for n in range(1000)]), doctor_rc=1)
    machine.begin()
    machine.canary(record())
    assert len(machine.look()) == 51


# interhost doctor -----------------------------------------------------------------------------------------------------


def test_doctor_sees_what_is_there(machine: Machine) -> None:
    """With everything in place every check is well."""
    machine.ctx.root = machine.home
    path = machine.canary()
    assert [(check.name, check.level, check.detail) for check in adapter.check_adapter(machine.ctx)] == [
        ("module", "ok", str(machine.home)),
        ("ic", "ok", "ic 0.3.4 schema 31 built with go1.22"),
        ("canaries", "ok", str(path)),
        ("marketplace", "ok", "no errors"),
        ("requests", "ok", "0 open"),
    ]


def test_doctor_names_what_needs_attention(machine: Machine) -> None:
    """An error with its remedy, an answer that is none, a release that nobody has made, an ``ic`` that cannot start."""
    machine.answer(doctor=json.dumps([finding(), finding("other")]), doctor_rc=1)
    machine.ctx.waiting = [make_request(machine.plugin, machine.plugin, kind="release")]
    *_, market, requests = adapter.check_adapter(machine.ctx)
    assert (market.level, market.detail) == ("problem", "2 errors, the first of demo: marketplace has 0.1.0")
    assert (market.hint, requests.level, requests.detail) == ("ic publish doctor --fix", "note", "1 open")
    machine.answer(doctor="")
    *_, market, requests = adapter.check_adapter(machine.ctx)
    assert (market.level, bool(market.hint), bool(requests.hint)) == ("note", True, True)
    machine.ctx.commands["ic"] = Completed(argv=(), returncode=1, stderr="bad schema\n")
    names = {check.name: (check.level, check.detail) for check in adapter.check_adapter(machine.ctx)}
    assert names["ic"] == ("problem", "bad schema")
    assert "marketplace" not in names
