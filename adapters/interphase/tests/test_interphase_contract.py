"""The adapter against the hook specifications, its manifest and what doctor shows."""

import json
from importlib import resources
from pathlib import Path

from interhost_hookspecs import (
    API_LEVEL,
    CATALOGUE,
    Completed,
    GateResult,
    PhaseTransition,
    list_problems,
    register_adapter,
)
from interhost_hookspecs.testing import FakeContext
from interhost_interphase import adapter
from interhost_interphase.telemetry import TELEMETRY

MANIFEST = json.loads(resources.files("interhost_interphase").joinpath("integration.json").read_text("utf-8"))


def test_the_host_would_take_the_adapter() -> None:
    """Nothing about it contradicts the hook specifications."""
    assert list_problems(adapter) == []


def test_the_manifest_says_what_the_code_does() -> None:
    """What is known without importing the adapter is what the adapter is."""
    hooks = {caller.name for caller in register_adapter(adapter, "interphase").get_hookcallers(adapter) or []}
    section = MANIFEST["interbus"]
    implemented = {f"{name}@{cls.INTENT.partition('@')[2].partition('.')[0]}" for name, cls in CATALOGUE.items()}
    assert {row for row in implemented if f"on_{row.partition('@')[0]}" in hooks} == set(section["consumes"])
    assert sorted([GateResult.INTENT, PhaseTransition.INTENT]) == section["produces"]
    assert section["observes"] == {"hooks": [], "files": [f"~/{TELEMETRY}"]}
    assert ("observe" in hooks, "observe_hook" in hooks, section["answers"]) == (True, False, False)
    assert (MANIFEST["name"], section["api"]) == (adapter.describe_adapter().module, API_LEVEL)


def test_moves_are_off_in_the_manifest_too() -> None:
    """The documented default of the only setting is the lesser act."""
    assert {name: row["default"] for name, row in MANIFEST["interbus"]["settings"].items()} == {
        "advance_on_review": False
    }


def test_every_companion_of_a_feature_is_named() -> None:
    """Each integrated feature requires a companion that the manifest recommends or lists as optional."""
    named = {name for names in MANIFEST["companions"].values() for name in names}
    assert {feature["requires"] for feature in MANIFEST["integrated_features"]} <= named


def test_doctor_sees_what_is_there(tmp_path: Path) -> None:
    """With telemetry, bd and interphase in place every check is well."""
    telemetry, library = tmp_path / TELEMETRY, tmp_path / "root" / "hooks" / "lib-gates.sh"
    for file in (telemetry, library):
        file.parent.mkdir(parents=True)
        file.touch()
    version = Completed(argv=("bd",), returncode=0, stdout="bd version 1.0.5\n")
    checks = adapter.check_adapter(FakeContext(tmp_path, root=tmp_path / "root", commands={"bd": version}))
    assert [(check.name, check.level, check.detail) for check in checks] == [
        ("telemetry", "ok", str(telemetry)),
        ("bd", "ok", "bd version 1.0.5"),
        ("module", "ok", str(tmp_path / "root")),
    ]


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """On an empty machine every check is a note with a hint: nothing is broken, it is only not there."""
    checks = adapter.check_adapter(FakeContext(tmp_path))
    assert [(check.level, bool(check.hint)) for check in checks] == [("note", True)] * 3
    assert checks[1].detail == "not installed"


def test_doctor_names_the_trouble_of_a_broken_bd(tmp_path: Path) -> None:
    """A bd that cannot start is not called missing."""
    broken = Completed(argv=("bd",), returncode=1, stderr="bad schema\n")
    check = adapter.check_adapter(FakeContext(tmp_path, commands={"bd": broken}))[1]
    assert (check.level, check.detail) == ("problem", "bad schema")
