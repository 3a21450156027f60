"""Numbers and lengths of time, in words."""

from __future__ import annotations

from datetime import timedelta


def show_span(time: timedelta) -> str:
    """A length of time in its two largest units."""
    seconds = max(0, int(time.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def count(number: int, what: str) -> str:
    """A number with its word."""
    return f"{number} {what}{'' if number == 1 else 's'}"
