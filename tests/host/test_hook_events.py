"""Recorded hook events on their way to adapters: what is the same event, who is shown it, what its facts know."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs.testing import hook_payload, make_hook_event

from interhost.bus.hook_record import list_records, write_record
from interhost.bus.hook_store import WaitingHook
from interhost.bus.log import Query
from interhost.claude.events import EVENTS
from interhost.host.hook_events import event_key, view_hook

if TYPE_CHECKING:
    from tests.conftest import Stage

LOOKS = """
@hookimpl
def observe_hook(event, ctx):
    SEEN.append(event)
    text = f"{event.name} {event.raw.get('n', '')}"
    return Observation(drafts=[Draft(payload={"text": text}, intent="notify@1.0", context_id="wid-1")])
"""


def _observer(stage: Stage, name: str = "board", code: str = LOOKS, *hooks: str, answers: bool = False) -> None:
    stage.adapter(name, [], code, {"observes": {"hooks": list(hooks) or ["*"]}, "answers": answers})


def _record(
    stage: Stage,
    name: str = "Stop",
    /,
    *,
    at: float | None = None,
    head: Mapping[str, str] | None = None,
    **fields: Any,
) -> None:
    document = {"session_id": "s-1", "cwd": str(stage.project), "hook_event_name": name, **fields}
    when = time.time() if at is None else at
    write_record(
        str(stage.root), {"at": str(int(when * 1_000_000)), **(head or {})}, json.dumps(document, sort_keys=False)
    )


def _facts(stage: Stage) -> list[Any]:
    return [one.envelope for one in stage.bus.log.read(Query(), 1000)]


def _looked(stage: Stage) -> int:
    host = stage.host()
    host.take_in_hooks()
    return host.observe_hooks()


def test_an_authors_sample_is_shown_as_it_is_here() -> None:
    """What adapters are tested with is what the host makes of the same document, for every event, odd ones included."""
    changes: list[dict[str, object]] = [{}, {"session_id": 7, "cwd": "src", "tool_name": []}, {"cwd": None}]
    for name in (*EVENTS, "AgentDreamed"):
        for change in changes:
            document = hook_payload(name, **change)
            waiting = WaitingHook(1, "board", 0, "{}", json.dumps(document))
            assert view_hook(waiting)[0] == make_hook_event(name, **change)


# What is the same event ----------------------------------------------------------------------------------------------

NOW = 1_790_000_000.0
SAME: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "one use of a tool, told twice": ({"tool_use_id": "t-1", "n": 1}, {"tool_use_id": "t-1", "n": 2}, 1),
    "one use of a tool, told again an hour later": (
        {"tool_use_id": "t-1"},
        {"tool_use_id": "t-1", "at": NOW + 3600},
        1,
    ),
    "two uses of a tool": ({"tool_use_id": "t-1"}, {"tool_use_id": "t-2"}, 2),
    "before and after the use": ({"tool_use_id": "t-1", "name": "PreToolUse"}, {"tool_use_id": "t-1"}, 2),
    "the same id in another session": ({"tool_use_id": "t-1"}, {"tool_use_id": "t-1", "session_id": "s-2"}, 2),
    "one prompt, told twice": (
        {"name": "UserPromptSubmit", "prompt_id": "p-1", "prompt": "go"},
        {"name": "UserPromptSubmit", "prompt_id": "p-1", "prompt": "go", "at": NOW + 60},
        1,
    ),
    "two prompts in the same words": (
        {"name": "UserPromptSubmit", "prompt_id": "p-1", "prompt": "go on"},
        {"name": "UserPromptSubmit", "prompt_id": "p-2", "prompt": "go on"},
        2,
    ),
    "two events within one prompt": ({"prompt_id": "p-1"}, {"prompt_id": "p-1", "stop_hook_active": True}, 2),
    "two kinds of event within one prompt": ({"prompt_id": "p-1"}, {"prompt_id": "p-1", "name": "Notification"}, 2),
    "the same words at the same moment": ({"n": 1}, {"n": 1, "at": NOW + 0.2}, 1),
    "the same words, the later one first": ({"n": 1, "at": NOW + 0.2}, {"n": 1}, 1),
    "the same words a minute later": ({"n": 1}, {"n": 1, "at": NOW + 60}, 2),
    "the same words of two subagents": ({"agent_id": "a-1"}, {"agent_id": "a-2"}, 2),
    "two starts of a resumed session": (
        {"name": "SessionStart", "source": "resume"},
        {"name": "SessionStart", "source": "resume", "at": NOW + 30},
        2,
    ),
    "an id that is no text": ({"tool_use_id": 7, "n": 1}, {"tool_use_id": 7, "n": 2}, 2),
    "no session": ({"session_id": None, "n": 1}, {"session_id": None, "n": 2}, 2),
}


@pytest.mark.parametrize("way", SAME)
def test_the_same_event_is_taken_once(stage: Stage, way: str) -> None:
    """Two registrations tell one event twice: it is one. What only looks alike is two."""
    _observer(stage)
    *two, count = SAME[way]
    for fields in two:
        one = {"at": NOW, "name": "PostToolUse" if "tool_use_id" in fields else "Stop", **fields}
        _record(stage, one.pop("name"), **one)
    assert stage.host().take_in_hooks() == count
    assert [(name, waiting) for name, waiting, _ in stage.bus.hooks.waiting()] == [("board", count)]


def test_a_known_event_is_known_after_it_was_shown(stage: Stage) -> None:
    """The second registration's file is taken in after the adapter has looked: nothing more is told."""
    _observer(stage)
    for number in range(2):
        _record(stage, "PostToolUse", tool_use_id="t-1", n=number)
        assert _looked(stage) == 1 - number
    assert [json.loads(one.payload)["text"] for one in _facts(stage)] == ["PostToolUse 0"]
    assert list_records(str(stage.root)) == []


def test_an_event_s_key_says_for_how_long_it_is_the_same() -> None:
    """For ever with the id of a tool's use or of a prompt; else for seconds. Half a character does no harm."""
    tool = {"session_id": "s", "hook_event_name": "PreToolUse", "tool_use_id": "t"}
    assert event_key(tool, "x") == ("s\nPreToolUse\nt", None)
    key, window = event_key({"session_id": "\ud800", "hook_event_name": "Stop"}, "x")
    assert key.encode().startswith(b"\\ud800\nStop\n")
    assert window == 10_000_000


# Who is shown it -----------------------------------------------------------------------------------------------------


def test_an_adapter_is_shown_what_its_manifest_asks_for(stage: Stage) -> None:
    """Event by event, with the tool where one is named; in the order in which things happened."""
    _observer(stage, "edits", LOOKS, "PostToolUse:Edit|Write", "Stop")
    _observer(stage, "all")
    begin = time.time() - 5
    for number, (name, tool) in enumerate((("PostToolUse", "Read"), ("PostToolUse", "Write"), ("Stop", None))):
        _record(stage, name, at=begin + number, tool_name=tool)
    _record(stage, "Elicitation", at=begin + 3)
    _looked(stage)
    assert [(one.name, one.tool_name) for one in stage.seen("edits")] == [("PostToolUse", "Write"), ("Stop", None)]  # type: ignore[attr-defined]
    assert [one.name for one in stage.seen("all")] == ["PostToolUse", "PostToolUse", "Stop", "Elicitation"]  # type: ignore[attr-defined]


def test_what_the_hook_s_environment_said_counts(stage: Stage) -> None:
    """``INTERHOST_ADAPTERS`` of the session, not of whoever works later; else the configuration."""
    _observer(stage)
    _observer(stage, "other")
    stage.config("[adapters.other]\nenabled = false\n")
    _record(stage, n=1)
    _record(stage, n=2, head={"adapters": "-board"})
    _record(stage, n=3, head={"adapters": " other , -board"})
    stage.host().take_in_hooks()
    assert [(name, count) for name, count, _ in stage.bus.hooks.waiting()] == [("board", 1), ("other", 1)]


def test_an_event_that_nobody_observes_leaves_only_its_key(stage: Stage) -> None:
    """It was recorded because nobody knew: its text is not kept."""
    _observer(stage, "board", LOOKS, "PreToolUse")
    _record(stage, "Stop", note="long text")
    assert stage.host().take_in_hooks() == 0
    assert stage.bus.database.rows("SELECT body FROM hook_event") == [(None,)]
    assert stage.bus.hooks.waiting() == []


def test_a_text_is_kept_until_the_last_adapter_has_looked(stage: Stage) -> None:
    """And no longer."""
    _observer(stage, "early", LOOKS)
    _observer(
        stage, "late", LOOKS.replace("    SEEN", "    if len(SEEN) < 1:\n        SEEN.append(1)\n        1/0\n    SEEN")
    )
    _record(stage)
    host = stage.host()
    host.take_in_hooks()
    host.observe_hooks()
    assert stage.bus.database.rows("SELECT count(body) FROM hook_event") == [(1,)]
    stage.change("UPDATE hook_pending SET due = 0")
    host.observe_hooks()
    assert stage.bus.database.rows("SELECT count(body) FROM hook_event") == [(0,)]


# What its facts know -------------------------------------------------------------------------------------------------


def test_a_fact_knows_where_it_came_from(stage: Stage) -> None:
    """Session, project, prompt, tool use, hook and door are the event's, unless the adapter says otherwise."""
    _observer(stage)
    (stage.project / "src").mkdir()
    _record(
        stage,
        "PostToolUse",
        cwd=str(stage.project / "src"),
        tool_name="Write",
        tool_use_id="t-1",
        prompt_id="p-1",
        tool_input={},
    )
    _looked(stage)
    (fact,) = _facts(stage)
    assert (fact.producer, fact.source_hook) == ("board", "PostToolUse:Write")
    known = {key: fact.extensions[key] for key in ("session_id", "project_dir", "prompt_id", "tool_use_id", "door")}
    assert known == {
        "session_id": "s-1",
        "project_dir": str(stage.project),
        "prompt_id": "p-1",
        "tool_use_id": "t-1",
        "door": "hook",
    }


def test_a_fact_of_a_poor_event_claims_nothing(stage: Stage) -> None:
    """Without session, prompt, tool and directory there is nothing to say about them."""
    _observer(stage)
    _record(stage, session_id=None, cwd=None)
    _looked(stage)
    (fact,) = _facts(stage)
    assert fact.source_hook == "Stop"
    keys = ("session_id", "prompt_id", "tool_use_id", "project_dir")
    assert [fact.extensions.get(key) for key in keys] == [None] * 4


def test_what_an_adapter_says_itself_counts_more(stage: Stage, tmp_path: Path) -> None:
    """A draft about something else keeps its own session, project and source."""
    code = f"""
@hookimpl
def observe_hook(event, ctx):
    return Observation(drafts=[Draft(
        payload={{"text": "x"}}, intent="notify@1.0", context_id="wid-1", session_id="s-9",
        project_dir=Path({str(tmp_path)!r}), source_hook="file:x", extensions={{"prompt_id": "p-9"}},
    )])
"""
    _observer(stage, "board", code)
    _record(stage, prompt_id="p-1")
    _looked(stage)
    (fact,) = _facts(stage)
    known = (fact.extensions["session_id"], fact.extensions["project_dir"], fact.extensions["prompt_id"])
    assert known == ("s-9", str(tmp_path), "p-9")
    assert fact.source_hook == "file:x"


CONTEXT = LOOKS.replace(', context_id="wid-1"', "")


def test_a_fact_is_about_the_bead_of_its_own_session(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """``CLAVAIN_BEAD_ID`` of the hook, never of whoever works later; without one, the project."""
    monkeypatch.setenv("CLAVAIN_BEAD_ID", "mine-1")
    _observer(stage, "board", CONTEXT)
    _record(stage, n=1, head={"bead": "wid-7k2.1"})
    _record(stage, n=2)
    _record(stage, n=3, head={"bead": "not a bead"})
    _looked(stage)
    assert [one.context_id for one in _facts(stage)] == ["wid-7k2.1", "project:widgets", "project:widgets"]


def test_advice_of_an_event_is_for_its_session(stage: Stage) -> None:
    """Unless it says for whom it is; without a session and without a context it is for nobody, and is refused."""
    code = """
@hookimpl
def observe_hook(event, ctx):
    SEEN.append(event)
    return Observation(advice=[Advice(text="mine"), Advice(text="theirs", context_id="wid-2")])
"""
    _observer(stage, "board", code)
    _record(stage)
    _looked(stage)
    waiting = [(one.text, one.session_id, one.context_id) for one in stage.bus.store.waiting_advice()]
    assert waiting == [("mine", "s-1", None), ("theirs", None, "wid-2")]


def test_a_hook_s_project_is_where_commands_run(stage: Stage) -> None:
    """``ctx.run`` works in the project of the event's directory, without the variables of another session."""
    code = """
@hookimpl
def observe_hook(event, ctx):
    done = ctx.run(["sh", "-c", "pwd; env"])
    SEEN.extend(done.stdout.splitlines())
    return None
"""
    _observer(stage, "board", code)
    (stage.project / "src").mkdir()
    _record(stage, cwd=str(stage.project / "src"), head={"bead": "wid-1"})
    _looked(stage)
    seen = [str(line) for line in stage.seen("board")]
    assert seen[0] == str(stage.project)
    assert not [line for line in seen if line.startswith(("CLAVAIN_", "CLAUDE_"))]


# What goes wrong -----------------------------------------------------------------------------------------------------

FAILS = """
@hookimpl
def observe_hook(event, ctx):
    SEEN.append(event.raw["n"])
    if event.raw["n"] == 0:
        {statement}
    return Observation(drafts=[Draft(payload={{"text": str(event.raw["n"])}}, intent="notify@1.0", context_id="wid-1")])
"""
STATEMENTS = {
    "raises": ("raise ValueError('a bug')", "ValueError: a bug"),
    "exits": ("raise SystemExit(2)", "SystemExit: 2"),
    "answers nonsense": ("return ['x']", "TypeError: observe_hook answered list"),
}


@pytest.mark.parametrize("way", STATEMENTS)
def test_an_adapter_that_fails_is_shown_the_event_again(stage: Stage, way: str) -> None:
    """Recorded against it, five attempts with growing pauses, then set aside with the reason; others lose nothing."""
    statement, reason = STATEMENTS[way]
    _observer(stage, "fails", FAILS.format(statement=statement))
    _observer(stage)
    _record(stage, n=0)
    _record(stage, n=1)
    host = stage.host()
    host.take_in_hooks()
    pauses = []
    for attempt in range(5):
        host.observe_hooks()
        assert stage.seen("fails").count(0) == attempt + 1
        if attempt:  # the first time, the event behind it went well, and so all is well for the moment
            ((adapter, _, stage_name, why),) = stage.bus.store.problems()
            assert (adapter, stage_name, reason in why) == ("fails", "observe_hook", True)
        rows = stage.bus.database.rows("SELECT due FROM hook_pending WHERE adapter = 'fails'")
        pauses += [round(due / 1_000_000 - time.time()) for (due,) in rows]
        stage.change("UPDATE hook_pending SET due = 0")
    assert pauses == [1, 10, 60, 600]
    assert stage.bus.hooks.waiting() == []
    ((path, document),) = [
        (path, path.read_text()) for path in (stage.root / "spool" / "rejected").iterdir() if path.suffix != ".why"
    ]
    assert json.loads(document)["n"] == 0
    why = path.with_name(f"{path.name}.why").read_text()
    assert why.startswith("fails could not observe this Stop event: ")
    assert reason in why
    texts = {(one.producer, json.loads(one.payload)["text"]) for one in _facts(stage)}
    assert texts == {("board", "Stop 0"), ("board", "Stop 1"), ("fails", "1")}
    assert any("fails: observe_hook" in line for line in stage.said)


def test_a_bad_draft_takes_nothing_from_the_others(stage: Stage) -> None:
    """It is set aside with its reason; the event counts as looked at."""
    code = """
@hookimpl
def observe_hook(event, ctx):
    good = Draft(payload={"text": "good"}, intent="notify@1.0", context_id="wid-1")
    return Observation(drafts=[Draft(payload={"text": 7}, intent="notify@1.0", context_id="wid-1"), good])
"""
    _observer(stage, "board", code)
    _record(stage)
    assert _looked(stage) == 1
    (why,) = [path.read_text() for path in (stage.root / "spool" / "rejected").glob("*.why")]
    assert "board: " in why
    assert stage.bus.hooks.waiting() == []


UNREADABLE = {
    "cut": '{"hook_event_name": "Stop", "n": ',
    "a list": '[{"hook_event_name": "Stop"}]',
    "a number that is too long": '{"hook_event_name": "Stop", "n": ' + "9" * 5000 + "}",
    "nested too deeply": '{"hook_event_name": "Stop", "n": ' + "[" * 5000 + "]" * 5000 + "}",
}


@pytest.mark.parametrize("way", UNREADABLE)
def test_a_record_that_cannot_be_read_is_set_aside(stage: Stage, way: str) -> None:
    """With the reason; whatever stands before or behind it is shown."""
    _observer(stage)
    _record(stage, n=1)
    write_record(str(stage.root), {"at": "x"}, UNREADABLE[way])
    _record(stage, n=2)
    assert _looked(stage) == 2
    (why,) = [path.read_text() for path in (stage.root / "spool" / "rejected").glob("*.why")]
    assert why.startswith("a hook event that cannot be read: ")
    assert list_records(str(stage.root)) == []


def test_a_file_that_no_hook_wrote_is_read_as_a_document(stage: Stage) -> None:
    """Without a first line of ours: all of it is the event, and its time is now."""
    _observer(stage)
    folder = stage.root / "spool" / "hooks"
    folder.mkdir(parents=True)
    for number, text in enumerate(('{"hook_event_name": "Stop", "n": 1}', '{"hook_event_name":\n"Stop",\n"n": 2}')):
        (folder / f"by-hand-{number}").write_text(text)
    assert _looked(stage) == 2
    assert [one.raw["n"] for one in stage.seen("board")] == [1, 2]  # type: ignore[attr-defined]
    assert [one.session_id for one in stage.seen("board")] == ["", ""]  # type: ignore[attr-defined]


def test_what_killed_hooks_left_half_written_is_swept(stage: Stage) -> None:
    """After an hour, when surely nobody writes it any more; never taken for an event."""
    _observer(stage)
    _record(stage)
    folder = stage.root / "spool" / "hooks"
    for name, age in (".old", 3700), (".young", 10):
        (folder / name).write_text('{"at": "1"}\n{"hook_event_name": "Stop"')
        os.utime(folder / name, (time.time() - age, time.time() - age))
    assert _looked(stage) == 1
    assert os.listdir(folder) == [".young"]


def test_many_events_are_taken_in_batches(stage: Stage) -> None:
    """More than fit into one transaction: all, in order."""
    _observer(stage)
    for number in range(450):
        _record(stage, "PostToolUse", n=number, tool_use_id=f"t-{number}")
    assert _looked(stage) == 450
    assert [one.raw["n"] for one in stage.seen("board")] == list(range(450))  # type: ignore[attr-defined]


def test_a_project_that_an_event_names_is_known(stage: Stage) -> None:
    """Adapters that look at files find the project a session works in; a folder outside of any project is none."""
    _observer(stage)
    (stage.project / "src").mkdir()
    for number, cwd in enumerate((str(stage.project / "src"), str(stage.root), "relative", 7, None)):
        _record(stage, cwd=cwd, n=number)
    stage.host().take_in_hooks()
    assert stage.bus.store.projects() == (stage.project,)
