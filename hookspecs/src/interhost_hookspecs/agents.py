"""What modules without a program leave in hook events: an agent's answer, and the use of a skill.

Nothing is seen of a use that failed: ``PostToolUse`` does not come then.

Source: ``reference/modules/_wave2-shared-ground.md`` sections 0 and 1.1; ``reference/claude-code.md`` section 1.3.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from attrs import frozen

from interhost_hookspecs.intent import Draft, HookEvent
from interhost_hookspecs.reading import encodable, one_line, value_at

AGENT_TOOLS = ("Agent", "Task")
"""The two names of the tool that starts an agent."""

# Some older hooks put a file's path there (reference/modules/tool-time.md section 1.5).
_SKILL = re.compile(r"[\w.-]+(?::[\w.-]+)*")


@frozen(kw_only=True)
class AgentAnswer:
    """What an agent answered when it was done.

    Attributes:
        agent: Its type, such as ``acme:review:plan-reviewer``.
        prompt: What it was told to do.
        text: What it said at the end.
    """

    agent: str
    prompt: str
    text: str

    @property
    def name(self) -> str:
        """The last part of its type: whoever installs an agent may put other names before it."""
        return self.agent.rpartition(":")[2]


@frozen(kw_only=True)
class SkillUse:
    """A skill that was loaded.

    Attributes:
        name: Its name with that of its plugin, such as ``acme:plan``.
        args: What it was given, in one line; empty when nothing.
    """

    name: str
    args: str


def read_agent_answer(event: HookEvent) -> AgentAnswer | None:
    """The answer that an event brings; ``None`` for any other event, and for an agent that is still at work.

    The response of the tool is an object with blocks of text, a list of them, or a text.
    """
    if event.name != "PostToolUse" or event.tool_name not in AGENT_TOOLS:
        return None
    response = event.raw.get("tool_response")
    text, status = read_blocks(response), value_at(response, "status")
    agent = value_at(response, "agentType") or value_at(event.raw, "tool_input.subagent_type")
    if not isinstance(agent, str) or status not in (None, "completed") or not (text or status):
        return None
    prompt = value_at(event.raw, "tool_input.prompt")
    return AgentAnswer(agent=encodable(agent), prompt=encodable(prompt) if isinstance(prompt, str) else "", text=text)


def read_skill_use(event: HookEvent) -> SkillUse | None:
    """The skill whose use an event tells; ``None`` for any other event."""
    name = value_at(event.raw, "tool_input.skill")
    if event.name != "PostToolUse" or event.tool_name != "Skill" or not isinstance(name, str):
        return None
    if not _SKILL.fullmatch(name) or value_at(event.raw, "tool_response.success") is False:
        return None
    return SkillUse(name=name, args=one_line(value_at(event.raw, "tool_input.args")) or "")


def tell_skill_use(event: HookEvent, names: Collection[str], *, intent: str) -> tuple[Draft, ...]:
    """The fact that one of a module's skills was used: that it was loaded, not what came of it.

    Args:
        event: Any event.
        names: The module's skills.
        intent: The module's own intent that says so, such as ``acme.skill_used@1.0``.
    """
    use = read_skill_use(event)
    if use is None or use.name not in names:
        return ()
    return (Draft(payload={"skill": use.name, **({"args": use.args} if use.args else {})}, intent=intent),)


def read_blocks(value: object) -> str:
    """The text in what a tool answers: a text, blocks of text, or an object whose ``content`` is either."""
    content = value_at(value, "content") if isinstance(value, dict) else value
    blocks = content if isinstance(content, list) else [content]
    texts = (one if isinstance(one, str) else value_at(one, "text") for one in blocks)
    return encodable("\n".join(text for text in texts if isinstance(text, str))).strip()
