"""What failed or waits in a story, each with the command that helps, and where to continue."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from interhost_hookspecs.reading import first_line, read_object, read_time

from interhost.bus.bus import Bus
from interhost.report.story import Moment, Story
from interhost.report.words import count
from interhost.submission.ledger import is_under_way

_HELP: Mapping[str, str] = MappingProxyType(
    {
        "dead": "interhost redrive {event}",
        "failed": "interbus trace {event}",
        "retrying": "interbus trace {event}",
        "running": "interbus trace {event}",
    }
)
"""States of a delivery that a person should know of one by one, and what to do about each."""


class OpenPoint(NamedTuple):
    """Something that failed, or that somebody waits for.

    Attributes:
        state: ``blocked``, ``to review``, ``contended``, ``requested``, ``in doubt``, or the state of a delivery.
        text: What it is, in one line.
        command: What helps or shows more; empty when only a person can help.
    """

    state: str
    text: str
    command: str


class Request(NamedTuple):
    """A request file of an adapter that is open."""

    adapter: str
    kind: str
    path: Path
    artifact: str


def list_open_points(story: Story, bus: Bus) -> list[OpenPoint]:
    """Everything that is open, what only a person can decide first.

    Args:
        story: What is known of the context.
        bus: Its requests and submissions.
    """
    return [
        *_doubtful(story, bus),
        *_standing(story.moments),
        *(
            OpenPoint("requested", f"{one.adapter} asks for a {one.kind}{_of(one.artifact)}", str(one.path))
            for one in list_requests(bus.root / "requests", story.context, story.now)
        ),
        *_deliveries(story.moments),
        *_waiting(story.moments),
    ]


def list_requests(folder: Path, context: str, now: datetime) -> list[Request]:
    """The requests of every adapter that wait for an answer in a context, oldest first; damaged ones are none.

    Args:
        folder: Where requests lie, one folder for each adapter.
        context: The context's id.
        now: A request whose time has come is not open any more.
    """
    found = sorted(folder.glob("*/*.json"), key=lambda path: path.name)
    read = ((path, read_object(_read(path))) for path in found)
    return [
        Request(path.parent.name, str(record.get("kind")), path.with_suffix(".md"), str(record.get("path") or ""))
        for path, record in read
        if record.get("context_id") == context and _is_open(record, now)
    ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_open(record: Mapping[str, Any], now: datetime) -> bool:
    expires = read_time(record.get("expires"))
    return "answer" not in record and (expires is None or now < expires)


def _of(artifact: str) -> str:
    return f" of {os.path.basename(artifact)}" if artifact else ""


def _doubtful(story: Story, bus: Bus) -> Iterator[OpenPoint]:
    """Submissions of this context of which nobody knows whether they were made."""
    for one in bus.store.submissions_in_doubt():
        request = read_object(one.request)
        if story.context in map(str, request.values()) and not is_under_way(bus.root, one.key):
            yield OpenPoint("in doubt", f"nobody knows whether {one.kind} was made", "interhost submit pending")


def _standing(moments: Iterable[Moment]) -> Iterator[OpenPoint]:
    """Facts whose opposite has not been told since: a closed gate, a review that is not safe, a conflict."""
    standing: dict[tuple[str, str], tuple[str, Moment]] = {}
    for moment in moments:
        subject, state = _SUBJECTS[moment.name](moment) if moment.name in _SUBJECTS else ("", None)
        if state is not None:
            standing.pop((moment.name, subject), None)
        if state:
            standing[moment.name, subject] = state, moment
    for state, moment in standing.values():
        yield OpenPoint(state, moment.headline, f"interbus trace {moment.stored.envelope.event_id}")


def _gate(moment: Moment) -> tuple[str, str]:
    closed = moment.payload.get("outcome") == "block"
    return first_line(moment.payload, "target") or "", "blocked" if closed else ""


def _review(moment: Moment) -> tuple[str, str]:
    safe = moment.payload.get("verdict") == "safe"
    return moment.stored.envelope.artifact_path or "", "" if safe else "to review"


def _coordination(moment: Moment) -> tuple[str, str | None]:
    """A conflict stands until the resource is free; other actions say nothing about it."""
    action = moment.payload.get("action")
    contended = {"conflict": "contended", "blocked": "contended", "release": "", "expire": ""}
    return first_line(moment.payload, "resource_id") or "", contended.get(str(action))


_SUBJECTS = MappingProxyType({"gate_result": _gate, "review_pass": _review, "coordination": _coordination})


def _deliveries(moments: Iterable[Moment]) -> Iterator[OpenPoint]:
    for moment in moments:
        event = moment.stored.envelope.event_id
        for one in moment.deliveries:
            if one.state in _HELP:
                text = f"{one.consumer}, {moment.headline}{f' ({one.reason})' if one.reason else ''}"
                yield OpenPoint(one.state, text, _HELP[one.state].format(event=event))


def _waiting(moments: Iterable[Moment]) -> Iterator[OpenPoint]:
    """What no host has begun with, for all facts at once: it needs no decision, only a host."""
    waiting = [one.consumer for moment in moments for one in moment.deliveries if one.state == "waiting"]
    if waiting:
        consumers = ", ".join(dict.fromkeys(waiting))
        yield OpenPoint(
            "waiting", f"{count(len(waiting), 'fact')} to be delivered to {consumers}", "interhost run --drain"
        )
