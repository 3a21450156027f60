"""What an agent answered, and which skill was used, in every shape of a hook event."""

from __future__ import annotations

import pytest
from interhost_hookspecs.agents import AgentAnswer, SkillUse, read_agent_answer, read_skill_use, tell_skill_use
from interhost_hookspecs.testing import make_hook_event

BLOCKS = [{"type": "text", "text": "Verdict: PASS"}, {"type": "image"}, {"type": "text", "text": "All is well."}]
GIVEN = {"description": "Review", "subagent_type": "acme:review:reviewer", "prompt": "Review docs/p.md."}
ANSWER = AgentAnswer(agent="acme:review:reviewer", prompt="Review docs/p.md.", text="Verdict: PASS\nAll is well.")


@pytest.mark.parametrize("tool", ["Agent", "Task"])
@pytest.mark.parametrize(
    "response",
    [
        {"status": "completed", "agentType": "acme:review:reviewer", "content": BLOCKS, "totalTokens": 89902},
        {"status": "completed", "content": BLOCKS},
        {"content": "Verdict: PASS\nAll is well.\n"},
        BLOCKS,
        ["Verdict: PASS", {"text": "All is well."}],
        "Verdict: PASS\nAll is well.\n",
    ],
)
def test_an_answer_is_read_in_every_shape(tool: str, response: object) -> None:
    """Under both names of the tool; the type that the response states is the one that ran."""
    event = make_hook_event(tool_name=tool, tool_input=GIVEN, tool_response=response)
    assert read_agent_answer(event) == ANSWER
    assert ANSWER.name == "reviewer"


def test_the_agent_that_ran_counts_not_the_one_that_was_asked_for() -> None:
    """The response knows better."""
    event = make_hook_event(
        tool_name="Agent", tool_input=GIVEN, tool_response={"agentType": "other", "content": "x", "status": "completed"}
    )
    answer = read_agent_answer(event)
    assert answer
    assert (answer.agent, answer.name) == ("other", "other")


def test_an_agent_that_ended_without_a_word_has_answered() -> None:
    """It is done; what it says is nothing."""
    event = make_hook_event(tool_name="Agent", tool_input=GIVEN, tool_response={"status": "completed", "content": []})
    answer = read_agent_answer(event)
    assert answer
    assert answer.text == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"tool_response": {"status": "async_launched", "content": "Agent launched"}},
        {"tool_response": {"status": ["completed"], "content": "x"}},
        {"tool_response": {}},
        {"tool_response": None},
        {"tool_response": ""},
        {"tool_response": 7},
        {"tool_input": {"prompt": "x"}, "tool_response": "done"},
        {"tool_input": "x", "tool_response": "done"},
        {"tool_input": {"subagent_type": ["reviewer"]}, "tool_response": "done"},
        {"tool_name": "Bash"},
        {"hook_event_name": "PreToolUse"},
    ],
)
def test_what_is_no_answer_is_none(changes: dict[str, object]) -> None:
    """An agent in the background, other tools, other events, and whatever else may come."""
    event = make_hook_event(**{"tool_name": "Agent", "tool_input": GIVEN, **changes})
    assert read_agent_answer(event) is None


@pytest.mark.parametrize(
    ("given", "use"),
    [
        ({"skill": "acme:plan", "args": "docs/p.md\n --deep"}, SkillUse(name="acme:plan", args="docs/p.md --deep")),
        ({"skill": "plan"}, SkillUse(name="plan", args="")),
        ({"skill": "acme:plan", "args": ["x"]}, SkillUse(name="acme:plan", args="")),
    ],
)
def test_a_skill_is_read_with_what_it_was_given(given: dict[str, object], use: SkillUse) -> None:
    """In one line."""
    assert read_skill_use(make_hook_event(tool_name="Skill", tool_input=given)) == use


@pytest.mark.parametrize(
    "changes",
    [
        {"tool_input": {"skill": "/home/ada/skills/plan.md"}},
        {"tool_input": {"skill": "acme:plan\n"}},
        {"tool_input": {"skill": ""}},
        {"tool_input": {"skill": ["acme:plan"]}},
        {"tool_input": {}},
        {"tool_input": None},
        {"tool_response": {"success": False}},
        {"tool_name": "Bash"},
        {"hook_event_name": "PreToolUse"},
    ],
)
def test_what_is_no_use_of_a_skill_is_none(changes: dict[str, object]) -> None:
    """A path in the place of a name, a use that did not succeed, another tool."""
    event = make_hook_event(**{"tool_name": "Skill", "tool_input": {"skill": "acme:plan"}, **changes})
    assert read_skill_use(event) is None


def test_the_use_of_a_module_s_own_skill_is_told() -> None:
    """Of others nothing; the event knows session and project."""
    event = make_hook_event(tool_name="Skill", tool_input={"skill": "acme:plan", "args": "3"})
    (draft,) = tell_skill_use(event, {"acme:plan"}, intent="acme.skill_used@1.0")
    assert (draft.intent, draft.payload) == ("acme.skill_used@1.0", {"skill": "acme:plan", "args": "3"})
    assert tell_skill_use(event, {"acme:other"}, intent="acme.skill_used@1.0") == ()
    bare = make_hook_event(tool_name="Skill", tool_input={"skill": "acme:plan"})
    assert tell_skill_use(bare, {"acme:plan"}, intent="acme.skill_used@1.0")[0].payload == {"skill": "acme:plan"}
