"""Handing an event to sixteen adapters: what the log takes for it, and what a delivery is to a bare pluggy call."""

from __future__ import annotations

import statistics
import sys
from importlib import import_module, invalidate_caches
from pathlib import Path
from tempfile import mkdtemp

import pluggy
from interhost_hookspecs import specs

from benchmarks.kit import Row, interleave, make_envelope, ratio, seconds
from interhost.bus.bus import Bus
from interhost.bus.log import Subscription
from interhost.cli.demo.scene import write_adapter
from interhost.host.config import Config
from interhost.host.host import Host
from interhost.host.registry import list_adapters

_EVENTS = 500
_DELIVERED, _CALLS = 40, 1000
_BATCH = 50
_ADAPTERS = 16
_ADAPTER = '''
    """Does nothing."""

    from interhost_hookspecs import Outcome, hookimpl


    @hookimpl
    def on_review_pass(intent, ctx):
        return Outcome.done("seen")
'''


def measure(scratch: Path) -> list[Row]:
    """Ratios for consumers that want every event, for those that want none, and for a host with real adapters."""
    one, sixteen = _bus(scratch, 1, "review_pass@1"), _bus(scratch, 16, "review_pass@1")
    idle = _bus(scratch, 16, "review_pass@1", wanting=1)
    times = interleave(
        {"one": lambda: _offer(one, 1), "all": lambda: _offer(sixteen, 16), "idle": lambda: _offer(idle, 16)}
    )
    return [
        ratio("published and offered to 16, one of whom takes it, to 1", times["idle"], times["one"], 4.0),
        ratio("published and taken by 16 in batches of 50, to 1", times["all"], times["one"], 4.0),
        *_deliveries(scratch),
    ]


def _bus(scratch: Path, consumers: int, intent: str, wanting: int = 16) -> Bus:
    bus = Bus(Path(mkdtemp(dir=scratch)))
    for number in range(consumers):
        bus.log.subscribe(Subscription(f"consumer-{number}", (intent if number < wanting else "notify@1",)))
    return bus


def _offer(bus: Bus, consumers: int) -> float:
    def work() -> None:
        for begin in range(0, _EVENTS, _BATCH):
            for number in range(begin, begin + _BATCH):
                bus.publish(make_envelope(number))
            for number in range(consumers):
                leases = bus.log.fetch(f"consumer-{number}", _BATCH)
                with bus.database.transaction():
                    for lease in leases:
                        bus.log.ack(lease)

    return seconds(work)


def _deliveries(scratch: Path) -> list[Row]:
    """A host's delivery (lease, fence, call, outcome and its trace stored) and one call of a bare plugin manager."""
    site = Path(mkdtemp(dir=scratch))
    for number in range(_ADAPTERS):
        write_adapter(site, f"fan{number}", ["review_pass"], _ADAPTER)
    sys.path.append(str(site))
    invalidate_caches()
    bare = pluggy.PluginManager("interhost")
    bare.add_hookspecs(specs)
    for number in range(_ADAPTERS):
        bare.register(import_module(f"demo_fan{number}.adapter"))
    with Bus(Path(mkdtemp(dir=scratch))) as bus:
        host = Host(bus, list_adapters([str(site)]), Config("/nowhere"))
        times = interleave({"host": lambda: _deliver(bus, host), "pluggy": lambda: _call(bare)})
    sys.path.remove(str(site))
    each = [1e6 * one / _ADAPTERS for one in times["host"]]
    call = [1e6 * one for one in times["pluggy"]]
    return [
        ratio("an event delivered to 16 adapters, to a bare pluggy call of 16", times["host"], times["pluggy"]),
        Row("one of these deliveries", statistics.median(each), "us", spread=(min(each), max(each))),
        Row("the bare call of 16", statistics.median(call), "us", spread=(min(call), max(call))),
    ]


def _deliver(bus: Bus, host: Host) -> float:
    for number in range(_DELIVERED):
        bus.publish(make_envelope(number))
    delivered: list[object] = []
    took = seconds(lambda: delivered.extend(host.deliver()))
    if len(delivered) != _DELIVERED * _ADAPTERS:
        raise RuntimeError(f"{len(delivered)} deliveries instead of {_DELIVERED * _ADAPTERS}")
    return took / _DELIVERED


def _call(manager: pluggy.PluginManager) -> float:
    call = manager.hook.on_review_pass
    if len(call(intent=None, ctx=None)) != _ADAPTERS:
        raise RuntimeError("not every plugin was called")
    return seconds(lambda: [call(intent=None, ctx=None) for _ in range(_CALLS)]) / _CALLS
