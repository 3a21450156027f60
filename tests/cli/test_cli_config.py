"""``interhost config``, and the other ways to enable and disable an adapter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.conftest import OTHERS

if TYPE_CHECKING:
    from tests.conftest import Shell


def states(shell: Shell, *arguments: str) -> dict[str, str]:
    """State of the two adapters that tests leave on, as ``interhost list`` says."""
    records = shell.run("interhost", "list", *arguments).records
    return {one["name"]: one["state"] for one in records if one["name"] not in OTHERS}


def test_what_is_set_is_what_is_read(shell: Shell) -> None:
    """A value is written, read back, and counts from then on; a key without a value is 1."""
    assert shell.run("interhost", "config", "path").out.strip() == str(shell.root / "config.toml")
    assert shell.run("interhost", "config", "get").out.strip() == "{}"
    shell.run("interhost", "config", "get", "adapters.interphase.enabled", code=1)
    shell.run("interhost", "config", "set", "adapters.interphase.enabled", "false")
    shell.run("interhost", "config", "set", "adapters.interphase.advance_on_review", "true")
    got = json.loads(shell.run("interhost", "config", "get", "adapters.interphase").out)
    assert got == {"enabled": False, "advance_on_review": True}
    assert states(shell)["interphase"] == "disabled"


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("adapters.interphase.enabled", "maybe", ["adapters.interphase.enabled", "true or false", "maybe"]),
        ("adapters.interphase.advance_on_revue", "true", ["no setting", "did you mean advance_on_review"]),
        ("adapters.interphase.advance_on_review", "3", ["expected boolean", "3"]),
        ("retention.dais", "3", ["nobody reads it", "retention.days"]),
        ("retention.days", "-1", ["retention.days", "above 0"]),
        ("adapters.interphase", "true", ["adapters.NAME.SETTING"]),
        ("a b", "true", ["with dots between them"]),
    ],
)
def test_what_nobody_would_read_is_refused(shell: Shell, key: str, value: str, parts: list[str]) -> None:
    """A wrong key or value is 65, says what fits, and changes nothing."""
    shell.run("interhost", "config", "set", "limits.payload_bytes", "2000")
    before = (shell.root / "config.toml").read_text()
    done = shell.run("interhost", "config", "set", key, value, code=65)
    assert [part for part in parts if part not in done.err] == []
    assert (shell.root / "config.toml").read_text() == before


def test_a_broken_file_is_not_made_worse(shell: Shell) -> None:
    """Reading and changing name the file and the line; the text stays."""
    shell.root.mkdir(mode=0o700)
    (shell.root / "config.toml").write_text("[adapters\n")
    for command in (["get"], ["set", "retention.days", "3"]):
        assert "config.toml" in shell.run("interhost", "config", *command, code=65).err
    assert (shell.root / "config.toml").read_text() == "[adapters\n"


@pytest.mark.parametrize("arguments", [["set", "a.b"], ["set"], ["path", "x"], ["edit", "x"], ["get", "a", "b"]])
def test_a_command_that_does_not_fit_is_refused(shell: Shell, arguments: list[str]) -> None:
    """Each action takes what it needs and no more."""
    shell.run("interhost", "config", *arguments, code=64)


def test_the_editor_gets_the_file_and_its_result_is_checked(shell: Shell) -> None:
    """A mistake is said at once, and what was written stays for the next try."""
    editor = shell.root.parent / "editor.sh"
    editor.write_text('#!/bin/sh\nprintf "limits = 3\\n" > "$1"\n')
    editor.chmod(0o755)
    shell.environ["EDITOR"] = str(editor)
    assert "expected a table" in shell.run("interhost", "config", "edit", code=65).err
    assert (shell.root / "config.toml").read_text() == "limits = 3\n"
    shell.environ["EDITOR"] = "true"
    (shell.root / "config.toml").unlink()
    shell.run("interhost", "config", "edit")
    del shell.environ["EDITOR"]
    shell.environ.pop("VISUAL", None)
    assert "EDITOR" in shell.run("interhost", "config", "edit", code=69).err


def test_the_command_line_counts_more_than_the_environment_and_that_more_than_the_file(shell: Shell) -> None:
    """Each can enable what the one below disables, and the other way round."""
    shell.run("interhost", "config", "set", "adapters.interphase.enabled", "false")
    assert states(shell) == {"interflux": "enabled", "interphase": "disabled"}
    shell.environ["INTERHOST_ADAPTERS"] += ",interphase, -interflux"
    assert states(shell) == {"interflux": "disabled", "interphase": "enabled"}
    assert states(shell, "--no-adapter", "interphase", "--adapter", "interflux") == {
        "interflux": "enabled",
        "interphase": "disabled",
    }


def test_a_disabled_adapter_is_not_loaded_for_this_run(shell: Shell) -> None:
    """What it would receive waits for it."""
    shell.adapter(
        "fragile",
        ["notify"],
        "from interhost_hookspecs import Outcome, hookimpl\n\n@hookimpl\ndef on_notify(intent, ctx):\n"
        "    return Outcome.done('heard')\n",
    )
    shell.run("interhost", "run", "--once")
    shell.publish("notify", '{"text": "x"}')
    assert shell.run("interhost", "run", "--once", "--no-adapter", "fragile").records == []
    assert [one["reason"] for one in shell.run("interhost", "run", "--once").records] == ["heard"]


def test_an_adapter_that_is_not_installed_is_said(shell: Shell) -> None:
    """A slip in a name does not pass unseen."""
    shell.environ["INTERHOST_ADAPTERS"] = "-interfluxx"
    assert "'interfluxx' is not installed" in shell.run("interhost", "list").err
