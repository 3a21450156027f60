"""The resident host: one lane per consumer, so that a slow adapter keeps nobody else waiting.

A lane is a thread with a connection of its own; it alone calls its adapter's hooks for intents and observations.
Guards may be asked from any lane. The caller's thread watches the sentinel and the spool, wakes the lanes that have
something to do, flushes the log to disk once a second when it changed, and prunes once an hour.

Source: design sections 7 and 8.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from interhost.bus.bus import Bus
from interhost.bus.log import LEASE_SECONDS, Header, Lease, Subscription
from interhost.host.config import Config
from interhost.host.delivery import Delivered, deliver_next, describe_failure
from interhost.host.host import LOOK_AGAIN_SECONDS
from interhost.host.loading import LoadedAdapter, describe
from interhost.host.looking import Look, look, look_at_hook
from interhost.host.nudging import Nudging
from interhost.host.providers import Providers

LOOK_SECONDS = 2.0
QUIET_SECONDS = 5.0
"""Between two looks of a lane that has had nothing to do for a minute."""
_BUSY_SECONDS = 60.0
_IDLE_SECONDS = 15.0
"""After so long a lane looks for work that nobody told it of: sixteen that did so every second took half a percent."""
_AGAIN_SECONDS = 1.0
_EXTEND_SECONDS = LEASE_SECONDS / 3
_PAGE = 500


class Voice(NamedTuple):
    """Where lanes speak; called from their threads."""

    delivered: Callable[[Delivered], None]
    problem: Callable[[str], None]


class Lane(threading.Thread):
    """Looks and delivers for one adapter until it is told to stop.

    Args:
        root: State directory.
        adapter: The adapter.
        config: The user's configuration.
        providers: Who answers guards and submissions.
        voice: Where to speak.
        backfill: Take history from sources that are looked at for the first time.
    """

    def __init__(
        self, root: Path, adapter: LoadedAdapter, config: Config, providers: Providers, voice: Voice, *, backfill: bool
    ) -> None:
        """Prepare; :meth:`start` begins."""
        super().__init__(name=f"lane {adapter.name}")
        self.adapter = adapter
        self._subscription = Subscription(
            adapter.name, adapter.entry.interbus.consumes if adapter.entry.interbus else ()
        )
        self._root = root
        self._config = config
        self._providers = providers
        self._voice = voice
        self._backfill = backfill
        self._nudging = Nudging()
        self.in_hand: Lease | None = None
        self._wake = threading.Event()
        self._ending = threading.Event()

    def wants(self, one: Header) -> bool:
        """Whether an event is for this lane."""
        return self._subscription.wants(one)

    def wake(self) -> None:
        """There is something to deliver."""
        self._wake.set()

    def stop(self) -> None:
        """End after the delivery in hand."""
        self._ending.set()
        self._wake.set()

    def run(self) -> None:
        """The thread's work. A fault of ours in one lane is said, and the lane goes on a second later."""
        while not self._ending.is_set():
            try:
                with Bus(self._root, stopping=self._ending.is_set) as bus:
                    self._serve(bus)
            except BaseException as error:  # no signal reaches a thread: whatever it is, it came from in here
                self._say(f"{self.name}: {describe(error)}")
                self._wake.wait(_AGAIN_SECONDS)

    def _serve(self, bus: Bus) -> None:
        def record(adapter: str, hook: str, reason: str) -> None:
            bus.store.set_problem(adapter, hook, reason)
            if reason:
                self._say(f"{adapter}: {hook}: {reason}")

        providers = self._providers.reporting(record)
        look_at = 0.0 if self.adapter.implements("observe") else float("inf")
        work_at = quiet_at = 0.0
        while not self._ending.is_set():
            if self._wake.is_set() or time.monotonic() >= work_at:
                if self._work(bus, providers):
                    quiet_at = time.monotonic() + _BUSY_SECONDS
                work_at = time.monotonic() + _IDLE_SECONDS
            if time.monotonic() >= look_at:
                one = look(bus, self.adapter, self._config, providers, backfill=self._backfill)
                self._tell(one, "observe")
                if one.published:
                    quiet_at = time.monotonic() + _BUSY_SECONDS
                pause = QUIET_SECONDS if time.monotonic() >= quiet_at else LOOK_SECONDS
                look_at = time.monotonic() + (LOOK_AGAIN_SECONDS if one.wants_more else pause)
            self._wake.wait(max(0.0, min(work_at, look_at) - time.monotonic()))

    def _work(self, bus: Bus, providers: Providers) -> bool:
        """Show the adapter every hook event and hand it every delivery that is due; whether there was any."""
        expected, busy = self._wake.is_set(), False
        self._wake.clear()
        while not self._ending.is_set() and (seen := look_at_hook(bus, self.adapter, self._config, providers)):
            busy = True
            self._tell(seen, "observe_hook")
        while not self._ending.is_set() and (delivered := self._deliver(bus, providers, expected=expected)):
            expected, busy = False, True
            self._voice.delivered(delivered)
            if delivered.outcome == "error":
                self._say(describe_failure(delivered))
            self._nudging.after(delivered)
        return busy

    def _tell(self, one: Look, stage: str) -> None:
        if one.problem:
            self._say(f"{self.adapter.name}: {stage}: {one.problem}")

    def _say(self, line: str) -> None:
        with contextlib.suppress(Exception):  # whoever listened may be gone; the lane is not
            self._voice.problem(line)

    def _deliver(self, bus: Bus, providers: Providers, *, expected: bool) -> Delivered | None:
        try:
            return deliver_next(
                bus, self.adapter, self._config, providers, expected=expected, on_lease=self._take_in_hand
            )
        finally:
            self.in_hand = None

    def _take_in_hand(self, lease: Lease) -> None:
        self.in_hand = lease


class Lanes:
    """All lanes of a resident host.

    Args:
        bus: The caller's own connection.
        adapters: Loaded adapters.
        config: The user's configuration.
        providers: Who answers guards and submissions.
        voice: Where lanes speak.
        backfill: Take history from sources that are looked at for the first time.
    """

    def __init__(
        self,
        bus: Bus,
        adapters: Sequence[LoadedAdapter],
        config: Config,
        providers: Providers,
        voice: Voice,
        *,
        backfill: bool = False,
    ) -> None:
        """Start every lane; each finds what waits for it already."""
        self._bus = bus
        self._seen = bus.log.end()
        self._extend_at = time.monotonic() + _EXTEND_SECONDS
        self._config = config
        self._providers = providers
        self._voice = voice
        self._backfill = backfill
        self._lanes = [self._begin(adapter) for adapter in adapters]

    def _begin(self, adapter: LoadedAdapter) -> Lane:
        lane = Lane(self._bus.root, adapter, self._config, self._providers, self._voice, backfill=self._backfill)
        lane.start()
        return lane

    def mend(self) -> None:
        """Keep leases in hand, start a lane anew whose thread has ended, and wake the lanes for what has become due.

        Called every second or so: an adapter may take as long as it needs, and only a host that is gone loses a lease.
        """
        due = time.monotonic() >= self._extend_at
        if due:
            self._extend_at = time.monotonic() + _EXTEND_SECONDS
        for index, lane in enumerate(self._lanes):
            if due and (lease := lane.in_hand) is not None:
                self._bus.log.extend(lease)
            if not lane.is_alive():
                self._lanes[index] = self._begin(lane.adapter)
        names = [lane.adapter.name for lane in self._lanes if lane.in_hand is None]
        for when in (self._bus.log.next_due(names), self._bus.hooks.next_due(names)):
            if when is not None and when <= time.time() * 1e6:
                self.wake_all()

    def wake(self) -> None:
        """Wake the lanes that want something new; retries are seen to by :meth:`mend`."""
        while page := self._bus.log.headers(self._seen, _PAGE):
            for lane in self._lanes:
                if any(lane.wants(one) for one in page):
                    lane.wake()
            self._seen = page[-1].seq

    def wake_all(self) -> None:
        """Wake every lane: something came in or became due, and for whom stands in the database."""
        for lane in self._lanes:
            lane.wake()

    def stop(self) -> None:
        """Stop every lane, and wait for the deliveries in hand."""
        for lane in self._lanes:
            lane.stop()
        for lane in self._lanes:
            lane.join()
