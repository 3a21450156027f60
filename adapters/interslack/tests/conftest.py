"""A desk with a ``slackcli`` that is a real program: it prints what reference/modules/interslack.md section 6.2 shows.

What it was given lies in ``calls`` beside it, one JSON list per call; ``version`` and ``trouble`` say how it behaves.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from interhost_hookspecs.testing import FakeContext, Programs
from interhost_interslack import adapter

SLACKCLI = """#!{python}
import json, os, sys, time
from pathlib import Path

base, words = Path(sys.argv[0]).parent, sys.argv[1:]
version = (base / "version").read_text()
trouble = (base / "trouble").read_text() if (base / "trouble").exists() else ""
if words == ["--version"]:
    print(version)
    sys.exit(0)
if words == ["auth", "list"]:
    print("acme (T0123ABCD) xoxc-12345-live")
    sys.exit(0)
given = dict(word[2:].split("=", 1) if "=" in word else (word[2:], True) for word in words[2:])
path = given.get("message-file")
text = Path(path).read_text("utf-8") if path else given["message"]
mode = oct(os.stat(path).st_mode & 0o777) if path else None
with (base / "calls").open("a") as calls:
    calls.write(json.dumps([words, text, mode]) + "\\n")
if trouble == "hangs":
    time.sleep(30)
if trouble == "dies":
    os.kill(os.getpid(), 9)
if trouble:
    print("\\u274c Error: " + trouble, file=sys.stderr)
    sys.exit(1)
if given.get("json"):
    print(json.dumps({{"channel_id": given["recipient-id"], "ts": "1769756026.624319", "permalink": "https://acme.slack.com/p1"}}))
else:
    print("update available: 0.13.0")  # 0.1.1 warns on standard output
    print("\\u2705 Message timestamp: 1769756026.624319")
"""

READY = {"send": True, "workspace": "acme", "recipient": "C0AAAAAAA", "min_severity": "info"}


class Desk:
    """The context of deliveries, and what ``slackcli`` was given."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.patience = 20.0
        self.bin = base / "bin"
        programs = Programs(base, limit=lambda command: self.patience)
        self.program = programs.install("slackcli", SLACKCLI.format(python=sys.executable))
        self.say("version", "0.1.1")
        (base / "module").mkdir()
        (base / "tmp").mkdir()
        self.ctx = FakeContext(base, of=adapter, root=base / "module", config=dict(READY))
        self.ctx.commands = programs.named("slackcli")

    def say(self, name: str, text: str) -> None:
        """How the program behaves from now on."""
        (self.bin / name).write_text(text)

    def set(self, **settings: object) -> None:
        """Change settings; ``None`` takes one away."""
        known = {**self.ctx.config, **settings}
        self.ctx.config = {key: value for key, value in known.items() if value is not None}

    @property
    def calls(self) -> list[tuple[list[str], str, str | None]]:
        """Arguments, text and mode of the text's file, of every message that was handed over."""
        path = self.bin / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(words, text, mode) for words, text, mode in map(json.loads, lines)]

    @property
    def facts(self) -> list[dict[str, object]]:
        """What was told, with its severity."""
        told = ((one.payload, one.severity) for one in self.ctx.drafts)
        return [{**payload, "severity": str(severity)} for payload, severity in told if isinstance(payload, Mapping)]

    @property
    def draft(self) -> str:
        """The Markdown of the only request."""
        ((kind, text, _),) = self.ctx.requests
        assert kind == "message"
        return text

    @property
    def left_behind(self) -> list[str]:
        """Temporary files that are still there."""
        return os.listdir(self.base / "tmp")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk where sending is on and set up."""
    desk = Desk(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return desk
