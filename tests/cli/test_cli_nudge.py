"""``interhost nudge``: the tips that were shown, ended and forgotten."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hook_kit import Nudges
from tests.sdk_kit import ALONE

if TYPE_CHECKING:
    from tests.conftest import Shell

SOUND = b"""{
"interflux:interwatch": {"ignores": 1, "dismissed": false},
"x:interline": {"ignores": 3, "dismissed": true}
}
"""


@pytest.fixture
def state(shell: Shell) -> Nudges:
    """Two pairs, one of them dismissed."""
    state = Nudges(shell.home)
    state.write(SOUND)
    return state


def test_the_list_shows_every_pair(shell: Shell, state: Nudges) -> None:
    """As records and as a table; it changes nothing."""
    assert shell.run("interhost", "nudge", "list").records == [
        {"plugin": "interflux", "companion": "interwatch", "ignores": 1, "dismissed": False},
        {"plugin": "x", "companion": "interline", "ignores": 3, "dismissed": True},
    ]
    assert shell.run("interhost", "nudge", "list", "--table").out.splitlines() == [
        "PLUGIN     COMPANION   SHOWN  STATE",
        "interflux  interwatch  1      open",
        "x          interline   3      dismissed",
    ]
    assert state.names() == ["nudge-state.json"]


def test_without_tips_there_is_nothing_to_list_or_to_reset(shell: Shell) -> None:
    """Which is an expected no, and makes no folder."""
    for action in ("list", "reset"):
        done = shell.run("interhost", "nudge", action, code=1)
        assert (done.out, done.err) == ("", "no tips so far\n")
    assert not (shell.home / ".config").exists()


def test_a_dismissed_companion_is_suggested_no_more(shell: Shell, state: Nudges) -> None:
    """For every plugin that is known to go with it, that has asked before, or that does not say who it is."""
    state.write(b'{\n"mine:interwatch": {"ignores": 1, "dismissed": false, "seen": 2}\n}\n')
    done = shell.run("interhost", "nudge", "dismiss", "interwatch")
    assert (done.out, done.err.partition(":")[0]) == ("", "no more tips")
    pairs = state.pairs()
    assert {"interflux:interwatch", "interdoc:interwatch", "mine:interwatch", "unknown:interwatch"} <= pairs.keys()
    assert {one["dismissed"] for one in pairs.values()} == {True}
    assert pairs["mine:interwatch"] == {"ignores": 1, "dismissed": True, "seen": 2}
    asks = "".join(f"nudge_companion('interwatch', 'x', {name!r})\n" for name in ("interflux", "mine", "unknown"))
    assert ask(shell, asks) == ""


def ask(shell: Shell, code: str) -> str:
    """What a hook says that asks."""
    program = f"{ALONE}from interhost.interbase import nudge_companion\n{code}"
    environ = {**shell.environ, "CLAUDE_SESSION_ID": "s1"}
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], env=environ, capture_output=True, text=True, check=True
    ).stderr


def test_a_pair_can_be_dismissed_alone(shell: Shell, state: Nudges) -> None:
    """The same companion with another plugin is another pair; the state is made if need be."""
    state.state.unlink()
    shell.run("interhost", "nudge", "dismiss", "interflux:interwatch", "a:b")
    assert list(state.pairs()) == ["a:b", "interflux:interwatch"]


def test_a_reset_lets_tips_come_again(shell: Shell, state: Nudges) -> None:
    """Pairs, and what the session has had."""
    state.state.unlink()
    one = "nudge_companion('interwatch', 'x', 'interflux')\n"
    two = "nudge_companion('interline', 'x', 'interflux')\n"
    assert ask(shell, one + two).count("Tip") == 2
    done = shell.run("interhost", "nudge", "reset")
    assert done.err == "forgotten: interflux:interline, interflux:interwatch\n"
    assert state.names() == ["nudge-state.json", "nudge-state.json.lock"]
    assert ask(shell, one + two).count("Tip") == 2
    assert shell.run("interhost", "nudge", "reset", "interwatch").err == "forgotten: interflux:interwatch\n"
    assert list(state.pairs()) == ["interflux:interline"]
    assert state.names()[0] == "nudge-flag-s1-interline"
    shell.run("interhost", "nudge", "reset", "interwatch", code=1)
    shell.run("interhost", "nudge", "reset", "interflux:interline")
    assert state.pairs() == {}


def test_tips_that_are_switched_off_can_be_tidied_up(shell: Shell, state: Nudges) -> None:
    """Commands do what they do, and the list says why no tip comes; from Python there is none, and nothing changes."""
    call = "nudge_companion('interwatch', 'x', 'interflux'); nudge_companion('other', 'x')"
    values = ("off", "OFF", "0", "no", "false")
    assert ask(shell, f"import os\nfor off in {values}: os.environ['INTERHOST_NUDGES'] = off; {call}") == ""
    assert (state.names(), state.state.read_bytes()) == (["nudge-state.json"], SOUND)
    shell.environ["INTERHOST_NUDGES"] = "off"
    done = shell.run("interhost", "nudge", "list")
    assert (len(done.records), done.err) == (2, "INTERHOST_NUDGES=off: no tips are shown\n")
    shell.run("interhost", "nudge", "dismiss", "interflux:interwatch")
    assert state.pairs()["interflux:interwatch"]["dismissed"]
    shell.run("interhost", "nudge", "reset")
    assert state.pairs() == {}


def test_damage_is_told_and_repaired_by_the_next_change(shell: Shell, state: Nudges) -> None:
    """Listing shows what can be read; changing sets the file aside."""
    state.write(SOUND[:-10])
    done = shell.run("interhost", "nudge", "list")
    assert [one["companion"] for one in done.records] == ["interwatch"]
    assert "nudge-state.json: not JSON; what could be read is shown" in done.err
    shell.run("interhost", "nudge", "dismiss", "a:b")
    assert list(state.pairs()) == ["a:b", "interflux:interwatch"]
    assert [name for name in state.names() if "corrupt" in name]
    state.write(b"garbage")
    shell.run("interhost", "nudge", "list", code=1)
    shell.run("interhost", "nudge", "reset")
    assert state.pairs() == {}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["dismiss"], 64, "dismiss takes the names of companions"),
        (["list", "interwatch"], 64, "list does not take 'interwatch'"),
        (["dismiss", "../x"], 65, "'../x': expected COMPANION or PLUGIN:COMPANION"),
        (["reset", "a:b:c"], 65, "'a:b:c': expected COMPANION or PLUGIN:COMPANION"),
        (["reset", ""], 65, "'': expected COMPANION or PLUGIN:COMPANION"),
        (["forget"], 64, "invalid choice"),
    ],
)
def test_wrong_arguments_are_named(shell: Shell, state: Nudges, arguments: list[str], code: int, words: str) -> None:
    """And change nothing."""
    assert words in shell.run("interhost", "nudge", *arguments, code=code).err
    assert state.state.read_bytes() == SOUND


def test_a_place_that_cannot_be_used_is_named(shell: Shell, tmp_path: Path) -> None:
    """No home, or a file where the folder should be: 69, and what it is about."""
    for home in ("", "/nowhere", "relative"):
        done = shell.run("interhost", "nudge", "list", env={"HOME": home, "INTERBUS_ROOT": str(shell.root)}, code=69)
        assert "HOME does not name a directory" in done.err
    (shell.home / ".config").mkdir()
    (shell.home / ".config" / "interverse").write_text("mine")
    done = shell.run("interhost", "nudge", "dismiss", "a:b", code=69)
    assert f"{shell.home}/.config/interverse: File exists" in done.err


def test_a_held_lock_is_told(shell: Shell, state: Nudges) -> None:
    """75, for trying again helps; nothing is changed."""
    with (state.folder / "nudge-state.json.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shell.run("interhost", "nudge", "dismiss", "a:b", code=75)
    assert "nudge-state.json.lock is held by another process" in done.err
    assert json.loads(state.state.read_bytes()) == json.loads(SOUND)
