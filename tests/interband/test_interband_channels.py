"""The known channels, and what their files are named after."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interhost.errors import InputError
from interhost.interband.channels import (
    CHANNELS,
    bead_path,
    coordination_path,
    dispatch_path,
    find_channel,
    key_parts,
    make_key,
    split_coordination,
)
from interhost.interband.paths import sideband_path
from interhost.interband.protocol import KNOWN, safe_key

ROOT = Path("/r")
UUID = "82e7665f-1ab0-4c2e-9d6f-0a1b2c3d4e5f"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "interband.md"


def test_the_channels_are_those_of_the_docs() -> None:
    """Pattern, type and retention of every known channel, and the defaults of all others."""
    table = re.findall(r"^\| `([^`]+)` \| `(\w+)` \| (\d+) h, (\d+) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    assert table == [(one.pattern, one.kind, f"{one.seconds // 3600}", f"{one.files}") for one in CHANNELS]
    assert {(one.namespace, one.kind) for one in CHANNELS} == set(KNOWN)
    assert find_channel("interbus", "segment")[2:] == ("", ("key",), 86400, 256)


def test_each_of_the_first_three_has_a_path_of_its_own() -> None:
    """By session, by process id, by project and agent."""
    assert bead_path(ROOT, "s/1") == ROOT / "interphase/bead/s_1.json"
    assert dispatch_path(ROOT, 4711) == ROOT / "clavain/dispatch/4711.json"
    assert coordination_path(ROOT, "my-app", "a b") == ROOT / "interlock/coordination/my-app-a_b.json"


@pytest.mark.parametrize(
    ("channel", "parts"),
    [(("clavain", "dispatch"), ["0"]), (("clavain", "dispatch"), ["-1"]), (("clavain", "dispatch"), ["٣"]),
     (("clavain", "dispatch"), ["12345678901"]), (("clavain", "dispatch"), [""]), (("interphase", "bead"), ["a", "b"]),
     (("interlock", "coordination"), ["a", ""]), (("interlock", "coordination"), ["a", "b", "c"])],
)  # fmt: skip
def test_a_key_that_does_not_fit_its_channel_is_refused(channel: tuple[str, str], parts: list[str]) -> None:
    """A process id is one, no part of several is empty, and there are not more parts than names."""
    with pytest.raises(InputError, match=channel[1]):
        make_key(find_channel(*channel), parts)


def test_an_empty_key_is_the_default() -> None:
    """As in the published libraries: a shell without a session id finds what Python has written, and back."""
    assert bead_path(ROOT, "") == ROOT / "interphase/bead/default.json"
    assert sideband_path(ROOT, "a", "b", make_key(find_channel("a", "b"), [""])) == ROOT / "a/b/default.json"


@pytest.mark.parametrize(
    ("key", "known", "answer"),
    [
        ("app-agent", {}, ("app", "agent")),
        (f"my-app-{UUID}", {}, ("my-app", UUID)),
        ("my-app-agent", {}, None),
        ("my-app-agent", {"projects": ["my-app"]}, ("my-app", "agent")),
        ("my-app-agent", {"projects": ["my", "other"]}, ("my", "app-agent")),
        ("my-app-agent", {"projects": ["my", "my-app"]}, None),
        ("my-app-agent", {"projects": ["my", "my-app"], "agents": ["agent"]}, ("my-app", "agent")),
        ("my-app-agent", {"agents": ["app-agent"]}, ("my", "app-agent")),
        ("my_app-the-agent", {"projects": ["my app"]}, ("my_app", "the-agent")),
        ("agent", {}, None),
        ("-agent", {}, None),
        ("app-", {}, None),
    ],
)
def test_project_and_agent_are_told_apart(
    key: str, known: dict[str, list[str]], answer: tuple[str, str] | None
) -> None:
    """Where there is only one way, or somebody is known; else nobody can tell, and there is no guess."""
    projects, agents = known.get("projects", []), known.get("agents", [])
    assert split_coordination(key, projects=projects, agents=agents) == answer


NAMES = st.text(min_size=1, max_size=12)


@settings(deadline=None)
@given(NAMES, NAMES)
def test_project_and_agent_of_our_own_writer_are_always_told_apart(project: str, agent: str) -> None:
    """Whatever they are called, dashes and odd characters included, because the payload says it."""
    key = safe_key(make_key(find_channel("interlock", "coordination"), [project, agent]))
    assert split_coordination(key, {"project": project, "agent": agent}) == (project, agent)


def test_a_payload_that_speaks_of_another_file_is_not_believed() -> None:
    """Its project and agent count only where they give this very key."""
    assert split_coordination("a-b", {"project": "x", "agent": "y"}) == ("a", "b")
    assert split_coordination("a-b-c", {"project": 1, "agent": "c"}) is None


def test_parts_have_names() -> None:
    """A file is described by what it is named after."""
    assert key_parts(find_channel("interphase", "bead"), "s1") == {"session_id": "s1"}
    assert key_parts(find_channel("clavain", "dispatch"), "12") == {"pid": "12"}
    assert key_parts(find_channel("interlock", "coordination"), "a-b") == {"project": "a", "agent": "b"}
    assert key_parts(find_channel("interlock", "coordination"), "a-b-c") == {}
    assert key_parts(find_channel("x", "y"), "z") == {"key": "z"}
