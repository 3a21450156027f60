"""Take one hook event of Claude Code from standard input; what Claude Code calls, not people.

The event is recorded for the adapters that observe it, waiting advice is handed to Claude, and a detached worker does
the rest. It exits with 0 whatever happens, and prints one line of JSON or nothing. To see what it would do:

  interhost hook --explain event.json
  echo '{"hook_event_name": "Stop", "session_id": "s"}' | interhost hook --explain -
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from interhost.bus.state import state_root
from interhost.claude.explain import explain, read_event
from interhost.cli.opening import read_config
from interhost.cli.output import add_format_options, print_json, print_table, wants_table
from interhost.errors import InputError, UsageError
from interhost.host.registry import list_adapters


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options; without any, :mod:`interhost.cli.main` never comes here."""
    parser.add_argument(
        "--explain", metavar="FILE|-", help="say what would be done with this event, and change nothing"
    )
    parser.add_argument("--answer", help=argparse.SUPPRESS)  # the process that a hook waits for
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Explain; or answer, for a hook that waits."""
    if args.answer:
        from interhost.claude.answering import answer_events

        answer_events(state_root(os.environ), args.answer.split(","), args.until)
        return 0
    if not args.explain:
        raise UsageError("nothing to explain", hint="interhost hook --explain FILE")
    text, event = read_event(_sample(args.explain), args.explain)
    steps = list(explain(state_root(os.environ), text, event, list_adapters(), read_config()))
    if wants_table(args):
        print_table(("STEP", "WHAT", "DETAIL"), steps)
    else:
        for step in steps:
            print_json(step._asdict())
    return 0


def _sample(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"{source}: {error.strerror}") from None
