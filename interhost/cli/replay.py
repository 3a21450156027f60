"""Print stored facts again, oldest first.

interbus replay --last 20
interbus replay --context iv-abc1 --since 2d
interbus replay --intent 'review_*' --format cloudevents
"""

from __future__ import annotations

import argparse
import sys

from interhost.bus.log import Query
from interhost.cli.opening import open_drained
from interhost.cli.query import (
    FORMATS,
    format_line,
    print_facts,
    read_pages,
    read_position,
    read_text,
    say_nothing_matches,
)
from interhost.cli.times import read_moment

_DIGITS = 18
"""Digits of the largest number that the log can count to, less one."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--intent", action="append", default=[], metavar="NAME|GLOB", type=read_text, help="repeatable")
    parser.add_argument("--context", metavar="ID", type=read_text, help="only this context")
    parser.add_argument("--producer", metavar="NAME", type=read_text, help="only what this adapter said")
    parser.add_argument("--after", metavar="POSITION", default="start", help="sequence number, event id or time")
    parser.add_argument("--since", metavar="TIME", type=read_moment, help="RFC 3339, or how long ago: 30m, 2h, 7d")
    parser.add_argument("--until", metavar="TIME", type=read_moment, help="likewise")
    parser.add_argument("--last", metavar="N", type=_count, help="only the newest so many")
    parser.add_argument("--format", choices=FORMATS, help="default: table on a terminal, ndjson in a pipe")
    parser.add_argument("--json", action="store_const", const="ndjson", dest="format", help="the same as ndjson")
    parser.add_argument("--table", action="store_const", const="table", dest="format", help="the same as table")


def run(args: argparse.Namespace) -> int:
    """Replay; 1 when nothing matches."""
    form = args.format or ("table" if sys.stdout.isatty() else "ndjson")
    with open_drained() as bus:
        query = Query(
            after=read_position(bus, args.after),
            intents=tuple(args.intent),
            context_id=args.context,
            producer=args.producer,
            since=args.since,
            until=args.until,
            last=args.last,
        )
        if form == "table":
            facts = list(read_pages(bus, query))
            print_facts(facts)
            found = bool(facts)
        else:
            found = False
            for stored in read_pages(bus, query):
                found = True
                print(format_line(stored, form))
    if not found:
        say_nothing_matches(args.intent)
    return 0 if found else 1


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of events, got {text!r}")
    return int(text)
