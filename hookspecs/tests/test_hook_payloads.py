"""Samples of Claude Code's hook events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from interhost_hookspecs.testing import HOOK_EVENTS, FakeContext, hook_payload, make_hook_event
from interhost_hookspecs.testing.hook_events import COMMON, TOOL_EVENTS, TOOLS


def test_there_is_a_sample_of_every_event() -> None:
    """All 33, each with what every event has, its own name, and something of its own; all of it JSON."""
    assert len(HOOK_EVENTS) == 33
    for event in HOOK_EVENTS:
        document = hook_payload(event)
        assert {**document, **COMMON, "hook_event_name": event} == document
        assert len(document) > len(COMMON) + 1
        assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_brings_its_input_and_its_answer(tool: str) -> None:
    """The answer only where the tool has answered, and well."""
    for event in TOOL_EVENTS:
        document = hook_payload(event, tool_name=tool)
        assert (document["tool_name"], document["tool_input"]) == (tool, TOOLS[tool].input)
        assert ("tool_response" in document) is (event == "PostToolUse")
        assert ("tool_use_id" in document) is (event != "PermissionRequest")


def test_a_document_can_be_changed() -> None:
    """Keys are replaced, added and taken away, in the call or afterwards, and the next document is as before."""
    document = hook_payload(tool_input={"command": "ls"}, tool_response=None, later=1)
    assert (document["tool_input"], document["later"], "tool_response" in document) == ({"command": "ls"}, 1, False)
    changed = hook_payload()
    changed["tool_input"].clear()  # type: ignore[attr-defined]  # a value of the sample
    assert hook_payload() == hook_payload(tool_name="Bash") != changed


def test_unknown_events_and_tools_have_what_every_event_has() -> None:
    """A host must expect both."""
    assert hook_payload("AgentDreamed") == {**COMMON, "hook_event_name": "AgentDreamed"}
    assert hook_payload(tool_name="mcp__x__y")["tool_input"] == {}
    assert hook_payload(tool_name=["x"])["tool_input"] == {}


def test_an_event_is_as_the_host_shows_it() -> None:
    """What has another type, or is no absolute path, is as good as absent; the document itself is unchanged."""
    event = make_hook_event("PostToolUse", tool_name="Edit", cwd="/p")
    assert (event.name, event.tool_name, event.cwd) == ("PostToolUse", "Edit", Path("/p"))
    assert (event.session_id, event.prompt_id) == (COMMON["session_id"], COMMON["prompt_id"])
    odd = make_hook_event("Stop", session_id=7, cwd="p", prompt_id="")
    assert (odd.session_id, odd.cwd, odd.prompt_id, odd.tool_name) == ("", None, None, None)
    assert odd.raw["session_id"] == 7


def test_the_plugin_brings_both(
    fake_context: FakeContext, hook_payload: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    """An author's tests get an empty machine and the samples without an import."""
    assert fake_context.home == tmp_path
    assert hook_payload("Stop")["stop_hook_active"] is False
