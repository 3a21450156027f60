"""One document of each of the 33 hook events, without the fields that all have.

Source: reference/claude-code.md section 1.3.
"""

from __future__ import annotations

_TOOL: dict[str, object] = {"tool_name": "Write", "tool_input": {"file_path": "/w/plan.md", "content": "# Plan"}}
_USE: dict[str, object] = {**_TOOL, "tool_use_id": "toolu_01Hq"}
_SWITCH: dict[str, object] = {
    "from_model": "claude-opus-5",
    "to_model": "claude-sonnet-5",
    "requested_model": None,
    "source": "picker",
    "context_tokens": 90210,
    "prompt_cache_warm": True,
    "cache_ttl": "5m",
    "estimated_cache_write_usd": 0.31,
    "pricing": "catalog",
}
_SAID: dict[str, object] = {"last_assistant_message": "The queue is bounded now.", "background_tasks": []}
SAMPLES: dict[str, dict[str, object]] = {
    "SessionStart": {"source": "resume", "model": "claude-sonnet-5", "context_tokens": 51200},
    "Setup": {"trigger": "init"},
    "UserPromptSubmit": {"prompt": "Bound the retry queue", "session_title": "Retry queue"},
    "UserPromptExpansion": {
        "expansion_type": "slash_command",
        "command_name": "sprint",
        "command_args": "wid-7k2.1 --fast",
        "command_source": "plugin",
        "prompt": "/sprint wid-7k2.1 --fast",
    },
    "PreToolUse": {**_USE, "permission_mode": "acceptEdits", "effort": {"level": "high"}},
    "PermissionRequest": {
        "tool_name": "Bash",
        "tool_input": {"command": "git push"},
        "permission_suggestions": [{"type": "addRules", "rules": [], "behavior": "allow"}],
    },
    "PermissionDenied": {**_USE, "reason": "Blocked by classifier"},
    "PostToolUse": {**_USE, "tool_response": {"filePath": "/w/plan.md", "success": True}, "duration_ms": 12},
    "PostToolUseFailure": {**_USE, "error": "Exit code 1\nno room", "is_interrupt": False, "duration_ms": 4187},
    "PostToolBatch": {"tool_calls": [{**_USE, "tool_response": {"success": True}}]},
    "Notification": {"message": "Waiting for input", "title": "Idle", "notification_type": "idle_prompt"},
    "MessageDisplay": {"turn_id": "t-1", "message_id": "m-1", "index": 0, "final": False, "delta": "Böunded "},
    "SubagentStart": {"agent_id": "agent-7f", "agent_type": "Explore"},
    "SubagentStop": {**_SAID, "stop_hook_active": False, "agent_id": "agent-7f", "agent_type": "Explore"},
    "TaskCreated": {"task_id": "task-4", "task_subject": "Measure", "teammate_name": "tester"},
    "TaskCompleted": {"task_id": "task-4", "task_subject": "Measure", "task_description": "p99 of the queue"},
    "Stop": {**_SAID, "stop_hook_active": True, "session_crons": []},
    "StopFailure": {"error": "rate_limit", "error_details": "429", "last_assistant_message": "API Error"},
    "TeammateIdle": {"teammate_name": "tester", "team_name": "widgets"},
    "InstructionsLoaded": {"file_path": "/w/CLAUDE.md", "memory_type": "Project", "load_reason": "session_start"},
    "ConfigChange": {"source": "project_settings", "file_path": "/w/.claude/settings.json"},
    "CwdChanged": {"old_cwd": "/w", "new_cwd": "/w/src"},
    "DirectoryAdded": {"directory": "/w/other", "source": "slash_command"},
    "FileChanged": {"file_path": "/w/.envrc", "event": "unlink"},
    "WorktreeCreate": {"name": "retry-queue"},
    "WorktreeRemove": {"worktree_path": "/w/.worktrees/retry-queue"},
    "PreCompact": {"trigger": "auto", "custom_instructions": None},
    "PostCompact": {"trigger": "manual", "compact_summary": "They bound a queue."},
    "PreModelSwitch": _SWITCH,
    "PostModelSwitch": {**_SWITCH, "source": "auto"},
    "Elicitation": {"mcp_server_name": "tracker", "message": "Which board?", "mode": "form"},
    "ElicitationResult": {"mcp_server_name": "tracker", "action": "accept", "content": {"board": 3}, "mode": "form"},
    "SessionEnd": {"reason": "prompt_input_exit"},
}
