"""What interbase costs to import, what it leaves alone, and that its list of names is true."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from interhost import interbase
from tests.hook_kit import ROOT
from tests.sdk_kit import ALONE, Sdk

HEAVY: tuple[str, ...] = (
    "json",
    "re",
    "enum",
    "typing",
    "functools",
    "collections",
    "contextlib",
    "dataclasses",
    "pathlib",
    "types",
)
HEAVY += ("string", "signal", "selectors", "subprocess", "tempfile", "threading", "inspect", "logging", "asyncio")
HEAVY += ("pluggy", "attr", "attrs", "cattrs", "ulid", "interhost_hookspecs", "importlib.metadata", "sqlite3")
SIGNATURES = {
    "has_ic": "() -> bool",
    "has_bd": "() -> bool",
    "has_companion": "(name: str) -> bool",
    "in_ecosystem": "() -> bool",
    "get_bead": "() -> str",
    "in_sprint": "() -> bool",
    "phase_set": "(bead: str, phase: str, reason: str = '') -> None",
    "emit_event": "(run_id: str, event_type: str, payload: str = '{}') -> None",
    "session_status": "() -> str",
    "plugin_cache_path": "(plugin: str) -> str",
    "ecosystem_root": "() -> str",
    "nudge_companion": "(companion: str, benefit: str, plugin: str = 'unknown') -> None",
}
CALLS = "\n".join(f"{name}({', '.join(['NAME'] * text.count(': str'))})" for name, text in SIGNATURES.items())
CALLS = CALLS.replace("NAME", "'x'")


def modules(code: str) -> set[str]:
    """Modules that are loaded after some code has run in an interpreter without site-packages."""
    program = f"{ALONE}{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import interhost.interbase",
        "from interhost.interbase import has_ic; has_ic()",
        "from interhost.interbase import has_companion, in_ecosystem; has_companion('x'); in_ecosystem()",
        "from interhost.interbase import in_sprint, phase_set; in_sprint(); phase_set('a', 'b')",
    ],
)
def test_guards_and_actions_import_nothing_heavy(code: str) -> None:
    """A hook that asks one question pays for ``os`` and a few small modules of ours."""
    assert not modules(code) & set(HEAVY)


def test_importing_the_package_imports_none_of_its_modules() -> None:
    """Whoever needs the errors does not pay for the nudges, nor the other way round."""
    ours = {name for name in modules("import interhost.interbase") if name.startswith("interhost")}
    assert ours == {"interhost", "interhost.interbase"}


def test_nothing_of_the_host_is_ever_imported(tmp_path: Path) -> None:
    """Neither pluggy nor the host, whatever is called; the manifests only when a tip is shown."""
    sdk = Sdk(tmp_path)
    sdk.program("ic", "exit 0")
    sdk.program("bd", "exit 1")
    ran = sdk.run_python(f"{CALLS}\nprint(*sys.modules)", env={"CLAVAIN_BEAD_ID": "iv-1"})
    loaded = set(ran.out.split())
    assert not loaded & {"pluggy", "attr", "attrs", "cattrs", "interhost.host", "interhost.bus", "interhost.cli"}
    assert "interhost.manifests.companions" in loaded


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_those_of_the_specification(name: str) -> None:
    """To the letter, so that a plugin that was written for the published library runs with ours."""
    signature = str(inspect.signature(getattr(interbase, name)))
    assert signature.replace("'bool'", "bool").replace("'str'", "str").replace("'None'", "None") == SIGNATURES[name]


def test_the_public_names_are_listed_and_there() -> None:
    """``__all__`` is sorted, everything in it can be had, and ``dir`` shows it."""
    assert interbase.__all__ == sorted(interbase.__all__)
    assert {name for name in interbase.__all__ if getattr(interbase, name) is not None} == set(interbase.__all__)
    assert set(interbase.__all__) <= set(dir(interbase))
    assert set(SIGNATURES) <= set(interbase.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'has_cheese'"):
        interbase.has_cheese  # type: ignore[attr-defined]  # noqa: B018


def test_nothing_is_ever_written_to_the_environment(tmp_path: Path) -> None:
    """Asked of the interpreter itself, which reports every ``putenv``: not one, whatever is called and how it ends."""
    sdk = Sdk(tmp_path)
    sdk.program("ic", "exit 3")
    sdk.program("bd", "exit 1")
    code = (
        "import os\nwritten = []\n"
        "sys.addaudithook(lambda name, _: written.append(name) if name in ('os.putenv', 'os.unsetenv') else None)\n"
        "os.environ['BEFORE'] = '1'\nbefore = dict(os.environ)\n"
        f"{CALLS}\nprint(written, before == dict(os.environ))"
    )
    ran = sdk.run_python(code, env={"CLAVAIN_BEAD_ID": "iv-1"})
    assert ran.out == "['os.putenv'] True\n", ran.err


def test_the_package_is_complete_in_a_folder_of_its_own() -> None:
    """Every module of interbase is imported from the checkout alone, without site-packages."""
    names = sorted(path.stem for path in (ROOT / "interhost" / "interbase").glob("[a-z]*.py"))
    loaded = modules("".join(f"import interhost.interbase.{name}\n" for name in names))
    assert {f"interhost.interbase.{name}" for name in names} <= loaded
    assert not loaded & {"pluggy", "attr", "attrs", "cattrs"}
