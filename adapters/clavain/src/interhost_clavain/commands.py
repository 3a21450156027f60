"""Clavain's commands, when somebody calls one: the agent by the Skill tool, a person by typing it.

That a command was called is all that the hook says; what it comes to is in files and in the kernel.

Source: ``reference/modules/_wave2-shared-ground.md`` section 1.1, ``reference/claude-code.md`` section 1.3.
"""

from __future__ import annotations

from collections.abc import Mapping

from interhost_hookspecs import AdapterContext, Draft, HookEvent, Observation, hookimpl
from interhost_hookspecs.reading import first_line, is_bead, value_at

COMMANDS = ("sprint", "strategy", "write-plan", "work", "quality-gates", "sprint-status")
"""The commands that are told."""

INTENT = "clavain.command@1.0"
"""A command of Clavain was called; ``command``, ``args``, and ``by``: ``agent`` or ``user``."""

_PREFIX = "clavain:"
# Where each event has the command's name and its arguments, and who called it.
_PLACES: Mapping[str, tuple[str, str, str]] = {
    "PostToolUse": ("tool_input.skill", "tool_input.args", "agent"),
    "UserPromptExpansion": ("command_name", "command_args", "user"),
}


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation | None:
    """Tell that one of the commands was called, in the context of the bead that it names, else of the session."""
    if event.name not in _PLACES or value_at(event.raw, "tool_response.success") is False:
        return None
    name, args, by = _PLACES[event.name]
    called = (first_line(event.raw, name) or "").removeprefix("/")
    command = called.removeprefix(_PREFIX)
    if not called.startswith(_PREFIX) or command not in COMMANDS:
        return None
    given = first_line(event.raw, args)
    payload = {"command": command, "args": given, "by": by}
    return Observation(drafts=(Draft(intent=INTENT, payload=payload, context_id=_find_bead(given, ctx)),))


def _find_bead(args: str | None, ctx: AdapterContext) -> str | None:
    """The bead that the arguments begin with, if the tracker has it: ``add-mesh`` only looks like one."""
    word = (args or "").split(maxsplit=1)[:1]
    return word[0] if word and is_bead(word[0]) and ctx.beads.find(word[0]) else None
