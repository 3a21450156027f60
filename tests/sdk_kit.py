"""A plugin's hook that is written in Python: interbase alone, in interpreters without site-packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.hook_kit import ROOT, Hook, Ran

ALONE = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
HOSTILE: list[object] = [
    "",
    ".",
    "..",
    "../interphase",
    "inter/phase",
    "*",
    "inter*",
    "[i]nterphase",
    "?nterphase",
    "x" * 300,
    "-n",
]
HOSTILE += ["a\nb", "interphase/", "$HOME", "\udcff\udcfe", "\ud800", "ü", "a\0b", "\x1b[31m", None, 7, b"x", ["x"], {}]
"""What somebody may give for the name of a plugin, a bead or a run."""


class Sdk(Hook):
    """Runs Python as a hook does."""

    def __init__(self, base: Path, name: str = "home") -> None:
        super().__init__(base, name)
        for tool in ("cat", "sleep"):
            (self.tools / tool).symlink_to(str(shutil.which(tool)))

    def argv_python(self, code: str) -> list[str]:
        """The command that runs code with every name of interbase."""
        return [sys.executable, "-I", "-S", "-c", f"{ALONE}from interhost.interbase import *\n{code}"]

    def begin(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command of this hook without waiting for it."""
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(argv, stdin=nothing, stdout=pipe, stderr=pipe, env=self.environ, cwd=self.project)

    def start(self, code: str) -> subprocess.Popen[bytes]:
        """Start code without waiting for it."""
        return self.begin(self.argv_python(code))

    def run_python(
        self, code: str, *, env: Mapping[str, str | None] | None = None, stdin: bytes = b"", cwd: Path | None = None
    ) -> Ran:
        """Run code to its end."""
        changed = {**self.environ, **(env or {})}
        begin = time.monotonic()
        done = subprocess.run(
            self.argv_python(code),
            input=stdin,
            capture_output=True,
            env={key: value for key, value in changed.items() if value is not None},
            cwd=cwd or self.project,
            timeout=60,
            check=False,
        )
        took = time.monotonic() - begin
        text = [one.decode("utf-8", "surrogateescape") for one in (done.stdout, done.stderr)]
        return Ran(done.returncode, text[0], text[1], took)

    def value(self, expression: str, *, env: Mapping[str, str | None] | None = None, cwd: Path | None = None) -> object:
        """What an expression is; computing it must neither fail nor say anything."""
        ran = self.run_python(f"print(ascii({expression}))", env=env, cwd=cwd)
        assert (ran.code, ran.err) == (0, ""), ran
        return eval(ran.out, {})  # noqa: S307 - of a literal that the line above has printed
