"""The shape of the code: who may import whom, how long a module may be, and what must not be committed."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = (
    ("errors", "json_scan", "process", "version"),
    ("manifests",),
    ("interband", "interbase"),
    ("scaffold", "shells"),
    ("bus",),
    ("submission",),
    ("host",),
    ("report",),
    ("claude",),
    ("cli",),
)
"""Packages and modules of ``interhost``, lowest first; each may import itself and what stands below its row."""

HOST = sorted((ROOT / "interhost").rglob("*.py"))
HOOKSPECS = sorted((ROOT / "hookspecs" / "src").rglob("*.py"))
ADAPTERS = sorted((ROOT / "adapters").glob("*/src/**/*.py"))


def label(path: Path) -> str:
    """A path for people."""
    return str(path.relative_to(ROOT))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{label(path)}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(module: str) -> str:
    """``bus`` for ``interhost.bus.log``; empty for ``interhost`` itself."""
    return module.partition(".")[2].partition(".")[0]


def allowed(name: str) -> set[str]:
    """What a part of ``interhost`` may import of it."""
    if name == "":
        return set()
    if name == "__main__":
        return {"cli"}
    row = next(number for number, layer in enumerate(LAYERS) if name in layer)
    below = {one for layer in LAYERS[:row] for one in layer}
    return {name, *below}


def test_every_part_of_the_host_has_its_place() -> None:
    """A new package or module of ``interhost`` is given a row before it is used."""
    parts = {path.relative_to(ROOT / "interhost").parts[0].removesuffix(".py") for path in HOST}
    assert parts <= {"__init__", "__main__", *(one for layer in LAYERS for one in layer)}


@pytest.mark.parametrize("path", HOST, ids=label)
def test_imports_run_one_way(path: Path) -> None:
    """A module imports its own package and those below it."""
    name = path.relative_to(ROOT / "interhost").parts[0].removesuffix(".py").replace("__init__", "")
    may = allowed(name)
    used = {part(module) for module in imported(path) if module.split(".")[0] == "interhost"}
    assert used <= may, f"{label(path)} imports {sorted(used - may)}"


def test_the_drawing_is_the_code() -> None:
    """Each arrow of docs/architecture.md is an import, and each import has a way along the arrows."""
    drawn = _read_drawing()
    ways = {name: _reach(name, drawn) for name in drawn}
    used = _list_imports()
    assert {(one, other) for one, others in drawn.items() for other in others} - used == set(), "nobody imports that"
    assert {(one, other) for one, other in used if other not in ways.get(one, ())} == set(), "not in the drawing"


def _read_drawing() -> dict[str, set[str]]:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    drawn: dict[str, set[str]] = {}
    for one, other in re.findall(r"^  (\w+) --> (\w+)$", text, re.MULTILINE):
        drawn.setdefault(one, set()).add(other)
    return drawn


def _reach(name: str, drawn: dict[str, set[str]]) -> set[str]:
    """Everything that lies below a part."""
    below = drawn.get(name, set())
    return below.union(*(_reach(one, drawn) for one in below))


def _list_imports() -> set[tuple[str, str]]:
    """Who imports whom, by the names of the drawing."""
    found = set()
    for path in (*HOST, *ADAPTERS):
        own = (
            "adapters" if path in ADAPTERS else _draw(path.relative_to(ROOT / "interhost").parts[0].removesuffix(".py"))
        )
        for module in imported(path):
            top, _, rest = module.partition(".")
            if top == "interhost_hookspecs":
                found.add((own, "hookspecs"))
            elif top == "interhost" and rest:
                found.add((own, _draw(rest.partition(".")[0])))
    return {(one, other) for one, other in found if one != other and one not in ("__init__", "__main__")}


def _draw(name: str) -> str:
    return "basics" if name in LAYERS[0] else name


@pytest.mark.parametrize("path", HOOKSPECS, ids=label)
def test_hookspecs_know_nothing_of_the_host(path: Path) -> None:
    """The contract depends on the standard library, pluggy and attrs."""
    used = {module.split(".")[0] for module in imported(path)}
    assert not {name for name in used if name.startswith("interhost")} - {"interhost_hookspecs"}
    assert not used & {"cattrs", "ulid", "tomli_w", "attr"}


@pytest.mark.parametrize("path", ADAPTERS, ids=label)
def test_adapters_know_the_hookspecs_only(path: Path) -> None:
    """An adapter imports the standard library, attrs, the hookspecs and itself; neither the host nor another one."""
    own = path.relative_to(ROOT / "adapters").parts[2]
    used = {module.split(".")[0] for module in imported(path)}
    assert {name for name in used if name.startswith("interhost")} <= {"interhost_hookspecs", own}
    assert not used & {"pluggy", "cattrs", "ulid", "tomli_w"}


GOVERNED = (
    *("run create", "run advance", "run artifact add", "gate override", "dispatch spawn"),
    *(
        "sprint-create",
        "sprint-advance",
        "enforce-gate",
        "set-artifact",
        "dispatch-task",
        "gate-override",
        "intent submit",
    ),
)
"""Commands of ``ic`` and ``clavain-cli`` that policy governs."""


def commands_of(path: Path) -> Iterator[str]:
    """The words of every call in a file that runs a program or asks the kernel."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if name in ("run", "ask"):
            words = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
            yield " ".join(one for one in words if isinstance(one, str))


@pytest.mark.parametrize("path", ADAPTERS, ids=label)
def test_adapters_write_only_through_submissions(path: Path) -> None:
    """What policy governs goes through ``ctx.submit``; no adapter runs such a command by itself."""
    assert [said for said in commands_of(path) if any(one in said for one in GOVERNED)] == []


@pytest.mark.parametrize("path", [*HOST, *HOOKSPECS, *ADAPTERS], ids=label)
def test_module_is_short_enough_to_read(path: Path) -> None:
    """No module has more than 500 lines."""
    assert len(path.read_text().splitlines()) <= 500


def committed() -> list[Path]:
    """Every committed file that is still there."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    paths = [ROOT / name.decode() for name in names if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def test_no_committed_file_names_a_registry_or_a_machine() -> None:
    """Neither the host of a package registry nor a path of the machine it was written on stands in any file."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # Put together here, so that this file does not contain them.
    hosts = ["py" + "pi.org", "python" + "hosted", "npm" + "js.org", "crates" + ".io", "proxy.go" + "lang.org"]
    places = ["/" + place + "/" for place in ("work", "root", "Users")]
    pattern = re.compile("|".join([*map(re.escape, hosts), *(rf"(?<![\w./~$*-]){place}" for place in places)]))
    found = [
        f"{label(path)}:{number}: {match.group()}"
        for path in committed()
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if (match := pattern.search(line))
    ]
    assert found == []


def test_search_for_names_finds_them() -> None:
    """The files that are searched are really read: this one is among the committed or about to be."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    assert ast.get_docstring(ast.parse(Path(__file__).read_bytes()))
    assert ROOT / "pyproject.toml" in committed()
