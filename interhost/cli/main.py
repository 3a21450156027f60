"""The two programs: find the command, import only that one, and end with an exit code that says what happened.

Exit codes (design section 9): 0 success, 1 an expected negative, 64 usage, 65 bad input, 69 something required is
missing, 70 a fault of ours, 75 try again. Never 2, which Claude Code reads from a hook as "block".
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from interhost.errors import InterhostError, UsageError

INTERBUS: Mapping[str, str] = {
    "publish": "put a fact on the bus",
    "emit": "put a fact on the bus from a plugin's script, in few words",
    "subscribe": "print facts as they come, or what is new since the last time",
    "consume": "take facts for a script, acknowledged when its command succeeds",
    "replay": "print stored facts again, filtered",
    "trace": "show what became of one fact: who got it, what they did, what followed",
    "catalog": "list the intents, or explain one",
}
INTERHOST: Mapping[str, str] = {
    "list": "list the installed adapters",
    "companions": "show who is installed, and who would gain what from whom",
    "run": "look at the modules and deliver what is due; once, until idle, or for good",
    "doctor": "check everything, and say what to do about what is wrong",
    "config": "read and change the configuration",
    "redrive": "deliver dead letters again",
    "demo": "play a short sprint with real-shaped files, and tell the story",
}
_BOTH = {"completion": "print a completion script for a shell"}
PROGRAMS: Mapping[str, Mapping[str, str]] = {"interbus": {**INTERBUS, **_BOTH}, "interhost": {**INTERHOST, **_BOTH}}
_ABOUT = {
    "interbus": "The Interbus: facts from coding-agent plugins, on a durable log.",
    "interhost": "The host that delivers facts on the Interbus to the modules that care.",
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: argparse would exit with 2."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(message, hint=f"{self.prog} --help")


def interbus(argv: Sequence[str] | None = None) -> int:
    """The program ``interbus``."""
    return _main("interbus", sys.argv[1:] if argv is None else argv)


def interhost(argv: Sequence[str] | None = None) -> int:
    """The program ``interhost``."""
    return _main("interhost", sys.argv[1:] if argv is None else argv)


def _main(program: str, argv: Sequence[str]) -> int:
    _prepare_streams()
    try:
        code = _dispatch(program, argv)
        sys.stdout.flush()
    except InterhostError as error:
        return _fail(program, str(error), error.hint, error.exit_code)
    except BrokenPipeError:
        # Whoever read us has seen enough; keep the interpreter from complaining when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except SystemExit as error:
        if not error.code:
            raise
        # An adapter's way out; its status is not ours to end with, and could be 2.
        return _fail(program, f"an adapter called sys.exit({error.code!r})", "", 70)
    except BaseException as error:  # an adapter may raise asyncio.CancelledError, which is no Exception
        if os.environ.get("INTERHOST_STRICT") == "1":
            raise
        hint = "a fault of interhost; INTERHOST_STRICT=1 shows where"
        return _fail(program, f"{type(error).__name__}: {error}", hint, 70)
    return code


def _dispatch(program: str, argv: Sequence[str]) -> int:
    commands = PROGRAMS[program]
    first = argv[0] if argv else "--help"
    if first in ("-h", "--help"):
        print(_help(program, commands))
        return 0 if argv else UsageError.exit_code
    if first in ("-V", "--version"):
        print(f"{program} {_version()}")
        return 0
    if first not in commands:
        import difflib

        # Somebody who looks for a command may only have the wrong one of the two programs.
        names = {name: f"interbus {name}" for name in INTERBUS} | {name: f"interhost {name}" for name in INTERHOST}
        nearest = difflib.get_close_matches(first, names, 1)
        meant = f"; did you mean '{names[nearest[0]]}'?" if nearest else ""
        raise UsageError(f"no command {first!r}{meant}", hint=f"{program} --help")
    module = importlib.import_module(f"interhost.cli.{first}")
    parser = Parser(
        prog=f"{program} {first}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    args = parser.parse_args(argv[1:])
    args.program = program
    code: int = module.run(args)
    return code


def _prepare_streams() -> None:
    """NDJSON is UTF-8 whatever the locale says, and no stream stops us: not a poor terminal, not a closed one."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for the life of the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def _help(program: str, commands: Mapping[str, str]) -> str:
    lines = [f"usage: {program} COMMAND ...", "", _ABOUT[program], "", "commands:"]
    lines += [f"  {name:<10} {about}" for name, about in commands.items()]
    lines += ["", f"'{program} COMMAND --help' explains one. Tables on a terminal, NDJSON in a pipe or with --json."]
    return "\n".join(lines)


def _version() -> str:
    """Our version, from our own metadata: importing importlib.metadata would cost more than everything else."""
    from interhost.host.registry import distribution_version

    return distribution_version("interhost")


def _fail(program: str, message: str, hint: str, code: int) -> int:
    from interhost.cli.output import note

    note(f"{program}: {message}")
    if hint:
        note(f"  {hint}")
    return code
