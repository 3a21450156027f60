"""The hook events of Claude Code, and which of them can put text before Claude.

Source: reference/claude-code.md sections 1.1, 1.3 and 1.7. Unknown events are recorded like any other.
"""

from __future__ import annotations

EVENTS = (
    *("SessionStart", "Setup", "UserPromptSubmit", "UserPromptExpansion", "PreToolUse", "PermissionRequest"),
    *("PermissionDenied", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "Notification", "MessageDisplay"),
    *("SubagentStart", "SubagentStop", "TaskCreated", "TaskCompleted", "Stop", "StopFailure", "TeammateIdle"),
    *("InstructionsLoaded", "ConfigChange", "CwdChanged", "DirectoryAdded", "FileChanged", "WorktreeCreate"),
    *("WorktreeRemove", "PreCompact", "PostCompact", "PreModelSwitch", "PostModelSwitch", "Elicitation"),
    *("ElicitationResult", "SessionEnd"),
)
TAKE_CONTEXT = frozenset(
    (
        *("SessionStart", "UserPromptSubmit", "UserPromptExpansion", "PreToolUse", "PostToolUse"),
        *("PostToolUseFailure", "PostToolBatch", "SubagentStart", "Stop", "SubagentStop", "PostModelSwitch"),
    )
)
"""Events whose answer may carry ``additionalContext``."""
TOOL_EVENTS = frozenset(("PreToolUse", "PermissionRequest", "PermissionDenied", "PostToolUse", "PostToolUseFailure"))
"""Events of one tool, whose name a matcher is compared with."""
UNMATCHED = frozenset(
    (
        *("UserPromptSubmit", "PostToolBatch", "MessageDisplay", "TaskCreated", "TaskCompleted", "Stop"),
        *("TeammateIdle", "CwdChanged", "WorktreeCreate", "WorktreeRemove"),
    )
)
"""Events for which Claude Code ignores a matcher."""
NEWEST = frozenset(("DirectoryAdded", "PreModelSwitch", "PostModelSwitch"))
"""Events that Claude Code 2.1.197 does not know: over one of them it refuses a whole plugin, as tried with it."""
ANSWERED = frozenset(("WorktreeCreate",))
"""Events that wait for an answer only their owner has: whoever registers for one has to make the worktree."""


def can_hear(event: dict[str, object]) -> bool:
    """Whether Claude would read text that is handed out now.

    Not within a subagent, which takes what it heard with it when it ends; and not when Claude goes on only because an
    earlier hook has kept it from stopping.
    """
    name = event.get("hook_event_name")
    return name in TAKE_CONTEXT and not event.get("agent_id") and event.get("stop_hook_active") is not True
