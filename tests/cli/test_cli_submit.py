"""``interhost submit`` from outside: arguments, standard input, output, exit codes, confirmation."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.submission_kit import BEAD, GOAL, RUN, World, says

if TYPE_CHECKING:
    from tests.conftest import Done, Shell


class Submitter:
    """A shell in a project with stand-ins."""

    def __init__(self, shell: Shell, base: Path) -> None:
        self.shell = shell
        self.world = World(base / "w")

    def run(self, *arguments: str, code: int = 0, **more: Any) -> Done:
        """``interhost submit``."""
        env = {"PATH": f"{self.world.bin}:{os.defpath}"}
        return self.shell.run("interhost", "submit", *arguments, env=env, cwd=self.world.project, code=code, **more)

    def on_terminal(self, *arguments: str, typed: str) -> tuple[int, str]:
        """The same with a terminal for standard input; exit code and what a person sees."""
        outer, inner = pty.openpty()
        process = subprocess.Popen(
            self.shell.argv("interhost", "submit", *arguments),
            stdin=inner,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self.shell.environ, "PATH": f"{self.world.bin}:{os.defpath}"},
            cwd=self.world.project,
            text=True,
        )
        os.close(inner)
        os.write(outer, typed.encode())
        seen = process.communicate(timeout=30)[0]
        os.close(outer)
        return process.returncode, seen


@pytest.fixture
def cli(shell: Shell, tmp_path: Path) -> Submitter:
    """A fresh one."""
    (tmp_path / "w").mkdir()
    return Submitter(shell, tmp_path)


def test_a_sprint_is_created_and_shown(cli: Submitter) -> None:
    """NDJSON in a pipe, lines for people with --table; a repeat says that it is one."""
    [record] = cli.run("create-sprint", GOAL, "--complexity", "3").records
    assert {key: record[key] for key in ("bead_id", "run_id", "via", "policy_enforced", "repeated")} == {
        "bead_id": BEAD,
        "run_id": RUN,
        "via": "clavain-cli",
        "policy_enforced": True,
        "repeated": False,
    }
    again = cli.run("create-sprint", GOAL, "--complexity", "3", "--table")
    assert f"bead id:          {BEAD}\n" in again.out
    assert "nothing was done now" in again.err
    assert len(cli.world.calls("clavain-cli", "sprint-create")) == 1
    [fact] = cli.shell.run("interbus", "replay").records
    assert (fact["intent"], fact["producer"]) == ("start_sprint@1.0", "clavain")


def test_everything_can_come_from_standard_input(cli: Submitter) -> None:
    """Nothing of ours stands in our own arguments."""
    text = '{"goal": "secret plan", "complexity": 2, "key": "k1"}'
    assert cli.run("create-sprint", "-", stdin=text).records[0]["bead_id"] == BEAD
    assert cli.world.calls("clavain-cli", "sprint-create") == [["clavain-cli", "sprint-create", "secret plan", "2"]]
    for _ in range(2):
        text = f'{{"run_id": "{RUN}", "reason": "by hand", "category": "justified", "key": "k"}}'
        cli.run("override-gate", "-", stdin=text)
    assert len(cli.world.calls("ic", "gate", "override")) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON"),
        ("[1]", "expected a JSON object, got list"),
        ('{"goal": 1}', "'goal': expected str, got 1"),
        ('{"goal": "x", "complexity": "3"}', "'complexity': expected int"),
        ('{"goal": "x", "complexity": true}', "'complexity': expected int"),
        ('{"gaol": "x"}', "'gaol' is no argument"),
        (b"\xff", "not valid UTF-8"),
    ],
)
def test_bad_standard_input_is_named(cli: Submitter, text: str | bytes, words: str) -> None:
    """With 65, and nothing is done."""
    assert words in cli.run("create-sprint", "-", stdin=text, code=65).err
    assert cli.world.calls() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create-sprint"], "create-sprint needs GOAL"),
        (["advance", BEAD], "advance needs PHASE"),
        (["advance", "-", "planned"], "reads everything from standard input"),
        (["override-gate", RUN, "--justified"], "needs --reason"),
        (["override-gate", RUN, "--reason", "x"], "needs --justified or --expedient"),
        (["override-gate", RUN, "--justified", "--expedient"], "not allowed with"),
        (["resolve", "k"], "one of the arguments"),
        ([], "required"),
    ],
)
def test_an_incomplete_command_is_a_usage_error(cli: Submitter, arguments: list[str], words: str) -> None:
    """With 64 and what is missing."""
    assert words in cli.run(*arguments, code=64).err
    assert cli.world.calls() == []


def test_refusals_have_their_exit_codes(cli: Submitter) -> None:
    """1 for an expected one, 65 for nonsense, 69 for what is missing, 75 for what is locked; the error as data."""
    cli.world.answer(says("clavain-cli", "sprint-advance *", code=1, mark="blocked"))
    done = cli.run("advance", BEAD, "brainstorm", code=1)
    error = done.records[0]["error"]
    assert (error["type"], error["recoverable"], error["data"]["code"]) == ("PERMISSION", True, "gate_blocked")
    assert error["data"]["evidence"]["conditions"][0]["check"] == "artifact_exists"
    assert "interhost submit override-gate" in done.err
    assert cli.run("advance", BEAD, "planned", code=1).records[0]["error"]["data"]["code"] == "phase_conflict"
    assert cli.run("create-sprint", "x", "--complexity", "9", code=65).records[0]["error"]["type"] == "VALIDATION"
    assert cli.run("state", "iv-none", "--table", code=1).out == ""
    cli.world.answer(says("clavain-cli", "sprint-create *", code=1, err="odd\n"))
    cli.run("create-sprint", GOAL, code=70)
    locked = '{"level":"ERROR","msg":"run create: database is locked"}\n'
    cli.world.answer(says("clavain-cli", "sprint-create *", code=2, err=locked))
    cli.run("create-sprint", GOAL, code=75)
    cli.world.remove("ic")
    cli.run("create-sprint", GOAL, code=69)
    cli.world.remove("clavain-cli")
    assert "neither clavain-cli nor ic was found" in cli.run("create-sprint", GOAL, code=69).err


def test_every_action_reaches_its_program(cli: Submitter) -> None:
    """From any folder of the project, with files named from there."""
    (cli.world.project / "docs" / "task.md").write_text("do it")
    more: dict[str, Any] = {"cwd": cli.world.project / "docs"}
    env = {"PATH": f"{cli.world.bin}:{os.defpath}"}

    def submit(*arguments: str) -> dict[str, Any]:
        return cli.shell.run("interhost", "submit", *arguments, env=env, **more).records[0]

    assert submit("dispatch-task", RUN, "task.md", "--agent", "claude")["dispatch_id"] == "hq2nuey6"
    assert submit("artifact", BEAD, "brainstorm", "b.md")["path"] == "docs/b.md"
    assert submit("get-artifact", BEAD, "brainstorm")["path"] == "docs/b.md"
    assert submit("state", BEAD)["phase"] == "brainstorm-reviewed"
    assert submit("enforce-gate", BEAD, "brainstorm-reviewed")["run_id"] == RUN
    assert submit("advance", BEAD, "brainstorm", "--artifact", "b.md")["to_phase"] == "brainstorm-reviewed"
    assert cli.world.calls("clavain-cli", "sprint-advance")[0][-1] == "docs/b.md"


def test_a_person_is_shown_what_an_override_goes_past(cli: Submitter) -> None:
    """On a terminal the failing conditions are shown and confirmed; what is missing is asked for."""
    code, seen = cli.on_terminal("override-gate", RUN, "--reason", "x", "--justified", "--table", typed="n\n")
    assert code == 65
    assert 'brainstorm to brainstorm-reviewed: no artifacts found for phase "brainstorm"' in seen
    assert "not confirmed; nothing was done" in seen
    assert cli.world.calls("ic", "gate", "override") == []
    code, seen = cli.on_terminal("override-gate", RUN, "--table", typed="by hand\nexpedient\ny\n")
    assert (code, "why?" in seen, "justified or expedient?" in seen) == (0, True, True)
    [call] = cli.world.calls("ic", "gate", "override")
    assert call[-2:] == ["--reason=by hand", "--expedient"]
    code, _ = cli.on_terminal("override-gate", RUN, "--reason", "x", "--justified", "--yes", typed="")
    assert (code, len(cli.world.calls("ic", "gate", "override"))) == (0, 2)


def test_doubt_is_shown_and_ended(cli: Submitter) -> None:
    """Pending lists it, doctor calls it a problem, resolve ends it."""
    assert cli.run("pending", code=1).out == ""
    with cli.shell.bus() as bus:
        bus.store.begin_submission("create_sprint:k", "create_sprint", '{"complexity":null,"goal":"g","lane":null}')
    [record] = cli.run("pending").records
    assert (record["key"], record["state"]) == ("create_sprint:k", "in doubt")
    assert "create_sprint:k  in doubt" in cli.run("pending", "--table").out
    doctor = cli.shell.run("interhost", "doctor", env={"PATH": os.defpath}, code=1).records
    assert [one["level"] for one in doctor if one["check"] == "submission create_sprint:k"] == ["problem"]
    assert (
        "no part of the result"
        in cli.run("resolve", "create_sprint:k", "--happened", "--result", '{"x":1}', code=65).err
    )
    stated = cli.run("resolve", "create_sprint:k", "--happened", "--result", '{"bead_id": "iv-1", "run_id": "r1"}')
    assert stated.records[0]["bead_id"] == "iv-1"
    assert "nothing to resolve" in cli.run("resolve", "create_sprint:k", "--did-not-happen", code=1).err
    with cli.shell.bus() as bus:
        bus.store.begin_submission("advance_run:r:p", "advance_run", "{}")
    assert "may be made again" in cli.run("resolve", "advance_run:r:p", "--did-not-happen").err
    assert cli.run("pending", code=1).out == ""


def test_going_without_policy_is_said(cli: Submitter) -> None:
    """Once per session on standard error, and by every result."""
    cli.world.remove("clavain-cli")
    first = cli.run("advance", BEAD, "brainstorm", "--table")
    assert "no clavain-cli is installed, so no policy was asked" in first.err
    assert "policy:           not enforced" in first.out
    assert cli.run("create-sprint", GOAL).err == ""
