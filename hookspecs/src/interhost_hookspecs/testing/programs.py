"""Real programs and stand-ins for them, for promises that are about processes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define, field

from interhost_hookspecs.command import Completed
from interhost_hookspecs.testing.context import Answer, FakeCommand


@define
class Programs:
    """Runs commands for real, as the host does: with a deadline, in a process group that is ended as a whole.

    ::

        programs = Programs(tmp_path)
        programs.install("bd", "#!/bin/sh\\necho '{}'\\n")
        ctx = FakeContext(tmp_path, of=adapter, commands=programs.named("bd", "git"))

    Attributes:
        home: Home of the programs. Stand-ins are in its ``bin``, which comes first on ``PATH``.
        cwd: Where they run unless they are told; the home when left out.
        environ: Further variables, or others.
        limit: Seconds that a command gets in this test, so that one that hangs costs less than its own deadline;
            ``None``: its own.
        ran: Every command.
    """

    home: Path
    cwd: Path | None = field(default=None, kw_only=True)
    environ: Mapping[str, str] = field(factory=dict)
    limit: Callable[[FakeCommand], float | None] = lambda command: None
    ran: list[FakeCommand] = field(factory=list)

    def install(self, name: str, text: str) -> Path:
        """Put a stand-in first on ``PATH``."""
        path = self.home / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def named(self, *names: str) -> dict[str, Answer]:
        """These programs, for ``FakeContext.commands``; every other one is missing."""
        return dict.fromkeys(names, self)

    def __call__(self, command: FakeCommand) -> Completed:
        """Run one."""
        self.ran.append(command)
        name, path = command.argv[0], f"{self.home / 'bin'}:{os.environ['PATH']}"
        try:
            process = subprocess.Popen(
                command.argv,
                cwd=command.cwd or self.cwd or self.home,
                env={"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", **self.environ, **command.env},
                stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except FileNotFoundError:
            return Completed(argv=command.argv, returncode=None, problem=f"{name}: not found", missing=True)
        seconds = self.limit(command) or command.timeout
        with process:
            try:
                out, err = process.communicate(command.stdin, seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
                problem = f"{name}: timed out after {command.timeout:g} s"
                return Completed(argv=command.argv, returncode=None, stdout=out, stderr=err, problem=problem)
        return Completed(argv=command.argv, returncode=process.returncode, stdout=out, stderr=err)
