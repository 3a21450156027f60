"""Sideband files: the shell library against one on jq, and Python's against the least that an atomic write can be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row, interleave, note, ratio, seconds
from interhost.interband.loader import OURS
from interhost.interband.paths import sideband_path
from interhost.interband.read import read_sideband
from interhost.interband.write import write_sideband

_JQ = Path(__file__).with_name("interband_jq.sh")
_PAYLOAD = {"id": "iv-a3izq", "phase": "planned", "reason": "Plan: docs/plans/p.md", "ts": 1795171216}
_SHELL_CALLS = 40
_CALLS = 2_000
_ROUNDS = 5


def measure(scratch: Path) -> list[Row]:
    """Each as a whole call inside a shell or process that is already running, as a hook makes it."""
    return [*_shells(scratch), *_pythons(scratch)]


def _shells(scratch: Path) -> list[Row]:
    if shutil.which("jq") is None:
        note("interband: jq is not installed, so there is nothing to compare the shell library with")
        return []
    ours, theirs = (_shell_tasks(scratch, name) for name in ("interband", "jq"))
    times = interleave({**ours, **theirs}, _ROUNDS)
    return [
        *(
            ratio(f"jq-based shell {verb}, to ours", times[f"jq {verb}"], times[f"interband {verb}"], 3, at_least=True)
            for verb in ("write", "read")
        ),
        *(
            Row(f"shell {verb}", min(times[f"interband {verb}"]) / _SHELL_CALLS * 1000, "ms")
            for verb in ("write", "read")
        ),
    ]


def _shell_tasks(scratch: Path, library: str) -> dict[str, Callable[[], float]]:
    """Seconds for so many calls, as bash itself measures them: the start of the shell is not in it."""
    path = sideband_path(Path(mkdtemp(dir=scratch)), "interphase", "bead", "s1")
    source = OURS if library == "interband" else _JQ
    write = f"{library}_write {path} interphase bead_phase s1 '{json.dumps(_PAYLOAD)}'"
    calls = {"write": write, "read": f"{library}_read_payload {path} >/dev/null"}
    environ = {**os.environ, "INTERBAND_ROOT": str(path.parents[2]), "INTERBAND_PYTHON": sys.executable}

    def run(call: str) -> float:
        script = f"""set -e; source {source}; {write}; begin=$EPOCHREALTIME
            for ((i = 0; i < {_SHELL_CALLS}; i++)); do {call}; done
            end=$EPOCHREALTIME; echo $((${{end//[!0-9]/}} - ${{begin//[!0-9]/}}))"""
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=environ)
        return int(done.stdout) / 1e6

    return {f"{library} {verb}": lambda call=call: run(call) for verb, call in calls.items()}  # type: ignore[misc]


def _pythons(scratch: Path) -> list[Row]:
    root = Path(mkdtemp(dir=scratch))
    path, floor = sideband_path(root, "interphase", "bead", "s1"), root / "floor.json"
    document = json.dumps({"version": "1.0.0", "payload": _PAYLOAD})

    def bare() -> None:
        temporary = floor.with_suffix(".tmp")
        temporary.write_text(document)
        os.replace(temporary, floor)

    def many(work: Callable[[], object]) -> Callable[[], float]:
        return lambda: seconds(lambda: [work() for _ in range(_CALLS)])

    tasks = {
        "write": many(lambda: write_sideband(root, "interphase", "bead", "s1", _PAYLOAD)),
        "bare write": many(bare),
        "read": many(lambda: read_sideband(path)),
    }
    times = interleave(tasks, _ROUNDS)
    return [
        ratio("sideband write, to a bare write and rename", times["write"], times["bare write"]),
        Row("sideband write", min(times["write"]) / _CALLS * 1e6, "us"),
        Row("sideband read", min(times["read"]) / _CALLS * 1e6, "us"),
    ]
