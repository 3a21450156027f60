"""A sample of every hook event of Claude Code, in its documented shape.

Source: ``reference/claude-code.md`` sections 1.1 to 1.3; ``reference/modules/_wave2-shared-ground.md`` section 1.1.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from interhost_hookspecs.intent import HookEvent

PROJECT = "/home/ada/widgets"
"""The project of the samples; it need not exist."""

COMMON: Mapping[str, object] = MappingProxyType(
    {
        "session_id": "5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11",
        "prompt_id": "0d3f6a52-6f0e-4b7c-9a55-2b1f0f6f7c21",
        "transcript_path": "/home/ada/.claude/projects/-home-ada-widgets/5f0c1a3e-90be-4d0f-8a51-7b6f2f1c9d11.jsonl",
        "cwd": PROJECT,
        "scratchpad_dir": "/tmp/claude/scratchpad",  # noqa: S108 - a text of a sample
        "permission_mode": "default",
    }
)
"""What every event has. Claude Code before 2.1.196 has no ``prompt_id``, before 2.1.257 no ``scratchpad_dir``."""


class Tool(NamedTuple):
    """What a tool is given, and what it answers."""

    input: Mapping[str, object]
    response: object


_AGENT = Tool(
    {"description": "Review the plan", "subagent_type": "plan-reviewer", "prompt": "Review docs/plans/p.md."},
    {
        "status": "completed",
        "prompt": "Review docs/plans/p.md.",
        "agentId": "af29c0de",
        "agentType": "plan-reviewer",
        "content": [{"type": "text", "text": "No findings."}],
        "totalDurationMs": 48034,
        "totalTokens": 89902,
        "totalToolUseCount": 10,
        "usage": {"input_tokens": 12, "output_tokens": 1440},
        "toolStats": {"readCount": 7, "searchCount": 3},
    },
)

TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        "Bash": Tool(
            {"command": "npm test", "description": "Run the tests", "timeout": 120000, "run_in_background": False},
            {"stdout": "ok\n", "stderr": "", "interrupted": False, "isImage": False, "noOutputExpected": False},
        ),
        "Write": Tool(
            {"file_path": f"{PROJECT}/docs/plans/p.md", "content": "# Plan\n"},
            {"filePath": f"{PROJECT}/docs/plans/p.md", "success": True},
        ),
        "Edit": Tool(
            {"file_path": f"{PROJECT}/src/a.py", "old_string": "a", "new_string": "b", "replace_all": False},
            {"filePath": f"{PROJECT}/src/a.py", "success": True},
        ),
        "NotebookEdit": Tool(
            {"notebook_path": f"{PROJECT}/a.ipynb", "cell_id": "c1", "new_source": "1", "edit_mode": "replace"},
            {"success": True},
        ),
        "Skill": Tool(
            {"skill": "clavain:sprint", "args": "iv-abc1"}, {"success": True, "commandName": "clavain:sprint"}
        ),
        "Agent": _AGENT,
        "Task": _AGENT,
    }
)
"""Input and response by tool. ``Agent`` and ``Task`` are the same tool; both names occur, and its response may also be
a text or a list of blocks. A failed tool has no ``PostToolUse``."""

_USE = {"tool_use_id": "toolu_01A09q90qw90lq917835lq9", "effort": {"level": "medium"}}
_TASK = {
    "task_id": "task-001",
    "task_subject": "Write the parser",
    "task_description": "See docs/plans/p.md.",
    "teammate_name": "researcher",
    "team_name": "widgets",
}
_AGENT_ID = {"agent_id": "agent-abc123", "agent_type": "Explore"}
_MODEL_SWITCH = {
    "from_model": "claude-sonnet-5",
    "to_model": "claude-opus-5",
    "requested_model": "opus",
    "source": "command",
    "context_tokens": 182340,
    "prompt_cache_warm": True,
    "cache_ttl": "5m",
    "estimated_cache_write_usd": 1.14,
    "pricing": "catalog",
}

HOOK_EVENTS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "SessionStart": {"source": "startup", "model": "claude-sonnet-5", "session_title": "Parser"},
        "Setup": {"trigger": "init"},
        "UserPromptSubmit": {"prompt": "Write a parser for the widget format.", "session_title": "Parser"},
        "UserPromptExpansion": {
            "expansion_type": "slash_command",
            "command_name": "interflux:flux-drive",
            "command_args": "docs/plans/p.md",
            "command_source": "plugin",
            "prompt": "/interflux:flux-drive docs/plans/p.md",
        },
        "PreToolUse": _USE,
        "PermissionRequest": {
            "permission_suggestions": [
                {
                    "type": "addRules",
                    "rules": [{"toolName": "Bash", "ruleContent": "npm test"}],
                    "behavior": "allow",
                    "destination": "localSettings",
                }
            ]
        },
        "PermissionDenied": {**_USE, "reason": "Blocked by classifier"},
        "PostToolUse": {**_USE, "duration_ms": 12},
        "PostToolUseFailure": {**_USE, "error": "Exit code 1\nfailed", "is_interrupt": False, "duration_ms": 4187},
        "PostToolBatch": {
            "tool_calls": [
                {
                    "tool_name": name,
                    "tool_input": TOOLS[name].input,
                    "tool_use_id": f"toolu_01{name}",
                    "tool_response": TOOLS[name].response,
                }
                for name in ("Bash", "Edit")
            ]
        },
        "Notification": {
            "message": "Claude needs your permission",
            "title": "Permission needed",
            "notification_type": "permission_prompt",
        },
        "MessageDisplay": {"turn_id": "turn-1", "message_id": "msg-1", "index": 0, "final": False, "delta": "text"},
        "SubagentStart": _AGENT_ID,
        "SubagentStop": {
            **_AGENT_ID,
            "stop_hook_active": False,
            "agent_transcript_path": "/home/ada/.claude/projects/-home-ada-widgets/subagents/agent-abc123.jsonl",
            "last_assistant_message": "No findings.",
            "background_tasks": [],
            "session_crons": [],
        },
        "TaskCreated": _TASK,
        "TaskCompleted": _TASK,
        "Stop": {
            "stop_hook_active": False,
            "last_assistant_message": "The parser is written.",
            "background_tasks": [
                {
                    "id": "bash-1",
                    "type": "shell",
                    "status": "running",
                    "description": "Watch the tests",
                    "command": "npm run watch",
                }
            ],
            "session_crons": [{"id": "cron-1", "schedule": "*/5 * * * *", "recurring": True, "prompt": "Look again."}],
        },
        "StopFailure": {
            "error": "rate_limit",
            "error_details": "429 Too Many Requests",
            "last_assistant_message": "API Error: rate limit",
        },
        "TeammateIdle": {"teammate_name": "researcher", "team_name": "widgets"},
        "InstructionsLoaded": {
            "file_path": f"{PROJECT}/CLAUDE.md",
            "memory_type": "Project",
            "load_reason": "session_start",
        },
        "ConfigChange": {"source": "project_settings", "file_path": f"{PROJECT}/.claude/settings.json"},
        "CwdChanged": {"old_cwd": PROJECT, "new_cwd": f"{PROJECT}/src"},
        "DirectoryAdded": {"directory": "/home/ada/gadgets", "source": "slash_command"},
        "FileChanged": {"file_path": f"{PROJECT}/.envrc", "event": "change"},
        "WorktreeCreate": {"name": "feature-auth"},
        "WorktreeRemove": {"worktree_path": f"{PROJECT}/.claude/worktrees/feature-auth"},
        "PreCompact": {"trigger": "manual", "custom_instructions": ""},
        "PostCompact": {"trigger": "auto", "compact_summary": "The parser is half done."},
        "PreModelSwitch": _MODEL_SWITCH,
        "PostModelSwitch": _MODEL_SWITCH,
        "Elicitation": {
            "mcp_server_name": "tracker",
            "message": "Which project?",
            "mode": "form",
            "requested_schema": {"type": "object", "properties": {"project": {"type": "string"}}},
        },
        "ElicitationResult": {
            "mcp_server_name": "tracker",
            "action": "accept",
            "content": {"project": "widgets"},
            "mode": "form",
            "elicitation_id": "elicit-1",
        },
        "SessionEnd": {"reason": "prompt_input_exit"},
    }
)
"""The 33 events, each with what it has besides :data:`COMMON` and its tool."""

TOOL_EVENTS = frozenset({"PreToolUse", "PermissionRequest", "PermissionDenied", "PostToolUse", "PostToolUseFailure"})
"""Events about one use of a tool."""


def hook_payload(event: str = "PostToolUse", /, **changes: object) -> dict[str, object]:
    """A document as Claude Code writes it to a hook's standard input.

    Args:
        event: Name of the event; an unknown one has the common fields only, as a host must expect it.
        changes: Keys with another value, and further keys; ``None`` takes a key away. ``tool_name`` brings the input
            and, after its use, the response of the tools in :data:`TOOLS`; the tool is ``Bash`` when left out.

    Returns:
        A new document, which a test may change.
    """
    document = {**COMMON, "hook_event_name": event, **_tool(event, changes), **HOOK_EVENTS.get(event, {}), **changes}
    return copy.deepcopy({key: value for key, value in document.items() if value is not None})


def make_hook_event(event: str = "PostToolUse", /, **changes: object) -> HookEvent:
    """A hook event as the host shows it to ``observe_hook``, made of such a document."""
    return view_hook_event(hook_payload(event, **changes))


def view_hook_event(document: Mapping[str, object]) -> HookEvent:
    """A document as the host shows it: fields of a wrong type are as good as absent."""
    name, session, cwd, tool, use, prompt = (
        value if isinstance(value, str) and value else None
        for value in map(
            document.get, ("hook_event_name", "session_id", "cwd", "tool_name", "tool_use_id", "prompt_id")
        )
    )
    return HookEvent(
        name=name or "",
        session_id=session or "",
        cwd=Path(cwd) if cwd and os.path.isabs(cwd) else None,
        tool_name=tool,
        tool_use_id=use,
        prompt_id=prompt,
        raw=document,
    )


def _tool(event: str, changes: Mapping[str, object]) -> dict[str, object]:
    if event not in TOOL_EVENTS:
        return {}
    name = changes.get("tool_name", "Bash")
    tool = TOOLS.get(name, Tool({}, {})) if isinstance(name, str) else Tool({}, {})
    answer = {"tool_response": tool.response} if event == "PostToolUse" else {}
    return {"tool_name": name, "tool_input": tool.input, **answer}
