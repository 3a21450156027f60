"""What interbase costs a hook that is written in Python: one question in a fresh interpreter, and a tip."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import interhost
from benchmarks.kit import ROUNDS, Row, interleave, ratio, seconds

_STARTS = 20
"""Interpreters started in one round."""
_TIPS = 40
_SITE = Path(interhost.__file__).parents[1]
_QUESTION = f"import sys; sys.path.insert(0, {str(_SITE)!r}); import interhost.interbase; interhost.interbase.has_ic()"
_NUDGES = f"""
import os, sys, time
sys.path.insert(0, {str(_SITE)!r})
from interhost.interbase import nudge_companion
sys.stderr = open(os.devnull, "w")


def measure(prefix):
    begin = time.perf_counter()
    for number in range({_TIPS}):
        os.environ["CLAUDE_SESSION_ID"] = f"{{prefix}}{{number}}"
        nudge_companion(f"{{prefix}}{{number}}", "a benchmark", "interflux")
    return 1000 * (time.perf_counter() - begin) / {_TIPS}


measure("warm")
print(measure("tip"), measure("tip"))
"""


def measure(scratch: Path) -> list[Row]:
    """The start of a hook against a Python that does nothing; a tip, and a call that has nothing to say."""
    both = interleave({"pass": lambda: _starts("pass", scratch), "question": lambda: _starts(_QUESTION, scratch)})
    tips = [_tips(Path(mkdtemp(dir=scratch))) for _ in range(ROUNDS)]
    shown, silent = zip(*tips, strict=True)
    return [
        ratio("import interhost.interbase; has_ic() : python -I -S -c pass", both["question"], both["pass"], 2.0),
        Row("nudge_companion, tip shown", statistics.median(shown), "ms", spread=(min(shown), max(shown))),
        Row("nudge_companion, nothing to say", statistics.median(silent), "ms", spread=(min(silent), max(silent))),
    ]


def _starts(code: str, home: Path) -> float:
    argv = [sys.executable, "-I", "-S", "-c", code]
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return seconds(lambda: [subprocess.run(argv, env=env, check=True) for _ in range(_STARTS)])


def _tips(home: Path) -> tuple[float, float]:
    """Milliseconds of a call that shows a tip, each in a session of its own, and of one whose session had that tip."""
    argv = [sys.executable, "-I", "-S", "-c", _NUDGES]
    done = subprocess.run(argv, env={"HOME": str(home)}, check=True, capture_output=True, text=True)
    shown, silent = map(float, done.stdout.split())
    return shown, silent
