"""Run another program with a deadline that holds.

Output goes to files instead of pipes: a grandchild that keeps a pipe open cannot make us wait, a child that writes
much cannot deadlock, and what was written before the deadline is still there afterwards.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

_MAX_OUTPUT = 8 << 20
_GRACE_SECONDS = 0.5


class Result(NamedTuple):
    """How a program ended.

    Attributes:
        returncode: Exit status; ``None`` when it did not start or was ended by the deadline.
        stdout: At most 8 MiB of its output, decoded as UTF-8 with replacement.
        stderr: Likewise.
        problem: Why there is no exit status, in one line; else empty.
        missing: There is no such program.
    """

    returncode: int | None
    stdout: str
    stderr: str
    problem: str
    missing: bool = False


def run_process(
    argv: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: str | None = None,
    held: Sequence[int] = (),
) -> Result:
    """Run a program; never raises for anything the program does.

    Args:
        argv: Program and arguments.
        timeout: Seconds; then its whole process group gets SIGTERM, and half a second later SIGKILL.
        env: Its complete environment; ``PATH`` of it finds the program.
        cwd: Its working directory.
        stdin: Text for its standard input; ``None`` is ``/dev/null``.
        held: Open files that it gets, such as a lock that is to last for as long as anybody is at work.
    """
    if not argv:
        return Result(None, "", "", "no command given")
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as text:
        if stdin is not None:
            text.write(stdin.encode("utf-8", "surrogatepass"))
            text.seek(0)
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL if stdin is None else text,
                stdout=out,
                stderr=err,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                pass_fds=held,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            missing = isinstance(error, FileNotFoundError) and (cwd is None or cwd.is_dir())
            return Result(None, "", "", _why(argv, cwd, error), missing)
        problem = ""
        returncode: int | None = None
        try:
            returncode = process.wait(timeout)
        except subprocess.TimeoutExpired:
            problem = f"{argv[0]}: timed out after {timeout:g} s"
        finally:
            if returncode is None:
                _end(process)
        return Result(returncode, _text(out), _text(err), problem)


def _why(argv: Sequence[str], cwd: Path | None, error: Exception) -> str:
    if cwd is not None and not cwd.is_dir():
        return f"{argv[0]}: working directory {cwd} does not exist"
    if isinstance(error, FileNotFoundError):
        return f"{argv[0]}: not found"
    return f"{argv[0]}: {getattr(error, 'strerror', None) or error}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process group: politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
            if number is signal.SIGTERM:
                # The leader is gone; its children may have ignored the signal.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
            return
    process.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MAX_OUTPUT).decode("utf-8", "replace")
