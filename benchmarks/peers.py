"""Our commands beside those of other plugin hosts, each in a virtual environment of its own and asked for its version.

llm, datasette, tox and hatch find their plugins as we do, by entry points. What cannot be installed is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.installed import Installation, installation
from benchmarks.kit import Row, interleave, note, ratio

_TOOLS = ("llm", "datasette", "tox", "hatch")
_INSTALL_SECONDS = 150
_ROUNDS, _RUNS = 5, 5
"""The cheapest run of a round counts."""


def measure(scratch: Path) -> list[Row]:
    """CPU time of each tool's ``--version``, to that of ours, and to our list of 16 adapters."""
    ours = installation(scratch, 16)
    programs = dict(_install_all(scratch / "peers"))
    commands: dict[str, Sequence[str | Path]] = {name: [program, "--version"] for name, program in programs.items()}
    commands |= {"version": [ours.bin / "interhost", "--version"], "list": [ours.bin / "interhost", "list"]}
    for command in commands.values():  # what is compiled at the first start is compiled then
        ours.run(command)
    runs = interleave({name: partial(_cpu, ours, command) for name, command in commands.items()}, _ROUNDS * _RUNS)
    cpu = {name: [min(each[at : at + _RUNS]) for at in range(0, len(each), _RUNS)] for name, each in runs.items()}
    return [
        ratio(f"{name} --version, to interhost {what}", cpu[name], cpu[key])
        for key, what in (("version", "--version"), ("list", "list, 16 adapters"))
        for name in programs
    ]


def _cpu(where: Installation, command: Sequence[str | Path]) -> float:
    cpu, _ = where.run(command)
    return cpu


def _install_all(base: Path) -> Iterator[tuple[str, Path]]:
    for name in _TOOLS:
        note(f"  installing {name}")
        try:
            _install(name, base / name)
        except (OSError, subprocess.SubprocessError) as error:
            note(f"  {name} cannot be installed here: left out ({type(error).__name__})")
        else:
            yield name, base / name / "bin" / name


def _install(name: str, folder: Path) -> None:
    """And start it once, because a tool that is installed need not work."""
    python = folder / "bin" / "python"
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "HOME": str(folder)}
    commands: tuple[Sequence[str | Path], ...] = (
        [sys.executable, "-m", "venv", folder],
        [python, "-m", "pip", "install", "--quiet", "--prefer-binary", name],
        [folder / "bin" / name, "--version"],
    )
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_SECONDS, env=environ, cwd="/")
