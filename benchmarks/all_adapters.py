"""What every adapter of this repository costs while nothing happens: a look at everything, and a resident host.

A home with projects that have plans, reviews and a git repository, as somebody has who has worked for a while.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.kit import Row
from interhost.bus.bus import Bus
from interhost.host.config import Config
from interhost.host.host import Host
from interhost.host.registry import list_adapters

_PROJECTS, _DOCUMENTS, _LOOKS, _IDLE_SECONDS = 3, 40, 15, 20


def measure(scratch: Path) -> list[Row]:
    """Milliseconds of a look that finds nothing new, and the processor's share of a host that waits."""
    home = Path(mkdtemp(dir=scratch))
    projects = [_make_project(home / f"project-{number}") for number in range(_PROJECTS)]
    with _at(home):
        with Bus(home / ".interbus") as bus:
            for project in projects:
                bus.store.see_project(project)
            entries = list_adapters()
            host = Host(bus, entries, Config(home / ".interbus" / "config.toml"))
            host.observe()
            time.sleep(2.5)  # until no file is younger than what settles
            host.observe()
            looks = [_look(host) for _ in range(_LOOKS)]
        idle = _measure_idle(home)
    said = f"{len(entries)} adapters, {_PROJECTS} projects"
    spread = (min(looks), max(looks))
    return [
        Row(
            f"a look at everything that finds nothing new ({said})", statistics.median(looks), "ms", 150, spread=spread
        ),
        Row(f"resident host idle ({said})", idle, "% of a core", 3),
    ]


def _look(host: Host) -> float:
    begin = time.perf_counter()
    drafts, _ = host.observe()
    if drafts:
        raise RuntimeError(f"a look that should find nothing found {drafts} facts")
    return (time.perf_counter() - begin) * 1000


def _measure_idle(home: Path) -> float:
    command = [str(Path(sys.executable).with_name("interhost")), "run", "--quiet"]
    host = subprocess.Popen(command, cwd=home, stderr=subprocess.PIPE, text=True)
    if host.stderr is None or "resident" not in host.stderr.readline():
        raise RuntimeError("the resident host did not start")
    try:
        time.sleep(10)  # the first looks
        before = _cpu_seconds(host.pid)
        time.sleep(_IDLE_SECONDS)
        return (_cpu_seconds(host.pid) - before) / _IDLE_SECONDS * 100
    finally:
        host.send_signal(signal.SIGTERM)
        host.wait()


def _cpu_seconds(pid: int) -> float:
    """Of the host and of the programs that it has run."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(one) for one in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def _make_project(root: Path) -> Path:
    for folder in ("docs/plans", "docs/brainstorms", "docs/research/flux-drive"):
        (root / folder).mkdir(parents=True)
    for number in range(_DOCUMENTS):
        (root / "docs" / "plans" / f"plan-{number}.md").write_text(f"# Plan\n\n**Bead:** iv-{number}\n")
        review = root / "docs" / "research" / "flux-drive" / f"plan-{number}"
        review.mkdir()
        (review / "findings.json").write_text('{"findings": [], "verdict": "safe"}')
    (root / "AGENTS.md").write_text("# Agents\n")
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "begin"]):
        subprocess.run([*git, *words], cwd=root, check=True)
    return root


@contextmanager
def _at(home: Path) -> Iterator[None]:
    """This process in that home, as adapters look for it."""
    before = dict(os.environ)
    kept = {"PATH": before.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    os.environ.clear()
    os.environ.update(kept, HOME=str(home))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
