"""What the flows across modules share: a real repository, the modules' files and programs, and the installed host.

Files have the shapes, and programs give the answers, that the references paste: reference/modules/interphase.md
section 1.3, reference/modules/interflux.md sections 2.3 and 2.4, reference/modules/interdoc.md section 3.3 (rows D1, D3
and D4), reference/cli-contracts.md sections 1.6, 1.9, 4.2 and 4.3. intermute is the stand-in of interlock's own tests.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interhost.bus.compose import compose
from interhost.bus.log import Query
from interhost.claude.worker import WORKER_LOCK
from interhost.cli.demo.scene import write_adapter
from tests.conftest import OTHERS

if TYPE_CHECKING:
    from tests.conftest import Shell

ROOT = Path(__file__).resolve().parents[1]
SERVICE = ROOT / "adapters" / "interlock" / "tests" / "intermute.py"
EVERY_ADAPTER = (*OTHERS, "interflux", "interphase")
SESSION = "s-1"

# What bd 1.0.5 answers, with the phase of each bead in a file beside it.
BD = """#!/bin/sh
echo "$*" >> "$0.log"
case "$1 $2" in
"version " | "--version ") echo "bd version 1.0.5 (dev)" ;;
"--json state")
    phase=$(cat "$0.$3" 2>/dev/null)
    [ "$4" = phase ] && [ "$phase" ] && value="\\"$phase\\"" || value=null
    printf '{\\n  "dimension": "%s",\\n  "issue_id": "%s",\\n  "schema_version": 1,\\n' "$4" "$3"
    printf '  "value": %s\\n}\\n' "$value"
    ;;
"--json show")
    [ -e "$0.$3" ] || { echo '{"error":"no issues found matching the provided IDs","schema_version":1}'; exit 1; }
    printf '[{"id": "%s", "title": "Retry queue", "status": "open", "priority": 1}]\n' "$3"
    ;;
"set-state $2")
    previous=$(cat "$0.$2" 2>/dev/null)
    echo "${3#phase=}" > "$0.$2"
    printf '✓ Set phase = %s on %s\\n  Previous: %s\\n  Event: %s.1\\n' "${3#phase=}" "$2" "$previous" "$2"
    ;;
*)
    echo "Error: unknown command" >&2
    exit 1
    ;;
esac
"""

# One run and its events in files beside the project's database; nobody's actions are known.
IC = """#!/bin/sh
echo "$*" >> "$0.log"
case "$*" in
*"events tail"*)
    [ -e "$0.told" ] || cat "$0.events" 2>/dev/null
    touch "$0.told"
    ;;
*"events cursor list"*) printf 'interbus\\t{}\\n' ;;
*"events cursor"*) echo registered ;;
*"run list"*) cat "$0.runs" ;;
*"artifact list"* | *"dispatch list"*) echo '[]' ;;
*)
    echo '{"level":"ERROR","msg":"usage"}' >&2
    exit 3
    ;;
esac
"""

UPDATES = r"""#!/usr/bin/env bash
since="$(git rev-list --count "$(git log -1 --format=%H -- AGENTS.md)..HEAD")"
(( since < 2 )) || printf '{"action": "update", "reason": "commits", "commits_since": %s}\n' "$since"
"""

# Where `fatal` lies beside it, the host that runs it is killed after the document was written.
FIX = r"""#!/usr/bin/env bash
moved='"renames":[{"old":"old.py","new":"new.py"}],"deletions":[],"new_files":[],"links_fixed":[]'
echo "$*" >> "$(dirname "$0")/log"
[[ -e new.py ]] || { echo '{"renames":[],"deletions":[],"new_files":[],"links_fixed":[],"files_modified":[]}'; exit; }
[[ $1 == --dry-run ]] && { echo "{$moved,\"files_modified\":[]}"; exit; }
sed -i 's/old\.py/new.py/' AGENTS.md
[[ -e "$(dirname "$0")/fatal" ]] && { rm "$(dirname "$0")/fatal"; kill -9 "$PPID"; }
echo "{$moved,\"files_modified\":[\"./AGENTS.md\"]}"
"""

# Its host dies right before an act that others can see, or right before the transaction that would say that it has
# happened; the touch after a COMMIT counts, too. Asking and reading change nothing, wherever one dies at it.
_KILLER = """
import os
import signal
import sys
from pathlib import Path

from interhost_hookspecs import Outcome, hookimpl

ORDER = Path(__file__).parents[1] / "kill-at"
left, with_locks = map(int, ORDER.read_text().split()) if ORDER.exists() else (0, 0)
has_acted = False


def is_act(event, arguments):
    if event == "os.utime":
        return str(arguments[0]).endswith("/wake")
    if event == "os.rename":
        return "hook-index" not in str(arguments[1])
    if event == "http.client.send":
        return arguments[1][:4] in (b"POST", b"DELE")
    argv = arguments[1] if event == "subprocess.Popen" else [""]
    return "set-state" in argv or str(argv[-1]).endswith("/drift-fix.sh")


def count(event, arguments):
    global left, has_acted
    is_next = is_act(event, arguments)
    if left and (is_next or ((has_acted or with_locks) and event == "fcntl.flock")):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        has_acted = is_next


sys.addaudithook(count)


@hookimpl
def on_notify(intent, ctx):
    return Outcome.skipped("only here to kill")
"""


class Service:
    """intermute, in a process of its own, and the agents of a project.

    Args:
        folder: Where it keeps its files; made.
        temporary: Where interlock's hooks leave what they know of sessions.
    """

    def __init__(self, folder: Path, temporary: Path) -> None:
        """Start it, and wait until it listens."""
        folder.mkdir()
        self.folder, self.temporary = folder, temporary
        self.process = subprocess.Popen([sys.executable, "-I", "-S", SERVICE, folder], stdin=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not (folder / "address").exists():
            assert time.monotonic() < end, "the service does not listen"
            time.sleep(0.02)
        self.address = (folder / "address").read_text()

    def ask(self, method: str, path: str, body: object = None, agent: str = "") -> Any:
        """What it answers an agent."""
        with contextlib.closing(
            http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=10)
        ) as connection:
            headers = {"X-Agent-ID": agent} if agent else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            text = connection.getresponse().read()
        return json.loads(text) if text else None

    def join(self, name: str, session: str = "") -> str:
        """A new agent, and what interlock's hooks leave of its session."""
        agent = str(self.ask("POST", "/api/agents", {"name": name, "project": "widgets"})["agent_id"])
        if session:
            path = self.temporary / f"interlock-agent-{session}.json"
            path.write_text(json.dumps({"agent_id": agent, "name": name, "session_id": session, "project": "widgets"}))
        return agent

    def reserve(self, agent: str, pattern: str, reason: str = "auto-reserve: editing") -> str:
        """A new reservation."""
        body = {"agent_id": agent, "project": "widgets", "path_pattern": pattern, "exclusive": True, "reason": reason}
        return str(self.ask("POST", "/api/reservations", body)["id"])

    def list_held(self) -> list[str]:
        """What is held in the project."""
        return [one["path_pattern"] for one in self.ask("GET", "/api/reservations?project=widgets")["reservations"]]

    def list_messages(self, agent: str) -> list[str]:
        """The subjects of what an agent was sent."""
        messages = self.ask("GET", f"/api/inbox/{agent}?project=widgets")["messages"]
        return [one["subject"] for one in messages]

    def end(self) -> None:
        """Kill it, as often as one likes."""
        self.process.kill()
        self.process.wait()


class Scene:
    """A repository in which several modules are at work, and the host's commands.

    Args:
        shell: A fresh shell.
        adapters: The adapters that are on.
        settings: Adapter to its settings, over those that keep it in the shell's own directories.
    """

    def __init__(
        self, shell: Shell, *adapters: str, settings: Mapping[str, Mapping[str, object]] | None = None
    ) -> None:
        """Make the repository; nothing is installed but the adapters."""
        self.shell, self.project = shell, shell.project
        self.bin, self.temporary = shell.base / "bin", shell.base / "module-tmp"
        for folder in (self.bin, self.temporary, shell.base / "signals", shell.home / ".clavain"):
            folder.mkdir()
        shell.root.mkdir(mode=0o700)
        shell.environ["PATH"] = f"{self.bin}:{shell.environ['PATH']}"
        self.service: Service | None = None
        self._settings = {name: dict(values) for name, values in (settings or {}).items()}
        for name in ("clavain", "interlock", "interphase"):
            self.configure(name, temporary_dir=str(self.temporary))
        self.configure("interlock", signal_dir=str(shell.base / "signals"), poll_seconds=0)
        self.enable(*adapters)
        (self.project / ".git").rmdir()
        self.git("init", "-q")

    # The host ---------------------------------------------------------------------------------------------------------

    def enable(self, *adapters: str) -> None:
        """These adapters are on, and no others of this repository."""
        off = [f"-{name}" for name in EVERY_ADAPTER if name not in adapters]
        self.shell.environ["INTERHOST_ADAPTERS"] = ",".join(off)

    def configure(self, adapter: str, **settings: object) -> None:
        """Add settings of an adapter."""
        self._settings.setdefault(adapter, {}).update(settings)
        lines = []
        for name, values in self._settings.items():
            lines += [f"[adapters.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        (self.shell.root / "config.toml").write_text("\n".join([*lines, ""]))

    def publish(self, intent: str, context_id: str, **payload: object) -> str:
        """Put a fact about the project on the bus, as ``interbus publish`` does; its id."""
        with self.shell.bus() as bus:
            fact = compose(
                intent=intent,
                payload=json.dumps(payload),
                context_id=context_id,
                producer="cli",
                door="cli",
                project_dir=self.project,
            )
            return bus.publish(fact).event_id

    def begin(self) -> None:
        """The host comes to know the project, and looks once: what is there is history."""
        self.publish("notify", "project:widgets", text="the host knows the project by this")
        self.work()

    def work(self) -> list[dict[str, Any]]:
        """What one more worker puts on the bus, as ``interbus replay`` has it."""
        before = len(self.list_facts())
        self.shell.run("interhost", "run", "--drain", "--quiet")
        return self.list_facts()[before:]

    def is_killed(self) -> bool:
        """Whether one more worker dies at its work."""
        code = self.shell.start("interhost", "run", "--drain", "--quiet").end().code
        assert code in (0, -signal.SIGKILL)
        return code != 0

    @contextlib.contextmanager
    def no_worker(self) -> Iterator[None]:
        """No hook starts a worker meanwhile, because one seems to be at work."""
        with (self.shell.root / WORKER_LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def list_facts(self) -> list[dict[str, Any]]:
        """Everything on the bus, read behind the commands because that is cheap."""
        if not (self.shell.root / "bus.db").exists():
            return []
        with self.shell.bus() as bus:
            stored = [one.envelope for one in bus.log.read(Query(), 10_000)]
        return [
            {
                "event_id": one.event_id,
                "intent": one.intent.partition("@")[0],
                "producer": one.producer,
                "context_id": one.context_id,
                "artifact_path": one.artifact_path,
                "severity": one.severity,
                "source_hook": one.source_hook,
                "payload": json.loads(one.payload),
                "extensions": dict(one.extensions),
            }
            for one in stored
        ]

    def list_ends(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """How each event's delivery to each adapter went: every attempt as (outcome, reason)."""
        ends: dict[tuple[str, str], list[tuple[str, str]]] = {}
        with self.shell.bus() as bus:
            for stored in bus.log.read(Query(), 10_000):
                for one in bus.store.attempts(stored.seq):
                    key = (stored.envelope.event_id, one.consumer)
                    ends.setdefault(key, []).append((str(one.outcome), one.reason))
        return ends

    def end_of(self, fact: Mapping[str, Any], adapter: str) -> tuple[str, str]:
        """How a fact's last delivery to an adapter ended, by ``interbus trace``."""
        (trace,) = self.shell.run("interbus", "trace", fact["event_id"]).records
        ends = [one["attempts"][-1] for one in trace["deliveries"] if one["consumer"] == adapter and one["attempts"]]
        return (ends[-1]["outcome"], ends[-1]["reason"]) if ends else ("", "")

    def list_advice(self) -> dict[str, str]:
        """What waits for sessions, by adapter."""
        with self.shell.bus() as bus:
            return {one.adapter: one.text for one in bus.store.waiting_advice()}

    def list_requests(self) -> list[dict[str, Any]]:
        """The request files for reviews."""
        folder = self.shell.root / "requests" / "interflux"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]

    def hook(self, event: str, session: str = SESSION, **fields: object) -> str:
        """What a hook of a session says to Claude."""
        document = {"session_id": session, "cwd": str(self.project), "hook_event_name": event, **fields}
        said = self.shell.run("interhost", "hook", stdin=json.dumps(document)).out
        return str(json.loads(said)["hookSpecificOutput"]["additionalContext"]) if said else ""

    def edit(self, session: str, file: str) -> str:
        """What the hook says before a session edits a file."""
        tool = {"tool_name": "Edit", "tool_input": {"file_path": str(self.project / file)}}
        return self.hook("PreToolUse", session, **tool, tool_use_id=f"toolu_{time.monotonic_ns()}")

    def hear(self, session: str) -> str:
        """What is said at the next prompt for which something waits."""
        said = ""

        def is_said() -> bool:
            nonlocal said
            said = self.hook("UserPromptSubmit", session, prompt=f"{time.time()}")
            return bool(said)

        self.shell.until(is_said, 60.0)
        return said

    # What goes wrong --------------------------------------------------------------------------------------------------

    def break_adapter(self, name: str, *, at_import: bool = False) -> None:
        """A version of an adapter that raises whenever it is asked anything, or already when it is imported."""
        manifest = json.loads((ROOT / "integration-manifests" / f"{name}.json").read_text())
        section = manifest["interbus"]
        hooks = [f"on_{one.partition('@')[0]}(intent, ctx)" for one in section.get("consumes", ())]
        hooks += ["observe(ctx)"] if "files" in section.get("observes", {}) else []
        hooks += ["observe_hook(event, ctx)"] if section.get("observes", {}).get("hooks") else []
        lines = ["from interhost_hookspecs import hookimpl", *(["raise ImportError('broken')"] if at_import else [])]
        for hook in hooks:
            lines += ["", "", "@hookimpl", f"def {hook}:", "    raise RuntimeError('broken')"]
        write_adapter(self.shell.site, name, [], "\n".join(lines))
        (self.shell.site / f"demo_{name}" / "integration.json").write_text(json.dumps(manifest))

    def install_killer(self) -> None:
        """An adapter that kills its host where :meth:`kill_at` says."""
        write_adapter(self.shell.site, "killer", ["notify"], _KILLER)

    def kill_at(self, act: int, *, locks: bool = False) -> None:
        """Every host from now on dies at its n-th act; 0: none does. ``locks``: the begin of any transaction is one."""
        (self.shell.site / "kill-at").write_text(f"{act} {locks:d}")

    def make_due(self) -> None:
        """Leases of who was killed run out, and every delivery's time comes."""
        self.shell.change("UPDATE pending SET due = 0")

    def keep(self) -> None:
        """Remember everything there is, for :meth:`restore`; nobody may be at work."""
        for folder in self._folders:
            shutil.copytree(folder, self.shell.base / "kept" / folder.name, symlinks=True)
        if self.service:
            self.service.ask("POST", "/test/keep")

    def restore(self) -> None:
        """Everything is as it was, also the identity of files that are read by position."""
        for folder in self._folders:
            kept = self.shell.base / "kept" / folder.name
            for path in sorted(folder.rglob("*"), reverse=True):
                if not path.is_dir() and not (kept / path.relative_to(folder)).exists():
                    path.unlink()
            for old in kept.rglob("*"):
                path = folder / old.relative_to(kept)
                if old.is_dir():
                    path.mkdir(exist_ok=True)
                elif not path.exists() or path.read_bytes() != old.read_bytes():
                    path.write_bytes(old.read_bytes())
                shutil.copystat(old, path)
        if self.service:
            self.service.ask("POST", "/test/restore")

    @property
    def _folders(self) -> list[Path]:
        base = self.shell.base
        folders = (base / name for name in ("home", "state", "bin", "module-tmp", "service", "signals", "site"))
        return [folder for folder in folders if folder.exists()]

    # Modules ----------------------------------------------------------------------------------------------------------

    def program(self, name: str, text: str) -> Path:
        """Install a stand-in."""
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def install_bd(self, **phases: str) -> None:
        """Beads, with the phase of each; ``_`` of a name stands for ``-``."""
        self.program("bd", BD)
        (self.project / ".beads").mkdir(exist_ok=True)
        for bead, phase in phases.items():
            (self.bin / f"bd.{bead.replace('_', '-')}").write_text(f"{phase}\n")

    def phase_of(self, bead: str) -> str:
        """What bd would say."""
        return (self.bin / f"bd.{bead}").read_text().strip()

    def list_moves(self) -> list[str]:
        """Every phase that was ever set through bd, as ``bead phase``."""
        path = self.bin / "bd.log"
        calls = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [f"{call[1]} {call[2].removeprefix('phase=')}" for call in calls if call[0] == "set-state"]

    def install_plugin(self, name: str, variable: str, files: Mapping[str, str] | None = None) -> Path:
        """A plugin at a place that its variable names."""
        root = self.shell.home / "plugins" / name
        root.mkdir(parents=True)
        for path, text in (files or {}).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        self.shell.environ[variable] = str(root)
        return root

    def install_interflux(self) -> None:
        """The plugin interflux, which has no program of its own."""
        self.install_plugin("interflux", "INTERHOST_INTERFLUX_ROOT")

    def install_interdoc(self) -> Path:
        """The scripts of interdoc."""
        files = {"hooks/check-updates.sh": UPDATES, "scripts/drift-fix.sh": FIX}
        return self.install_plugin("inter doc", "INTERHOST_INTERDOC_ROOT", files)

    def list_fixes(self) -> list[str]:
        """Every call of ``drift-fix.sh`` that was no dry run."""
        path = self.shell.home / "plugins" / "inter doc" / "scripts" / "log"
        return [line for line in path.read_text().splitlines() if line != "--dry-run"] if path.exists() else []

    def install_interline(self) -> None:
        """What interline's setup leaves."""
        path = self.shell.home / ".claude" / "statusline.sh"
        path.parent.mkdir()
        path.write_text("#!/bin/sh\n")

    def install_intermute(self) -> Service:
        """The service of interlock; whoever installs it ends it."""
        self.service = Service(self.shell.base / "service", self.temporary)
        self.configure("interlock", url=self.service.address)
        return self.service

    def install_ic(self, run: str, bead: str) -> None:
        """A kernel with one active run of a bead."""
        self.program("ic", IC)
        database = self.project / ".clavain" / "intercore.db"
        database.parent.mkdir(exist_ok=True)
        database.write_text("")
        record = {"id": run, "scope_id": bead, "status": "active", "phase": "strategized", "goal": "Retry"}
        times = {"created_at": 1795170860, "updated_at": 1795170949}
        (self.bin / "ic.runs").write_text(json.dumps([{**record, "project_dir": str(self.project), **times}]))

    def happens_in_kernel(self, *events: Mapping[str, object]) -> None:
        """New events of the kernel."""
        (self.bin / "ic.events").write_text("".join(f"{json.dumps(one, separators=(',', ':'))}\n" for one in events))
        (self.bin / "ic.told").unlink(missing_ok=True)
        (self.project / ".clavain" / "intercore.db").write_text("changed")

    # What people and modules write ------------------------------------------------------------------------------------

    def git(self, *words: str) -> None:
        """Run git as the user."""
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *who, *words], cwd=self.project, check=True, env=self.shell.environ)

    def commit(self, message: str = "Work") -> None:
        """Commit whatever there is."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def write(self, name: str, text: str, *, age: float = 5.0) -> Path:
        """A file of the project that was written some seconds ago."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def write_document(self, name: str, bead: str, phase: str) -> Path:
        """A brainstorm, a PRD or a plan, as Clavain's commands write it."""
        return self.write(name, f"# Retry queue\n\n**Bead:** {bead}\n**Phase:** {phase}\n\n1. Keep what failed.\n")

    def write_telemetry(self, *lines: Mapping[str, str]) -> None:
        """Append as interphase does: compact, one object per line, seconds in UTC."""
        with (self.shell.home / ".clavain" / "telemetry.jsonl").open("a") as file:
            for line in lines:
                file.write(json.dumps({**line, "timestamp": now()}, separators=(",", ":")) + "\n")

    def move(self, bead: str, phase: str, reason: str = "by hand", artifact: str = "") -> None:
        """The two lines that interphase writes when somebody moves a bead; the artifact alone tells the project."""
        keys = {"bead": bead, "phase": phase, "reason": reason}
        more = {"artifact": artifact} if artifact else {}
        self.write_telemetry({"event": "phase_transition", **keys}, {"event": "phase_advance", **keys, **more})

    def decide(self, bead: str, source: str, target: str, decision: str, reason: str) -> None:
        """The two lines that interphase writes when a gate was asked."""
        result = "pass" if decision == "pass" else "blocked"
        keys = {"bead": bead, "priority": "1", "tier": "hard", "decision": decision, "reason": reason}
        self.write_telemetry(
            {"event": "gate_check", "bead": bead, "from": source, "to": target, "result": result},
            {"event": "gate_enforce", **keys},
        )

    def write_session(self, bead: str, phase: str, session: str = SESSION) -> None:
        """What a session shows of its bead, as Clavain's command writes it; a minute old."""
        payload = {"id": bead, "phase": phase, "reason": "sprint-advance", "ts": int(time.time()) - 60}
        path = self.shell.home / ".interband" / "interphase" / "bead" / f"{session}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        envelope = {"version": "1.0.0", "namespace": "interphase", "type": "bead_phase", "session_id": session}
        path.write_text(json.dumps({**envelope, "timestamp": now(), "payload": payload}))

    def shown(self, session: str = SESSION) -> tuple[str, str]:
        """Bead and phase that interline would draw for a session."""
        path = self.shell.home / ".interband" / "interphase" / "bead" / f"{session}.json"
        payload = json.loads(path.read_text())["payload"]
        return payload["id"], payload["phase"]

    def write_review(self, document: str, *severities: str, stated: str = "risky", age: float = 2.5) -> None:
        """What a review of a document has left some seconds ago: findings, and a verdict of its own."""
        folder = f"docs/research/flux-drive/{Path(document).stem}"
        findings = [
            {"id": f"{severity}-{number}", "severity": severity, "agents": ["fd-correctness"], "title": "Bound it"}
            for number, severity in enumerate(severities, 1)
        ]
        agents = {"agents_launched": ["fd-correctness"], "agents_completed": ["fd-correctness"]}
        told = {"reviewed": f"{datetime.now(UTC):%Y-%m-%d}", "input": document, **agents, "findings": findings}
        self.write(f"{folder}/fd-correctness.md", f"### Findings Index\nVerdict: {stated}\n", age=age + 0.3)
        whole = {**told, "improvements": [], "verdict": stated, "early_stop": False}
        self.write(f"{folder}/findings.json", json.dumps(whole, indent=2), age=age)


def now() -> str:
    """The time as the modules write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def brief(facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who said what, in order."""
    return [f"{one['producer']} {one['intent']}" for one in facts]
