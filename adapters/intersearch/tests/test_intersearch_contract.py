"""The adapter against the hook specifications, its manifest and what doctor shows."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext
from interhost_intersearch import adapter
from interhost_intersearch.answers import INDEX, QUERY, SERVERS
from interhost_intersearch.store import DATABASE, INDEXES

if TYPE_CHECKING:
    from .conftest import Desk

SECTION = json.loads(resources.files("interhost_intersearch").joinpath("integration.json").read_text("utf-8"))[
    "interbus"
]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_what_is_watched() -> None:
    """People read there what the adapter looks at; the host compares names of tools as they are."""
    tools = "|".join(f"{server}{tool}" for server in SERVERS for tool in (INDEX, QUERY))
    assert SECTION["observes"] == {"files": [f"~/{INDEXES}/*/{DATABASE}"], "hooks": [f"PostToolUse:{tools}"]}


def test_whatever_loads_a_model_for_long_is_off() -> None:
    """Saying what is related is on; keeping the index is not."""
    defaults = {name: row["default"] for name, row in SECTION["settings"].items()}
    assert defaults == {"keep_index": False, "least_score": 0.6, "related_documents": True}


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """A plugin whose environment was never made is as good as absent."""
    for root in (None, tmp_path):
        module, indexes = adapter.check_adapter(FakeContext(tmp_path, of=adapter, root=root))
        assert (module.level, "uv sync" in module.hint) == ("note", True)
        assert (indexes.level, indexes.detail) == ("ok", "projects with an index: 0")


def test_doctor_sees_what_is_there(desk: Desk) -> None:
    """The plugin and the projects that have an index."""
    desk.store()
    checks = adapter.check_adapter(desk.ctx)
    assert [(check.name, check.level, check.detail) for check in checks] == [
        ("module", "ok", str(desk.ctx.root)),
        ("indexes", "ok", "projects with an index: 1"),
    ]


def test_doctor_names_two_indexes_of_one_project(desk: Desk) -> None:
    """The hash is that of the text, so a slash at the end makes another index (trap 1)."""
    desk.store()
    other = desk.store(f"{desk.project}/")
    check = adapter.check_adapter(desk.ctx)[1]
    assert (check.level, check.detail) == ("note", f"{desk.project} has several indexes, one per spelling of its path")
    assert str(other.path.parent) in check.hint


def test_doctor_names_a_project_that_is_never_indexed(desk: Desk) -> None:
    """Every part of the path counts, also those above the project (trap 4)."""
    hidden = desk.home / "build" / "widgets"
    desk.ctx.projects = (desk.project, hidden)
    check = adapter.check_adapter(desk.ctx)[1]
    assert (check.level, bool(check.hint)) == ("note", True)
    assert check.detail == f"intersearch finds no file of {hidden}, because it skips every path with build"
