"""Who consumes what: the manifests' subscriptions, made known to the log."""

from __future__ import annotations

from collections.abc import Sequence

from interhost.bus.bus import Bus
from interhost.bus.log import Subscription
from interhost.host.config import Config
from interhost.host.registry import AdapterEntry


def sync_consumers(bus: Bus, entries: Sequence[AdapterEntry], config: Config) -> None:
    """Make every enabled adapter's subscription known to the log; a new one begins at the log's end.

    Cheap when nothing changed, so that every command that publishes does it: an adapter is on the bus from the first
    command after its installation, not from the first run of a host.
    """
    for entry in entries:
        if entry.interbus and entry.interbus.consumes and config.is_enabled(entry.name):
            bus.log.subscribe(Subscription(entry.name, entry.interbus.consumes))
            bus.store.set_problem(entry.name, "released", "")
