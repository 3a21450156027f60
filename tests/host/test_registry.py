"""The registry finds what the standard library would find, and imports nothing of it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interhost.cli.demo.scene import write_adapter
from interhost.host.registry import GROUP, list_adapters, list_entry_points, manifest_path

if TYPE_CHECKING:
    from tests.conftest import Stage


def oracle(path: list[str]) -> set[tuple[str, str]]:
    """What the standard library lists, as (name, value)."""
    found: set[tuple[str, str]] = set()
    seen: set[str] = set()
    for distribution in metadata.distributions(path=path):
        key = str(getattr(distribution, "_normalized_name"))  # noqa: B009 - what entry_points() itself compares
        if key not in seen:
            seen.add(key)
            found |= {(one.name, one.value) for one in distribution.entry_points if one.group == GROUP}
    return found


def ours(path: list[str]) -> set[tuple[str, str]]:
    """What the registry lists."""
    return {(one.name, one.value) for one in list_entry_points(GROUP, path)}


def distribution(site: Path, folder: str, text: str | bytes | None, name: str = "anything") -> Path:
    """A distribution's folder with its entry points."""
    info = site / folder
    info.mkdir(parents=True)
    (info / ("METADATA" if folder.endswith("dist-info") else "PKG-INFO")).write_text(f"Name: {name}\nVersion: 1.0\n")
    if isinstance(text, bytes):
        (info / "entry_points.txt").write_bytes(text)
    elif text is not None:
        (info / "entry_points.txt").write_text(text)
    return info


def points(*lines: str) -> str:
    """An entry_points.txt with these lines in our group."""
    return "\n".join([f"[{GROUP}]", *lines, ""])


def test_two_hundred_distributions_are_listed_as_the_standard_library_lists_them(tmp_path: Path) -> None:
    """Every third of 200 distributions on two path entries brings an adapter; the listings agree."""
    chance = random.Random(7)
    for number in range(200):
        site = tmp_path / f"site{number % 2}"
        kind = chance.choice(["dist-info", "egg-info"])
        text = points(f"a{number} = pack_{number}.adapter") if number % 3 == 0 else None
        distribution(site, f"pack_{number}-{number}.0.{kind}", text, f"pack-{number}")
    path = [str(tmp_path / "site0"), str(tmp_path / "site1")]
    assert len(ours(path)) == 67
    assert ours(path) == oracle(path)


def test_first_version_on_the_path_wins(tmp_path: Path) -> None:
    """A distribution that is installed twice speaks through its first copy only, also when that one says nothing."""
    distribution(tmp_path / "one", "pack-2.0.dist-info", points("new = pack.new"), "pack")
    distribution(tmp_path / "two", "pack-1.0.dist-info", points("old = pack.old"), "pack")
    distribution(tmp_path / "one", "quiet-1.0.dist-info", None, "quiet")
    distribution(tmp_path / "two", "quiet-1.0.dist-info", points("loud = quiet.loud"), "quiet")
    path = [str(tmp_path / "one"), str(tmp_path / "two")]
    assert ours(path) == {("new", "pack.new")} == oracle(path)
    assert ours(path[::-1]) == {("old", "pack.old"), ("loud", "quiet.loud")} == oracle(path[::-1])


def test_names_are_compared_normalised(tmp_path: Path) -> None:
    """``Foo.Bar``, ``foo-bar`` and ``foo_bar`` are one distribution, as they are for pip."""
    distribution(tmp_path / "one", "Foo.Bar-1.0.dist-info", points("first = one.adapter"), "Foo.Bar")
    distribution(tmp_path / "two", "foo_bar-1.0.dist-info", points("second = two.adapter"), "foo-bar")
    distribution(tmp_path / "three", "foo__bar-1.0.egg-info", points("third = three.adapter"), "foo_bar")
    path = [str(tmp_path / name) for name in ("one", "two", "three")]
    assert ours(path) == {("first", "one.adapter")} == oracle(path)


def test_comments_extras_and_other_groups_are_read_as_the_standard_library_reads_them(tmp_path: Path) -> None:
    """Comments, blank lines, spaces, extras, other groups, and a group that stands twice."""
    text = (
        "# at the top\n[console_scripts]\ntool = pack.cli:main\n\n"
        f"[{GROUP}]\n# a comment\n  one   =   pack.one  \ntwo=pack.two:plugin\nthree = pack.three [extra]\n\n"
        f"[{GROUP}.other]\nfour = pack.four\n[{GROUP}]\nfive = pack.five\n"
    )
    distribution(tmp_path, "pack-1.0.dist-info", text)
    path = [str(tmp_path)]
    assert len(ours(path)) == 4
    assert ours(path) == oracle(path)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00binary", b"no section = here\n", b"[unclosed\nx = y\n"])
def test_broken_entry_points_stop_nobody_else(tmp_path: Path, content: bytes | None) -> None:
    """A distribution whose entry points are missing, binary or nonsense brings nothing; its neighbour is listed."""
    distribution(tmp_path, "broken-1.0.dist-info", content)
    distribution(tmp_path, "sound-1.0.dist-info", points("sound = sound.adapter"))
    assert ours([str(tmp_path)]) == {("sound", "sound.adapter")}


def test_archive_on_the_path_is_read(tmp_path: Path) -> None:
    """A zip or egg file on the path is left to the standard library, which finds the adapters in it."""
    archive = tmp_path / "pack-1.0-py3.egg"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: pack\nVersion: 1.0\n")
        file.writestr("EGG-INFO/entry_points.txt", points("zipped = pack.adapter"))
    path = [str(archive)]
    assert ours(path) == {("zipped", "pack.adapter")} == oracle(path)


def test_unpacked_egg_on_the_path_is_read(tmp_path: Path) -> None:
    """An egg that is a folder has its metadata in ``EGG-INFO``."""
    distribution(tmp_path / "pack-1.0-py3.egg", "EGG-INFO", points("laid = pack.adapter"), "pack")
    path = [str(tmp_path / "pack-1.0-py3.egg")]
    assert ours(path) == {("laid", "pack.adapter")} == oracle(path)


@pytest.mark.parametrize("members", [{}, {"pack-1.0.dist-info/entry_points.txt": points("x = pack.x")}])
def test_damaged_archive_stops_nobody_else(tmp_path: Path, members: dict[str, str]) -> None:
    """An archive that is no archive, or whose distribution has no name, does not end the listing."""
    archive = tmp_path / "damaged.zip"
    archive.write_bytes(b"PK no zip at all")
    if members:
        with zipfile.ZipFile(archive, "w") as file:
            for name, text in members.items():
                file.writestr(name, text)
    distribution(tmp_path / "site", "sound-1.0.dist-info", points("sound = sound.adapter"))
    assert ("sound", "sound.adapter") in ours([str(archive), str(tmp_path / "site")])


def test_path_entries_that_do_not_exist_are_passed_over(tmp_path: Path) -> None:
    """A missing folder and a plain file on the path bring nothing and stop nothing."""
    distribution(tmp_path / "site", "sound-1.0.dist-info", points("sound = sound.adapter"))
    (tmp_path / "file.txt").write_text("text")
    path = [str(tmp_path / "missing"), str(tmp_path / "file.txt"), str(tmp_path / "site")]
    assert ours(path) == {("sound", "sound.adapter")} == oracle(path)


def test_empty_path_entry_is_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``''`` on the path means where the process stands."""
    distribution(tmp_path, "here-1.0.dist-info", points("here = here.adapter"))
    monkeypatch.chdir(tmp_path)
    assert ours([""]) == {("here", "here.adapter")} == oracle([""])


def test_adapters_come_in_name_order(stage: Stage) -> None:
    """The listing is sorted by adapter name, whatever the folders are called."""
    for name in ("zeta", "alpha", "midge"):
        stage.adapter(name, ["notify"], "")
    assert [entry.name for entry in stage.entries()] == ["alpha", "midge", "zeta"]


def test_of_two_adapters_with_one_name_the_first_on_the_path_is_listed(stage: Stage, tmp_path: Path) -> None:
    """Two distributions that bring the same adapter name do not both run."""
    stage.adapter("echo", ["notify"], "")
    distribution(tmp_path / "late", "other-1.0.dist-info", points("echo = somewhere.else"), "other")
    stage.entries()
    [entry] = list_adapters([str(stage.site), str(tmp_path / "late")])
    assert (entry.module, entry.distribution) == ("demo_echo.adapter", "demo-echo")
    [entry] = list_adapters([str(tmp_path / "late"), str(stage.site)])
    assert (entry.module, entry.distribution) == ("somewhere.else", "other")


def test_listing_imports_nothing_of_an_adapter(stage: Stage, tmp_path: Path) -> None:
    """In a fresh interpreter: neither the package nor the module of an adapter runs, and its offer is known."""
    trap = f"from pathlib import Path\nPath({str(tmp_path / 'imported')!r}).touch()\n"
    write_adapter(stage.site, "trap", ["notify"], trap)
    (stage.site / "demo_trap" / "__init__.py").write_text(trap)
    program = (
        f"import sys; sys.path.insert(0, {str(stage.site)!r})\n"
        "from interhost.host.registry import list_adapters\n"
        f"[entry] = list_adapters([{str(stage.site)!r}])\n"
        "print(entry.name, *entry.interbus.consumes, [name for name in sys.modules if name.startswith('demo_')])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "trap notify@1 []\n"
    assert not (tmp_path / "imported").exists()


def test_missing_package_is_listed_with_its_problem(stage: Stage) -> None:
    """A distribution whose package is gone is shown, and the problem names the package."""
    distribution(stage.site, "ghost-1.0.dist-info", points("ghost = demo_ghost.adapter"), "ghost")
    [entry] = stage.entries()
    assert (entry.name, entry.interbus) == ("ghost", None)
    assert entry.problem == "package demo_ghost: not found; is the adapter installed completely?"


def test_single_module_is_listed_with_its_problem(stage: Stage) -> None:
    """An adapter that is one file has no room for a manifest, and is told so."""
    (stage.site / "demo_flat.py").write_text("")
    distribution(stage.site, "flat-1.0.dist-info", points("flat = demo_flat"), "flat")
    [entry] = stage.entries()
    assert entry.problem == "package demo_flat: is a single module and has no room for integration.json"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "No such file or directory"),
        ("{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[" * 100_000, "not JSON: nested too deeply"),
        ("[]", "key 'interbus': missing or not an object"),
        (json.dumps({"interbus": {"api": "1"}}), "key 'interbus.api': expected a number, got '1'"),
        (
            json.dumps({"interbus": {"api": 1, "consumes": ["review_pass"]}}),
            "key 'interbus.consumes': expected name@major, such as review_pass@1, got 'review_pass'",
        ),
    ],
)
def test_broken_manifest_is_listed_with_file_and_key(stage: Stage, text: str | None, problem: str) -> None:
    """A manifest that cannot be used is named with its path and the key that is wrong; the next adapter is listed."""
    stage.adapter("broken", ["notify"], "")
    stage.adapter("sound", ["notify"], "")
    manifest = stage.site / "demo_broken" / "integration.json"
    if text is None:
        manifest.unlink()
    else:
        manifest.write_text(text)
    broken, sound = stage.entries()
    assert broken.problem == f"{manifest}: {problem}"
    assert (sound.problem, sound.interbus is None) == ("", False)


def test_finder_of_somebody_else_that_raises_is_a_problem_of_one_line(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import hook that raises makes a problem, not a traceback."""

    class Finder:
        def find_spec(self, name: str, path: object, target: object) -> None:
            raise RuntimeError("finder\nis broken")

    stage.adapter("echo", ["notify"], "")
    monkeypatch.setattr(sys, "meta_path", [Finder()])
    [entry] = list_adapters([str(stage.site)])
    assert entry.problem.startswith("package demo_echo: RuntimeError: finder")


def test_listing_has_no_use_for_write_permission(stage: Stage) -> None:
    """Listing leaves the site directory exactly as it was."""
    stage.adapter("echo", ["notify"], "")
    before = sorted(str(path) for path in stage.site.rglob("*"))
    stage.entries()
    assert sorted(str(path) for path in stage.site.rglob("*")) == before
    assert os.listdir(stage.site) != []


def test_where_a_manifest_is_to_be_is_known_also_when_it_is_not_there(stage: Stage) -> None:
    """Whoever watches for a change looks there; of a package that cannot be found there is nothing to watch."""
    stage.adapter("echo", ["notify"], "")
    manifest = stage.site / "demo_echo" / "integration.json"
    manifest.unlink()
    distribution(stage.site, "lost-1.0.dist-info", points("lost = no_such_package.adapter"), "lost")
    echo, lost = stage.entries()
    assert manifest_path(echo) == str(manifest)
    assert manifest_path(lost) is None
    assert lost.problem == "package no_such_package: not found; is the adapter installed completely?"


def test_file_larger_than_one_read_is_read_to_its_end(tmp_path: Path) -> None:
    """A distribution with more entry points than fit into one read has all of them."""
    many = [f"a{number} = pack.adapter{number}" for number in range(2_000)]
    distribution(tmp_path, "pack-1.0.dist-info", points(*many))
    assert len(ours([str(tmp_path)])) == 2_000
    assert ours([str(tmp_path)]) == oracle([str(tmp_path)])


def test_archive_whose_metadata_cannot_be_read_stops_nobody_else(tmp_path: Path) -> None:
    """Of two archives, the one with bytes that are no text brings nothing, the other its adapter."""
    for name, head in {
        "torn": b"Name: \xff\xfe\n",
        "sound": b"Metadata-Version: 2.1\nName: sound\nVersion: 1\n",
    }.items():
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as file:
            file.writestr(f"{name}-1.0.dist-info/METADATA", head)
            file.writestr(f"{name}-1.0.dist-info/entry_points.txt", points(f"{name} = {name}.adapter"))
    assert ours([str(tmp_path / "torn.zip"), str(tmp_path / "sound.zip")]) == {("sound", "sound.adapter")}


@pytest.mark.parametrize("name", ["Echo", "e cho", "1st", "é"])
def test_name_that_is_none_on_the_bus_is_a_problem(stage: Stage, name: str) -> None:
    """The adapter is listed, so that it can be found, and says what a name looks like."""
    stage.adapter("echo", ["notify"], "")
    (stage.site / "demo_echo-1.0.dist-info" / "entry_points.txt").write_text(points(f"{name} = demo_echo.adapter"))
    [entry] = stage.entries()
    assert (entry.name, entry.interbus) == (name, None)
    assert entry.problem == f"name {name!r}: expected lower-case letters, digits and '-'"
