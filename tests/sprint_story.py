"""One bead from discovery to release: what modules and people do, step by step, and what becomes of it on the bus."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from interhost.bus.log import Query
from tests.sprint_kit import ADA, BOB, Machine
from tests.submission_kit import BEAD, CONDITIONS, RUN

BRAINSTORM, PLAN = "docs/brainstorms/2026-11-20-mesh.md", "docs/plans/2026-11-20-mesh.md"
REVIEW, REVIEW_RUN = "docs/research/flux-drive/2026-11-20-mesh-3f9a1c2e", "6f2d8c1e-0b7a-4c35-9d55-1f0e2a7b9c44"
DRAIN = "interhost run --drain"


class Typed(NamedTuple):
    """A command that somebody typed during a step, and what a terminal showed."""

    step: str
    command: str
    output: str


class Fact(NamedTuple):
    """An envelope on the bus, the step that it belongs to, and how each consumer's delivery ended."""

    step: str
    envelope: Any
    outcomes: dict[str, tuple[str, str]]


class Sprint:
    """Plays the sprint.

    Args:
        machine: Where.
        around: Called before each round of deliveries; what it answers is called with the facts of that round.
    """

    def __init__(self, machine: Machine, around: Callable[[], Callable[[list[Fact]], None]]) -> None:
        self.machine = machine
        self.typed: list[Typed] = []
        self.facts: list[Fact] = []
        self.step = ""
        self._around = around
        self._events = 0

    def play(self) -> None:
        """All of it, from a silent first look to the end."""
        self.type("""interbus publish notify --payload '{"text": "the host knows the project by this"}'""")
        self.machine.type("interhost run --once")
        self.deliver()
        for step in STEPS:
            self.step = step.__name__
            step(self)
        self.step = "again"
        self.deliver()

    def type(self, command: str, **more: Any) -> None:
        """A command that the page shows."""
        shown = self.machine.type(f"{command} --table" if command.startswith(_TABLES) else command, **more)
        self.typed.append(Typed(self.step, command, shown))

    def hook(self, name: str, event: str, **fields: Any) -> None:
        """Claude Code calls the hook."""
        with self.machine.no_worker():
            self.type(self.machine.save_event(name, event, **fields))

    def deliver(self) -> None:
        """A worker looks at every source and delivers what there is."""
        end, before = self._around(), len(self.facts)
        self.type(DRAIN)
        with self.machine.bus() as bus:
            for one in list(bus.log.read(Query(), 10_000))[before:]:
                attempts = bus.store.attempts(one.seq)
                ended = {each.consumer: (str(each.outcome), each.reason) for each in attempts}
                assert len(ended) == len(attempts), attempts
                self.facts.append(Fact(self.step, one.envelope, ended))
        end(self.facts[before:])

    def move(self, kind: str, left: str, to: str, reason: str = "") -> None:
        """The kernel records an event of the sprint's run (cli-contracts.md section 1.9)."""
        self._events += 1
        event = {"id": 20 + self._events, "run_id": RUN, "source": "phase", "type": kind, "reason": reason}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.machine.answer({**event, "from_state": left, "to_state": to, "timestamp": now})


_CANDIDATE = '{"action": "brainstorm", "title": "Add mesh"}'
_TABLES = ("interhost run", "interbus publish", "interbus trace", "interhost report", "interhost clavain")


def discover(sprint: Sprint) -> None:
    """Somebody notes a candidate, all open work is ranked, and one is chosen from interphase's list."""
    sprint.type(f"""interbus publish discover_work --context {BEAD} --payload '{_CANDIDATE}'""")
    sprint.deliver()
    sprint.machine.telemetry({"event": "discovery_select", "bead": BEAD, "action": "brainstorm", "recommended": True})
    sprint.deliver()


def start(sprint: Sprint) -> None:
    """Two sessions begin; the first claims the bead and has a sprint made for it."""
    sprint.hook("session-start", "SessionStart", source="startup")
    sprint.hook("second-session", "SessionStart", session=BOB, source="startup")
    sprint.type('interhost submit create-sprint "Add mesh" --complexity 3')
    payload = {"id": BEAD, "phase": "brainstorm", "reason": "sprint-advance", "ts": int(time.time())}
    sprint.machine.sideband("interphase", "bead", "bead_phase", payload)
    (sprint.machine.tmp / f"interphase-bead-{ADA}").write_text(f"{BEAD}\n")
    sprint.deliver()


def brainstorm(sprint: Sprint) -> None:
    """Clavain's command writes the brainstorm, and asks for the next phase."""
    sprint.machine.write(BRAINSTORM, f"# Add a mesh\n\n**Bead:** {BEAD}\n\nTriangles or quads?\n")
    sprint.hook("brainstorm", "PostToolUse", **_skill("clavain:brainstorm", "toolu_1"))
    sprint.deliver()
    sprint.type(f"interhost submit advance {BEAD} brainstorm")
    sprint.deliver()


def plan(sprint: Sprint) -> None:
    """The plan names what it will touch: a tool and an interface."""
    sprint.machine.write(PLAN, f"# Add a mesh\n\n**Bead:** {BEAD}\n\nChange src/tools/export.py and web/mesh.css.\n")
    sprint.move("advance", "brainstorm-reviewed", "planned")
    sprint.deliver()


def review(sprint: Sprint) -> None:
    """Interflux reviews the plan; interphase's gate lets it on; an agent makes the review that intercraft asked for."""
    machine, folder = sprint.machine, sprint.machine.project / REVIEW
    for agent in ("fd-architecture", "fd-correctness"):
        text = f"<!-- run-uuid: {REVIEW_RUN} -->\nVerdict: safe\n<!-- flux-drive:complete -->\n"
        machine.write(f"{REVIEW}/{agent}.{REVIEW_RUN}.md", text)
    finding = {"id": "P2-1", "severity": "P2", "agents": ["fd-correctness"], "title": "Name the unit"}
    report = {"reviewed": "2026-11-20", "input": PLAN, "findings": [finding], "verdict": "needs-changes"}
    machine.write(f"{REVIEW}/findings.json", json.dumps(report), age=5)
    machine.write(f"{REVIEW}/summary.md", "# One moderate finding\n", age=5)
    assert folder.is_dir()
    sprint.deliver()
    check = {"bead": BEAD, "from": "planned", "to": "plan-reviewed"}
    enforced = {"bead": BEAD, "priority": "2", "tier": "soft", "decision": "pass", "reason": "transition allowed"}
    moved = {"bead": BEAD, "phase": "plan-reviewed", "reason": f"Plan: {PLAN}"}
    machine.telemetry(
        {"event": "gate_check", **check, "result": "pass"},
        {"event": "gate_enforce", **enforced},
        {"event": "phase_transition", **moved},
        {"event": "phase_advance", **moved, "artifact": PLAN},
    )
    sprint.deliver()
    requests = sorted((machine.root / "requests" / "intercraft").glob("*.md"))
    agent = "intercraft:review:agent-native-reviewer"
    asked = {"description": "Review", "subagent_type": agent, "prompt": f"Fulfil {requests[-1]}."}
    text = "## Agent-Native Architecture Review\n\n- **Verdict**: PASS\n"
    answer = {"status": "completed", "agentType": agent, "content": [{"type": "text", "text": text}]}
    tool = {"tool_name": "Agent", "tool_use_id": "toolu_2", "tool_input": asked, "tool_response": answer}
    sprint.hook("reviewer", "PostToolUse", **tool)
    sprint.deliver()


def gate(sprint: Sprint) -> None:
    """The kernel's gate is closed, and opened by decision; then interform's review is asked for and made."""
    machine = sprint.machine
    machine.join("ada", ADA)
    machine.join("bob", BOB)
    sprint.move("block", "plan-reviewed", "executing", CONDITIONS)
    sprint.deliver()
    machine.write("web/mesh.css", "body { margin: 0 }\n")
    decision = {"reason": "the plan is registered by hand", "override_category": "justified"}
    sprint.move("override", "plan-reviewed", "executing", json.dumps(decision))
    sprint.deliver()
    for request in (machine.root / "requests" / "interform").glob("*.md"):
        report = request.with_suffix(".report.md")
        report.write_text("# Design review\nVerdict: PASS\n### Issues\n- None\n")
    sprint.deliver()


def work(sprint: Sprint) -> None:
    """Two agents want one file; a syntax error; a full context; documents that stay behind; calls that fail."""
    machine = sprint.machine
    ada = tuple(
        one["agents"][0]["agent_id"] for one in machine.ask("GET", f"/api/agents?project={machine.project.name}")
    )
    machine.reserve(ada, "src/export.py", f"export [active_bead_id={BEAD}]")
    sprint.deliver()
    edit = {"tool_name": "Edit", "tool_input": {"file_path": str(machine.project / "src" / "export.py")}}
    sprint.hook("second-edit", "PreToolUse", session=BOB, tool_use_id="toolu_3", **edit)
    sprint.deliver()

    said = f"Syntax error in {machine.project / 'src' / 'export.py'}: SyntaxError: invalid syntax"
    told = {"type": "hook_success", "hookName": "PostToolUse:Edit", "toolUseID": "toolu_4", "exitCode": 0}
    told |= {
        "command": "${CLAUDE_PLUGIN_ROOT}/hooks/syntax-check.sh",
        "stdout": json.dumps({"additionalContext": said}),
    }
    sprint.hook("first-edit", "PostToolUse", tool_use_id="toolu_4", tool_response={}, **edit)
    with (machine.home / ".claude" / "projects" / "widgets" / f"{ADA}.jsonl").open("a") as transcript:
        transcript.write(json.dumps({"type": "attachment", "attachment": told}) + "\n")
    (machine.tmp / f"intercheck-{ADA}.json").write_text('{"syntax_errors": 1, "format_runs": 0}')
    pressure = {"level": "red", "pressure": 87, "est_tokens": 0, "ts": int(time.time()), "context_usable": 9}
    machine.sideband("interpulse", "pressure", "context_pressure", pressure)
    sprint.deliver()

    machine.write("web/mesh.css", "body { font-family: Inter }\n")
    style = {"tool_name": "Write", "tool_input": {"file_path": str(machine.project / "web" / "mesh.css")}}
    sprint.hook("style", "PostToolUse", tool_use_id="toolu_5", tool_response={}, **style)
    machine.git("mv", "src/old.py", "src/export.py")
    machine.commit("Export a mesh")
    machine.scan("Certain", 9)
    machine.bundle()
    machine.index("docs/mesh-notes.md")
    with (machine.home / ".claude" / "tool-time" / "events.jsonl").open("a") as log:
        for number in range(24):
            log.write(json.dumps(_logged(number, str(machine.project))) + "\n")
    sprint.deliver()


def quality(sprint: Sprint) -> None:
    """The reviewers of the quality gates find nothing; their synthesis is written last."""
    verdict = {"type": "verdict", "status": "CLEAN", "summary": "nothing", "session_id": ADA}
    sprint.machine.write(".clavain/verdicts/fd-safety.json", json.dumps(verdict), age=20)
    sprint.machine.write(".clavain/quality-gates/synthesis.md", "# Synthesis\n", age=5)
    sprint.deliver()


def release(sprint: Sprint) -> None:
    """The document is put right, the work ships, a person follows interpub's request."""
    machine = sprint.machine
    machine.write("AGENTS.md", "See src/export.py.\n", age=0)
    machine.commit("Update AGENTS.md documentation")
    sprint.deliver()
    sprint.move("advance", "executing", "shipping")
    sprint.deliver()
    machine.write(".claude-plugin/plugin.json", json.dumps({"name": "widgets", "version": "0.1.1"}))
    machine.commit("chore: bump version to 0.1.1")
    machine.canary("0.1.1", "pending")
    sprint.deliver()


def notify(sprint: Sprint) -> None:
    """The sprint is over, and somebody says so."""
    sprint.move("advance", "reflect", "done")
    (sprint.machine.tmp / f"interphase-bead-{ADA}").unlink()
    sprint.deliver()
    text = json.dumps({"text": "widgets 0.1.1 exports meshes"})
    sprint.type(f"interbus publish notify --severity warn --context {BEAD} --payload '{text}'")
    sprint.deliver()
    sprint.type(f"interhost report --context {BEAD}")


STEPS = (discover, start, brainstorm, plan, review, gate, work, quality, release, notify)


def _skill(name: str, use: str) -> dict[str, object]:
    tool = {"tool_name": "Skill", "tool_use_id": use, "tool_input": {"skill": name, "args": ""}}
    return {**tool, "tool_response": {"success": True, "commandName": name}}


def _logged(number: int, project: str) -> dict[str, object]:
    """A line of tool-time's second recorder (tool-time.md section 1.3); every third call failed."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entry = {"v": 1, "id": f"{ADA}-t{number}", "ts": now, "event": "ToolUse", "tool": "Edit", "project": project}
    return {
        **entry,
        "error": "String to replace not found" if number % 3 else None,
        "session": ADA,
        "source": "claude-code",
    }
