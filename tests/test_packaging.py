"""What is built and installed: real wheels and sdists, made from a copy of the checkout, without a network."""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
ADAPTER = "interphase"
PROJECTS = {"interhost": ".", "interhost-hookspecs": "hookspecs", f"interhost-{ADAPTER}": f"adapters/{ADAPTER}"}
BUILD = """
import sys
from setuptools import build_meta
out = sys.argv[1]  # which setuptools replaces while it works
for what in sys.argv[2:]:
    getattr(build_meta, f"build_{what}")(out)
"""


REVIEW = '{"verdict": "needs-changes", "counts": {"P1": 1}}'


class Built(NamedTuple):
    """One project's distributions."""

    wheel: Path
    sdist: Path

    def wheel_files(self) -> dict[str, bytes]:
        """Contents of the wheel by name."""
        with zipfile.ZipFile(self.wheel) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist()}

    def sdist_files(self) -> dict[str, bytes]:
        """Regular files of the sdist by name below its top folder; a link in it would be missing here."""
        files = {}
        with tarfile.open(self.sdist) as archive:
            for member in archive.getmembers():
                if member.isreg() and (stream := archive.extractfile(member)):
                    files[member.name.partition("/")[2]] = stream.read()
        return files

    def metadata(self) -> email.message.Message:
        """METADATA of the wheel."""
        [text] = [data for name, data in self.wheel_files().items() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(text)

    def requires(self) -> set[str]:
        """Names of what it needs, extras left out."""
        lines = self.metadata().get_all("Requires-Dist") or []
        return {re.split(r"[^A-Za-z0-9._-]", line)[0] for line in lines if "extra ==" not in line}


def build(source: Path, out: Path, *what: str) -> None:
    """Build in a process of its own, as pip does."""
    out.mkdir()
    done = subprocess.run([sys.executable, "-c", BUILD, str(out), *what], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """Every project's wheel and sdist, built side by side from one copy of the checkout."""
    base = tmp_path_factory.mktemp("build")
    copy = base / "checkout"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
    for name in ("interhost", "hookspecs", "adapters", "integration-manifests", "tests"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=unwanted)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: build(copy / PROJECTS[name], base / name, "wheel", "sdist"), PROJECTS))
    result = {}
    for name in PROJECTS:
        [wheel], [sdist] = (base / name).glob("*.whl"), (base / name).glob("*.tar.gz")
        result[name] = Built(wheel, sdist)
    return result


@pytest.mark.parametrize("project", PROJECTS)
def test_types_are_shipped(built: dict[str, Built], project: str) -> None:
    """Every distribution says that it is typed, in the wheel and in the sdist."""
    package = project.replace("-", "_")
    assert f"{package}/py.typed" in built[project].wheel_files()
    assert [name for name in built[project].sdist_files() if name.endswith(f"{package}/py.typed")]


def test_manifest_of_an_adapter_is_a_real_file(built: dict[str, Built]) -> None:
    """In the checkout it is a link to one place for all; in wheel and sdist it is the file itself."""
    expected = (ROOT / "integration-manifests" / f"{ADAPTER}.json").read_bytes()
    one = built[f"interhost-{ADAPTER}"]
    assert one.wheel_files()[f"interhost_{ADAPTER}/integration.json"] == expected
    assert one.sdist_files()[f"src/interhost_{ADAPTER}/integration.json"] == expected
    assert "interbus" in json.loads(expected)


def test_known_manifests_are_real_files_in_the_host(built: dict[str, Built]) -> None:
    """The host knows every module without its adapter: one link in the checkout, files in wheel and sdist."""
    folder = ROOT / "integration-manifests"
    expected = {f"interhost/manifests/known/{path.name}": path.read_bytes() for path in folder.glob("*.json")}
    assert len(expected) == 17
    assert (ROOT / "interhost" / "manifests" / "known").is_symlink()
    for files in (built["interhost"].wheel_files(), built["interhost"].sdist_files()):
        assert {name: data for name, data in files.items() if "/known/" in name} == expected


def test_entry_points_are_there(built: dict[str, Built]) -> None:
    """An adapter names itself in our group; the host brings its two programs, the hookspecs their pytest plugin."""
    points = {
        project: next((data.decode() for name, data in one.wheel_files().items() if "entry_points" in name), "")
        for project, one in built.items()
    }
    assert points[f"interhost-{ADAPTER}"].split() == [
        "[interhost.adapters]",
        ADAPTER,
        "=",
        f"interhost_{ADAPTER}.adapter",
    ]
    assert "interbus = interhost.cli.main:interbus\ninterhost = interhost.cli.main:interhost\n" in points["interhost"]
    assert points["interhost-hookspecs"].split() == ["[pytest11]", "interhost", "=", "pytest_interhost"]


@pytest.mark.parametrize(
    ("project", "requires"),
    [
        ("interhost-hookspecs", {"pluggy", "attrs"}),
        (f"interhost-{ADAPTER}", {"interhost-hookspecs"}),
        ("interhost", {"interhost-hookspecs", "pluggy", "attrs", "cattrs", "python-ulid", "tomli-w"}),
    ],
)
def test_requirements_are_exactly_these(built: dict[str, Built], project: str, requires: set[str]) -> None:
    """Installing an adapter brings four packages; the host needs six, and no more without an extra."""
    assert built[project].requires() == requires


@pytest.mark.parametrize("project", PROJECTS)
def test_metadata_says_what_it_is(built: dict[str, Built], project: str) -> None:
    """Name, summary, licence, Python and a description for people."""
    metadata = built[project].metadata()
    assert (metadata["Name"], metadata["License-Expression"], metadata["Requires-Python"]) == (project, "MIT", ">=3.11")
    assert metadata["Summary"]
    assert len(str(metadata.get_payload())) > 40


def test_wheel_of_the_host_has_the_host_only(built: dict[str, Built]) -> None:
    """Every module and data file of ``interhost`` is in it, and nothing of tests, adapters or hookspecs."""
    files = {name for name in built["interhost"].wheel_files() if ".dist-info/" not in name}
    package = ROOT / "interhost"
    folders = [package, package / "manifests" / "known"]  # rglob does not follow links everywhere
    expected = {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files == expected
    assert "interhost/bus/interbus.schema.json" in files


@pytest.mark.parametrize("project", PROJECTS)
def test_build_from_the_sdist_gives_the_same_wheel(built: dict[str, Built], project: str, tmp_path: Path) -> None:
    """Who builds from source gets the same files, so the sdist is complete."""
    with tarfile.open(built[project].sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    out = tmp_path / "out"
    build(source, out, "wheel")
    [wheel] = out.iterdir()
    again = Built(wheel, wheel).wheel_files()
    first = built[project].wheel_files()
    assert {name for name in again if not name.endswith("/RECORD")} == {
        name for name in first if not name.endswith("/RECORD")
    }


def test_installed_wheels_work_without_the_checkout(built: dict[str, Built], tmp_path: Path) -> None:
    """From the three wheels alone the adapter is listed without a problem and loads; the program knows its version."""
    target = tmp_path / "site"
    wheels = [str(one.wheel) for one in built.values()]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(target), *wheels], check=True, capture_output=True)
    program = f"""
import sys
sys.path.insert(0, {str(target)!r})
sys.path.append({sysconfig.get_path("purelib")!r})
import interhost, json
from interhost.cli.main import interhost as program
from interhost.host.registry import list_adapters
[entry] = list_adapters([{str(target)!r}])
imported = [name for name in sys.modules if name.startswith("interhost_")]
from interhost.host.loading import load_adapter
loaded = load_adapter(entry)
program(["--version"])
print(json.dumps([entry.name, entry.distribution, entry.version, entry.problem, imported, loaded.name]))
print(interhost.__file__, sys.modules["interhost_hookspecs"].__file__, sys.modules[entry.module].__file__)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    version, listed, places = done.stdout.splitlines()
    number = built["interhost"].metadata()["Version"]
    assert version == f"interhost {number}"
    assert json.loads(listed) == [ADAPTER, f"interhost-{ADAPTER}", number, "", [], ADAPTER]
    assert all(place.startswith(str(target)) for place in places.split())


PROGRAMS = ("attr", "attrs", "cattr", "cattrs", "pluggy", "tomli_w", "typing_extensions", "ulid")
"""What the host needs besides the hook specifications."""
TESTERS = ("_pytest", "iniconfig", "packaging", "py", "pygments", "pytest")


class Venv:
    """An environment with what the host needs and pytest, and nothing of this checkout.

    Args:
        base: An empty directory.
    """

    def __init__(self, base: Path) -> None:
        """Make it without a network: packages are links to ours."""
        self.base = base
        self.bin = base / "venv" / "bin"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(base / "venv")], check=True)
        [self.site] = (base / "venv" / "lib").glob("python*/site-packages")
        for name in (*PROGRAMS, *TESTERS):
            spec = find_spec(name)
            assert spec is not None
            assert spec.origin
            place = Path(spec.origin).resolve()
            place = place.parent if spec.submodule_search_locations else place
            (self.site / place.name).symlink_to(place)
        for info in (self.site / "ulid").resolve().parent.glob("*ulid*.dist-info"):  # it reads its own version
            (self.site / info.name).symlink_to(info)

    def install(self, *wheels: Path) -> None:
        """Install wheels, and nothing that they need."""
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", f"--python={self.bin / 'python'}"]
        subprocess.run([*pip, "install", "--no-deps", "--no-index", *map(str, wheels)], check=True, capture_output=True)

    def run(self, program: str, *arguments: str) -> list[str]:
        """The lines that a program of it prints; it must end well."""
        environ = {"HOME": str(self.base), "PATH": f"{self.bin}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
        argv = [str(self.bin / program), *arguments]
        done = subprocess.run(argv, cwd=self.base, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout.splitlines()


def test_a_created_adapter_works_as_a_wheel(built: dict[str, Built], tmp_path: Path) -> None:
    """From wheels alone: the host creates an adapter, whose tests pass, and which tells and hears on the bus."""
    venv = Venv(tmp_path)
    venv.install(built["interhost"].wheel, built["interhost-hookspecs"].wheel)
    [created] = map(json.loads, venv.run("interhost", "new", "tool-box"))
    build(Path(created["path"]), tmp_path / "out", "wheel")
    [wheel] = (tmp_path / "out").iterdir()
    Path(created["path"], "tests").rename(tmp_path / "tests")
    shutil.rmtree(created["path"])
    venv.install(wheel)
    assert re.fullmatch(r"\d+ passed in .*", venv.run("python", "-m", "pytest", "-q", "-W", "error", "tests")[-1])

    [listed] = map(json.loads, venv.run("interhost", "list"))
    assert (listed["name"], listed["version"], listed["state"]) == ("tool-box", "0.1.0", "enabled")
    notes = tmp_path / ".tool-box" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("todo: history is not told\n")
    venv.run("interhost", "run", "--once")
    with notes.open("a") as file:
        file.write("milk\ntodo: undo stack\n")
    venv.run("interbus", "publish", "review_pass", "--context", "iv-1", "--payload", REVIEW)
    venv.run("interhost", "run", "--drain")
    told = {one["intent"]: one for one in map(json.loads, venv.run("interbus", "replay"))}
    assert told["discover_work@1.0"]["payload"] == {"action": "plan", "title": "undo stack"}
    assert told["discover_work@1.0"]["producer"] == "tool-box"
    trace = " ".join(venv.run("interbus", "trace", told["review_pass@1.0"]["event_id"]))
    assert "told the agent; note_reviews is off" in trace
