"""Running another program with a deadline that holds. Every program here is a real one."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from interhost.process import Result, run_process

ENVIRON = {"PATH": os.defpath}


def run_shell(script: str, timeout: float = 20.0, **more: object) -> Result:
    return run_process(["sh", "-c", script], timeout=timeout, env=ENVIRON, **more)  # type: ignore[arg-type]


def run_python(script: str, *arguments: object, timeout: float = 20.0) -> Result:
    return run_process([sys.executable, "-I", "-c", script, *map(str, arguments)], timeout=timeout, env=ENVIRON)


def is_running(pid: int) -> bool:
    """Whether a process still does anything; one that nobody has waited for is dead already."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_over(pid: int) -> bool:
    """Whether a process ends within a moment."""
    end = time.monotonic() + 5
    while is_running(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")


def test_a_program_answers_with_status_and_output() -> None:
    """Both streams apart; an exit status that is not 0 is an answer and no problem."""
    assert run_shell("echo out; echo err >&2; exit 3") == Result(3, "out\n", "err\n", "")


def test_a_program_that_kills_itself_has_a_negative_status() -> None:
    """As subprocess has it: it ended by itself, the deadline had no part in it."""
    result = run_shell("echo before; kill -9 $$")
    assert (result.returncode, result.stdout, result.problem) == (-signal.SIGKILL, "before\n", "")


def test_the_deadline_ends_the_program_and_keeps_its_output() -> None:
    """There is no exit status, one line says why, and what it wrote in time is there."""
    started = time.monotonic()
    result = run_shell("echo early; echo trouble >&2; exec sleep 60", timeout=0.2)
    assert time.monotonic() - started < 5
    assert result == Result(None, "early\n", "trouble\n", "sh: timed out after 0.2 s")


@needs_proc
def test_the_deadline_ends_grandchildren_too(tmp_path: Path) -> None:
    """The whole process group goes, so a hung tool leaves nothing behind that goes on working."""
    pid = tmp_path / "pid"
    run_shell(f"sleep 60 & echo $! > '{pid}'; wait", timeout=0.3)
    assert is_over(int(pid.read_text()))


@needs_proc
def test_a_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """Half a second after the polite signal comes the other one, for it and for its children."""
    pid = tmp_path / "pid"
    started = time.monotonic()
    result = run_shell(f"trap '' TERM; sleep 60 & echo $! > '{pid}'; while :; do sleep 1; done", timeout=0.2)
    assert time.monotonic() - started < 5
    assert result.returncode is None
    assert is_over(int(pid.read_text()))


@needs_proc
def test_a_grandchild_that_ignores_sigterm_is_killed_when_its_parent_obeys(tmp_path: Path) -> None:
    """The parent's polite end does not save the rest of the group."""
    pid = tmp_path / "pid"
    run_shell(f"(trap '' TERM; exec sleep 60) & echo $! > '{pid}'; wait", timeout=0.3)
    assert is_over(int(pid.read_text()))


def test_a_program_may_clean_up_when_asked_to_end() -> None:
    """SIGTERM comes first, and what it writes then is part of its output."""
    result = run_shell("trap 'echo cleaned; exit 0' TERM; echo begun; while :; do sleep 0.05; done", timeout=0.3)
    assert (result.returncode, result.stdout) == (None, "begun\ncleaned\n")


@needs_proc
def test_a_child_that_keeps_the_output_open_delays_nothing(tmp_path: Path) -> None:
    """A program is over when it has ended, whatever it left running in the background."""
    pid = tmp_path / "pid"
    started = time.monotonic()
    result = run_shell(f"sleep 60 & echo $! > '{pid}'; echo done")
    try:
        assert (result.returncode, result.stdout) == (0, "done\n")
        assert time.monotonic() - started < 10
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_a_missing_program_is_an_answer() -> None:
    """It is told apart from one that failed."""
    result = run_process(["no-such-program", "x"], timeout=5, env=ENVIRON)
    assert result == Result(None, "", "", "no-such-program: not found", missing=True)


def test_the_given_path_finds_the_program(tmp_path: Path) -> None:
    """The PATH of the given environment, not our own; and nothing else of ours is handed on."""
    program = tmp_path / "greet"
    program.write_text('#!/bin/sh\necho "hello $NAME$HOME"\n')
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}{os.pathsep}{os.defpath}", "NAME": "you"}
    assert run_process(["greet"], timeout=5, env=environ).stdout == "hello you\n"
    assert run_process(["greet"], timeout=5, env=ENVIRON).missing


def test_a_program_that_may_not_be_run_says_so(tmp_path: Path) -> None:
    """It is there, so it is not missing."""
    (tmp_path / "plain").write_text("text")
    result = run_process([str(tmp_path / "plain")], timeout=5, env=ENVIRON)
    assert (result.returncode, result.missing) == (None, False)
    assert result.problem == f"{tmp_path / 'plain'}: Permission denied"


def test_a_working_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    """Not the program is missing, the directory is; a file is none either."""
    (tmp_path / "file").touch()
    for directory in (tmp_path / "gone", tmp_path / "file"):
        result = run_shell("pwd", cwd=directory)
        assert result == Result(None, "", "", f"sh: working directory {directory} does not exist")


def test_an_argument_that_no_program_can_have_is_an_answer() -> None:
    """A NUL in an argument, from somebody's text, does not raise."""
    result = run_process(["echo", "a\0b"], timeout=5, env=ENVIRON)
    assert (result.returncode, result.missing) == (None, False)
    assert result.problem.startswith("echo: ")


def test_it_runs_in_the_given_directory(tmp_path: Path) -> None:
    """Which is resolved as the system sees it."""
    assert run_shell("pwd -P", cwd=tmp_path).stdout == f"{tmp_path.resolve()}\n"


def test_input_is_text_or_nothing() -> None:
    """Text arrives whole, however long; without any, reading ends at once instead of waiting for a terminal."""
    text = "é\n" * 200_000
    assert run_shell("cat", stdin=text).stdout == text
    assert run_shell("cat").stdout == ""
    assert run_shell("cat", stdin="").stdout == ""


def test_output_that_is_no_text_is_replaced() -> None:
    """Bytes that are not UTF-8 become the replacement character."""
    assert run_shell(r"printf 'a\377b'").stdout == "a�b"


def test_output_is_cut_at_eight_mebibytes() -> None:
    """Much output neither blocks the program nor fills our memory; each stream has its own limit."""
    script = "import sys; sys.stdout.write('x' * (9 << 20)); sys.stderr.write('y' * (9 << 20))"
    result = run_python(script)
    assert (result.returncode, result.problem) == (0, "")
    assert (len(result.stdout), len(result.stderr)) == (8 << 20, 8 << 20)


def test_an_interrupt_ends_the_program(tmp_path: Path) -> None:
    """Whoever is told to stop while waiting leaves no child behind: asked of a real process that gets SIGINT."""
    pid = tmp_path / "pid"
    script = (
        "import sys, os, signal, threading\n"
        "from interhost.process import run_process\n"
        "threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    run_process(['sh', '-c', 'echo $$ > \"$0\"; exec sleep 60', sys.argv[1]], timeout=60, env=os.environ)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    result = run_process([sys.executable, "-c", script, str(pid)], timeout=20, env=dict(os.environ))
    assert result.stdout == "interrupted\n", result.stderr
    assert is_over(int(pid.read_text()))
