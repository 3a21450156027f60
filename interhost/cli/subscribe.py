"""Print facts as they come (--watch), or what is new since the last time (--module).

A subscriber only looks: it takes nothing away from the adapters. With --module its place is remembered under that
name; a new name begins at the log's end.

  interbus subscribe 'review_*' --watch
  interbus subscribe '*' --module my-script
  interbus subscribe artifact_ready --from 2h
"""

from __future__ import annotations

import argparse
import sys

from interhost.bus.bus import Bus
from interhost.bus.log import Query
from interhost.bus.wake import Waker
from interhost.cli.opening import drain_known, open_drained
from interhost.cli.output import add_format_options, note, printable, show_time, wants_table
from interhost.cli.query import format_line, read_pages, read_position, read_text, say_nothing_matches
from interhost.errors import BusyError, InputError

_CURSORS = "interbus subscribe"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("intent", type=read_text, help="name, name@major.minor, or a glob such as 'review_*'")
    parser.add_argument("--module", metavar="NAME", type=read_text, help="remember the place under this name")
    parser.add_argument("--watch", action="store_true", help="wait for more, until interrupted")
    parser.add_argument(
        "--from",
        dest="position",
        metavar="POSITION",
        help="start, end, sequence number, event id or time (default: where --module left off; "
        "else end with --watch or a new --module, start otherwise)",
    )
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Subscribe; 1 when nothing matched and it was not asked to wait."""
    table = wants_table(args)
    found = False
    remembered: int | None = None
    with open_drained() as bus:
        query = Query(after=_begin(bus, args), intents=(args.intent,))
        with Waker(bus.root) as waker:
            if args.watch:
                note(f"watching for {args.intent}; stop with Ctrl-C")
            while True:
                end = bus.log.end()
                for stored in read_pages(bus, query):
                    found = True
                    envelope = stored.envelope
                    if table:
                        line = f"{show_time(stored.ts)}  {envelope.intent}  {envelope.context_id}  {envelope.producer}"
                        print(printable(f"{line}  {envelope.payload}"), flush=True)
                    else:
                        print(format_line(stored, "ndjson"), flush=True)
                    end = max(end, stored.seq)
                query = query._replace(after=end)
                if args.module and end != remembered:
                    bus.store.move_cursor(_CURSORS, args.module, str(end))
                    remembered = end
                if not args.watch:
                    if not found and not args.module:  # with --module, nothing new is the usual case
                        say_nothing_matches([args.intent])
                    return 0 if found else 1
                sys.stdout.flush()
                if waker.wait(1.0):
                    _take_in(bus)


def _take_in(bus: Bus) -> None:
    """What woke us may be a file in the spool."""
    try:
        drain_known(bus)
    except (BusyError, InputError) as error:
        note(f"{error}; what waits in the spool is not shown")


def _begin(bus: Bus, args: argparse.Namespace) -> int:
    if args.position:
        return read_position(bus, args.position)
    if args.module:
        stored = bus.store.cursor(_CURSORS, args.module)
        return int(stored) if stored else bus.log.end()
    return bus.log.end() if args.watch else 0
