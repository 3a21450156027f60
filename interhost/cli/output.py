"""What commands print: a table on a terminal, NDJSON in a pipe; and nothing that could drive the terminal."""

from __future__ import annotations

import contextlib
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

_DIM, _RESET = "\x1b[2m", "\x1b[0m"


def add_format_options(parser: argparse.ArgumentParser) -> None:
    """The options that every command with a table has."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="NDJSON, also on a terminal")
    form.add_argument("--table", action="store_true", help="for people, also in a pipe")


def wants_table(args: argparse.Namespace) -> bool:
    """Whether a person is looking."""
    return bool(args.table or (sys.stdout.isatty() and not args.json))


def print_json(record: Mapping[str, object]) -> None:
    """One line of NDJSON."""
    print(json.dumps(record, ensure_ascii=False, separators=(",", ":")), flush=True)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns; on a terminal cut at its width."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(len(row[index]) for row in [list(headers), *cells]) for index in range(len(headers))]
    terminal = sys.stdout.isatty()
    width = _terminal_width() if terminal else sys.maxsize
    for number, row in enumerate([list(headers), *cells]):
        line = "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        line = line if len(line) <= width else line[: width - 1] + "…"
        print(f"{_DIM}{line}{_RESET}" if number == 0 and terminal else line)


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def printable(value: object) -> str:
    """Text that cannot move the cursor, colour the screen or turn the writing around."""
    text = "" if value is None else str(value)
    if text.isprintable():  # what that lets through holds nothing of it, and it costs no expression
        return text
    from interhost.bus.envelope import CONTROL

    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def show_time(microseconds: int) -> str:
    """A stored time in the user's own time zone."""
    from datetime import datetime

    return datetime.fromtimestamp(microseconds / 1e6).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def iso_time(microseconds: int) -> str:
    """A stored time as RFC 3339 in UTC."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextlib.contextmanager
def claimed_stdout() -> Iterator[TextIO]:
    """Standard output for us alone: whatever else in this process or below it prints goes to standard error.

    Adapters run in here, and the programs that they start.
    """
    stdout = sys.stdout
    stdout.flush()
    try:
        real = os.dup(stdout.fileno())
    except (OSError, ValueError):  # not a file: nothing below us could write to it
        with contextlib.redirect_stdout(sys.stderr):
            yield stdout
        return
    with open(real, "w", encoding="utf-8", errors="backslashreplace") as mine:
        os.dup2(sys.stderr.fileno(), stdout.fileno())
        sys.stdout = sys.stderr
        try:
            yield mine
        finally:
            mine.flush()
            sys.stdout = stdout
            os.dup2(real, stdout.fileno())


def note(text: str) -> None:
    """A message for people; never on standard output."""
    with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
        print(printable(text), file=sys.stderr, flush=True)
