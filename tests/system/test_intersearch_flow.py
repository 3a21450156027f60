"""A project's index by meaning, through the real host: files are indexed, a plan is written, work is found.

The database has the schema of reference/modules/intersearch.md section 3.2; the plugin's interpreter is a stand-in that
answers the worker's job.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from array import array
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

SCHEMA = """
CREATE TABLE embeddings (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL,
  updated TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO meta VALUES ('model_name', 'm');
"""

INTERPRETER = """#!/bin/sh
read -r job || true
printf '%s\\n' "$job" >> "$HOME/jobs"
printenv > "$HOME/environ"
echo '{"vector": [0.0, 1.0]}'
"""


class Desk:
    """A project with an index, and intersearch."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        python = shell.home / "plugins" / "intersearch" / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(INTERPRETER)
        python.chmod(0o755)
        shell.enable("intersearch")
        shell.environ["INTERHOST_INTERSEARCH_ROOT"] = str(python.parents[2])
        shell.environ["EXA_API_KEY"] = "secret"
        name = hashlib.sha256(str(shell.project).encode()).hexdigest()[:12]
        self.store = shell.home / ".intersearch" / "index" / name / "embeddings.db"
        self.store.parent.mkdir(parents=True)
        with closing(sqlite3.connect(self.store)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(SCHEMA)

    def index(self, **vectors: tuple[float, float]) -> None:
        """Index some documents, a while ago."""
        (self.shell.project / "docs" / "plans").mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.store)) as database:
            for name, vector in vectors.items():
                (self.shell.project / "docs" / f"{name}.md").write_text(name)
                row = (f"docs/{name}.md", "x", "m", array("f", vector).tobytes(), datetime.now(UTC).isoformat())
                database.execute("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?, ?)", row)
            database.commit()
        os.utime(self.store, (time.time() - 30, time.time() - 30))

    def look(self) -> list[dict[str, Any]]:
        """What one more run of the host puts on the bus."""
        before = len(self.shell.run("interbus", "replay").records)
        self.shell.run("interhost", "run", "--drain")
        return list(self.shell.run("interbus", "replay").records[before:])

    def hear(self) -> str:
        """What the next prompt of a session in the project is told."""
        document = {"hook_event_name": "UserPromptSubmit", "session_id": "s1", "cwd": str(self.shell.project)}
        return self.shell.run("interhost", "hook", stdin=json.dumps(document | {"prompt": "x"})).out


@pytest.fixture
def desk(shell: Shell) -> Desk:
    """A host that has looked at the index once."""
    desk = Desk(shell)
    shell.publish("notify", '{"text": "the host knows the project by this"}')
    assert desk.look() == []
    return desk


def test_an_index_is_followed_and_its_loss_is_told(desk: Desk) -> None:
    """What was indexed, once; then that everything is gone."""
    desk.index(auth=(1.0, 0.0), queue=(0.0, 1.0))
    (record,) = desk.look()
    assert (record["intent"], record["payload"]["kind"]) == ("artifact_ready@1.0", "search_index")
    assert record["artifact_path"] == str(desk.store)
    assert record["extensions"]["paths"] == ["docs/auth.md", "docs/queue.md"]
    assert record["context_id"] == "project:widgets"
    assert desk.look() == []
    with closing(sqlite3.connect(desk.store)) as database:
        database.execute("DELETE FROM embeddings")
        database.commit()
    os.utime(desk.store, (time.time() - 20, time.time() - 20))
    (record,) = desk.look()
    assert (record["intent"], record["payload"]["signal"]) == ("drift_detected@1.0", "emptied")
    assert desk.look() == []


def test_what_is_related_is_said_to_the_session(desk: Desk) -> None:
    """Of a plan by the index alone, of work by a model, which gets no keys; nothing is put on the bus for it."""
    desk.index(auth=(1.0, 0.1), queue=(0.0, 1.0), plan=(1.0, 0.0))
    desk.look()
    plan = str(desk.shell.project / "docs" / "plan.md")
    desk.shell.publish("artifact_ready", '{"kind": "plan"}', "--artifact", plan)
    work = '{"action": "plan", "title": "Speed up the queue", "rank": 1}'
    found = desk.shell.publish("discover_work", work)["event_id"]
    assert desk.look() == []
    said = desk.hear()
    assert "Related to docs/plan.md, by meaning: docs/auth.md" in said
    assert "Related to Speed up the queue, by meaning: docs/queue.md" in said
    jobs = (desk.shell.home / "jobs").read_text().splitlines()
    assert [json.loads(job)["embed"] for job in jobs] == ["Speed up the queue"]
    assert "secret" not in (desk.shell.home / "environ").read_text()
    assert "done" in desk.shell.run("interbus", "trace", found).out
