"""Times on the command line: RFC 3339, or how long ago."""

from __future__ import annotations

import re
import time
from datetime import datetime

from interhost.errors import UsageError

_AGO = re.compile(r"(\d{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def read_time(text: str) -> datetime:
    """An RFC 3339 time; without a time zone, in the user's own.

    Raises:
        UsageError: It is none.
    """
    return _read(text, "")


def read_moment(text: str) -> int:
    """A time, or how long ago, in microseconds since the epoch; never before it.

    Raises:
        UsageError: It is neither.
    """
    if ago := _AGO.fullmatch(text):
        return max(0, int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1_000_000))
    return max(0, int(_read(text, ", or how long ago, such as 30m, 2h, 7d").timestamp() * 1_000_000))


def _read(text: str, other: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(f"time {text!r}: expected RFC 3339, such as 2026-11-20T09:30:00Z{other}") from None
