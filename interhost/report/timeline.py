"""The timeline of a story as SVG: a lane for each who told something, a mark for each fact, the phases above them.

Time runs to the right, but a night without a fact is no wider than a hand: the width of a gap grows with its logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from interhost.report.markup import Element, element
from interhost.report.story import Moment, Story

_LEFT, _TOP, _LANE = 96, 44, 30
_CLOSE, _STEP = 14.0, 11.0
"""Pixels between two facts of the same minute, and more for every doubling of the minutes between them."""
_TICK_EVERY = 88.0


class _Place(NamedTuple):
    moment: Moment
    x: float


def draw_timeline(story: Story) -> Element:
    """The drawing. Each mark is a link to the fact of the same event id on the page.

    Args:
        story: With at least one moment.
    """
    lanes = list(dict.fromkeys(one.stored.envelope.producer for one in story.moments))
    places = _place(story.moments)
    width, height = places[-1].x + 40, _TOP + _LANE * len(lanes) + 12
    return element(
        "svg",
        element("title", f"Timeline of {story.context}"),
        *_phases(story, places),
        *_lanes(lanes, width),
        *_ticks(places, height),
        *(_mark(one, lanes.index(one.moment.stored.envelope.producer)) for one in places),
        viewBox=f"0 0 {width:.0f} {height}",
        width=f"{width:.0f}",
        height=height,
        role="group",
    )


def _place(moments: Sequence[Moment]) -> list[_Place]:
    places: list[_Place] = []
    x = _LEFT + 12.0
    for moment in moments:
        if places:
            minutes = (moment.at - places[-1].moment.at).total_seconds() / 60
            x += _CLOSE + _STEP * math.log2(1 + max(0.0, minutes))
        places.append(_Place(moment, x))
    return places


def _x_at(time: datetime, places: Sequence[_Place]) -> float:
    """Where a time would be: at the first fact that is not older."""
    return next((one.x for one in places if one.moment.at >= time), places[-1].x + 24)


def _phases(story: Story, places: Sequence[_Place]) -> Iterator[Element]:
    for number, span in enumerate(story.spans):
        left, right = _x_at(span.start, places), _x_at(span.end, places)
        width = max(right - left, 3.0)
        yield element(
            "g",
            element("rect", x=f"{left:.1f}", y=4, width=f"{width:.1f}", height=18, class_=f"phase phase{number % 2}"),
            element("title", span.phase),
            element("text", span.phase, x=f"{left + 4:.1f}", y=17) if width > 7.0 * len(span.phase) + 8 else None,
        )


def _lanes(lanes: Sequence[str], width: float) -> Iterator[Element]:
    for number, name in enumerate(lanes):
        y = _TOP + _LANE * number + _LANE / 2
        yield element("line", x1=_LEFT, x2=f"{width - 8:.0f}", y1=y, y2=y, class_="lane")
        yield element("text", name, x=_LEFT - 8, y=y + 4, text_anchor="end")


def _ticks(places: Sequence[_Place], height: float) -> Iterator[Element]:
    last, day = -math.inf, ""
    for place in places:
        local = place.moment.at.astimezone()
        if place.x - last < _TICK_EVERY and f"{local:%m-%d}" == day:
            continue
        if place.x - last < _TICK_EVERY / 2:  # a new day, but no room for its name
            continue
        text = f"{local:%H:%M}" if f"{local:%m-%d}" == day else f"{local:%m-%d %H:%M}"
        last, day = place.x, f"{local:%m-%d}"
        yield element("line", x1=f"{place.x:.1f}", x2=f"{place.x:.1f}", y1=38, y2=height - 8, class_="tick")
        yield element("text", text, x=f"{place.x:.1f}", y=34, text_anchor="middle", class_="time")


def _mark(place: _Place, lane: int) -> Element:
    envelope = place.moment.stored.envelope
    y = _TOP + _LANE * lane + _LANE / 2
    said = f"{place.moment.at.astimezone():%H:%M:%S} {envelope.producer}: {place.moment.headline}"
    mark = element("circle", element("title", said), cx=f"{place.x:.1f}", cy=y, r=6, class_=f"mark {envelope.severity}")
    return element("a", mark, href=f"#{envelope.event_id}", aria_label=said)
