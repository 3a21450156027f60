"""``clavain-cli`` itself: how it is run, what it can do, and what its failures mean.

Source: reference/cli-contracts.md sections 2.1 and 2.4.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from attrs import frozen
from interhost_hookspecs import SubmissionCode, SubmissionError

from interhost.process import Result
from interhost.submission.answers import say_why, unfinished, was_ended
from interhost.submission.programs import Desk, is_locked

NAME = "clavain-cli"
FALLBACK = "clavain-cli runs in its Bash fallback mode"
_known: dict[tuple[str, int, str], bool] = {}
"""What was found out about a program in this process, by its path and age."""


@frozen
class Clavain:
    """``clavain-cli`` in one project.

    Attributes:
        desk: Where it is run.
        path: The program.
    """

    desk: Desk
    path: str

    def is_fallback(self) -> bool:
        """Whether it is the shell script that stands in for the real program, and behaves differently (section 2.1)."""
        return self._find_out("help", lambda answer: "(Bash fallback mode)" in answer.stdout + answer.stderr)

    def has_command(self, command: str) -> bool:
        """Whether it knows a command. Asked without arguments, which at most shows how it is used."""
        return self._find_out(command, lambda answer: not (answer.returncode and "unknown command" in answer.stderr))

    def _find_out(self, command: str, judge: Callable[[Result], bool]) -> bool:
        key = (self.path, os.stat(self.path).st_mtime_ns, command)
        if key not in _known:
            _known[key] = judge(self.ask(command))
        return _known[key]

    def ask(self, *words: str) -> Result:
        """Ask a question.

        Raises:
            SubmissionError: It did not end by itself.
        """
        answer = self.desk.ask([self.path, *words])
        if answer.returncode is None or was_ended(answer):
            raise unfinished(NAME, answer, writing=False)
        return answer

    def write(self, *words: str, may_repeat: Callable[[], bool] = lambda: False) -> Result:
        """Make a write.

        Raises:
            SubmissionError: It did not end by itself.
        """
        answer = self.desk.write([self.path, *words], may_repeat=may_repeat)
        if answer.returncode is None or was_ended(answer):
            raise unfinished(NAME, answer, writing=True)
        return answer

    def lacks(self, command: str) -> str:
        """Why the kernel was asked instead."""
        mode = f"; {FALLBACK}" if self.is_fallback() else ""
        return f"the installed clavain-cli has no command {command!r}, so ic was asked{mode}"

    def is_unusable(self, answer: Result) -> bool:
        """Whether it does not work at all: the fallback dies of a variable that is not set (section 2.4)."""
        return answer.returncode in (126, 127) or "unknown command" in answer.stderr

    def is_claimed(self, answer: Result) -> bool:
        """Whether another session has it, or is about to (section 2.8)."""
        return "lock contention" in answer.stderr or "is claimed by session" in answer.stderr

    def failure(
        self, command: str, answer: Result, remediation: str = "", code: SubmissionCode = SubmissionCode.INTERNAL
    ) -> SubmissionError:
        """A failure without a decision in it."""
        said = f"clavain-cli {command}: {say_why(answer)}"
        if is_locked(answer):
            return SubmissionError(
                SubmissionCode.UNAVAILABLE, said, recoverable=True, remediation="somebody else writes; try again"
            )
        if self.is_claimed(answer):
            remediation = "somebody else works on it; wait, or agree on who goes on"
            return SubmissionError(SubmissionCode.CLAIM_CONFLICT, said, recoverable=True, remediation=remediation)
        if self.is_unusable(answer):
            fallback = self.is_fallback()
            return SubmissionError(
                SubmissionCode.UNAVAILABLE,
                f"{said}; {FALLBACK}" if fallback else said,
                remediation="install Go or clavain's built program" if fallback else "update clavain",
            )
        if "requires intercore" in answer.stderr or "ic unavailable" in answer.stderr:
            return SubmissionError(
                SubmissionCode.UNAVAILABLE, said, remediation="install intercore, then run 'ic init'"
            )
        return SubmissionError(code, said, remediation=remediation)


def find_clavain(desk: Desk) -> Clavain | None:
    """The policy layer; ``None`` where there is none.

    Raises:
        SubmissionError: The user has named one that is not there.
    """
    path = desk.find(NAME)
    return Clavain(desk, path) if path else None
