"""A project with an embedding store, and an intersearch whose interpreter is real and whose model is a stand-in.

The database has the schema that reference/modules/intersearch.md section 3.2 pastes, and is written as intersearch
writes it: with a write-ahead log. The stand-in for the library has the classes and methods of that section, and the
traps of section 3.5: another model empties the store, and opening one creates its folder.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import venv
from array import array
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from interhost_hookspecs import Completed, Draft
from interhost_hookspecs.testing import EPOCH, FakeCommand, FakeContext
from interhost_intersearch import adapter

MODEL = "nomic-ai/nomic-embed-text-v1.5"

SCHEMA = """
CREATE TABLE IF NOT EXISTS embeddings (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, model TEXT NOT NULL,
  vector BLOB NOT NULL, updated TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS idx_embeddings_sha256 ON embeddings(sha256);
"""

# A text becomes how often each of four words stands in it; with `trouble.py` in the home, that is done first.
EMBEDDINGS = """
from pathlib import Path

trouble = Path.home() / "trouble.py"
if trouble.exists():
    exec(trouble.read_text())


class EmbeddingClient:
    def __init__(self, model_name="nomic-ai/nomic-embed-text-v1.5"):
        self.model_name = model_name

    def embed(self, text):
        print("Loading weights: 100%")
        return [float(text.lower().count(word)) for word in ("auth", "queue", "undo", "plan")]
"""

STORE = '''
import hashlib, sqlite3
from array import array
from datetime import datetime, timezone
from pathlib import Path

from intersearch.embeddings import EmbeddingClient

SCHEMA = """{schema}"""


class EmbeddingStore:
    def __init__(self, project_root, store_dir=None, model_name="nomic-ai/nomic-embed-text-v1.5"):
        name = hashlib.sha256(str(project_root).encode()).hexdigest()[:12]
        folder = Path(store_dir or Path.home() / ".intersearch" / "index" / name)
        folder.mkdir(parents=True, exist_ok=True)
        self.client = EmbeddingClient(model_name)
        self.database = sqlite3.connect(folder / "embeddings.db")
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.executescript(SCHEMA)
        known = self.database.execute("SELECT value FROM meta WHERE key = 'model_name'").fetchone()
        if known and known[0] != model_name:
            self.database.execute("DELETE FROM embeddings")
        self.database.execute("INSERT OR REPLACE INTO meta VALUES ('model_name', ?)", (model_name,))
        self.database.commit()

    def index_file(self, path, content, sha256):
        if "\\x07" in content:
            raise ValueError("token too long")
        row = (path, sha256, self.client.model_name, array("f", self.client.embed(content)).tobytes())
        now = datetime.now(timezone.utc).isoformat()
        self.database.execute("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?, ?)", (*row, now))
        self.database.commit()
        return True

    def invalidate(self, path):
        changed = self.database.execute("DELETE FROM embeddings WHERE path = ?", (path,)).rowcount
        self.database.commit()
        return changed > 0

    def close(self):
        self.database.close()
'''


class Store:
    """One store, as intersearch would have written it at some time before the fake clock's."""

    def __init__(self, home: Path, spelling: str, model: str = MODEL) -> None:
        name = hashlib.sha256(spelling.encode()).hexdigest()[:12]
        self.path = home / ".intersearch" / "index" / name / "embeddings.db"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.model = model
        self.writes = 0
        self.write("INSERT OR REPLACE INTO meta VALUES ('model_name', ?)", model)

    def put(self, name: str, vector: Sequence[float], *, at: datetime, seen: float = 60.0) -> None:
        """Index a file at a time; the database was last written ``seen`` seconds before the clock."""
        row = (name, hashlib.sha256(name.encode()).hexdigest(), self.model, array("f", vector).tobytes())
        self.write("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?, ?)", *row, at.isoformat())
        self.touch(seen)

    def write(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.path)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(SCHEMA)
            database.execute(sql, values)
            database.commit()
        self.writes += 1
        self.touch(60.0)

    def touch(self, age: float) -> None:
        """Set the time of the last write, a little later with every one."""
        when = EPOCH.timestamp() - age + self.writes / 100
        for name in ("embeddings.db", "embeddings.db-wal"):
            if (self.path.parent / name).exists():
                os.utime(self.path.parent / name, (when, when))

    def rows(self) -> dict[str, tuple[float, ...]]:
        with closing(sqlite3.connect(self.path)) as database:
            found = database.execute("SELECT path, vector FROM embeddings").fetchall()
        return {path: tuple(array("f", data)) for path, data in found}


class Desk:
    """A project, and whatever of intersearch a test installs."""

    def __init__(self, base: Path, plugin: Path) -> None:
        self.home = base
        self.project = base / "a project's $HOME"
        self.project.mkdir()
        self.ctx = FakeContext(base, of=adapter, projects=(self.project,), root=plugin)
        self.ctx.commands[str(plugin / ".venv" / "bin" / "python")] = self.run
        self.jobs: list[FakeCommand] = []

    def store(self, spelling: str | None = None, model: str = MODEL) -> Store:
        return Store(self.home, spelling or str(self.project), model)

    def file(self, name: str, text: str = "text") -> Path:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def trouble(self, script: str) -> None:
        """Let the library begin with this."""
        (self.home / "trouble.py").write_text(script)

    def look(self) -> tuple[Draft, ...]:
        observation = adapter.observe(self.ctx)
        assert observation.advice == ()
        return observation.drafts

    def wait(self, **spans: float) -> None:
        self.ctx.clock += timedelta(**spans)

    def run(self, command: FakeCommand) -> Completed:
        """A real process, as the host runs it; one that was told to sleep has a second."""
        self.jobs.append(command)
        trouble = self.home / "trouble.py"
        is_hanging = trouble.exists() and "sleep" in trouble.read_text()
        try:
            done = subprocess.run(
                command.argv,
                cwd=command.cwd,
                env={"HOME": str(self.home), "PATH": os.defpath, **command.env},
                input=command.stdin,
                capture_output=True,
                text=True,
                timeout=1.0 if is_hanging else command.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Completed(argv=command.argv, returncode=None, problem="python: timed out after 1 s")
        return Completed(argv=command.argv, returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin with the environment that ``uv`` makes for it, in which its library can be imported."""
    root = tmp_path_factory.mktemp("inter search")
    venv.create(root / ".venv", symlinks=True, with_pip=False)
    packages = root / ".venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "intersearch"
    packages.mkdir()
    (packages / "__init__.py").write_text("")
    (packages / "embeddings.py").write_text(EMBEDDINGS)
    (packages / "store.py").write_text(STORE.replace("{schema}", SCHEMA))
    return root


@pytest.fixture
def desk(tmp_path: Path, plugin: Path) -> Desk:
    """A desk whose project has no store yet, looked at once."""
    desk = Desk(tmp_path, plugin)
    assert desk.look() == ()
    return desk
