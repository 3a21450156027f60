"""What a publish and a delivery cost, counted instead of timed: counts are the same on every machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.log import Query, Subscription

fact = partial(compose, intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli")

PUBLISH_MANY = """
import sys
from pathlib import Path
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
with Bus(Path(sys.argv[1]), durability=sys.argv[3]) as bus:
    for _ in range(int(sys.argv[2])):
        bus.publish(compose(intent="notify", payload='{"text": "x"}', context_id="iv-a1", producer="cli", door="cli"))
"""

RESOLVE_AND_PUBLISH = """
import os, sys
from pathlib import Path
started = []
sys.addaudithook(
    lambda event, details: started.append(event)
    if event in ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec", "pty.spawn")
    else None
)
from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.project import project_root
from interhost.bus.resolve import resolve_context
root, project = Path(sys.argv[1]), Path(sys.argv[2])
context = resolve_context(
    artifact=project / "plan.md", project=project_root(project), session_id="s1", environ=os.environ, home=project
)
with Bus(root) as bus:
    bus.publish(compose(intent="notify", payload='{"text": "x"}', context_id=context, producer="cli", door="cli"))
print(context, started)
"""


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    with Bus(tmp_path / "state") as bus:
        bus.publish(fact())  # what happens once per process is not counted
        yield bus


def statements(bus: Bus, work: Callable[[], object]) -> list[str]:
    """The SQL statements of a piece of work, each by its first word; those of triggers left out."""
    seen: list[str] = []
    connection = bus.database._connection
    connection.set_trace_callback(seen.append)
    try:
        work()
    finally:
        connection.set_trace_callback(None)
    return [sql.split()[0] for sql in seen if not sql.startswith("--")]


def test_a_publish_is_one_insert(bus: Bus) -> None:
    """One transaction with one statement in it, however many consumers there are."""
    for name in ("alpha", "beta"):
        bus.log.subscribe(Subscription(name, ("*",)))
    envelope = fact()
    assert statements(bus, lambda: bus.publish(envelope)) == ["INSERT"]


def test_a_natural_key_costs_two_statements_more(bus: Bus) -> None:
    """One to look and one to remember, in the same transaction."""
    envelope = fact(dedupe_key="k")
    assert statements(bus, lambda: bus.publish(envelope)) == ["BEGIN", "SELECT", "INSERT", "INSERT", "COMMIT"]


def test_a_delivery_is_two_transactions(bus: Bus) -> None:
    """One to lease and one to finish; what is read around them is bounded too."""
    bus.log.subscribe(Subscription("alpha", ("*",)))
    bus.publish(fact())
    bus.publish(fact(context_id="iv-b2"))

    def deliver() -> None:
        (lease,) = bus.log.fetch("alpha")
        assert bus.log.ack(lease)

    first, second = statements(bus, deliver), statements(bus, deliver)
    assert first == second
    counts = Counter(first)
    assert counts.pop("SELECT") <= 8
    assert counts == {"BEGIN": 2, "INSERT": 1, "UPDATE": 1, "DELETE": 1, "COMMIT": 2}


def test_an_idle_consumer_writes_nothing(bus: Bus) -> None:
    """Looking for work takes no lock: hundreds of idle looks never hold up a publisher."""
    bus.log.subscribe(Subscription("alpha", ("review_pass@1",)))
    for _ in range(10):
        bus.publish(fact())
    for _ in range(2):
        words = statements(bus, lambda: bus.log.fetch("alpha"))
        assert set(words) == {"SELECT"}
        assert len(words) <= 3


def test_a_page_is_read_with_one_statement(bus: Bus) -> None:
    """Reading does not grow with the number of envelopes."""
    for _ in range(30):
        bus.publish(fact())
    assert statements(bus, lambda: bus.log.read(Query(intents=("notify",)))) == ["SELECT"]


@pytest.mark.parametrize(("durability", "per_publish"), [("process", 0), ("power", 1)])
def test_fsyncs_per_publish(tmp_path: Path, durability: str, per_publish: int) -> None:
    """None for what is to survive its process, one for what is to survive the power: the kernel's calls are counted."""
    counts = [count_fsyncs(tmp_path / f"state-{number}", tmp_path / "log", number, durability) for number in (1, 31)]
    assert counts[1] - counts[0] == 30 * per_publish


def count_fsyncs(root: Path, log: Path, publishes: int, durability: str) -> int:
    if shutil.which("strace") is None:
        pytest.skip("counts system calls with strace, which is not installed")
    trace = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(log)]
    program = [sys.executable, "-c", PUBLISH_MANY, str(root), str(publishes), durability]
    done = subprocess.run([*trace, *program], capture_output=True, text=True, check=False)
    if done.returncode != 0 and "ptrace" in done.stderr:
        pytest.skip("this kernel does not let strace look at a process")
    assert done.returncode == 0, done.stderr
    return sum("sync(" in line for line in log.read_text().splitlines())


def test_a_publish_starts_no_program(tmp_path: Path) -> None:
    """From resolving the context to the commit, in a git project with an ``ic`` on the PATH but no database of it."""
    project, programs = tmp_path / "widgets", tmp_path / "programs"
    (project / ".git").mkdir(parents=True)
    programs.mkdir()
    (programs / "ic").write_text("#!/bin/sh\nexit 1\n")
    (programs / "ic").chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE_AND_PUBLISH, tmp_path / "state", project],
        env={"PATH": str(programs), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "project:widgets []\n", done.stderr
