"""What every benchmark shares: rows, rounds, percentiles, and facts for interhost's log."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope

ROUNDS = 7
PAYLOAD = json.dumps({"verdict": "safe", "counts": {"P0": 0, "P1": 1}, "report": "x" * 100, "mode": "flux-drive"})


class Row(NamedTuple):
    """One claim: what was measured, and what it was to be.

    Attributes:
        claim: What is measured, and against what.
        value: The figure.
        unit: Its unit; ``x`` for a ratio.
        target: The limit; ``None`` for a figure without one.
        at_least: The limit is a lower one.
        spread: Smallest and largest of the rounds.
    """

    claim: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False
    spread: tuple[float, float] | None = None

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target


def make_envelope(number: int = 0) -> Envelope:
    """A fact like those that adapters publish, about 300 bytes on the log."""
    return compose(
        intent="review_pass", payload=PAYLOAD, context_id=f"iv-{number % 7}", producer="bench", door="adapter"
    )


def interleave(tasks: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Run every task once per round, so that a noisy moment hits all alike."""
    results: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            results[name].append(task())
    return results


def ratio(
    claim: str, ours: Sequence[float], theirs: Sequence[float], target: float | None = None, *, at_least: bool = False
) -> Row:
    """The median over rounds of ours to theirs, each within its own round."""
    each = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Row(claim, statistics.median(each), "x", target, at_least, (min(each), max(each)))


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent of the others lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def seconds(work: Callable[[], object]) -> float:
    """How long something takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def machine() -> str:
    """What this was measured on."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return (
        f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.release()}, "
        f"CPython {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def versions() -> str:
    """What we were compared with; what is not installed is left out."""
    found = []
    for name in ("litequeue", "persist-queue", "diskcache", "huey", "pluggy"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    for name in ("bash", "jq"):
        if program := shutil.which(name):
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
            found += [f"{name} {one}" for one in re.findall(r"\d+(?:\.\d+)+", said)[:1]]
    return ", ".join(found)


def note(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)
