"""What a hook would do with an event, step by step, without doing it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from interhost.bus.advice_store import StoredAdvice
from interhost.bus.bus import Bus
from interhost.bus.hook_index import matches, read_index, read_said
from interhost.claude.advice import ROOM, answer, contexts_of, session_of
from interhost.claude.answer import LAST_SECONDS, SECONDS
from interhost.claude.events import EVENTS, TAKE_CONTEXT, can_hear
from interhost.claude.stdin import MOST_BYTES
from interhost.claude.worker import RESIDENT_LOCK, WORKER_LOCK, is_due, is_held
from interhost.errors import InputError
from interhost.host.config import Config
from interhost.host.hook_events import event_key
from interhost.host.registry import AdapterEntry
from interhost.json_scan import scan


class Step(NamedTuple):
    """One step.

    Attributes:
        step: ``event``, ``record``, ``adapter``, ``advice``, ``worker`` or ``output``.
        does: What would be done, in a word or two.
        detail: Why, or with what.
    """

    step: str
    does: str
    detail: str


def read_event(data: bytes, source: str) -> tuple[str, Mapping[str, Any]]:
    """The text and the content of a sample event.

    Raises:
        InputError: It is not one; says what Claude Code would have sent.
    """
    text = data[:MOST_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    found = scan(text)
    if found is None or not isinstance(found[0], dict):
        raise InputError(
            f"{source}: no JSON object", hint="""such as '{"hook_event_name": "Stop", "session_id": "s"}'"""
        )
    if not isinstance(found[0].get("hook_event_name"), str):
        raise InputError(f"{source}: key 'hook_event_name': missing or not a text", hint=f"one of {', '.join(EVENTS)}")
    return text[: found[1]].strip(), found[0]


def explain(
    root: Path, text: str, event: Mapping[str, Any], entries: Sequence[AdapterEntry], config: Config
) -> Iterator[Step]:
    """Every step, in the order in which a hook takes them.

    Args:
        root: State directory; it need not exist.
        text: The event as it would come.
        event: Its content.
        entries: Installed adapters.
        config: The user's configuration.
    """
    name, tool = str(event["hook_event_name"]), event.get("tool_name")
    known = "" if name in EVENTS else "; not among the 33 this version knows, and treated like them"
    yield Step("event", name, f"session {session_of(event) or 'not said'}{f', tool {tool}' if tool else ''}{known}")
    said = read_said(os.environ)
    asking = [one for one in entries if one.interbus and matches(one.interbus.hooks, name, tool)]
    observing = [one for one in asking if said.get(one.name, config.is_enabled(one.name))]
    known_who = read_index(str(root)) is not None
    yield _record(event, text, observing, known_who=known_who)
    for entry in asking:
        yield _adapter(entry, name, enabled=entry in observing)
    advice = _waiting(root, event) if can_hear(dict(event)) else []
    yield _advice(event, advice)
    yield _worker(str(root), observed=bool(observing) or not known_who, installed=bool(entries))
    yield Step("output", "prints" if advice else "prints nothing", answer(name, advice) if advice else "exit status 0")


def _record(event: Mapping[str, Any], text: str, observing: Sequence[AdapterEntry], *, known_who: bool) -> Step:
    if not observing and known_who:
        return Step("record", "not recorded", "no enabled adapter observes it")
    if not observing:
        detail = "no enabled adapter observes it, but the index of who observes what is not there or not fresh"
        return Step("record", "recorded", f"{detail}; the worker compiles it")
    key, window = event_key(event, text)
    known_by = key.split("\n")[2]
    same = f"within {window / 1e6:g} s the same text" if window else known_by
    return Step("record", "recorded", f"the same event told twice is one: same session, same event, {same}")


def _adapter(entry: AdapterEntry, event: str, *, enabled: bool) -> Step:
    if not enabled:
        return Step("adapter", entry.name, "would observe it, but is disabled")
    if entry.interbus and entry.interbus.answers:
        seconds = LAST_SECONDS if event == "SessionEnd" else SECONDS
        return Step("adapter", entry.name, f"looks at it while the hook waits, at most {seconds:g} s")
    return Step("adapter", entry.name, "looks at it when the worker runs")


def _waiting(root: Path, event: Mapping[str, Any]) -> list[StoredAdvice]:
    """Advice that would be handed out; the log is not created for it."""
    if not (root / "bus.db").is_file():
        return []
    with Bus(root, deadline=1.0) as bus:
        return bus.store.listen(session_of(event), contexts_of(event), most=ROOM)


def _advice(event: Mapping[str, Any], advice: Sequence[StoredAdvice]) -> Step:
    if advice:
        names = ", ".join(dict.fromkeys(one.adapter for one in advice))
        return Step("advice", "handed out", f"{len(advice)} from {names}; each is said once")
    if event["hook_event_name"] not in TAKE_CONTEXT:
        return Step("advice", "kept", "Claude Code takes no text from this event")
    if not can_hear(dict(event)):
        return Step("advice", "kept", "not within a subagent, nor after a stop that a hook has prevented")
    return Step("advice", "none", "nothing waits for this session or for what it is about")


def _worker(root: str, *, observed: bool, installed: bool) -> Step:
    if is_held(root, RESIDENT_LOCK):
        return Step("worker", "not started", "a resident host is running")
    if is_held(root, WORKER_LOCK):
        return Step("worker", "not started", "one is at work")
    if observed or (installed and is_due(root)):
        return Step("worker", "started", "detached; it ends when nothing is left to do")
    return Step("worker", "not started", "nothing is left to do")
