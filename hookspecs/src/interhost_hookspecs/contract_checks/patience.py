"""A check that an adapter's patterns read any text in linear time: a session waits behind whatever takes for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from interhost_hookspecs.catalogue import CATALOGUE, Payload
from interhost_hookspecs.contract_checks.behaviour import call, list_machines
from interhost_hookspecs.contract_checks.hostile import list_payloads
from interhost_hookspecs.contract_checks.subject import Subject
from interhost_hookspecs.intent import Severity
from interhost_hookspecs.testing.context import FakeContext
from interhost_hookspecs.testing.hook_events import hook_payload, view_hook_event
from interhost_hookspecs.testing.intents import make_intent

PUMPS = ("\n", " ", "x", ";", ";a=", ";a= ", ";/", "x/", '-a "', "- ", "# ", "`", "[", "P1 x", "\n ", "a: ")
"""What a text repeats that is hard on patterns: separators, assignments, paths, flags, Markdown."""

SIZES = (4_000, 100_000)
"""Characters; where time grows with the cube, the shorter one shows it before the longer one would take hours."""

MOST_SECONDS = 2.0
"""Seconds of the processor for one text. What is linear takes milliseconds, what is quadratic ten seconds and more."""


def reads_any_text_in_time(subject: Subject) -> Iterator[str]:
    """No shell command, no output and no text of a fact takes more than linear time to read."""
    ctx = next(iter(list_machines(subject)))
    readers: dict[str, Callable[[str], None]] = {}
    if "observe_hook" in subject.hooks:
        readers["observe_hook"] = partial(_observe, subject, ctx)
    for name, cls in CATALOGUE.items():
        if f"on_{name}" in subject.hooks:
            readers[f"on_{name}"] = partial(_react, subject, ctx, name, cls)
    for hook, read in readers.items():
        if slow := _find_slow(read):
            yield f"{hook} reads a text that repeats {slow!r} in more than linear time; look at its patterns"


def _find_slow(read: Callable[[str], None]) -> str:
    """What a text repeats that takes too long to read; empty when nothing does."""
    for pump in PUMPS:
        for size in SIZES:
            before = time.process_time()
            read(pump * (size // len(pump)))
            if time.process_time() - before > MOST_SECONDS:
                return pump
    return ""


def _observe(subject: Subject, ctx: FakeContext, text: str) -> None:
    tool = {"tool_input": {"command": text}, "tool_response": {"stdout": text, "stderr": text}}
    event = view_hook_event(hook_payload("PostToolUse", tool_name="Bash", **tool))
    call(subject, "observe_hook", event=event, ctx=ctx)


def _react(subject: Subject, ctx: FakeContext, name: str, cls: type[Payload], text: str) -> None:
    payload = next(iter(list_payloads(cls, text)))
    call(subject, f"on_{name}", intent=make_intent(payload, severity=Severity.ERROR, project_dir=ctx.home), ctx=ctx)
