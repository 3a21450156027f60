"""A session on a machine with intercheck, and a stand-in for intercheck's hook that is a real program.

What the stand-in does, and what it is silent about, is in reference/modules/intercheck.md: sections 2.2 and 2.3 (E1,
E2 and the noise), with the file name pasted into the source of its Python checkers as section 0, point 5 of the shared
ground shows it; what it leaves behind is in section 2.4.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interhost_hookspecs import Draft, HealthSignal, HookEvent, Observation
from interhost_hookspecs.testing import EPOCH, FakeContext, Programs, make_hook_event
from interhost_intercheck import adapter

SESSION = "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11"

CHECK = r"""#!/usr/bin/env bash
trap 'exit 0' ERR
source "$CLAUDE_PLUGIN_ROOT/lib/intercheck-lib.sh"
[[ -e "$CLAUDE_PLUGIN_ROOT/hangs" ]] && sleep 30
FP="$(file_path)"
[[ -n "$FP" && -f "$FP" ]] || exit 0
said=""
case "$FP" in
*.py) said="$(python3 -m py_compile "$FP" 2>&1 || true)" ;;
*.sh) said="$(bash -n "$FP" 2>&1 || true)" ;;
*.json) said="$(python3 -c "
import json
try:
    json.load(open('$FP'))
except ValueError as error:
    print(error)
" 2>&1 || true)" ;;
*.ts | *.js) said="$(node --check "$FP" 2>&1 || true)" ;;
*) exit 0 ;;
esac
[[ -n "$said" ]] || exit 0
count syntax_errors
jq -n --arg said "Syntax error in $FP: ${said:0:300}" '{additionalContext: $said}'
"""

FORMAT = r"""#!/usr/bin/env bash
trap 'exit 0' ERR
source "$CLAUDE_PLUGIN_ROOT/lib/intercheck-lib.sh"
FP="$(file_path)"
[[ -n "$FP" && -f "$FP" ]] || exit 0
case "$FP" in
*.json) jq . "$FP" > "$FP.ic-tmp" && mv "$FP.ic-tmp" "$FP"; count format_runs ;;
esac
"""

LIBRARY = r"""
INPUT="$(cat)"
SID="$(jq -r '.session_id // empty' <<<"$INPUT" 2>/dev/null)"
file_path() { jq -r '.tool_input.file_path // empty' <<<"$INPUT" 2>/dev/null; }
count() {
  [[ -n "$SID" ]] || return 0
  local state="$STATE_DIR/intercheck-$SID.json" text
  text="$(cat "$state" 2>/dev/null || echo '{"syntax_errors":0,"format_runs":0}')"
  jq ".$1 += 1" <<<"$text" > "$state"
}
"""

# What node 20 says of a good .ts file: reference/modules/intercheck.md section 2.3, "Known noise".
NODE = r"""#!/bin/sh
[ "$1" = --version ] && { echo v20.20.2; exit 0; }
case "$2" in *.ts)
  echo 'TypeError [ERR_UNKNOWN_FILE_EXTENSION]: Unknown file extension ".ts" for '"$2" >&2
  exit 1
  ;;
esac
"""


class Machine:
    """A machine with one project and one session, seen through a fake context."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.home, self.project, self.tmp, self.root = (
            base / name for name in ("home", "widgets", "tmp", "inter check")
        )
        self.transcript = self.home / ".claude" / "projects" / "widgets" / f"{SESSION}.jsonl"
        for folder in (self.project / "src", self.tmp, self.transcript.parent, self.root / "hooks", self.root / "lib"):
            folder.mkdir(parents=True)
        (self.root / "hooks" / "syntax-check.sh").write_text(CHECK)
        (self.root / "hooks" / "auto-format.sh").write_text(FORMAT)
        (self.root / "lib" / "intercheck-lib.sh").write_text(LIBRARY)
        self.deadline: float | None = None
        self.programs = Programs(
            self.home,
            cwd=self.project,
            environ={"STATE_DIR": str(self.tmp)},
            limit=lambda command: self.deadline,
        )
        self.programs.install("node", NODE)
        self.ctx = FakeContext(
            self.home,
            of=adapter,
            config={"temporary_dir": str(self.tmp)},
            projects=(self.project, base),
            root=self.root,
            commands=self.programs.named("bash", "jq", "python3", "node"),
        )

    # What Claude Code, intercheck and interpulse do -----------------------------------------------------------------

    def event(self, name: str = "PostToolUse", /, **changes: object) -> HookEvent:
        """A hook event of the session, of an edit unless said otherwise."""
        known = {"session_id": SESSION, "transcript_path": str(self.transcript), "cwd": str(self.project / "src")}
        tool = {"tool_name": "Edit"} if name == "PostToolUse" else {}
        return make_hook_event(name, **{**known, **tool, **changes})

    def begin(self, source: str = "startup", **changes: object) -> None:
        """The session begins, or goes on."""
        assert adapter.observe_hook(self.event("SessionStart", source=source, **changes), self.ctx) == Observation()

    def count(self, errors: int, runs: int, session: str = SESSION, **more: object) -> Path:
        """Counters as intercheck writes them: over four lines, in place."""
        path = self.tmp / f"intercheck-{session}.json"
        path.write_text(json.dumps({"syntax_errors": errors, "format_runs": runs, **more}, indent=2) + "\n")
        return path

    def press(self, level: object, session: str = SESSION, *, age: float = 5.0, **more: object) -> None:
        """The pressure as interpulse writes it."""
        at = int(EPOCH.timestamp() - age)
        payload = {"level": level, "pressure": 2, "est_tokens": 2000, "ts": at, "context_usable": 10, "context_raw": 25}
        self.ctx.sideband.files["interpulse", "pressure", session] = {**payload, **more}

    def say(self, *lines: str) -> None:
        """New lines in the transcript."""
        self.transcript.touch()
        self.ctx.tails.clear()
        self.ctx.new_lines[self.transcript] = lines

    def look(self) -> tuple[Draft, ...]:
        """What the next look tells."""
        observation = adapter.observe(self.ctx)
        assert observation.advice == ()
        self.say()
        return observation.drafts

    def signals(self) -> list[HealthSignal]:
        """The payloads of the next look."""
        return [draft.payload for draft in self.look() if isinstance(draft.payload, HealthSignal)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A session that has just begun."""
    machine = Machine(tmp_path)
    machine.begin()
    return machine


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A machine on which no session is known."""
    return Machine(tmp_path)
