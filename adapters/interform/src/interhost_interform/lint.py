"""A mechanical look at interfaces for habits that interform names. It is interhost's look, and no review of interform.

Source: ``reference/modules/interform.md`` sections 9.1, 9.2 (row F2) and 9.4.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, HealthSignal, HookEvent, Level, Severity
from interhost_hookspecs.files import read_text
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import value_at

INTERFACE = re.compile(r"\.(?:css|scss|sass|less|html?|tsx|jsx|vue|svelte|astro|swift)$", re.IGNORECASE)
"""Found in paths of files that make up an interface."""

EDITORS = ("Edit", "MultiEdit", "Write")
"""Tools after which a file is looked at."""

SIGNAL, SOURCE = "design_lint", "interbus-lint"

RULES: Mapping[str, str] = {
    "overused font": "interform SKILL.md:24,31",
    "purple gradient on white": "interform SKILL.md:32",
}
"""What is looked for, and where interform names it."""

_FONT = re.compile(
    r"font-?family[\"']?\s*[:=][^;{}\n]{0,300}?"
    r"(?<![\w-])(?:inter|roboto|arial|system-ui|-apple-system|blinkmacsystemfont|segoe ui)(?![\w-])",
    re.IGNORECASE,
)
_GRADIENT = re.compile(
    r"gradient\([^)\n]{0,300}\b(?:purple|violet|indigo|rebeccapurple)\b|\bfrom-(?:purple|violet|indigo)-\d{2,3}\b",
    re.IGNORECASE,
)
_WHITE = re.compile(
    r"\b(?:background(?:-color|color)?[\"']?\s*[:=]\s*[\"']?(?:white\b|#fff)|bg-white\b)", re.IGNORECASE
)
_SIZE = 256 * 1024
_SHOWN, _REMEMBERED = 10, 256


@frozen
class Hit:
    """One habit in one line."""

    pattern: str
    line: int


def tell_habits(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    """What an edited interface shows of the habits, when that is not what it showed before."""
    path = value_at(event.raw, "tool_input.file_path")
    if event.name != "PostToolUse" or event.tool_name not in EDITORS or not isinstance(path, str):
        return
    if not ctx.config.is_on("lint") or not INTERFACE.search(path) or not os.path.isfile(path):
        return
    hits, known = list_habits(read_text(Path(path), _SIZE)), recall(ctx, "habits")
    now, before = sorted({hit.pattern for hit in hits}), known.pop(path, [])
    if now:
        known[path] = now
    if now != before:
        keep(ctx, "habits", known, most=_REMEMBERED)
        yield _compose(Path(path), hits)


def list_habits(text: str) -> list[Hit]:
    """The habits in a file, by line."""
    on_white, hits = _WHITE.search(text) is not None, []
    for number, line in enumerate(text.splitlines(), 1):
        if _FONT.search(line[:2000]):
            hits.append(Hit("overused font", number))
        if on_white and _GRADIENT.search(line[:2000]):
            hits.append(Hit("purple gradient on white", number))
    return hits


def _compose(path: Path, hits: list[Hit]) -> Draft:
    said = "; ".join(f"{hit.pattern} in line {hit.line}" for hit in hits[:_SHOWN])
    return Draft(
        payload=HealthSignal(
            signal=SIGNAL,
            level=Level.YELLOW if hits else Level.GREEN,
            value=float(len(hits)),
            unit="habits",
            detail=f"{said or 'no habit is left'} (looked at by interhost, not reviewed by interform)",
        ),
        artifact_path=path,
        severity=Severity.WARN if hits else Severity.INFO,
        extensions={
            "source": SOURCE,
            "hits": [{"pattern": hit.pattern, "line": hit.line, "rule": RULES[hit.pattern]} for hit in hits[:_SHOWN]],
        },
    )
