"""A project with interwatch's files, and stand-ins for its scripts, which are real programs.

They answer with what reference/modules/interwatch.md, sections 4.2, 4.3 and 4.5, pastes or measured.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs.testing import FakeCommand, FakeContext, Programs
from interhost_interwatch import adapter
from interhost_interwatch.report import REPORT

# What a scan would find lies in .interwatch/world.json. Saving resets the beads, as the real one does.
SCAN = r"""
import datetime, hashlib, json, os, pathlib, sys, time

home, words = pathlib.Path(".interwatch"), sys.argv[1:]
now = datetime.datetime.now().isoformat(timespec="seconds")
home.mkdir(exist_ok=True)
with (home / "calls").open("a") as log:
    log.write(json.dumps([*words, os.environ.get("INTERWATCH_OFFLINE", "")]) + "\n")
if (home / "hangs").exists():
    time.sleep(30)
if (home / "no-yaml").exists():
    sys.exit(print("Error: PyYAML required: pip install pyyaml", file=sys.stderr) or 2)
if (home / "bad-yaml").exists():
    raise ValueError("mapping values are not allowed here")
if "--discover-only" in words:
    (home / "watchables.yaml").write_text("watchables: []\n")
    sys.exit(0)
if not (home / "watchables.yaml").exists():
    sys.exit(print("Error: no watchables.yaml found", file=sys.stderr) or 2)
world = json.loads((home / "world.json").read_text()) if (home / "world.json").exists() else {}

if "--record-refresh" in words:
    name = words[words.index("--record-refresh") + 1]
    path = pathlib.Path(world.get(name, {}).get("path", "gone"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
    state = home / "last-scan.json"
    document = json.loads(state.read_text()) if state.exists() else {"baselines": {}}
    is_same = document["baselines"].get(name, {}).get("content_hash") == digest
    document["baselines"][name] = {"bead_closed_count": 0, "refreshed_at": now, "content_hash": digest}
    state.write_text(json.dumps({**document, "last_updated": now}))
    outcome = "no-op" if is_same else "refreshed"
    if is_same:
        line = {"ts": now, "name": name, "tool": "record-refresh", "outcome": "no-op", "content_hash": digest}
        with (home / "auto-refresh.log").open("a") as log:
            log.write(json.dumps(line) + "\n")
    print(json.dumps({"recorded_refresh": name, "outcome": outcome, "content_hash": digest, "baselines_updated": 1}))
    sys.exit(0)

report = {"scan_date": now, "watchables": world, "surface_notes": ["network unavailable for http://x: refused"]}
if "--save-state" in words:
    (home / "drift.json").write_text(json.dumps(report))
    for one in world.values():
        if one["confidence"] == "High":
            one.update(score=0, confidence="Green")
    (home / "world.json").write_text(json.dumps(world))
print("not json" if (home / "babbles").exists() else json.dumps(report))
"""

AUDIT = r"""
import json, pathlib, sys

check = next((word.partition("=")[2] for word in sys.argv if word.startswith("--check=")), "")
if not pathlib.Path(check).is_file():
    sys.exit(print(f"Error: {check} not found", file=sys.stderr) or 1)
print(json.dumps({"ground_truth": {}, "audit_prompt": f"Hold {check} against 3 commands.", "doc_count": 1}))
"""


def watchable(tier: str = "Certain", path: str = "docs/roadmap.md", **changes: object) -> dict[str, Any]:
    """One document of a scan, in the shape that interwatch saves."""
    score = {"Green": 0, "Low": 1, "Medium": 4, "High": 6}.get(tier, 3)
    return {
        "path": path,
        "exists": True,
        "score": score,
        "confidence": tier,
        "stale": False,
        "signals": {
            "bead_closed": {"count": 0, "weight": 2, "score": 0},
            "version_bump": {"count": min(score, 1), "weight": 3, "score": score},
        },
        "recommended_action": "report-only",
        "generator": None,
        "generator_args": {"type": "roadmap"},
        **changes,
    }


class Repository:
    """A project in which interwatch keeps its files, and the adapter's context."""

    def __init__(self, ctx: FakeContext, path: Path) -> None:
        self.ctx = ctx
        self.path = path
        self.home = path / ".interwatch"

    def write(self, name: str, text: str | bytes, *, age: float = 60.0) -> Path:
        """A file that was left alone."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def save(self, date: str | None = "2026-11-20T10:32:34", /, **documents: object) -> Path:
        """A saved scan; ``__`` in a name stands for ``-``."""
        found = {name.replace("__", "-"): one for name, one in documents.items()}
        return self.write(REPORT, json.dumps({"scan_date": date, "watchables": found}))

    def watch(self, **documents: Mapping[str, object]) -> None:
        """What scans will find from now on."""
        self.write(".interwatch/watchables.yaml", "watchables: []\n")
        self.write(".interwatch/world.json", json.dumps(documents))

    @property
    def calls(self) -> list[list[str]]:
        """What the scan was called with, and whether it was to stay offline."""
        log = self.home / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def _limit(command: FakeCommand) -> float | None:
    """A scan that hangs has half a second."""
    return 0.5 if command.cwd and (command.cwd / ".interwatch" / "hangs").exists() else None


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A git repository with a name that needs quoting, and interwatch installed elsewhere."""
    project, root = tmp_path / "a project's $HOME", tmp_path / "inter watch"
    for folder in (project / ".git", project / "docs", root / "scripts"):
        folder.mkdir(parents=True)
    (project / "docs" / "roadmap.md").write_text("# Roadmap\n")
    (root / "scripts" / "interwatch-scan.py").write_text(SCAN)
    (root / "scripts" / "interwatch-audit.py").write_text(AUDIT)
    ctx = FakeContext(
        tmp_path,
        of=adapter,
        root=root,
        projects=(project,),
        commands=Programs(tmp_path, limit=_limit).named("python3"),
    )
    return Repository(ctx, project)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose local time is one hour, in summer two, before UTC."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
