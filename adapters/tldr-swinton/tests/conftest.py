"""A project that uses tldr-swinton, with files as it writes them, a stand-in for it, and a daemon on a real socket.

Source: reference/modules/tldr-swinton.md sections 2.2 and 2.3, whose outputs the stand-in prints.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from hashlib import md5
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from interhost_hookspecs import Draft, Outcome, Payload
from interhost_hookspecs.testing import EPOCH, FakeContext, Programs, make_hook_event, make_intent
from interhost_tldr_swinton import adapter

SHA = "18e8bd8f200ab9d9a15287ad492ffb9e26551f33"

TLDRS = r"""#!/bin/sh
# Outputs of section 2.3; a test says in $HOME/says/<command> what is printed instead, and in <command>.rc how it ends.
printf '%s|' "$PWD" "$@" >> "$HOME/log"; echo >> "$HOME/log"
[ "$1" = --machine ] && { shift; machine=1; }
name="$1"
[ -e "$HOME/trouble.sh" ] && . "$HOME/trouble.sh"
if [ -e "$HOME/says/$name" ]; then
  cat "$HOME/says/$name"
  exit "$(cat "$HOME/says/$name.rc" 2>/dev/null || echo 0)"
fi
case "$name" in
prebuild)
  sha="$(git -C "$3" rev-parse HEAD)"
  mkdir -p "$3/.tldrs/cache/bundles"; echo '{}' > "$3/.tldrs/cache/bundles/$sha.json"
  echo "Bundle saved: $sha (4 symbols)" ;;
change-impact) cat <<END
{"success": true, "result": {"changed_files": ["src/auth.py"], "changed_functions": ["hash_pw", "login"],
  "affected_tests": [], "affected_count": 0, "skipped_count": 1, "total_tests": 1, "test_command": ["pytest"],
  "source": "git:$4"}}
END
;;
diagnostics) cat <<END
{"success": true, "result": {"file": "$2", "language": "python", "tools": ["ruff"], "diagnostics": [
  {"file": "$2", "line": 2, "column": 3, "severity": "warning", "message": "Undefined name", "rule": "F821",
   "source": "ruff"}], "error_count": 0, "warning_count": 1}}
END
;;
diff-context) cat <<END
{"base": "bd48da2", "head": "HEAD", "budget_used": 48, "slices": [
  {"id": "src/auth.py:login", "relevance": "contains_diff", "signature": "def login(user: str) -> bool",
   "code": "secret()", "lines": [7, 10], "diff_lines": [[9, 10]]}]}
END
;;
wb) echo "recorded as dec-9568b4" ;;
daemon)
  sleep 30 &
  echo "$!" > "$HOME/daemon.pid"; echo started ;;
*) echo '{"error": true, "code": "TLDRS_ERR_INTERNAL", "message": "what?", "details": {}}'; exit 1 ;;
esac
echo 'tip: try tldrs manifest' >&2
"""


class Desk:
    """One home, one project whose name needs quoting, and what the adapter tells of them."""

    def __init__(self, home: Path, sockets: Path) -> None:
        self.home, self.sockets = home, sockets
        self.project = home / "a project's $HOME"
        (self.project / ".tldrs").mkdir(parents=True)
        self.programs = Programs(home)
        self.programs.install("tldrs", TLDRS)
        self.ctx = FakeContext(home, of=adapter, projects=(self.project,))
        self.ctx.commands = self.programs.named("tldrs", "git", "sh")
        self.set()

    def set(self, **settings: object) -> None:
        """Say something in ``config.toml``."""
        self.ctx.config = {"temporary_dir": str(self.sockets), **settings}

    def write(self, name: str, content: object, *, root: Path | None = None) -> Path:
        """Write a file of the project."""
        path = (root or self.project) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def say(self, command: str, output: object, *, rc: int = 0) -> None:
        """Let the stand-in print something else."""
        self.write(f"says/{command}", output, root=self.home)
        self.write(f"says/{command}.rc", str(rc), root=self.home)

    def ask(self, name: str, *scripts: str) -> None:
        """Run SQL in a database of the project."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.executescript(";".join(scripts))
        self.wait(minutes=1)

    def look(self, *names: str) -> list[Draft]:
        """What a look tells, while these files have changed since the last one."""
        self.ctx.changed_files = [self.project / name if not name.startswith("/") else Path(name) for name in names]
        return list(adapter.observe(self.ctx).drafts)

    def tell(self, payload: Payload, artifact: Path | None = None, **parts: Any) -> Outcome | None:
        """What the adapter makes of an intent about the project."""
        parts = {"project_dir": self.project, "producer": "interphase", **parts}
        intent = make_intent(payload, artifact_path=artifact, **parts)
        outcome: Outcome | None = getattr(adapter, f"on_{intent.name}")(intent=intent, ctx=self.ctx)
        return outcome

    def see(self, tool: str, **raw: Any) -> list[Draft]:
        """What a session's use of a tool tells."""
        event = make_hook_event("PostToolUse", tool_name=tool, **{"cwd": str(self.project), **raw})
        return list(adapter.observe_hook(event, self.ctx).drafts)

    @property
    def calls(self) -> list[list[str]]:
        """Calls of ``tldrs`` since it was last asked: working directory and words."""
        log = self.home / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.split("|")[:-1] for line in lines]

    def git(self, *words: str) -> str:
        """Run git in the project."""
        environ = {"HOME": str(self.home), "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"}
        who = {f"GIT_{role}_{part}": "a@b" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *words], cwd=self.project, env=environ | who, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, **files: str) -> str:
        """Commit Python files of these names."""
        if not (self.project / ".git").exists():
            self.git("init", "-q", "-b", "main")
        for name, text in files.items():
            self.write(f"src/{name}.py", text)
        self.git("add", "src")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD")

    @property
    def socket(self) -> Path:
        """Where the project's daemon listens."""
        return (
            self.sockets
            / f"tldr-{md5(os.path.realpath(self.project).encode(), usedforsecurity=False).hexdigest()[:8]}.sock"
        )

    @contextmanager
    def daemon(self, reply: Mapping[str, object] | bytes | None) -> Iterator[list[Any]]:
        """A daemon that answers every question alike, or never; the questions are in the list."""
        questions: list[Any] = []
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self.socket))
        listener.listen()

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    if not (line := connection.makefile("rb").readline()):
                        return
                    questions.append(json.loads(line))
                    if reply is None:
                        connection.makefile("rb").read()
                    else:
                        with suppress(BrokenPipeError, ConnectionResetError):
                            connection.sendall(
                                reply if isinstance(reply, bytes) else json.dumps(reply).encode() + b"\n"
                            )

        thread = Thread(target=serve)
        thread.start()
        try:
            yield questions
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
                last.connect(str(self.socket))
            thread.join()
            listener.close()
            self.socket.unlink()

    def wait(self, **spans: float) -> None:
        """Move the clock."""
        self.ctx.clock += timedelta(**spans)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A project that has been looked at once, silently; sockets need a short path."""
    with tempfile.TemporaryDirectory() as sockets:
        desk = Desk(tmp_path, Path(sockets))
        assert desk.look() == []
        assert desk.ctx.ran == []
        yield desk


@pytest.fixture
def now() -> float:
    """The clock's beginning, as files have it."""
    return EPOCH.timestamp()
