"""What draining the spool costs, counted instead of timed: counts are the same on every machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from interhost.bus import spool_file
from interhost.bus.bus import Bus
from interhost.bus.ids import new_id
from interhost.bus.resolve import resolve_context
from interhost.bus.spool import BATCH, Drained, drain_spool

DRAIN = """
import sys
from pathlib import Path
from interhost.bus.bus import Bus
from interhost.bus.spool import drain_spool
with Bus(Path(sys.argv[1])) as bus:
    print(drain_spool(bus, set).stored)
"""


def leave(root: Path, count: int, **extensions: object) -> None:
    """Files as shells leave them, without a context."""
    new = root / "spool" / "new"
    new.mkdir(parents=True, exist_ok=True, mode=0o700)
    head = json.dumps({"intent": "notify", "extensions": extensions})
    for _ in range(count):
        (new / new_id()).write_text(f'{head}\n{{"text": "x"}}\n')


def test_five_hundred_files_are_one_transaction(tmp_path: Path) -> None:
    """One lock and one commit for a batch, and two statements for a file: is it known, and store it."""
    root = tmp_path / "state"
    leave(root, 2 * BATCH + 10)
    with Bus(root) as bus:
        seen: list[str] = []
        bus.database._connection.set_trace_callback(seen.append)
        assert drain_spool(bus, set) == Drained(2 * BATCH + 10, 0, 0)
        bus.database._connection.set_trace_callback(None)
    counts = Counter(sql.split()[0] for sql in seen if not sql.startswith("--"))
    assert counts == {"BEGIN": 3, "COMMIT": 3, "SELECT": 2 * BATCH + 10, "INSERT": 2 * BATCH + 10}


def test_a_context_is_found_out_once_for_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hooks of one session leave many files, and each would read the same sideband; another session is another."""
    asked: list[object] = []

    def resolve(**given: object) -> str:
        asked.append(given["session_id"])
        return resolve_context(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(spool_file, "resolve_context", resolve)
    root = tmp_path / "state"
    for session in ("s-1", "s-2", "s-1"):
        leave(root, 50, session_id=session, project_dir=str(tmp_path))
    with Bus(root) as bus:
        assert drain_spool(bus, set).stored == 150
    assert asked == ["s-1", "s-2"]


def test_five_hundred_files_cost_no_more_syncs_than_one(tmp_path: Path) -> None:
    """A commit survives its process without one, and the file is removed after it: the kernel's calls are counted."""
    if shutil.which("strace") is None:
        pytest.skip("counts system calls with strace, which is not installed")
    counts = []
    for number in (1, BATCH):
        root, log = tmp_path / f"state-{number}", tmp_path / "log"
        leave(root, number)
        trace = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(log)]
        done = subprocess.run(
            [*trace, sys.executable, "-c", DRAIN, str(root)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 and "ptrace" in done.stderr:
            pytest.skip("this kernel does not let strace look at a process")
        assert done.stdout == f"{number}\n", done.stderr
        counts.append(sum("sync(" in line for line in log.read_text().splitlines()))
    assert counts[0] == counts[1]
