"""The documentation says what is: generated files are fresh, links resolve, and shown commands were run.

How a ``console`` block is read, :mod:`tests.docs_kit` says.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import runpy
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import CATALOGUE, specs

from interhost.bus.payload import check_payload
from interhost.cli import main
from tests.docs_kit import BLOCK, list_steps, make_pattern, with_ids

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
ADAPTERS = sorted(path.parent.name for path in (ROOT / "adapters").glob("*/pyproject.toml"))
PLAYED = ("README.md", "docs/clavain.md", "docs/commands.md", "docs/shell-publishing.md", "docs/write-an-adapter.md")
ENDS_WITHIN = 60.0


def _markdown() -> list[Path]:
    tracked = (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("adapters/*/*.md"))
    return sorted(set(tracked))


def _names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def generate() -> dict[str, Any]:
    """What docs/generate.py defines."""
    return runpy.run_path(str(ROOT / "docs" / "generate.py"))


# Generated files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["docs/hooks.md", "docs/catalogue.md", "docs/adapters.md"])
def test_generated_files_are_up_to_date(generate: dict[str, Any], name: str) -> None:
    """What is in the repository is what the generator makes of the specifications today."""
    assert (ROOT / name).read_text("utf-8") == generate["documents"]()[ROOT / name], "run 'make docs'"


@pytest.mark.parametrize("hook", specs.__all__)
def test_every_hook_stands_in_the_docs_with_its_signature(generate: dict[str, Any], hook: str) -> None:
    """No hook of the specifications is missing, and each has a heading and its exact signature."""
    text = (ROOT / "docs" / "hooks.md").read_text("utf-8")
    assert f"### {hook}\n\n```python\n{generate['signature'](getattr(specs, hook))}\n```" in text


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_example_of_the_catalogue_is_valid(generate: dict[str, Any], name: str) -> None:
    """Whoever copies an example can publish it."""
    check_payload(CATALOGUE[name].INTENT, generate["EXAMPLES"][name])


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_has_its_screen(name: str) -> None:
    """What it watches, tells, reacts to, and every setting with how to turn on what is off; read from its manifest."""
    text = (ROOT / "docs" / "adapters.md").read_text("utf-8")
    section = re.search(rf"^## {name}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section
    offer = json.loads((ROOT / "integration-manifests" / f"{name}.json").read_text("utf-8"))["interbus"]
    watched = [*offer["observes"]["files"], *offer["observes"]["hooks"]]
    intents = [one.partition("@")[0] for one in (*offer["produces"], *offer["consumes"])]
    settings = offer.get("settings", {})
    assert [one for one in (*watched, *intents, *settings) if f"`{one}`" not in section[1]] == []
    off = [key for key, row in settings.items() if row["default"] is False]
    assert not off or f"[adapters.{name}]\n{off[0]} = true\n" in section[1]
    assert f"](../adapters/{name}/README.md)" in section[1]


def test_every_told_fact_has_one_owner(generate: dict[str, Any]) -> None:
    """No fact stands twice in the table; what an adapter tells according to its manifest is in it, and nothing else."""
    owners = generate["OWNERS"]
    facts = [what for rows in owners.values() for what, _ in rows]
    assert len(set(facts)) == len(facts)
    for name in ADAPTERS:
        offer = json.loads((ROOT / "integration-manifests" / f"{name}.json").read_text("utf-8"))["interbus"]
        told = {intent for _, intents in owners.get(name, ()) for intent in intents}
        assert told == {one.partition("@")[0] for one in offer["produces"]}, name


# Names and links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", _markdown(), ids=_names)
def test_every_relative_link_resolves(path: Path) -> None:
    """A link leads to a file that exists, and to a heading that it has."""
    text = BLOCK.sub("", path.read_text("utf-8"))
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        linked = (path.parent / file) if file else path
        assert linked.exists(), f"{target}: no such file"
        assert not anchor or anchor in _anchors(linked), f"{target}: no such heading"


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", _markdown(), ids=_names)
def test_every_named_test_exists(path: Path) -> None:
    """A promise that names the test which keeps it names a real one."""
    for file, function in re.findall(r"`((?:[\w-]+/)*test_\w+\.py)::(test_\w+)`", path.read_text("utf-8")):
        assert f"def {function}(" in (ROOT / file).read_text("utf-8"), f"{file}::{function}"


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_stands_in_the_security_page(name: str) -> None:
    """What reaches something through it, in rows that each name the tests which keep them."""
    rows = re.findall(r"^\|([^|]+)\|.*\|([^|]+)\|$", (ROOT / "docs" / "security.md").read_text("utf-8"), re.MULTILINE)
    mine = [kept for adapters, kept in rows if name in adapters.replace(",", " ").split()]
    assert mine
    assert [kept for kept in mine if not re.search(r"test_\w+\.py::test_\w+`", kept)] == []


@pytest.mark.parametrize(
    ("program", "command"),
    [("interbus", name) for name in main.INTERBUS] + [("interhost", name) for name in main.INTERHOST],
)
def test_every_command_is_explained_with_its_options(program: str, command: str) -> None:
    """docs/commands.md has a section for each command, and names each of its options there."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    section = re.search(rf"^## {program} {command}$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(main.module_of(command)).configure(parser)
    options = set(re.findall(r"\[?(--[a-z-]+)\b", parser.format_usage()))
    assert {option for option in options if option not in section[1]} == set()


# Shown commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAYED)
def test_shown_commands_do_what_is_shown(name: str, tmp_path: Path) -> None:
    """Whoever types the commands of this file, in order, sees what it shows."""
    steps = list(list_steps((ROOT / name).read_text("utf-8")))
    assert steps, "nothing to play"
    ids: dict[str, str] = {}
    with Shell(tmp_path) as shell:
        for step in steps:
            where = f"{name}:{step.line}: {step.command or step.file}"
            if step.file:
                shell.write(step.file, step.output)
                continue
            code, output = shell.run(with_ids(step.command, ids))
            assert code == step.code, f"{where}\n{output}"
            if step.output:
                pattern, unknown = make_pattern(step.output, ids)
                found = re.fullmatch(pattern, output)
                assert found, f"{where}\n--- shown\n{step.output}\n--- seen\n{output}"
                ids.update({shown: found[group] for shown, group in unknown.items()})


def test_a_wrong_output_is_noticed() -> None:
    """The matching lets only through what it is documented to let through."""
    first, second = "01M84Z52GSD69ZZQXMAMJPK8YQ", "01M84Z54XEDZV9HN0ZZZYZZ73N"
    pattern, ids = make_pattern(f"published {first}  at 2026-11-20 10:00:00\n...\nend ... {first}", {})
    assert list(ids) == [first]
    assert re.fullmatch(pattern, f"published {second} at 2027-01-01 00:00:00\none\ntwo\nend of {second}")
    assert re.fullmatch(pattern, f"published {second} at 2027-01-01 00:00:00\nend of {second}")
    assert not re.fullmatch(pattern, f"published {second} at 2027-01-01 00:00:00\nend of {first}")
    assert not re.fullmatch(pattern, f"published {second} at noon\nend of {second}")


class Shell:
    """One shell on a terminal, in a home of its own.

    Args:
        base: An empty directory.
    """

    def __init__(self, base: Path) -> None:
        """Make the home, and a ``pip`` that installs, editable, beside the environment instead of into it."""
        self.home, tools, site = (base / name for name in ("home", "tools", "site"))
        for folder in (self.home, tools, site):
            folder.mkdir()
        _write_pip(tools / "pip", site)
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{tools}:{BIN}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(site),
            "COLUMNS": "118",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def __enter__(self) -> Shell:
        """Start it."""
        self.terminal, inside = os.openpty()
        self.bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=inside,
            stderr=inside,
            cwd=self.home,
            env=self.environ,
            start_new_session=True,
        )
        os.close(inside)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        assert self.bash.stdin
        self.bash.kill()
        self.bash.stdin.close()
        self.bash.wait()
        os.close(self.terminal)

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and output of one command, as a terminal shows it."""
        assert self.bash.stdin
        self.bash.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\036%d\\036' $?\n".encode())
        self.bash.stdin.flush()
        text, end = "", time.monotonic() + ENDS_WITHIN
        while not (done := re.search("\x1e(\\d+)\x1e", text)):
            ready = select.select([self.terminal], [], [], max(0.0, end - time.monotonic()))[0]
            assert ready, f"{command}: still running after {ENDS_WITHIN:g} s\n{text}"
            text += os.read(self.terminal, 65536).decode("utf-8", "replace")
        output = re.sub(r"\x1b\[\d*m", "", text[: done.start()]).replace("\r\n", "\n")
        return int(done[1]), output.replace(str(self.home), "~")

    def write(self, name: str, text: str) -> None:
        """Write a file where the shell is."""
        here = self.run("pwd")[1].strip().replace("~", str(self.home), 1)
        path = Path(here, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _write_pip(path: Path, site: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    place = shlex.quote(str(site))
    link = f'for one in src/*; do rm -rf {place}/"${{one#src/}}" && ln -s "$PWD/$one" {place}; done'
    path.write_text(f"#!/bin/sh\n{shlex.join([*install, '--target', str(site)])} . && {link}\n")
    path.chmod(0o755)
