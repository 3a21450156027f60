"""A machine with a service in a process of its own (``intermute.py``), a project, and agents.

Whatever is asked of the service goes over a real socket; only the host is a fake.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen
from interhost_hookspecs import Draft
from interhost_hookspecs.testing import FakeContext, make_hook_event
from interhost_interlock import adapter

SERVICE = Path(__file__).with_name("intermute.py")


@frozen
class Service:
    """The running stand-in, as other agents use it."""

    folder: Path
    address: str
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None, **headers: str) -> Any:
        """What it answers."""
        data = None if body is None else json.dumps(body).encode()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=10)) as connection:
            connection.request(method, path, data, names)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text!r}"
        return json.loads(text) if text else None

    def join(self, name: str, project: str = "widgets") -> str:
        """The id of a new agent."""
        return str(self.ask("POST", "/api/agents", {"name": name, "project": project})["agent_id"])

    def reserve(self, agent: str, pattern: str, reason: str = "auto-reserve: editing", **more: object) -> str:
        """The id of a new reservation."""
        body = {"agent_id": agent, "project": "widgets", "path_pattern": pattern, "reason": reason, **more}
        return str(self.ask("POST", "/api/reservations", body)["id"])

    def release(self, agent: str, reservation: str) -> None:
        """Give it back."""
        self.ask("DELETE", f"/api/reservations/{reservation}", X_Agent_ID=agent)

    def send(self, sender: str, to: Sequence[str], body: object, **more: object) -> None:
        """Send a message; a body that is no text becomes JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.ask("POST", "/api/messages", {"project": "widgets", "from": sender, "to": to, "body": text, **more})

    def expire(self, reservation: str) -> None:
        """Let its time be over."""
        self.ask("POST", "/test/expire", {"id": reservation})

    def misbehave(self, **faults: object) -> None:
        """Answer requests that begin so in this way from now on; ``GET_api`` stands for ``GET /api``."""
        written = {name.replace("_", " /", 1).replace("_", "/"): fault for name, fault in faults.items()}
        (self.folder / "faults.json").write_text(json.dumps(written))

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()

    def list_requests(self, start: str = "") -> list[dict[str, Any]]:
        """What it was asked, by the beginning of the request."""
        lines = (self.folder / "requests.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [one for one in found if f"{one['method']} {one['path']}".startswith(start)]


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start a stand-in with its options, and wait until it listens; afterwards it is ended."""
    started: list[Service] = []

    def start(*options: str) -> Service:
        folder = tmp_path / f"service-{len(started)}"
        folder.mkdir()
        (folder / "requests.jsonl").touch()
        process = subprocess.Popen([sys.executable, str(SERVICE), str(folder), *options], stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not (folder / "address").exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        started.append(Service(folder, (folder / "address").read_text(), process))
        return started[-1]

    yield start
    for service in started:
        service.stop()


@pytest.fixture
def service(start_service: Callable[..., Service]) -> Service:
    """A service of its own for one test."""
    return start_service()


@pytest.fixture(autouse=True)
def no_intermute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine of the tests has, they do not see it."""
    for name in ("INTERMUTE_SOCKET", "INTERMUTE_URL", "INTERLOCK_SIGNAL_DIR"):
        monkeypatch.delenv(name, raising=False)


@define
class Machine:
    """The project ``widgets``, the service as it is configured, and a host that looks at both."""

    ctx: FakeContext
    service: Service

    @property
    def project(self) -> Path:
        """Its root."""
        return self.ctx.projects[0]

    def configure(self, **settings: object) -> None:
        """Change the adapter's settings."""
        self.ctx.config = {**self.ctx.said, **settings}

    def join_session(self, session: str, agent: str, name: str) -> Path:
        """What interlock's hooks leave when a session joins (reference, row L8)."""
        path = self.ctx.home / "tmp" / f"interlock-agent-{session}.json"
        record = {"agent_id": agent, "name": name, "session_id": session, "project": "widgets", "agent_count": "3"}
        path.write_text(json.dumps(record))
        return path

    def look(self) -> list[Draft]:
        """What one more look tells."""
        self.ctx.clock = max(datetime.now(UTC), self.ctx.clock)
        return list(adapter.observe(ctx=self.ctx).drafts)

    def see(self, event: str, session: str = "s-2", **changes: object) -> list[Draft]:
        """What a hook event tells."""
        self.ctx.clock = max(datetime.now(UTC), self.ctx.clock)
        changes = {"cwd": str(self.project), **changes}
        return list(adapter.observe_hook(make_hook_event(event, session_id=session, **changes), self.ctx).drafts)

    def edit(self, file: str, session: str = "s-2", tool: str = "Edit") -> list[Draft]:
        """What it tells that a session is about to edit a file."""
        key = "notebook_path" if tool == "NotebookEdit" else "file_path"
        return self.see("PreToolUse", session, tool_name=tool, tool_input={key: str(self.project / file)})

    def heard(self) -> list[tuple[str | None, str]]:
        """What sessions were told since the last time, as (session, text)."""
        said = [(one.session_id, one.text) for one in self.ctx.advices]
        self.ctx.advices.clear()
        return said


@pytest.fixture
def machine(tmp_path: Path, service: Service) -> Machine:
    """A fresh machine; names that need quoting."""
    project = tmp_path / "some $HOME" / "widgets"
    for folder in (project / "src", tmp_path / "tmp", tmp_path / "signals"):
        folder.mkdir(parents=True)
    ctx = FakeContext(
        tmp_path,
        of=adapter,
        config={
            "url": service.address,
            "poll_seconds": 0,
            "temporary_dir": str(tmp_path / "tmp"),
            "signal_dir": str(tmp_path / "signals"),
        },
        projects=(project,),
        changed_files=(),
        clock=datetime.now(UTC),
    )
    return Machine(ctx, service)
