"""Tell the story of a context: what happened, what failed or waits, how long each phase took, where to continue.

Without --context it is that of this session, else the most recent one of the project you stand in. In a pipe, one JSON
document. With --html, one page in a file of its own, for a browser; it loads nothing and runs nothing.

  interhost report
  interhost report --context iv-abc1 --html report.html
  interhost report --list
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from interhost.bus.bus import Bus
from interhost.bus.project import project_root
from interhost.bus.resolve import session_contexts, session_of
from interhost.cli.opening import open_drained, working_directory
from interhost.cli.output import (
    add_format_options,
    iso_time,
    note,
    print_json,
    print_table,
    printable,
    show_time,
    wants_table,
)
from interhost.cli.query import read_text
from interhost.errors import InputError
from interhost.interband.store import replace_file
from interhost.manifests.companions import Companions, read_companions
from interhost.report.contexts import Activity, choose_context, list_activity
from interhost.report.continuing import find_continuation
from interhost.report.open_points import list_open_points
from interhost.report.page import render_page
from interhost.report.record import to_record
from interhost.report.story import tell_story
from interhost.report.text import render_text


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--context", metavar="ID", type=read_text, help="such as a bead or project:widgets")
    what.add_argument("--list", action="store_true", help="list the contexts there are, newest first")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page for a browser; - for standard output")
    add_format_options(parser)


def run(args: argparse.Namespace) -> int:
    """Report; 1 when nothing is known of the context."""
    with open_drained() as bus:
        if args.list:
            return _list(list_activity(bus), args)
        if (context := args.context or _own_context(bus)) is None:
            note("nothing is on the bus yet; 'interhost demo' shows what it could be")
            return 1
        return _tell(bus, context, args)


def _own_context(bus: Bus) -> str | None:
    root = project_root(working_directory())
    own = session_contexts(session_of(os.environ), root, os.environ, Path.home())
    return choose_context(list_activity(bus), own, str(root))


def _tell(bus: Bus, context: str, args: argparse.Namespace) -> int:
    story = tell_story(bus, context, datetime.now(UTC))
    if not story.moments:
        note(f"nothing is known of {context}; 'interhost report --list' shows what there is")
        return 1
    points = list_open_points(story, bus)
    going_on = find_continuation(story, points)
    if args.html:
        return _write(args.html, render_page(story, points, going_on, _read_companions()))
    if wants_table(args):
        print("\n".join(map(printable, render_text(story, points, going_on))))
    else:
        print_json(to_record(story, points, going_on))
    return 0


def _read_companions() -> Companions:
    return read_companions(dict(os.environ), Path.home(), working_directory())


def _write(path: Path, page: str) -> int:
    if str(path) == "-":
        print(page, end="")
        return 0
    try:
        replace_file(os.path.abspath(path), page.encode())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", hint="name a file in a folder that you can write to") from error
    note(f"wrote {path}")
    return 0


def _list(activity: Sequence[Activity], args: argparse.Namespace) -> int:
    if wants_table(args):
        rows = [(one.context, one.events, show_time(one.last.ts), one.last.envelope.name) for one in activity]
        print_table(("CONTEXT", "EVENTS", "LAST", "INTENT"), rows)
    else:
        for one in activity:
            last = {"at": iso_time(one.last.ts), "intent": one.last.envelope.intent}
            print_json({"context_id": one.context, "events": one.events, "last": last})
    if not activity:
        note("nothing is on the bus yet")
    return 0 if activity else 1
