"""The scene: a home with installed modules, a small git project, and two adapters made for the occasion.

The files have the shapes that the modules write. Sources: reference/modules/interphase.md section 1.3,
reference/modules/interflux.md sections 2.3 and 2.4, reference/modules/intercheck.md section 2.4,
reference/modules/interwatch.md section 4.3, reference/claude-code.md section 2.2.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import textwrap
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BEAD = "wid-7k2.1"
PLAN = "docs/plans/2026-11-20-undo-stack.md"
_REVIEW = "docs/research/flux-drive/2026-11-20-undo-stack-3f9a1c2e"
_RUN = "6f2d8c1e-0b7a-4c35-9d55-1f0e2a7b9c44"
OWN_ADAPTERS = ("board", "broken")
"""The adapters made for the occasion."""

SESSION = "0d5c1a3e-90be-4d0f-8a51-7b6f2f1c9d11"
"""The session of Claude Code in which the work is done."""

_VERSIONS = {
    "intercheck": "0.2.2",
    "interflux": "0.2.86",
    "interline": "0.2.14",
    "interphase": "0.3.16",
    "interslack": "0.1.2",
    "interwatch": "0.7.1",
}


class Scene:
    """Files below one temporary directory.

    Args:
        base: The directory; made and removed by whoever calls.
        cast: Modules whose adapters play.
    """

    def __init__(self, base: Path, cast: Sequence[str]) -> None:
        """Lay out home, project, modules and adapters."""
        self.base, self.cast = base, cast
        self.home = base / "home"
        self.project = self.home / "widgets"
        self.site = base / "site"
        self.board = base / "board.txt"
        (self.project / "docs" / "plans").mkdir(parents=True)
        (self.home / ".clavain").mkdir()
        self._init_git()
        for name in cast:
            self._install_plugin(name, _VERSIONS[name])
        self._write_scan("Low", 1)
        write_adapter(self.site, "board", _BOARD_HEARS, _BOARD)
        write_adapter(self.site, "broken", ["review_pass"], _BROKEN)

    def choose_work(self) -> None:
        """Somebody picks the bead from interphase's list: one line."""
        self._log({"event": "discovery_select", "bead": BEAD, "action": "plan", "recommended": True})

    def write_plan(self) -> None:
        """A plan as Clavain's write-plan leaves it."""
        (self.project / PLAN).write_text(
            f"# Undo stack\n\n**Bead:** {BEAD}\n**Phase:** planned (as of {_now()})\n\n1. Keep each edit's inverse.\n"
        )

    def write_telemetry(self) -> None:
        """Interphase's gate lets the bead move to ``planned``: four lines, two facts."""
        reason = f"Plan: {PLAN}"
        self._log(
            {"event": "gate_check", "bead": BEAD, "from": "strategized", "to": "planned", "result": "pass"},
            {
                "event": "gate_enforce",
                "bead": BEAD,
                "priority": "2",
                "tier": "soft",
                "decision": "pass",
                "reason": "transition allowed",
            },
            {"event": "phase_transition", "bead": BEAD, "phase": "planned", "reason": reason},
            {"event": "phase_advance", "bead": BEAD, "phase": "planned", "reason": reason, "artifact": PLAN},
        )

    def notice_desync(self) -> None:
        """The bead goes on, the plan's header does not, and interphase notices when it looks: one line."""
        phases = {"bead_phase": "executing", "artifact_phase": "planned"}
        self._log({"event": "phase_desync", "bead": BEAD, **phases, "artifact": PLAN})

    def write_review(self) -> None:
        """Interflux reviews the plan: agents first, then findings.json in two passes, as its skill writes it."""
        folder = self.project / _REVIEW
        lock = folder / f".run-{_RUN}.lock"
        lock.mkdir(parents=True)
        for agent in ("fd-architecture", "fd-correctness"):
            (folder / f"{agent}.{_RUN}.md").write_text(
                f'<!-- run-uuid: {_RUN} -->\n### Findings Index\n- P2 | A-1 | "Step 1" | Name the inverse\n'
                "Verdict: needs-changes\n\n<!-- flux-drive:complete -->\n"
            )
        findings: dict[str, object] = {
            "reviewed": "2026-11-20",
            "input": PLAN,
            "agents_launched": ["fd-architecture", "fd-correctness"],
            "agents_completed": ["fd-architecture", "fd-correctness"],
            "findings": [
                {
                    "id": "P2-1",
                    "severity": "P2",
                    "agents": ["fd-architecture", "fd-correctness"],
                    "section": "Step 1",
                    "title": "Name the inverse operation",
                    "convergence": 2,
                }
            ],
            "improvements": [{"id": "IMP-1", "agent": "fd-architecture", "title": "Bound the stack"}],
            # The rule says safe: no P0, no P1. Real reports contradict their own severities in 10 of 27 cases.
            "verdict": "needs-changes",
            "early_stop": False,
        }
        (folder / "findings.json").write_text(json.dumps(findings, indent=2))
        time.sleep(0.2)
        findings["cost_report"] = {"total_tokens": 48210}
        (folder / "findings.json").write_text(json.dumps(findings, indent=2))
        (folder / "summary.md").write_text("# Review of the undo stack\n\nOne moderate finding.\n")
        lock.rmdir()

    def open_session(self) -> str:
        """What Claude Code sends to its hooks when a session begins."""
        transcript = self.home / ".claude" / "projects" / "widgets" / f"{SESSION}.jsonl"
        common = {"session_id": SESSION, "transcript_path": str(transcript), "cwd": str(self.project)}
        return json.dumps({**common, "hook_event_name": "SessionStart", "source": "startup"})

    def fill_context(self) -> None:
        """Interpulse measures how full the context of the session is, and writes it where nobody looks."""
        payload = {"level": "red", "pressure": 87, "est_tokens": 0, "ts": int(time.time()), "context_usable": 9}
        envelope = {"version": "1.0.0", "namespace": "interpulse", "type": "context_pressure", "session_id": SESSION}
        path = self.home / ".interband" / "interpulse" / "pressure" / f"{SESSION}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({**envelope, "timestamp": _now(), "payload": payload}))

    def read_status(self) -> str:
        """The file that interline's status line reads, in one line."""
        return (self.home / ".interband" / "intercheck" / "pressure" / f"{SESSION}.json").read_text().strip()

    def let_document_drift(self) -> None:
        """Work was closed, the roadmap still promises it, and interwatch's scan of the last commit notices."""
        self._write_scan("Certain", 9)

    def _write_scan(self, tier: str, score: int) -> None:
        signals = {"bead_closed": {"count": score // 3, "weight": 3, "score": score}} if score > 1 else {}
        record = {"path": "docs/roadmap.md", "exists": True, "score": score, "confidence": tier, "stale": False}
        report = {"scan_date": f"{datetime.now():%Y-%m-%dT%H:%M:%S}", "watchables": {"roadmap": record}}
        record["signals"] = signals
        path = self.project / ".interwatch" / "drift.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(report, indent=2))

    def _log(self, *lines: Mapping[str, object]) -> None:
        """Append to the telemetry as interphase does."""
        with (self.home / ".clavain" / "telemetry.jsonl").open("a") as file:
            for line in lines:
                file.write(json.dumps({**line, "timestamp": _now()}, separators=(",", ":")) + "\n")

    def _init_git(self) -> None:
        git = shutil.which("git")
        if git:
            subprocess.run([git, "init", "--quiet", str(self.project)], check=True)
        else:
            (self.project / ".git").mkdir()

    def _install_plugin(self, name: str, version: str) -> None:
        """A plugin as Claude Code records it."""
        root = self.home / ".claude" / "plugins"
        folder = root / "cache" / "demo-marketplace" / name / version
        (folder / ".claude-plugin").mkdir(parents=True)
        (folder / ".claude-plugin" / "plugin.json").write_text(json.dumps({"name": name, "version": version}))
        path = root / "installed_plugins.json"
        record: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"version": 2, "plugins": {}}
        plugins: dict[str, object] = record["plugins"]
        plugins[f"{name}@demo-marketplace"] = [
            {"scope": "user", "installPath": str(folder), "version": version, "installedAt": _now()}
        ]
        path.write_text(json.dumps(record, indent=2))


def write_adapter(site: Path, name: str, consumes: list[str], hooks: str) -> None:
    """An installed adapter, as pip would leave it: a package with its manifest, and a distribution that names it."""
    module = f"demo_{name.replace('-', '_')}"
    package = site / module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f'"""The demo\'s {name} adapter."""\n')
    (package / "adapter.py").write_text(textwrap.dedent(hooks))
    manifest = {"name": name, "interbus": {"api": 1, "consumes": [f"{intent}@1" for intent in consumes]}}
    (package / "integration.json").write_text(json.dumps(manifest, indent=2))
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: demo-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[interhost.adapters]\n{name} = {module}.adapter\n")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_BOARD_HEARS = [
    *("artifact_ready", "discover_work", "drift_detected"),
    *("gate_result", "phase_transition", "review_pass"),
]
_BOARD = '''
    """A third party: it knows neither interphase nor interflux, only the bus."""

    import os
    from pathlib import Path

    from interhost_hookspecs import Outcome, hookimpl


    def learn(intent, what):
        with Path(os.environ["DEMO_BOARD"]).open("a") as board:
            board.write(f"{intent.context_id}: {what}\\n")
        return Outcome.done(f"now knows: {what}")


    @hookimpl
    def on_phase_transition(intent, ctx):
        return learn(intent, f"in phase {intent.payload.to}")


    @hookimpl
    def on_gate_result(intent, ctx):
        return learn(intent, f"gate to {intent.payload.target}: {intent.payload.outcome}")


    @hookimpl
    def on_discover_work(intent, ctx):
        return learn(intent, f"somebody chose to {intent.payload.action} it")


    @hookimpl
    def on_drift_detected(intent, ctx):
        if intent.payload.kind == "doc":
            return learn(intent, f"a document drifted: {intent.payload.detail}")
        return learn(intent, f"is in {intent.payload.expected}, but its plan says {intent.payload.actual}")


    @hookimpl
    def on_artifact_ready(intent, ctx):
        return learn(intent, f"{intent.payload.kind} {intent.artifact_path.name}")


    @hookimpl
    def on_review_pass(intent, ctx):
        return learn(intent, f"review {intent.payload.verdict}, the report said {intent.payload.stated_verdict}")
'''

_BROKEN = '''
    """An adapter with a bug."""

    from interhost_hookspecs import hookimpl


    @hookimpl
    def on_review_pass(intent, ctx):
        raise KeyError("a bug in this adapter")
'''
