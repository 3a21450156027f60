"""The host: loaded adapters on a bus, looked after pass by pass.

Adapters are called one by one, and what they print goes to standard error: standard output belongs to whoever runs
us. One that raises, hangs in a child or fails to import is recorded against its name and
stops nobody else. Source: design section 7.
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from interhost.bus.bus import Bus
from interhost.bus.spool import drain_spool
from interhost.errors import AdapterError, InputError
from interhost.host.config import Config
from interhost.host.consumers import sync_consumers
from interhost.host.delivery import Delivered, deliver_next, describe_failure
from interhost.host.hook_events import take_in_hooks
from interhost.host.hook_index import refresh_hook_index
from interhost.host.loading import LoadedAdapter, load_adapter
from interhost.host.looking import Look, look, look_at_hook
from interhost.host.nudging import Nudging
from interhost.host.providers import Providers
from interhost.host.registry import AdapterEntry

LOOK_AGAIN_SECONDS = 0.5
RETRY_SECONDS = 2.0
"""Longest wait of :func:`drain` for a retry."""


class Pass(NamedTuple):
    """What one pass did.

    Attributes:
        published: Facts that adapters saw and that were new to the log.
        delivered: Every attempt, in order.
        wants_more: A source will be ready soon.
    """

    published: int
    delivered: tuple[Delivered, ...]
    wants_more: bool


class Host:
    """Enabled adapters, loaded, on one bus.

    Args:
        bus: The bus.
        entries: Installed adapters.
        config: The user's configuration.
        report: Called with one line whenever something went wrong with an adapter.
        stopping: Asked before each delivery; once it says so, no further one is begun.
        backfill: Take history from sources that are looked at for the first time.
        only: Load no others than these.
    """

    def __init__(
        self,
        bus: Bus,
        entries: Sequence[AdapterEntry],
        config: Config,
        *,
        report: Callable[[str], None] = lambda line: None,
        stopping: Callable[[], bool] = lambda: False,
        backfill: bool = False,
        only: Collection[str] | None = None,
    ) -> None:
        """Load the adapters, each behind a fence."""
        self._bus = bus
        self.config = config
        self._say = report
        self._stopping = stopping
        self._backfill = backfill
        self._entries = entries
        self._installed = {entry.name for entry in entries}
        enabled = [entry for entry in entries if config.is_enabled(entry.name)]
        self._enabled = [entry for entry in enabled if only is None or entry.name in only]
        self.see_consumers()
        self.adapters = [adapter for entry in self._enabled if (adapter := self._load(entry))]
        self.providers = Providers(self.adapters, self._record)
        self._nudging = Nudging()

    def see_consumers(self) -> None:
        """Note that the enabled adapters are here; one that nobody sees for a month is released."""
        sync_consumers(self._bus, self._enabled, self.config)

    def run_pass(self) -> Pass:
        """Take in what waits, look at every source once, then deliver everything that is due, reactions included."""
        self.drain_spool()
        self.take_in_hooks()
        seen_in_hooks = self.observe_hooks()
        published, wants_more = self.observe()
        return Pass(seen_in_hooks + published, tuple(self.deliver()), wants_more)

    def take_in_hooks(self) -> int:
        """Move what hooks have recorded into the database; how many events somebody observes."""
        # Without an index, hooks record more than is observed, and nothing is lost.
        with contextlib.suppress(OSError, InputError):
            refresh_hook_index(self._bus.root)
        return take_in_hooks(self._bus, self._entries, self.config)

    def observe_hooks(self, *, early: bool = False) -> int:
        """Show recorded hook events to the adapters that observe them; how many facts were seen.

        Args:
            early: Those that are left to a hook that waits for an answer, instead.
        """
        published = 0
        for adapter in self.adapters:
            while not self._stopping() and (one := self._look_at_hook(adapter, early=early)):
                published += one.published
        return published

    def drain_spool(self) -> int:
        """Move what shells and hurried producers left in the spool into the log; how many events that were."""
        drained = drain_spool(self._bus, lambda: self._installed, limit=self.config.payload_bytes)
        if drained.rejected:
            self._say(f"spool: {drained.rejected} files rejected; 'interhost doctor' says why")
        return drained.stored

    def observe(self) -> tuple[int, bool]:
        """Look at every source once; how many facts were seen, and whether a source will be ready soon."""
        looks = [self._look(adapter) for adapter in self.adapters if adapter.implements("observe")]
        return sum(one.published for one in looks), any(one.wants_more for one in looks)

    def deliver(self) -> list[Delivered]:
        """One attempt per adapter in turn, until nobody has anything due."""
        delivered: list[Delivered] = []
        while attempts := [one for adapter in self.adapters if (one := self._deliver(adapter))]:
            delivered += attempts
        return delivered

    def has_work(self) -> bool:
        """Whether anything is due for a loaded adapter."""
        names = [adapter.name for adapter in self.adapters]
        return any(self._bus.log.has_work(name) or self._bus.hooks.next(name) for name in names)

    def seconds_to_retry(self) -> float:
        """Until the next waiting delivery or hook event is due; infinite when none waits."""
        names = [adapter.name for adapter in self.adapters]
        due = [when for when in (self._bus.log.next_due(names), self._bus.hooks.next_due(names)) if when is not None]
        return max(0.0, min(due) / 1e6 - time.time()) if due else math.inf

    def is_stopping(self) -> bool:
        """Whether no further delivery is to be begun."""
        return self._stopping()

    def _deliver(self, adapter: LoadedAdapter) -> Delivered | None:
        if self._stopping():
            return None
        with contextlib.redirect_stdout(sys.stderr):
            one = deliver_next(self._bus, adapter, self.config, self.providers)
        if one and one.outcome == "error":
            self._say(describe_failure(one))
        if one:
            self._nudging.after(one)
        return one

    def _look(self, adapter: LoadedAdapter) -> Look:
        with contextlib.redirect_stdout(sys.stderr):
            one = look(self._bus, adapter, self.config, self.providers, backfill=self._backfill)
        if one.problem:
            self._say(f"{adapter.name}: observe: {one.problem}")
        return one

    def _look_at_hook(self, adapter: LoadedAdapter, *, early: bool) -> Look | None:
        with contextlib.redirect_stdout(sys.stderr):
            one = look_at_hook(self._bus, adapter, self.config, self.providers, early=early)
        if one and one.problem:
            self._say(f"{adapter.name}: observe_hook: {one.problem}")
        return one

    def _load(self, entry: AdapterEntry) -> LoadedAdapter | None:
        try:
            adapter = load_adapter(entry)
        except AdapterError as error:
            self._record(entry.name, "load", str(error))
            return None
        self._bus.store.set_problem(entry.name, "load", "")
        return adapter

    def _record(self, adapter: str, stage: str, reason: str) -> None:
        self._bus.store.set_problem(adapter, stage, reason)
        if reason:
            self._say(f"{adapter}: {stage}: {reason}")


def drain(host: Host, *, deadline: float, on_pass: Callable[[Pass], None] = lambda one: None) -> None:
    """Pass after pass until nothing is due and nothing is about to be; at most ``deadline`` seconds.

    A retry that is due within a moment is waited for; a later one is left to the next host.
    """
    end = time.monotonic() + deadline
    while not host.is_stopping():
        one = host.run_pass()
        on_pass(one)
        # A module that always has something new is looked at no more often than one whose files settle.
        soon = one.published or one.wants_more
        pause = 0.0 if one.delivered else LOOK_AGAIN_SECONDS if soon else host.seconds_to_retry()
        if pause > RETRY_SECONDS or time.monotonic() + pause > end:
            return
        time.sleep(pause)
