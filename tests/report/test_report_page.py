"""The page: what it holds, that nothing in it runs, and how a real browser shows it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from interhost.manifests.companions import Companions, read_companions
from interhost.report.continuing import find_continuation
from interhost.report.graph import draw_companions
from interhost.report.markup import clean, to_svg
from interhost.report.page import render_page
from tests.browser_kit import CHROMIUM, Browser
from tests.report.conftest import Sprint

HOSTILE = (
    "<script>document.title='PWNED'</script>",
    "<img src=x onerror=\"document.title='PWNED'\">",
    "</title></style></svg><svg onload=\"document.title='PWNED'\">",
    '" onmouseover="document.title=\'PWNED\'" x="',
    "javascript:document.title='PWNED'",
    "\x1b[31m\x1b]0;PWNED\x07\u202eevil\u0000",
    "]]><!--",
)
WITHOUT_BROWSER = "no Chromium on PATH: the page is not looked at in a browser"


@pytest.fixture
def companions(tmp_path: Path) -> Companions:
    """Three modules are installed."""
    environ = {
        "PATH": "",
        **{f"INTERHOST_{name}_ROOT": str(tmp_path) for name in ("INTERFLUX", "INTERPHASE", "INTERDOC")},
    }
    return read_companions(environ, tmp_path, tmp_path)


def play(sprint: Sprint) -> None:
    """A sprint with everything in it, hostile texts in every place that takes one."""
    sprint.subscribe("alpha", "*")
    for phase in ("brainstorm", "planned", "executing"):
        sprint.move(phase, minutes=200, producer="interphase")
    for number, text in enumerate(HOSTILE):
        sprint.tell("artifact_ready", {"kind": text, "title": text}, artifact=f"/widgets/{clean(text)}")
        sprint.tell(
            "review_pass", {"verdict": "risky", "counts": {text: number}}, producer="interflux", severity="error"
        )
        sprint.tell(
            "gate_result", {"outcome": "block", "tier": "hard", "target": text, "reason": text}, severity="warn"
        )
        sprint.tell("phase_transition", {"to": text, "phase_model": text})
        sprint.tell("odd.thing@1.0", {text: [text]})
    sprint.end(sprint.take("alpha"), "failed", HOSTILE[0])


def render(sprint: Sprint, companions: Companions) -> str:
    """The page."""
    story, points = sprint.story(), sprint.open()
    return render_page(story, points, find_continuation(story, points), companions)


class Reader(HTMLParser):
    """Every element's name and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def test_nothing_on_the_page_can_run_or_load(sprint: Sprint, companions: Companions) -> None:
    """No script, no handler, no address but those of the page's own facts; and a policy that forbids it besides."""
    play(sprint)
    elements = Reader(render(sprint, companions)).elements
    assert not {"script", "img", "iframe", "link", "object", "form", "base"} & {tag for tag, _ in elements}
    assert [key for _, attributes in elements for key in attributes if key.startswith("on") or key == "src"] == []
    assert [a["href"] for _, a in elements if not str(a.get("href", "#")).startswith("#")] == []
    policy = next(a["content"] for tag, a in elements if tag == "meta" and a.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_every_link_leads_to_a_fact_of_the_page(sprint: Sprint, companions: Companions) -> None:
    """Marks of the timeline and causes; each id is there once."""
    play(sprint)
    cause = sprint.tell("notify", {"text": "x"})
    sprint.tell("notify", {"text": "y"}, caused_by=cause)
    elements = Reader(render(sprint, companions)).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for tag, a in elements if tag == "a"} <= set(ids)


def test_a_cause_that_is_not_on_the_page_is_no_link(sprint: Sprint, companions: Companions) -> None:
    """It may belong to another context."""
    elsewhere = sprint.tell("notify", {"text": "x"}, context="iv-other")
    sprint.tell("notify", {"text": "y"}, caused_by=elsewhere)
    page = render(sprint, companions)
    assert elsewhere in page
    assert f"#{elsewhere}" not in page


def test_the_drawing_of_companions_is_a_document_of_its_own(companions: Companions) -> None:
    """Well-formed, with a box for everyone and a line for each gain."""
    shown = [one for one in companions.modules.values() if one.state == "installed"]
    root = ElementTree.fromstring(to_svg(draw_companions(shown, companions)))  # noqa: S314 - our own
    texts = {one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
    gains = [gain.companion for module in shown for gain in module.gains]
    assert {"interflux", "interphase", "interdoc", *gains} <= texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == len(gains)


# In a browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[(390, False), (1280, True)], ids=["phone, light", "desktop, dark"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    """A browser at the width of a phone, and at that of a desktop with a preference for dark pages."""
    if CHROMIUM is None:
        pytest.skip(WITHOUT_BROWSER)
    width, dark = request.param
    with Browser(tmp_path / "profile", width=width, dark=dark) as browser:
        yield browser


@pytest.fixture
def shown(sprint: Sprint, companions: Companions, browser: Browser, tmp_path: Path) -> Browser:
    """The browser with the page in it."""
    play(sprint)
    page = tmp_path / "report.html"
    page.write_text(render(sprint, companions), "utf-8")
    browser.open(page)
    return browser


def test_nothing_hostile_executes(shown: Browser) -> None:
    """Whatever payloads hold, the title stays ours, nothing else was requested, and the texts are all there."""
    assert shown.evaluate("document.title") == "iv-abc1: interhost report"
    requests = [one["params"]["request"]["url"] for one in shown.events if one["method"] == "Network.requestWillBeSent"]
    assert [url for url in requests if not url.endswith("/report.html")] == []
    text = shown.evaluate("document.body.textContent")
    assert [one for one in HOSTILE[:5] if one not in text] == []


def test_the_page_is_as_wide_as_the_window(shown: Browser) -> None:
    """Only drawings scroll sideways, each in its own frame, never the page."""
    assert shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth") is True
    wide = "[...document.querySelectorAll('.scrolled')].map(one => one.scrollWidth >= one.clientWidth)"
    assert shown.evaluate(wide) == [True, True]


def test_text_is_readable_on_its_ground(shown: Browser) -> None:
    """Light on dark or dark on light, by the user's preference: a contrast of at least 4.5 for what is said."""
    contrasts = shown.evaluate(
        """(() => {
          const light = color => { const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map(v => v / 255)
            .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126*r + .7152*g + .0722*b };
          const ground = light(getComputedStyle(document.body).backgroundColor);
          return ['body', 'header p', '.lead', '.state', 'summary time', 'thead th', 'dt', '.points code'].map(name => {
            const text = light(getComputedStyle(document.querySelector(name)).color);
            return (Math.max(text, ground) + .05) / (Math.min(text, ground) + .05) }) })()"""
    )
    assert min(contrasts) >= 4.5
    dark = shown.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 28)") is dark


def test_a_keyboard_is_enough(shown: Browser) -> None:
    """Tab reaches the timeline, its marks and every fact; Enter opens a fact and follows a mark."""
    shown.press("Tab", 9)
    assert shown.evaluate("document.activeElement.getAttribute('aria-label')") == "Timeline"
    shown.press("Tab", 9)
    target = shown.evaluate("document.activeElement.getAttribute('href')")
    shown.press("Enter", 13)
    assert shown.evaluate("location.hash") == target
    shown.evaluate("document.querySelector('summary').focus()")
    shown.press("Enter", 13)
    assert shown.evaluate("document.querySelector('details').open") is True


def test_a_picture_is_kept_for_whoever_wants_to_look(shown: Browser, tmp_path: Path) -> None:
    """``REPORT_PICTURES=DIR`` keeps the screenshots; they are not empty pages."""
    width = shown.evaluate("window.innerWidth")
    folder = Path(os.environ.get("REPORT_PICTURES", str(tmp_path)))
    picture = folder / f"report-{width}.png"
    shown.picture(picture)
    assert picture.stat().st_size > 20_000
    shape = json.loads(shown.evaluate("JSON.stringify(document.querySelector('svg').getBoundingClientRect())"))
    assert shape["height"] > 100
