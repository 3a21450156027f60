"""The surroundings of one case: a home, a working directory, stand-ins that record their calls, and nothing else."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interhost.interbase.conformance.cases import Given

TOOLS = (
    *("awk", "basename", "bash", "cat", "chmod", "cp", "cut", "date", "dirname", "env", "find", "flock", "grep"),
    *("head", "id", "jq", "ln", "ls", "mkdir", "mktemp", "mv", "printf", "ps", "readlink", "realpath", "rm", "rmdir"),
    *("sed", "sh", "sleep", "sort", "stat", "tail", "tee", "timeout", "touch", "tr", "uname", "wc"),
)
"""What an implementation finds on ``PATH`` besides the stand-ins, where this machine has it."""


def make_tools(folder: Path) -> None:
    """Fill a folder with links to those of the tools that this machine has."""
    for tool in TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)


class Stage:
    """One case's folder.

    Args:
        base: An empty directory.
        given: What is to be there.
        tools: The folder that :func:`make_tools` has filled.
    """

    def __init__(self, base: Path, given: Given, tools: Path) -> None:
        """Build it."""
        self.base = base
        self.places = {name: str(base / name) for name in ("home", "bin", "cwd")}
        for folder in (*self.places.values(), str(base / "tmp")):
            os.mkdir(folder)
        self._calls = base / "calls"
        self._reports = itertools.count()
        for name, program in given.programs.items():
            self._program(name, program)
        for path, content in given.files.items():
            self._file(Path(self.fill(path)), content)
        self.cwd = Path(self.fill(given.cwd or "{cwd}"))
        self.cwd.mkdir(parents=True, exist_ok=True)
        self._environ = self._changed(
            {
                "HOME": "{home}",
                "PATH": f"{{bin}}:{tools}",
                "CLAUDE_SESSION_ID": "s1",
                "LANG": "C.UTF-8",
                "TMPDIR": str(base / "tmp"),
            },
            given.env,
        )

    def fill(self, value: Any) -> Any:
        """A text with its places filled in: ``{home}``, ``{cwd}``, ``{bin}``; whatever else as it is."""
        if isinstance(value, str):
            for name, place in self.places.items():
                value = value.replace(f"{{{name}}}", place)
        return value

    def environ(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """The complete environment of a call."""
        return self._changed(self._environ, changes)

    def new_report(self) -> Path:
        """A file that is not there yet; may be asked for from any thread."""
        return self.base / f"report-{next(self._reports)}"

    def take_calls(self) -> list[list[str]]:
        """Every call of a stand-in so far, with its name first; forgotten then."""
        try:
            words = self._calls.read_bytes().decode("utf-8", "surrogateescape").split("\0")
        except FileNotFoundError:
            return []
        self._calls.unlink()
        calls = []
        while len(words) > 1:
            count = int(words[0]) + 1
            calls.append(words[1 : 1 + count])
            words = words[1 + count :]
        return calls

    def _changed(self, environ: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
        merged = {**environ, **changes}
        return {name: self.fill(value) for name, value in merged.items() if value is not None}

    def _program(self, name: str, given: Mapping[str, Any]) -> None:
        """A stand-in: it records, and then does what is given, in the order of the lines below."""
        lines = ["#!/bin/sh", f'printf \'%s\\0\' "$#" {name} "$@" >>{shlex.quote(str(self._calls))}']
        if given.get("reads"):
            lines.append("cat >/dev/null")
        lines += [f"printf '%s\\n' {shlex.quote(given[key])} {to}" for key, to in _OUTPUT if key in given]
        if given.get("leaves"):
            lines.append("sleep 20 &")
        if "hangs" in given:
            lines.append(f"{'trap : TERM INT; ' if given['hangs'] == 'hard' else ''}sleep 30; sleep 30")
        for args, code in given.get("exits", []):
            wanted = " ".join(self.fill(one) for one in args)
            lines.append(f'[ "$*" != {shlex.quote(wanted)} ] || exit {int(code)}')
        lines.append(f"exit {int(given.get('exit', 0))}")
        path = Path(self.fill(given.get("folder", "{bin}"))) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o644 if given.get("not_executable") else 0o755)

    def _file(self, path: Path, content: Any) -> None:
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(self.fill(content), "utf-8")
        elif "link" in content:
            path.symlink_to(self.fill(content["link"]))
        elif "base64" in content:
            path.write_bytes(base64.b64decode(content["base64"]))
        else:
            path.write_text(json.dumps(content["json"]), "utf-8")
        if isinstance(content, dict) and "mode" in content:
            os.chmod(path, int(content["mode"], 8))


_OUTPUT = (("stdout", ""), ("stderr", ">&2"))
