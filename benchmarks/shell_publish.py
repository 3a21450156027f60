"""What publishing costs a shell hook: as a whole process, and inside one that runs, against jq and against Python."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row, interleave, note, ratio, seconds
from interhost.shells.libraries import packaged_file

_PEER = Path(__file__).with_name("interbus_jq.sh")
_PAYLOAD = '{"verdict": "safe", "counts": {"P0": 0, "P1": 1}, "report": "docs/reviews/r.md"}'
_OURS = f"interbus_publish review_pass --payload '{_PAYLOAD}' --source-hook PostToolUse:Write"
_THEIRS = f"jq_publish review_pass PostToolUse:Write '{_PAYLOAD}'"
_HOOKS = 30
"""Processes started in one round."""
_CALLS = {"ours": 300, "theirs": 15}
_ROUNDS = 9


def measure(scratch: Path) -> list[Row]:
    """Each against what cannot be saved: a bash that does nothing, and the writing of a file."""
    library = packaged_file("interbus", "interbus.sh")
    root = Path(mkdtemp(dir=scratch))
    environ = {**os.environ, "INTERBUS_ROOT": str(root)}
    subprocess.run(["bash", str(library), "publish", "review_pass"], env=environ, check=True)
    return [*_processes(library, environ), *_calls(library, environ, root / "spool" / "new")]


def _processes(library: Path, environ: dict[str, str]) -> list[Row]:
    commands = {
        "bash": ["bash", "-c", ":"],
        "publish": ["bash", "-c", f"source '{library}'; {_OURS}"],
        "python": [sys.executable, "-I", "-S", "-c", "pass"],
        "jq": ["jq", "-n", "1"],
    }
    if shutil.which("jq") is None:
        note("shell_publish: jq is not installed, so there is nothing to compare with")
        del commands["jq"]
    times = interleave({name: partial(_start, argv, environ) for name, argv in commands.items()}, _ROUNDS)
    beyond = [1000 * (ours - bare) for ours, bare in zip(times["publish"], times["bash"], strict=True)]
    return [
        Row("shell publish, whole process", 1000 * statistics.median(times["publish"]), "ms"),
        Row(
            "shell publish, whole process, beyond bash -c :",
            statistics.median(beyond),
            "ms",
            0.8,
            spread=(min(beyond), max(beyond)),
        ),
        *(ratio("jq -n 1, to it", times[one], times["publish"], float("inf")) for one in ("jq",) if one in times),
        ratio("python -I -S -c pass, to it", times["python"], times["publish"], float("inf")),
    ]


def _calls(library: Path, environ: dict[str, str], new: Path) -> list[Row]:
    bare = f"printf '%s\\n' '{_PAYLOAD}' >'{new}'/$i-$RANDOM$RANDOM"
    tasks: dict[str, Callable[[], float]] = {
        "ours": partial(_loop, library, _OURS, environ, new, _CALLS["ours"]),
        "bare": partial(_loop, library, bare, environ, new, _CALLS["ours"]),
    }
    if shutil.which("jq"):
        tasks["theirs"] = partial(_loop, _PEER, _THEIRS, environ, new, _CALLS["theirs"])
    times = interleave(tasks, _ROUNDS)
    ours = [1000 * one for one in times["ours"]]
    rows = [
        Row("shell publish, inside a hook", statistics.median(ours), "ms", 0.3, spread=(min(ours), max(ours))),
        ratio("shell publish, to printf into a new file", times["ours"], times["bare"], float("inf")),
    ]
    if "theirs" in times:
        rows.append(ratio("publishing with jq, to ours", times["theirs"], times["ours"], 25, at_least=True))
    return rows


def _start(argv: list[str], environ: dict[str, str]) -> float:
    """Seconds that one process takes."""
    return seconds(lambda: [subprocess.run(argv, env=environ, check=True) for _ in range(_HOOKS)]) / _HOOKS


def _loop(source: Path, call: str, environ: dict[str, str], new: Path, calls: int) -> float:
    """Seconds of one call of many, as bash itself measures them, each of which must leave its file."""
    script = f"""source '{source}'; begin=$EPOCHREALTIME; for ((i = 0; i < {calls}; i++)); do {call}; done
        end=$EPOCHREALTIME; echo $((${{end//[!0-9]/}} - ${{begin//[!0-9]/}}))"""
    before = len(os.listdir(new))
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True)
    if len(os.listdir(new)) != before + calls:
        raise RuntimeError(f"{len(os.listdir(new)) - before} files instead of {calls}: {done.stderr}")
    return int(done.stdout) / 1e6 / calls
