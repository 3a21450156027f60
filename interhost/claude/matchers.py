"""Matchers of Claude Code: which ones a plugin needs for what adapters observe, and whether one lets a tool through.

Source: reference/claude-code.md sections 1.3 and 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from interhost.claude.events import ANSWERED, EVENTS, NEWEST, TOOL_EVENTS, UNMATCHED
from interhost.host.config import Config
from interhost.host.registry import AdapterEntry

EVERY = "*"
"""Stands for all tools, and for events that have none."""
_NAMES = re.compile(r"[A-Za-z0-9_|, -]+")
"""A matcher of these characters is a list of names; any other is an expression."""


def list_hooks(entries: Sequence[AdapterEntry], config: Config) -> dict[str, tuple[str, ...]]:
    """What each enabled adapter observes, in the words of its manifest."""
    return {one.name: one.interbus.hooks for one in entries if one.interbus and config.is_enabled(one.name)}


def observed_tools(hooks: Iterable[str]) -> dict[str, set[str]]:
    """Events that somebody observes, each with its tools; :data:`EVERY` among them where it is not about one tool.

    Args:
        hooks: Patterns of manifests: ``Event``, ``Event:Tool|Tool``, or ``*`` for all events but the newest.
    """
    found: dict[str, set[str]] = {}
    for name, _, tools in (hook.partition(":") for hook in hooks):
        for event in EVENTS:
            asked = name == event or (name == "*" and event not in NEWEST)
            if asked and event not in ANSWERED and (not tools or event in TOOL_EVENTS):
                found.setdefault(event, set()).update(tools.split("|") if tools else (EVERY,))
    return found


def list_remarks(hooks: Mapping[str, Iterable[str]]) -> list[str]:
    """What is worth knowing of the events that adapters ask for by name, one line each."""
    found = []
    for adapter, patterns in hooks.items():
        for event in sorted({hook.partition(":")[0] for hook in patterns} - {"*"}):
            if event in ANSWERED:
                found.append(f"{adapter} observes {event}; left out: whoever registers for it has to make the worktree")
            elif event not in EVENTS:
                found.append(f"{adapter} observes {event}; left out: this interhost knows no such event")
            elif event in NEWEST:
                found.append(f"{adapter} observes {event}, over which an older Claude Code refuses the whole plugin")
    return found


def write_matcher(tools: Collection[str]) -> str:
    """The matcher that lets through these tools and no other; empty for all."""
    if EVERY in tools:
        return ""
    names = sorted(tools)
    if all(map(_NAMES.fullmatch, names)):
        return "|".join(names)
    return f"^(?:{'|'.join(map(re.escape, names))})$"


def lets_through(matcher: object, event: str, tool: str) -> bool:
    """Whether a registered matcher lets an event of a tool through; with :data:`EVERY`, all of them."""
    if event in UNMATCHED or matcher in (None, "", "*"):
        return True
    if not isinstance(matcher, str) or tool == EVERY:
        return False
    if _NAMES.fullmatch(matcher):
        return tool in re.split(r"[|,]\s*", matcher)
    try:
        return re.search(matcher, tool) is not None
    except re.error:  # what another dialect understands; better no alarm than a false one
        return True
