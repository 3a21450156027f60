"""Recorded hook events: taken in from the hooks' files, and shown to the adapters that observe them.

An event is stored with what each adapter still has to look at, in one transaction; only then its file goes. What an
adapter saw is stored together with the fact that it has looked, so that however often a worker is killed, an event
leads to its drafts once. Source: design section 7, steps 1 and 2.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from interhost_hookspecs import HookEvent

from interhost.bus.bus import Bus
from interhost.bus.hook_index import matches, split_said
from interhost.bus.hook_record import list_records, read_record, sweep_orphans
from interhost.bus.hook_store import WaitingHook
from interhost.bus.project import git_root
from interhost.bus.spool import set_aside
from interhost.host.config import Config
from interhost.host.registry import AdapterEntry

ANSWER_MICROS = 2_000_000
"""An event that an adapter answers is left for so long to the hook that waits for the answer."""
_SAME_MICROS = 10_000_000
_BATCH = 200


def take_in_hooks(bus: Bus, entries: Sequence[AdapterEntry], config: Config) -> int:
    """Move recorded events into the database; how many were new and observed.

    Args:
        bus: The bus.
        entries: Installed adapters.
        config: Which of them are enabled; what the environment of a hook said counts more.
    """
    taken = 0
    records = list_records(str(bus.root))
    for start in range(0, len(records), _BATCH):
        batch = records[start : start + _BATCH]
        with bus.database.transaction():
            for path in batch:
                if (record := read_record(path)) is not None:
                    taken += _take_in(bus, *record, entries, config)
        for path in batch:
            with contextlib.suppress(FileNotFoundError):  # somebody else takes them in, too
                os.unlink(path)
    if records:
        sweep_orphans(str(bus.root))
    return taken


def view_hook(hook: WaitingHook) -> tuple[HookEvent, Mapping[str, str]]:
    """An event as an adapter sees it, and what the hook knew besides."""
    raw: dict[str, Any] = json.loads(hook.body, strict=False)
    cwd = _text(raw.get("cwd"))
    event = HookEvent(
        name=_text(raw.get("hook_event_name")) or "",
        session_id=_text(raw.get("session_id")) or "",
        cwd=Path(cwd) if cwd and os.path.isabs(cwd) else None,
        tool_name=_text(raw.get("tool_name")),
        tool_use_id=_text(raw.get("tool_use_id")),
        prompt_id=_text(raw.get("prompt_id")),
        raw=raw,
    )
    head: Mapping[str, str] = json.loads(hook.head)
    return event, head


def event_key(raw: Mapping[str, object], document: str) -> tuple[str, int | None]:
    """What makes an event this one, and for how long (microseconds; ``None``: for ever).

    A tool's use and a user's prompt happen once. Everything else may happen again in the same words, but not at the
    same moment: then it is one event that two registrations told. Source: reference/claude-code.md sections 1.9 and 6.
    """
    session, name, tool, prompt = (
        (_text(raw.get(key)) or "")
        .encode("utf-8", "backslashreplace")
        .decode()  # half a character can be stored nowhere
        for key in ("session_id", "hook_event_name", "tool_use_id", "prompt_id")
    )
    if tool:
        return f"{session}\n{name}\n{tool}", None
    if prompt and name == "UserPromptSubmit":
        return f"{session}\n{name}\n{prompt}", None
    return f"{session}\n{name}\n{hashlib.sha256(document.encode()).hexdigest()}", _SAME_MICROS


def _take_in(bus: Bus, head: Mapping[str, str], document: str, entries: Sequence[AdapterEntry], config: Config) -> bool:
    try:
        raw = json.loads(document, strict=False)
        if not isinstance(raw, dict):
            raise TypeError("expected an object")  # noqa: TRY301 - one handler for everything wrong with it
    except (ValueError, TypeError, RecursionError) as error:
        set_aside(bus.root, document, f"a hook event that cannot be read: {error}")
        return False
    at = int(head["at"]) if head.get("at", "").isdigit() else time.time_ns() // 1000
    said = split_said(head.get("adapters", ""))
    due = {
        entry.name: at + (ANSWER_MICROS if entry.interbus.answers else 0)
        for entry in entries
        if entry.interbus
        and said.get(entry.name, config.is_enabled(entry.name))
        and matches(entry.interbus.hooks, _text(raw.get("hook_event_name")) or "", _text(raw.get("tool_name")))
    }
    if (cwd := _text(raw.get("cwd"))) and os.path.isabs(cwd) and (project := git_root(Path(cwd))):
        bus.store.see_project(project)
    key, window = event_key(raw, document)
    return bus.hooks.add(key, at, json.dumps(head), document, due, window=window) and bool(due)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
