"""The programs behind submissions: where they are, and how they are run.

Each call has a deadline of ours; the programs' own ``--timeout`` is something else.

Source: reference/cli-contracts.md section 0.1, facts 5 and 6; section 6.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, field, frozen
from interhost_hookspecs import SubmissionCode, SubmissionError

from interhost.process import Result, run_process

SECONDS = 60.0
"""What a submission may take, all its programs together. clavain-cli runs about ten others to create a sprint."""
_QUESTION_SECONDS = 10.0
_LEAST_SECONDS = 2.0  # what a question gets after a write that took all the time
_LOCKED_PAUSES = (0.1, 0.2, 0.4, 0.8)

# clavain-cli itself takes ic under either name (cli-contracts.md 2.1).
_NAMES: Mapping[str, tuple[str, ...]] = {"clavain-cli": ("clavain-cli",), "ic": ("ic", "intercore"), "bd": ("bd",)}
VARIABLES: Mapping[str, str] = {"clavain-cli": "INTERHOST_CLAVAIN_CLI", "ic": "INTERHOST_IC", "bd": "INTERHOST_BD"}
PROGRAMS = tuple(_NAMES)


def find_program(program: str, environ: Mapping[str, str]) -> str | None:
    """The path of a program: from its variable, else from ``PATH``; ``None`` when there is none.

    An empty or relative entry of ``PATH`` does not count: it would be whatever repository we happen to be in.

    Raises:
        SubmissionError: The variable names no program. Nothing else is taken instead: without the policy layer that
            the user has named, writes would go past it.
    """
    variable = VARIABLES[program]
    if given := environ.get(variable):
        if not given.startswith("/") or not _is_program(given):
            raise SubmissionError(
                SubmissionCode.UNAVAILABLE,
                f"{variable}={given}: not the absolute path of a program",
                remediation=f"correct {variable}, or unset it to have {program} looked for on PATH",
            )
        return given
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder.startswith("/")]
    candidates = (f"{folder}/{name}" for name in _NAMES[program] for folder in folders)
    return next((path for path in candidates if _is_program(path)), None)


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


@frozen(kw_only=True)
class Desk:
    """Where a submission is made.

    Attributes:
        project: Root of the project, and working directory of every program: ``ic`` finds its database from there.
        environ: Environment of the programs.
        held: Open files that a program gets which may write: it keeps them open for as long as it runs.
        known: Run of each bead that was looked up for this submission; ``bd`` takes its time.
        until: When everything must be done, on the monotonic clock.
    """

    project: Path
    environ: Mapping[str, str]
    held: tuple[int, ...] = ()
    known: dict[str, str] = field(factory=dict)
    until: float = field(factory=lambda: time.monotonic() + SECONDS)

    def begin(self, held: tuple[int, ...] = ()) -> Desk:
        """The same desk with its whole time before it."""
        return evolve(self, held=held, until=time.monotonic() + SECONDS)

    def find(self, program: str) -> str | None:
        """The path of a program; see :func:`find_program`."""
        return find_program(program, self.environ)

    def ask(self, argv: Sequence[str]) -> Result:
        """Run a program that changes nothing."""
        return evolve(self, held=())._repeat(argv, _QUESTION_SECONDS, lambda: True)

    def write(self, argv: Sequence[str], *, may_repeat: Callable[[], bool] = lambda: False) -> Result:
        """Run a program that may write.

        Args:
            argv: Program and arguments.
            may_repeat: Asked before it is repeated because its database was locked.
        """
        return self._repeat(argv, SECONDS, may_repeat)

    def _repeat(self, argv: Sequence[str], seconds: float, may_repeat: Callable[[], bool]) -> Result:
        """One whose database is locked is run again, a little later each time."""
        answer = self._run(argv, seconds)
        for pause in _LOCKED_PAUSES:
            if not is_locked(answer) or time.monotonic() + pause > self.until:
                break
            time.sleep(pause)
            if not may_repeat():
                break
            answer = self._run(argv, seconds)
        return answer

    def _run(self, argv: Sequence[str], seconds: float) -> Result:
        left = max(_LEAST_SECONDS, min(seconds, self.until - time.monotonic()))
        environ = {**self.environ, "PATH": self._path()}
        return run_process(argv, timeout=left, env=environ, cwd=self.project, held=self.held)

    def _path(self) -> str:
        """``PATH`` with the folders of what a variable names in front: clavain-cli looks for ic and bd there only."""
        named = [self.environ.get(VARIABLES[program], "") for program in ("ic", "bd")]
        first = [os.path.dirname(path) for path in named if os.path.basename(path) in ("ic", "intercore", "bd")]
        return os.pathsep.join([*first, self.environ.get("PATH", "")])


def is_locked(answer: Result) -> bool:
    """Whether a program says that another one holds its database (cli-contracts.md 0.1, fact 6)."""
    return answer.returncode == 2 and "locked" in answer.stderr
