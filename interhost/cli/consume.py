"""Take facts for a script, each once it is due, and acknowledge it when the script's command succeeds.

A module that has no adapter can react this way. Its place is kept under the name given with --module; a new name begins
at the log's end. With a command, each fact is given to it as one line of JSON on standard input; a command that fails
gets the same fact again later, and after five attempts it is a dead letter. Without one, facts are printed and count as
taken.

  interbus consume --module my-script --intent review_pass
  interbus consume --module my-script --intent notify -- ./tell-me.sh
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

from interhost.bus.bus import Bus
from interhost.bus.catalogue import resolve_intent
from interhost.bus.log import LEASE_SECONDS, Lease, Subscription
from interhost.bus.store import Attempt
from interhost.cli.opening import open_drained
from interhost.cli.output import note
from interhost.cli.query import format_line, read_text
from interhost.errors import UnknownIntentError, UsageError
from interhost.host.registry import list_adapters

# What the command did is worth waiting for longer than other commands would.
_DEADLINE = 60.0
# The log takes a lease of many hours for one of a clock that was set back, and gives it to the next who asks.
_LONGEST = 3600.0


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--module", required=True, metavar="NAME", type=read_text, help="who takes them; must not be an adapter"
    )
    parser.add_argument(
        "--intent", action="append", default=[], metavar="NAME", help="only this intent; repeatable (default: all)"
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="for one command (default: 60)"
    )
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="after '--': run once per fact")


def run(args: argparse.Namespace) -> int:
    """Consume everything due; 1 when a command failed or nothing was due."""
    if any(entry.name == args.module for entry in list_adapters()):
        raise UsageError(f"--module {args.module}: an adapter has this name, and would miss what is taken here")
    intents = tuple(_major(one) for one in args.intent) or ("*",)
    taken = failed = 0
    with open_drained(_DEADLINE) as bus:
        bus.log.subscribe(Subscription(args.module, intents))
        while leases := bus.log.fetch(args.module, seconds=args.timeout + LEASE_SECONDS):
            taken += 1
            failed += not _take(bus, leases[0], args)
    if not taken:
        note(f"nothing is due for {args.module}")
    return 1 if failed or not taken else 0


def _take(bus: Bus, lease: Lease, args: argparse.Namespace) -> bool:
    """Hand one fact over, and settle it; whether it was taken."""
    started = time.time_ns() // 1000
    line = format_line(lease.stored, "ndjson")
    if lease.lost:
        bus.store.record_lost(lease, started)
    try:
        reason = _run(args.command, line, args.timeout) if args.command else _print(line)
    except KeyboardInterrupt:
        bus.log.release(lease)
        raise
    with bus.database.transaction():
        held = bus.log.nack(lease, reason) if reason else bus.log.ack(lease)
        if held:
            outcome, text = ("error", reason) if reason else ("done", "taken by interbus consume")
            attempt = Attempt(args.module, lease.attempt, started, time.time_ns() // 1000, outcome, text)
            bus.store.record_attempt(lease.stored.seq, attempt)
    if reason:
        note(f"{lease.stored.envelope.event_id}: {reason} (attempt {lease.attempt})")
    return not reason


def _major(intent: str) -> str:
    """``name@major`` of an intent; one with a version need not be in the catalogue."""
    try:
        return resolve_intent(intent, allow_unknown="@" in intent).rpartition(".")[0]
    except UnknownIntentError as error:
        error.hint = "'interbus catalog' lists every intent; one of your own needs its version"
        raise


def _print(line: str) -> str:
    print(line, flush=True)
    return ""


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"expected seconds above 0 and at most {_LONGEST:g}, got {text!r}")
    return seconds


def _run(command: list[str], line: str, timeout: float) -> str:
    """Run the command; why it failed, or an empty text. Its output is the user's, so it is passed through."""
    try:
        done = subprocess.run(command, input=f"{line}\n".encode(), timeout=timeout, check=False, env=os.environ)
    except subprocess.TimeoutExpired:
        return f"{command[0]}: timed out after {timeout:g} s"
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    finally:
        sys.stdout.flush()
    return f"{command[0]}: exit status {done.returncode}" if done.returncode else ""
