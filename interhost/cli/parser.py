"""The parser of every command's options."""

from __future__ import annotations

import argparse
import os

from interhost.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Asks for the terminal's width itself: argparse does so for every option, through ``shutil``, which costs 3 ms."""

    def __init__(self, prog: str) -> None:
        """Format the help of a program."""
        super().__init__(prog, width=_terminal_width() - 2)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: argparse would exit with 2, which Claude Code reads as "block"."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(message, hint=f"{self.prog} --help")


def _terminal_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80
