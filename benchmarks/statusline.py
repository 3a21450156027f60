"""What our part of a status line adds to the command behind it, where it has a text to show and where it has none."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.installed import Installation, installation
from benchmarks.kit import Row, interleave

_RUNS = 77
_STATUS = {
    "hook_event_name": "Status",
    "session_id": "bench",
    "cwd": "/src",
    "model": {"id": "opus", "display_name": "Opus"},
    "workspace": {"current_dir": "/src", "project_dir": "/src"},
    "cost": {"total_cost_usd": 0.5, "total_duration_ms": 60_000},
}
_PLAIN = ["/bin/sh", "-c", "cat"]


def measure(scratch: Path) -> list[Row]:
    """Wall time more than that of a command without ours."""
    full, empty = installation(scratch, 16), installation(scratch, 4)
    lines = full.bin.parent / ".interband" / "interbus" / "segment" / "lines"
    lines.parent.mkdir(parents=True)
    rows_of_others = [f"4102444800\twarn\t/projects/{number}\tdocs drift: 14 commits\n" for number in range(63)]
    lines.write_text("".join([*rows_of_others, "4102444800\twarn\tbench\tdocs drift: 14 commits\n"]))
    _check(full, "docs drift")
    _check(empty, "")
    times = interleave(
        {
            "plain": lambda: _wall(full, _PLAIN),
            "text": lambda: _wall(full, _ours(full)),
            "no text": lambda: _wall(empty, _ours(empty)),
        },
        _RUNS,
    )
    rows = []
    for name, limit in (("text", 15.0), ("no text", 1.0)):
        more = [1000 * (one - other) for one, other in zip(times[name], times["plain"], strict=True)]
        rows.append(Row(f"status line, {name}: wall more than without ours, p50", statistics.median(more), "ms", limit))
    return rows


def _wall(where: Installation, argv: Sequence[str | Path]) -> float:
    _, wall = where.run(argv, _STATUS)
    return wall


def _ours(installed: Installation) -> list[str]:
    """A status line with our part before another command."""
    script = installed.hook.with_name("statusline.sh")
    return ["/bin/sh", "-c", f"test -f {script} && . {script}; cat"]


def _check(installed: Installation, text: str) -> None:
    """Whether the status line shows what it is to show."""
    document = json.dumps(_STATUS)
    shown = subprocess.run(
        _ours(installed), input=document, text=True, env=installed.environ, check=True, stdout=subprocess.PIPE
    )
    if text not in shown.stdout or not shown.stdout.endswith(document + ("\n" if text else "")):
        raise RuntimeError(f"status line: {shown.stdout}")
