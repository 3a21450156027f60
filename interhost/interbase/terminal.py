"""One line for people, on standard error: nothing in it drives a terminal, and nobody waits until it is read."""

import os
import sys

_LONGEST = 1000


def clean(text: object) -> str:
    """Text without control characters, without those that turn the writing around, and without halves of characters."""
    shown = "".join(character for character in str(text) if not _drives(ord(character)))
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def can_say() -> bool:
    """Whether standard error takes a line now: it is open, and no reader lets it fill up."""
    if (fd := _descriptor()) is None:
        return sys.stderr is not None
    import select

    try:
        return bool(select.select([], [fd], [], 0)[1])
    except (OSError, ValueError):
        return False


def say(text: str) -> None:
    """Write one line, or nothing where nobody takes it. Never raises."""
    line = f"{clean(text)}\n"
    try:
        if not can_say():
            return
        if (fd := _descriptor()) is None:
            sys.stderr.write(line)
        else:
            # In one piece, so that parallel hooks do not mix their lines; and past the stream's buffer, which would be
            # flushed at exit, and turn the exit status into 120 if nobody reads any more.
            os.write(fd, line.encode("utf-8", "replace"))
    except Exception:
        return


def _descriptor() -> int | None:
    """The file behind standard error; ``None`` where somebody has put an object of their own."""
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _drives(point: int) -> bool:
    return (
        point < 0x20
        or 0x7F <= point < 0xA0
        or point in (0x061C, 0x200E, 0x200F)
        or 0x2028 <= point <= 0x202E
        or 0x2066 <= point <= 0x2069
        or 0xD800 <= point <= 0xDFFF
    )
