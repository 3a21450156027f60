"""The adapter against the hook specifications, its manifest, what doctor shows, and what is never its to write."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING

from interhost_hookspecs import HealthSignal, Level, Notify, PhaseTransition, Severity
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_interline import adapter
from interhost_interline.pressure import SOURCE

if TYPE_CHECKING:
    from adapters.interline.tests.conftest import Desk

SECTION = json.loads(resources.files("interhost_interline").joinpath("integration.json").read_text("utf-8"))["interbus"]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_what_is_watched_and_tells_nothing() -> None:
    """A sink: what is measured is told by others."""
    assert SECTION["observes"] == {"hooks": ["SessionEnd"], "files": [f"~/.interband/{'/'.join(SOURCE)}/*.json"]}
    assert SECTION["produces"] == []


def test_what_others_own_is_never_written(desk: Desk) -> None:
    """Budget, dispatch, coordination and the loop breaker keep every byte and every name."""
    theirs = {
        ".interband/interstat/budget/s.json": '{"version": "1.0.0", "payload": {"pct_consumed": 81}}',
        ".interband/clavain/dispatch/agent-1.json": "{}",
        ".interband/interlock/coordination/widgets-a.json": "{}",
        ".clavain/stop-loop-breaker/s.json": '{"suppressed": false}',
    }
    for name, text in theirs.items():
        (desk.home / name).parent.mkdir(parents=True)
        (desk.home / name).write_text(text)
    desk.press("red")
    desk.react(HealthSignal(signal="budget", level=Level.RED, value=99), severity=Severity.ERROR)
    desk.react(PhaseTransition(to="planned", phase_model="interphase-8"))
    desk.react(Notify(text="x"))
    desk.look(3600)
    desk.end()
    kept = {str(path.relative_to(desk.home)): path.read_text() for path in desk.home.rglob("*.json") if path.is_file()}
    assert {name: kept[name] for name in theirs} == theirs
    written = {name.rpartition("/")[0] for name in kept.keys() - theirs.keys()}
    assert written == {".interband/intercheck/pressure", ".interband/interphase/bead"}


def test_interline_removes_what_a_dispatch_of_ours_would_be(desk: Desk) -> None:
    """The trap is real: a dispatch file whose name ends with no living process goes while the line is drawn."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = desk.home / ".interband" / "clavain" / "dispatch"
    folder.mkdir(parents=True)
    for name in ("interbus.json", f"agent-{gone.pid}.json"):
        (folder / name).write_text('{"version": "1.0.0", "payload": {"name": "x", "activity": "y"}}')
    desk.draw()
    assert list(folder.iterdir()) == []


def test_doctor_sees_what_is_there(desk: Desk) -> None:
    """The script, all layers, and our part of the line."""
    command = "test -f /v/interhost/claude/statusline.sh && . /v/interhost/claude/statusline.sh; echo"
    settings = {"statusLine": {"type": "command", "command": command}}
    (desk.home / ".claude" / "settings.json").write_text(json.dumps(settings))
    assert [(check.name, check.level, check.detail) for check in adapter.check_adapter(desk.ctx)] == [
        ("module", "ok", str(desk.home / ".claude" / "statusline.sh")),
        ("layers", "ok", "pressure and bead are on"),
        ("segments", "ok", "shown"),
    ]


def test_doctor_says_what_is_missing_or_off(desk: Desk) -> None:
    """Notes with what to do; nothing is broken."""
    (desk.home / ".claude" / "statusline.sh").unlink()
    (desk.home / ".claude" / "interline.json").write_text('{"layers": {"bead": false, "pressure": false}}')
    checks = adapter.check_adapter(desk.ctx)
    assert [(check.level, check.detail) for check in checks] == [
        ("note", "not installed"),
        ("note", "off: pressure, bead"),
        ("note", "not shown"),
    ]
    assert "interhost statusline install" in checks[2].hint
    desk.ctx.root = desk.home / "plugin"
    assert adapter.check_adapter(desk.ctx)[0].detail == str(desk.home / "plugin")
