"""What an entry pays for in imports, read from ``sys.modules`` of fresh interpreters.

They start without site-packages (``-I -S``), so that what an editable installation or a ``.pth`` file imports is not in
the way, and with the checkout and a folder of made-up adapters on their path.
"""

from __future__ import annotations

import ast
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from interhost.bus.bus import Bus
from interhost.bus.hook_record import list_records
from interhost.claude.worker import STAMP, WORKER_LOCK
from interhost.cli.demo.scene import write_adapter

ROOT = Path(__file__).resolve().parents[1]
HOOK = ROOT / "interhost" / "claude" / "hook.py"
UNOBSERVED = {"hook_event_name": "Notification", "session_id": "s", "cwd": "/"}
OBSERVED = {"hook_event_name": "PostToolUse", "session_id": "s", "cwd": "/", "tool_name": "Edit", "tool_use_id": "t"}
PROMPT = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "cwd": "/", "prompt": "Go on"}

HEAVY = {
    *("asyncio", "attr", "attrs", "cattr", "cattrs", "difflib", "hashlib", "importlib.metadata", "importlib.resources"),
    *("inspect", "logging", "pluggy", "random", "shutil", "socket", "ssl", "subprocess", "tempfile", "tomllib"),
    *("traceback", "typing_extensions", "ulid", "unittest", "zipfile"),
}
"""What no command imports that a hook or a script may call a hundred times a session."""
BUS = {"interhost.bus.bus", "interhost.bus.database", "sqlite3"}
OFF_THE_HOOK_PATH = {
    *HEAVY,
    *BUS,
    *("argparse", "ast", "base64", "collections", "configparser", "contextlib", "copy", "csv", "ctypes", "dataclasses"),
    *("datetime", "decimal", "email", "enum", "fnmatch", "functools", "gettext", "glob", "heapq", "importlib"),
    *("ipaddress", "itertools", "json", "locale", "math", "numbers", "operator", "pathlib", "pickle", "pkgutil"),
    *("platform", "pprint", "queue", "re", "selectors", "shlex", "signal", "site", "string", "struct", "textwrap"),
    *("threading", "tokenize", "types", "typing", "urllib.parse", "uuid", "warnings", "weakref"),
}
"""What no hook imports: with any of it, the start of Python would no longer be most of what a hook costs."""

HOOK_MODULES = {
    "__future__",
    "_json",
    "fcntl",
    "interhost",
    "interhost.bus",
    "interhost.bus.advice_marks",
    "interhost.bus.hook_index",
    "interhost.bus.hook_record",
    "interhost.bus.state",
    "interhost.claude",
    "interhost.claude.entry",
    "interhost.claude.events",
    "interhost.claude.stdin",
    "interhost.claude.worker",
    "interhost.errors",
    "interhost.json_scan",
    "select",
}
"""Everything that a hook imports besides ``os``, which is 0.25 ms each: whoever adds one says so here."""
DELIVERING_MODULES = {
    "interhost.bus.advice_store",
    "interhost.bus.database",
    "interhost.bus.lock",
    "interhost.bus.problem_mark",
    "interhost.bus.schema",
    "interhost.claude.advice",
}
"""What of ours a hook imports besides, to hand out advice for its session."""
MAIN_MODULES = {"__future__", "interhost", "interhost.cli", "interhost.cli.main", "interhost.errors"}


class Loaded(NamedTuple):
    """What a process has done besides its work.

    Attributes:
        modules: Everything that is imported at its end, and was not before it began.
        opened: Every file that it opened, in order.
        out: What it printed.
    """

    modules: set[str]
    opened: list[str]
    out: str


class User:
    """Somebody with adapters, a state directory, and Claude Code.

    Args:
        base: An empty folder.
        adapters: How many adapters are installed; each observes edits.
    """

    def __init__(self, base: Path, adapters: int = 0) -> None:
        self.base = base
        self.site = base / "site"
        self.state = base / "state"
        self.site.mkdir(parents=True)
        for number in range(adapters):
            write_adapter(self.site, f"a{number}", ["notify"], "")
            manifest = self.site / f"demo_a{number}" / "integration.json"
            content = json.loads(manifest.read_text())
            content["interbus"]["observes"] = {"hooks": ["PostToolUse:Edit|Write", "Stop"]}
            manifest.write_text(json.dumps(content))

    def run(self, code: str, stdin: str = "") -> Loaded:
        """Run code in a fresh interpreter that cannot leave without saying what it has imported."""
        report = self.base / "report.json"
        program = f"""
import os, sys
sys.path += {[str(ROOT), str(self.site)]!r}
before, opened = set(sys.modules), []
def end(code):
    there = sorted(set(sys.modules) - before)
    fd = os.open({str(report)!r}, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(fd, repr((there, opened)).encode())
    leave(code)
leave, os._exit = os._exit, end
sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
{code}
sys.stdout.flush()
os._exit(0)
"""
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.base,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(self.base), "INTERBUS_ROOT": str(self.state)},
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        modules, opened = ast.literal_eval(report.read_text())
        return Loaded(set(modules), opened, done.stdout)

    def command(self, program: str, *argv: str) -> Loaded:
        """Run a command as the installed program does."""
        call = f"sys.argv = {[program, *argv]!r}\nfrom interhost.cli.main import {program}\nassert {program}() == 0"
        return self.run(call)

    def event(self, event: Mapping[str, object], code: str = "") -> Loaded:
        """Let Claude Code call the hook, where a worker has been a moment ago; a new one is waited for."""
        if not (self.state / "hook-index.json").exists():
            self.state.mkdir(mode=0o700)
            self.run(
                "from pathlib import Path\nfrom interhost.host.hook_index import refresh_hook_index\n"
                f"refresh_hook_index(Path({str(self.state)!r}))"
            )
        (self.state / STAMP).touch()
        run_script = f"__file__ = {str(HOOK)!r}\nexec(compile(open(__file__).read(), __file__, 'exec'))"
        loaded = self.run(code or run_script, json.dumps(event))
        with (self.state / WORKER_LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        return loaded


@pytest.fixture
def user(tmp_path: Path) -> User:
    """Somebody with four adapters."""
    return User(tmp_path / "user", adapters=4)


def ours(modules: set[str], *prefixes: str) -> set[str]:
    """The modules below some packages."""
    return {name for name in modules if name.startswith(prefixes)}


def test_unobserved_hook_imports_exactly_this(user: User) -> None:
    """An event that nobody observes: seventeen modules, and no more without being said here."""
    loaded = user.event(UNOBSERVED)
    assert not loaded.modules & OFF_THE_HOOK_PATH
    assert loaded.modules == HOOK_MODULES
    assert not list_records(str(user.state))
    assert not (user.state / "bus.db").exists(), "a worker ran, or the hook opened the database"


def test_observed_hook_imports_nothing_more(user: User) -> None:
    """Also when it records the event and starts a worker: what costs more is a process of its own."""
    loaded = user.event(OBSERVED)
    assert not loaded.modules & OFF_THE_HOOK_PATH
    assert loaded.modules == HOOK_MODULES
    assert any("/spool/hooks/" in path for path in loaded.opened)
    assert (user.state / "bus.db").exists(), "no worker ran"


def test_delivering_hook_opens_the_database_and_nothing_more(user: User) -> None:
    """Advice for its session costs what SQLite's module imports, and neither pathlib, typing, re nor the whole bus."""
    user.event(UNOBSERVED)
    with Bus(user.state) as bus:
        bus.store.add_advice("a0", "it is so", session_id="s", context_id=None, expires=None)
    loaded = user.event(PROMPT)
    assert "a0: it is so" in loaded.out
    assert not loaded.modules & (HEAVY | {"contextlib", "enum", "json", "pathlib", "re", "typing"})
    assert ours(loaded.modules, "interhost") == ours(HOOK_MODULES, "interhost") | DELIVERING_MODULES


def test_sixteen_adapters_instead_of_four_cost_a_hook_no_import_and_no_file(tmp_path: Path) -> None:
    """The same modules are imported, and the same files are opened, for sixteen as for four."""
    few, many = (User(tmp_path / f"{count}", adapters=count) for count in (4, 16))
    costs = []
    for each in (few, many):
        each.event(UNOBSERVED)  # Python compiles what it has not seen before
        loaded = each.event(UNOBSERVED)
        costs.append((loaded.modules, [path.replace(str(each.base), "") for path in loaded.opened]))
    assert costs[0] == costs[1]
    assert "/state/hook-index.json" in costs[0][1]


@pytest.mark.parametrize(("event", "observed"), [(UNOBSERVED, False), (OBSERVED, True)], ids=["unobserved", "observed"])
def test_hook_of_the_installed_program_imports_the_list_of_commands_besides(
    user: User, event: Mapping[str, object], observed: bool
) -> None:
    """``interhost hook`` costs a hook two modules more; neither argparse nor the package's metadata."""
    call = "sys.argv = ['interhost', 'hook']\nfrom interhost.cli.main import interhost\ninterhost()"
    loaded = user.event(event, call)
    assert not loaded.modules & OFF_THE_HOOK_PATH
    assert loaded.modules == HOOK_MODULES | MAIN_MODULES
    assert (user.state / "bus.db").exists() is observed


@pytest.mark.parametrize("program", ["interhost", "interbus"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_the_list_of_commands_only(user: User, program: str, option: str) -> None:
    """Neither needs a bus, a database, JSON, the registry or any command."""
    loaded = user.command(program, option)
    assert not loaded.modules & OFF_THE_HOOK_PATH
    assert loaded.modules == MAIN_MODULES | ({"interhost.version"} if option == "--version" else set())
    assert loaded.out.startswith(program if option == "--version" else "usage:")


def test_list_imports_no_adapter_and_no_database(tmp_path: Path) -> None:
    """Sixteen adapters are listed, none is imported, nor what they need; where nothing is wrong, no log is opened."""
    user = User(tmp_path / "user", adapters=16)
    Bus(user.state).close()
    loaded = user.command("interhost", "list")
    assert len(loaded.out.splitlines()) == 16
    assert not ours(loaded.modules, "demo_", "interhost_", "interhost.claude")
    assert not loaded.modules & (HEAVY | BUS | {"datetime", "interhost.bus.envelope", "pathlib", "urllib.parse"})


def test_list_opens_the_database_for_what_is_wrong(user: User) -> None:
    """A problem that a host recorded is shown, and the database is opened for it."""
    with Bus(user.state) as bus:
        bus.store.set_problem("a2", "load", "it broke")
    loaded = user.command("interhost", "list")
    problems = {one["name"]: one["problem"] for one in map(json.loads, loaded.out.splitlines())}
    assert problems == {"a0": "", "a1": "", "a2": "load: it broke", "a3": ""}
    assert "interhost.bus.database" in loaded.modules
    assert not loaded.modules & HEAVY


def test_toml_is_read_only_where_there_is_some(user: User) -> None:
    """A user without a configuration does not pay for a parser; one with a configuration gets it read."""
    assert "tomllib" not in user.command("interhost", "list").modules
    user.state.mkdir(mode=0o700)
    (user.state / "config.toml").write_text("")
    assert "tomllib" in user.command("interhost", "list").modules


@pytest.mark.parametrize(
    "argv", [["publish", "notify", "--payload", '{"text": "hello"}'], ["emit", "notify", '{"text": "hello"}']]
)
def test_publishing_a_fact_imports_nothing_heavy(user: User, argv: Sequence[str]) -> None:
    """Also when it is really done: the payload checked, the adapters looked up, the fact stored; no adapter loaded."""
    loaded = user.command("interbus", *argv)
    assert not loaded.modules & HEAVY
    assert loaded.modules >= BUS
    assert not ours(loaded.modules, "demo_", "interhost_", "interhost.claude", "interhost.bus.spool")
    with Bus(user.state) as bus:
        assert bus.log.end() == 1


@pytest.mark.parametrize("module", ["interhost.bus.bus", "interhost.cli.publish", "interhost.bus.spool"])
def test_publishing_modules_import_nothing_heavy(user: User, module: str) -> None:
    """What a shell's publish imports stays with the standard library's cheap part."""
    assert not user.run(f"import {module}").modules & HEAVY


@pytest.mark.parametrize("command", ["publish", "replay", "trace", "subscribe", "catalog"])
def test_protocol_commands_import_no_host_that_loads_adapters(user: User, command: str) -> None:
    """The protocol's commands work where an adapter would not even import: they load none."""
    loaded = user.run(f"import interhost.cli.{command}")
    assert not loaded.modules & {"interhost.host.loading", "interhost.host.host", "pluggy", "cattrs"}
