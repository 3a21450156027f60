"""interwatch's files through the real host: tiers, a scan before work ships, and looks that find nothing new.

Files have the shapes of reference/modules/interwatch.md, section 4.3; the script answers as section 4.5 says.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Shell

SCRIPT = """\
import json, os, sys
assert sys.argv[1:] == [] and os.environ["INTERWATCH_OFFLINE"] == "1"
print(open(".interwatch/world.json").read())
"""


def _report(tier: str, **changes: object) -> str:
    record = {"path": "docs/roadmap.md", "exists": True, "score": 6, "confidence": tier, "stale": False, "signals": {}}
    return json.dumps({"scan_date": "2026-11-20T10:32:34", "watchables": {"roadmap": {**record, **changes}}})


def _write(shell: Shell, name: str, text: str) -> Path:
    path = shell.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - 5, time.time() - 5))
    return path


def _look(shell: Shell) -> list[dict[str, Any]]:
    """What one more look puts on the bus."""
    before = len(shell.run("interbus", "replay").records)
    shell.run("interhost", "run", "--once")
    return shell.run("interbus", "replay").records[before:]


@pytest.fixture(autouse=True)
def enabled(shell: Shell) -> None:
    """The adapter of this flow is on."""
    shell.enable("interwatch")


@pytest.fixture
def watched(shell: Shell) -> Shell:
    """A host that has looked once at a project which interwatch has scanned, and at a hostile one."""
    script = shell.base / "interwatch" / "scripts" / "interwatch-scan.py"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT)
    (shell.base / "bin").mkdir()
    (shell.base / "bin" / "python3").symlink_to(sys.executable)
    shell.environ["PATH"] = f"{shell.base / 'bin'}:{shell.environ['PATH']}"
    shell.environ["INTERWATCH_ROOT"] = str(shell.base / "interwatch")
    _write(shell, "docs/roadmap.md", "# Roadmap\n")
    _write(shell, ".interwatch/drift.json", _report("High"))
    hostile = shell.home / "hostile"
    (hostile / ".git").mkdir(parents=True)
    (hostile / ".interwatch" / "drift.json").mkdir(parents=True)
    os.mkfifo(hostile / ".interwatch" / "auto-refresh.log")
    (hostile / ".interwatch" / "hook.log").symlink_to("hook.log")
    for place in (hostile, shell.project):
        shell.run("interbus", "publish", "notify", "--payload", '{"text": "the host knows the project"}', cwd=place)
    assert _look(shell) == []
    return shell


def test_a_drift_is_told_once_and_by_whoever_sees_it_first(watched: Shell) -> None:
    """What was there is history; a scan before work ships tells a change, and the file that is saved later does not."""
    _write(watched, ".interwatch/world.json", _report("Certain"))
    moved = watched.publish("phase_transition", '{"to": "shipping", "phase_model": "interphase-8"}')["event_id"]
    (drift,) = _look(watched)
    assert (drift["intent"], drift["producer"], drift["severity"]) == ("drift_detected@1.0", "interwatch", "warn")
    assert (drift["payload"]["tier"], drift["extensions"]["previous"]) == ("Certain", "High")
    assert drift["extensions"]["caused_by"] == moved
    assert drift["artifact_path"] == str(watched.project / "docs/roadmap.md")
    assert (drift["context_id"], drift["extensions"]["project_dir"]) == ("project:widgets", str(watched.project))
    _write(watched, ".interwatch/drift.json", _report("Certain"))
    assert _look(watched) == []
    _write(watched, ".interwatch/drift.json", _report("Green", exists=False))
    (missing,) = _look(watched)
    assert (missing["payload"]["tier"], missing["severity"]) == ("Missing", "error")
    assert "scanned 1 documents, told 1" in watched.run("interbus", "trace", moved).out


def test_a_file_that_did_not_change_is_not_read(watched: Shell) -> None:
    """What a look costs does not depend on what the files hold: other bytes of the same size and time are not seen."""
    path = _write(watched, ".interwatch/drift.json", _report("Medium"))
    assert len(_look(watched)) == 1
    before = path.stat()
    path.write_text(_report("Medium").replace("Medium", "High  ").replace('"High  "', '"High"  '))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert _look(watched) == []


def test_the_logs_are_told_in_the_order_of_their_clocks(watched: Shell) -> None:
    """The hook writes UTC, recording a refresh writes local time, and the host puts them in order."""
    watched.environ["TZ"] = "Europe/Berlin"
    hook = {"ts": "2026-11-20T10:30:00", "name": "roadmap", "tool": "Read", "outcome": "fired"}
    recorded = {"ts": "2026-11-20T11:00:00", "name": "roadmap", "tool": "record-refresh", "outcome": "no-op"}
    _write(watched, ".interwatch/auto-refresh.log", f"{json.dumps(hook)}\n{json.dumps(recorded)}\nnot json\n")
    told = _look(watched)
    assert [one["intent"] for one in told] == ["artifact_ready@1.0", "drift_detected@1.0"]
    times = ["2026-11-20T10:00:00.000Z", "2026-11-20T10:30:00.000Z"]
    assert [one["extensions"]["occurred_at"] for one in told] == times
    watched.run("interhost", "doctor")
