"""The adapter against its manifest, and what doctor shows."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from interhost_hookspecs import Completed
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext
from interhost_tldr_swinton import adapter
from interhost_tldr_swinton.index import SOURCES

if TYPE_CHECKING:
    from conftest import Desk

OFFER = json.loads(resources.files("interhost_tldr_swinton").joinpath("integration.json").read_text("utf-8"))[
    "interbus"
]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_the_files_that_are_watched() -> None:
    """People read there what the adapter looks at."""
    assert {source.pattern for source in SOURCES} <= set(OFFER["observes"]["files"])


def test_whatever_writes_is_off() -> None:
    """Without a configuration nothing is put into a project."""
    switches = {name: row["default"] for name, row in OFFER["settings"].items() if row["type"] == "boolean"}
    assert switches == {
        "gather_evidence": True,
        "notify_daemon": True,
        "prebuild": False,
        "record_reviews": False,
        "start_daemon": False,
    }


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """Nothing is broken on an empty machine; without a checker, diagnostics would look clean."""
    tldrs, checkers, projects = adapter.check_adapter(FakeContext(tmp_path, of=adapter))
    assert [(one.level, bool(one.hint)) for one in (tldrs, checkers)] == [("note", True)] * 2
    assert projects.detail == "projects that use it: 0; daemons at work: 0"


def test_doctor_sees_what_is_there(desk: Desk) -> None:
    """The program by its version, the checkers by name, the daemon by its answer."""
    ok = Completed(argv=(), returncode=0, stdout="tldrs 0.8.4\n")
    desk.ctx.commands |= {"tldrs": ok, "ruff": ok}
    with desk.daemon({"status": "ok"}):
        checks = adapter.check_adapter(desk.ctx)
    assert [(one.name, one.level, one.detail) for one in checks] == [
        ("tldrs", "ok", "tldrs 0.8.4"),
        ("checkers", "ok", "ruff"),
        ("projects", "ok", "projects that use it: 1; daemons at work: 1"),
    ]
