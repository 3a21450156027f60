"""The adapter against its manifest, and what doctor shows."""

from __future__ import annotations

from pathlib import Path

from interhost_hookspecs import Completed
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext
from interhost_tool_time import adapter
from interhost_tool_time.calls import LOG


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def test_doctor_sees_what_is_there(tmp_path: Path) -> None:
    """With the log, jq and tool-time in place every check is well."""
    (tmp_path / LOG).parent.mkdir(parents=True)
    (tmp_path / LOG).touch()
    jq = Completed(argv=("jq",), returncode=0, stdout="jq-1.7\n")
    checks = adapter.check_adapter(FakeContext(tmp_path, of=adapter, root=tmp_path, commands={"jq": jq}))
    assert [(one.name, one.level.value) for one in checks] == [("log", "ok"), ("jq", "ok"), ("module", "ok")]


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """Nothing is broken on an empty machine, it is only not there."""
    checks = adapter.check_adapter(FakeContext(tmp_path, of=adapter))
    assert [(one.level.value, bool(one.hint)) for one in checks] == [("note", True)] * 3
