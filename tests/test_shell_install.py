"""``interhost shell`` and ``interhost interbase stub``: where the shell libraries get to, and what is never lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.shells.install import install_library
from interhost.shells.libraries import LIBRARIES, Library, packaged_libraries, stated_version
from tests.hook_kit import BASH, LIBRARY, SHELL, STUB

if TYPE_CHECKING:
    from tests.conftest import Done, Shell

OLDER = b"# version: 1.0.0\nib_has_ic() { return 1; }\n"


class Installed:
    """What is installed of interbase in a shell's home, and the commands that change it."""

    def __init__(self, shell: Shell) -> None:
        shell.environ["PATH"] = f"{Path(BASH).parent}:{os.defpath}"
        self.shell = shell
        self.folder = shell.home / ".intermod" / "interbase"
        self.main = self.folder / "interbase.sh"

    def run(self, *arguments: str, code: int = 0, **env: str) -> Done:
        """``interhost shell`` for interbase only."""
        return self.shell.run("interhost", "shell", arguments[0], "interbase", *arguments[1:], env=env, code=code)

    def put(self, version: str, content: bytes = OLDER) -> None:
        """Somebody else's copy."""
        self.folder.mkdir(parents=True)
        self.main.write_bytes(content)
        (self.folder / "VERSION").write_text(version)

    def status(self, code: int = 0, **env: str) -> dict[str, str | None]:
        """What ``status`` says."""
        [record] = self.run("status", code=code, **env).records
        return record

    def files(self) -> dict[str, bytes]:
        """Everything below the library's folder."""
        return {str(one.relative_to(self.folder)): one.read_bytes() for one in self.folder.rglob("*") if one.is_file()}


@pytest.fixture
def installed(shell: Shell) -> Installed:
    """A home in which nothing is installed."""
    return Installed(shell)


# Installing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", packaged_libraries(), ids=lambda one: one.name)
def test_every_library_says_its_version_and_parses(library: Library) -> None:
    """Each file of the table is in the package, and the main one states a version of numbers and dots."""
    contents = library.packaged()
    assert stated_version(contents[library.main]) == library.version()
    assert contents["VERSION"] == f"{library.version()}\n".encode()
    assert list(contents)[-1] == "VERSION"
    assert subprocess.run([BASH, "-n"], input=contents[library.main], check=True).returncode == 0


def test_the_version_of_interbase_is_that_of_its_interface() -> None:
    """It stands in the file, for the installer, and in a function, for whoever has sourced it."""
    [interbase] = [one for one in LIBRARIES if one.name == "interbase"]
    done = subprocess.run([BASH, "-c", f"source '{LIBRARY}'; _ib_version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{interbase.version()}\n" == "2.0.0\n"


def test_install_puts_every_file_in_its_place(installed: Installed) -> None:
    """Readable for all, writable for the user; a second time nothing is left to do."""
    records = installed.run("install").records
    assert [one["action"] for one in records] == ["create"] * 4
    assert [Path(one["path"]) for one in records] == [
        installed.folder / name
        for name in ("interbase.sh", "interbase-stub.sh", "templates/integration.json", "VERSION")
    ]
    assert installed.main.read_bytes() == LIBRARY.read_bytes()
    assert (installed.folder / "VERSION").read_text() == "2.0.0\n"
    assert {path.stat().st_mode & 0o777 for path in map(Path, (one["path"] for one in records))} == {0o644}
    before = installed.files()
    assert {one["action"] for one in installed.run("install").records} == {"unchanged"}
    assert installed.files() == before


def test_all_libraries_are_installed_when_none_is_named(installed: Installed) -> None:
    """And removed again, with their folder; other libraries in it stay."""
    names = {one.name for one in packaged_libraries()}
    assert "interbase" in names
    assert {one["library"] for one in installed.shell.run("interhost", "shell", "install").records} == names
    root = installed.shell.home / ".intermod"
    assert {one.name for one in root.iterdir()} == names
    (root / "other").mkdir()
    installed.shell.run("interhost", "shell", "uninstall")
    assert [one.name for one in root.iterdir()] == ["other"]


def test_an_older_copy_is_kept(installed: Installed) -> None:
    """As ``.bak`` beside the new one."""
    installed.put("1.0.0\n")
    records = {Path(one["path"]).name: one for one in installed.run("install").records}
    assert (records["interbase.sh"]["action"], records["interbase-stub.sh"]["action"]) == ("replace", "create")
    assert Path(records["interbase.sh"]["backup"]) == installed.folder / "interbase.sh.bak"
    assert installed.files()["interbase.sh.bak"] == OLDER
    assert installed.files()["VERSION.bak"] == b"1.0.0\n"
    assert installed.files()["interbase.sh"] == LIBRARY.read_bytes()


@pytest.mark.parametrize("version", ["2.0.1", "2.10.0\n", "10.0"])
def test_a_newer_copy_is_never_replaced_by_itself(installed: Installed, version: str) -> None:
    """The error names both versions and changes nothing; ``--force`` replaces it and keeps it."""
    installed.put(version)
    before = installed.files()
    done = installed.run("install", code=69)
    assert f"interbase {version.strip()} is installed" in done.err
    assert "2.0.0" in done.err
    assert "--force" in done.err
    assert installed.files() == before
    installed.run("install", "--force")
    assert installed.files()["interbase.sh.bak"] == OLDER
    assert installed.status()["state"] == "current"


@pytest.mark.parametrize("version", ["2.0.0-rc.1", "1.99.99", "", "garbage", "2.0.0"])
def test_what_is_not_newer_is_replaced(installed: Installed, version: str) -> None:
    """Also what does not say a version; never without a copy."""
    installed.put(version)
    installed.run("install")
    assert installed.files()["interbase.sh.bak"] == OLDER


def test_dry_run_says_and_changes_nothing(installed: Installed) -> None:
    """For a first installation, for a replacement and for a removal."""
    done = installed.run("install", "--dry-run")
    assert [one["action"] for one in done.records] == ["create"] * 4
    assert "nothing was changed" in done.err
    assert not (installed.shell.home / ".intermod").exists()
    installed.put("1.0.0")
    before = installed.files()
    assert [one["action"] for one in installed.run("install", "--dry-run").records] == [
        *("replace", "create", "create", "replace")
    ]
    assert "remove" in installed.run("uninstall", "--dry-run", "--force", "--table").out
    assert installed.files() == before


def test_uninstall_removes_what_install_put_there(installed: Installed) -> None:
    """And nothing else: backups stay, and a copy that is not the packaged one needs ``--force``."""
    installed.put("1.0.0")
    assert "not the copy" in installed.run("uninstall", code=69).err
    installed.run("install")
    records = installed.run("install", "--uninstall").records
    assert [one["action"] for one in records] == ["remove"] * 4 + ["keep"] * 2
    assert installed.files() == {"interbase.sh.bak": OLDER, "VERSION.bak": b"1.0.0"}
    assert "nothing is installed" in installed.run("uninstall", code=1).err
    installed.run("install")
    with installed.main.open("a") as file:
        file.write("# mine\n")
    before = installed.files()
    assert "nothing was changed" in installed.run("uninstall", code=69).err
    assert installed.files() == before
    installed.run("uninstall", "--force")
    assert "interbase.sh" not in installed.files()


def test_uninstall_removes_what_python_made_of_it(installed: Installed) -> None:
    """Modules of interband are compiled beside themselves when a hook uses them; what is not of ours stays."""
    shell, root = installed.shell, installed.shell.home / ".intermod"
    for mine in (False, True):
        shell.run("interhost", "shell", "install", "interband")
        cache = root / "interband" / "__pycache__"
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(root / "interband")], check=True)
        compiled = len(list((root / "interband").glob("*.py")))
        assert len(list(cache.iterdir())) == compiled > 0
        if mine:
            (cache / "mine.pyc").write_text("")
        shell.run("interhost", "shell", "uninstall", "interband", "--dry-run")
        assert len(list(cache.iterdir())) == compiled + mine
        shell.run("interhost", "shell", "uninstall", "interband")
        assert [one.name for one in root.rglob("*.pyc")] == ["mine.pyc"][:mine]
        assert root.exists() == mine


def test_a_link_is_replaced_and_what_it_leads_to_is_not(installed: Installed) -> None:
    """A developer's link into a checkout: the checkout stays as it is."""
    checkout = installed.shell.project / "interbase.sh"
    checkout.write_bytes(OLDER)
    installed.folder.mkdir(parents=True)
    installed.main.symlink_to(checkout)
    installed.run("install")
    assert checkout.read_bytes() == OLDER
    assert not installed.main.is_symlink()
    assert installed.files()["interbase.sh.bak"] == OLDER


@pytest.mark.parametrize("kind", ["folder", "pipe", "parent"])
def test_what_cannot_be_written_is_named(installed: Installed, kind: str) -> None:
    """A folder or a pipe in the file's place, a file in the folder's: 69, the path, and no leftovers."""
    if kind == "parent":
        (installed.shell.home / ".intermod").write_text("")
    else:
        installed.folder.mkdir(parents=True)
        if kind == "folder":
            installed.main.mkdir()
        else:
            os.mkfifo(installed.main)
    done = installed.run("install", code=69)
    assert str(installed.shell.home / ".intermod") in done.err
    assert [one.name for one in installed.folder.parent.rglob("*.tmp")] == []


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_a_home_nothing_is_installed_anywhere(installed: Installed, home: str) -> None:
    """Hooks would look below HOME, so that has to be one."""
    assert "HOME" in installed.run("install", code=69, HOME=home).err
    assert not (installed.shell.project / "relative").exists()


def test_an_unknown_library_is_a_usage_error(installed: Installed) -> None:
    """It says which there are."""
    done = installed.shell.run("interhost", "shell", "install", "interbse", code=64)
    assert "interbase" in done.err
    assert not installed.folder.exists()


def test_a_hook_never_sees_half_a_file(installed: Installed) -> None:
    """While one copy replaces another again and again, every hook that starts gets a whole one."""
    [interbase] = [one for one in LIBRARIES if one.name == "interbase"]
    home, stop = installed.shell.home, threading.Event()
    install_library(interbase, home)

    def swap() -> None:
        while not stop.is_set():
            install_library(interbase, home)
            shutil.copy(LIBRARY, installed.folder / "copy")
            with (installed.folder / "copy").open("a") as file:
                file.write("# another\n")
            (installed.folder / "copy").replace(installed.main)

    thread = threading.Thread(target=swap)
    thread.start()
    script = f"source '{STUB}'; ib_has_companion x || echo $_INTERBASE_SOURCE"
    try:
        for _ in range(60):
            done = subprocess.run([BASH, "-c", script], env={"HOME": str(home)}, capture_output=True, check=True)
            assert (done.stdout, done.stderr) == (b"live\n", b"")
    finally:
        stop.set()
        thread.join()


# Status --------------------------------------------------------------------------------------------------------------


def test_status_says_what_hooks_get(installed: Installed) -> None:
    """Nothing, an older copy, ours, a changed one, a newer one; it exits 1 while there is something to do."""
    missing = installed.status(code=1)
    assert (missing["state"], missing["active"], missing["installed"]) == ("missing", None, None)
    assert missing["why"] == f"{installed.main} is not there"
    assert missing["hint"] == "'interhost shell install interbase' installs the packaged copy"
    installed.put("1.0.0")
    assert installed.status(code=1)["state"] == "older"
    installed.run("install")
    current = installed.status()
    assert (current["state"], current["active"], current["hint"]) == ("current", str(installed.main), None)
    assert current["why"] == "it is installed, and INTERMOD_LIB is not set"
    installed.main.write_bytes(installed.main.read_bytes() + b"# mine\n")
    assert installed.status(code=1)["state"] == "changed"
    (installed.folder / "VERSION").write_text("9.0")
    assert installed.status()["state"] == "newer"


@pytest.mark.parametrize("content", [b"", b"ib_has_ic() {\n", LIBRARY.read_bytes()[:9000]])
def test_status_says_that_a_copy_is_broken(installed: Installed, content: bytes) -> None:
    """Hooks do without it, and so it says; nothing of it is executed to find out."""
    installed.put("2.0.0", b"touch owned\n" + content if content else b"")
    broken = installed.status(code=1)
    assert (broken["state"], broken["active"]) == ("broken", None)
    assert ("does not parse" if content else "is empty") in str(broken["why"])
    assert not (installed.shell.project / "owned").exists()


def test_status_says_what_the_variable_does(installed: Installed) -> None:
    """INTERMOD_LIB counts more than what is installed, also when it leads nowhere."""
    installed.run("install")
    used = installed.status(INTERMOD_LIB=str(LIBRARY))
    assert (used["active"], used["why"], used["state"]) == (str(LIBRARY), "INTERMOD_LIB names it", "current")
    lost = installed.status(code=1, INTERMOD_LIB="/nowhere")
    assert (lost["active"], lost["why"]) == (None, "/nowhere is not there")
    assert str(lost["hint"]).startswith("unset INTERMOD_LIB")


def test_status_agrees_with_what_the_stub_does(installed: Installed) -> None:
    """Whatever is installed: where status names a copy, the stub sources one, and else it falls back."""
    script = f"source '{STUB}'; echo $_INTERBASE_SOURCE"
    env = {"HOME": str(installed.shell.home)}
    for content in (None, b"", b"ib_has_ic() {\n", b"\0\1", LIBRARY.read_bytes()):
        shutil.rmtree(installed.folder, ignore_errors=True)
        if content is not None:
            installed.put("2.0.0", content)
        active = installed.status(code=1)["active"]
        source = subprocess.run([BASH, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
        assert source == ("live\n" if active else "stub\n"), content
    assert active == str(installed.main)


def test_status_names_the_programs_that_are_missing(installed: Installed) -> None:
    """Without flock a hook in shell shows no tips, and somebody must say so."""
    empty = installed.shell.base / "empty"
    empty.mkdir()
    installed.run("install")
    assert "flock" not in installed.run("status").err
    said = installed.run("status", PATH=str(empty)).err
    assert "flock is not on PATH: hooks in shell show no tips" in said
    assert "timeout is not on PATH" in said


def test_status_is_a_table_for_people(installed: Installed) -> None:
    """One line for each library."""
    lines = installed.shell.run("interhost", "shell", "status", "--table", code=1).out.splitlines()
    assert lines[0].split() == ["LIBRARY", "STATE", "INSTALLED", "PACKAGED", "HOOKS", "GET", "BECAUSE"]
    assert [line.split()[:2] for line in lines[1:]] == [[one.name, "missing"] for one in packaged_libraries()]
    assert "no copy" in lines[1]


# The stub in a plugin ------------------------------------------------------------------------------------------------


def test_stub_writes_stub_and_manifest(shell: Shell) -> None:
    """Into the folders where a plugin has them; the manifest carries the plugin's name and is valid."""
    plugin = shell.project / "my-plugin"
    plugin.mkdir()
    records = shell.run("interhost", "interbase", "stub", str(plugin)).records
    assert [one["action"] for one in records] == ["create", "create"]
    assert (plugin / "hooks" / "interbase-stub.sh").read_bytes() == STUB.read_bytes()
    manifest = json.loads((plugin / ".claude-plugin" / "integration.json").read_bytes())
    template = json.loads((SHELL / "templates" / "integration.json").read_bytes())
    assert manifest == {**template, "name": "my-plugin"}
    (plugin / ".claude-plugin" / "integration.json").unlink()
    (plugin / ".claude-plugin" / "plugin.json").write_text('{"name": "stated"}')
    shell.run("interhost", "interbase", "stub", str(plugin))
    assert json.loads((plugin / ".claude-plugin" / "integration.json").read_bytes())["name"] == "stated"


def test_stub_keeps_what_is_the_plugins_own(shell: Shell) -> None:
    """A manifest is never touched; a stub that was changed is kept as ``.bak``; a dry run changes nothing."""
    plugin = shell.project / "my-plugin"
    (plugin / "hooks").mkdir(parents=True)
    (plugin / ".claude-plugin").mkdir()
    (plugin / ".claude-plugin" / "integration.json").write_text("mine")
    (plugin / "hooks" / "interbase-stub.sh").write_text("mine")
    for more in (["--dry-run"], []):
        records = shell.run("interhost", "interbase", "stub", str(plugin), *more).records
        assert [one["action"] for one in records] == ["replace", "keep"]
        assert (plugin / "hooks" / "interbase-stub.sh.bak").exists() != bool(more)
    assert (plugin / ".claude-plugin" / "integration.json").read_text() == "mine"
    assert (plugin / "hooks" / "interbase-stub.sh.bak").read_text() == "mine"
    again = shell.run("interhost", "interbase", "stub", str(plugin), "--table").out
    assert again.split()[::2] == ["unchanged", "keep"]


def test_stub_needs_a_folder(shell: Shell) -> None:
    """A wrong name creates nothing."""
    for wrong in ("nowhere", ""):
        assert "is no folder" in shell.run("interhost", "interbase", "stub", wrong, code=65).err
    assert sorted(one.name for one in shell.project.iterdir()) == [".git"]


def test_the_template_is_a_complete_manifest() -> None:
    """Whoever fills it in has every field that interhost asks for."""
    import jsonschema

    folder = Path(__file__).resolve().parents[1] / "integration-manifests"
    schema = json.loads((folder / "integration.schema.json").read_bytes())
    template = json.loads((SHELL / "templates" / "integration.json").read_bytes())
    jsonschema.validate(template, schema)
    jsonschema.validate(template, {**schema, **schema["$defs"]["complete"], "$defs": schema["$defs"]})
