"""Publish, and fetch with acknowledgement, against the queues that live in one SQLite file, and a bare insert."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from benchmarks.kit import Row, interleave, make_envelope, note, ratio, seconds
from interhost.bus.bus import Bus
from interhost.bus.log import Subscription

_EVENTS = 2000
_BATCH = 50


def measure(scratch: Path) -> list[Row]:
    """Ratios per event, each within one round."""
    peers = _peers(scratch)
    put = interleave({name: make for name, (make, _) in peers.items()})
    take = interleave({name: take for name, (_, take) in peers.items() if take})
    rows = [
        ratio("publish, whole path, to litequeue put", put["interhost"], put["litequeue"], 1.6),
        ratio("publish, whole path, to a raw insert", put["interhost"], put["raw sqlite3"], 4.0),
        ratio("litequeue pop + done, to fetch 50 + ack", take["litequeue"], take["interhost"], 5.0, at_least=True),
    ]
    rows += [
        ratio(f"publish, whole path, to {name}", put["interhost"], put[name], float("inf"))
        for name in put
        if name not in ("interhost", "litequeue", "raw sqlite3")
    ]
    each = sorted(put["interhost"])[len(put["interhost"]) // 2] / _EVENTS * 1e6
    return [*rows, Row("publish, whole path", each, "us")]


Task = Callable[[], float]


def _peers(scratch: Path) -> dict[str, tuple[Task, Task | None]]:
    text = make_envelope().to_json()
    bus = Bus(Path(mkdtemp(dir=scratch)))
    bus.log.subscribe(Subscription("reader", ("review_pass@1",)))
    peers: dict[str, tuple[Task, Task | None]] = {"interhost": (lambda: _publish(bus), lambda: _fetch(bus))}
    raw = sqlite3.connect(Path(mkdtemp(dir=scratch)) / "raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=NORMAL")
    raw.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT)")
    insert = "INSERT INTO t(body) VALUES(?)"
    peers["raw sqlite3"] = (lambda: _repeat(lambda: raw.execute(insert, (text,))), None)
    for name, build in (
        ("litequeue", _litequeue),
        ("persist-queue", _persist_queue),
        ("diskcache", _diskcache),
        ("huey", _huey),
    ):
        try:
            peers[name] = build(Path(mkdtemp(dir=scratch)), text)
        except ImportError:
            note(f"  {name} is not installed: left out")
    return peers


def _publish(bus: Bus) -> float:
    return seconds(lambda: [bus.publish(make_envelope(number)) for number in range(_EVENTS)])


def _fetch(bus: Bus) -> float:
    def work() -> None:
        taken = 0
        while taken < _EVENTS and (leases := bus.log.fetch("reader", _BATCH)):
            with bus.database.transaction():
                for lease in leases:
                    bus.log.ack(lease)
            taken += len(leases)

    return seconds(work)


def _repeat(work: Callable[[], object]) -> float:
    return seconds(lambda: [work() for _ in range(_EVENTS)])


def _litequeue(folder: Path, text: str) -> tuple[Task, Task | None]:
    from litequeue import LiteQueue  # type: ignore[import-not-found,unused-ignore]

    queue: Any = LiteQueue(str(folder / "queue.db"))
    return lambda: _repeat(lambda: queue.put(text)), lambda: _repeat(lambda: queue.done(queue.pop().message_id))


def _persist_queue(folder: Path, text: str) -> tuple[Task, Task | None]:
    from persistqueue import SQLiteQueue  # type: ignore[import-not-found,unused-ignore]

    queue: Any = SQLiteQueue(str(folder), auto_commit=True)
    return lambda: _repeat(lambda: queue.put(text)), None


def _diskcache(folder: Path, text: str) -> tuple[Task, Task | None]:
    from diskcache import Deque  # type: ignore[import-not-found,unused-ignore]

    queue: Any = Deque(directory=str(folder))
    return lambda: _repeat(lambda: queue.append(text)), None


def _huey(folder: Path, text: str) -> tuple[Task, Task | None]:
    from huey.storage import SqliteStorage  # type: ignore[import-not-found,unused-ignore]

    queue: Any = SqliteStorage(filename=str(folder / "huey.db"))
    return lambda: _repeat(lambda: queue.enqueue(text.encode())), None
