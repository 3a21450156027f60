"""How long sideband files stay, and how many: the user's variables, else the channel's defaults."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from interhost.interband.channels import find_channel

INTERVAL_VARIABLE = "INTERBAND_PRUNE_INTERVAL_SECS"
INTERVAL = 300


class Retention(NamedTuple):
    """What a channel keeps.

    Attributes:
        seconds: Files older than this go.
        files: At most so many stay, the newest.
    """

    seconds: int
    files: int


def plain_number(text: str | None) -> int | None:
    """A number of at most 18 decimal digits and nothing else; leading zeros make nothing octal.

    Eighteen, because shells count with 64 bits and must come to the same answer.
    """
    if text is None or not re.fullmatch(r"0*[0-9]{1,18}", text, re.ASCII):
        return None
    return int(text.lstrip("0") or "0")  # Python refuses to read thousands of zeros


def retention(environ: Mapping[str, str], namespace: str, channel: str) -> Retention:
    """What a channel keeps.

    The variable of the channel wins, then the global one, then the default. One that is no plain number, or zero (which
    would remove what has just been written), is passed over.
    """
    known = find_channel(namespace, channel)
    one, all_ = variables(namespace, channel), variables()
    return Retention(
        plain_number(environ.get(one.seconds)) or plain_number(environ.get(all_.seconds)) or known.seconds,
        plain_number(environ.get(one.files)) or plain_number(environ.get(all_.files)) or known.files,
    )


def prune_interval(environ: Mapping[str, str]) -> int:
    """Seconds between two looks at a channel; zero is every time."""
    given = plain_number(environ.get(INTERVAL_VARIABLE))
    return INTERVAL if given is None else given


class Variables(NamedTuple):
    """Names of the variables."""

    seconds: str
    files: str


def variables(namespace: str = "", channel: str = "") -> Variables:
    """The variables of a channel, or the global ones; what no variable can be called becomes ``_``."""
    part = re.sub(r"[^A-Z0-9]", "_", f"_{namespace}_{channel}".upper()) if namespace else ""
    return Variables(f"INTERBAND_RETENTION{part}_SECS", f"INTERBAND_MAX_FILES{part}")


def ignored_variables(environ: Mapping[str, str] = os.environ) -> Iterator[tuple[str, str]]:
    """Each retention variable that is set and says nothing, with its value."""
    for name, value in sorted(environ.items()):
        if name == INTERVAL_VARIABLE:
            if plain_number(value) is None:
                yield name, value
        elif re.fullmatch(r"INTERBAND_(RETENTION(_\w+)?_SECS|MAX_FILES(_\w+)?)", name) and not plain_number(value):
            yield name, value
