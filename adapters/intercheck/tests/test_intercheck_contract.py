"""The adapter against the hook specifications, its manifest and what doctor shows."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from interhost_hookspecs import Completed
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_intercheck import adapter
from interhost_intercheck.state import PRESSURE, STATE

if TYPE_CHECKING:
    from adapters.intercheck.tests.conftest import Machine

SECTION = json.loads(resources.files("interhost_intercheck").joinpath("integration.json").read_text("utf-8"))[
    "interbus"
]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_what_is_watched() -> None:
    """People read there what the adapter looks at; NotebookEdit and MultiEdit make a session known, too."""
    assert SECTION["observes"]["files"] == [
        f"/tmp/{STATE}",
        f"~/.interband/{'/'.join(PRESSURE)}/*.json",
        "the transcript of each session",
    ]
    assert SECTION["observes"]["hooks"] == [
        "SessionStart",
        "PostToolUse:Edit|MultiEdit|NotebookEdit|Write",
        "Stop",
        "SessionEnd",
    ]


def test_what_changes_a_file_is_off() -> None:
    """Checking reads; formatting writes."""
    settings = SECTION["settings"]
    assert (settings["check_files"]["default"], settings["format_files"]["default"]) == (True, False)


def test_doctor_sees_what_is_there(machine: Machine) -> None:
    """A session, counters, interpulse's channel, jq and the module: every check is well."""
    machine.ctx.sideband.root = machine.home / ".interband"
    (machine.home / ".interband" / "interpulse" / "pressure").mkdir(parents=True)
    machine.count(1, 1)
    machine.ctx.commands["jq"] = Completed(argv=("jq",), returncode=0, stdout="jq-1.7\n")
    assert [(check.name, check.level, check.detail) for check in adapter.check_adapter(machine.ctx)] == [
        ("module", "ok", str(machine.root)),
        ("jq", "ok", "jq-1.7"),
        ("sessions", "ok", "1 known"),
        ("pressure", "ok", "interpulse/pressure"),
        ("counters", "ok", f"{machine.tmp}/intercheck-*.json"),
    ]


def test_doctor_names_counters_that_silence_intercheck(machine: Machine) -> None:
    """With a damaged file its check says nothing at all any more in that session."""
    path = machine.count(1, 1)
    path.write_text("{")
    (check,) = (one for one in adapter.check_adapter(machine.ctx) if one.name == "counters")
    assert (check.level, check.detail) == ("problem", f"damaged: {path}")


def test_doctor_says_what_is_missing(bare: Machine) -> None:
    """Nothing is broken, it is only not there."""
    bare.ctx.root = None
    del bare.ctx.commands["jq"]
    levels = {check.name: check.level for check in adapter.check_adapter(bare.ctx)}
    assert levels == {"module": "note", "jq": "note", "sessions": "note", "pressure": "note", "counters": "ok"}
