"""The host: loaded adapters on a bus, looked after pass by pass.

Adapters are called one by one. One that raises, hangs in a child or fails to import is recorded against its name and
stops nobody else. Source: design section 7.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from interhost_hookspecs import Observation

from interhost.bus.bus import Bus
from interhost.bus.log import Subscription
from interhost.errors import AdapterError
from interhost.host.config import Config
from interhost.host.context import HostContext
from interhost.host.delivery import Delivered, deliver_next
from interhost.host.loading import LoadedAdapter, describe, is_strict, load_adapter
from interhost.host.providers import Providers
from interhost.host.registry import AdapterEntry

LOOK_AGAIN_SECONDS = 0.5


class Pass(NamedTuple):
    """What one pass did.

    Attributes:
        published: Facts that adapters saw.
        delivered: Every attempt, in order.
        wants_more: A source will be ready soon.
    """

    published: int
    delivered: tuple[Delivered, ...]
    wants_more: bool


def sync_consumers(bus: Bus, entries: Sequence[AdapterEntry], config: Config) -> None:
    """Make every enabled adapter's subscription known to the log; a new one begins at the log's end.

    Cheap when nothing changed, so that every command that publishes does it: an adapter is on the bus from the first
    command after its installation, not from the first run of a host.
    """
    for entry in entries:
        if entry.interbus and entry.interbus.consumes and config.is_enabled(entry.name):
            bus.log.subscribe(Subscription(entry.name, entry.interbus.consumes))


class Host:
    """Enabled adapters, loaded, on one bus.

    Args:
        bus: The bus.
        entries: Installed adapters.
        config: The user's configuration.
        report: Called with one line whenever something went wrong with an adapter.
        backfill: Take history from sources that are looked at for the first time.
    """

    def __init__(
        self,
        bus: Bus,
        entries: Sequence[AdapterEntry],
        config: Config,
        *,
        report: Callable[[str], None] = lambda line: None,
        backfill: bool = False,
    ) -> None:
        """Load the adapters, each behind a fence."""
        self._bus = bus
        self._config = config
        self._say = report
        self._backfill = backfill
        enabled = [entry for entry in entries if config.is_enabled(entry.name)]
        sync_consumers(bus, enabled, config)
        self.adapters = [adapter for entry in enabled if (adapter := self._load(entry))]
        self._providers = Providers(self.adapters, self._record)

    def run_pass(self) -> Pass:
        """Look at every source once, then deliver everything that is due, reactions included."""
        published, wants_more = 0, False
        for adapter in self.adapters:
            if adapter.implements("observe"):
                count, again = self._observe(adapter)
                published += count
                wants_more = wants_more or again
        return Pass(published, tuple(self._deliver_all()), wants_more)

    def _deliver_all(self) -> list[Delivered]:
        """One attempt per adapter in turn, until nobody has anything due."""
        delivered: list[Delivered] = []
        while attempts := [one for adapter in self.adapters if (one := self._deliver(adapter))]:
            delivered += attempts
        return delivered

    def _deliver(self, adapter: LoadedAdapter) -> Delivered | None:
        one = deliver_next(self._bus, adapter, self._config, self._providers)
        if one and one.outcome == "error":
            self._say(f"{adapter.name}: {one.lease.stored.envelope.intent}: {one.reason} (attempt {one.lease.attempt})")
        return one

    def _observe(self, adapter: LoadedAdapter) -> tuple[int, bool]:
        """Let one adapter look, and store what it saw; count of facts, and whether to come back soon."""
        context = HostContext(adapter.name, self._bus, self._config, self._providers, backfill=self._backfill)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                observations = adapter.hook.observe(ctx=context)
            for observation in observations:
                _collect(context, observation)
            with self._bus.database.transaction():
                context.store()
        except Exception as error:
            if is_strict():
                raise
            self._record(adapter.name, "observe", describe(error))
            return 0, False
        self._bus.store.set_problem(adapter.name, "observe", "")
        return len(context.envelopes), context.wants_more

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
        self._say(f"{adapter}: {stage}: {reason}")


def _collect(context: HostContext, observation: object) -> None:
    if not isinstance(observation, Observation):
        raise TypeError(f"observe answered {type(observation).__name__}, expected Observation or None")
    for draft in observation.drafts:
        context.publish(draft)
    for advice in observation.advice:
        context.advise(advice)


def drain(host: Host, *, deadline: float, on_pass: Callable[[Pass], None] = lambda one: None) -> None:
    """Pass after pass until nothing is due and nothing is about to be; at most ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while True:
        one = host.run_pass()
        on_pass(one)
        if one.published or one.delivered:
            continue
        if not one.wants_more or time.monotonic() + LOOK_AGAIN_SECONDS > end:
            return
        time.sleep(LOOK_AGAIN_SECONDS)
