"""``hook-index.json``: which hook events somebody observes, compiled from manifests and configuration.

::

    {"made_from": {"/…/site-packages": "1790000000000000000", "/…/config.toml": ""},
     "adapters": {"interlock": {"enabled": true, "answers": false, "hooks": ["PreToolUse:Edit|Write", "Stop"]}}}

``made_from`` holds the modification time of everything the answer depends on (nanoseconds; empty for what was absent).
Every hook reads it, and none can afford the imports that it took to compile it. Source: design section 8.
"""

from __future__ import annotations

import os

from interhost.json_scan import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE_NAME = "hook-index.json"
ADAPTERS_VARIABLE = "INTERHOST_ADAPTERS"


def read_index(root: str) -> Mapping[str, Mapping[str, object]] | None:
    """What the index says about each adapter; ``None`` when it is missing, damaged, or older than what it is made from.

    Args:
        root: State directory.
    """
    try:
        with open(f"{root}/{FILE_NAME}", encoding="utf-8") as file:
            found = scan(file.read())
    except (OSError, UnicodeDecodeError):
        return None
    index = found[0] if found else None
    if not isinstance(index, dict):
        return None
    sources, adapters = index.get("made_from"), index.get("adapters")
    if not isinstance(sources, dict) or not isinstance(adapters, dict):
        return None
    if any(modified(path) != when for path, when in sources.items()):
        return None
    return adapters if all(isinstance(one, dict) for one in adapters.values()) else None


def modified(path: str) -> str:
    """Modification time of a path in nanoseconds, as the index writes it; empty when there is nothing."""
    try:
        return str(os.stat(path).st_mtime_ns)
    except OSError:
        return ""


def find_observers(
    adapters: Mapping[str, Mapping[str, object]], said: Mapping[str, bool], event: str, tool: str | None
) -> dict[str, bool]:
    """Adapters that observe an event, each with whether it answers while the hook waits.

    Args:
        adapters: The index.
        said: Adapters that the environment enables or disables.
        event: Name of the event.
        tool: Its tool, if it has one.
    """
    found = {}
    for name, one in adapters.items():
        hooks = one.get("hooks")
        if said.get(name, one.get("enabled") is True) and isinstance(hooks, list) and matches(hooks, event, tool):
            found[name] = one.get("answers") is True
    return found


def matches(hooks: Iterable[object], event: str, tool: str | None) -> bool:
    """Whether one of a manifest's patterns asks for an event: ``Event``, ``Event:Tool|Tool``, or ``*`` for all."""
    for hook in hooks:
        name, _, tools = str(hook).partition(":")
        if name in (event, "*") and (not tools or tool in tools.split("|")):
            return True
    return False


def read_said(environ: Mapping[str, str]) -> dict[str, bool]:
    """What ``INTERHOST_ADAPTERS`` says: names with commas between them; one with ``-`` in front is disabled."""
    return split_said(environ.get(ADAPTERS_VARIABLE, ""))


def split_said(text: str) -> dict[str, bool]:
    """The same, of the variable's value."""
    names = [name.strip() for name in text.split(",")]
    return {name.removeprefix("-"): not name.startswith("-") for name in names if name.removeprefix("-")}
