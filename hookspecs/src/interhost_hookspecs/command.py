"""How a command ended.

Source: design section 7, step 5.
"""

from __future__ import annotations

from attrs import frozen

from interhost_hookspecs.plain import plain_reason

_SAID = 64 * 1024


@frozen(kw_only=True)
class Completed:
    """How a command ended. Never an exception: a missing or hung tool is an answer.

    Attributes:
        argv: What was run.
        returncode: Exit status; ``None`` when it did not start or was ended by the deadline.
        stdout: Standard output, decoded as UTF-8 with replacement.
        stderr: Standard error, decoded likewise.
        problem: ``""``, or in one line why there is no exit status (``timed out after 10 s``).
        missing: There is no such program.
    """

    argv: tuple[str, ...]
    returncode: int | None
    stdout: str = ""
    stderr: str = ""
    problem: str = ""
    missing: bool = False

    @property
    def ok(self) -> bool:
        """Whether the command ran and exited with 0."""
        return self.returncode == 0

    @property
    def why(self) -> str:
        """What the command had to say, in one line: the problem, its errors, its output, or its exit status."""
        said = " ".join(plain_reason((self.stderr or self.stdout)[:_SAID]).split())[:200]
        return plain_reason(self.problem) or said or f"exit status {self.returncode}"
