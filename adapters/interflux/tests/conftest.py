"""A project that interflux works in, and the programs that may be there.

The stand-in for ``ic`` prints what reference/cli-contracts.md section 1.5 shows of ``run list`` (objects as those of
``run status``) and ``run action list``, and ends as section 1.1 says; ``run action add`` ends with 1 for a duplicate
(reference/modules/interflux.md section 2.6). The stand-in for ``claude`` keeps what it was given.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from interhost_hookspecs import ArtifactReady, Draft, Outcome, OutcomeKind, Payload, ReviewPass
from interhost_hookspecs.testing import EPOCH, FakeContext, Programs, make_intent
from interhost_interflux import adapter
from interhost_interflux.adapter import observe

UUID = "0b7e9a52-3d0e-4c1e-9f27-6f0c2d7a8e11"
DRIVE = "docs/research/flux-drive/plan-1a2b3c4d"


class Project:
    """A project on disk whose clock is the fake context's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ctx = FakeContext(home=root, of=adapter, projects=(root,))

    def write(self, name: str, content: object, *, age: float = 300.0) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return self.touch(path, age)

    def lock(self, *, age: float, folder: str = DRIVE) -> Path:
        path = self.root / folder / f".run-{UUID}.lock"
        path.mkdir(parents=True)
        return self.touch(path, age)

    def agent(self, name: str, text: str, *, age: float = 400.0, folder: str = DRIVE) -> Path:
        return self.write(f"{folder}/{name}", f"<!-- run-uuid: {UUID} -->\n{text}", age=age)

    def touch(self, path: Path, age: float) -> Path:
        written = (EPOCH - timedelta(seconds=age)).timestamp()
        os.utime(path, (written, written))
        return path

    def look(self) -> tuple[Draft, ...]:
        observation = observe(self.ctx)
        assert observation.advice == ()
        return observation.drafts

    def review(self) -> tuple[Draft, ReviewPass]:
        draft = self.look()[0]
        assert isinstance(draft.payload, ReviewPass)
        return draft, draft.payload


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


_IC = """#!{python}
import json, os, sys, time
from pathlib import Path

base, words = Path(sys.argv[0]), [word for word in sys.argv[1:] if word not in ("--json", "--timeout=5s")]
with base.with_suffix(".log").open("a") as log:
    log.write(json.dumps([os.getcwd(), *sys.argv[1:]]) + "\\n")
trouble = base.with_suffix(".trouble")
if trouble.exists():
    exec(trouble.read_text())
actions = base.with_suffix(".actions")
known = json.loads(actions.read_text()) if actions.exists() else []
flags = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
if words[:3] == ["run", "list", "--active"]:
    print(base.with_suffix(".runs").read_text())
elif words[:3] == ["run", "action", "list"]:
    print(json.dumps([one for one in known if (one["run_id"], one["phase"]) == (words[3], flags["--phase"])]))
elif words[:3] == ["run", "action", "add"]:
    one = {{"action_type": "command", "args": json.loads(flags["--args"]), "command": flags["--command"],
           "id": len(known) + 1, "mode": flags["--mode"], "phase": flags["--phase"], "priority": 0, "run_id": words[3]}}
    if any((it["run_id"], it["phase"], it["command"]) == (words[3], one["phase"], one["command"]) for it in known):
        print('{{"time":"2026-11-20T10:40:16Z","level":"ERROR","msg":"run action add: duplicate"}}', file=sys.stderr)
        sys.exit(1)
    actions.write_text(json.dumps([*known, one]))
else:
    print("usage: ic [flags] <command>")
    sys.exit(3)
"""

_CLAUDE = """#!{python}
import json, os, sys, time
from pathlib import Path

if sys.argv[1:] == ["--version"]:
    print("2.1.0 (Claude Code)")
    sys.exit(0)
print("working")
time.sleep(0.3)
with Path(sys.argv[0]).with_suffix(".log").open("a") as log:
    log.write(json.dumps([os.getcwd(), *sys.argv[1:]]) + "\\n")
"""

# As reference/cli-contracts.md section 1.5 has it, with the scope that a sprint's run has.
RUN: dict[str, object] = {
    "auto_advance": True,
    "complexity": 3,
    "created_at": 1795170949,
    "force_full": False,
    "goal": "act",
    "id": "sv1dft5o",
    "phase": "strategized",
    "scope_id": "iv-abc1",
    "status": "active",
    "updated_at": 1795170949,
}


class Desk:
    """A project in which a document was written, and the programs that may be there."""

    def __init__(self, base: Path) -> None:
        self.root = base / "project"
        self.bin = base / "bin"
        self.programs = Programs(base, limit=lambda command: min(command.timeout, 2.0))
        self.plan = self.write("docs/plans/p.md", "# Plan\n\n**Bead:** iv-abc1\n")
        module = base / "interflux" / "0.2.86"
        (module / "commands").mkdir(parents=True)
        for name in ("flux-drive", "flux-review"):
            (module / "commands" / f"{name}.md").write_text("")
        self.ctx = FakeContext(home=base, of=adapter, projects=(self.root,), root=module)
        # Where the host would put it; the log of a session lies beside it.
        (base / ".interbus" / "requests" / "interflux").mkdir(parents=True)
        self.ctx.commands["sh"] = self.programs

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def install(self, name: str, script: str = "") -> Path:
        """A program, by default the stand-in for ``ic`` or for ``claude``."""
        script = script or (_IC if name == "ic" else _CLAUDE)
        self.ctx.commands[name] = self.programs
        return self.programs.install(name, script.format(python=sys.executable))

    def kernel(self, *runs: dict[str, object]) -> None:
        """``ic``, and a project whose database has these runs; what they leave out is as in ``RUN``."""
        self.install("ic")
        self.write(".clavain/intercore.db", "")
        (self.bin / "ic.runs").write_text(json.dumps([{**RUN, "project_dir": str(self.root), **run} for run in runs]))

    def calls(self, name: str) -> list[list[str]]:
        """What a program was given: working directory and arguments."""
        log = self.bin / f"{name}.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def until_called(self, name: str) -> list[list[str]]:
        end = time.monotonic() + 10
        while not self.calls(name) and time.monotonic() < end:
            time.sleep(0.02)
        return self.calls(name)

    def tell(
        self, payload: Payload, artifact: Path | None = None, context: str = "iv-abc1"
    ) -> tuple[OutcomeKind, str] | None:
        """What the adapter makes of an intent."""
        intent = make_intent(payload, artifact_path=artifact, project_dir=self.root, context_id=context)
        name = type(payload).INTENT.partition("@")[0]
        outcome: Outcome | None = getattr(adapter, f"on_{name}")(intent=intent, ctx=self.ctx)
        return None if outcome is None else (outcome.kind, outcome.reason)

    def tell_plan(self, context: str = "iv-abc1") -> tuple[OutcomeKind, str]:
        told = self.tell(ArtifactReady(kind="plan"), self.plan, context)
        assert told is not None
        return told

    @property
    def request(self) -> Path:
        return self.ctx.home / ".interbus" / "requests" / "interflux" / "review.md"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
