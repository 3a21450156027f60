"""``interhost demo``: the story is true, quick, and leaves nothing behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from interhost.cli.demo.scene import BEAD, OWN_ADAPTERS, Scene
from interhost.cli.demo.story import Story
from interhost.host.registry import list_adapters

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.conftest import Shell

# In this order; lines that stand in one tuple, in any.
PROMISED: list[str | tuple[str, ...]] = [
    "interhost list",
    "interflux",
    "interphase",
    f"Somebody picks {BEAD}",
    "discover_work@1.0  → board  done: now knows: somebody chose to plan it",
    "interbus publish artifact_ready",
    "published",
    "artifact_ready@1.0  → board  done: now knows: plan",
    "artifact_ready@1.0  → interflux  degraded: review requested: ~/.interbus/requests/interflux/",
    "gate_result@1.0  → board  done: now knows: gate to planned: pass",
    "phase_transition@1.0  → board  done: now knows: in phase planned",
    (
        "review_pass@1.0  → board  done: now knows: review safe, the report said needs-changes",
        "review_pass@1.0  → broken  error: KeyError: 'a bug in this adapter'",
        f"review_pass@1.0  → interphase  done: advised that {BEAD} may move to plan-reviewed",
        "artifact_ready@1.0  → board  done: now knows: review_report summary.md",
    ),
    "interbus trace",
    "→ broken  retrying: KeyError",
    (
        "drift_detected@1.0  → board  done: now knows: is in executing, but its plan says planned",
        "drift_detected@1.0  → board  done: now knows: a document drifted: roadmap: Certain, was Low (bead_closed 3)",
    ),
    "interhost hook",
    (
        "health_signal@1.0  → interline  done: pressure red",
        "health_signal@1.0  → interslack  degraded: sending is off; drafted: ~/.interbus/requests/interslack/",
    ),
    '"namespace":"intercheck","type":"context_pressure"',
    "# A message for Slack, not sent",
    f"{BEAD}: somebody chose to plan it",
    f"{BEAD}: plan 2026-11-20-undo-stack.md",
    f"{BEAD}: review_report summary.md",
    f"{BEAD}: is in executing, but its plan says planned",
    "project:widgets: a document drifted: roadmap",
]


def test_the_demo_keeps_its_promises_and_leaves_nothing(shell: Shell) -> None:
    """Exit code 0 in an empty home with a minimal PATH, in seconds; home, state and TMPDIR are as before."""
    before = sorted(shell.base.rglob("*"))
    began = time.monotonic()
    done = shell.run("interhost", "demo")
    assert time.monotonic() - began < 60.0
    rest = done.out
    for promise in PROMISED:
        lines = (promise,) if isinstance(promise, str) else promise
        assert [line for line in lines if line not in rest] == []
        rest = rest[max(rest.index(line) + len(line) for line in lines) :]
    assert done.err == ""
    assert "intercraft" not in done.out, "who does not play stays out"
    assert str(shell.base) not in done.out.replace("~", "")
    assert sorted(shell.base.rglob("*")) == before


def test_a_kept_demo_can_be_looked_at(shell: Shell) -> None:
    """--keep leaves the scene, and its last line is a command that works; the user's own state is untouched."""
    done = shell.run("interhost", "demo", "--keep", "scene")
    assert (shell.project / "scene" / "home" / ".interbus" / "bus.db").is_file()
    assert not shell.root.exists()
    _, _, command = done.out.rstrip().rpartition("; look around with ")
    *variables, program, argument = command.split()
    env = {"INTERBUS_ROOT": "", **dict(variable.split("=", 1) for variable in variables)}
    names = {one["intent"] for one in shell.run(program, argument, env=env).records}
    facts = ("artifact_ready", "discover_work", "drift_detected", "gate_result", "phase_transition", "review_pass")
    assert names == {f"{name}@1.0" for name in (*facts, "health_signal")}


def test_who_is_not_installed_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The story needs interphase and interflux; it is whole without the others."""
    cast = ["interflux", "interphase"]
    absent = {entry.name for entry in list_adapters()} - {*cast, *OWN_ADAPTERS}
    Story(Scene(tmp_path, cast), absent).tell()
    told = capsys.readouterr().out
    assert "What 'board' knows now" in told
    assert [name for name in ("interwatch", "interline", "interslack") if name in told] == []


def test_a_demo_is_not_kept_over_something(shell: Shell) -> None:
    """A directory that exists, or cannot be made, is refused with 65 and stays as it is."""
    done = shell.run("interhost", "demo", "--keep", str(shell.site), code=65)
    assert f"--keep {shell.site}: File exists" in done.err
    assert "does not exist yet" in done.err
    (shell.base / "file").touch()
    assert "Not a directory" in shell.run("interhost", "demo", "--keep", str(shell.base / "file" / "x"), code=65).err
    assert list(shell.site.iterdir()) == []
