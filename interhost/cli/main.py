"""The two programs: find the command, import only that one, and end with an exit code that says what happened.

Exit codes (design section 9): 0 success, 1 an expected negative, 64 usage, 65 bad input, 69 something required is
missing, 70 a fault of ours, 75 try again. Never 2, which Claude Code reads from a hook as "block".
"""

from __future__ import annotations

import os
import sys

from interhost.errors import InterhostError, UsageError

TYPE_CHECKING = False  # what a hook's start would pay for stays out of here: typing, collections.abc, argparse
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

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
    "nudge": "list, end or reset the tips about companions that are missing",
    "hook": "take one hook event of Claude Code; what Claude Code calls",
    "run": "look at the modules and deliver what is due; once, until idle, or for good",
    "report": "tell the story of a context: what happened, what waits, where to continue",
    "doctor": "check everything, and say what to do about what is wrong",
    "config": "read and change the configuration",
    "redrive": "deliver dead letters again",
    "submit": "make a write that policy governs: sprints, tasks, phases, gates, artifacts",
    "clavain": "what Clavain's commands ask: which intents wait, and where a sprint goes on",
    "shell": "the shell libraries that plugins source: install them, and say which copies are in use",
    "interbase": "make a plugin's hooks work with the interbase SDK and without it",
    "interband": "sideband files: where they are, what they hold, and whether they are right",
    "claude-plugin": "write the plugin through which Claude Code calls the host",
    "statusline": "one text of the bus in Claude Code's status line: put it there, take it out again",
    "mcp": "serve the bus to an agent, as an MCP server on standard input and output",
    "new": "create an adapter of your own, with its manifest and its tests",
    "demo": "play a short sprint with real-shaped files, and tell the story",
}
_BOTH = {"completion": "print a completion script for a shell"}
PROGRAMS: Mapping[str, Mapping[str, str]] = {"interbus": {**INTERBUS, **_BOTH}, "interhost": {**INTERHOST, **_BOTH}}
_ABOUT = {
    "interbus": "The Interbus: facts from coding-agent plugins, on a durable log.",
    "interhost": "The host that delivers facts on the Interbus to the modules that care.",
}


_HOOK_OPTIONS = ("--explain", "--answer", "--help", "-h")
"""With one of them, ``interhost hook`` is a command for people, or for itself; without, it is Claude Code's."""
_LEAVING_AT_ONCE = frozenset(("publish", "emit", "list", "--version", "-V"))
"""Commands whose process ends without tidying up; see :func:`_leave`. They run no adapter's code in it."""


def interbus(argv: Sequence[str] | None = None) -> int:
    """The program ``interbus``."""
    return _main("interbus", argv) if argv is not None else _run("interbus", sys.argv[1:])


def interhost(argv: Sequence[str] | None = None) -> int:
    """The program ``interhost``."""
    return _main("interhost", argv) if argv is not None else _run("interhost", sys.argv[1:])


def _run(program: str, argv: Sequence[str]) -> int:
    """The program that this process was started for."""
    code = _main(program, argv)
    if argv and (argv[0] in _LEAVING_AT_ONCE or _is_event(program, argv)):
        _leave(code)
    return code


def _is_event(program: str, argv: Sequence[str]) -> bool:
    """Whether Claude Code is calling, with an event."""
    return program == "interhost" and argv[:1] == ["hook"] and not any(one.startswith(_HOOK_OPTIONS) for one in argv)


def _leave(code: int) -> NoReturn:
    """End the process now: the interpreter takes 6 ms of 45 to tear down what a listing has imported."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody reads it any more
            continue
    os._exit(code)


def _main(program: str, argv: Sequence[str]) -> int:
    if _is_event(program, argv):
        from interhost.claude.entry import main

        return main(ignored=argv[1:])
    return _command(program, argv)


def _command(program: str, argv: Sequence[str]) -> int:
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
        from interhost.version import own_version

        print(f"{program} {own_version()}")
        return 0
    if first not in commands:
        import difflib

        # Somebody who looks for a command may only have the wrong one of the two programs.
        names = {name: f"interbus {name}" for name in INTERBUS} | {name: f"interhost {name}" for name in INTERHOST}
        nearest = difflib.get_close_matches(first, names, 1)
        meant = f"; did you mean '{names[nearest[0]]}'?" if nearest else ""
        raise UsageError(f"no command {first!r}{meant}", hint=f"{program} --help")
    import importlib

    from interhost.cli.parser import Formatter, Parser

    module = importlib.import_module(module_of(first))
    parser = Parser(
        prog=f"{program} {first}",
        description=module.__doc__,
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    args = parser.parse_args(argv[1:])
    args.program = program
    code: int = module.run(args)
    return code


def module_of(command: str) -> str:
    """The module of a command."""
    return f"interhost.cli.{command.replace('-', '_')}"


def _prepare_streams() -> None:
    """NDJSON is UTF-8 whatever the locale says, and no stream stops us: not a poor terminal, not a closed one."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for the life of the process
        elif hasattr(stream, "reconfigure"):  # not where somebody put an object of their own
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def _help(program: str, commands: Mapping[str, str]) -> str:
    lines = [f"usage: {program} COMMAND ...", "", _ABOUT[program], "", "commands:"]
    lines += [f"  {name:<13} {about}" for name, about in commands.items()]
    lines += ["", f"'{program} COMMAND --help' explains one. Tables on a terminal, NDJSON in a pipe or with --json."]
    return "\n".join(lines)


def _fail(program: str, message: str, hint: str, code: int) -> int:
    from interhost.cli.output import note

    note(f"{program}: {message}")
    if hint:
        note(f"  {hint}")
    return code
