"""Claude Code's side of a plugin, written from its documentation and not from our code: what is valid, and what runs.

Source: reference/claude-code.md sections 1.1, 1.3, 1.5, 1.8 and 2.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interhost_hookspecs.testing import HOOK_EVENTS
from jsonschema import Draft202012Validator

_COMPARED = {
    **dict.fromkeys(
        ("PreToolUse", "PermissionRequest", "PermissionDenied", "PostToolUse", "PostToolUseFailure"), "tool_name"
    ),
    "UserPromptExpansion": "command_name",
    **dict.fromkeys(("SessionStart", "ConfigChange", "DirectoryAdded"), "source"),
    **dict.fromkeys(("Setup", "PreCompact", "PostCompact"), "trigger"),
    **dict.fromkeys(("PreModelSwitch", "PostModelSwitch"), "to_model"),
    "Notification": "notification_type",
    "SessionEnd": "reason",
    "StopFailure": "error",
    **dict.fromkeys(("SubagentStart", "SubagentStop"), "agent_type"),
    **dict.fromkeys(("Elicitation", "ElicitationResult"), "mcp_server_name"),
    "InstructionsLoaded": "load_reason",
    "FileChanged": "file_path",
}
"""What a matcher is compared with; for other events it is ignored, so that stating one is a mistake."""

_TEXT = {"type": "string", "minLength": 1}
_NAME = {"type": "string", "pattern": "^(?!claude-|anthropic-|cc-plugin-)[a-z0-9]+(-[a-z0-9]+)*$"}
_PATH = {"type": "string", "pattern": r"^\./(?!.*\.\.)"}
_PERSON = {
    "type": "object",
    "properties": {"name": _TEXT, "email": _TEXT, "url": {"type": "string", "format": "uri"}},
    "required": ["name"],
    "additionalProperties": False,
}
_MANIFEST: dict[str, Any] = {
    "name": _NAME,
    "displayName": _TEXT,
    "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
    "description": _TEXT,
    "author": _PERSON,
    "homepage": {"type": "string", "pattern": "^https?://"},
    "repository": _TEXT,
    "license": _TEXT,
    "keywords": {"type": "array", "items": _TEXT},
    "defaultEnabled": {"type": "boolean"},
}
_HANDLER = {
    "type": "object",
    "properties": {
        "type": {"const": "command"},
        "command": {"type": "string", "pattern": "^/"},
        "args": {"type": "array", "items": {"type": "string"}},
        "timeout": {"type": "integer", "minimum": 1, "maximum": 600},
        "if": _TEXT,
        "statusMessage": _TEXT,
        "async": {"type": "boolean"},
    },
    "required": ["type", "command", "args", "timeout"],  # args: exec form; the timeout is to be stated
    "additionalProperties": False,
}
_GROUPS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"matcher": _TEXT, "hooks": {"type": "array", "minItems": 1, "items": _HANDLER}},
        "required": ["hooks"],
        "additionalProperties": False,
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    ".claude-plugin/plugin.json": {
        "type": "object",
        "properties": _MANIFEST,  # hooks and mcpServers stand in their own files, and would be loaded twice from here
        "required": ["name"],
        "additionalProperties": False,
    },
    ".claude-plugin/marketplace.json": {
        "type": "object",
        "properties": {
            "name": {**_NAME, "not": {"enum": ["inline", "skills-dir", "synced"]}},
            "owner": _PERSON,
            "description": _TEXT,
            "version": _TEXT,
            "plugins": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {**_MANIFEST, "source": _PATH, "category": _TEXT, "tags": {"type": "array"}},
                    "required": ["name", "source"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["name", "owner", "plugins"],
        "additionalProperties": False,
    },
    "hooks/hooks.json": {
        "type": "object",
        "properties": {
            "description": _TEXT,
            "hooks": {
                "type": "object",
                "properties": dict.fromkeys(HOOK_EVENTS, _GROUPS),
                "required": ["SessionStart", "UserPromptSubmit"],
                "additionalProperties": False,
            },
        },
        "required": ["hooks"],
        "additionalProperties": False,
    },
    ".mcp.json": {
        "type": "object",
        "properties": {
            "mcpServers": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "command": _TEXT,
                        "args": {"type": "array", "items": {"type": "string"}},
                        "env": {"type": "object", "additionalProperties": {"type": "string"}},
                    },
                    "required": ["command"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["mcpServers"],
        "additionalProperties": False,
    },
}


def find_mistakes(folder: Path) -> list[str]:
    """What ``claude plugin validate --strict`` would say about a folder, one line for each mistake."""
    found = []
    for place, schema in SCHEMAS.items():
        if (path := folder / place).exists() or place != ".mcp.json":
            errors = Draft202012Validator(schema).iter_errors(json.loads(path.read_bytes()))
            found += [f"{place}: {error.json_path}: {error.message}" for error in errors]
    hidden = sorted(path.name for path in (folder / ".claude-plugin").iterdir())
    if hidden != ["marketplace.json", "plugin.json"]:
        found.append(f".claude-plugin: {hidden}")
    for event, groups in json.loads((folder / "hooks" / "hooks.json").read_bytes())["hooks"].items():
        if event not in _COMPARED and any("matcher" in group for group in groups):
            found.append(f"hooks/hooks.json: {event}: a matcher is ignored there")
    return found


def commands_for(folder: Path, document: Mapping[str, object]) -> list[list[str]]:
    """The command lines that Claude Code starts for an event, because the plugin's hooks ask for it."""
    event = str(document["hook_event_name"])
    hooks = json.loads((folder / "hooks" / "hooks.json").read_bytes())["hooks"]
    return [
        [handler["command"], *handler["args"]]
        for group in hooks.get(event, [])
        if _matches(group.get("matcher"), event, document)
        for handler in group["hooks"]
    ]


def _matches(matcher: str | None, event: str, document: Mapping[str, object]) -> bool:
    if matcher in (None, "", "*") or event not in _COMPARED:
        return True
    assert matcher is not None
    value = str(document.get(_COMPARED[event], "")).rpartition("/" if event == "FileChanged" else "\0")[2]
    if re.fullmatch(r"[A-Za-z0-9_|, -]+", matcher):
        return value in (one.strip() for one in re.split(r"[|,]", matcher))
    return re.search(matcher, value) is not None
