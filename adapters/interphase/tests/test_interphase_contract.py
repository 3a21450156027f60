"""The adapter against the hook specifications, its manifest and what doctor shows."""

import json
from importlib import resources
from pathlib import Path

from interhost_hookspecs import Completed
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext
from interhost_interphase import adapter
from interhost_interphase.claims import MARKERS
from interhost_interphase.telemetry import TELEMETRY
from interhost_interphase.traces import HEADERS, LEGACY

SECTION = json.loads(resources.files("interhost_interphase").joinpath("integration.json").read_text("utf-8"))[
    "interbus"
]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_the_files_that_are_watched() -> None:
    """People read there what the adapter looks at."""
    assert SECTION["observes"]["files"] == [
        f"~/{TELEMETRY}",
        "~/.interband/interphase/bead/*.json",
        f"/tmp/{LEGACY[0].pattern}",
        f"/tmp/{MARKERS}",
        *(source.pattern for source in HEADERS),
    ]


def test_whatever_changes_a_bead_is_off() -> None:
    """Without a configuration nothing is moved."""
    assert {name: row["default"] for name, row in SECTION["settings"].items()} == {
        "advance_on_artifact": False,
        "advance_on_review": False,
        "discover_work": False,
        "follow_transitions": False,
        "temporary_dir": "/tmp",
    }


def test_doctor_sees_what_is_there(tmp_path: Path) -> None:
    """With telemetry, bd and interphase in place every check is well."""
    telemetry, library = tmp_path / TELEMETRY, tmp_path / "root" / "hooks" / "lib-gates.sh"
    for file in (telemetry, library):
        file.parent.mkdir(parents=True)
        file.touch()
    version = Completed(argv=("bd",), returncode=0, stdout="bd version 1.0.5\n")
    checks = adapter.check_adapter(FakeContext(tmp_path, of=adapter, root=tmp_path / "root", commands={"bd": version}))
    assert [(check.name, check.level, check.detail) for check in checks] == [
        ("telemetry", "ok", str(telemetry)),
        ("bd", "ok", "bd version 1.0.5"),
        ("module", "ok", str(tmp_path / "root")),
    ]


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """On an empty machine every check is a note with a hint: nothing is broken, it is only not there."""
    checks = adapter.check_adapter(FakeContext(tmp_path, of=adapter))
    assert [(check.level, bool(check.hint)) for check in checks] == [("note", True)] * 3
    assert checks[1].detail == "not installed"


def test_doctor_names_the_trouble_of_a_broken_bd(tmp_path: Path) -> None:
    """A bd that cannot start is not called missing."""
    broken = Completed(argv=("bd",), returncode=1, stderr="bad schema\n")
    check = adapter.check_adapter(FakeContext(tmp_path, of=adapter, commands={"bd": broken}))[1]
    assert (check.level, check.detail) == ("problem", "bad schema")
