"""Let adapters look at an event while the hook waits, within a deadline.

They are loaded by a process of their own: the hook has neither their imports nor the time for one that hangs. What they
advise is stored like all advice and handed out by the hook right after; what they did not get to, the worker does.
Source: design section 7, step 1.
"""

from __future__ import annotations

import os
import signal
import time

from interhost.claude.worker import start_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECONDS = 0.8
LAST_SECONDS = 0.4
"""For SessionEnd, whose hooks have 1.5 s all together (reference/claude-code.md section 1.8)."""
_GRACE_SECONDS = 0.1
_PAUSE_SECONDS = 0.003


def await_answers(root: str, adapters: Sequence[str], event: Mapping[str, object]) -> None:
    """Show the event to adapters that answer, and wait until they have, or the time is over.

    Args:
        root: State directory, where the event is recorded.
        adapters: Who is to answer.
        event: The event.
    """
    seconds = LAST_SECONDS if event.get("hook_event_name") == "SessionEnd" else SECONDS
    end = time.monotonic() + seconds
    child = start_process(["hook", "--answer", ",".join(adapters), "--until", f"{end:.3f}"])
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() >= end + _GRACE_SECONDS:  # it does not even hear its own alarm
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(_PAUSE_SECONDS)
