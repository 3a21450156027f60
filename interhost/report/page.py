"""A story as one HTML page that needs nothing else: no network, no script, light and dark, a keyboard is enough."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from datetime import timedelta
from pathlib import Path

from interhost.manifests.companions import Companions
from interhost.report.continuing import Continuation
from interhost.report.graph import draw_companions
from interhost.report.markup import Element, element, to_html
from interhost.report.open_points import OpenPoint
from interhost.report.phases import phase_times
from interhost.report.story import Actor, Moment, Story
from interhost.report.timeline import draw_timeline
from interhost.report.words import count, show_span

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Whatever a payload holds and however it got out of its place: nothing is loaded and nothing runs."""
_STYLE = Path(__file__).with_name("page.css")


def render_page(story: Story, points: Sequence[OpenPoint], going_on: Continuation, found: Companions) -> str:
    """The page.

    Args:
        story: With at least one moment.
        points: What is open.
        going_on: Where to continue.
        found: The companions to draw.
    """
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", f"{story.context}: interhost report"),
            element("style", _STYLE.read_text("utf-8")),
        ),
        element(
            "body",
            _header(story),
            element(
                "main",
                _continue(going_on),
                _section("open", "What failed or waits", *_points(points)),
                _section("phases", "Time in each phase", *_phases(story)) if story.spans else None,
                _section("timeline", "Timeline", _scrolled(draw_timeline(story), "Timeline")),
                _section("facts", "What happened", *_facts(story)),
                _section("actors", "Who took part", _actors(story.actors)),
                _section("companions", "Companions", *_companions(found)),
            ),
        ),
        lang="en",
    )
    return f"<!DOCTYPE html>\n{to_html(page)}\n"


def _section(name: str, heading: str, *content: Element | None) -> Element:
    return element("section", element("h2", heading, id=f"{name}-heading"), *content, aria_labelledby=f"{name}-heading")


def _scrolled(drawing: Element, name: str) -> Element:
    """A drawing that is wider than a phone; the arrow keys scroll it."""
    return element("div", drawing, class_="scrolled", tabindex=0, role="region", aria_label=name)


def _header(story: Story) -> Element:
    first, last = story.moments[0].at.astimezone(), story.moments[-1].at.astimezone()
    said = f"{count(len(story.moments) + story.left_out, 'fact')} in {show_span(story.duration)}"
    when = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}, told {story.now.astimezone():%Y-%m-%d %H:%M %Z}"
    return element("header", element("h1", story.context), element("p", f"{said}: {when}"))


def _continue(going_on: Continuation) -> Element:
    checkpoint = going_on.checkpoint
    command = going_on.first.command if going_on.first else ""
    path = checkpoint.stored.envelope.artifact_path if checkpoint else None
    return element(
        "section",
        element("h2", "Where to continue", id="continue-heading"),
        element("p", going_on.text, class_="lead"),
        element("p", element("code", command)) if command else None,
        element("p", "Last artifact: ", element("code", path)) if path else None,
        class_="continue",
        aria_labelledby="continue-heading",
    )


def _points(points: Sequence[OpenPoint]) -> Iterator[Element]:
    if not points:
        yield element("p", "Nothing.")
        return
    yield element(
        "ul",
        *(
            element(
                "li",
                element("strong", point.state, class_=f"state {point.state.replace(' ', '-')}"),
                f" {point.text}",
                element("code", point.command) if point.command else None,
            )
            for point in points
        ),
        class_="points",
    )


def _phases(story: Story) -> Iterator[Element]:
    times = phase_times(story.spans)
    longest = max((time for time, _ in times.values()), default=timedelta()) or timedelta(seconds=1)
    rows = [
        element(
            "tr",
            element("th", phase, scope="row"),
            element("td", element("meter", value=f"{time / longest:.4f}", max=1, aria_hidden="true")),
            element("td", f"{show_span(time)}{' so far' if is_open else ''}"),
        )
        for phase, (time, is_open) in times.items()
    ]
    yield element("table", element("tbody", *rows), class_="phases")


def _facts(story: Story) -> Iterator[Element]:
    if story.left_out:
        yield element(
            "p", f"The first {story.left_out} are not shown; ", element("code", "interbus replay"), " has them."
        )
    here = {one.stored.envelope.event_id for one in story.moments}
    yield element("ol", *(_fact(one, here) for one in story.moments), class_="facts")


def _fact(moment: Moment, here: Set[str]) -> Element:
    envelope = moment.stored.envelope
    local = moment.at.astimezone()
    reactions = [_reaction(one.consumer, one.state, one.reason) for one in moment.reactions]
    return element(
        "li",
        element(
            "details",
            element(
                "summary",
                element("time", f"{local:%m-%d %H:%M:%S}", datetime=local.isoformat()),
                element("b", envelope.producer),
                element("span", moment.headline),
            ),
            _details(moment, here),
        ),
        element("ul", *reactions, class_="reactions") if reactions else None,
        id=envelope.event_id,
        class_=envelope.severity,
    )


def _reaction(consumer: str, state: str, reason: str) -> Element:
    return element("li", f"{consumer} ", element("strong", state, class_=f"state {state}"), f" {reason}")


def _details(moment: Moment, here: Set[str]) -> Element:
    envelope = moment.stored.envelope
    cause = envelope.caused_by
    rows: list[tuple[str, Element | str | None]] = [
        ("event", element("code", envelope.event_id)),
        ("intent", envelope.intent),
        ("seen by", envelope.source_hook),
        ("file", envelope.artifact_path),
        ("caused by", element("a", cause, href=f"#{cause}" if cause in here else None) if cause else None),
        ("payload", element("pre", json.dumps(moment.payload, indent=2, ensure_ascii=False))),
    ]
    known = ((element("dt", key), element("dd", value)) for key, value in rows if value is not None)
    return element("dl", *(one for pair in known for one in pair))


def _actors(actors: Sequence[Actor]) -> Element:
    rows = [
        element(
            "tr",
            element("th", actor.name, scope="row"),
            element("td", str(actor.told)),
            element("td", ", ".join(f"{number} {outcome}" for outcome, number in sorted(actor.acted.items()))),
        )
        for actor in actors
    ]
    heads = (element("th", text, scope="col") for text in ("who", "facts told", "reactions"))
    return element("table", element("thead", element("tr", *heads)), element("tbody", *rows))


def _companions(found: Companions) -> Iterator[Element]:
    installed = [module for module in found.modules.values() if module.state == "installed" and module.gains]
    if installed:
        yield _scrolled(draw_companions(installed, found), "Companions")
    else:
        yield element("p", "None of the known modules is installed here.")
