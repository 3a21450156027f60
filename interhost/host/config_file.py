"""Change one key of ``config.toml`` and leave the rest of the user's text as it is.

The line is replaced, or added to its table, in the text itself, so that comments and order stay. The result is parsed
and compared with what was meant; where the text is written in a way that this does not match (inline tables, dotted
keys, a value over several lines), the file is written anew by tomli-w, and the caller is told that comments are gone.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from interhost.errors import InputError

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Changed(NamedTuple):
    """The text of a changed file, and whether comments were lost."""

    text: str
    comments_lost: bool


def split_key(text: str) -> tuple[str, ...]:
    """The parts of a dotted key.

    Raises:
        InputError: A part is empty or would need quotes.
    """
    parts = tuple(text.split("."))
    if not all(map(_PLAIN_KEY.fullmatch, parts)):
        raise InputError(f"key {text!r}: expected names with dots between them, such as adapters.interphase.enabled")
    return parts


def read_value(text: str) -> Any:
    """A value from the command line: TOML where it is that (``true``, ``30``, ``["a"]``), else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text


def change_key(text: str, key: Sequence[str], value: Any) -> Changed:
    """Set one key in the text of a file.

    Args:
        text: The file as it is.
        key: Parts of the key; all but the last name its table.
        value: The new value.

    Raises:
        InputError: The text is not TOML, or something other than a table stands in the key's way.
    """
    wanted = tomllib.loads(text)
    table = wanted
    for part in key[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise InputError(f"key {'.'.join(key)!r}: '{part}' is a value, not a table")
    table[key[-1]] = value
    edited = _edit(text, ".".join(key[:-1]), f"{key[-1]} = ", _written(key[-1], value))
    try:
        if tomllib.loads(edited) == wanted:
            return Changed(edited, comments_lost=False)
    except ValueError:
        pass
    import tomli_w

    return Changed(tomli_w.dumps(wanted), comments_lost="#" in text)


def write_config(path: Path, text: str) -> None:
    """Replace the file as a whole; it stays private to its owner."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.touch(mode=0o600)
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def find_key(tables: Mapping[str, Any], key: Sequence[str]) -> Any:
    """The value of a key, or ``None``."""
    value: Any = tables
    for part in key:
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def _written(name: str, value: Any) -> str:
    import tomli_w

    return tomli_w.dumps({name: value}).rstrip("\n")


def _edit(text: str, table: str, begin: str, line: str) -> str:
    """The text with one line replaced or added; what comes of it is for the caller to check."""
    lines = text.splitlines()
    header = f"[{table}]"
    starts = [number for number, one in enumerate(lines) if one.split("#")[0].strip() == header]
    if table and not starts:
        return "\n".join([*lines, *([""] if lines else []), header, line, ""])
    first = starts[0] + 1 if table else 0
    last = next((n for n in range(first, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    for number in range(first, last):
        if re.sub(r"\s*=\s*", " = ", lines[number].strip(), count=1).startswith(begin):
            comment = re.search(r"\s+#[^\"']*$", lines[number])
            lines[number] = line + (comment.group() if comment else "")
            return "\n".join([*lines, ""])
    while last > first and not lines[last - 1].strip():
        last -= 1
    return "\n".join([*lines[:last], line, *lines[last:], ""])
