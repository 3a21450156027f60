"""The host suggests companions: after an adapter's first success in a session, where somebody reads it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.host.providers import HostGuards
from tests.hook_kit import Nudges, tip

if TYPE_CHECKING:
    from tests.conftest import Shell, Stage

DONE = (
    "from interhost_hookspecs import Outcome, hookimpl\n\n\n"
    "@hookimpl\ndef on_notify(intent, ctx):\n    return Outcome.{}('noted')\n"
)
ENV = {"CLAUDE_SESSION_ID": "s1"}
FIRST, SECOND = "interwatch", "intersynth"  # what interflux recommends, in its order
BENEFIT = {
    FIRST: "documents that drifted are reviewed again",
    SECOND: "full synthesis, in which the agents answer each other",
}


def deliver(shell: Shell, outcome: str = "done", times: int = 1, **env: str) -> list[str]:
    """Let an adapter of interflux take facts; the tips that were seen."""
    if not any(shell.site.iterdir()):
        shell.adapter("interflux", ["notify"], DONE.format(outcome))
        shell.run("interhost", "run", "--once")
    session = env.pop("SESSION", "s1")
    for _ in range(times):
        shell.publish("notify", '{"text": "hello"}', *(["--session", session] if session else []))
    said = shell.run("interhost", "run", "--once", env={**ENV, **env}).err
    return [line for line in said.splitlines(keepends=True) if "Tip" in line]


def test_a_success_suggests_the_first_companion_that_is_missing(shell: Shell) -> None:
    """With the benefit of the manifest, one for however many facts, in the session that the facts are of."""
    assert deliver(shell, times=3, SESSION="theirs") == [tip(FIRST, BENEFIT[FIRST])]
    state = Nudges(shell.home)
    assert state.pairs() == {f"interflux:{FIRST}": {"ignores": 1, "dismissed": False}}
    assert (state.count("theirs"), state.count("s1")) == (1, 0)


def test_the_next_success_suggests_the_next_companion(shell: Shell) -> None:
    """Until the session has had its two; a fact without a session belongs to the host's own."""
    assert deliver(shell) == [tip(FIRST, BENEFIT[FIRST])]
    assert deliver(shell, SESSION="") == [tip(SECOND, BENEFIT[SECOND])]
    assert deliver(shell) == []
    assert Nudges(shell.home).count() == 2


@pytest.mark.parametrize("outcome", ["skipped", "degraded", "failed"])
def test_only_a_success_suggests(shell: Shell, outcome: str) -> None:
    """Nothing is sold to somebody whose work has just failed."""
    assert deliver(shell, outcome) == []
    assert Nudges(shell.home).names() == []


def test_no_tips_are_wanted(shell: Shell) -> None:
    """INTERHOST_NUDGES ends those of the host, too."""
    assert deliver(shell, INTERHOST_NUDGES="off") == []
    assert Nudges(shell.home).names() == []


def test_a_companion_that_is_there_is_not_suggested(shell: Shell) -> None:
    """And ends its own tips; programs that are no plugins are never suggested as such."""
    assert deliver(shell) == [tip(FIRST, BENEFIT[FIRST])]
    folder = shell.home / "plugins" / FIRST
    folder.mkdir(parents=True)
    record = shell.home / ".claude" / "plugins" / "installed_plugins.json"
    record.parent.mkdir(parents=True)
    plugins = {f"{FIRST}@m": [{"scope": "user", "installPath": str(folder)}]}
    record.write_text(json.dumps({"version": 2, "plugins": plugins}))
    assert deliver(shell, SESSION="s2") == [tip(SECOND, BENEFIT[SECOND])]
    assert Nudges(shell.home).pairs()[f"interflux:{FIRST}"] == {"ignores": 1, "dismissed": True}


@pytest.mark.parametrize("where", ["nowhere", "file", "closed"])
def test_a_host_that_nobody_reads_suggests_nothing(shell: Shell, tmp_path: Path, where: str) -> None:
    """A worker of a hook writes to nowhere: what it suggested would count as ignored."""
    shell.adapter("interflux", ["notify"], DONE.format("done"))
    shell.run("interhost", "run", "--once")
    shell.publish()
    to = {"nowhere": "2>/dev/null", "file": f"2>'{tmp_path}/log'", "closed": "2>&-"}[where]
    command = f'exec "$@" {to}'
    subprocess.run(
        ["sh", "-c", command, "sh", *shell.argv("interhost", "run", "--once")],
        env={**shell.environ, **ENV}, cwd=shell.project, check=True, capture_output=True,
    )  # fmt: skip
    assert Nudges(shell.home).names() == []


def test_a_terminal_is_read(shell: Shell) -> None:
    """Somebody sits in front of it."""
    shell.adapter("interflux", ["notify"], DONE.format("done"))
    shell.run("interhost", "run", "--once")
    shell.publish()
    terminal, inside = pty.openpty()
    done = subprocess.run(
        shell.argv("interhost", "run", "--once"), env={**shell.environ, **ENV}, cwd=shell.project, stderr=inside,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    os.close(inside)
    seen = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "Tip" not in done.stdout.decode()
    assert tip(FIRST, BENEFIT[FIRST]).strip() in seen


def test_a_resident_host_suggests_too(shell: Shell) -> None:
    """From the lane of the adapter, once for each session."""
    shell.adapter("interflux", ["notify"], DONE.format("done"))
    shell.run("interhost", "run", "--once")
    read, write = os.pipe()
    process = subprocess.Popen(
        shell.argv("interhost", "run"), env={**shell.environ, **ENV}, cwd=shell.project, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=write,
    )  # fmt: skip
    os.close(write)
    try:
        for _ in range(2):
            shell.publish("notify", '{"text": "hello"}', "--session", "s1")
        shell.until(lambda: Nudges(shell.home).count() == 1)
        for _ in range(2):
            assert process.stdout is not None
            assert b"done" in process.stdout.readline()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    said = os.read(read, 65536).decode()
    os.close(read)
    assert said.count("Tip") == 1


def test_broken_state_or_manifests_cost_no_delivery(shell: Shell) -> None:
    """A fact is taken whatever stands where the tips are remembered."""
    (shell.home / ".config").write_text("mine")
    plugins = shell.home / ".claude" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "installed_plugins.json").write_bytes(b"\xff")
    assert deliver(shell) == []
    assert (shell.home / ".config").read_text() == "mine"
    shell.publish()
    assert shell.run("interhost", "run", "--once").records[0]["outcome"] == "done"


# Guards --------------------------------------------------------------------------------------------------------------


def test_interbase_answers_what_nobody_else_has(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An adapter that has an answer is heard first; one without an opinion leaves it to interbase."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("ic", "bd"):
        (tools / name).write_text("#!/bin/sh\nexit 0\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("CLAVAIN_BEAD_ID", "wid-1")
    (stage.home / ".claude/plugins/cache/m/interline/1.0.0").mkdir(parents=True)
    (stage.home / ".intermod/interbase").mkdir(parents=True)
    (stage.home / ".intermod/interbase/interbase.sh").touch()
    guards = HostGuards(stage.host().providers)
    assert (guards.has_ic(), guards.has_bd(), guards.in_ecosystem(), guards.in_sprint()) == (True,) * 4
    assert (guards.get_bead(), guards.has_companion("interline"), guards.has_companion("x")) == ("wid-1", True, False)
    stage.adapter(
        "first", [], "@hookimpl\ndef has_ic():\n    return False\n\n\n@hookimpl\ndef get_bead():\n    return None\n"
    )
    stage.adapter("second", [], "@hookimpl\ndef has_companion(name):\n    return name == 'x'\n")
    guards = HostGuards(stage.host().providers)
    assert (guards.has_ic(), guards.has_bd(), guards.get_bead()) == (False, True, "wid-1")
    assert (guards.has_companion("x"), guards.has_companion("interline")) == (True, False)
    assert stage.bus.store.problems() == []
