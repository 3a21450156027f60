"""``interhost statusline``: put into somebody's settings and taken out again, by real processes."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Done, Shell

SETTINGS = b"""{
  "model": "opus",
  "statusLine": {"type": "command", "command": "echo '[Opus]' \\"$(cat | wc -l)\\"", "padding": 0},
  "permissions": {"allow": ["Bash(npm test)"]}
}
"""
THEN = "echo '[Opus]' \"$(cat | wc -l)\""


@pytest.fixture
def settings(shell: Shell) -> Path:
    """Settings with a status line."""
    path = shell.home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_bytes(SETTINGS)
    return path


def say(shell: Shell, scope: str, text: str) -> None:
    """A text that is to be shown."""
    path = shell.home / ".interband" / "interbus" / "segment" / "lines"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{int(time.time()) + 600}\twarn\t{scope}\t{text}\n")


def draw(shell: Shell, settings: Path) -> str:
    """What Claude Code's status line shows."""
    document = json.dumps({"session_id": "s-1", "cwd": str(shell.project)}) + "\n"
    command = json.loads(settings.read_bytes())["statusLine"]["command"]
    done = subprocess.run(
        ["sh", "-c", command], input=document, capture_output=True, text=True, env=shell.environ, check=True, timeout=30
    )
    return done.stdout


def statusline(shell: Shell, *arguments: str, code: int = 0, **more: Any) -> Done:
    """Run the command."""
    return shell.run("interhost", "statusline", *arguments, code=code, **more)


def test_a_text_comes_into_the_status_line_and_goes_again(shell: Shell, settings: Path) -> None:
    """Only by command; what was there is shown behind it, and stands in the file again byte for byte."""
    say(shell, "s-1", "bad.py: SyntaxError")
    before = draw(shell, settings)
    (record,) = statusline(shell, "install").records
    assert record == {"settings": str(settings), "state": "installed", "then": THEN}
    assert draw(shell, settings) == f"\x1b[33mbad.py: SyntaxError\x1b[0m  {before}"
    assert statusline(shell, "status").records == [record]
    assert statusline(shell, "uninstall").records == [{**record, "state": "not installed"}]
    assert settings.read_bytes() == SETTINGS
    assert draw(shell, settings) == before
    assert [one.name for one in settings.parent.iterdir()] == ["settings.json"]


def test_nothing_is_done_twice(shell: Shell, settings: Path) -> None:
    """A second install changes nothing, a second uninstall finds nothing."""
    statusline(shell, "install")
    once = settings.read_bytes()
    assert statusline(shell, "install").records[0]["state"] == "installed"
    assert settings.read_bytes() == once
    statusline(shell, "uninstall")
    done = statusline(shell, "uninstall", code=1)
    assert (done.out, done.err) == ("", "not installed: nothing was changed\n")
    assert settings.read_bytes() == SETTINGS


def test_no_other_command_touches_the_status_line(shell: Shell, settings: Path) -> None:
    """Looking at it, running it and what the host does leave the settings alone."""
    statusline(shell, "status", code=1)
    statusline(shell, "install", "--dry-run")
    statusline(shell, "run", stdin="{}")
    shell.publish()
    shell.run("interhost", "run", "--once")
    assert settings.read_bytes() == SETTINGS


def test_a_dry_run_says_what_would_be_there(shell: Shell, settings: Path) -> None:
    """In both directions."""
    done = statusline(shell, "install", "--dry-run")
    assert (done.records[0]["state"], done.err) == ("installed", "nothing was changed\n")
    statusline(shell, "install")
    once = settings.read_bytes()
    assert statusline(shell, "uninstall", "--dry-run").records[0]["state"] == "not installed"
    assert settings.read_bytes() == once


def test_without_settings_there_are_none_afterwards(shell: Shell) -> None:
    """The text stands alone in the line meanwhile."""
    path = shell.home / ".claude" / "settings.json"
    say(shell, str(shell.project), "doc drift")
    assert statusline(shell, "install").records == [{"settings": str(path), "state": "installed", "then": None}]
    assert draw(shell, path) == "\x1b[33mdoc drift\x1b[0m  \n"
    statusline(shell, "uninstall")
    assert not path.exists()


def test_other_settings_can_be_named(shell: Shell, settings: Path) -> None:
    """A project's, or those of a moved folder of Claude Code."""
    other = shell.project / ".claude" / "settings.local.json"
    other.parent.mkdir()
    other.write_bytes(SETTINGS)
    (record,) = statusline(shell, "install", "--settings", ".claude/settings.local.json").records
    assert record["settings"] == str(other)
    assert b"interhost" in other.read_bytes()
    assert settings.read_bytes() == SETTINGS
    moved = {"CLAUDE_CONFIG_DIR": str(shell.home / "moved")}
    (record,) = statusline(shell, "install", env=moved).records
    assert record["settings"] == str(shell.home / "moved" / "settings.json")


def test_a_project_with_a_line_of_its_own_is_named(shell: Shell, settings: Path) -> None:
    """Claude Code shows that one there; one that cannot be read is named, too."""
    folder = shell.project / ".claude"
    folder.mkdir()
    (folder / "settings.json").write_bytes(SETTINGS)
    assert f"{folder / 'settings.json'}: has a status line of its own" in statusline(shell, "install").err
    (folder / "settings.local.json").write_text("{")
    assert "settings.local.json: not JSON" in statusline(shell, "status").err


def test_what_is_not_understood_is_refused_and_left(shell: Shell, settings: Path) -> None:
    """With 65, the file and what to do."""
    settings.write_bytes(b"// mine\n" + SETTINGS)
    for action in ("install", "uninstall", "status", "run"):
        done = statusline(shell, action, code=65)
        what, hint = done.err.splitlines()
        assert what.startswith(f"interhost: {settings}: not JSON as settings are: expected '{{', found '// mine")
        assert hint == "  nothing was changed; put that right, or change the key 'statusLine' by hand"
    assert settings.read_bytes() == b"// mine\n" + SETTINGS


def test_interlines_own_setup_takes_ours_out(shell: Shell, settings: Path) -> None:
    """It overwrites the status line: ours is not installed any more, and can be put before interline's."""
    statusline(shell, "install")
    whole = json.loads(settings.read_bytes())
    whole["statusLine"] = {"type": "command", "command": "bash ~/.claude/statusline.sh"}
    settings.write_text(json.dumps(whole, indent=2))
    assert statusline(shell, "status", code=1).records[0]["state"] == "not installed"
    assert statusline(shell, "install").records[0]["then"] == "bash ~/.claude/statusline.sh"


def test_a_script_of_another_interhost_is_noticed(shell: Shell, settings: Path) -> None:
    """After a move or an update; install puts it right."""
    statusline(shell, "install")
    text = settings.read_text()
    command = json.loads(text)["statusLine"]["command"]
    here = command.split()[2]
    settings.write_text(text.replace(here, f"/old{here}"))
    done = statusline(shell, "status", code=1)
    assert done.records[0]["state"] == "outdated"
    assert f"it reads /old{here}" in done.err
    statusline(shell, "install")
    assert settings.read_text() == text


def test_the_line_can_be_tried(shell: Shell, settings: Path) -> None:
    """Before and after it is installed: what Claude Code would get."""
    say(shell, "s-1", "text")
    document = json.dumps({"session_id": "s-1"})
    expected = "\x1b[33mtext\x1b[0m  [Opus] 1\n"
    assert statusline(shell, "run", stdin=document).out.split() == expected.split()
    statusline(shell, "install")
    assert statusline(shell, "run", stdin=document).out.split() == expected.split()


def test_the_table_is_for_people(shell: Shell, settings: Path) -> None:
    """Also when nothing comes behind ours."""
    assert statusline(shell, "install", "--table").out.splitlines()[1].split()[1:3] == ["installed", "echo"]
    settings.write_text("{}")
    assert statusline(shell, "install", "--table").out.splitlines()[1].endswith("installed  nothing")
