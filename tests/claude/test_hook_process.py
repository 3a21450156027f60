"""``interhost hook`` as Claude Code starts it: every event, and whatever may be wrong around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs.testing import HOOK_EVENTS

from interhost.claude.events import EVENTS

if TYPE_CHECKING:
    from tests.claude_kit import Claude


def test_every_event_is_recorded_and_shown(claude: Claude) -> None:
    """All 33 events, and ones nobody knows yet: exit 0, no output; the adapter sees each as it came, once, in order."""
    assert list(HOOK_EVENTS) == list(EVENTS)
    assert len(EVENTS) == 33
    claude.adapter("board")
    claude.write_index()
    sent = [
        claude.event(name, prompt_id="p-1", tool_use_id=f"toolu_{name}", zz_future={"nested": [1, 2.50, None, "ä"]})
        for name in (*EVENTS, "AgentDreamed", "Ende gut — ünd mehr")
    ]
    with claude.no_worker():
        for document in sent:
            claude.hook(document).quietly()
    assert [document for _, document in claude.records()] == sent
    claude.drain()
    seen = claude.seen("board")
    assert [one["raw"] for one in seen] == sent
    for one, document in zip(seen, sent, strict=True):
        assert one["event"] == document["hook_event_name"]
        assert (one["session"], one["cwd"]) == (document["session_id"], str(claude.project))
        assert (one["tool"], one["use"]) == (document.get("tool_name"), document.get("tool_use_id"))
        assert one["prompt"] == "p-1"
    assert claude.rejected() == {}


def test_only_what_somebody_observes_is_recorded(claude: Claude) -> None:
    """By event and by tool; a disabled adapter observes nothing; another event leaves no file and starts nobody."""
    claude.adapter("edits", hooks=["PostToolUse:Edit|Write", "Stop"])
    claude.adapter("shells", hooks=["PreToolUse:Bash"])
    claude.write_index()
    with claude.no_worker():
        wanted = [
            claude.event("PostToolUse", tool_name="Write"),
            claude.event("Stop"),
            claude.event("PreToolUse", tool_name="Bash"),
        ]
        others = [
            claude.event("PostToolUse", tool_name="Read"),
            claude.event("PostToolUse", tool_name="NotebookEdit"),
            claude.event("PostToolUse"),
            claude.event("PreToolUse", tool_name="Write"),
            claude.event("SubagentStop"),
        ]
        for event in [*others, *wanted]:
            claude.hook(event).quietly()
        assert [document for _, document in claude.records()] == wanted
        for said, count in (("-edits", 3), ("-edits,shells", 3), (" edits , -shells", 4), ("-other", 5)):
            claude.hook(claude.event("Stop"), env={"INTERHOST_ADAPTERS": said}).quietly()
            assert len(claude.records()) == count, said


def test_a_session_nobody_observes_leaves_almost_nothing(claude: Claude) -> None:
    """Where no adapter is installed: no record, no worker, no database; only the time of the call."""
    claude.write_index()
    for name in EVENTS[:6]:
        claude.hook(claude.event(name)).quietly()
    assert sorted(claude.snapshot()) == ["hook-index.json", "hook-seen"]
    assert claude.idle()


def test_without_an_index_everything_is_recorded(claude: Claude) -> None:
    """Nobody knows yet who observes what: the event is kept, and a worker finds out and leaves the index behind."""
    claude.adapter("board", hooks=["Stop"])
    claude.hook(claude.event("Stop")).quietly()
    claude.hook(claude.event("Notification")).quietly()
    claude.settle()
    assert [one["event"] for one in claude.seen("board")] == ["Stop"]
    assert json.loads((claude.root / "hook-index.json").read_text())["adapters"] == {
        "board": {"enabled": True, "answers": False, "hooks": ["Stop"]}
    }


def test_an_option_nobody_knows_loses_no_event(claude: Claude) -> None:
    """``interhost hook --bogus`` says so on standard error, handles the event, and exits with 0; never with 2."""
    claude.adapter("board")
    claude.write_index()
    with claude.no_worker():
        for number, options in enumerate((["--bogus"], ["--json"], ["Stop"], ["--until", "x"], ["-x", "--verbose=1"])):
            called = claude.hook(claude.event(n=number), argv=claude.command("hook", *options))
            assert (called.code, called.out) == (0, "")
            assert options[0] in called.err
            assert called.err.count("\n") == 1
        assert len(claude.records()) == 5


def test_an_option_nobody_knows_loses_no_event_where_nobody_listens(claude: Claude) -> None:
    """Also when standard error is closed, or whoever read it is gone."""
    claude.adapter("board")
    claude.write_index()
    with claude.no_worker():
        line = 'exec "$@" 2>&-'
        closed = claude.hook(claude.event(), argv=["/bin/sh", "-c", line, "sh", *claude.command("hook", "--bogus")])
        assert closed.code == 0
        process = claude.start(argv=claude.command("hook", "--bogus"))
        assert process.stderr
        process.stderr.close()
        process.communicate(json.dumps(claude.event(n=2)).encode(), timeout=20)
        assert process.returncode == 0
        assert len(claude.records()) == 2


@pytest.mark.parametrize("way", ["script", "command"])
def test_strict_mode_is_no_reason_to_fail(claude: Claude, way: str) -> None:
    """``INTERHOST_STRICT=1`` shows where a hook went wrong; its exit status stays 0, and standard output empty."""
    claude.root.mkdir(mode=0o777)
    claude.root.chmod(0o777)
    argv = claude.argv() if way == "script" else claude.command("hook")
    called = claude.hook(claude.event(), argv=argv, env={"INTERHOST_STRICT": "1"})
    assert (called.code, called.out) == (0, "")
    assert "Traceback" in called.err
    assert "can be written by others (mode 0777)" in called.err


def test_a_state_directory_others_can_write_is_not_used(claude: Claude) -> None:
    """Whoever can write there could make adapters act: nothing is recorded or started; one line says what is wrong."""
    claude.adapter("board")
    claude.write_index()
    claude.root.chmod(0o770)
    before = claude.snapshot()
    called = claude.hook(claude.event())
    assert (called.code, called.out, called.err.count("\n")) == (0, "", 1)
    assert f"interhost hook: StateError: state directory {claude.root} can be written by others" in called.err
    assert claude.snapshot() == before
    assert claude.idle()


BAD_ROOTS: dict[str, dict[str, str | None]] = {
    "relative": {"INTERBUS_ROOT": "state"},
    "a file": {"INTERBUS_ROOT": "{home}/file"},
    "below a file": {"INTERBUS_ROOT": "{home}/file/state"},
    "no home": {"INTERBUS_ROOT": None, "HOME": ""},
    "relative home": {"INTERBUS_ROOT": None, "HOME": "home"},
}


@pytest.mark.parametrize("way", BAD_ROOTS)
def test_no_state_directory_is_no_reason_to_fail(claude: Claude, way: str) -> None:
    """Where there is no place to record anything, the hook says so on one line and exits with 0."""
    (claude.home / "file").write_text("")
    env = {key: value and value.format(home=claude.home) for key, value in BAD_ROOTS[way].items()}
    called = claude.hook(claude.event(), env=env)
    assert (called.code, called.out, called.err.count("\n")) == (0, "", 1)
    assert called.err.startswith("interhost hook: ")
    assert os.listdir(claude.project) == [".git"]


def test_home_may_be_unset(claude: Claude) -> None:
    """The state directory is named, and nothing else needs a home: recorded, advice handed out, and observed."""
    claude.adapter("board")
    claude.write_index()
    claude.advise("about wid-1", context="wid-1")
    env = {"HOME": None, "CLAVAIN_BEAD_ID": "wid-1"}
    assert "about wid-1" in claude.hook(claude.event(), env=env).heard
    claude.settle()
    assert len(claude.seen("board")) == 1


def test_the_working_directory_may_be_gone(claude: Claude) -> None:
    """A worktree is removed while the session stands in it: the hook records, and the worker starts and finishes."""
    claude.adapter("board")
    claude.write_index()
    gone = claude.home / "worktree"
    gone.mkdir()
    shell = f'rmdir "{gone}"; exec "$@"'
    argv = ["/bin/sh", "-c", shell, "sh", *claude.argv()]
    claude.hook(claude.event(cwd=str(gone)), argv=argv, cwd=gone).quietly()
    assert not gone.exists()
    claude.settle()
    (one,) = claude.seen("board")
    assert one["cwd"] == str(gone)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">&- 2>&-"])
def test_closed_descriptors_do_no_harm(claude: Claude, closed: str) -> None:
    """A hook that is started without some of its three descriptors writes into no file that takes their place."""
    claude.adapter("board")
    claude.write_index()
    claude.advise("heard once")
    with claude.no_worker():
        argv = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *claude.argv()]
        called = claude.hook(claude.event("PostToolUse", tool_use_id="toolu_1"), argv=argv)
        assert called.code == 0
        assert len(claude.records()) == ("<" not in closed)
        for name in ("write.lock", "drain.lock", "hook-seen"):
            assert not (claude.root / name).exists() or (claude.root / name).read_bytes() == b""
        heard = called.heard + claude.hook(claude.event("PostToolUse", tool_use_id="toolu_2")).heard
        assert heard.count("heard once") == 1


def test_the_installed_command_does_the_same(claude: Claude) -> None:
    """``interhost hook``, as settings may name it: recorded, advice handed out, exit 0."""
    script = Path(sys.executable).with_name("interhost")
    assert script.is_file()
    claude.adapter("board")
    claude.write_index()
    claude.advise("from the script")
    with claude.no_worker():
        called = claude.hook(claude.event("Stop"), argv=[str(script), "hook"])
        assert (called.code, called.err) == (0, "")
        assert "from the script" in called.heard
        assert len(claude.records()) == 1


def test_an_environment_full_of_noise_changes_nothing(claude: Claude) -> None:
    """Text that is no UTF-8 in the bead, a Python told to misbehave, a proxy's banner variables: recorded, exit 0."""
    claude.adapter("board")
    claude.write_index()
    noisy: dict[bytes, bytes] = {
        **{key.encode(): value.encode() for key, value in claude.environ.items()},
        b"CLAVAIN_BEAD_ID": b"wid-\xff1",
        b"PYTHONPATH": b"/nowhere",
        b"PYTHONSTARTUP": b"/nowhere.py",
        b"PYTHONINSPECT": b"1",
        b"PYTHONHOME": b"/nowhere",
    }
    ended = subprocess.run(
        claude.argv(), input=json.dumps(claude.event()).encode(), capture_output=True, env=noisy, timeout=20
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    claude.settle()
    assert len(claude.seen("board")) == 1


def test_odd_values_break_nothing(claude: Claude) -> None:
    """Fields of other types, odd session ids and directories: each is shown to the adapter as it came; none is lost."""
    claude.adapter("board")
    claude.write_index()
    odd: list[dict[str, Any]] = [
        {"session_id": None},
        {"session_id": 7},
        {"session_id": ["a"]},
        {"session_id": "../../../etc/passwd"},
        {"session_id": "\ud800 lone"},
        {"session_id": "nul \x00 byte"},
        {"cwd": "\ud800/x"},
        {"cwd": "/nul/\x00"},
        {"cwd": "relative/path"},
        {"cwd": 5},
        {"tool_name": {"a": 1}},
        {"tool_name": "\udfff"},
        {"tool_use_id": "\udfff"},
        {"tool_use_id": 9},
        {"prompt_id": []},
        {"agent_id": 0},
    ]
    sent = [claude.event("PostToolUse", n=number) | fields for number, fields in enumerate(odd)]
    with claude.no_worker():
        for document in sent:
            claude.hook(document).quietly()
    claude.drain()
    assert [one["raw"] for one in claude.seen("board")] == sent
    assert not [why for why in claude.rejected() if "cannot be read" in why]
    assert claude.records() == []
