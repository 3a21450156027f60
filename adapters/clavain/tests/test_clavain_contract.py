"""The adapter against the hook specifications, its manifest, and what doctor shows."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from interhost_clavain import adapter, commands, dispatches, events
from interhost_clavain.documents import FOLDERS
from interhost_clavain.quality import FOLDER, SYNTHESES, VERDICTS
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.runs import DATABASE
from interhost_hookspecs.testing import FakeContext

if TYPE_CHECKING:
    from .conftest import Machine

SECTION = json.loads(resources.files("interhost_clavain").joinpath("integration.json").read_text("utf-8"))["interbus"]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_the_files_that_are_watched() -> None:
    """People read there what the adapter looks at."""
    assert SECTION["observes"]["files"] == [
        *FOLDERS,
        str(DATABASE),
        *SYNTHESES,
        f"{FOLDER}/findings.json",
        f"{VERDICTS}/*.json",
        f"~/.interband/{'/'.join(dispatches.CHANNEL)}/*.json",
        f"/tmp/{dispatches.LEGACY}",
    ]


def test_the_manifest_names_the_modules_own_intents() -> None:
    """Those that are not in the catalogue."""
    own = [name for name in SECTION["produces"] if "." in name.partition("@")[0]]
    assert own == [commands.INTENT, dispatches.INTENT, events.RESOLVED]


def test_doctor_sees_what_is_there(machine: Machine, tmp_path: Path) -> None:
    """With Clavain and a kernel in place both checks are well."""
    machine.begin()
    machine.ctx.root = tmp_path
    assert [(one.name, one.level, one.detail) for one in adapter.check_adapter(machine.ctx)] == [
        ("module", "ok", str(tmp_path)),
        ("kernel", "ok", str(machine.project)),
    ]


def test_an_empty_machine_tells_nothing(tmp_path: Path) -> None:
    """No project, no home worth the name."""
    assert adapter.observe(FakeContext(tmp_path, of=adapter, config={"temporary_dir": str(tmp_path)})).drafts == ()
