"""Flow 4: two agents and one file, where something is missing or dies (docs/flows.md).

The flow itself is test_interlock_flow.py::test_two_agents_and_one_file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.flow_kit import Scene, brief

if TYPE_CHECKING:
    from tests.conftest import Shell


@pytest.fixture
def scene(shell: Shell) -> Iterator[Scene]:
    """Two agents with sessions; the first holds a file, and a host has told so."""
    scene = Scene(shell, "interlock")
    service = scene.install_intermute()
    scene.begin()
    service.reserve(service.join("ada", "s-1"), "src/a.py", "parser")
    service.join("bob", "s-2")
    assert brief(scene.work()) == ["interlock coordination"]
    yield scene
    service.end()


def test_a_host_that_dies_before_the_second_is_told_tells_it_later(scene: Scene) -> None:
    """At whatever transaction: the edit is recorded; whoever comes next tells the conflict, and the session, once."""
    scene.install_killer()
    with scene.no_worker():
        assert scene.edit("s-2", "src/a.py") == ""
    act = 1
    scene.kill_at(act, locks=True)
    while scene.is_killed():
        act += 1
        scene.kill_at(act, locks=True)
    assert act > 3
    assert brief(scene.list_facts()).count("interlock coordination") == 2  # the reservation, and one conflict
    assert "src/a.py is held by ada" in scene.hear("s-2")
    assert scene.hook("UserPromptSubmit", "s-2", prompt="and now?") == ""
    assert scene.hook("UserPromptSubmit", "s-1", prompt="and I?") == ""


def test_without_the_service_nobody_is_told_and_nobody_waits(scene: Scene) -> None:
    """Nothing is guessed: what was known of holds is not asserted of now."""
    assert scene.service is not None
    scene.service.end()
    assert scene.edit("s-2", "src/b.py") == ""
    assert scene.work() == []
    assert scene.hook("UserPromptSubmit", "s-2", prompt="and now?") == ""


def test_a_broken_adapter_stops_no_edit(scene: Scene) -> None:
    """The hook says nothing and ends well; the host says which adapter is broken, and goes on."""
    scene.break_adapter("interlock")
    with scene.no_worker():
        assert scene.edit("s-2", "src/a.py") == ""
    done = scene.shell.run("interhost", "run", "--once")
    assert "interlock" in done.err
    assert "broken" in done.err
    assert scene.hook("UserPromptSubmit", "s-2", prompt="and now?") == ""
