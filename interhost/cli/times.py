"""Times on the command line: RFC 3339, or how long ago."""

from __future__ import annotations

import re
import time
from datetime import datetime

from interhost.errors import UsageError

_AGO = re.compile(r"(\d{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def read_time(text: str) -> datetime:
    """An RFC 3339 time with a time zone; without one, the user's own.

    Raises:
        UsageError: It is neither that nor a duration.
    """
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UsageError(
            f"time {text!r}: expected RFC 3339, such as 2026-11-20T09:30:00Z, or how long ago, such as 30m, 2h, 7d"
        ) from None


def read_moment(text: str) -> int:
    """A time, or how long ago, in microseconds since the epoch."""
    if ago := _AGO.fullmatch(text):
        return int((time.time() - int(ago[1]) * _SECONDS[ago[2]]) * 1_000_000)
    return int(read_time(text).timestamp() * 1_000_000)
