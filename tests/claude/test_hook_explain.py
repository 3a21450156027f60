"""``interhost hook --explain``: what a hook would do with an event, step by step, without doing any of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.claude_kit import SAYS, until

if TYPE_CHECKING:
    from tests.claude_kit import Claude


def _steps(claude: Claude, event: dict[str, object] | bytes, **more: Any) -> list[tuple[str, str, str]]:
    data = event if isinstance(event, bytes) else json.dumps(event).encode()
    out = claude.run("hook", "--explain", "-", stdin=data, **more).out
    records = [json.loads(line) for line in out.splitlines()]
    assert all(list(one) == ["step", "does", "detail"] for one in records)
    return [tuple(one.values()) for one in records]


def _named(steps: list[tuple[str, str, str]], step: str) -> list[tuple[str, str]]:
    return [(does, detail) for name, does, detail in steps if name == step]


def test_every_step_is_told_in_order(claude: Claude) -> None:
    """Event, record, each adapter that asks for it, advice, worker, output; each with what and why."""
    claude.adapter("board")
    claude.adapter("guide", SAYS, hooks=["PostToolUse:Write"], answers=True)
    claude.adapter("off", hooks=["PostToolUse"])
    claude.adapter("other", hooks=["Stop", "PostToolUse:Read"])
    claude.root.mkdir(mode=0o700)
    (claude.root / "config.toml").write_text("[adapters.off]\nenabled = false\n")
    steps = _steps(claude, claude.event("PostToolUse", tool_name="Write", tool_use_id="toolu_1"))
    assert [step for step, _, _ in steps] == ["event", "record", *["adapter"] * 3, "advice", "worker", "output"]
    assert _named(steps, "event") == [("PostToolUse", f"session {claude.event()['session_id']}, tool Write")]
    ((does, detail),) = _named(steps, "record")
    assert (does, "toolu_1" in detail) == ("recorded", True)
    assert _named(steps, "adapter") == [
        ("board", "looks at it when the worker runs"),
        ("guide", "looks at it while the hook waits, at most 0.8 s"),
        ("off", "would observe it, but is disabled"),
    ]
    assert _named(steps, "advice") == [("none", "nothing waits for this session or for what it is about")]
    assert _named(steps, "worker")[0][0] == "started"
    assert _named(steps, "output") == [("prints nothing", "exit status 0")]


def test_the_last_event_gives_less_time(claude: Claude) -> None:
    """SessionEnd's hooks have 1.5 s all together."""
    claude.adapter("guide", SAYS, answers=True)
    steps = _steps(claude, claude.event("SessionEnd", reason="other"))
    assert _named(steps, "adapter") == [("guide", "looks at it while the hook waits, at most 0.4 s")]
    assert _named(steps, "advice") == [("kept", "Claude Code takes no text from this event")]


def test_an_event_nobody_knows_is_explained(claude: Claude) -> None:
    """It is treated like any other, and said to be unknown."""
    claude.adapter("board")
    steps = _steps(claude, b'{"hook_event_name": "AgentDreamed", "session_id": 7, "tool_name": ["x"]}')
    ((does, detail),) = _named(steps, "event")
    assert does == "AgentDreamed"
    assert "session not said" in detail
    assert "not among the 33 this version knows" in detail
    assert _named(steps, "record")[0][0] == "recorded"
    assert "within 10 s the same text" in _named(steps, "record")[0][1]


def test_an_event_nobody_observes_is_explained(claude: Claude) -> None:
    """Not recorded, and no worker started, when there is nobody to look for; unless nobody knows that yet."""
    steps = _steps(claude, claude.event("Stop"))
    ((does, detail),) = _named(steps, "record")
    assert (does, "index of who observes what is not there" in detail) == ("recorded", True)
    assert _named(steps, "worker")[0][0] == "started"
    claude.write_index()
    steps = _steps(claude, claude.event("Stop"))
    assert _named(steps, "record") == [("not recorded", "no enabled adapter observes it")]
    assert _named(steps, "adapter") == []
    assert _named(steps, "worker") == [("not started", "nothing is left to do")]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"agent_id": "agent-1"}, "not within a subagent"),
        ({"stop_hook_active": True}, "after a stop that a hook has prevented"),
    ],
)
def test_why_advice_is_kept_is_explained(claude: Claude, fields: dict[str, object], why: str) -> None:
    """In the subagent, and after a prevented stop."""
    claude.advise("kept")
    ((does, detail),) = _named(_steps(claude, claude.event("Stop", **fields)), "advice")
    assert does == "kept"
    assert why in detail


def test_the_output_is_what_the_hook_then_prints(claude: Claude) -> None:
    """The very document, with as much advice as fits; explained twice, and still handed out by the hook."""
    claude.write_index()
    for number in range(8):
        claude.advise(f"{number}" * 1_640, adapter=f"adapter{number}")
    event = claude.event("Stop")
    first, second = _steps(claude, event), _steps(claude, event)
    assert first == second
    ((does, document),) = _named(first, "output")
    assert does == "prints"
    ((_, detail),) = _named(first, "advice")
    assert detail.endswith("each is said once")
    assert claude.hook(event).out == f"{document}\n"


def test_explaining_changes_nothing(claude: Claude) -> None:
    """Not a byte of the state directory: no record, no advice taken, no worker started, no time of a call."""
    claude.adapter("board")
    claude.adapter("guide", SAYS, hooks=["Stop", "SessionEnd"], answers=True)
    claude.hook(claude.event("Notification"))
    claude.settle()
    claude.advise("still there")
    with claude.no_worker():
        claude.hook(claude.event("Notification", n=2)).quietly()
    before = claude.snapshot()
    times = {path.name: path.stat().st_mtime_ns for path in claude.root.iterdir() if path.name in ("hook-seen", "wake")}
    for name in ("Stop", "SessionEnd"):
        _steps(claude, claude.event(name))
    assert claude.snapshot() == before
    assert times == {name: (claude.root / name).stat().st_mtime_ns for name in times}
    assert claude.idle()


def test_explaining_creates_nothing(claude: Claude) -> None:
    """Where there is no state directory yet, there is none afterwards; nor in the project, nor in the home."""
    claude.adapter("board")
    before = sorted(claude.home.rglob("*"))
    _steps(claude, claude.event("Stop"), env={"CLAVAIN_BEAD_ID": "wid-1"})
    assert not claude.root.exists()
    assert sorted(claude.home.rglob("*")) == before


def test_a_running_worker_or_host_is_explained(claude: Claude) -> None:
    """Nothing would be started while one is at work or a resident host stays."""
    claude.adapter("board")
    claude.write_index()
    with claude.no_worker():
        assert _named(_steps(claude, claude.event()), "worker") == [("not started", "one is at work")]
    host = claude.start(argv=claude.command("run"))
    until(lambda: ("not started", "a resident host is running") in _named(_steps(claude, claude.event()), "worker"))
    host.terminate()
    host.wait(10)


def test_the_environment_counts_as_for_the_hook(claude: Claude) -> None:
    """``INTERHOST_ADAPTERS`` enables and disables here, too."""
    claude.adapter("board")
    claude.write_index()
    steps = _steps(claude, claude.event(), env={"INTERHOST_ADAPTERS": "-board"})
    assert _named(steps, "adapter") == [("board", "would observe it, but is disabled")]
    assert _named(steps, "record")[0][0] == "not recorded"


def test_a_file_and_a_table(claude: Claude, tmp_path: Path) -> None:
    """A sample in a file, with a byte order mark and bytes that are no UTF-8; a table for people."""
    claude.adapter("board")
    path = tmp_path / "event.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(claude.event("Stop", note="@")).encode().replace(b"@", b"\xff"))
    table = claude.run("hook", "--explain", str(path), "--table").out.splitlines()
    assert table[0].split() == ["STEP", "WHAT", "DETAIL"]
    assert [line.split()[0] for line in table[1:]] == ["event", "record", "adapter", "advice", "worker", "output"]
    assert claude.run("hook", f"--explain={path}").out.count("\n") == 6


BAD = {
    "empty": (b"", "no JSON object"),
    "broken": (b'{"hook_event_name": "Stop"', "no JSON object"),
    "an array": (b"[]", "no JSON object"),
    "deep": (b"[" * 100_000, "no JSON object"),
    "no name": (b'{"session_id": "s"}', "key 'hook_event_name': missing or not a text"),
    "a number": (b'{"hook_event_name": 5}', "key 'hook_event_name': missing or not a text"),
}


@pytest.mark.parametrize("way", BAD)
def test_a_bad_sample_is_refused(claude: Claude, tmp_path: Path, way: str) -> None:
    """Exit status 65; file, what is wrong, and what would have come. Nothing on standard output."""
    data, why = BAD[way]
    path = tmp_path / "event.json"
    path.write_bytes(data)
    for source, given in ((str(path), b""), ("-", data)):
        called = claude.run("hook", "--explain", source, stdin=given, code=65)
        assert called.out == ""
        assert f"interhost: {source}: {why}" in called.err
        assert "Stop" in called.err  # the hint
    assert not claude.root.exists()


def test_a_file_that_cannot_be_read_is_refused(claude: Claude, tmp_path: Path) -> None:
    """Missing, or a folder: 65. Without a file: 64. Never 2."""
    for path in (tmp_path / "missing.json", tmp_path):
        called = claude.run("hook", "--explain", str(path), code=65)
        assert called.err.startswith(f"interhost: {path}: ")
    assert "--explain" in claude.run("hook", "--explain", code=64).err
    assert "explain" in claude.run("hook", "--explain", "", code=64).err


def test_help_is_for_people(claude: Claude) -> None:
    """``interhost hook --help`` shows an example that works; it reads nothing and makes nothing."""
    out = claude.run("hook", "--help").out
    assert "interhost hook --explain event.json" in out
    assert "--answer" not in out
    assert not claude.root.exists()
