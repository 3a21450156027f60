"""Who gains what from whom, as SVG: the modules left, what they gain from right, a line for each gain.

Two columns stay readable where a net of forty arrows does not. The right column is ordered so that lines cross little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from interhost.manifests.companions import Companions, Gain, Module
from interhost.report.markup import Element, element

_WIDTH, _BOX, _ROW, _TOP, _BOTTOM = 620, 170, 28, 34, 30
_STYLE = """
.companions { color: #222; --box: #fff; --have: #d7efd9; --edge: #888; --gain: #2d6cdf }
@media (prefers-color-scheme: dark) {
  .companions { color: #ddd; --box: #16191c; --have: #1f4a2a; --edge: #777; --gain: #7fa8ff }
}
.companions text { fill: currentColor; font: 13px system-ui, sans-serif }
.ground { fill: var(--box) }
.box { fill: var(--box); stroke: var(--edge) }
.installed { fill: var(--have) }
.gain { fill: none; stroke: var(--gain); stroke-opacity: .55 }
.weak { stroke-dasharray: 4 4; stroke-opacity: .35 }
"""


def draw_companions(shown: Sequence[Module], found: Companions) -> Element:
    """The drawing; what is installed is filled, what is only optional is dashed.

    Args:
        shown: The modules of the left column; those that gain nothing are left out.
        found: Knows the others.
    """
    left = [module for module in shown if module.gains]
    right = _ordered(left)
    height = _ROW * max(len(left), len(right), 1)
    starts, ends = _spread([module.name for module in left], height), _spread(right, height)
    lines = (_line(starts[module.name], ends[gain.companion], module, gain) for module in left for gain in module.gains)
    return element(
        "svg",
        element("title", "Companions: which module gains what from whom"),
        element("style", _STYLE),
        element("rect", width=_WIDTH, height=_TOP + height + _BOTTOM, class_="ground"),
        element("text", "module", x=8, y=20),
        element("text", "gains from", x=_WIDTH - _BOX - 8, y=20),
        *lines,
        *_boxes(starts, 8, found.modules),
        *_boxes(ends, _WIDTH - _BOX - 8, found.modules),
        element("text", "filled: installed here; dashed: optional", x=8, y=_TOP + height + 20),
        viewBox=f"0 0 {_WIDTH} {_TOP + height + _BOTTOM}",
        width=_WIDTH,
        height=_TOP + height + _BOTTOM,
        role="img",
        class_="companions",
    )


def _spread(names: Sequence[str], height: float) -> dict[str, float]:
    """The middle of each name's box, the boxes spread over the height."""
    row = height / max(len(names), 1)
    return {name: _TOP + row * (number + 0.5) for number, name in enumerate(names)}


def _ordered(left: Sequence[Module]) -> list[str]:
    """Companions by the middle of the rows that lead to them."""
    rows: dict[str, list[int]] = {}
    for number, module in enumerate(left):
        for gain in module.gains:
            rows.setdefault(gain.companion, []).append(number)
    return sorted(rows, key=lambda name: (sum(rows[name]) / len(rows[name]), name))


def _boxes(places: Mapping[str, float], x: int, modules: Mapping[str, Module]) -> Iterator[Element]:
    for name, y in places.items():
        state = modules[name].state
        yield element(
            "g",
            element("title", f"{name}: {state}"),
            element("rect", x=x, y=f"{y - 11:.1f}", width=_BOX, height=22, rx=5, class_=f"box {state}"),
            element("text", name, x=x + 8, y=f"{y + 4:.1f}"),
        )


def _line(start: float, end: float, module: Module, gain: Gain) -> Element:
    left, right = 8 + _BOX, _WIDTH - _BOX - 8
    middle = (left + right) / 2
    return element(
        "path",
        element("title", f"{module.name} gains from {gain.companion} ({gain.kind}): {gain.benefit}"),
        d=f"M{left} {start:.1f} C{middle} {start:.1f} {middle} {end:.1f} {right} {end:.1f}",
        class_="gain" if gain.kind == "recommended" else "gain weak",
    )
