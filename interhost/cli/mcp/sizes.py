"""Results that a model can read: Claude Code warns at 10,000 tokens and cuts at 25,000 (claude-code.md section 3.4)."""

from __future__ import annotations

import json
from typing import Any

USUAL = 24_000
"""Characters of a result that may be long, some 8,000 tokens."""
LARGEST = 60_000
"""Characters of any result, some 20,000 tokens."""


def compact(value: object) -> str:
    """JSON in as few characters as possible."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def fit(value: Any, chars: int) -> Any:
    """A JSON value as it is when it is short enough, else its beginning, with what is left out counted.

    Args:
        value: Anything that JSON has.
        chars: Most characters of its compact text; a mark for each level may come on top.
    """
    if len(compact(value)) <= chars:
        return value
    if isinstance(value, str):
        return f"{value[: max(0, chars - 3)]}…"
    if isinstance(value, list | tuple):
        return _fit_list(list(value), chars)
    return _fit_map(value, chars) if isinstance(value, dict) else "…"


def _fit_list(values: list[Any], chars: int) -> list[Any]:
    kept: list[Any] = []
    for index, value in enumerate(values):
        if chars <= 0:
            return [*kept, {"omitted": len(values) - index}]
        kept.append(fit(value, chars))
        chars -= len(compact(kept[-1])) + 1
    return kept


def _fit_map(values: dict[str, Any], chars: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for index, (key, value) in enumerate(values.items()):
        chars -= len(compact(key)) + 2
        if chars <= 0:
            return {**kept, "omitted": len(values) - index}
        kept[key] = fit(value, chars)
        chars -= len(compact(kept[key]))
    return kept
