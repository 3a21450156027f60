"""What the shell library costs a hook: sourcing it with one question, and a tip."""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import ROUNDS, Row, interleave, ratio, seconds
from interhost.shells.libraries import packaged_file

_HOOKS = 40
"""Hooks started in one round."""
_TIPS = 40
_PAIRS = 20
"""Pairs in the state before the first tip."""


def measure(scratch: Path) -> list[Row]:
    """The start of a hook against a bash that does nothing; a tip, and a call that has nothing to say."""
    library = packaged_file("interbase", "interbase.sh")
    nothing, question = zip(*(_hooks(library, scratch) for _ in range(ROUNDS)), strict=True)
    beyond = [one - 1.3 * other for one, other in zip(question, nothing, strict=True)]
    tips = [_tips(library, Path(mkdtemp(dir=scratch))) for _ in range(ROUNDS)]
    shown, silent, floor = zip(*tips, strict=True)
    return [
        _row("bash -c :", nothing),
        _row("sourcing interbase.sh and ib_has_ic, beyond 1.3 x bash -c :", beyond, 1.0),
        _row("ib_nudge_companion, state there", silent, 5.0),
        _row("ib_nudge_companion, tip shown", shown),
        _row("flock, mkdir and mv alone", floor),
        ratio("tip shown, to the flock, mkdir and mv that record it", shown, floor, 2.5),
    ]


def _row(claim: str, rounds: Sequence[float], target: float | None = None) -> Row:
    return Row(claim, statistics.median(rounds), "ms", target, spread=(min(rounds), max(rounds)))


def _hooks(library: Path, home: Path) -> tuple[float, float]:
    """Milliseconds of a hook that does nothing and of one that asks: in turn, and the cheapest of each."""
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    argvs = [["bash", "-c", script] for script in (":", f"source '{library}'; ib_has_ic")]
    times = interleave({argv[-1]: partial(_start, argv, env) for argv in argvs}, _HOOKS)
    nothing, question = (1000 * min(one) for one in times.values())
    return nothing, question


def _start(argv: list[str], env: Mapping[str, str]) -> float:
    return seconds(lambda: subprocess.run(argv, env=env, check=False))


def _tips(library: Path, home: Path) -> tuple[float, float, float]:
    """Milliseconds of a call that shows a tip, each in a session of its own; of the same calls again; and of the floor.

    The floor is what recording needs in any shell: a subshell that takes a lock, makes a folder and replaces a file.
    """
    folder = home / ".config" / "interverse"
    folder.mkdir(parents=True)
    entries = [f'"interdoc:known{number:03}": {{"ignores": 1, "dismissed": false}}' for number in range(_PAIRS)]
    (folder / "nudge-state.json").write_text("{\n" + ",\n".join(entries) + "\n}\n")
    ask = 'CLAUDE_SESSION_ID=s$i ib_nudge_companion "other$((i / 3))" x interflux'
    floor = f"(cd '{home}'; exec 9>>lock; flock -x 9; mkdir flag$i; echo >new; mv -f new old)"
    return _loop(library, home, ask, _TIPS), _loop(library, home, ask, 0), _loop(library, home, floor, 0)


def _loop(library: Path, home: Path, call: str, tips: int) -> float:
    """Milliseconds of one call of many, which must show so many tips."""
    script = f"source '{library}'; TIMEFORMAT=%R; time {{ for i in {{1..{_TIPS}}}; do {call}; done 2>&1; }}"
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=True)
    if done.stdout.count("Tip:") != tips:
        raise RuntimeError(f"{done.stdout.count('Tip:')} tips instead of {tips}")
    return 1000 * float(done.stderr) / _TIPS
