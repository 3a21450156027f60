"""Read one JSON document from a pipe that may never be closed.

Claude Code writes one object and a newline, and has more than once forgotten to close the pipe; a fixed limit for
everything loses what comes slowly. So: stop at the first complete object, wait longer for more than for a beginning.
Source: reference/claude-code.md sections 1.2, 4.2 and 6.
"""

from __future__ import annotations

import os
import select

from interhost.json_scan import scan

FIRST_SECONDS = 3.0
NEXT_SECONDS = 5.0
MOST_BYTES = 64 << 20
_CHUNK = 1 << 16


def read_document(fd: int, *, first: float = FIRST_SECONDS, following: float = NEXT_SECONDS) -> tuple[str, object]:
    """The first complete JSON value, as text and as data.

    What was not valid UTF-8 is replaced. Without a complete value, the text is what came, and the data ``None``.

    Args:
        fd: Where to read.
        first: Seconds to wait for the first byte.
        following: Seconds to wait for each further one.
    """
    data = bytearray()
    while len(data) < MOST_BYTES and select.select([fd], [], [], following if data else first)[0]:
        chunk = os.read(fd, _CHUNK)
        data += chunk
        if not chunk:
            break
        # Only an object's end can be the end; every other attempt would scan everything again for nothing.
        if chunk.rstrip().endswith(b"}") and (found := _first(data))[1] is not None:
            return found
    return _first(data)  # what came behind a whole one may have kept us from seeing its end


def _first(data: bytearray) -> tuple[str, object]:
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    found = scan(text)
    return (text.strip(), None) if found is None else (text[: found[1]].strip(), found[0])
