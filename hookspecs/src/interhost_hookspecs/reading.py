"""Values out of files and answers that nobody promised anything about: each function answers, whatever it is given.

What is damaged, absent or of another type is read as nothing (``None`` or empty), never raised. Keys are dotted:
``metadata.bead`` leads into the object ``metadata``. Several keys are several places, and the first hit wins.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, TypeGuard

from interhost_hookspecs.intent import BEAD_ID

LINE = 300
"""Characters that a title or another one-line text may have."""

FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
"""Front matter, at the start of a text."""


def is_bead(value: object) -> TypeGuard[str]:
    """Whether a value is a bead id."""
    return isinstance(value, str) and re.fullmatch(BEAD_ID, value) is not None


def read_json(text: str | bytes | None) -> object:
    """The JSON value in a text; ``None`` for what is no JSON, no UTF-8, or nested past the interpreter's limit."""
    try:
        value: object = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return value


def read_object(text: str | bytes | None) -> dict[str, Any]:
    """The JSON object in a text; an empty one for everything else."""
    value = read_json(text)
    return value if isinstance(value, dict) else {}


def read_objects(text: str | bytes | None) -> list[dict[str, Any]]:
    """The objects in a JSON array; none for help texts, log lines and whatever else a command may print."""
    value = read_json(text)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def read_object_lines(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The lines that are JSON objects, each with its text; the others are passed over."""
    return ((line, entry) for line in lines if (entry := read_object(line)))


def read_time(value: object, zone: tzinfo | None = None) -> datetime | None:
    """An RFC 3339 time.

    Args:
        value: What may be one.
        zone: Zone of a time that states none; left out, such a time is ``None``.
    """
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if time is not None and time.tzinfo is None:
        return time.replace(tzinfo=zone) if zone else None
    return time


def read_local_time(value: object) -> datetime | None:
    """An RFC 3339 time; one that states no zone is of this machine's."""
    try:
        time = datetime.fromisoformat(value).astimezone() if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):  # the first and the last year have no local time everywhere
        return None
    return time


def read_front_matter(text: str) -> dict[str, str] | None:
    """The ``key: value`` lines of the front matter, nested ones left out; ``None`` when there is none."""
    found = FRONT_MATTER.match(text.removeprefix("\ufeff"))
    if not found:
        return None
    lines = re.findall(r"^([\w-]+):[ \t]+(\S.*)$", found[1], re.MULTILINE)
    return {key: encodable(value.rstrip().strip("\"'")) for key, value in lines}


def value_at(document: object, key: str) -> object:
    """The value at a dotted key, the document itself for an empty one, ``None`` when there is none."""
    for part in filter(None, key.split(".")):
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def first_line(document: object, *keys: str) -> str | None:
    """The first of these that is a text, as one line."""
    return next((text for key in keys if (text := one_line(value_at(document, key)))), None)


def first_count(document: object, *keys: str) -> int | None:
    """The first of these that is a count: a whole number, a list (its length), or an object's ``count``."""
    return next((size for key in keys if (size := _count(value_at(document, key))) is not None), None)


def first_number(document: object, *keys: str) -> float | None:
    """The first of these that is a finite number; ``true`` is none."""
    return next((number for key in keys if (number := _number(value_at(document, key))) is not None), None)


def first_names(document: object, *keys: str) -> tuple[str, ...] | None:
    """The first of these that is a list of strings and nothing else."""
    for key in keys:
        value = value_at(document, key)
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            return tuple(map(encodable, value))
    return None


def first_paths(document: object, *keys: str) -> tuple[str, ...]:
    """The first of these that names paths: one, several with commas between them, or a list."""
    for key in keys:
        value = value_at(document, key)
        parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
        if paths := tuple(encodable(part.strip()) for part in parts if isinstance(part, str) and part.strip()):
            return paths
    return ()


def one_line(value: object) -> str | None:
    """A text in one line of at most ``LINE`` characters; ``None`` for anything else and for blanks."""
    if not isinstance(value, str):
        return None
    line = encodable(" ".join(value.split()))
    return (line if len(line) <= LINE else line[: LINE - 1] + "…") or None


def plain_line(value: object, most: int = LINE) -> str:
    """What somebody else wrote, fit for a person or an agent to read: one line, and nothing that acts on a terminal.

    Titles, names and paths come from anybody; control characters and those that turn the writing around become blanks.

    Args:
        value: The text; anything else is an empty line.
        most: Characters of it that are kept.
    """
    text = "".join(one if one.isprintable() else " " for one in value) if isinstance(value, str) else ""
    line = one_line(text) or ""
    return line if len(line) <= most else line[: most - 1] + "…"


def compact(value: object) -> str | None:
    """A string unchanged, ``None`` unchanged, anything else as JSON without blanks."""
    if value is None or isinstance(value, str):
        return None if value is None else encodable(value)
    return json.dumps(value, separators=(",", ":"))


def encodable(text: str) -> str:
    r"""Replace lone surrogates: JSON can spell them (``"\ud800"``), no file or database can hold them."""
    return text.encode("utf-8", "replace").decode()


def fact_key(owner: str, *parts: object) -> str:
    """A dedupe key of what makes a fact this one, whatever a path or a text in it looks like.

    Args:
        owner: The adapter's name.
        parts: What the fact is made of; anything that JSON or ``str`` can tell apart.
    """
    import hashlib  # 3 ms, which every hook would pay: the context imports this module

    return f"{owner}:" + hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer of 400 digits
        return None


def _count(value: object) -> int | None:
    value = value.get("count") if isinstance(value, dict) else value
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
