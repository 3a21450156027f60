"""The Claude Code plugin: what its files hold.

Its hooks are called in exec form, without a shell, and only for events that an enabled adapter observes; at
``SessionStart`` and ``UserPromptSubmit`` always, so that advice reaches Claude. The folder is a marketplace of one
plugin, too, because Claude Code installs for good only from a marketplace.
Source: reference/claude-code.md sections 1.5, 1.8, 2.1 and 2.3.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from interhost.claude.events import EVENTS
from interhost.claude.matchers import observed_tools, write_matcher
from interhost.errors import StateError
from interhost.version import own_version

NAME = "interhost"
MARK = ".written-by-interhost"
"""The file that says whose folder this is."""
ALWAYS = ("SessionStart", "UserPromptSubmit")
TIMEOUT_SECONDS = 5
"""Of every hook. At SessionEnd Claude Code allows 1.5 s for all hooks together, whatever a plugin asks for."""
_ABOUT = "Tells other modules what happens in a session, and tells Claude what they have noted."
_MARK_TEXT = "Written by 'interhost claude-plugin', which replaces its files when it is called again.\n"
_VERSION = re.compile(r"\d+(\.\d+)+")


class Program(NamedTuple):
    """What Claude Code is to start.

    Attributes:
        python: The interpreter; absolute.
        hook: Our script for hooks; absolute.
        version: Our version.
        mcp: Whether the MCP server can be started, too.
    """

    python: str
    hook: str
    version: str
    mcp: bool


def this_program() -> Program:
    """This very installation.

    Raises:
        StateError: Python does not know its own interpreter.
    """
    if not os.path.isabs(sys.executable or ""):
        raise StateError("this Python does not know its own interpreter", "", hint="start interhost by its full path")
    hook = str(Path(__file__).absolute().with_name("hook.py"))
    return Program(sys.executable, hook, own_version(), mcp=all(map(find_spec, ("mcp", "mcp_types"))))


def plugin_files(hooks: Iterable[str], program: Program) -> dict[str, bytes]:
    """Contents of the plugin's files by place.

    Args:
        hooks: What enabled adapters observe, in the words of their manifests.
        program: What is to be started.
    """
    plugin = {"name": NAME, "description": _ABOUT, "author": {"name": "The interhost founders"}, "license": "MIT"}
    if _VERSION.fullmatch(program.version):
        plugin["version"] = program.version
    marketplace = {
        "name": NAME,
        "owner": plugin["author"],
        "description": "interhost, as it is installed on this machine.",
        "plugins": [{"name": NAME, "source": "./", "description": _ABOUT}],
    }
    documents: dict[str, object] = {
        ".claude-plugin/plugin.json": plugin,
        ".claude-plugin/marketplace.json": marketplace,
        "hooks/hooks.json": {"description": _ABOUT, "hooks": _groups(hooks, program)},
    }
    if program.mcp:
        server = {"command": program.python, "args": ["-P", "-m", "interhost", "mcp"]}
        documents[".mcp.json"] = {"mcpServers": {NAME: server}}
    texts = {place: json.dumps(document, indent=2) + "\n" for place, document in documents.items()}
    return {place: text.encode() for place, text in {MARK: _MARK_TEXT, **texts}.items()}


def _groups(hooks: Iterable[str], program: Program) -> dict[str, object]:
    """One group for every event that is observed, in the documented order."""
    handler = {
        "type": "command",
        "command": program.python,
        "args": ["-I", "-S", program.hook],
        "timeout": TIMEOUT_SECONDS,
    }
    tools = observed_tools([*hooks, *ALWAYS])
    matchers = {event: write_matcher(tools[event]) for event in EVENTS if event in tools}
    return {
        event: [{**({"matcher": matcher} if matcher else {}), "hooks": [handler]}]
        for event, matcher in matchers.items()
    }
