"""Deliver dead letters again: deliveries that were given up after five attempts.

interhost redrive                        list them
interhost redrive EVENT_ID               deliver this one again, to everyone who gave up on it
interhost redrive --consumer interflux   deliver everything that this adapter gave up on
interhost redrive --all
"""

from __future__ import annotations

import argparse
import json

from interhost.bus.bus import Bus
from interhost.bus.log import DeadLetter
from interhost.cli.opening import open_drained
from interhost.cli.output import add_format_options, iso_time, note, print_json, print_table, show_time, wants_table
from interhost.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("event_id", nargs="?", help="only this event")
    parser.add_argument("--consumer", metavar="ADAPTER", help="only what this adapter gave up on")
    parser.add_argument("--all", action="store_true", help="every dead letter")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """List or redrive; 1 when nothing was redriven."""
    if args.event_id == "":  # an empty variable of a script must not mean everything
        raise UsageError("the event id is empty")
    with open_drained() as bus:
        letters = [letter for letter in bus.log.dead_letters() if _is_meant(letter, args)]
        if not (args.event_id or args.consumer or args.all):
            _print(letters, args)
            return 0
        return _redrive(bus, letters, args)


def _redrive(bus: Bus, letters: list[DeadLetter], args: argparse.Namespace) -> int:
    redriven = 0
    for letter in letters:
        if not bus.log.redrive(letter.consumer, letter.seq):
            note(
                f"{letter.event_id}: {letter.consumer} is not on the bus, so it stays a dead letter; "
                "an installed adapter is back with the next 'interhost run'"
            )
            continue
        redriven += 1
        if wants_table(args):
            print(f"{letter.event_id}  → {letter.consumer}  is due again")
        else:
            print_json({"event_id": letter.event_id, "consumer": letter.consumer, "redriven": True})
    if not letters:
        note("no dead letter matches; 'interhost redrive' lists them")
    return 0 if redriven else 1


def _is_meant(letter: DeadLetter, args: argparse.Namespace) -> bool:
    event_id = (args.event_id or letter.event_id).upper()
    return letter.event_id == event_id and letter.consumer == (args.consumer or letter.consumer)


def _print(letters: list[DeadLetter], args: argparse.Namespace) -> None:
    if wants_table(args):
        print_table(
            ("EVENT", "CONSUMER", "GIVEN UP", "ATTEMPTS", "REASON"),
            [(one.event_id, one.consumer, show_time(one.ts), one.attempts, one.reason) for one in letters],
        )
        if not letters:
            note("no dead letters")
        return
    for one in letters:
        print_json(
            {
                "event_id": one.event_id,
                "consumer": one.consumer,
                "given_up": iso_time(one.ts),
                "attempts": one.attempts,
                "reason": one.reason,
                "envelope": json.loads(one.body),
            }
        )
