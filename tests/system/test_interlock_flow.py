"""Two agents, one file, through the real host, real hooks, and a service in a process of its own.

The service is the stand-in of the adapter's tests, with the routes of reference/modules/interlock.md, section 4.5.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.flow_kit import Service

if TYPE_CHECKING:
    from tests.conftest import Shell

BEAD = "acme-4q9.2"


class Agents:
    """A shell whose project has agents, and the service that they use.

    Args:
        shell: The shell.
    """

    def __init__(self, shell: Shell) -> None:
        """Start the service, and let the host look once."""
        self.shell = shell
        for folder in (shell.base / "module-tmp", shell.base / "signals"):
            folder.mkdir()
        self.service = Service(shell.base / "service", shell.base / "module-tmp")
        self.folder = self.service.folder
        self.ask, self.join = self.service.ask, self.service.join
        self.reserve, self.list_held = self.service.reserve, self.service.list_held
        shell.enable("interlock")
        shell.root.mkdir(mode=0o700)
        settings = {
            "url": self.service.address,
            "temporary_dir": str(shell.base / "module-tmp"),
            "signal_dir": str(shell.base / "signals"),
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        switches = ["poll_seconds = 0", "reserve_on_executing = true"]
        (shell.root / "config.toml").write_text("\n".join(["[adapters.interlock]", *lines, *switches, ""]))
        shell.publish("notify", '{"text": "the host knows the project by this"}')

    def hook(self, event: str, session: str, **fields: object) -> str:
        """What a hook of a session says to Claude."""
        document = {"session_id": session, "cwd": str(self.shell.project), "hook_event_name": event, **fields}
        said = self.shell.run("interhost", "hook", stdin=json.dumps(document)).out
        return str(json.loads(said)["hookSpecificOutput"]["additionalContext"]) if said else ""

    def edit(self, session: str, file: str) -> str:
        """What the hook says before an edit."""
        tool = {"tool_name": "Edit", "tool_input": {"file_path": str(self.shell.project / file)}}
        return self.hook("PreToolUse", session, **tool, tool_use_id=f"toolu_{time.monotonic_ns()}")

    def hear(self, session: str) -> str:
        """What is said at the next prompt for which something waits."""
        said = ""

        def is_said() -> bool:
            nonlocal said
            said = self.hook("UserPromptSubmit", session, prompt=f"{time.time()}")
            return bool(said)

        self.shell.until(is_said, 60.0)
        return said

    def list_facts(self, name: str = "coordination") -> list[dict[str, Any]]:
        """What is on the bus."""
        return [one for one in self.shell.run("interbus", "replay").records if one["intent"].startswith(f"{name}@")]

    def list_outcomes(self, event: str) -> list[tuple[str, str]]:
        """How an event's delivery to us ended, as (outcome, reason)."""
        (trace,) = self.shell.run("interbus", "trace", event).records
        ours = [one for one in trace["deliveries"] if one["consumer"] == "interlock"]
        return [(one["outcome"], one["reason"]) for delivery in ours for one in delivery["attempts"]]

    def look(self) -> list[dict[str, Any]]:
        """What one more look puts on the bus."""
        before = len(self.shell.run("interbus", "replay").records)
        self.shell.run("interhost", "run", "--once")
        return list(self.shell.run("interbus", "replay").records[before:])


@pytest.fixture
def agents(shell: Shell) -> Iterator[Agents]:
    """A project with a service; the host has looked once, with one reservation of before."""
    agents = Agents(shell)
    agents.reserve(agents.join("old"), "README.md")
    shell.run("interhost", "run", "--once")
    yield agents
    agents.service.end()


def test_two_agents_and_one_file(agents: Agents) -> None:
    """The reservation is told, the conflict is told, the second session hears of it; release frees the file."""
    ada = agents.join("ada", "s-1")
    bob = agents.join("bob", "s-2")
    key = agents.reserve(ada, "src/a.py", f"parser [active_bead_id={BEAD}]")
    (reserve,) = agents.look()
    assert (reserve["intent"], reserve["producer"], reserve["context_id"]) == ("coordination@1.0", "interlock", BEAD)
    assert reserve["artifact_path"] == str(agents.shell.project / "src" / "a.py")
    assert reserve["extensions"]["session_id"] == "s-1"
    assert (reserve["payload"]["action"], reserve["payload"]["holder"]["name"]) == ("reserve", "ada")

    assert agents.edit("s-1", "src/a.py") == ""
    assert agents.edit("s-2", "src/a.py") == ""
    said = agents.hear("s-2")
    assert f'src/a.py is held by ada ("parser [active_bead_id={BEAD}]") until' in said
    conflict = agents.list_facts()[-1]
    assert (conflict["payload"]["action"], conflict["severity"]) == ("conflict", "warn")
    assert conflict["payload"]["requester"] == {"id": bob, "name": "bob", "session_id": "s-2"}
    assert (conflict["source_hook"], conflict["extensions"]["door"]) == ("PreToolUse:Edit", "hook")
    agents.edit("s-2", "src/a.py")
    assert agents.look() == []

    agents.ask("DELETE", f"/api/reservations/{key}", agent=ada)
    (release,) = agents.look()
    assert (release["payload"]["action"], release["context_id"]) == ("release", BEAD)
    assert "src/a.py is free again: ada no longer holds it." in agents.hear("s-2")
    assert agents.edit("s-2", "src/a.py") == ""
    assert agents.look() == []
    assert agents.hook("UserPromptSubmit", "s-1", prompt="and now") == ""
    agents.shell.run("interhost", "doctor")


def test_a_move_reserves_and_its_end_gives_back_what_is_ours(agents: Agents) -> None:
    """In our own name; what others hold is told, and stays theirs."""
    ada = agents.join("ada")
    agents.reserve(ada, "src/b.py")
    agents.look()
    move = {"to": "executing", "phase_model": "interphase-8", "files": ["src/a.py", "src/b.py", "../../x"]}
    agents.shell.publish("phase_transition", json.dumps(move), "--context", BEAD)
    (conflict,) = agents.look()
    (reserve,) = agents.look()
    assert (conflict["payload"]["action"], conflict["payload"]["resource_id"]) == ("conflict", "src/b.py")
    assert (reserve["payload"]["action"], reserve["payload"]["resource_id"]) == ("reserve", "src/a.py")
    assert (reserve["context_id"], reserve["payload"]["holder"]["name"]) == (BEAD, "interbus")
    assert agents.list_held() == ["README.md", "src/b.py", "src/a.py"]
    over = agents.shell.publish("phase_transition", '{"to": "done", "phase_model": "interphase-8"}', "--context", BEAD)
    assert agents.look() == []
    assert agents.list_held() == ["README.md", "src/b.py"]
    assert agents.list_outcomes(over["event_id"]) == [("done", "1 released")]
    assert [one["payload"]["action"] for one in agents.look()] == ["release"]


def test_a_risky_review_reaches_every_agent_once(agents: Agents) -> None:
    """Through the service; without one it is skipped, and not tried again."""
    ada = agents.join("ada")
    agents.shell.publish("review_pass", '{"verdict": "risky", "counts": {"P0": 1}}', "--context", BEAD)
    agents.look()
    agents.look()
    messages = agents.ask("GET", f"/api/inbox/{ada}?project=widgets")["messages"]
    assert [one["subject"] for one in messages] == [f"review of {BEAD} finished risky (1 P0)"]
    agents.service.end()
    late = agents.shell.publish("review_pass", '{"verdict": "risky", "counts": {"P0": 1}}', "--context", BEAD)
    agents.look()
    agents.look()
    ((outcome, reason),) = agents.list_outcomes(late["event_id"])
    assert (outcome, "Connection refused" in reason) == ("skipped", True)


def test_a_service_that_hangs_holds_up_no_hook(agents: Agents) -> None:
    """It is asked by the worker, after Claude Code has gone on."""
    (agents.folder / "faults.json").write_text('{"GET /": "hang"}')
    began = time.monotonic()
    for number in range(3):
        assert agents.edit("s-2", f"src/{number}.py") == ""
    assert time.monotonic() - began < 12  # three times five seconds, if they had waited
