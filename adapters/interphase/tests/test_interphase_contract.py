"""The adapter against the hook specifications, its manifest and what doctor shows."""

import json
import re
from importlib import resources
from pathlib import Path

from interhost_hookspecs import (
    API_LEVEL,
    CATALOGUE,
    Completed,
    list_problems,
    register_adapter,
)
from interhost_hookspecs.testing import FakeContext
from interhost_interphase import adapter
from interhost_interphase.claims import MARKERS
from interhost_interphase.telemetry import TELEMETRY
from interhost_interphase.traces import HEADERS, LEGACY

SOURCE = "".join(
    file.read_text("utf-8") for file in resources.files("interhost_interphase").iterdir() if file.name.endswith(".py")
)
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
    made = {cls.INTENT for cls in CATALOGUE.values() if f"payload={cls.__name__}(" in SOURCE}
    assert sorted(made) == section["produces"]
    assert section["observes"] == {
        "hooks": ["PostToolUse:Bash"],
        "files": [
            f"~/{TELEMETRY}",
            "~/.interband/interphase/bead/*.json",
            f"/tmp/{LEGACY[0].pattern}",
            f"/tmp/{MARKERS}",
            *(source.pattern for source in HEADERS),
        ],
    }
    assert ("observe" in hooks, "observe_hook" in hooks, section["answers"]) == (True, True, False)
    assert (MANIFEST["name"], section["api"]) == (adapter.describe_adapter().module, API_LEVEL)


def test_every_setting_is_read_and_documented() -> None:
    """The manifest names exactly the settings that the code reads; whatever changes a bead is off by default."""
    settings = MANIFEST["interbus"]["settings"]
    assert set(re.findall(r'config\.get\("(\w+)"', SOURCE)) == set(settings)
    assert {name: row["default"] for name, row in settings.items()} == {
        "advance_on_artifact": False,
        "advance_on_review": False,
        "discover_work": False,
        "follow_transitions": False,
        "temporary_dir": "/tmp",
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
