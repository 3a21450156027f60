"""Print a completion script for a shell.

  interhost completion bash > ~/.local/share/bash-completion/completions/interhost
  interbus completion zsh > ~/.zfunc/_interbus

Needs the extra: pip install 'interhost[completion]'.
"""

from __future__ import annotations

import argparse
import importlib

from interhost.cli.main import PROGRAMS, module_of
from interhost.cli.parser import Parser
from interhost.errors import MissingError

SHELLS = ("bash", "zsh", "tcsh")


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("shell", choices=SHELLS)


def run(args: argparse.Namespace) -> int:
    """Print the script of the program that was called."""
    try:
        import shtab
    except ImportError:
        raise MissingError(
            "completion scripts are written by shtab, which is not installed",
            hint="pip install 'interhost[completion]'",
        ) from None
    print(shtab.complete(whole_parser(args.program), shell=args.shell))
    return 0


def whole_parser(program: str) -> argparse.ArgumentParser:
    """All commands of a program in one parser; the programs themselves never build it, for it imports everything."""
    parser = Parser(prog=program)
    commands = parser.add_subparsers()
    for name, about in PROGRAMS[program].items():
        importlib.import_module(module_of(name)).configure(commands.add_parser(name, help=about))
    return parser
