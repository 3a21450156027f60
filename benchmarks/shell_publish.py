"""What publishing costs a shell hook: as a whole process, and inside one that runs, against jq and against Python."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row, interleave, note, ratio, seconds
from interhost.shells.libraries import packaged_file

_PEER = Path(__file__).with_name("interbus_jq.sh")
_PAYLOAD = '{"verdict": "safe", "counts": {"P0": 0, "P1": 1}, "report": "docs/reviews/r.md"}'
_OURS = f"interbus_publish review_pass --payload '{_PAYLOAD}' --source-hook PostToolUse:Write"
_THEIRS = f"jq_publish review_pass PostToolUse:Write '{_PAYLOAD}'"
_ROUNDS, _STARTS = 9, 25
"""Of the starts in a round, in turn, the cheapest counts: whatever comes in between can only add."""
_CALLS, _CALLS_OF_JQ = 200, 11


def measure(scratch: Path) -> list[Row]:
    """Each against what cannot be saved: a bash that does nothing, and the writing of a file."""
    library = packaged_file("interbus", "interbus.sh")
    root = Path(mkdtemp(dir=scratch))
    environ = {**os.environ, "INTERBUS_ROOT": str(root)}
    subprocess.run(["bash", str(library), "publish", "review_pass"], env=environ, check=True)
    if not (has_jq := shutil.which("jq") is not None):
        note("  jq is not installed: there is less to compare with")
    return [*_processes(library, environ, has_jq=has_jq), *_calls(library, environ, root / "spool" / "new", has_jq)]


def _processes(library: Path, environ: dict[str, str], *, has_jq: bool) -> list[Row]:
    commands = {
        "bash": ["bash", "-c", ":"],
        "publish": ["bash", "-c", f"source '{library}'; {_OURS}"],
        "python": [sys.executable, "-I", "-S", "-c", "pass"],
    }
    if has_jq:
        commands |= {"jq": ["jq", "-n", "1"], "library": ["bash", "-c", f"source '{_PEER}'; {_THEIRS}"]}
    runs = interleave({name: partial(_start, argv, environ) for name, argv in commands.items()}, _ROUNDS * _STARTS)
    times = {name: [min(each[at : at + _STARTS]) for at in range(0, len(each), _STARTS)] for name, each in runs.items()}
    beyond = [1000 * (ours - bare) for ours, bare in zip(times["publish"], times["bash"], strict=True)]
    claims = {
        "jq": "jq -n 1, to a shell that publishes",
        "python": "python -I -S -c pass, to a shell that publishes",
        "library": "a shell that publishes with jq, to one that does with interbus.sh",
    }
    return [
        _row("bash -c :", [1000 * one for one in times["bash"]]),
        _row("a shell that publishes, beyond bash -c :", beyond, 0.8),
        *(ratio(claim, times[name], times["publish"]) for name, claim in claims.items() if name in times),
    ]


def _calls(library: Path, environ: dict[str, str], new: Path, has_jq: bool) -> list[Row]:
    bare = f"printf '%s\\n' '{_PAYLOAD}' >'{new}'/$i-$RANDOM$RANDOM"
    tasks: dict[str, Callable[[], float]] = {
        "ours": partial(_loop, library, _OURS, environ, new, _CALLS),
        "bare": partial(_loop, library, bare, environ, new, _CALLS),
    }
    if has_jq:
        tasks["theirs"] = partial(_loop, _PEER, _THEIRS, environ, new, _CALLS_OF_JQ)
    times = interleave(tasks, _ROUNDS)
    rows = [
        _row("publishing inside a hook", [1000 * one for one in times["ours"]], 0.3),
        ratio("publishing inside a hook, to printf into a new file", times["ours"], times["bare"]),
    ]
    if has_jq:
        rows.append(ratio("publishing with jq, to it", times["theirs"], times["ours"], 25, at_least=True))
    return rows


def _row(claim: str, rounds: Sequence[float], target: float | None = None) -> Row:
    return Row(claim, statistics.median(rounds), "ms", target, spread=(min(rounds), max(rounds)))


def _start(argv: list[str], environ: dict[str, str]) -> float:
    """Seconds that one process takes."""
    return seconds(lambda: subprocess.run(argv, env=environ, check=True, stdout=subprocess.DEVNULL))


def _loop(source: Path, call: str, environ: dict[str, str], new: Path, calls: int) -> float:
    """Seconds of the middle one of many calls, as bash itself measures them, each of which must leave its file."""
    script = f"""source '{source}'
        for ((i = 0; i < {calls}; i++)); do begin=$EPOCHREALTIME; {call}; took+=($begin $EPOCHREALTIME); done
        printf '%s %s\\n' "${{took[@]//[!0-9]/}}" """
    before = len(os.listdir(new))
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True)
    if len(os.listdir(new)) != before + calls:
        raise RuntimeError(f"{len(os.listdir(new)) - before} files instead of {calls}: {done.stderr}")
    pairs = (map(int, line.split()) for line in done.stdout.splitlines())
    return statistics.median(end - begin for begin, end in pairs) / 1e6
