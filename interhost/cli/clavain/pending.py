"""What waits in a context: what somebody has to answer, what was not delivered, what is new since the last time."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from interhost.bus.bus import Bus
from interhost.bus.resolve import session_of
from interhost.cli.clavain.contexts import list_contexts, read_project
from interhost.cli.opening import open_drained
from interhost.cli.output import iso_time, note, print_json, print_table, wants_table
from interhost.errors import BusyError
from interhost.report.open_points import OpenPoint, list_open_points
from interhost.report.story import Moment, Story, tell_story
from interhost.submission.facts import OWNER

CURSORS = "interhost clavain"
"""Whose positions keep what was taken, by context."""

_NEW = timedelta(hours=24)
"""Older facts are no news, as an older delivery is stale."""


class Waiting(NamedTuple):
    """Something that waits.

    Attributes:
        context: Where.
        state: ``new``, ``advice``, or the state of an open point.
        text: What it is, in one line.
        command: What helps or shows more.
        moment: The fact, of what is new.
    """

    context: str
    state: str
    text: str
    command: str
    moment: Moment | None = None


def configure(parser: argparse.ArgumentParser) -> None:
    """The action's options."""
    parser.add_argument("--take", action="store_true", help="remember what is new as seen")


def run(args: argparse.Namespace) -> int:
    """List; 1 when nothing waits."""
    project = read_project(args)
    with open_drained() as bus:
        contexts = list_contexts(args, project, bus)
        end = bus.log.end()
        rows = [row for context in contexts for row in list_waiting(bus, context, datetime.now(UTC))]
        _print(rows, args)
        if args.take:
            _take(bus, contexts, end)
    if not rows:
        note(f"nothing waits in {', '.join(contexts)}")
    return 0 if rows else 1


def list_waiting(bus: Bus, context: str, now: datetime) -> Iterator[Waiting]:
    """What waits in a context, what only a person can decide first.

    Args:
        bus: The bus.
        context: The context.
        now: The time, with time zone.
    """
    story = tell_story(bus, context, now)
    points = list_open_points(story, bus)
    yield from (Waiting(context, *point) for point in points)
    for advice in bus.store.listen(session_of(os.environ), [context]):
        if advice.session_id is None:
            yield Waiting(context, "advice", f"{advice.adapter}: {advice.text}", "")
    yield from _list_new(story, points, bus)


def _list_new(story: Story, points: Sequence[OpenPoint], bus: Bus) -> Iterator[Waiting]:
    """What others have told since the sprint took what was new; Clavain's own facts are no news to it."""
    taken = int(bus.store.cursor(CURSORS, story.context) or 0)
    known = {point.command.rpartition(" ")[2] for point in points}
    for moment in story.moments:
        stored, event = moment.stored, moment.stored.envelope.event_id
        is_news = stored.seq > taken and stored.ts / 1e6 > (story.now - _NEW).timestamp()
        if is_news and stored.envelope.producer != OWNER and event not in known:
            text = f"{stored.envelope.producer}: {moment.headline}"
            yield Waiting(story.context, "new", text, f"interbus trace {event}", moment)


def _print(rows: Sequence[Waiting], args: argparse.Namespace) -> None:
    if wants_table(args):
        print_table(
            ("CONTEXT", "STATE", "WHAT", "COMMAND"), [(one.context, one.state, one.text, one.command) for one in rows]
        )
        return
    for one in rows:
        print_json(
            {"context_id": one.context, "state": one.state, "text": one.text, "command": one.command or None}
            | (_about(one.moment) if one.moment else {})
        )


def _about(moment: Moment) -> dict[str, object]:
    envelope = moment.stored.envelope
    return {
        "event_id": envelope.event_id,
        "intent": envelope.intent,
        "producer": envelope.producer,
        "stored_at": iso_time(moment.stored.ts),
        "artifact_path": envelope.artifact_path,
        "payload": moment.payload,
    }


def _take(bus: Bus, contexts: Sequence[str], end: int) -> None:
    """Remember what was shown; when that is not possible, it is shown again."""
    try:
        for context in contexts:
            bus.store.move_cursor(CURSORS, context, str(end))
    except BusyError as error:
        note(f"{error}; what was shown will be new again")
