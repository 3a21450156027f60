"""Stand-ins for ``clavain-cli``, ``ic`` and ``bd``: real programs that answer with what the reference pastes.

An answer is a rule: which program, which words, what it prints, how it ends. Rules come in order, the first that fits
answers, and what no rule fits ends with 99, so that a call nobody expected is noticed. A write sets a mark, and rules
may ask for one, so that what was written is read afterwards. Every call is logged.

Source: ``reference/cli-contracts.md``; each rule names its section.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict, Unpack

PROGRAMS = ("clavain-cli", "ic", "bd")
BEAD, RUN = "iv-zad7y", "v4lvre97"
GOAL = "Add mesh"
LATER = 4102444800  # 2100: after whatever a test begins
PHASES = [
    *("brainstorm", "brainstorm-reviewed", "strategized", "planned"),
    *("plan-reviewed", "executing", "shipping", "reflect", "done"),
]

_HEAD = r"""#!/bin/bash
printf -v call '%s\x1f' "${0##*/}" "$@"; printf '%s\n' "$call" >> "$base/calls"  # at once: they run in parallel
words=()
for word; do [[ $word == --json || $word == --timeout=5s ]] || words+=("$word"); done
count() {
  local n=0; [[ -e $base/count.$1 ]] && n=$(<"$base/count.$1")
  (( n < $2 )) && echo $((n + 1)) > "$base/count.$1"
}
"""
_TAIL = r"""printf 'stand-in: no answer for %s %s\n' "${0##*/}" "${words[*]}" >&2; exit 99
"""


class Ends(TypedDict, total=False):
    """How a program answers; each key is a line of the program."""

    out: str
    err: str
    code: int
    when: list[str]
    mark: str
    times: int
    sleep: float
    kill_parent: float
    kill_self: bool


class Rule(NamedTuple):
    """An answer of a program."""

    program: str
    words: tuple[str, ...]
    ends: Ends


def says(program: str, words: str, **ends: Unpack[Ends]) -> Rule:
    """A rule; the words are separated by spaces, and each may end with ``*`` for whatever follows."""
    return Rule(program, tuple(words.split()), ends)


def _in_bash(number: int, rule: Rule) -> str:
    """A rule as a piece of a program."""
    ends = rule.ends
    tests = [f"${{#words[@]}} -ge {len(rule.words)}"]
    tests += [
        f"${{words[{place}]}} == {shlex.quote(one.removesuffix('*'))}{'*' if one.endswith('*') else ''}"
        for place, one in enumerate(rule.words)
    ]
    tests += [
        f"{'! ' if one.startswith('!') else ''}-e $base/mark.{one.removeprefix('!')}" for one in ends.get("when", [])
    ]
    lines = [f"if [[ {' && '.join(tests)} ]]" + (f" && count {number} {ends['times']}" if "times" in ends else "")]
    lines.append("then")
    lines += [f"/bin/sleep {ends['sleep']}"] if "sleep" in ends else []
    lines += [f': > "$base/mark.{ends["mark"]}"'] if "mark" in ends else []
    lines += [f"kill -9 $PPID; /bin/sleep {ends['kill_parent']}"] if "kill_parent" in ends else []
    lines += ["kill -9 $$"] if ends.get("kill_self") else []
    lines += [f"out={shlex.quote(ends.get('out', ''))}", "printf '%s' \"${out//@PROJECT@/$PWD}\""]
    lines += [f"printf '%s' {shlex.quote(ends.get('err', ''))} >&2", f"exit {ends.get('code', 0)}", "fi"]
    return "\n".join(lines)


def slog(message: str, **more: str) -> str:
    """A line of ``ic``'s log (section 1.1)."""
    line = {"time": "2026-11-20T10:34:33Z", "level": "ERROR", "msg": message, **more}
    return json.dumps(line, separators=(",", ":")) + "\n"


def run_status(**more: object) -> str:
    """``ic --json run status`` of the sprint's run (section 1.5)."""
    status = {
        "auto_advance": True,
        "budget_warn_pct": 80,
        "complexity": 3,
        "created_at": LATER,
        "force_full": False,
        "goal": GOAL,
        "id": RUN,
        "phase": "brainstorm",
        "phases": PHASES,
        "project_dir": "@PROJECT@",
        "scope_id": BEAD,
        "status": "active",
        "token_budget": 250000,
        "updated_at": 1795170949,
    }
    return json.dumps({**status, **more}, separators=(",", ":")) + "\n"


CONDITIONS = (
    '{"conditions":[{"check":"artifact_exists","phase":"brainstorm","result":"fail","count":0,'
    '"detail":"no artifacts found for phase \\"brainstorm\\""}]}'
)
EVIDENCE = json.loads(CONDITIONS)


def event(number: int, kind: str, reason: str = "", to: str = "brainstorm-reviewed") -> dict[str, object]:
    """One entry of ``ic --json run events`` (section 1.5); its time is a whole number."""
    return {
        "created_at": 1795170873,
        "event_type": kind,
        "from_phase": "brainstorm",
        "gate_result": "pass" if kind == "advance" else "fail",
        "gate_tier": "hard",
        "id": number,
        "reason": reason,
        "run_id": RUN,
        "to_phase": to,
    }


def events(*entries: Mapping[str, object]) -> str:
    """The whole history."""
    return json.dumps(entries) + "\n"


GATE = {
    "evidence": EVIDENCE,
    "from_phase": "brainstorm",
    "result": "fail",
    "run_id": RUN,
    "source": "default",
    "tier": "soft",
    "to_phase": "brainstorm-reviewed",
}
OPEN_GATE = {**GATE, "evidence": {"conditions": []}, "result": "pass"}
ADVANCED = {
    "active_agent_count": 0,
    "advanced": True,
    "event_type": "advance",
    "from_phase": "brainstorm",
    "gate_result": "pass",
    "gate_tier": "hard",
    "next_gate_requirements": ["artifact_exists"],
    "reason": '{"conditions":[]}',
    "to_phase": "brainstorm-reviewed",
}
ARTIFACT = {
    "created_at": 1795170873,
    "id": "t0ufez6w",
    "path": "docs/b.md",
    "phase": "brainstorm-reviewed",
    "run_id": RUN,
    "status": "active",
    "type": "brainstorm",
}
ACTION = {
    "action_type": "command",
    "args": ["${artifact:plan}"],
    "command": "/clavain:strategy",
    "id": 1,
    "mode": "interactive",
    "phase": "brainstorm",
    "priority": 0,
    "run_id": RUN,
}
STATE = (
    '{"id":"iv-zad7y","phase":"brainstorm-reviewed","artifacts":{"brainstorm":"docs/b.md","weird":"docs/w.md"},'
    '"history":{"brainstorm-reviewed_at":""},"complexity":"3","auto_advance":"true","active_session":"",'
    '"token_budget":250000,"tokens_spent":0}'
)
UNKNOWN = "clavain-cli: unknown command '{}'\nRun 'clavain-cli help' for usage.\n"

WORLD: Sequence[Rule] = (
    # bd, sections 4.1 and 4.3
    says("bd", f"state {BEAD} ic_run_id", out=f'{{"dimension":"ic_run_id","issue_id":"{BEAD}","value":"{RUN}"}}\n'),
    says("bd", f"state {BEAD} *", out='{"dimension":"x","issue_id":"x","schema_version":1,"value":null}\n'),
    says("bd", "state *", out='{"error":"resolving x: no issue found matching \\"x\\"","schema_version":1}\n', code=1),
    # ic, sections 1.2 to 1.8
    says("ic", "health", out="ok\n"),
    says("ic", f"run status {RUN}", when=["moved"], out=run_status(phase="brainstorm-reviewed")),
    says("ic", f"run status {RUN}", out=run_status()),
    says("ic", "run status *", code=1, err=slog("run status: not found", id="nope")),
    says("ic", f"run list --scope={BEAD}", out=f"[{run_status()}]"),
    says("ic", "run list *", out="[]\n"),
    says("ic", f"run events {RUN}", when=["moved"], out=events(event(4, "set"), event(7, "advance", CONDITIONS))),
    says("ic", f"run events {RUN}", when=["overridden"], out=events(event(4, "set"), event(8, "override"))),
    says("ic", f"run events {RUN}", when=["blocked"], out=events(event(4, "set"), event(5, "block", CONDITIONS))),
    says("ic", f"run events {RUN}", when=["paused"], out=events(event(4, "set"), event(6, "pause"))),
    says("ic", f"run events {RUN}", out=events(event(4, "set"))),
    says("ic", "run events *", out="[]\n"),
    says(
        "ic",
        "run tokens *",
        out='{"cache_hits":0,"input_tokens":0,"output_tokens":0,"run_id":"x","total_tokens":0}\n',
    ),
    says("ic", "run action list *", out=json.dumps([ACTION])),
    says("ic", "run artifact list *", when=["registered"], out=json.dumps([ARTIFACT])),
    says("ic", "run artifact list *", out="[]\n"),
    says("ic", "run artifact add *", mark="registered", out='{"id":"t0ufez6w"}\n'),
    says("ic", "gate check *", code=1, out=json.dumps(GATE) + "\n"),
    says(
        "ic",
        "gate override *",
        mark="overridden",
        out='{"category":"justified","from_phase":"brainstorm","reason":"r","to_phase":"brainstorm-reviewed"}\n',
    ),
    says("ic", "run create *", mark="created", out=f'{{"id":"{RUN}","phase":"brainstorm"}}\n'),
    says("ic", "run advance *", mark="moved", out=json.dumps(ADVANCED) + "\n"),
    says("ic", "dispatch spawn *", mark="spawned", out='{"id":"hq2nuey6","pid":30611}\n'),
    # clavain-cli, sections 2.1 to 2.6
    says("clavain-cli", "help", out="Usage: clavain-cli <command> [args]\n"),
    says("clavain-cli", "sprint-create *", mark="created", out=BEAD),
    says(
        "clavain-cli",
        f"sprint-advance {BEAD} *",
        mark="moved",
        err="Phase: brainstorm → brainstorm-reviewed (auto-advancing)\n",
    ),
    says("clavain-cli", "enforce-gate *"),
    says("clavain-cli", "set-artifact *", mark="registered"),
    says("clavain-cli", f"get-artifact {BEAD} brainstorm", out="docs/b.md\n"),
    says(
        "clavain-cli",
        "get-artifact *",
        code=1,
        err='no artifact of type "nope" found for iv-zad7y\n',
    ),
    says("clavain-cli", f"sprint-read-state {BEAD}", out=STATE),
    says("clavain-cli", "sprint-read-state *", out="{}"),
    says("clavain-cli", "sprint-track-agent *"),
    says("clavain-cli", "dispatch-task", code=1, err=UNKNOWN.format("dispatch-task")),
    says("clavain-cli", "gate-override", code=1, err=UNKNOWN.format("gate-override")),
)
"""A sprint in its first phase, whose gate is not met, and everything works."""


class World:
    """A project with a kernel's database, and the three programs.

    Args:
        base: An empty directory.
        project: Name of the project's directory.
    """

    def __init__(self, base: Path, project: str = "pro ject") -> None:
        self.base = base / "world"
        self.bin = self.base / "bin"
        self.project = base / project
        for folder in (self.bin, self.project / ".clavain", self.project / "docs"):
            folder.mkdir(parents=True)
        (self.project / ".git").mkdir()
        self.database = (self.project / ".clavain" / "intercore.db").resolve()
        self.database.write_text("a database")
        (self.project / "docs" / "b.md").write_text("# Brainstorm\n")
        self.answer()
        for program in PROGRAMS:
            self.install(program)

    def install(self, program: str, folder: Path | None = None) -> Path:
        """Put a program on the PATH of this world, or somewhere else."""
        path = (folder or self.bin) / program
        rules = [_in_bash(number, rule) for number, rule in enumerate(self._rules) if rule.program == program]
        head, _, rest = _HEAD.partition("\n")
        path.write_text("\n".join([head, f"base={shlex.quote(str(self.base))}", rest, *rules, _TAIL]))
        path.chmod(0o755)
        return path

    def remove(self, *programs: str) -> None:
        """Take programs away."""
        for program in programs:
            (self.bin / program).unlink()

    def answer(self, *rules: Rule) -> None:
        """Begin anew; these rules come before those of the sound world."""
        self._rules = [*rules, *WORLD]
        for path in (*self.base.glob("mark.*"), *self.base.glob("count.*")):
            path.unlink()
        (self.base / "calls").write_text("")
        for path in self.bin.iterdir():
            self.install(path.name)

    def mark(self, *marks: str) -> None:
        """Let something have happened."""
        for one in marks:
            (self.base / f"mark.{one}").touch()

    def calls(self, program: str = "*", *words: str) -> list[list[str]]:
        """The calls of a program that begin with some words, global options left out."""
        found = []
        for line in (self.base / "calls").read_text().splitlines():
            name, *argv = line.split("\x1f")[:-1]
            plain = [word for word in argv if word not in ("--json", "--timeout=5s")]
            if program in ("*", name) and plain[: len(words)] == list(words):
                found.append([name, *plain])
        return found

    @property
    def environ(self) -> dict[str, str]:
        """Environment with these programs alone."""
        return {"PATH": str(self.bin), "HOME": str(self.base), "LANG": "C.UTF-8"}
