"""The adapter against its contract, and what doctor shows."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import make_request
from interhost_interwatch import adapter
from interhost_interwatch.traces import HOOK_LOG, LOG

from .conftest import watchable

if TYPE_CHECKING:
    from .conftest import Repository

SECTION = json.loads(resources.files("interhost_interwatch").joinpath("integration.json").read_text("utf-8"))[
    "interbus"
]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_the_files_that_are_watched() -> None:
    """People read there what the adapter looks at."""
    assert SECTION["observes"]["files"] == [*adapter.STATES, LOG, HOOK_LOG]


def test_whatever_writes_into_a_project_is_off() -> None:
    """Without a configuration it scans, saving nothing, and asks."""
    assert [name for name, row in SECTION["settings"].items() if row["default"]] == ["request_refreshes", "scan"]


def test_doctor_sees_what_is_there(repository: Repository) -> None:
    """With the module and a saved scan every check is well."""
    repository.save(roadmap=watchable())
    assert [(check.name, check.level, check.detail) for check in adapter.check_adapter(repository.ctx)] == [
        ("module", "ok", str(repository.ctx.root)),
        ("scans", "ok", "1 saved; projects known: 1"),
        ("git hooks", "ok", "no scan failed since the last saved one"),
        ("requests", "ok", "0 open"),
    ]


def test_doctor_names_what_needs_attention(repository: Repository) -> None:
    """A torn scan, a hook whose scans fail, and a request that nobody has answered."""
    repository.write(".interwatch/drift.json", '{"watch')
    repository.write(HOOK_LOG, "[2999-11-20T10:40:41+00:00] interwatch hook (post-commit) exit=2: Error: PyYAML\n")
    repository.ctx.waiting = [make_request(repository.path / "a.md", repository.path, kind="refresh")]
    _, scans, hooks, requests = adapter.check_adapter(repository.ctx)
    assert (scans.level, scans.detail) == ("problem", f"{repository.home / 'drift.json'} is damaged")
    assert (hooks.level, hooks.detail) == ("problem", f"{repository.path}: post-commit ended with 2: Error: PyYAML")
    assert (requests.level, requests.detail) == ("note", "1 open")
    assert all(check.hint for check in (scans, hooks, requests))
