"""``interhost new``: what it creates, and what it refuses."""

from __future__ import annotations

import ast
import json
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.errors import InputError
from interhost.manifests.interbus import read_interbus
from interhost.scaffold.create import TEMPLATE, create_adapter, rename

if TYPE_CHECKING:
    from tests.conftest import Shell


def list_files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_adapter_is_created_with_what_to_do_next(shell: Shell) -> None:
    """The files on standard output, the next steps beside it; a pipe gets one record."""
    done = shell.run("interhost", "new", "jot", "--table")
    assert done.out.splitlines()[0] == "created interhost-jot"
    assert "cd interhost-jot && python -m pip install -e '.[test]'" in done.err
    assert "interhost list" in done.err
    [record] = shell.run("interhost", "new", "jot", "--dir", "a b/c").records
    assert record == {
        "name": "jot",
        "path": str(shell.project / "a b" / "c"),
        "files": [
            "README.md",
            "pyproject.toml",
            "src/interhost_jot/__init__.py",
            "src/interhost_jot/adapter.py",
            "src/interhost_jot/integration.json",
            "src/interhost_jot/py.typed",
            "tests/test_jot.py",
        ],
    }
    for folder in (shell.project / "interhost-jot", shell.project / "a b" / "c"):
        assert list_files(folder) == record["files"]
    assert "cd 'd e' &&" in shell.run("interhost", "new", "jot", "--dir", "d e", "--table").err
    assert not shell.root.exists()


@pytest.mark.parametrize("name", ["jot", "tool-box", "x", "a1-b2-c3", "widget", "widget-press", "y" * 64])
def test_every_name_is_put_where_it_belongs(tmp_path: Path, name: str) -> None:
    """Distribution, entry point, package, manifest and tests agree, and nothing of the template's name is left."""
    folder, module = tmp_path / "made", name.replace("-", "_")
    create_adapter(name, folder)
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["project"]["name"] == f"interhost-{name}"
    assert project["project"]["entry-points"]["interhost.adapters"] == {name: f"interhost_{module}.adapter"}
    package = folder / "src" / f"interhost_{module}"
    assert json.loads((package / "integration.json").read_text())["name"] == name
    assert read_interbus(package / "integration.json").produces == ("discover_work@1.0",)
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text())
    texts = " ".join([*list_files(folder), *(path.read_text() for path in folder.rglob("*") if path.is_file())])
    assert "widget" not in re.sub(re.escape(name), "", texts.replace(module, name)).lower()


def test_what_is_created_is_the_template() -> None:
    """The one that is checked and typed here; under its own name nothing changes."""
    for path in TEMPLATE.rglob("*.*"):
        if "__pycache__" not in path.parts and path.is_file():
            assert rename(path.read_text(), "widget") == path.read_text()


NAMES = ["", "-", "Jot", "jöt", "jot_", "jot-", "1jot", "jot--box", "../jot", "jot\n", "a b", "$(touch x)", "y" * 65]
TAKEN = ["hookspecs", "shell", "cli"]


@pytest.mark.parametrize("name", [*NAMES, *TAKEN])
def test_what_cannot_be_a_name_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is written."""
    with pytest.raises(InputError, match=r"^name ") as caught:
        create_adapter(name, tmp_path / "made")
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_name_on_the_bus_is_refused(shell: Shell) -> None:
    """Of two adapters of one name only one would ever be called."""
    done = shell.run("interhost", "new", "interphase", code=65)
    assert "adapter 'interphase' is installed already, by interhost-interphase 0.1.0" in done.err
    assert not (shell.project / "interhost-interphase").exists()


def test_nothing_is_overwritten(shell: Shell) -> None:
    """A folder, a file or a link that is there stays as it is."""
    (shell.project / "folder").mkdir()
    (shell.project / "file").write_text("mine")
    (shell.project / "link").symlink_to("nowhere")
    before = sorted(shell.project.iterdir())
    for name in ("folder", "file", "link"):
        assert f"{name}: exists already" in shell.run("interhost", "new", "jot", "--dir", name, code=65).err
    below = shell.run("interhost", "new", "jot", "--dir", "file/below", code=65).err
    assert "file/below: " in below
    assert sorted(shell.project.iterdir()) == before
    assert (shell.project / "file").read_text() == "mine"
    assert list((shell.project / "folder").iterdir()) == []
    assert not (shell.project / "nowhere").exists()


def test_half_an_adapter_is_not_left(tmp_path: Path) -> None:
    """A name that the file system does not take, or a place where only some of the files fit, leaves no folder."""
    deep = tmp_path
    while len(str(deep)) < 4096 - 250:  # longest path of Linux
        deep /= "d" * 200
    deep /= "d" * (4096 - len(str(deep)) - 30)
    for folder in (tmp_path / ("x" * 300), tmp_path / "a\0b", deep):
        with pytest.raises(InputError) as caught:
            create_adapter("jot", folder)
        assert caught.value.hint == "nothing was changed; name another folder with --dir"
        assert not os.path.lexists(folder)
