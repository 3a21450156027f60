"""``completion``: scripts that a shell really takes."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

_ASK = """
source /dev/stdin
COMP_WORDS=({words}) COMP_CWORD={last}
COMP_LINE="${{COMP_WORDS[*]}}" COMP_POINT=${{#COMP_LINE}}
$(complete -p {program} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("interbus rep", {"replay"}),
        ("interbus publish --art", {"--artifact"}),
        ("interhost run --dr", {"--drain"}),
    ],
)
def test_bash_completes_commands_and_options(shell: Shell, words: str, expected: set[str]) -> None:
    """The script completes a command of its program, and an option of that command."""
    program = words.split()[0]
    script = shell.run(program, "completion", "bash").out
    ask = _ASK.format(words=words, last=len(words.split()) - 1, program=program)
    done = subprocess.run(["bash", "-c", ask], input=script, capture_output=True, text=True, check=True)
    assert {one.strip() for one in done.stdout.split("\n") if one.strip()} == expected


def test_an_unknown_shell_is_a_usage_error(shell: Shell) -> None:
    """Only shells that there is a script for are taken."""
    assert "bash" in shell.run("interhost", "completion", "fish", code=64).err
