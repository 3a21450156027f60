"""What the shell library costs a hook: sourcing it with one question, and a tip."""

from __future__ import annotations

import os
import statistics
import subprocess
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
    bare = interleave(
        {
            "nothing": lambda: _hooks(":", scratch),
            "question": lambda: _hooks(f"source '{library}'; ib_has_ic", scratch),
        }
    )
    beyond = [1000 * (one - 1.3 * other) for one, other in zip(bare["question"], bare["nothing"], strict=True)]
    tips = [_tips(library, Path(mkdtemp(dir=scratch))) for _ in range(ROUNDS)]
    shown, silent, floor = zip(*tips, strict=True)
    return [
        Row("bash -c :", 1000 * statistics.median(bare["nothing"]), "ms"),
        Row(
            "sourcing interbase.sh and ib_has_ic, beyond 1.3 x bash -c :",
            statistics.median(beyond),
            "ms",
            1.0,
            spread=(min(beyond), max(beyond)),
        ),
        Row("ib_nudge_companion, state there", statistics.median(silent), "ms", 5.0, spread=(min(silent), max(silent))),
        Row("ib_nudge_companion, tip shown", statistics.median(shown), "ms"),
        ratio("tip shown, to the flock, mkdir and mv that record it", shown, floor, 2.5),
    ]


def _hooks(script: str, home: Path) -> float:
    """Seconds that one hook takes."""
    argv = ["bash", "-c", script]
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return seconds(lambda: [subprocess.run(argv, env=env, check=False) for _ in range(_HOOKS)]) / _HOOKS


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
