"""Changing one value in somebody's settings file, as text: everything else keeps every byte.

A file is only changed when it is plain JSON whose keys stand once; anything else is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from interhost.errors import InputError

_BLANKS = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


class Member(NamedTuple):
    """A key of an object and its value, by where they stand in the text."""

    key: int
    value: int
    end: int


def find_members(text: str, start: int = 0) -> dict[str, Member]:
    """The members of the object that begins at ``start``, in their order.

    Raises:
        InputError: There is no object, or it is not JSON, or a key stands twice.
    """
    members: dict[str, Member] = {}
    try:
        for name, member in _walk(text, start):
            if name in members:
                raise InputError(f"key {name!r} stands twice")
            members[name] = member
    except (ValueError, RecursionError, IndexError) as error:
        raise InputError(f"not JSON: {' '.join(str(error).split())[:100]}") from None
    return members


def check_end(text: str, start: int) -> None:
    """Refuse what is more than one document.

    Raises:
        InputError: Something follows.
    """
    if rest := text[start:].strip(" \t\r\n"):
        raise InputError(f"not JSON: {rest[:20]!r} follows the object")


def replace(text: str, start: int, end: int, new: str) -> str:
    """The text with another part in the place of one."""
    return text[:start] + new + text[end:]


def add_member(text: str, key: str, value: str) -> str:
    """The text with one more member at the end of its object, indented as the last one is.

    Args:
        text: An object.
        key: The key.
        value: The value, as JSON.
    """
    members = list(find_members(text).values())
    if not members:
        at = _skip(text, 0) + 1
        return replace(text, at, at, f"{json.dumps(key)}: {value}")
    last = members[-1]
    before = members[-2].end if len(members) > 1 else _skip(text, 0)
    blanks = re.search(r"[ \t\r\n]*$", text[before : last.key])
    return replace(text, last.end, last.end, f",{blanks[0] if blanks else ''}{json.dumps(key)}: {value}")


def remove_member(text: str, key: str) -> str:
    """The text without a member; where :func:`add_member` has put it, exactly the text from before."""
    members = find_members(text)
    names = list(members)
    at = names.index(key)
    if at:
        return replace(text, members[names[at - 1]].end, members[key].end, "")
    if len(names) > 1:
        return replace(text, members[key].key, members[names[1]].key, "")
    return replace(text, _skip(text, 0) + 1, members[key].end, "")


def _walk(text: str, start: int) -> Iterator[tuple[str, Member]]:
    """Name and place of each member; afterwards nothing else may follow where the object is the document."""
    at = _expect(text, start, "{")
    at = _skip(text, at)
    while text[at] != "}":
        name, end = _decode(text, at)
        if not isinstance(name, str):
            raise InputError(f"not JSON: a key is {name!r:.40}")
        value = _skip(text, _expect(text, end, ":"))
        member = Member(at, value, _decode(text, value)[1])
        yield name, member
        at = _skip(text, member.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
            if text[at] == "}":
                raise InputError("not JSON: a comma before the end of an object")
        elif text[at] != "}":
            raise InputError(f"not JSON: {text[at : at + 20]!r} where a comma or the end of an object should be")
    if start == 0:
        check_end(text, at + 1)


def _expect(text: str, at: int, sign: str) -> int:
    """The place behind a sign, which blanks may precede."""
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        raise InputError(f"not JSON as settings are: expected {sign!r}, found {text[at : at + 20]!r}")
    return at + 1


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
