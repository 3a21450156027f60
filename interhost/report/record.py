"""A story as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from interhost.report.continuing import Continuation
from interhost.report.open_points import OpenPoint
from interhost.report.story import Moment, Story


def to_record(story: Story, points: Sequence[OpenPoint], going_on: Continuation) -> dict[str, object]:
    """Everything that the text says, times in RFC 3339 and lengths in seconds."""
    checkpoint = going_on.checkpoint
    return {
        "context_id": story.context,
        "events": len(story.moments) + story.left_out,
        "continue": {
            "text": going_on.text,
            "phase": going_on.phase,
            "following": going_on.following,
            "checkpoint": checkpoint.stored.envelope.artifact_path if checkpoint else None,
            "command": going_on.first.command if going_on.first else None,
        },
        "open": [point._asdict() for point in points],
        "phases": [
            {
                "phase": span.phase,
                "phase_model": span.model,
                "start": _time(span.start),
                "end": None if span.is_open else _time(span.end),
                "seconds": int(span.duration.total_seconds()),
            }
            for span in story.spans
        ],
        "actors": [{**actor._asdict(), "acted": dict(actor.acted)} for actor in story.actors],
        "moments": [_moment(one) for one in story.moments],
    }


def _moment(moment: Moment) -> dict[str, object]:
    envelope = moment.stored.envelope
    return {
        "event_id": envelope.event_id,
        "at": _time(moment.at),
        "intent": envelope.intent,
        "producer": envelope.producer,
        "severity": envelope.severity,
        "headline": moment.headline,
        "artifact_path": envelope.artifact_path,
        "caused_by": envelope.caused_by,
        "reactions": [{"consumer": one.consumer, "state": one.state, "reason": one.reason} for one in moment.reactions],
    }


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
