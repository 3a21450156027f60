"""What a command pays for in imports, read from ``sys.modules`` of fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "attr",
    "attrs",
    "cattr",
    "cattrs",
    "pluggy",
    "ulid",
    "importlib.metadata",
    "asyncio",
    "subprocess",
    "tomllib",
    "difflib",
    "typing_extensions",
    "logging",
    "unittest",
}
BUS = {"interhost.bus.bus", "interhost.bus.database", "sqlite3"}


def modules(tmp_path: Path, code: str) -> set[str]:
    """Modules that are loaded after some code ran in an isolated interpreter with an empty home."""
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG"}}
    program = f"import sys\n{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "INTERBUS_ROOT": str(tmp_path / "state")},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def call(program: str, *argv: str) -> str:
    """Code that runs a command and insists on its success."""
    return f"from interhost.cli.main import {program}; assert {program}({list(argv)!r}) == 0"


@pytest.mark.parametrize("module", ["interhost.bus.bus", "interhost.cli.publish", "interhost.bus.spool"])
def test_publishing_modules_import_nothing_heavy(tmp_path: Path, module: str) -> None:
    """What a shell's publish imports stays with the standard library's cheap part."""
    assert not modules(tmp_path, f"import {module}") & HEAVY


def test_publishing_a_fact_imports_nothing_heavy(tmp_path: Path) -> None:
    """Also when it is really done: the payload checked, the adapters looked up, the fact stored."""
    loaded = modules(tmp_path, call("interbus", "publish", "notify", "--payload", '{"text": "hello"}'))
    assert not loaded & HEAVY
    assert loaded >= BUS
    assert not {name for name in loaded if name.startswith("interhost_")}


def test_toml_is_read_only_where_there_is_some(tmp_path: Path) -> None:
    """A user without a configuration does not pay for a parser; one with a configuration gets it read."""
    assert "tomllib" not in modules(tmp_path, call("interhost", "list"))
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "config.toml").write_text("")
    assert "tomllib" in modules(tmp_path, call("interhost", "list"))


@pytest.mark.parametrize("program", ["interhost", "interbus"])
def test_help_imports_the_list_of_commands_only(tmp_path: Path, program: str) -> None:
    """``--help`` needs neither bus, database, JSON, registry nor any command."""
    loaded = modules(tmp_path, call(program, "--help"))
    assert not loaded & (HEAVY | BUS | {"json"})
    assert {name for name in loaded if name.startswith("interhost")} == {
        "interhost",
        "interhost.cli",
        "interhost.cli.main",
        "interhost.errors",
    }


def test_version_imports_the_registry_only(tmp_path: Path) -> None:
    """``--version`` reads our own metadata: no bus, no database, nothing heavy."""
    loaded = modules(tmp_path, call("interhost", "--version"))
    assert not loaded & (HEAVY | BUS)
    assert {name for name in loaded if name.startswith("interhost.bus")} <= {"interhost.bus", "interhost.bus.envelope"}


def test_list_imports_no_adapter(tmp_path: Path) -> None:
    """The listing names the adapters of this environment and has imported none of them, nor what they need."""
    loaded = modules(tmp_path, call("interhost", "list"))
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith("interhost_")}


@pytest.mark.parametrize("command", ["publish", "replay", "trace", "subscribe", "catalog"])
def test_protocol_commands_import_no_host_that_loads_adapters(tmp_path: Path, command: str) -> None:
    """The protocol's commands work where an adapter would not even import: they load none."""
    loaded = modules(tmp_path, f"import interhost.cli.{command}")
    assert not loaded & {"interhost.host.loading", "interhost.host.host", "pluggy", "cattrs"}
