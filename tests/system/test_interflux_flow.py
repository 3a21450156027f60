"""A review from its request to its report, through the real host; and what runs leave when they go wrong.

Files have the shapes of reference/modules/interflux.md, sections 2.3 to 2.5.
"""

from __future__ import annotations

import json
import os
import sys
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from interhost_interflux import adapter

from interhost.host.context import HostContext
from interhost.host.providers import Providers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Shell, Stage

BEAD = "acme-4q9.2"
PLAN = "docs/plans/p.md"
RUN = "0b7f3f0e-6c1f-4b8e-9a57-2d1c9e4f7a10"
FOLDER = f"docs/research/flux-drive/p-{sha256(PLAN.encode()).hexdigest()[:8]}"


@pytest.fixture
def reviewed(shell: Shell) -> Shell:
    """A host that has looked once at a project with a plan, and with the review of another day."""
    (shell.home / "plugins" / "interflux").mkdir(parents=True)
    shell.environ["INTERHOST_INTERFLUX_ROOT"] = str(shell.home / "plugins" / "interflux")
    _write(shell, PLAN, f"# Plan\n\n**Bead:** {BEAD}\n", age=60)
    _write(shell, "docs/research/flux-drive/old/findings.json", '{"findings": [{"severity": "P0"}]}', age=9000)
    _write(shell, "docs/research/flux-drive/old/peer-findings.jsonl", '{"severity": "blocking"}\n', age=9000)
    shell.publish("notify", '{"text": "the host knows the project by this"}')
    shell.run("interhost", "run", "--once")
    return shell


def _write(shell: Shell, name: str, text: str, *, age: float = 5.0) -> Path:
    path = shell.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def _look(shell: Shell) -> list[dict[str, Any]]:
    """What one more look puts on the bus."""
    before = len(shell.run("interbus", "replay").records)
    shell.run("interhost", "run", "--drain")
    return shell.run("interbus", "replay").records[before:]


def test_request_is_open_until_its_review_is_there(reviewed: Shell) -> None:
    """The plan asks, the run blocks and ends, the review answers; a report that comes last is told, too."""
    asked = reviewed.publish("artifact_ready", '{"kind": "plan"}', "--artifact", PLAN)["event_id"]
    assert _look(reviewed) == []
    request = reviewed.root / "requests" / "interflux" / f"{asked}-review.json"
    assert "answer" not in json.loads(request.read_text())
    assert "1 open" in reviewed.run("interhost", "doctor").out

    lock = reviewed.project / FOLDER / f".run-{RUN}.lock"
    lock.mkdir(parents=True)
    peers = '{"severity":"blocking","agent":"fd-safety","summary":"no limit","file_refs":["src/q.py:3"]}\n'
    _write(reviewed, f"{FOLDER}/peer-findings.jsonl", peers)
    (blocked,) = _look(reviewed)
    assert (blocked["intent"], blocked["context_id"]) == ("coordination@1.0", BEAD)
    assert blocked["artifact_path"] == str(reviewed.project / "src" / "q.py")

    time.sleep(1.1)  # the request's own second has to pass, so that the review is younger
    _write(reviewed, f"{FOLDER}/fd-safety.{RUN}.md", "Verdict: safe\n<!-- flux-drive:complete -->\n", age=0.5)
    findings = _write(reviewed, f"{FOLDER}/findings.json", '{"findings": [{"severity": "P2"}]}', age=0.2)
    lock.rmdir()
    (review,) = _look(reviewed)
    assert (review["context_id"], review["artifact_path"]) == (BEAD, str(reviewed.project / PLAN))
    assert (review["payload"]["verdict"], review["payload"]["agents_completed"]) == ("safe", ["fd-safety"])
    assert json.loads(request.read_text())["answer"] == f"safe: {findings}"
    assert "0 open" in reviewed.run("interhost", "doctor").out

    _write(reviewed, f"{FOLDER}/summary.md", "# One moderate finding\n")
    (report,) = _look(reviewed)
    assert (report["payload"]["kind"], report["payload"]["title"]) == ("review_report", "One moderate finding")
    assert report["context_id"] == BEAD
    assert _look(reviewed) == []


def test_lines_that_are_added_are_told_once(reviewed: Shell) -> None:
    """Each look tells what came since; a half line waits for its end."""
    name = "docs/research/flux-drive/new/peer-findings.jsonl"
    first, second = (f'{{"severity":"P0","agent":"a","title":"{title}"}}\n' for title in ("one", "two"))
    _write(reviewed, name, first + second[:9])
    assert [one["payload"]["reason"] for one in _look(reviewed)] == ["one"]
    _write(reviewed, name, first + second, age=4.0)
    assert [one["payload"]["reason"] for one in _look(reviewed)] == ["two"]
    assert _look(reviewed) == []


def test_crashed_run_is_told_once(reviewed: Shell) -> None:
    """Its lock stays, and says nothing more."""
    lock = reviewed.project / FOLDER / f".run-{RUN}.lock"
    lock.mkdir(parents=True)
    os.utime(lock, (time.time() - 4000, time.time() - 4000))
    (crash,) = _look(reviewed)
    assert (crash["intent"], crash["payload"]["verdict"], crash["severity"]) == ("review_pass@1.0", "error", "error")
    assert _look(reviewed) == []


def test_look_at_thousands_of_files_opens_none(stage: Stage) -> None:
    """What has not changed is not read, however much there is; nor is any old directory searched for locks."""
    base = stage.project / "docs" / "research" / "flux-drive"
    for number in range(300):
        folder = base / f"plan-{number:08x}"
        folder.mkdir(parents=True)
        for name in ("findings.json", "summary.md", "fd-a.md", "fd-b.md", "fd-c.md", "peer-findings.jsonl"):
            (folder / name).write_text("{}")
        os.utime(folder, (1_700_000_000, 1_700_000_000))
    stage.bus.store.see_project(stage.project)
    opened: list[str] = []
    looking = False

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if looking and event in ("open", "os.scandir", "os.listdir") and str(arguments[0]).startswith(str(base)):
            opened.append(str(arguments[0]))

    def look() -> None:
        context = HostContext("interflux", stage.bus, stage.config(), Providers([], lambda *_: None))
        assert adapter.observe(ctx=context).drafts == ()
        with stage.bus.database.transaction():
            context.store()

    look()
    sys.addaudithook(watch)  # cannot be taken away; it is deaf unless we look
    looking = True
    look()
    looking = False
    assert set(opened) == {str(base)}
