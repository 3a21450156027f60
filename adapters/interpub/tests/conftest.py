"""A plugin in a real repository with a real remote, and a stand-in for ``ic``, which is a real program.

It answers with what reference/modules/interpub.md, sections 5.2 and 5.3, pastes.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import Completed, Draft, ReleaseStatus
from interhost_hookspecs.testing import FakeCommand, FakeContext, make_hook_event
from interhost_interpub import adapter

# What it answers lies in ~/ic.json: a word per command, or the text of doctor.
IC = r"""#!/usr/bin/env -S python3 -IS
import json, os, pathlib, sys, time

home, words = pathlib.Path.home(), sys.argv[1:]
with (home / "ic-calls").open("a") as log:
    log.write(json.dumps({"words": words, "cwd": os.getcwd(), "env": dict(os.environ)}) + "\n")
state = json.loads((home / "ic.json").read_text())
if words == ["version"]:
    sys.exit(print("ic 0.3.4\nschema 31\nbuilt with go1.22"))
assert words[0] == "publish", words
if words[1:] == ["doctor", "--json"]:
    print(state["doctor"])
    sys.exit(state.get("doctor_rc", 0))
root = pathlib.Path(next(word.partition("=")[2] for word in words if word.startswith("--cwd=")))
plugin = json.loads((root / ".claude-plugin" / "plugin.json").read_text())
name, now = plugin["name"], plugin["version"]
given = next((word for word in words[1:] if not word.startswith("--")), None)
major, minor, patch = now.split(".")
after = given or (f"{major}.{int(minor) + 1}.0" if "--minor" in words else f"{major}.{minor}.{int(patch) + 1}")

def fail(text, code=2):
    print(f'time=2026-11-20T12:00:00Z level=ERROR msg="publish failed" plugin={name} error="{text}"', file=sys.stderr)
    sys.exit(code)

mode = state["auto" if "--auto" in words else "dry"]
failures = {
    "stale": "release artifacts are stale: skills/x.md", "market": "Marketplace not found", "no plugin":
    "not a plugin directory", "approval": "agent-mutated plugin requires human approval", "disk": "no space left",
}
if mode == "hangs":
    time.sleep(30)
if mode == "usage":
    print("Usage: ic publish [version]", file=sys.stderr)
    sys.exit(3)
if mode == "already":
    sys.exit(print(f"{name} is already at {now}"))
if mode == "silent":
    sys.exit(2)
if mode in failures:
    fail(failures[mode])
print(f"Publishing {name}: {now} → {after}")
print(f"  Plugin root:  {root}")
print(f"  Marketplace:  {state['marketplace']}")
print("  Version files: plugin.json, pyproject.toml")
if "--dry-run" in words:
    sys.exit(print("Dry run — no changes made."))
print(f"  Release canary registered: {name} v{after} (prior v{now})")
print("  Post-release probe passed")
print(f"  Published {name} v{after}")
"""


class Machine:
    """A user's home with a plugin, its marketplace, and what publishing leaves."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.plugin = home / "a plugin's $HOME"
        self.marketplace = home / "core" / "marketplace"
        self.environ = {
            "HOME": str(home),
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _ADA.items()},
        }
        (home / "bin").mkdir(parents=True, exist_ok=True)
        (home / "bin" / "ic").write_text(IC)
        (home / "bin" / "ic").chmod(0o755)
        self.answer(dry="ok", auto="ok", doctor="null", marketplace=str(self.marketplace))
        self.ctx = FakeContext(
            home,
            of=adapter,
            projects=(self.plugin,),
            commands=dict.fromkeys(("git", "ic"), self._run),
        )

    def answer(self, **changes: object) -> None:
        """What ``ic`` answers from now on."""
        path = self.home / "ic.json"
        path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **changes}))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every call of ``ic``: words, folder and environment."""
        log = self.home / "ic-calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def git(self, *words: str, folder: Path | None = None) -> str:
        """Git, as the user would run it."""
        done = subprocess.run(
            ["git", *words],
            cwd=folder or self.plugin,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    def make_repository(self, folder: Path) -> None:
        """A repository whose main branch is pushed; it may be copied together with its remote."""
        folder.mkdir(parents=True, exist_ok=True)
        bare = os.path.relpath(self.home / "remotes" / f"{folder.name}.git", folder)
        self.git("init", "-q", "--template=", "--bare", "-b", "main", bare, folder=folder)
        self.git("init", "-q", "--template=", "-b", "main", folder=folder)
        self.git("remote", "add", "origin", bare, folder=folder)
        self.write(folder / "README.md", "# It\n")
        self.commit("Begin", folder=folder)
        self.git("push", "-q", "-u", "origin", "main", folder=folder)

    def commit(self, subject: str, folder: Path | None = None) -> None:
        """A commit of everything."""
        self.git("add", "-A", folder=folder)
        self.git("commit", "-q", "--allow-empty", "-m", subject, folder=folder)

    def write(self, path: Path, content: object) -> Path:
        """A file, as text or as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def state_version(self, version: str = "0.1.0", name: str = "demo") -> None:
        """The manifest of the plugin."""
        self.write(self.plugin / ".claude-plugin" / "plugin.json", {"name": name, "version": version})

    def canary(self, *records: object) -> Path:
        """The file of the canaries."""
        return self.write(self.home / ".clavain" / "release-canaries.json", list(records))

    def installed(self, **versions: str) -> Path:
        """Claude Code's record of what is installed; ``__`` stands for ``@``."""
        rows = {
            name.replace("__", "@"): [
                {
                    "scope": "user",
                    "installPath": f"/cache/{name}/{version}",
                    "version": version,
                    "installedAt": "2026-11-20T09:00:00.000Z",
                    "lastUpdated": "2026-11-20T10:00:00.000Z",
                    "gitCommitSha": "f035",
                }
            ]
            for name, version in versions.items()
        }
        path = self.home / ".claude" / "plugins" / "installed_plugins.json"
        return self.write(path, {"version": 2, "plugins": rows})

    def look(self) -> list[Draft]:
        """What a look tells."""
        return list(adapter.observe(self.ctx).drafts)

    def begin(self) -> None:
        """The first look: what is there is history."""
        self.ctx.changed_files = []
        assert self.look() == []
        self.ctx.changed_files = None

    def shell(self, command: str, event: str = "PostToolUse", **changes: object) -> list[Draft]:
        """What the adapter tells of a shell command in a session."""
        given = {"tool_input": {"command": command}, "cwd": str(self.plugin), **changes}
        return list(adapter.observe_hook(make_hook_event(event, **given), self.ctx).drafts)

    def _run(self, command: FakeCommand) -> Completed:
        """Run for real, with what the host would let through; what hangs is ended soon."""
        inherited = {
            key: value for key, value in os.environ.items() if not any(fnmatchcase(key, one) for one in command.drop)
        }
        try:
            done = subprocess.run(
                command.argv,
                cwd=command.cwd or self.home,
                env={**inherited, **self.environ, **command.env},
                capture_output=True,
                text=True,
                timeout=2.0 if '"hangs"' in (self.home / "ic.json").read_text() else command.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Completed(argv=command.argv, returncode=None, problem=f"timed out after {command.timeout:g} s")
        except OSError as error:
            return Completed(argv=command.argv, returncode=None, problem=str(error))
        return Completed(argv=command.argv, returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


_ADA = {"NAME": "Ada", "EMAIL": "ada@example.org"}


def record(version: object = "0.1.1", status: str = "pending", **changes: object) -> dict[str, object]:
    """One canary, in the shape that ``ic publish`` and Clavain's check leave."""
    return {
        "plugin": "demo",
        "marketplace": "interagency-marketplace",
        "version": version,
        "prior_version": "0.1.0",
        "published_at": 1795171203,
        "status": status,
        **changes,
    }


def statuses(drafts: list[Draft]) -> list[tuple[str, str | None, str | None, str]]:
    """State, its word, version and severity of each fact about a release."""
    payloads = [(one.payload, one.severity) for one in drafts]
    return [
        (str(one.state), one.stated_state, one.version, str(severity))
        for one, severity in payloads
        if isinstance(one, ReleaseStatus)
    ]


_ROW: Mapping[str, object] = {
    "id": "p1",
    "plugin": "demo",
    "from_ver": "0.1.0",
    "to_ver": "0.1.1",
    "phase": "commit_plugin",
    "started_at": 1795171200,
    "updated_at": 1795171203,
}


def make_kernel(folder: Path, rows: Sequence[Mapping[str, object]], *, wal: bool = False) -> sqlite3.Connection:
    """The kernel's database with its table of publishes; the caller closes it."""
    path = folder / ".clavain" / "intercore.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    if wal:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS publish_state (id TEXT PRIMARY KEY, plugin TEXT, from_ver TEXT, to_ver TEXT,"
        " phase TEXT, root TEXT, market TEXT, started_at INTEGER, updated_at INTEGER, error TEXT)"
    )
    set_rows(connection, rows)
    return connection


def set_rows(connection: sqlite3.Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Exactly these publishes."""
    with connection:
        connection.execute("DELETE FROM publish_state")
        for row in rows:
            whole = {**_ROW, **row}
            marks = ", ".join("?" * len(whole))
            connection.execute(f"INSERT INTO publish_state ({', '.join(whole)}) VALUES ({marks})", [*whole.values()])  # noqa: S608


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a plugin that nobody has released yet; no repository."""
    machine = Machine(tmp_path / "home")
    machine.state_version()
    (machine.plugin / ".git").mkdir()
    return machine


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a plugin and a marketplace, clean and pushed, to be copied."""
    machine = Machine(tmp_path_factory.mktemp("interpub") / "home")
    machine.state_version()
    machine.write(machine.plugin / "pyproject.toml", '[project]\nversion = "0.1.0"\n')
    machine.make_repository(machine.plugin)
    machine.make_repository(machine.marketplace)
    return machine.home


@pytest.fixture
def workshop(tmp_path: Path, repositories: Path) -> Machine:
    """A machine whose plugin and marketplace are real repositories, clean and pushed."""
    shutil.copytree(repositories, tmp_path / "home")
    return Machine(tmp_path / "home")
