"""What the tests of interband.sh share: shells that have sourced it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from interhost.interband.loader import OURS

BEAD = '{"id":"iv-1","phase":"planned","reason":"Plan: docs/plans/p.md","ts":1795171216}'
HARD = "set -euo pipefail; IFS='ae/'; "


class Bash:
    """Shells that have sourced a copy of the library, with an empty environment."""

    def __init__(self, base: Path) -> None:
        self.root = base / "interband"
        self.environ = {
            "PATH": os.defpath,
            "INTERBAND_ROOT": str(self.root),
            "INTERBAND_PYTHON": sys.executable,
            "TMPDIR": str(base),
        }
        self.library = OURS

    def run(self, script: str, *arguments: str, code: int = 0, **environ: str | None) -> tuple[str, str]:
        """Output and messages of a script, which is expected to end with a code."""
        changed = {**self.environ, **environ}
        done = subprocess.run(
            ["bash", "-c", f"source {self.library}\n{script}", "bash", *arguments],
            capture_output=True,
            env={name: value for name, value in changed.items() if value is not None},
            check=False,
            timeout=60,
        )
        out, err = done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "replace")
        assert done.returncode == code, f"ended with {done.returncode}\n{out}\n{err}"
        return out, err

    def write(self, payload: str = BEAD, key: str = "s1", **more: Any) -> tuple[str, str]:
        """Write a bead, the way plugins do it."""
        script = 'p=$(interband_path interphase bead "$1"); interband_write "$p" interphase bead_phase "$1" "$2"'
        return self.run(HARD + script, key, payload, **more)


@pytest.fixture
def bash(tmp_path: Path) -> Bash:
    return Bash(tmp_path)
