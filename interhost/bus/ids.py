"""Event ids: ULIDs, 48 bits of milliseconds and 80 random bits in Crockford's base 32.

python-ulid makes them as well, but importing it costs 25 ms because it asks importlib.metadata for its own version;
a hook cannot pay that. It reads them here, off the hook path, and checks this module in the tests.
"""

from __future__ import annotations

import os
import re
import time
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80

# (process id, milliseconds, random part) of the last id. The process id is part of it because a forked child inherits
# this state and would otherwise continue its parent's sequence.
_last = (0, 0, 0)
_lock = allocate_lock()


def new_id() -> str:
    """A new id; ids of one process sort in the order they were made, also when the clock is set back."""
    global _last
    with _lock:
        pid, now = os.getpid(), time.time_ns() // 1_000_000
        last_pid, last_ms, last_random = _last
        if pid == last_pid and now <= last_ms:
            now, random = last_ms, last_random + 1
        else:
            # The top bit stays clear, so that counting up within one millisecond cannot overflow.
            random = int.from_bytes(os.urandom(10), "big") >> 1
        _last = (pid, now, random)
    return _encode(now << _RANDOM_BITS | random)


def _unlock_child() -> None:
    """A thread of the parent may have held the lock, and there is no such thread in a forked child."""
    global _lock
    _lock = allocate_lock()


os.register_at_fork(after_in_child=_unlock_child)


def is_id(text: str) -> bool:
    """Whether a text is a ULID in its canonical spelling."""
    return ULID.fullmatch(text) is not None


def id_time(event_id: str) -> datetime:
    """When an id was made, by the clock of whoever made it (UTC)."""
    from ulid import ULID as ParsedULID

    return ParsedULID.from_str(event_id).datetime


# Ten bits at a time: half the steps of one letter at a time, for every id that is made.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


def _encode(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])
