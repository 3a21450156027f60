"""The commands from outside: help, wrong arguments, exit codes, streams."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.cli.main import INTERBUS, INTERHOST

if TYPE_CHECKING:
    from tests.conftest import Shell

COMMANDS = [("interbus", name) for name in INTERBUS] + [("interhost", name) for name in INTERHOST]
FAULT = "a fault of interhost"


@pytest.mark.parametrize(("program", "command"), COMMANDS)
def test_every_command_explains_itself(shell: Shell, program: str, command: str) -> None:
    """``--help`` ends with 0, shows the usage and at least one example, and creates nothing."""
    done = shell.run(program, command, "--help")
    usage, _, rest = done.out.partition("\n\n")
    assert usage.startswith(f"usage: {program} {command}")
    assert f"{program} {command}" in rest
    assert done.err == ""
    assert not shell.root.exists()


@pytest.mark.parametrize(("program", "commands"), [("interbus", INTERBUS), ("interhost", INTERHOST)])
def test_a_program_lists_its_commands(shell: Shell, program: str, commands: dict[str, str]) -> None:
    """``--help`` and no argument at all list every command; the latter is a usage error."""
    listed = shell.run(program, "--help").out
    assert all(f"  {name} " in listed and about in listed for name, about in commands.items())
    assert shell.run(program, code=64).out == listed
    assert shell.run(program, "--version").out.startswith(f"{program} 0.")


WRONG = [
    ["--no-such-option"],
    ["one", "too", "many", "arguments"],
    ["--table", "--json=maybe"],
    ["\udcff\udcfe"],
    ["--", "--"],
    ["-"],
    [""],
]


@pytest.mark.parametrize(("program", "command"), COMMANDS)
def test_no_command_ends_with_2(shell: Shell, program: str, command: str) -> None:
    """Wrong arguments end with 64 or 65, or find nothing; never with 2, and never with a fault of ours.

    A hook ends with 0 whatever happens.
    """
    for arguments in WRONG:
        ended = subprocess.run(
            shell.argv(program, command, *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=shell.environ,
            cwd=shell.project,
            timeout=30,
            check=False,
        )
        assert ended.returncode in ((0,) if command == "hook" else (1, 64, 65))
        assert ended.stdout == b""
        assert FAULT not in ended.stderr.decode()


@pytest.mark.parametrize(
    "command", [["interbus", "publish", "notify", "--payload", '{"text": "x"}'], ["interhost", "run", "--once"]]
)
def test_a_removed_directory_is_named(shell: Shell, command: list[str]) -> None:
    """Who publishes or runs in a directory that was removed is told so, with 69."""
    gone = shell.project / "gone"
    gone.mkdir()
    ended = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *shell.argv(*command)],
        capture_output=True,
        env=shell.environ,
        cwd=gone,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (69, "")
    assert "current directory does not exist" in ended.stderr


@pytest.mark.parametrize(
    ("program", "typed", "meant"),
    [
        ("interbus", "pubish", "interbus publish"),
        ("interbus", "catalogue", "interbus catalog"),
        ("interhost", "docter", "interhost doctor"),
        ("interhost", "publish", "interbus publish"),
        ("interbus", "run", "interhost run"),
    ],
)
def test_a_mistyped_command_is_guessed(shell: Shell, program: str, typed: str, meant: str) -> None:
    """A command that does not exist is a usage error that names the nearest one, of either program."""
    done = shell.run(program, typed, code=64)
    assert f"no command '{typed}'; did you mean '{meant}'?" in done.err
    assert done.out == ""


@pytest.mark.parametrize("arguments", [["replay"], ["catalog"], ["subscribe", "*"]])
def test_a_reader_that_has_seen_enough_is_no_error(shell: Shell, arguments: list[str]) -> None:
    """``| head -1`` shows one line; nobody complains about the closed pipe."""
    text = '{"text": "' + "x" * 40_000 + '"}'  # more than a pipe holds, in a few facts
    for _ in range(4):
        shell.publish("notify", text)
    argv = " ".join([*shell.argv("interbus"), *(f"'{one}'" for one in arguments)])
    ended = subprocess.run(
        ["bash", "-c", f'{argv} | head -1; exit "${{PIPESTATUS[0]}}"'],
        capture_output=True,
        env=shell.environ,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1


def test_a_closed_output_stops_nothing(shell: Shell) -> None:
    """With standard output and error closed, as some hooks start us, a fact is still stored and the exit code is 0."""
    argv = shell.argv("interbus", "publish", "notify", "--payload", '{"text": "unheard"}')
    ended = subprocess.run(
        ["sh", "-c", '"$@" >&- 2>&-', "sh", *argv], env=shell.environ, cwd=shell.project, check=False
    )
    assert ended.returncode == 0
    assert [one["payload"] for one in shell.run("interbus", "replay").records] == [{"text": "unheard"}]


def test_a_closed_input_is_bad_input(shell: Shell) -> None:
    """``--payload -`` without a standard input says so."""
    argv = shell.argv("interbus", "publish", "notify", "--payload", "-")
    ended = subprocess.run(
        ["sh", "-c", '"$@" <&-', "sh", *argv], env=shell.environ, cwd=shell.project, capture_output=True, check=False
    )
    assert ended.returncode == 65
    assert b"standard input is closed" in ended.stderr


@pytest.mark.parametrize("setting", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_output_is_utf8_in_every_locale(shell: Shell, setting: dict[str, str]) -> None:
    """A locale without UTF-8 changes no byte of NDJSON: what was published is what is printed."""
    done = shell.run("interbus", "publish", "notify", "--payload", "-", stdin='{"text": "Grüße →"}', env=setting)
    assert len(done.records) == 1
    assert "Grüße →" in shell.run("interbus", "replay", env=setting).out


def test_without_a_home_everything_says_what_to_set(shell: Shell) -> None:
    """No usable home and no INTERBUS_ROOT: 69, and both names. A relative home would be another one in each project."""
    nowhere = {"HOME": "relative", "INTERBUS_ROOT": ""}
    for arguments in (["publish", "notify", "--payload", '{"text": "x"}'], ["replay"], ["subscribe", "notify"]):
        done = shell.run("interbus", *arguments, env=nowhere, code=69)
        assert "HOME" in done.err
        assert "INTERBUS_ROOT" in done.err
    for arguments in (["list"], ["run", "--once"], ["doctor"], ["redrive"]):
        assert "HOME" in shell.run("interhost", *arguments, env=nowhere, code=69).err
    assert not (shell.project / "relative").exists()


def test_a_state_directory_makes_up_for_a_missing_home(shell: Shell) -> None:
    """With INTERBUS_ROOT alone, as in a container without a home, facts are stored and read."""
    env = {"HOME": ""}
    shell.run("interbus", "publish", "notify", "--payload", '{"text": "x"}', env=env)
    assert len(shell.run("interbus", "replay", env=env).records) == 1


def test_an_interrupted_watch_ends_quietly(shell: Shell) -> None:
    """Ctrl-C ends ``subscribe --watch`` the way shells expect, without a word too many."""
    watch = shell.start("interbus", "subscribe", "*", "--watch")
    shell.until(lambda: "watching" in watch.done.err)
    done = watch.end(signal.SIGINT)
    assert done.code == 128 + signal.SIGINT
    assert "Traceback" not in done.err
    assert done.out == ""


def test_an_unexpected_fault_is_one_line(shell: Shell) -> None:
    """A fault of ours ends with 70 and one line; INTERHOST_STRICT=1 shows the traceback."""
    broken = {"PYTHONPATH": str(_site_with_a_fault(shell.base))}
    done = shell.run("interbus", "replay", env=broken, code=70)
    assert done.err.startswith("interbus: ValueError: planted\n")
    assert "INTERHOST_STRICT=1" in done.err
    assert "Traceback" in shell.run("interbus", "replay", env={**broken, "INTERHOST_STRICT": "1"}, code=1).err


def _site_with_a_fault(base: Path) -> Path:
    """A directory whose ``sitecustomize`` makes opening the bus fail."""
    site = base / "fault"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import sqlite3\ndef connect(*_, **__):\n    raise ValueError('planted')\nsqlite3.connect = connect\n"
    )
    assert os.path.isdir(site)
    return site
