"""Values out of JSON that nobody promised anything about: each function answers, whatever it is given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

LINE = 300
"""Characters that a title or another one-line text may have."""


def value_at(document: object, key: str) -> object:
    """The value at a dotted key, the document itself for an empty one, ``None`` when there is none."""
    for part in filter(None, key.split(".")):
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def first_line(document: object, keys: tuple[str, ...]) -> str | None:
    """The first of these that is a text, as one line."""
    return next((text for key in keys if (text := one_line(value_at(document, key)))), None)


def first_number(document: object, keys: tuple[str, ...]) -> int | None:
    """The first of these that is a count."""
    return next((size for key in keys if (size := number(value_at(document, key))) is not None), None)


def first_names(document: object, keys: tuple[str, ...]) -> tuple[str, ...] | None:
    """The first of these that is a list of strings and nothing else."""
    for key in keys:
        value = value_at(document, key)
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            return tuple(map(encodable, value))
    return None


def first_paths(document: object, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The first of these that names paths: one, several with commas between them, or a list."""
    for key in keys:
        value = value_at(document, key)
        parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
        if paths := tuple(encodable(part.strip()) for part in parts if isinstance(part, str) and part.strip()):
            return paths
    return ()


def number(value: object) -> int | None:
    """A count: a whole number, the length of a list, or an object's ``count``."""
    if isinstance(value, dict):
        value = value.get("count")
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def one_line(value: object) -> str | None:
    """A text in one line of bearable length; ``None`` for anything else and for blanks."""
    if not isinstance(value, str):
        return None
    line = encodable(" ".join(value.split()))
    return (line if len(line) <= LINE else line[: LINE - 1] + "…") or None


def compact(value: object) -> str | None:
    """A string unchanged, ``None`` unchanged, anything else as JSON without blanks."""
    if value is None or isinstance(value, str):
        return None if value is None else encodable(value)
    return json.dumps(value, separators=(",", ":"))


def encodable(text: str) -> str:
    r"""Replace lone surrogates: JSON can spell them (``"\ud800"``), no file or database can hold them."""
    return text.encode("utf-8", "replace").decode()


def fact_key(*parts: object) -> str:
    """A dedupe key of what makes a fact this one, whatever a path or a text in it looks like."""
    return "interflux:" + hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
