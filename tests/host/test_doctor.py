"""What doctor says about the machine, the state directory and the spool; the rest is in ``test_host.py``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Check, CheckLevel

from interhost.bus.ids import new_id
from interhost.bus.log import Query, Subscription
from interhost.bus.spool import set_aside, spool_envelope
from interhost.host.doctor import examine
from tests.hook_kit import BASH

if TYPE_CHECKING:
    from tests.conftest import Stage


def checks(stage: Stage, *, tool_seconds: float = 5.0) -> dict[str, Check]:
    """What doctor finds, by name."""
    return {one.name: one for one in examine(stage.bus, stage.entries(), stage.config(), tool_seconds=tool_seconds)}


def tool(folder: Path, name: str, body: str) -> Path:
    """A program."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{BASH}\n{body}\n")
    path.chmod(0o755)
    return path


def test_every_tool_is_found_asked_and_judged(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One tells its version, one fails, one says nothing, one is never asked, one hangs and is not waited for."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder))
    git = tool(folder, "git", 'echo "git version 2.99 of $PWD"; echo more')
    bd = tool(folder, "bd", "exit 3")
    ic = tool(folder, "ic", "exit 0")
    clavain = tool(folder, "clavain-cli", "touch asked; exit 1")
    claude = tool(folder, "claude", "while :; do :; done")
    found = checks(stage, tool_seconds=1.0)
    assert (found["git"].level, found["git"].detail) == (CheckLevel.OK, f"{git}: git version 2.99 of /")
    assert (found["bd"].level, found["bd"].detail) == (
        CheckLevel.NOTE,
        f"{bd}: does not tell its version (exit status 3)",
    )
    assert found["ic"].detail == f"{ic}: no version"
    assert (found["clavain-cli"].level, found["clavain-cli"].detail) == (CheckLevel.OK, str(clavain))
    assert (found["claude"].level, found["claude"].hint) == (
        CheckLevel.PROBLEM,
        "run 'claude --version' and see what it says",
    )
    assert found["claude"].detail.startswith(f"{claude}: asked for its version: ")
    assert "timed out" in found["claude"].detail


def test_missing_tools_and_adapters_are_notes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with a machine that has none, and each note says what is missed by it."""
    monkeypatch.setenv("PATH", os.devnull)
    found = checks(stage)
    assert {found[name].detail for name in ("git", "bd", "ic", "clavain-cli", "claude")} == {"not on PATH"}
    assert (found["adapters"].level, found["adapters"].detail) == (CheckLevel.NOTE, "none is installed")
    assert [check for check in found.values() if check.level is CheckLevel.PROBLEM] == []
    assert all(check.hint for check in found.values() if check.level is CheckLevel.NOTE)


def test_state_that_others_can_read_is_a_problem(stage: Stage) -> None:
    """Payloads are what a session said; the next step is the command that mends it."""
    assert checks(stage)["state"].level is CheckLevel.OK
    stage.root.chmod(0o755)
    check = checks(stage)["state"]
    assert (check.level, check.hint) == (CheckLevel.PROBLEM, f"chmod 700 {stage.root}")
    assert "can be read by others (mode 0755)" in check.detail


def test_released_consumer_is_noted_until_it_is_installed_again(stage: Stage) -> None:
    """Whoever was away for a month is told what that means; an adapter that is there says so itself."""
    stage.bus.store.set_problem("gone", "released", "not seen for a month")
    stage.bus.store.set_problem("gone", "load", "it broke")
    check = checks(stage)["consumer gone"]
    assert (check.level, check.detail) == (CheckLevel.NOTE, "released: not seen for a month")
    stage.adapter("gone", [], "")
    found = checks(stage)
    assert "consumer gone" not in found
    assert found["adapter gone: released"].detail == "not seen for a month"


def test_lease_of_a_worker_that_is_at_it_is_no_problem(stage: Stage) -> None:
    """Only one that ran out some time ago is."""
    stage.bus.log.subscribe(Subscription("busy", ("notify@1",)))
    stage.publish()
    assert stage.bus.log.fetch("busy")
    assert not [name for name in checks(stage) if name.startswith("delivery")]


@pytest.mark.parametrize(("count", "detail"), [(1, "1 file waiting"), (2, "2 files waiting")])
def test_files_that_wait_are_counted(stage: Stage, count: int, detail: str) -> None:
    """And are no problem: the next command takes them in."""
    stage.publish()
    (stored,) = stage.bus.log.read(Query())
    for _ in range(count):
        spool_envelope(stage.root, stored.envelope._replace(event_id=new_id()))
    check = checks(stage)["spool"]
    assert (check.level, check.detail) == (CheckLevel.NOTE, detail)


def test_what_was_rejected_is_named_with_its_reason_and_its_next_step(stage: Stage) -> None:
    """A file of the spool can be corrected and put back; what was an adapter's draft was never in it."""
    new = stage.root / "spool" / "new"
    new.mkdir(parents=True)
    (new / "no-id").write_text("{}\n{}\n")
    stage.host().drain_spool()
    aside = set_aside(stage.root, "{}", "names nothing")
    found = checks(stage)
    assert found["rejected no-id"].level is CheckLevel.PROBLEM
    assert found["rejected no-id"].hint.startswith(f"correct and move it to {new}, or ")
    assert found[f"rejected {aside.name}"].detail == "names nothing"
    assert found[f"rejected {aside.name}"].hint.startswith(f"read {aside}, mend the cause, and ")


def test_settings_that_were_said_in_vain_are_named(stage: Stage) -> None:
    """A wrong type with what holds instead, a name that nobody reads with those that somebody does."""
    settings = {"loud": {"type": "boolean", "default": False, "doc": "Say more."}}
    stage.adapter("echo", [], "", {"settings": settings})
    (stage.root / "config.toml").write_text('[adapters.echo]\nenabled = true\nloud = "no"\nlaud = true\n')
    found = checks(stage)
    assert (found["echo: setting loud"].level, found["echo: setting loud"].detail) == (
        CheckLevel.PROBLEM,
        "expected boolean, got 'no'; False holds",
    )
    assert found["echo: setting laud"].detail == "the adapter has no such setting"
    assert found["echo: setting laud"].hint == f"it has: enabled, loud; correct it in {stage.root / 'config.toml'}"
    assert "echo: setting enabled" not in found


@pytest.mark.parametrize("hook", ["describe_adapter()", "check_adapter(ctx)"])
def test_interrupting_doctor_ends_it(stage: Stage, hook: str) -> None:
    """Ctrl-C while an adapter is asked is for doctor, not a fault of the adapter's."""
    stage.adapter("slow", [], f"@hookimpl\ndef {hook}:\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        checks(stage)
