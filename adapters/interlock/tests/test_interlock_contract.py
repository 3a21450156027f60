"""The adapter against the hook specifications, and what doctor shows."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext
from interhost_interlock import adapter
from interhost_interlock.hints import DEFAULT_DIR, SIGNALS
from interhost_interlock.service import DEFAULT_URL
from interhost_interlock.sessions import CONNECTED, JOINED, OWN_ROWS

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.interlock.tests.conftest import Machine


MANIFEST = json.loads(resources.files("interhost_interlock").joinpath("integration.json").read_text("utf-8"))
SECTION = MANIFEST["interbus"]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_doctor_sees_what_is_there(machine: Machine) -> None:
    """With the service, the plugin and the flag in place every check is well."""
    flag, root = machine.ctx.home / ".config" / "interlock" / "joined", machine.ctx.home / "plugin"
    flag.parent.mkdir(parents=True)
    flag.touch()
    machine.ctx.root = root
    checks = adapter.check_adapter(machine.ctx)
    assert [(check.name, check.level, check.detail) for check in checks] == [
        ("service", "ok", machine.service.address),
        ("module", "ok", str(root)),
        ("joined", "ok", str(flag)),
    ]


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """On an empty machine every check is a note with a hint: nothing is broken, it is only not there."""
    checks = adapter.check_adapter(FakeContext(tmp_path, of=adapter))
    assert [(check.level, bool(check.hint)) for check in checks] == [("note", True)] * 3
    assert checks[0].detail == "interlock is not installed"


def test_doctor_names_what_is_wrong_with_the_service(machine: Machine) -> None:
    """A service that is ill, one that is not there, and an address that may not be asked."""
    machine.service.misbehave(GET_health=503)
    assert "GET /health: 503" in adapter.check_adapter(machine.ctx)[0].detail
    machine.configure(url="http://10.0.0.7:7338")
    assert "allow_remote = true" in adapter.check_adapter(machine.ctx)[0].detail
    machine.configure(socket="/nowhere/intermute.sock", url="")
    assert adapter.check_adapter(machine.ctx)[0].detail == "/nowhere/intermute.sock: there is no such socket"


def test_doctor_names_the_question_that_was_not_answered(machine: Machine) -> None:
    """A service that is well otherwise; the next look that goes well takes it back."""
    machine.service.misbehave(GET_api_reservations=404)
    machine.look()
    check = adapter.check_adapter(machine.ctx)[0]
    assert (check.level, "GET /api/reservations: 404" in check.detail) == ("problem", True)
    (machine.service.folder / "faults.json").unlink()
    machine.ctx.sleep(61)
    machine.look()
    assert adapter.check_adapter(machine.ctx)[0].level == "ok"


def test_the_manifest_names_what_is_watched() -> None:
    """People read there what the adapter looks at, and the host which events it is shown."""
    edits, tools, commits = SECTION["observes"]["hooks"]
    servers = ("mcp__interlock__", "mcp__plugin_interlock_interlock__")
    assert edits == "PreToolUse:Edit|Write|MultiEdit|NotebookEdit"
    assert tools == "PostToolUse:" + "|".join(f"{server}{tool}" for server in servers for tool in OWN_ROWS)
    assert commits == "PostToolUseFailure:Bash"
    assert SECTION["observes"]["files"] == [
        f"{DEFAULT_URL}/api/reservations",
        f"{DEFAULT_URL}/api/inbox/*",
        f"{DEFAULT_DIR}/{SIGNALS}",
        "~/.interband/interlock/coordination/*.json",
        f"/tmp/{JOINED}",
        f"/tmp/{CONNECTED}",
    ]


def test_what_reserves_or_leaves_the_machine_is_off() -> None:
    """Until the user turns it on."""
    assert {name: row["default"] for name, row in SECTION["settings"].items()} == {
        "allow_remote": False,
        "broadcast": True,
        "poll_seconds": 10,
        "reserve_on_drift": False,
        "reserve_on_executing": False,
        "signal_dir": "",
        "socket": "",
        "temporary_dir": "/tmp",
        "url": "",
    }
