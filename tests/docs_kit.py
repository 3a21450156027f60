"""Pages with shown commands: which commands, what is shown for each, and whether something is that.

How a ``console`` block is read. A line that begins with ``$`` is a command (a trailing backslash continues it); the
lines up to the next one are what a terminal shows. The blocks of one file run in order, in one shell, in a new home,
without anything of the machine's own. A command must exit with 0, or with the code that a comment at its end states
(``# exits 1``). Where output is shown it must match: ``...`` stands for any text within a line, a line ``...`` for any
number of lines, a time for any time, several spaces for any number of them, the home is ``~``, and an event id for one
and the same id wherever it stands, in later commands too. A block of another kind whose first line states
``file=PATH`` is a file, written before the next command. Commands that never end stand in ``text`` blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

BLOCK = re.compile(r"^```(?P<info>[^\n]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
"""A fenced block: its info string and its text."""

_ID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
_TIME = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?"
_TOKEN = re.compile(rf"(?P<any>\.\.\.)|(?P<time>{_TIME})|(?P<id>\b{_ID}\b)|(?P<space> {{2,}})")


class Step(NamedTuple):
    """A command with the output that is shown for it, or a file to write."""

    line: int
    command: str
    output: str
    code: int = 0
    file: str = ""


def list_steps(text: str) -> Iterator[Step]:
    """The commands and files of a page, in order."""
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 2
        if file := re.search(r"\bfile=(\S+)", block["info"]):
            yield Step(line, "", block["text"], file=file[1])
        elif block["info"] == "console":
            yield from _commands(block["text"], line)


def _commands(text: str, line: int) -> Iterator[Step]:
    assert text.startswith("$ "), f"line {line}: a console block begins with a command"
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        rows = part.splitlines()
        count = next(number for number, row in enumerate(rows, 1) if not row.endswith("\\"))
        command = "\n".join(rows[:count])
        stated = re.search(r"# exits (\d+)$", command)
        yield Step(line, command, "\n".join(rows[count:]), int(stated[1]) if stated else 0)
        line += len(rows)


def with_ids(command: str, ids: dict[str, str]) -> str:
    """A command with the event ids that were seen, where the page has those that it shows."""
    return re.sub(rf"\b{_ID}\b", lambda match: ids.get(match[0], match[0]), command)


def make_pattern(shown: str, known: dict[str, str]) -> tuple[str, dict[str, str]]:
    """A pattern for what is shown, and which of its groups holds which event id that is new in it."""
    unknown: dict[str, str] = {}

    def token(match: re.Match[str]) -> str:
        if match["any"]:
            return ".*?"
        if match["time"]:
            return _TIME
        if match["space"]:
            return " +"
        if match["id"] in known:
            return known[match["id"]]
        if match["id"] in unknown:
            return f"(?P={unknown[match['id']]})"
        unknown[match["id"]] = f"id{len(unknown)}"
        return f"(?P<{unknown[match['id']]}>{_ID})"

    lines = []
    for line in shown.rstrip("\n").splitlines():
        pieces = [re.escape(piece) for piece in _split(line)]
        tokens = [token(match) for match in _TOKEN.finditer(line)]
        whole = "".join(piece + (tokens[index] if index < len(tokens) else "") for index, piece in enumerate(pieces))
        lines.append(r"(?:.*\n)*?" if line.strip() == "..." else whole + r"\n")
    return "".join(lines).removesuffix(r"\n") + r"\n?", unknown


def _split(line: str) -> list[str]:
    """What stands between the tokens of a line."""
    ends = [0, *(end for match in _TOKEN.finditer(line) for end in match.span()), len(line)]
    return [line[begin:end] for begin, end in zip(ends[::2], ends[1::2], strict=True)]


def has_line(shown: str, seen: Iterable[str], known: dict[str, str]) -> bool:
    """Whether a shown line is among those that were seen; an event id that is new in it is known from then on."""
    pattern, unknown = make_pattern(shown, known)
    found = next((match for line in seen if (match := re.fullmatch(pattern, line.rstrip()))), None)
    if found:
        known.update({one: found[group] for one, group in unknown.items()})
    return found is not None
