"""The main job from end to end: what two modules write into their files reaches whoever cares, once, and is traced.

Files have the shapes that the modules write. Sources: reference/modules/interphase.md section 1.3,
reference/modules/interflux.md sections 2.3 and 2.4.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.flow_kit import BD

if TYPE_CHECKING:
    from tests.conftest import Done, Shell

BEAD = "acme-4q9.2"
PLAN = "docs/plans/2026-11-21-retry-queue.md"
REVIEW = "docs/research/flux-drive/2026-11-21-retry-queue-8c1d"
RUN = "0b7f3f0e-6c1f-4b8e-9a57-2d1c9e4f7a10"

# Installed like any other adapter; it knows neither interphase nor interflux.
_ARCHIVE = """
import json
from pathlib import Path
from interhost_hookspecs import Outcome, hookimpl


def keep(intent, **what):
    line = {"intent": intent.name, "context": intent.context_id, "from": intent.producer, **what}
    with (Path(__file__).parents[1] / "archive.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\\n")
    return Outcome.done("kept")


@hookimpl
def on_artifact_ready(intent, ctx):
    return keep(intent, kind=intent.payload.kind, file=intent.artifact_path.name)


@hookimpl
def on_gate_result(intent, ctx):
    return keep(intent, outcome=intent.payload.outcome, tier=intent.payload.tier)


@hookimpl
def on_phase_transition(intent, ctx):
    return keep(intent, to=intent.payload.to)


@hookimpl
def on_review_pass(intent, ctx):
    return keep(intent, verdict=intent.payload.verdict, stated=intent.payload.stated_verdict)
"""


@pytest.fixture
def sprint(shell: Shell) -> Shell:
    """A project with a plan, both modules installed, an archive that listens, and a host that has looked once."""
    shell.adapter("archive", ["artifact_ready", "gate_result", "phase_transition", "review_pass"], _ARCHIVE)
    (shell.home / "plugins" / "interflux").mkdir(parents=True)
    shell.environ["INTERHOST_INTERFLUX_ROOT"] = str(shell.home / "plugins" / "interflux")
    plan = shell.project / PLAN
    plan.parent.mkdir(parents=True)
    plan.write_text(f"# Retry queue\n\n**Bead:** {BEAD}\n**Phase:** planned\n\n1. Keep what failed.\n")
    (shell.home / ".clavain").mkdir()
    _write_telemetry(shell, {"event": "phase_transition", "bead": "old-1", "phase": "done", "reason": "long ago"})
    shell.run("interhost", "run", "--once")
    return shell


def _write_telemetry(shell: Shell, *lines: dict[str, str]) -> None:
    """Append as interphase does: compact, one object per line, seconds in UTC."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with (shell.home / ".clavain" / "telemetry.jsonl").open("a") as file:
        for line in lines:
            file.write(json.dumps({**line, "timestamp": now}, separators=(",", ":")) + "\n")


def _move_to_planned(shell: Shell) -> None:
    """A gate is checked and passed, and the bead moves: four lines that are two facts."""
    move = {"bead": BEAD, "phase": "planned", "reason": f"Plan: {PLAN}"}
    _write_telemetry(
        shell,
        {"event": "gate_check", "bead": BEAD, "from": "strategized", "to": "planned", "result": "pass"},
        {
            "event": "gate_enforce",
            "bead": BEAD,
            "priority": "1",
            "tier": "hard",
            "decision": "pass",
            "reason": "transition allowed",
        },
        {"event": "phase_transition", **move},
        {"event": "phase_advance", **move, "artifact": PLAN},
    )


def _review(shell: Shell, **more: object) -> None:
    """The result of a review, a few seconds old: one P2, and a verdict that the severities do not support."""
    folder = shell.project / REVIEW
    folder.mkdir(parents=True, exist_ok=True)
    agent = folder / f"fd-correctness.{RUN}.md"
    agent.write_text(f"<!-- run-uuid: {RUN} -->\n### Findings Index\n- P2 | C-1 | Bound the queue\nVerdict: risky\n")
    (folder / "summary.md").write_text("# Retry queue\n\nOne moderate finding.\n")
    findings = folder / "findings.json"
    findings.write_text(
        json.dumps(
            {
                "reviewed": "2026-11-21",
                "input": PLAN,
                "agents_launched": ["fd-correctness"],
                "agents_completed": ["fd-correctness"],
                "findings": [
                    {"id": "P2-1", "severity": "P2", "agents": ["fd-correctness"], "title": "Bound the queue"}
                ],
                "improvements": [],
                "verdict": "risky",
                "early_stop": False,
                **more,
            },
            indent=2,
        )
    )
    for path, age in ((agent, 20), (findings, 15), (folder / "summary.md", 10)):
        os.utime(path, (time.time() - age, time.time() - age))


def _announce_plan(shell: Shell) -> str:
    return str(shell.publish("artifact_ready", '{"kind": "plan"}', "--artifact", PLAN)["event_id"])


def _delivered(done: Done) -> list[tuple[str, str, str]]:
    """Who got what, with which outcome; in no particular order."""
    return sorted((one["intent"].partition("@")[0], one["consumer"], one["outcome"]) for one in done.records)


def _archive(shell: Shell) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shell.site / "archive.jsonl").read_text().splitlines()]


def _trace(shell: Shell, event: str) -> dict[str, str]:
    """Consumer to the state of its delivery."""
    record = shell.run("interbus", "trace", event).records[0]
    return {one["consumer"]: one["state"] for one in record["deliveries"]}


def test_a_sprint_is_told_to_everyone_who_cares(sprint: Shell) -> None:
    """A plan, a gate, a move and a review: five facts on the bus, each delivered once to whom it concerns, traced."""
    plan = _announce_plan(sprint)
    _move_to_planned(sprint)
    first = sprint.run("interhost", "run", "--drain")
    assert _delivered(first) == [
        ("artifact_ready", "archive", "done"),
        ("artifact_ready", "interflux", "degraded"),
        ("artifact_ready", "interphase", "skipped"),
        ("gate_result", "archive", "done"),
        ("gate_result", "interflux", "skipped"),
        ("phase_transition", "archive", "done"),
        ("phase_transition", "interflux", "skipped"),
    ]
    _review(sprint)
    second = sprint.run("interhost", "run", "--drain")
    assert _delivered(second) == [
        ("artifact_ready", "archive", "done"),
        ("artifact_ready", "interphase", "skipped"),
        ("review_pass", "archive", "done"),
        ("review_pass", "interphase", "done"),
    ]
    assert first.err == ""
    assert second.err.startswith("[interverse] Tip: run /plugin install ")  # interphase's first success in the session
    assert second.err.count("\n") == 1

    stream = sprint.run("interbus", "replay").records
    path, folder = sprint.project / PLAN, sprint.project / REVIEW
    shown = [(one["intent"], one["producer"], one["context_id"], one["artifact_path"]) for one in stream]
    assert shown == [
        ("artifact_ready@1.0", "cli", BEAD, str(path)),
        ("gate_result@1.0", "interphase", BEAD, None),
        ("phase_transition@1.0", "interphase", BEAD, str(path)),
        ("review_pass@1.0", "interflux", BEAD, str(path)),
        ("artifact_ready@1.0", "interflux", BEAD, str(folder / "summary.md")),
    ]
    _, gate, move, review, report = stream
    assert {key: gate["payload"][key] for key in ("outcome", "tier", "from", "target")} == {
        "outcome": "pass",
        "tier": "hard",
        "from": "strategized",
        "target": "planned",
    }
    assert (move["payload"]["to"], move["payload"]["trigger"]) == ("planned", "advance")
    # No P0 and no P1 is safe, whatever the report says; what it says is kept.
    assert (review["payload"]["verdict"], review["payload"]["verdict_source"]) == ("safe", "recomputed")
    assert review["payload"]["stated_verdict"] == "risky"
    assert review["payload"]["counts"] == {"P0": 0, "P1": 0, "P2": 1, "P3": 0, "IMP": 0}
    assert review["payload"]["run_uuid"] == RUN
    assert report["payload"]["kind"] == "review_report"
    assert {one["extensions"]["project_dir"] for one in stream} >= {str(sprint.project)}

    assert _archive(sprint) == [
        {"intent": "artifact_ready", "context": BEAD, "from": "cli", "kind": "plan", "file": path.name},
        {"intent": "gate_result", "context": BEAD, "from": "interphase", "outcome": "pass", "tier": "hard"},
        {"intent": "phase_transition", "context": BEAD, "from": "interphase", "to": "planned"},
        {"intent": "review_pass", "context": BEAD, "from": "interflux", "verdict": "safe", "stated": "risky"},
        {
            "intent": "artifact_ready",
            "context": BEAD,
            "from": "interflux",
            "kind": "review_report",
            "file": "summary.md",
        },
    ]

    request = sprint.root / "requests" / "interflux" / f"{plan}-review.md"
    assert f"/interflux:flux-drive {PLAN}" in request.read_text()
    assert json.loads(request.with_suffix(".json").read_text())["path"] == str(path)
    with sprint.bus() as bus:
        advice = {one.adapter: one for one in bus.store.waiting_advice()}
    assert {one.context_id for one in advice.values()} == {BEAD}
    assert str(request) in advice["interflux"].text
    assert f"interphase would move {BEAD} to plan-reviewed" in advice["interphase"].text

    assert _trace(sprint, plan) == {"archive": "done", "interflux": "degraded", "interphase": "skipped"}
    assert _trace(sprint, review["event_id"]) == {"archive": "done", "interphase": "done"}
    assert _trace(sprint, report["event_id"]) == {
        "archive": "done",
        "interphase": "skipped",
    }  # never to its own producer


def test_nothing_is_told_twice(sprint: Shell) -> None:
    """Another run finds nothing new; a review that is written again with its cost is still the same review."""
    _announce_plan(sprint)
    _move_to_planned(sprint)
    _review(sprint)
    sprint.run("interhost", "run", "--drain")
    stream, archive = sprint.run("interbus", "replay").out, _archive(sprint)
    assert sprint.run("interhost", "run", "--drain").out == ""
    _review(sprint, cost_report={"total_tokens": 48_210})
    assert sprint.run("interhost", "run", "--drain").out == ""
    assert sprint.run("interhost", "run", "--once", "--backfill").out == ""
    assert sprint.run("interbus", "replay").out == stream
    assert _archive(sprint) == archive
    with sprint.bus() as bus:
        assert len(bus.store.waiting_advice()) == 2
    sprint.run("interhost", "doctor")


def test_a_resident_host_does_the_same_job(sprint: Shell) -> None:
    """Without anybody starting a worker, files are noticed and delivered."""
    host = sprint.start("interhost", "run")
    sprint.until(lambda: "resident with 3 adapters" in host.done.err)
    _move_to_planned(sprint)
    _review(sprint)
    sprint.until(lambda: len(host.done.records) == 8)
    assert _delivered(host.done) == [
        ("artifact_ready", "archive", "done"),
        ("artifact_ready", "interphase", "skipped"),
        ("gate_result", "archive", "done"),
        ("gate_result", "interflux", "skipped"),
        ("phase_transition", "archive", "done"),
        ("phase_transition", "interflux", "degraded"),
        ("review_pass", "archive", "done"),
        ("review_pass", "interphase", "done"),
    ]
    assert host.end(15).code == 0


def test_a_bead_is_moved_where_the_user_wants_it(sprint: Shell) -> None:
    """With ``advance_on_review = true`` a safe review moves the bead through bd, once.

    The move is told once, as a reaction to the review; its echo in the telemetry is not told again.
    """
    tools = sprint.base / "bin"
    tools.mkdir()
    bd = tools / "bd"
    bd.write_text(BD)
    bd.chmod(0o755)
    (tools / f"bd.{BEAD}").write_text("planned\n")
    sprint.environ["PATH"] = f"{tools}:{sprint.environ['PATH']}"
    (sprint.root / "config.toml").write_text("[adapters.interphase]\nadvance_on_review = true\n")

    _review(sprint)
    done = sprint.run("interhost", "run", "--drain")
    assert ("review_pass", "interphase", "done") in _delivered(done)
    assert (tools / f"bd.{BEAD}").read_text() == "plan-reviewed\n"
    review, _, move = sprint.run("interbus", "replay").records
    reason = f"interbus:{review['event_id']}"
    assert (move["intent"], move["producer"], move["context_id"]) == ("phase_transition@1.0", "interphase", BEAD)
    assert (move["payload"]["from"], move["payload"]["to"]) == ("planned", "plan-reviewed")
    assert (move["payload"]["reason"], move["source_hook"]) == (reason, "cli:bd")
    assert move["extensions"]["caused_by"] == review["event_id"]
    (reaction,) = sprint.run("interbus", "trace", review["event_id"]).records[0]["reactions"]
    assert reaction["event_id"] == move["event_id"]

    echo = {"bead": BEAD, "phase": "plan-reviewed", "reason": reason}
    _write_telemetry(sprint, {"event": "phase_transition", **echo}, {"event": "phase_advance", **echo})
    assert sprint.run("interhost", "run", "--drain").out == ""
    assert len(sprint.run("interbus", "replay").records) == 3
    moves = [line for line in (tools / "bd.log").read_text().splitlines() if line.startswith("set-state")]
    assert moves == [f"set-state {BEAD} phase=plan-reviewed --reason {reason}"]
    with sprint.bus() as bus:
        assert bus.store.waiting_advice() == []
