"""The adapter against the hook specifications, its manifest and what doctor shows."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Completed
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext
from interhost_interdoc import adapter
from interhost_interdoc.reviews import SOURCES

if TYPE_CHECKING:
    from .conftest import Machine

PACKAGE = resources.files("interhost_interdoc")
SECTION = json.loads(PACKAGE.joinpath("integration.json").read_text("utf-8"))["interbus"]


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_the_manifest_names_the_files_that_are_watched() -> None:
    """People read there what the adapter looks at."""
    reviews = [source.pattern for source in SOURCES]
    assert SECTION["observes"]["files"] == [".git/HEAD", ".git/index", "AGENTS.md", *reviews]


def test_whatever_writes_is_off() -> None:
    """Without a configuration no document is changed."""
    defaults = {name: row["default"] for name, row in SECTION["settings"].items()}
    assert defaults == {"apply_fixes": False, "stale_commits": 15, "stale_days": 30}


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """On an empty machine nothing is broken; a plugin too old to have the script is as good as absent."""
    for root in (None, tmp_path):
        module, git, documents = adapter.check_adapter(FakeContext(tmp_path, of=adapter, root=root))
        assert [(check.level, bool(check.hint)) for check in (module, git)] == [("note", True)] * 2
        assert (documents.level, documents.detail) == ("ok", "projects known: 0")


def test_doctor_sees_what_is_there(machine: Machine) -> None:
    """The plugin by its root, git by its version, and how many repositories are watched."""
    machine.ctx.commands["git"] = Completed(argv=("git",), returncode=0, stdout="git version 2.39.5\n")
    checks = adapter.check_adapter(machine.ctx)
    assert [(check.name, check.level, check.detail) for check in checks] == [
        ("module", "ok", str(machine.plugin)),
        ("git", "ok", "git version 2.39.5"),
        ("documents", "ok", "projects known: 1"),
    ]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("echo '{'", "check-updates.sh: {"),
        ("echo 'no' >&2; exit 3", "check-updates.sh: no"),
        ("sleep 30", "check-updates.sh: bash: timed out after 30 s"),
    ],
)
def test_doctor_names_a_script_that_gives_no_answer(machine: Machine, trouble: str, said: str) -> None:
    """Until the repository moves again and the script answers; nobody is asked at every look meanwhile."""
    (machine.plugin / "scripts" / "drift-fix.sh").unlink()
    (machine.plugin / "hooks" / "tools" / "stale-refs.sh").unlink()
    machine.trouble(trouble)
    machine.commit({"a": "1"})
    assert machine.look() == ()
    assert len(machine.calls) == 1
    assert machine.look() == ()
    assert machine.calls == []
    check = adapter.check_adapter(machine.ctx)[2]
    assert (check.level, check.detail, bool(check.hint)) == ("problem", f"{machine.repo}: {said}", True)
    machine.trouble("")
    machine.commit({"a": "2"})
    machine.look()
    assert adapter.check_adapter(machine.ctx)[2].level == "ok"
