"""Signals as wishes: handlers only note them, so that no delivery is cut off."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType


class Signals:
    """What the process was told to do.

    Attributes:
        stop: SIGTERM or SIGINT came.
        reload: SIGHUP came.
    """

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.stop = False
        self.reload = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    @property
    def pipe(self) -> int:
        """A descriptor that becomes readable with every signal."""
        return self._reader

    def clear(self) -> None:
        """Forget what made the descriptor readable."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 4096)

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note SIGTERM, SIGINT and SIGHUP until the end of the block."""
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = [signal.signal(number, self._note) for number in numbers]
        wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)
            os.close(self._reader)
            os.close(self._writer)

    def _note(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.stop = True
