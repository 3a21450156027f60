"""Run the benchmarks and print a table: ``make bench``, or ``make bench ONLY="writers fanout"``."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.kit import Row, machine, note

MODULES = (
    "log_speed",
    "fanout",
    "writers",
    "spooling",
    "wakeup",
    "growth",
    "shell",
    "shell_publish",
    "interbase",
    "interband",
    "startup",
)


def main() -> int:
    """Measure; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*MODULES, []], help="only these")
    chosen = parser.parse_args().only or MODULES
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="interhost-bench-") as scratch:
        for name in chosen:
            note(f"{name} ...")
            rows += importlib.import_module(f"benchmarks.{name}").measure(Path(scratch))
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n")
    print("| what | measured | rounds | target | met |\n|---|--:|---|--:|---|")
    for row in rows:
        print(_line(row))
    return 0 if all(row.met for row in rows) else 1


def _line(row: Row) -> str:
    spread = f"{row.spread[0]:.2f} to {row.spread[1]:.2f}" if row.spread else ""
    bounded = row.target is not None and row.target != float("inf")
    target = f"{'at least' if row.at_least else 'at most'} {row.target:g} {row.unit}" if bounded else ""
    met = ("yes" if row.met else "**no**") if bounded else ""
    return f"| {row.claim} | {row.value:.2f} {row.unit} | {spread} | {target} | {met} |"


if __name__ == "__main__":
    sys.exit(main())
