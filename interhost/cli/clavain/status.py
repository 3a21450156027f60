"""Where the sprint of a context goes on, and what happened in it lately."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import attrs
from interhost_hookspecs.reading import first_line, first_names

from interhost.bus.bus import Bus
from interhost.bus.wake import Waker
from interhost.cli.clavain.contexts import read_context, read_project
from interhost.cli.opening import drain_known, open_drained
from interhost.cli.output import iso_time, note, print_json, printable, show_time, wants_table
from interhost.errors import BusyError, InputError
from interhost.report.continuing import Continuation, find_continuation
from interhost.report.open_points import list_open_points, list_requests
from interhost.report.story import Moment, Story, tell_story
from interhost.submission.point import Point, read_point
from interhost.submission.programs import Desk

_MOVES = ("start_sprint", "phase_transition")


def configure(parser: argparse.ArgumentParser) -> None:
    """The action's options."""
    parser.add_argument("--last", metavar="N", type=_count, default=20, help="facts that are shown (default: 20)")
    parser.add_argument("--watch", action="store_true", help="wait for more, until interrupted")


def run(args: argparse.Namespace) -> int:
    """Show; 1 when nothing is known of the context."""
    project = read_project(args)
    context = read_context(args, project)
    with open_drained() as bus:
        story = tell_story(bus, context, datetime.now(UTC))
        is_known = _print_point(bus, story, project, args)
        for moment in story.moments[max(0, len(story.moments) - args.last) :]:
            _print_moment(moment, args)
        if not is_known:
            note(f"nothing is known of {context}; 'interhost report --list' shows what there is")
        if args.watch:
            _watch(bus, context, project, args, seen={one.stored.seq for one in story.moments})
    return 0 if is_known else 1


def _watch(bus: Bus, context: str, project: Path, args: argparse.Namespace, *, seen: set[int]) -> None:
    """Print what comes; and, when the sprint has moved, where it goes on from there."""
    note(f"watching {context}; stop with Ctrl-C")
    with Waker(bus.root) as waker:
        end = bus.log.end()
        while True:
            sys.stdout.flush()
            if waker.wait(1.0):
                _take_in(bus)
            if bus.log.end() == end:
                continue
            end = bus.log.end()
            story = tell_story(bus, context, datetime.now(UTC))
            news = [one for one in story.moments if one.stored.seq not in seen]
            seen |= {one.stored.seq for one in news}
            for moment in news:
                _print_moment(moment, args)
            if any(moment.name in _MOVES for moment in news):
                _print_point(bus, story, project, args)


def _take_in(bus: Bus) -> None:
    """What woke us may be a file in the spool."""
    try:
        drain_known(bus)
    except (BusyError, InputError) as error:
        note(f"{error}; what waits in the spool is not shown")


def _print_point(bus: Bus, story: Story, project: Path, args: argparse.Namespace) -> bool:
    """Print where to continue; whether anything is known."""
    desk = Desk(project=_find_home(story, project, args), environ=os.environ)
    point, why = read_point(desk, story.context)
    points = list_open_points(story, bus)
    going_on = find_continuation(story, points)
    requests = list_requests(bus.root / "requests", story.context, story.now)
    request = str(requests[-1].path) if requests else None
    record = {**_to_record(story, going_on, point), "request": request, "waiting": len(points), "note": why or None}
    if point is None and not story.moments:
        return False
    if wants_table(args):
        print("\n".join(map(printable, _render(record))), end="\n\n", flush=True)
    else:
        print_json({"kind": "point", **record})
    return True


def _find_home(story: Story, project: Path, args: argparse.Namespace) -> Path:
    """Where the run of a context is looked for: as given, else where its last fact happened."""
    stated = story.moments[-1].stored.envelope.extensions.get("project_dir") if story.moments else None
    return project if args.project or not stated or not Path(str(stated)).is_dir() else Path(str(stated))


def _to_record(story: Story, going_on: Continuation, point: Point | None) -> dict[str, object]:
    """What the run says, else what was told."""
    last = going_on.checkpoint.stored.envelope.artifact_path if going_on.checkpoint else None
    known = attrs.asdict(point) if point else {field.name: None for field in attrs.fields(Point)}
    return {
        "context_id": story.context,
        **known,
        "phase": point.phase if point else going_on.phase,
        "following": point.following if point else going_on.following,
        "last_artifact": last,
        "next": _say_next(going_on, point),
    }


def _say_next(going_on: Continuation, point: Point | None) -> str:
    """What is next, in one line: what is open first, then the command of the phase."""
    if going_on.first or point is None:
        return going_on.text
    if point.status != "active":
        return f"nothing: the run is {point.status}"
    step = f"go on from {point.phase}" + (f" to {point.following}" if point.following else "")
    return f"{step}: {point.command}" if point.command else step


def _render(record: Mapping[str, object]) -> Iterator[str]:
    """The record for people; what is not known is left out."""
    run, status, noted = record["run_id"], record["status"], record["checkpoint"]
    lines = {
        "context": record["context_id"],
        "run": f"{run}, {status}" if run else f"not known: {record['note']}",
        "phase": record["phase"],
        "next": record["next"],
        "checkpoint": _say_checkpoint(noted) if isinstance(noted, Mapping) else None,
        "artifact": record["last_artifact"],
        "request": record["request"],
        "waiting": f"{record['waiting']}, see 'interhost clavain pending'" if record["waiting"] else None,
    }
    yield from (f"{name + ':':<12} {text}" for name, text in lines.items() if text)


def _say_checkpoint(noted: Mapping[str, object]) -> str:
    steps = ", ".join(first_names(noted, "completed_steps") or ())
    parts = {
        "in": first_line(noted, "phase"),
        "done:": steps,
        "plan:": first_line(noted, "plan_path"),
        "at": first_line(noted, "updated_at"),
    }
    return "; ".join(f"{name} {text}" for name, text in parts.items() if text)


def _print_moment(moment: Moment, args: argparse.Namespace) -> None:
    envelope = moment.stored.envelope
    if wants_table(args):
        at = show_time(int(moment.at.timestamp() * 1e6))
        print(printable(f"{at}  {envelope.producer}: {moment.headline}"), flush=True)
        return
    print_json(
        {
            "kind": "fact",
            "event_id": envelope.event_id,
            "at": iso_time(int(moment.at.timestamp() * 1e6)),
            "intent": envelope.intent,
            "producer": envelope.producer,
            "severity": envelope.severity,
            "headline": moment.headline,
            "artifact_path": envelope.artifact_path,
        }
    )


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"expected a number of facts, got {text!r}")
    return int(text)
