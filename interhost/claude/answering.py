"""The process that loads the adapters which answer, while a hook waits for it.

Started by :mod:`interhost.claude.answer`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path
from types import FrameType

from interhost.bus.bus import Bus
from interhost.bus.hook_index import read_said
from interhost.errors import InterhostError
from interhost.host.config import FILE_NAME, Config
from interhost.host.host import Host
from interhost.host.looking import OutOfTimeError
from interhost.host.registry import list_adapters

_DEADLINE = 0.3


def answer_events(root: Path, names: Collection[str], until: float) -> None:
    """Show the events that hooks wait for to some adapters, oldest first, and end at a time.

    Args:
        root: State directory.
        names: The adapters.
        until: When the hook stops waiting, on the system's monotonic clock.
    """
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.setitimer(signal.ITIMER_REAL, max(0.001, until - time.monotonic()))
    try:
        with Bus(root, deadline=_DEADLINE) as bus:
            host = Host(
                bus,
                list_adapters(),
                Config(root / FILE_NAME, read_said(os.environ)),
                stopping=lambda: time.monotonic() >= until,  # the alarm rings once, and what it ends may go on
                only=names,
            )
            host.take_in_hooks()
            host.observe_hooks(early=True)
    except (OutOfTimeError, InterhostError) as error:  # the event is recorded, and the worker has time
        print(f"interhost hook: {error}", file=sys.stderr)


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise OutOfTimeError("did not answer while the hook waited")
