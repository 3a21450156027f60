"""A machine with every module, for one sprint: stand-ins that are programs, a service, a repository, real commands.

Every program on the PATH of the adapters is reached through a small wrapper that keeps each call with its answer, so
that a delivery can be rehearsed afterwards without anything happening twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from interhost.bus.bus import Bus
from interhost.claude.worker import WORKER_LOCK
from tests.sprint_programs import ALWAYS, FILES, MODULES, PLUGIN, SLACKCLI, TLDRS, WRAPPER
from tests.submission_kit import Rule, World, says

ROOT = Path(__file__).parents[1]
ADA, BOB = "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11", "9b2d44f0-1c56-4a7e-9d0e-2f6a4c7b8e22"
"""Two sessions of Claude Code; the first does the work."""

_WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
_INDEX = """
CREATE TABLE embeddings (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL,
  updated TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO meta VALUES ('model_name', 'm');
"""


class Call(NamedTuple):
    """A call of a program, and its answer."""

    argv: tuple[str, ...]
    out: str
    err: str
    code: int


class Machine:
    """The home, the repository, the stand-ins; and what is typed.

    Args:
        base: An empty directory.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.home = base / "home"
        self.home.mkdir(parents=True)
        self.world = World(self.home, PLUGIN)
        self.world.database.unlink()  # it says that there is a kernel; interpub reads it, and wants a real one
        self.project = self.world.project
        self.root = self.home / ".interbus"
        self.tmp, self.calls, self._bin = base / "module-tmp", base / "calls", base / "bin"
        for folder in (self.tmp, self.calls, self._bin, base / "signals", base / "tmp"):
            folder.mkdir()
        self.environ = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": f"{self._bin}:{os.defpath}",
            "TMPDIR": str(base / "tmp"),
            "TZ": "UTC",
            **{f"GIT_{role}_{what}": who for role in ("AUTHOR", "COMMITTER") for what, who in _PEOPLE},
        }
        self._install_plugins()
        self._wrap_programs()
        self._start_service()
        self._make_project()
        self._configure()

    # The stage --------------------------------------------------------------------------------------------------------

    def plugin(self, name: str) -> Path:
        """Where a plugin is."""
        return self.home / ".claude" / "plugins" / "cache" / "market" / name / MODULES[name]

    def _install_plugins(self) -> None:
        record: dict[str, Any] = {"version": 2, "plugins": {}}
        for name, version in MODULES.items():
            manifest = self.plugin(name) / ".claude-plugin" / "plugin.json"
            manifest.parent.mkdir(parents=True)
            manifest.write_text(json.dumps({"name": name, "version": version}))
            entry = {"scope": "user", "installPath": str(self.plugin(name)), "version": version}
            record["plugins"][f"{name}@market"] = [entry]
        (self.home / ".claude" / "plugins" / "installed_plugins.json").write_text(json.dumps(record))
        for name, text in FILES.items():
            module, _, rest = name.partition("/")
            path = self.plugin(module) / rest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)

    def _wrap_programs(self) -> None:
        """Every program that an adapter may call: a stand-in, or the real one; none that this machine happens to have.

        The interpreter of intersearch is called by its path.
        """
        for name, text in {"slackcli": SLACKCLI, "tldrs": TLDRS, "jq": "#!/bin/sh\necho jq-1.7\n"}.items():
            (self.world.base / name).write_text(text)
            (self.world.base / name).chmod(0o755)
            self._wrap(name, self.world.base / name)
        for name in ("bd", "ic", "clavain-cli"):
            self._wrap(name, self.world.bin / name)
        for name in ("git", "bash"):
            if program := shutil.which(name):
                self._wrap(name, Path(program))
        self._wrap("python3", Path(sys.executable))
        worker = self.plugin("intersearch") / ".venv" / "bin" / "python"
        real = worker.rename(worker.with_name("python-real"))
        self._wrap(str(worker), real, worker)

    def _wrap(self, name: str, program: Path, path: Path | None = None) -> None:
        path = path or self._bin / name
        calls, called = shlex.quote(str(self.calls)), shlex.quote(str(program))
        path.write_text(WRAPPER.format(calls=calls, name=shlex.quote(name), program=called))
        path.chmod(0o755)

    def _start_service(self) -> None:
        """Two of intermute: one for the sprint, and one for its rehearsal."""
        stand_in = ROOT / "adapters" / "interlock" / "tests" / "intermute.py"
        self._services = []
        self.addresses: list[str] = []
        for name in ("service", "rehearsal"):
            folder = self.base / name
            folder.mkdir()
            self._services.append(subprocess.Popen([sys.executable, stand_in, folder], stdin=subprocess.DEVNULL))
            self.until((folder / "address").exists)
            self.addresses.append((folder / "address").read_text())

    def _make_project(self) -> None:
        """A plugin with documents, pushed, and watched by everybody who watches projects."""
        (self.project / ".git").rmdir()
        for name, text in {
            ".claude-plugin/plugin.json": json.dumps({"name": PLUGIN, "version": "0.1.0"}),
            ".gitignore": ".clavain/\n.interwatch/\n.beads/\n.tldrs/\ndocs/\n",
            "AGENTS.md": "See src/old.py.\n",
            "src/old.py": "def export():\n    return 1\n",
            "docs/roadmap.md": "# Roadmap\n",
            "docs/mesh-notes.md": "# Notes on meshes\n",
        }.items():
            self.write(name, text)
        remote = self.base / "remote.git"
        self.git("init", "-q", "--bare", "-b", "main", str(remote))
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", str(remote))
        self.commit("chore: bump version to 0.1.0")
        self.scan("Low", 1)
        (self.project / ".beads").mkdir()
        (self.project / ".tldrs").mkdir()
        (self.home / ".claude" / "tool-time").mkdir()
        (self.home / ".claude" / "tool-time" / "events.jsonl").touch()
        self.telemetry()
        (self.home / ".claude" / "statusline.sh").write_text("#!/bin/sh\n")
        self.canary("0.1.0", "passed")
        self.index("docs/roadmap.md")
        self.answer()

    def _configure(self) -> None:
        self.root.mkdir(mode=0o700)
        (self.root / "config.toml").write_text(self.config(self.addresses[0]))

    def config(self, address: str) -> str:
        """The user's configuration: where the modules leave their files, and what is turned on."""
        where = {one: f"temporary_dir = {json.dumps(str(self.tmp))}" for one in ("clavain", "intercheck", "interphase")}
        tables = {
            **where,
            "interform": "lint = true",
            "interlock": f"{where['clavain']}\nsignal_dir = {json.dumps(str(self.base / 'signals'))}\n"
            f"url = {json.dumps(address)}\npoll_seconds = 0",
            "interslack": 'send = true\nworkspace = "acme"\nrecipient = "C0AAAAAAA"\nmin_severity = "info"',
        }
        return "".join(f"[adapters.{name}]\n{text}\n\n" for name, text in tables.items())

    # What modules and people do ---------------------------------------------------------------------------------------

    def write(self, name: str, text: str, *, age: float = 10.0) -> Path:
        """A file of the project, left alone for a while."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def git(self, *words: str) -> None:
        """Somebody's git, past the wrapper."""
        subprocess.run(["/usr/bin/env", "git", *_WHO, *words], cwd=self.project, check=True, capture_output=True)

    def commit(self, message: str) -> None:
        """Commit everything, and push it."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        self.git("push", "-q", "-u", "origin", "main")

    def telemetry(self, *lines: Mapping[str, object]) -> None:
        """Lines of interphase (interphase.md section 1.3)."""
        path = self.home / ".clavain" / "telemetry.jsonl"
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.writelines(json.dumps({**line, "timestamp": _now()}) + "\n" for line in lines)

    def answer(self, *events: Mapping[str, object], rules: tuple[Rule, ...] = ()) -> None:
        """The kernel was written to; it prints these events once (cli-contracts.md section 1.9)."""
        lines = "".join(json.dumps(one) + "\n" for one in events)
        tail = says("ic", "events tail --all *", times=1, out=lines), says("ic", "events tail --all *")
        self.world.answer(*rules, *tail, *ALWAYS)
        with closing(sqlite3.connect(self.world.database)) as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS publish_state (id, plugin, from_ver, to_ver, phase, started_at, updated_at)"
            )
            database.execute("CREATE TABLE IF NOT EXISTS written (at)")
            database.execute("INSERT INTO written VALUES (?)", (time.time_ns(),))
            database.commit()

    def scan(self, tier: str, score: int) -> None:
        """Interwatch's saved scan, and what a scan would find now (interwatch.md section 4.3)."""
        signals = {"bead_closed": {"count": score // 3, "weight": 3, "score": score}} if score > 1 else {}
        record = {"path": "docs/roadmap.md", "exists": True, "score": score, "confidence": tier, "stale": False}
        date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        report = json.dumps({"scan_date": date, "watchables": {"roadmap": {**record, "signals": signals}}})
        self.write(".interwatch/drift.json", report)
        self.write(".interwatch/world.json", report)

    def bundle(self) -> None:
        """tldr-swinton has made the bundle of the commit (tldr-swinton.md section 2.2)."""
        git = ["git", "rev-parse", "HEAD"]
        commit = subprocess.run(git, cwd=self.project, check=True, capture_output=True, text=True).stdout.strip()
        bundle = {"commit_sha": commit, "created_at": time.time(), "metadata": {"file_count": 3, "token_count": 120}}
        self.write(f".tldrs/cache/bundles/{commit}.json", json.dumps({**bundle, "structure": []}))

    def canary(self, version: str, status: str) -> None:
        """The canary of a release (interpub.md section 5.3)."""
        record = {"plugin": PLUGIN, "marketplace": "market", "prior_version": "0.0.9", "version": version}
        path = self.home / ".clavain" / "release-canaries.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps([{**record, "published_at": int(time.time()), "status": status}]))

    def index(self, *names: str) -> None:
        """Intersearch indexes some files (intersearch.md section 3.2)."""
        key = hashlib.sha256(str(self.project).encode()).hexdigest()[:12]
        store = self.home / ".intersearch" / "index" / key / "embeddings.db"
        is_new = not store.exists()
        store.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(store)) as database:
            if is_new:
                database.execute("PRAGMA journal_mode=WAL")
                database.executescript(_INDEX)
            for name in names:
                row = (name, "x", "m", array("f", (0.1, 1.0)).tobytes(), datetime.now(UTC).isoformat())
                database.execute("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?, ?)", row)
            database.commit()
        os.utime(store, (time.time() - 30, time.time() - 30))

    def sideband(self, namespace: str, channel: str, kind: str, payload: Mapping[str, object]) -> None:
        """A sideband file of the session, as its writer leaves it."""
        path = self.home / ".interband" / namespace / channel / f"{ADA}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        envelope = {"version": "1.0.0", "namespace": namespace, "type": kind, "session_id": ADA}
        path.write_text(json.dumps({**envelope, "timestamp": _now(), "payload": payload}))

    def join(self, name: str, session: str) -> tuple[str, ...]:
        """An agent of interlock: its ids at the two services (interlock.md section 4.3)."""
        ids = [one["agent_id"] for one in self.ask("POST", "/api/agents", {"name": name, "project": PLUGIN})]
        joined = {"agent_id": ids[0], "name": name, "session_id": session, "project": PLUGIN}
        (self.tmp / f"interlock-agent-{session}.json").write_text(json.dumps(joined))
        return tuple(ids)

    def reserve(self, agent: tuple[str, ...], pattern: str, reason: str) -> None:
        """It reserves a file."""
        body = {"project": PLUGIN, "path_pattern": pattern, "exclusive": True, "reason": reason}
        self.ask("POST", "/api/reservations", *({**body, "agent_id": one} for one in agent))

    def ask(self, method: str, path: str, *bodies: Mapping[str, object]) -> list[Any]:
        """What the two services answer."""
        answers = []
        for number, address in enumerate(self.addresses):
            with closing(http.client.HTTPConnection(address.removeprefix("http://"), timeout=10)) as connection:
                connection.request(method, path, json.dumps(bodies[number % len(bodies)]) if bodies else None)
                answers.append(json.loads(connection.getresponse().read()))
        return answers

    # What is typed ----------------------------------------------------------------------------------------------------

    def type(self, command: str, *, code: int = 0) -> str:
        """A command line in the project, and what a terminal shows of it."""
        words = shlex.split(command.partition("<")[0])
        source = command.partition("<")[2].strip()
        program = str(Path(sys.executable).with_name(words[0]))
        done = subprocess.run(
            [program, *words[1:]],
            input=(self.home / source.removeprefix("~/")).read_bytes() if source else b"",
            capture_output=True,
            env=self.environ,
            cwd=self.project,
            timeout=60,
            check=False,
        )
        said = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == code, f"{command} ended with {done.returncode}: {said}"
        return said.replace(str(self.home), "~")

    def save_event(self, name: str, event: str, *, session: str = ADA, **fields: object) -> str:
        """A hook event in a file, as Claude Code would send it; the command that hands it over."""
        transcript = self.home / ".claude" / "projects" / PLUGIN / f"{session}.jsonl"
        transcript.parent.mkdir(parents=True, exist_ok=True)
        common = {"session_id": session, "transcript_path": str(transcript), "cwd": str(self.project)}
        (self.home / f"{name}.json").write_text(json.dumps({**common, "hook_event_name": event, **fields}))
        return f"interhost hook < ~/{name}.json"

    @contextmanager
    def no_worker(self) -> Iterator[None]:
        """A hook's worker finds another one at work; deliveries are made when the sprint says so."""
        with (self.root / WORKER_LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def list_calls(self) -> list[Call]:
        """Every call of a program so far, in order."""
        return [_read_call(path) for path in sorted(self.calls.iterdir()) if (path / "code").exists()]

    def bus(self) -> Bus:
        """The bus, opened."""
        return Bus(self.root)

    def until(self, check: Callable[[], object], seconds: float = 30.0) -> None:
        """Look again and again until something holds."""
        end = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < end, f"did not happen within {seconds} s"
            time.sleep(0.02)

    def close(self) -> None:
        """End the services."""
        for process in self._services:
            process.kill()
            process.wait()


_PEOPLE = (("NAME", "Ada"), ("EMAIL", "ada@example.org"))


def _read_call(path: Path) -> Call:
    argv = (path / "argv").read_bytes().decode().split("\0")[:-1]
    out, err = ((path / name).read_text(errors="replace") for name in ("out", "err"))
    return Call(tuple(argv), out, err, int((path / "code").read_text()))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
