"""A story as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from interhost.report.continuing import Continuation
from interhost.report.open_points import OpenPoint
from interhost.report.phases import phase_times
from interhost.report.story import Moment, Story
from interhost.report.words import count, show_span

_MARKS = {"info": " ", "warn": "!", "error": "x"}


def render_text(story: Story, points: Sequence[OpenPoint], going_on: Continuation) -> Iterator[str]:
    """The lines; whoever prints them takes care of what a terminal must not see."""
    yield f"{story.context}: {count(len(story.moments) + story.left_out, 'fact')} in {show_span(story.duration)}"
    yield ""
    yield "Where to continue"
    yield f"  {going_on.text}"
    if going_on.first and going_on.first.command:
        yield f"    {going_on.first.command}"
    if going_on.checkpoint:
        yield f"  last artifact: {going_on.checkpoint.stored.envelope.artifact_path}"
    yield from _points(points)
    yield from _phases(story)
    yield ""
    yield "What happened"
    if story.left_out:
        yield f"  (the first {story.left_out} are not shown; 'interbus replay --context {story.context}' has them)"
    day = ""
    for moment in story.moments:
        local = moment.at.astimezone()
        if (date := f"{local:%Y-%m-%d}") != day:
            day = date
            yield f"  {day}"
        yield from _moment(moment, local)
    yield ""
    yield "Who took part"
    for actor in story.actors:
        acted = ", ".join(f"{number} {outcome}" for outcome, number in sorted(actor.acted.items()))
        told = f"told {count(actor.told, 'fact')}" if actor.told else ""
        yield f"  {actor.name}: {'; '.join(filter(None, [told, acted and f'reacted: {acted}']))}"


def _points(points: Sequence[OpenPoint]) -> Iterator[str]:
    yield ""
    yield "What failed or waits"
    for point in points:
        yield f"  {point.state}: {point.text}"
        if point.command:
            yield f"    {point.command}"
    if not points:
        yield "  nothing"


def _phases(story: Story) -> Iterator[str]:
    if story.spans:
        yield ""
        yield "Time in each phase"
    width = max((len(phase) for phase in phase_times(story.spans)), default=0)
    for phase, (time, is_open) in phase_times(story.spans).items():
        yield f"  {phase.ljust(width)}  {show_span(time)}{' so far' if is_open else ''}"


def _moment(moment: Moment, local: datetime) -> Iterator[str]:
    envelope = moment.stored.envelope
    yield f"  {_MARKS.get(envelope.severity, ' ')} {local:%H:%M:%S}  {envelope.producer}: {moment.headline}"
    for one in moment.reactions:
        yield f"               → {one.consumer}  {one.state}{f': {one.reason}' if one.reason else ''}"
