"""What offering an event to sixteen consumers costs against offering it to one."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row, interleave, make_envelope, ratio, seconds
from interhost.bus.bus import Bus
from interhost.bus.log import Subscription

_EVENTS = 500
_BATCH = 50


def measure(scratch: Path) -> list[Row]:
    """Ratios for consumers that want every event, and for those that want none."""
    one, sixteen = _bus(scratch, 1, "review_pass@1"), _bus(scratch, 16, "review_pass@1")
    idle = _bus(scratch, 16, "review_pass@1", wanting=1)
    times = interleave(
        {"one": lambda: _offer(one, 1), "all": lambda: _offer(sixteen, 16), "idle": lambda: _offer(idle, 16)}
    )
    return [
        ratio("published and offered to 16, one of whom takes it, to 1", times["idle"], times["one"], 4.0),
        ratio("published and taken by 16 in batches of 50, to 1", times["all"], times["one"], 4.0),
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
