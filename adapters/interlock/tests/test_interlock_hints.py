"""Signals: the service is asked at once, and only when it cannot be, what they say is told (row L5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ArtifactReady, Coordination, Draft, Holder, SidebandFile
from interhost_hookspecs.testing import FakeTail
from interhost_interlock.kernel import Lock, count

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.interlock.tests.conftest import Machine


def _signal(machine: Machine, *texts: object, key: str = "widgets-ada", ts: str = "2026-11-20T12:00:00Z") -> Path:
    """New lines of a signal file."""
    path = machine.ctx.home / "signals" / f"{key}.jsonl"
    path.touch()
    lines = [
        json.dumps({"version": 1, "layer": "coordination", "icon": "lock", "text": one, "ts": ts}) for one in texts
    ]
    machine.ctx.tails[path] = FakeTail(tuple(lines))
    return path


def _silence(machine: Machine) -> None:
    machine.ctx.tails.clear()
    machine.ctx.sideband.news.clear()


def _say(drafts: list[Draft]) -> list[tuple[str, str]]:
    return [(one.payload.action, one.payload.resource_id) for one in drafts if isinstance(one.payload, Coordination)]


def test_a_signal_says_that_the_service_should_be_asked(machine: Machine) -> None:
    """Sooner than it would be; and it is the service that tells."""
    machine.look()
    machine.configure(poll_seconds=3600)
    machine.look()
    machine.service.reserve(machine.service.join("ada"), "src/a.py", "x [bead_id=acme-1]")
    assert machine.look() == []
    _signal(machine, "reserved src/a.py")
    (told,) = machine.look()
    assert (told.source_hook, told.context_id, _say([told])) == ("poll:intermute", "acme-1", [("reserve", "src/a.py")])


def test_a_signal_tells_nothing_that_the_service_does_not_say(machine: Machine) -> None:
    """It may be a lie, or of yesterday."""
    machine.look()
    _signal(machine, "reserved src/a.py", "released all (3 reservations)", "committed 4b825dc (1 files): x")
    assert machine.look() == []


def test_signals_tell_while_the_service_cannot_be_asked(machine: Machine) -> None:
    """Each once, although most are left twice; afterwards the service tells only what is new."""
    service = machine.service
    ada = service.join("ada")
    machine.look()
    held = service.reserve(ada, "README.md")
    machine.look()
    service.reserve(ada, "src/a.py")
    service.misbehave(GET_api=500)
    _signal(machine, "reserved src/a.py", "reserved src/a.py", "agent registered: ada", "received 3 message(s)", "", 7)
    payload = {"layer": "coordination", "icon": "lock", "text": "reserved src/a.py", "ts": "2026-11-20T12:00:00Z"}
    kind = "coordination_signal"
    file = SidebandFile(path=machine.project, key="widgets-ada", kind=kind, session_id="", payload=payload)
    machine.ctx.sideband.news["interlock", "coordination"] = [file]
    (told,) = machine.look()
    assert (told.source_hook, _say([told])) == ("file:interlock-signal", [("reserve", "src/a.py")])
    assert isinstance(told.payload, Coordination)
    assert (told.payload.holder, told.payload.reservation_id) == (Holder(name="ada"), None)
    assert told.artifact_path == machine.project / "src" / "a.py"
    _silence(machine)
    _signal(machine, f"released {held}", "released nothing-of-ours", "committed 4b825dc (2 files): Add: a (b)")
    ended, commit = machine.look()
    assert _say([ended]) == [("release", "README.md")]
    assert commit.payload == ArtifactReady(kind="commit", title="Add: a (b)", commit="4b825dc")
    _silence(machine)
    service.release(ada, held)
    (service.folder / "faults.json").unlink()
    machine.ctx.sleep(61)
    assert machine.look() == []


def test_what_a_signal_reserved_and_the_service_does_not_have_was_released(machine: Machine) -> None:
    """Meanwhile; it was told, so its end is."""
    machine.look()
    machine.service.misbehave(GET_api=500)
    _signal(machine, "reserved src/a.py")
    machine.look()
    _silence(machine)
    (machine.service.folder / "faults.json").unlink()
    machine.ctx.sleep(61)
    assert _say(machine.look()) == [("release", "src/a.py")]
    assert machine.look() == []


@pytest.mark.parametrize("text", ["released all (2 reservations)", "agent deregistered: all reservations released"])
def test_an_agent_that_goes_gives_back_everything_of_its_own(machine: Machine, text: str) -> None:
    """And nothing of the others."""
    service = machine.service
    ada, bob = service.join("ada"), service.join("bob")
    machine.look()
    for agent, name in ((ada, "a"), (ada, "b"), (bob, "c")):
        service.reserve(agent, name)
    machine.look()
    service.misbehave(GET_api=500)
    _signal(machine, text)
    assert _say(machine.look()) == [("release", "a"), ("release", "b")]


def test_names_with_dashes_and_odd_characters_belong_to_the_longest_project(machine: Machine) -> None:
    """Project and agent are one name; a signal of an unknown project says nothing of a known one."""
    for name in ("widgets-two", "odd name"):
        (machine.ctx.home / name).mkdir()
    machine.ctx.projects = (*machine.ctx.projects, *(machine.ctx.home / name for name in ("widgets-two", "odd name")))
    machine.service.stop()
    _signal(machine, "reserved a", key="widgets-two-ada")
    _signal(machine, "reserved b", key="odd_name-ada-1")
    _signal(machine, "reserved c", key="gadgets-ada")
    _signal(machine, "reserved d", key="widgets-")
    told = {one.payload.resource_id: one for one in machine.look() if isinstance(one.payload, Coordination)}
    assert {name: one.project_dir and one.project_dir.name for name, one in told.items()} == {
        "a": "widgets-two",
        "b": "odd name",
    }


def test_what_the_kernel_tells_is_not_told_by_a_signal(machine: Machine) -> None:
    """The hooks signal a lock of the kernel just the same."""
    lock = Lock(place="widgets", owner="ada", pattern="a", at=machine.ctx.now(), event="e-1")
    count(lock, machine.ctx, is_held=True)
    machine.service.stop()
    _signal(machine, "reserved a")
    assert machine.look() == []


def test_damaged_signals_say_nothing(machine: Machine) -> None:
    """Lines that are none, files that are directories, texts without end."""
    machine.service.stop()
    path = _signal(machine, "reserved " + "x" * 100_000, "reserved a\nb", "\x1b]0;x\x07", "released", "committed x: y")
    machine.ctx.tails[path] = FakeTail((*machine.ctx.tails[path].lines, "{", "[]", '{"text": {}}', "\ufffd"))
    (machine.ctx.home / "signals" / "widgets-bob.jsonl").mkdir()
    drafts = machine.look()
    assert [len(name) for _, name in _say(drafts)] == [1024 - len("reserved "), 1]
