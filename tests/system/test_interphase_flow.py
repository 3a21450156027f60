"""interphase's other traces, through the real host: sidebands, headers, claim markers, and no history.

Files have the shapes of reference/modules/interphase.md, section 1.3, rows P5 and P7 to P13.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Shell

BEAD = "acme-4q9.2"


@pytest.fixture
def watched(shell: Shell) -> Shell:
    """A host that has looked once at a home where a session already had its files."""
    (shell.base / "module-tmp").mkdir()
    (shell.project / "docs" / "plans").mkdir(parents=True)
    shell.root.mkdir(mode=0o700)
    (shell.root / "config.toml").write_text(f'[adapters.interphase]\ntemporary_dir = "{shell.base / "module-tmp"}"\n')
    shell.publish("notify", '{"text": "the host knows the project by this"}')
    _write_session(shell, "old-session", "executing")
    _write_header(shell, "old.md", "executing")
    shell.run("interhost", "run", "--once")
    return shell


def _write_session(shell: Shell, session: str, phase: str) -> None:
    """Claim marker, sideband and older sideband of one session."""
    payload = {"id": BEAD, "phase": phase, "reason": "Plan", "ts": int(time.time())}
    sideband = shell.home / ".interband" / "interphase" / "bead" / f"{session}.json"
    sideband.parent.mkdir(parents=True, exist_ok=True)
    envelope = {"version": "1.0.0", "namespace": "interphase", "type": "bead_phase", "session_id": session}
    sideband.write_text(json.dumps({**envelope, "timestamp": _now(), "payload": payload}))
    (shell.base / "module-tmp" / f"clavain-bead-{session}.json").write_text(json.dumps(payload))
    (shell.base / "module-tmp" / f"interphase-bead-{session}").write_text(f"{BEAD}\n")


def _write_header(shell: Shell, name: str, phase: str) -> Path:
    path = shell.project / "docs" / "plans" / name
    path.write_text(f"# Plan\n\n**Bead:** {BEAD}\n**Phase:** {phase} (as of {_now()})\n")
    return path


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _look(shell: Shell) -> list[dict[str, Any]]:
    """What one more look puts on the bus."""
    before = len(shell.run("interbus", "replay").records)
    shell.run("interhost", "run", "--once")
    return list(shell.run("interbus", "replay").records[before:])


def test_a_session_is_told_from_its_files_alone(watched: Shell) -> None:
    """A move, a claim and a release, each once; what was there before the first look is history."""
    assert _look(watched) == []
    _write_session(watched, "s-1", "planned")
    move, claim = _look(watched)
    assert (move["intent"], move["payload"]["to"], move["source_hook"]) == (
        "phase_transition@1.0",
        "planned",
        "interband:interphase/bead",
    )
    assert (claim["intent"], claim["payload"]["action"], claim["payload"]["holder"]["session_id"]) == (
        "coordination@1.0",
        "claim",
        "s-1",
    )
    assert {one["context_id"] for one in (move, claim)} == {BEAD}
    assert {one["extensions"]["session_id"] for one in (move, claim)} == {"s-1"}
    assert _look(watched) == []
    (watched.base / "module-tmp" / "interphase-bead-s-1").unlink()
    (release,) = _look(watched)
    assert (release["payload"]["action"], release["payload"]["resource_id"]) == ("release", BEAD)
    watched.run("interhost", "doctor")


def test_a_header_is_told_where_nothing_else_tells_the_move(watched: Shell) -> None:
    """The document names bead and phase, its place the project; a session's end of before is still seen."""
    path = _write_header(watched, "new.md", "planned")
    (watched.base / "module-tmp" / "interphase-bead-old-session").unlink()
    move, release = _look(watched)
    assert (move["payload"]["to"], move["artifact_path"]) == ("planned", str(path))
    assert move["extensions"]["project_dir"] == str(watched.project)
    assert release["payload"]["action"] == "release"
