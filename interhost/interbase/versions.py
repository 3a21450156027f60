"""The order of version folders: numbers as numbers, a release after its early versions, and a hash before any of them.

Source: design section 10, decision 11; Semantic Versioning 2.0.0, section 11.
"""

import re
from typing import NamedTuple

_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)-?([^+]*)", re.ASCII)
_Part = tuple[int, int, str]


class VersionKey(NamedTuple):
    """What versions are sorted by.

    Attributes:
        is_version: A hash, or ``unknown``, is none.
        numbers: Without zeros at the end: 1.0 is 1.0.0.
        is_release: Not an early version.
        early: What comes after the numbers, part by part.
        text: Of what is no version, the one that sorts last counts as newer.
    """

    is_version: bool
    numbers: tuple[int, ...]
    is_release: bool
    early: tuple[_Part, ...]
    text: str


def version_key(name: str) -> VersionKey:
    """The key of one folder's name, such as ``1.10.0``, ``v2.0.0-rc.1+build`` or ``0f3c9a``."""
    found = _VERSION.match(name)
    if not found or max(map(len, found[1].split("."))) > 1000:  # Python reads no number of more than 4300 digits
        return VersionKey(False, (), False, (), name)
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    early = tuple(_part(part) for part in found[2].split(".")) if found[2] else ()
    return VersionKey(True, tuple(numbers), not early, early, "")


def _part(text: str) -> _Part:
    """Numbers as numbers, and before what is none."""
    return (0, int(text), "") if re.fullmatch(r"[0-9]{1,1000}", text) else (1, 0, text)
