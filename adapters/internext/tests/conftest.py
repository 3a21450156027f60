"""A project with a tracker, and programs that are real ones.

``bd`` prints what reference/cli-contracts.md sections 4.1 and 4.6 show, from ``.beads/<command>.json``, and
``top-skills.py`` what reference/modules/internext.md section 7.2 pastes. ``.beads/trouble`` says what goes wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from interhost_hookspecs.testing import FakeContext, Programs
from interhost_internext import adapter

BD = r"""#!/bin/sh
[ "$1" = --version ] && { echo "bd version 1.0.5"; exit 0; }
[ "$1" = --json ] && shift
if [ ! -d .beads ]; then
  printf 'Error: no beads database found\nHint: run bd where\n' >&2; exit 1
fi
echo "$*" >> .beads/log
trouble=$(cat .beads/trouble 2>/dev/null)
case "$trouble" in
  hangs*) case "$trouble" in *"$1"*) sleep 30;; esac ;;
  locked) echo "Error: database is locked" >&2; exit 1 ;;
  silent) exit 0 ;;
esac
cat ".beads/$1.json"
"""

SKILLS = """import json, sys
from pathlib import Path

assert sys.argv[1:] == ["--n", "5", "--days", "30", "--json"], sys.argv
if Path(".no-audit-log").exists():
    print(json.dumps({"error": "no audit log at ~/.claude/audit.log", "project_type": "generic"}))
    sys.exit(1)
print(json.dumps({"project_type": "generic", "window_days": 30,
    "skills": [{"name": "clavain:work", "score": 4.0}, {"name": "clavain:sprint", "score": 2.0}]}))
"""


class Desk:
    """A project, its tracker, and the context of deliveries about it."""

    def __init__(self, base: Path) -> None:
        self.project = base / "wid gets"
        self.beads = self.project / ".beads"
        self.beads.mkdir(parents=True)
        self.root = base / "module"
        (self.root / "scripts").mkdir(parents=True)
        (self.root / "scripts" / "top-skills.py").write_text(SKILLS)
        self.patience = 20.0
        programs = Programs(base, limit=lambda command: self.patience)
        self.program = programs.install("bd", BD)
        self.ctx = FakeContext(base, of=adapter, root=self.root, projects=(self.project,))
        self.ctx.commands = programs.named("bd", "python3")
        self.track()

    def track(self, ready: Sequence[Mapping[str, object]] = (), begun: Sequence[Mapping[str, object]] = ()) -> None:
        """What is ready, and what is in progress."""
        self.say("ready.json", json.dumps(ready, indent=2))
        self.say("list.json", json.dumps(begun, indent=2))

    def say(self, name: str, text: str) -> None:
        """Let a file of the tracker have a text."""
        (self.beads / name).write_text(text)

    def asked(self) -> list[str]:
        """What ``bd`` was asked."""
        log = self.beads / "log"
        return log.read_text().splitlines() if log.exists() else []

    def told(self, intent: str) -> list[object]:
        """Payloads of one intent that were told."""
        return [
            one.payload
            for one in self.ctx.drafts
            if str(one.intent or getattr(one.payload, "INTENT", "")).startswith(f"{intent}@")
        ]

    @property
    def ranking(self) -> Mapping[str, object]:
        """The only fact about a ranking."""
        (payload,) = self.told("internext.ranked")
        assert isinstance(payload, Mapping)
        return payload


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk whose tracker is empty."""
    return Desk(tmp_path)
