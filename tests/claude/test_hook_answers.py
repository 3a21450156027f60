"""Adapters with ``answers: true``: they look while the hook waits, and can neither hold it up nor spoil its output."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.claude_kit import SAYS, until

if TYPE_CHECKING:
    from tests.claude_kit import Called, Claude

IN_TIME = 8.0
"""Seconds: 0.8 for the adapters, and room for a busy machine."""


def _said(called: Called) -> list[str]:
    assert (called.code, called.err) == (0, "")
    return [line.removeprefix("- ") for line in called.heard.splitlines()[1:]]


def _ask(claude: Claude, name: str, adapter: str) -> Called:
    """Call the hook, in a session of its own each time, until the adapter has looked at the event meanwhile.

    On a busy machine a process may take longer to start than the hook waits, which is no fault.
    """
    for attempt in range(8):
        session = f"{name}-{attempt}"
        called = claude.hook(claude.event(name, session_id=session, prompt_id="p-1"))
        if any(one["session"] == session for one in claude.seen(adapter)):
            return called
    raise AssertionError(f"{adapter} has never been quick enough")


def test_an_answer_comes_with_the_same_hook(claude: Claude) -> None:
    """The adapter looks at the event while the hook waits, and what it advises is in this hook's output; once."""
    claude.adapter("guide", SAYS, hooks=["UserPromptSubmit"], answers=True)
    claude.adapter("board", SAYS)
    claude.write_index()
    with claude.no_worker():
        called = _ask(claude, "UserPromptSubmit", "guide")
        assert _said(called) == ["guide: UserPromptSubmit was seen by guide"]
        assert claude.seen("board") == []
    session = claude.seen("guide")[-1]["session"]
    claude.drain()
    for name in ("guide", "board"):
        assert len([one for one in claude.seen(name) if one["session"] == session]) == 1
    with claude.no_worker():
        late = _said(claude.hook(claude.event("PreToolUse", session_id=session)))
        assert late == ["board: UserPromptSubmit was seen by board"]


def test_an_answer_may_come_while_a_worker_works(claude: Claude) -> None:
    """The worker leaves a new event to the hook that waits for it: nobody is shown it twice, and all is said once."""
    claude.adapter("guide", SAYS, answers=True)
    claude.write_index()
    names = [f"toolu_{number}" for number in range(3)]
    said = [line for name in names for line in _said(claude.hook(claude.event("PreToolUse", tool_use_id=name)))]
    claude.settle()
    assert sorted(one["use"] for one in claude.seen("guide")) == names
    claude.write_index()
    with claude.no_worker():
        said += _said(claude.hook(claude.event("Stop", n=1), env={"INTERHOST_ADAPTERS": "-guide"}))
    assert set(said) == {"guide: PreToolUse was seen by guide"}
    assert len(said) <= len(names)


SLEEPS = """
@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx)
    if not (HOME / "awake").exists():
        time.sleep(10)
    return Observation(advice=[Advice(text="awake at last")])
"""
STUBBORN = (
    SLEEPS.replace("        time.sleep(10)\n", "        stay()\n")
    + """

def stay():
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            time.sleep(10)
        except BaseException:
            pass
"""
)


@pytest.mark.parametrize(("name", "code"), [("Stop", SLEEPS), ("SessionEnd", STUBBORN)], ids=["asleep", "stubborn"])
def test_an_adapter_that_sleeps_keeps_no_hook_over_its_limit(claude: Claude, code: str, name: str) -> None:
    """Not even one that swallows the alarm: the hook goes on without it, and the worker shows it the event later.

    0.8 s are all it gets, and 0.4 s where Claude Code gives all hooks together 1.5 s.
    """
    claude.adapter("sleepy", code, answers=True)
    claude.write_index()
    with claude.no_worker():
        called = claude.hook(claude.event(name, reason="other"))
        assert (called.code, called.out, called.err) == (0, "", "")
        assert called.seconds < 8  # the adapter sleeps for 10 s
    until(lambda: not _still_answering(claude), 5)
    (claude.home / "awake").touch()
    claude.change("UPDATE hook_pending SET due = 0 WHERE attempts = 0")
    claude.drain()
    # Once by the worker; and by the hook, if the process had started by then.
    assert [one["event"] for one in claude.seen("sleepy")] in ([name], [name, name])
    assert "awake at last" in claude.hook(claude.event("Stop", session_id=claude.event()["session_id"])).heard
    assert claude.rejected() == {}


def _still_answering(claude: Claude) -> bool:
    return any("--answer" in argv for _, argv in claude.processes())


def test_what_an_answering_adapter_tells_is_stored_once(claude: Claude) -> None:
    """Its facts are on the bus like any other's, told by the hook's door, with what the event knew."""
    claude.adapter("guide", answers=True)
    claude.write_index()
    for number in range(2):
        claude.hook(claude.event("PreToolUse", tool_name="Bash", tool_use_id=f"toolu_{number}", n=number)).quietly()
    claude.settle()
    facts = claude.facts()
    assert [json.loads(one.payload)["text"] for one in facts] == ["PreToolUse 0", "PreToolUse 1"]
    assert {one.extensions["door"] for one in facts} == {"hook"}


BROKEN = {
    "raises": ("raise ValueError('a bug')", "ValueError: a bug"),
    "exits": ("sys.exit(2)", "SystemExit: 2"),
    "is no observation": ("return 'text'", "expected Observation"),
    "interrupts": ("raise KeyboardInterrupt", ""),
    "leaves": ("os._exit(3)", ""),
    "is killed": ("os.kill(os.getpid(), 9)", ""),
}


@pytest.mark.parametrize("way", BROKEN)
def test_an_adapter_that_breaks_spoils_neither_hook_nor_others(claude: Claude, way: str) -> None:
    """The hook exits with 0 and without a word of its own; what others advise is said, now or by a later hook."""
    statement, reason = BROKEN[way]
    broken = f"""
@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx)
    if not (HOME / "mended").exists():
        {statement}
    return None
"""
    claude.adapter("aaa", broken, hooks=["PreToolUse"], answers=True)
    claude.adapter("guide", SAYS, hooks=["PreToolUse"], answers=True)
    claude.write_index()
    with claude.no_worker():
        called = _ask(claude, "PreToolUse", "aaa")
        assert called.seconds < IN_TIME
        session = claude.seen("aaa")[-1]["session"]
        # The next attempt is the worker's, after a pause.
        assert [one["session"] for one in claude.seen("aaa")].count(session) == 1
        with claude.bus() as bus:
            problems = [(one.adapter, one.stage, one.reason) for one in bus.store.problems()]
        if reason:
            ((adapter, stage, why),) = problems
            assert (adapter, stage) == ("aaa", "observe_hook")
            assert reason in why
    (claude.home / "mended").touch()
    claude.change("UPDATE hook_pending SET due = 0")
    claude.drain()
    assert len([one for one in claude.seen("aaa") if one["session"] == session]) == 2
    assert len([one for one in claude.seen("guide") if one["session"] == session]) == 1
    said = [*_said(called), *_said(claude.hook(claude.event("Stop", session_id=session)))]
    assert said == ["guide: PreToolUse was seen by guide"]
    with claude.bus() as bus:
        assert bus.store.problems() == []
    assert claude.rejected() == {}


def test_an_adapter_that_prints_spoils_no_output(claude: Claude) -> None:
    """Prints, writes to the descriptors, children's output, an import that talks: stdout is one document."""
    noisy = """
import subprocess
print("noise at import")
os.write(1, b"noise below python\\n")


@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx)
    print("noise", flush=True)
    print("noise", file=sys.stderr)
    os.write(1, b'{"decision": "block"}\\n')
    subprocess.run(["echo", "noise of a child"])
    return Observation(advice=[Advice(text="all quiet")])
"""
    claude.adapter("noisy", noisy, answers=True)
    claude.write_index()
    assert _said(_ask(claude, "Stop", "noisy")) == ["noisy: all quiet"]


def test_a_child_of_an_answering_adapter_keeps_no_pipe_open(claude: Claude) -> None:
    """It starts a program that stays: Claude Code, which waits for the end of our pipes, is not kept waiting."""
    starts = """
import subprocess


@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx)
    child = subprocess.Popen(["sleep", "30"], start_new_session=True)
    (HOME / "child").write_text(str(child.pid))
    return Observation(advice=[Advice(text="started")])
"""
    claude.adapter("starter", starts, answers=True)
    claude.write_index()
    called = _ask(claude, "Stop", "starter")
    os.kill(int((claude.home / "child").read_text()), signal.SIGKILL)
    assert _said(called) == ["starter: started"]
    assert called.seconds < IN_TIME


def test_an_adapter_that_cannot_be_imported_answers_nothing(claude: Claude) -> None:
    """The hook's output is what others say; the failure is recorded against the adapter."""
    claude.adapter("broken", "import a_module_that_nobody_has\n" + SAYS, answers=True)
    claude.adapter("guide", SAYS, answers=True)
    claude.write_index()
    assert _said(_ask(claude, "Stop", "guide")) == ["guide: Stop was seen by guide"]
    with claude.bus() as bus:
        (problem,) = bus.store.problems()
    assert (problem.adapter, problem.stage) == ("broken", "load")


def test_old_failures_do_not_use_up_a_hook_s_time(claude: Claude) -> None:
    """An event that an adapter could not observe is shown again in its own time, not with every hook that comes."""
    fails = """
@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx)
    if event.raw["n"] == 0:
        raise ValueError("not this one")
    return Observation(advice=[Advice(text=f"number {event.raw['n']}")])
"""
    claude.adapter("picky", fails, answers=True)
    claude.write_index()
    with claude.no_worker():
        heard = [
            line
            for number in range(6)
            for line in _said(claude.hook(claude.event("PreToolUse", n=number, tool_use_id=str(number))))
        ]
    assert set(heard) <= {f"picky: number {number}" for number in range(1, 6)}
    assert [one["raw"]["n"] for one in claude.seen("picky")].count(0) <= 1
    assert claude.rejected() == {}


def test_the_alarm_ends_the_looking(claude: Claude) -> None:
    """After the deadline no further event is begun: what waits for the adapter is the worker's."""
    slow = """
@hookimpl
def observe_hook(event, ctx):
    note(ctx.adapter, event, ctx)
    time.sleep(0.5)
    return None
"""
    claude.adapter("slow", slow, answers=True)
    claude.write_index()
    with claude.no_worker():
        for number in range(2):
            before = time.monotonic()
            claude.hook(claude.event("PreToolUse", n=number, tool_use_id=str(number))).quietly()
            assert time.monotonic() - before < IN_TIME
    assert len(claude.seen("slow")) <= 2
    claude.drain()
    with claude.bus() as bus:
        assert bus.hooks.waiting() == []
    assert claude.rejected() == {}
