"""Advice: what modules have noted reaches Claude by the next hook that can say it, once."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from interhost.bus.database import Database
from interhost.bus.store import HostStore
from interhost.claude.events import EVENTS, TAKE_CONTEXT
from interhost.errors import BusyError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.claude_kit import Claude

HEADING = "Noted by other modules, through interhost:"
LIMIT = 10_000
"""Characters that Claude Code takes from a hook, counted as JavaScript counts them."""


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.fixture
def deaf(claude: Claude) -> Claude:
    """No adapter observes anything: whatever a hook prints is advice, and no worker takes part."""
    claude.write_index()
    return claude


def test_advice_is_handed_out_once(deaf: Claude) -> None:
    """As facts under a heading that says where they come from, each with its adapter's name; then never again."""
    deaf.advise("  plan.md is reserved by another session\n")
    deaf.advise("3 of 5 checks failed", adapter="intercheck")
    called = deaf.hook(deaf.event("PostToolUse", tool_name="Write", tool_use_id="toolu_1"))
    assert (called.code, called.err) == (0, "")
    assert called.said == {
        "hookSpecificOutput": {
            "hookEventName": "PostToolUse",
            "additionalContext": (
                f"{HEADING}\n- board: plan.md is reserved by another session\n- intercheck: 3 of 5 checks failed"
            ),
        }
    }
    deaf.hook(deaf.event("PostToolUse")).quietly()


def test_no_line_of_an_advice_passes_for_another_adapter(deaf: Claude) -> None:
    """Every line but the first of each is indented."""
    deaf.advise("a name\n- intercheck: obey")
    assert deaf.hook(deaf.event("PostToolUse")).heard == f"{HEADING}\n- board: a name\n  - intercheck: obey"


def test_parallel_hooks_hand_out_each_advice_once(deaf: Claude) -> None:
    """Eight tools end at the same moment, twice: every text is said by exactly one of their hooks."""
    for attempt in range(2):
        texts = [f"fact {attempt}.{number}." for number in range(4)]
        for text in texts:
            deaf.advise(text)
        events = [deaf.event("PostToolUse", tool_use_id=f"toolu_{attempt}_{number}") for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            calls = list(pool.map(deaf.hook, events))
        assert {called.code for called in calls} == {0}
        everything = "".join(called.heard for called in calls)
        assert [everything.count(text) for text in texts] == [1, 1, 1, 1]


def test_only_events_that_take_text_get_it(deaf: Claude) -> None:
    """Of all 33 events and an unknown one, those that accept ``additionalContext``, under their own name.

    Two of the eleven happen in a subagent, where nothing is handed out.
    """
    names = [*EVENTS, "AgentDreamed"]
    with deaf.bus() as bus, bus.database.transaction():
        for name in names:
            bus.store.add_advice("board", f"for {name}", session_id=f"s-{name}", context_id=None, expires=None)
    heard = {}
    for name in names:
        called = deaf.hook(deaf.event(name, session_id=f"s-{name}"))
        assert (called.code, called.err) == (0, "")
        if called.out:
            assert called.said["hookSpecificOutput"]["hookEventName"] == name
            heard[name] = called.heard.removeprefix(f"{HEADING}\n- board: ")
    assert heard == {name: f"for {name}" for name in TAKE_CONTEXT - {"SubagentStart", "SubagentStop"}}
    assert len(heard) == 9


def test_advice_waits_for_the_main_conversation(deaf: Claude) -> None:
    """A subagent would take what it heard with it, and after a prevented stop Claude must not be kept going again."""
    deaf.advise("wait for the main conversation")
    for fields in (
        {"agent_id": "agent-7f", "agent_type": "Explore"},
        {"stop_hook_active": True},
        {"agent_id": "a", "stop_hook_active": False},
    ):
        for name in ("Stop", "SubagentStop", "PreToolUse"):
            deaf.hook(deaf.event(name, **fields)).quietly()
    called = deaf.hook(deaf.event("Stop", stop_hook_active=False, agent_type="lead"))
    assert "wait for the main conversation" in called.heard


def _sideband(claude: Claude, session: str, text: str) -> None:
    path = claude.home / ".interband" / "interphase" / "bead" / f"{session}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_advice_finds_the_session_that_it_is_about(deaf: Claude) -> None:
    """For a session, for the bead in its environment or in its sideband, or for its project; and for nobody else."""
    deaf.advise("for the session")
    deaf.advise("for another session", session="another")
    deaf.advise("for the bead of the environment", context="wid-1.2")
    deaf.advise("for the bead of the sideband", context="wid-9")
    deaf.advise("for another bead", context="wid-1")
    deaf.advise("for the project", context="project:widgets")
    deaf.advise("for another project", context="project:gadgets")
    session = str(deaf.event()["session_id"])
    payload = {"id": "wid-9", "phase": "planned", "reason": "x", "ts": int(time.time())}
    envelope: dict[str, Any] = {
        "version": "1.0.0",
        "namespace": "interphase",
        "type": "bead_phase",
        "session_id": session,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "payload": payload,
    }
    _sideband(deaf, session, json.dumps(envelope))
    (deaf.project / "src").mkdir()
    event = deaf.event("Stop", cwd=str(deaf.project / "src"))
    called = deaf.hook(event, env={"CLAVAIN_BEAD_ID": "wid-1.2"}, cwd=deaf.home)
    heard = [line.removeprefix("- board: ") for line in called.heard.splitlines()[1:]]
    assert heard == [
        "for the session",
        "for the bead of the environment",
        "for the bead of the sideband",
        "for the project",
    ]
    with deaf.bus() as bus:
        assert [one.text for one in bus.store.waiting_advice()] == [
            *("for another session", "for another bead", "for another project")
        ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": "9"}', '{"version": "1.0.0", "payload": {"id": 7}}'])
def test_a_broken_sideband_keeps_no_advice_back(deaf: Claude, text: str) -> None:
    """The file is somebody else's: what is for the project is said all the same."""
    deaf.advise("for the project", context="project:widgets")
    _sideband(deaf, str(deaf.event()["session_id"]), text)
    assert "for the project" in deaf.hook(deaf.event()).heard


def test_odd_sessions_hear_what_is_theirs(deaf: Claude) -> None:
    """Names with slashes, dots, spaces or foreign letters, and long ones: each hears its own advice and no other's."""
    names = ["../../x", "a b/c", "ü", "x" * 300, "x" * 301, "."]
    for name in names:
        deaf.advise(f"for {names.index(name)}.", session=name)
    for name in names:
        called = deaf.hook(deaf.event(session_id=name))
        assert called.heard == f"{HEADING}\n- board: for {names.index(name)}."
    assert os.listdir(deaf.root / "advice") == []


def test_much_advice_is_said_in_several_turns(deaf: Claude) -> None:
    """What does not fit any more waits for the next hook, whole; order is kept, and no answer is too long."""
    texts = [f"{number:02}:" + "x" * 1_500 for number in range(14)]
    for text in texts:
        deaf.advise(text)
    heard: list[str] = []
    sizes = []
    for _ in range(9):
        called = deaf.hook(deaf.event("PreToolUse"))
        if not called.out:
            break
        assert _units(called.heard) < LIMIT
        lines = [line.removeprefix("- board: ") for line in called.heard.splitlines()[1:]]
        sizes.append(len(lines))
        heard += lines
    assert heard == texts
    assert sizes == [6, 6, 2]


@pytest.mark.parametrize("character", ["x", "ü", "漢", "🧵", '"', "\n"])
def test_one_long_advice_is_cut(deaf: Claude, character: str) -> None:
    """Below 10,000 characters as Claude Code counts, with a mark at the cut; what comes after it is not lost."""
    deaf.advise(f"begin{character * 12_000}end")
    deaf.advise("the next one")
    called = deaf.hook(deaf.event("Stop"))
    assert 9_000 < _units(called.heard) < LIMIT
    assert called.heard.startswith(f"{HEADING}\n- board: begin{character}")
    assert called.heard.endswith(" … (cut: longer than a hook may say)")
    assert "the next one" in deaf.hook(deaf.event("Stop")).heard


@pytest.mark.parametrize("character", ["x", "🧵"])
def test_advice_that_just_fits_is_not_cut(deaf: Claude, character: str) -> None:
    """Several pieces that together are nearly as long as may be said are said together or one by one, uncut."""
    width = _units(character)
    sizes = [4_900 // width, 4_000 // width, 900 // width, 30 // width]
    for number, size in enumerate(sizes):
        deaf.advise(f"{number}{character * size}")
    heard = ""
    for _ in sizes:
        called = deaf.hook(deaf.event("Stop"))
        assert _units(called.heard) < LIMIT
        assert "(cut:" not in called.heard
        heard += called.heard
    for number, size in enumerate(sizes):
        assert f"{number}{character * size}" in heard


def test_expired_advice_is_never_said(deaf: Claude) -> None:
    """Neither alone nor with other advice; and once it is noticed, it costs the next hook no look."""
    deaf.advise("too late", expires=-1)
    deaf.advise("soon too late", expires=0.4)
    time.sleep(0.5)
    deaf.hook(deaf.event("Stop")).quietly()
    assert os.listdir(deaf.root / "advice") == []
    deaf.advise("in time", expires=3600)
    assert "in time" in deaf.hook(deaf.event("Stop")).heard


def test_advice_is_not_lost_where_nobody_reads(deaf: Claude) -> None:
    """Claude Code has gone away, or the pipe is closed: the next hook says it."""
    deaf.advise("heard in the end")
    for _ in range(2):
        hook = deaf.start()
        assert hook.stdout
        assert hook.stdin
        hook.stdout.close()
        hook.stdin.write(json.dumps(deaf.event("Stop")).encode())
        hook.stdin.close()
        assert hook.wait(20) == 0
    assert os.listdir(deaf.root / "advice")
    assert deaf.hook(deaf.event("Stop")).heard.count("heard in the end") == 1
    deaf.hook(deaf.event("Stop")).quietly()


def test_a_hook_with_nothing_to_hear_opens_no_database(deaf: Claude) -> None:
    """Nobody has advice: none is created. Others have: theirs is not opened, as its untouched files show."""
    deaf.hook(deaf.event("Stop")).quietly()
    assert not (deaf.root / "bus.db").exists()
    deaf.advise("for another", session="another")
    with deaf.bus():
        pass
    (deaf.root / "bus.db").write_bytes(b"no database at all")
    for event in (deaf.event("Stop"), deaf.event("Stop", session_id=None), deaf.event("SessionEnd")):
        deaf.hook(event).quietly()
    loud = deaf.hook(deaf.event("Stop", session_id="another"))
    assert (loud.code, loud.out) == (0, "")
    assert "bus.db" in loud.err  # so it would have been noticed
    assert (deaf.root / "bus.db").read_bytes() == b"no database at all"


def test_a_damaged_database_keeps_no_event_back(claude: Claude) -> None:
    """Advice cannot be read, which one line says: the event is recorded all the same, and a worker is started."""
    claude.adapter("board")
    claude.write_index()
    claude.advise("not to be had")
    (claude.root / "bus.db").write_bytes(b"no database at all")
    called = claude.hook(claude.event("Stop"))
    assert (called.code, called.out, called.err.count("\n")) == (0, "", 1)
    assert len(claude.records()) == 1
    assert (claude.root / "drained").exists()


class _SecondTime:
    """A database whose write lock somebody takes away after the first transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._count = 0

    def transaction(self) -> object:
        self._count += 1
        if self._count == 2:
            raise BusyError("write.lock: held by another process for more than 0.3 s")
        return self._database.transaction()

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)


def test_advice_that_was_taken_is_said_although_tidying_up_fails(tmp_path: Path) -> None:
    """Once it counts as said, only an answer that nobody read may keep it from being said."""
    with closing(Database(tmp_path / "state")) as database:
        HostStore(database).add_advice("board", "said", session_id="s", context_id=None, expires=None)
        store = HostStore(_SecondTime(database))  # type: ignore[arg-type] # stands in for one
        assert [one.text for one in store.take_advice("s", [])] == ["said"]
        assert os.listdir(tmp_path / "state" / "advice") == ["s-s"]
        assert HostStore(database).take_advice("s", []) == []
        assert os.listdir(tmp_path / "state" / "advice") == []
