"""A session whose status line is drawn by the documented rules, over a real folder of sideband files."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve
from interhost_hookspecs import HealthSignal, Level, Observation, Outcome, Payload, Severity
from interhost_hookspecs.testing import FakeContext, FakeSideband, make_hook_event, make_intent
from interhost_interline import adapter

SCRIPT = Path(__file__).with_name("statusline.sh")
SESSION = "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11"
KINDS = {"pressure": "context_pressure", "bead": "bead_phase"}


@define
class Files(FakeSideband):
    """Sidebands that are written as files, too, so that a script can read them."""

    def write(
        self,
        namespace: str,
        channel: str,
        key: str,
        payload: Mapping[str, object],
        *,
        kind: str = "",
        session_id: str = "",
    ) -> Path:
        """Write the envelope of reference/modules/_wave2-shared-ground.md section 1.2."""
        path = super().write(namespace, channel, key, payload, kind=kind, session_id=session_id)
        envelope = {"version": "1.0.0", "namespace": namespace, "type": KINDS[channel], "session_id": key}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**envelope, "timestamp": "2026-11-20T12:00:00Z", "payload": payload}))
        return path


class Desk:
    """A user with interline's script, and one session in one project."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.project = home / "widgets"
        (self.project / ".git").mkdir(parents=True)
        (home / ".claude").mkdir()
        (home / ".claude" / "statusline.sh").write_text(SCRIPT.read_text())
        self.sideband = Files(root=home / ".interband")
        # The script has the real clock.
        now = datetime.fromtimestamp(int(time.time()), UTC)
        self.ctx = FakeContext(home, of=adapter, sideband=self.sideband, clock=now, projects=(self.project,))

    def react(
        self,
        payload: Payload,
        *,
        session: object = SESSION,
        project: bool = True,
        age: float = 0.0,
        severity: Severity = Severity.INFO,
        **extensions: object,
    ) -> Outcome | None:
        """What the adapter does about a fact that happened so many seconds ago."""
        name = payload.INTENT.partition("@")[0]
        intent = make_intent(
            payload,
            severity=severity,
            project_dir=self.project if project else None,
            extensions={**({"session_id": session} if session else {}), **extensions},
        )
        intent = evolve(intent, occurred_at=self.ctx.clock - timedelta(seconds=age))
        outcome: Outcome | None = getattr(adapter, f"on_{name}")(intent, self.ctx)
        return outcome

    def press(self, level: str, **more: Any) -> Outcome | None:
        """A pressure that crossed a level."""
        return self.react(HealthSignal(signal="context_pressure", level=Level(level)), **more)

    def look(self, seconds: float = 0.0) -> None:
        """Time goes by, and the adapter looks; it has nothing to tell."""
        self.ctx.clock += timedelta(seconds=seconds)
        assert adapter.observe(self.ctx) == Observation()

    def end(self, session: str = SESSION, name: str = "SessionEnd") -> None:
        """The session ends."""
        assert adapter.observe_hook(make_hook_event(name, session_id=session), self.ctx) == Observation()

    def put(self, namespace: str, channel: str, payload: Mapping[str, object], session: str = SESSION) -> None:
        """Somebody else writes a sideband."""
        self.sideband.write(namespace, channel, session, payload)

    def read(self, namespace: str, channel: str, session: str = SESSION) -> Mapping[str, object] | None:
        """A sideband."""
        return self.sideband.read(namespace, channel, session)

    @property
    def lines(self) -> list[list[str]]:
        """The texts for the status line."""
        path = self.home / ".interband" / "interbus" / "segment" / "lines"
        return [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []

    def draw(self) -> list[str]:
        """What interline shows."""
        document = {
            "session_id": SESSION,
            "model": {"display_name": "Opus"},
            "workspace": {"current_dir": str(self.project)},
        }
        done = subprocess.run(
            ["bash", str(self.home / ".claude" / "statusline.sh")],
            input=json.dumps(document),
            capture_output=True,
            text=True,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
            timeout=30,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.splitlines()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A fresh desk."""
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    return Desk(tmp_path)
