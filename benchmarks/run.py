"""Run the benchmarks and print a table of each: ``make bench``, or ``make bench ONLY="writers fanout"``.

It ends with 1 when a target is missed or a benchmark could not be run; the others are run all the same.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.kit import Row, machine, note, versions

MODULES = (
    "log_speed",
    "writers",
    "fanout",
    "spooling",
    "wakeup",
    "all_adapters",
    "growth",
    "shell_publish",
    "startup",
    "hook_storm",
    "statusline",
    "peers",
    "shell",
    "interbase",
    "interband",
)
_HEAD = "| what | measured | rounds | target | met |\n|---|--:|---|--:|---|"


def main() -> int:
    """Measure; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*MODULES, []], help="only these")
    chosen = parser.parse_args().only or MODULES
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n{versions()}")
    with tempfile.TemporaryDirectory(prefix="interhost-bench-") as scratch:
        met = [_run(name, Path(scratch)) for name in chosen]
    return 0 if all(met) else 1


def _run(name: str, scratch: Path) -> bool:
    """One benchmark's table; whether all of its targets are met."""
    note(f"{name} ...")
    module = importlib.import_module(f"benchmarks.{name}")
    began, load = time.monotonic(), os.getloadavg()[0]
    try:
        rows: list[Row] = module.measure(scratch)
    except Exception:
        note(traceback.format_exc())
        rows = []
    took = f"{time.monotonic() - began:.0f} s, load {load:.1f} to {os.getloadavg()[0]:.1f}"
    print(f"\n## {name} ({took})\n\n{(module.__doc__ or '').splitlines()[0]}\n\n{_HEAD}")
    for row in rows:
        print(_line(row), flush=True)
    return bool(rows) and all(row.met for row in rows)


def _line(row: Row) -> str:
    spread = f"{row.spread[0]:.2f} to {row.spread[1]:.2f}" if row.spread else ""
    target = "" if row.target is None else f"{'at least' if row.at_least else 'at most'} {row.target:g} {row.unit}"
    met = "" if row.target is None else "yes" if row.met else "**no**"
    return f"| {row.claim} | {row.value:.2f} {row.unit} | {spread} | {target} | {met} |"


if __name__ == "__main__":
    sys.exit(main())
