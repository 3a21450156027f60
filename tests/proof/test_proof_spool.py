"""A spool that nobody looked at for long."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from interhost.bus.bus import Bus
from interhost.bus.spool import Drained, drain_spool, rejected_files, spool_envelope
from tests.proof.conftest import fact

if TYPE_CHECKING:
    from tests.proof.conftest import Children

FILES = 10_000

_DRAIN = """
from interhost.bus.spool import drain_spool
with Bus(ROOT) as bus:
    say("ready")
    sys.stdin.readline()
    say(drain_spool(bus, set).stored)
"""


def test_ten_thousand_files_are_drained(root: Path) -> None:
    """All of them, each once, in the order of their names, and the second drain finds nothing."""
    with Bus(root) as bus:
        names = [spool_envelope(root, fact()).name for _ in range(FILES)]
        assert names == sorted(names)
        began = time.monotonic()
        assert drain_spool(bus, set) == Drained(FILES, 0, 0)
        print(f"drained {FILES} files in {time.monotonic() - began:.2f} s")
        rows = bus.database.rows("SELECT seq, event_id FROM event ORDER BY seq")
        assert rows == [*enumerate(names, 1)]
        assert drain_spool(bus, set) == Drained(0, 0, 0)
    assert os.listdir(root / "spool" / "new") == []
    assert rejected_files(root) == []


def test_many_may_drain_at_once(root: Path, children: Children) -> None:
    """Whoever comes second leaves it to the first: six processes, 1,000 files, each stored once."""
    with Bus(root) as bus:
        names = [spool_envelope(root, fact()).name for _ in range(1000)]
        drains = [children.start(_DRAIN, root) for _ in range(6)]
        for child in drains:
            child.until_said("ready")
        for child in drains:
            child.go_on()
        assert [child.end() for child in drains] == [0] * 6
        assert sum(int(child.said()[1]) for child in drains) == 1000
        assert [row[0] for row in bus.database.rows("SELECT event_id FROM event ORDER BY seq")] == names
