"""A plugin's hook for tests: a home, folders of programs, and bash scripts that run as real processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SHELL = ROOT / "interhost" / "interbase" / "shell"
LIBRARY = SHELL / "interbase.sh"
STUB = SHELL / "interbase-stub.sh"
TOOLS = ("flock", "mkdir", "mv", "rm", "rmdir", "timeout")
"""What the library starts where it is there, besides ``ic``, ``bd`` and ``/bin/sh``."""
BASH = str(shutil.which("bash"))


class Ran(NamedTuple):
    """A hook that has ended."""

    code: int
    out: str
    err: str
    seconds: float


class Hook:
    """Runs scripts as strict hooks do, with nothing of this machine's own on ``PATH``.

    Args:
        base: An empty directory.
        name: Name of the home in it.
    """

    def __init__(self, base: Path, name: str = "home") -> None:
        self.base = base
        self.home = base / name
        self.bin = base / "bin"
        self.tools = base / "tools"
        self.project = base / "project"
        for folder in (self.home, self.bin, self.tools, self.project):
            folder.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            if found:
                (self.tools / tool).symlink_to(found)
        self.calls_file = base / "calls"
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:{self.tools}",
            "CLAUDE_SESSION_ID": "s1",
            "LANG": "C.UTF-8",
            "TMPDIR": str(base),
        }

    def program(self, name: str, body: str = "exit 0", folder: Path | None = None) -> Path:
        """A stand-in that notes its arguments, one per line and an empty line after them, and then does something."""
        path = (folder or self.bin) / name
        note = f"printf '%s\\n' {name} \"$@\" '' >>'{self.calls_file}'"
        path.write_text(f"#!/bin/sh\n{note}\n{body}\n")
        path.chmod(0o755)
        return path

    def calls(self) -> list[list[str]]:
        """Every call of a stand-in so far, and forget them."""
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        self.calls_file.unlink(missing_ok=True)
        return [call.split("\n") for call in text.split("\n\n")[:-1]]

    def argv(self, script: str, *, options: str = "-euo pipefail", library: Path = LIBRARY) -> list[str]:
        """The command that runs a script with the library; an error that escapes it leaves a mark."""
        head = f"set {options}; trap 'echo ERR-TRAP >&2; exit 0' ERR; source '{library}'"
        return [BASH, "-c", f"{head}\n{script}"]

    def run(
        self,
        script: str,
        *,
        options: str = "-euo pipefail",
        library: Path = LIBRARY,
        env: Mapping[str, str | None] | None = None,
        stdin: bytes = b"",
        cwd: Path | None = None,
    ) -> Ran:
        """Run a script to its end.

        Args:
            script: What comes after the library was sourced.
            options: Of ``set``.
            library: What is sourced.
            env: Changes of the environment; ``None`` takes a variable away.
            stdin: The hook's standard input.
            cwd: Where it runs; the project when left out.
        """
        changed = {**self.environ, **(env or {})}
        begin = time.monotonic()
        done = subprocess.run(
            self.argv(script, options=options, library=library),
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

    def say(self, script: str, **more: Any) -> str:
        """What a script prints that must end well and silently."""
        ran = self.run(script, **more)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran.out

    def asks(self, guard: str, **more: Any) -> bool:
        """What a guard answers; it must neither print nor fail otherwise."""
        return {"yes\n": True, "no\n": False}[self.say(f"if {guard}; then echo yes; else echo no; fi", **more)]

    def install_plugin(self, name: str, version: str = "1.0.0", market: str = "market") -> Path:
        """A version of a plugin in Claude Code's cache."""
        folder = self.home / ".claude" / "plugins" / "cache" / market / name / version
        folder.mkdir(parents=True)
        return folder


class Nudges:
    """The state of the nudges below a home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / ".config" / "interverse"
        self.state = self.folder / "nudge-state.json"

    def write(self, content: bytes) -> None:
        """Put a state file there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state.write_bytes(content)

    def pairs(self) -> dict[str, dict[str, Any]]:
        """The state."""
        pairs: dict[str, dict[str, Any]] = json.loads(self.state.read_bytes())
        return pairs

    def count(self, session: str = "s1") -> int:
        """How many tips a session has had."""
        path = self.folder / f"nudge-session-{session}.json"
        return int(json.loads(path.read_bytes())["count"]) if path.exists() else 0

    def names(self) -> list[str]:
        """Everything in the folder."""
        return sorted(os.listdir(self.folder)) if self.folder.exists() else []


def tip(companion: str, benefit: str) -> str:
    """The text of a tip."""
    return f"[interverse] Tip: run /plugin install {companion} for {benefit}.\n"
