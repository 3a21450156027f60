"""What agents hold, from look to look, over a real service (reference/modules/interlock.md, rows L1, L2 and L4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import Coordination, Draft, Severity
from interhost_interlock.facts import AMBIGUOUS, find_bead
from interhost_interlock.service import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.interlock.tests.conftest import Machine, Service


def _say(drafts: list[Draft]) -> list[tuple[str, str]]:
    return [(one.payload.action, one.payload.resource_id) for one in drafts if isinstance(one.payload, Coordination)]


def test_a_reservation_is_told_once_and_its_release_once(machine: Machine) -> None:
    """With everything the service says; the first look is a silent baseline, of which the end is told."""
    service = machine.service
    ada = service.join("ada")
    old = service.reserve(ada, "README.md")
    assert machine.look() == []
    key = service.reserve(ada, "src/a.py", "refactor [active_bead_id=acme-1.3 bead_id=acme-1 thread_id=acme-1.3]")
    (told,) = machine.look()
    payload = told.payload
    assert isinstance(payload, Coordination)
    assert (payload.resource, payload.action, payload.resource_id) == ("file", "reserve", "src/a.py")
    assert payload.holder
    assert (payload.holder.id, payload.holder.name) == (ada, "ada")
    assert (payload.reservation_id, payload.requester) == (key, None)
    assert payload.reason == "refactor [active_bead_id=acme-1.3 bead_id=acme-1 thread_id=acme-1.3]"
    assert (told.context_id, told.artifact_path) == ("acme-1.3", machine.project / "src" / "a.py")
    assert (told.severity, told.source_hook, told.project_dir) == (Severity.INFO, "poll:intermute", machine.project)
    assert told.dedupe_key == f"interlock:intermute:{key}:reserve"
    assert told.extensions == {"store": "intermute", "exclusive": True}
    assert told.occurred_at
    assert payload.expires_at
    assert datetime.fromisoformat(payload.expires_at) - told.occurred_at == timedelta(minutes=30)
    assert machine.look() == []
    service.release(ada, key)
    service.release(ada, old)
    first, second = machine.look()
    assert _say([first, second]) == [("release", "README.md"), ("release", "src/a.py")]
    assert isinstance(second.payload, Coordination)
    assert second.payload.holder is None
    assert second.payload.requester
    assert second.payload.requester.name == "ada"
    assert second.occurred_at
    assert abs(second.occurred_at - datetime.now(UTC)) < timedelta(seconds=20)
    assert (second.context_id, second.dedupe_key) == ("acme-1.3", f"interlock:intermute:{key}:end")
    assert machine.look() == []


def test_history_is_told_where_the_user_wants_it(machine: Machine) -> None:
    """A backfill makes the first look a look like any other."""
    machine.service.reserve(machine.service.join("ada"), "a")
    machine.ctx.backfill = True
    assert _say(machine.look()) == [("reserve", "a")]
    assert machine.look() == []


def test_what_runs_out_has_expired(machine: Machine) -> None:
    """At its time; what was given back before is released, however late somebody looks."""
    service, ctx = machine.service, machine.ctx
    ada = service.join("ada")
    machine.look()
    late, early, gone = (service.reserve(ada, name) for name in ("late", "early", "gone"))
    assert len(machine.look()) == 3
    service.expire(late)
    service.release(ada, early)
    service.expire(early)
    service.ask("POST", "/test/forget", {"id": gone})
    ctx.sleep(3600)
    drafts = {one.payload.resource_id: one for one in machine.look() if isinstance(one.payload, Coordination)}
    assert _say(list(drafts.values())) == [("expire", "late"), ("release", "early"), ("expire", "gone")]
    assert drafts["late"].occurred_at
    assert drafts["late"].occurred_at < datetime.now(UTC) + timedelta(minutes=30)


def test_what_the_service_forgot_before_its_time_was_released(machine: Machine) -> None:
    """A row that is gone says nothing; it cannot have run out yet."""
    service = machine.service
    machine.look()
    key = service.reserve(service.join("ada"), "a")
    machine.look()
    service.ask("POST", "/test/forget", {"id": key})
    assert _say(machine.look()) == [("release", "a")]


def test_stacked_reservations_are_one_hold(machine: Machine) -> None:
    """Interlock's hook leaves up to four rows for one file; the hold ends with the last of them."""
    service = machine.service
    ada = service.join("ada")
    machine.look()
    keys = [service.reserve(ada, "a.py") for _ in range(2)]
    assert _say(machine.look()) == [("reserve", "a.py")]
    keys += [service.reserve(ada, "a.py") for _ in range(2)]
    assert machine.look() == []
    for key in keys[:3]:
        service.release(ada, key)
        assert machine.look() == []
    service.release(ada, keys[3])
    (end,) = machine.look()
    assert isinstance(end.payload, Coordination)
    # The end names the reservation that the beginning named, although others came later.
    assert (end.payload.action, end.payload.reservation_id) == ("release", keys[1])


def test_a_further_reservation_may_say_what_the_hold_is_about(machine: Machine) -> None:
    """The hook's own says nothing; the agent's names the bead, which is news."""
    service = machine.service
    ada = service.join("ada")
    machine.look()
    service.reserve(ada, "a.py")
    machine.look()
    service.reserve(ada, "a.py", "by hand [active_bead_id=acme-7]")
    (told,) = machine.look()
    assert (told.context_id, _say([told])) == ("acme-7", [("reserve", "a.py")])
    service.reserve(ada, "a.py")
    assert machine.look() == []


@pytest.mark.parametrize(
    ("reason", "bead"),
    [
        ("x [active_bead_id=acme-1.3 bead_id=acme-1 thread_id=acme-1.3]", "acme-1.3"),
        ("x [bead_id=acme-1 thread_id=acme-2]", "acme-1"),
        ("x [thread_id=acme-2] ", "acme-2"),
        ("x [thread_id=negotiate-bfc054fc-cc6b-f056-0e9c-d1e4303759a2]", None),
        ("x [active_bead_id=acme-1 active_bead_id=acme-2]", AMBIGUOUS),
        ("x [active_bead_id=acme-1 active_bead_id=acme-1]", "acme-1"),
        ("[active_bead_id=acme-1] x", None),
        ("[active_bead_id=acme-1] x [bead_id=acme-2]", "acme-2"),
        ("active_bead_id=acme-1", None),
        ("x [active_bead_id=../../etc active_bead_id=$(id)]", None),
        ("", None),
    ],
)
def test_the_bead_is_in_the_metadata_of_the_reason(reason: str, bead: str | None) -> None:
    """The most precise key wins; several beads of one key are not guessed about."""
    assert find_bead(reason) == bead


def test_a_long_reason_keeps_its_bead(machine: Machine) -> None:
    """It stands at the end."""
    machine.look()
    machine.service.reserve(machine.service.join("ada"), "a", "why " * 500 + "[bead_id=acme-9]")
    assert [one.context_id for one in machine.look()] == ["acme-9"]


def test_an_ambiguous_bead_is_said_and_not_guessed(machine: Machine) -> None:
    """Neither is that of the session taken instead."""
    service = machine.service
    machine.look()
    ada = service.join("ada")
    machine.join_session("s-1", ada, "ada")
    service.reserve(ada, "a", "x [bead_id=acme-1 bead_id=acme-2]")
    (told,) = machine.look()
    assert (told.context_id, told.extensions["bead"]) == ("project:widgets", AMBIGUOUS)


def test_without_a_bead_the_session_of_the_holder_decides(machine: Machine) -> None:
    """The host knows the session's bead; without a session it is the project."""
    service = machine.service
    machine.look()
    ada = service.join("ada")
    machine.join_session("s-1", ada, "ada")
    service.reserve(ada, "a")
    service.reserve(service.join("bob"), "b")
    first, second = machine.look()
    assert (first.context_id, first.session_id) == (None, "s-1")
    assert (second.context_id, second.session_id) == (None, None)


@pytest.mark.parametrize(
    ("pattern", "file"),
    [
        ("src/a.py", "src/a.py"),
        ("./src/../src/a.py", "src/a.py"),
        ("src/*.py", None),
        ("src/[ab].py", None),
        ("../../etc/passwd", None),
        ("/etc/passwd", None),
        ("a\nb", None),
        ("\x1b]0;x\x07", None),
        ("$(id) 'x'", "$(id) 'x'"),
    ],
)
def test_a_pattern_is_a_file_only_inside_the_project(machine: Machine, pattern: str, file: str | None) -> None:
    """The pattern itself is told as it is."""
    machine.look()
    machine.service.reserve(machine.service.join("ada"), pattern)
    (told,) = machine.look()
    assert isinstance(told.payload, Coordination)
    assert told.payload.resource_id == pattern
    assert told.artifact_path == (machine.project / file if file else None)


def test_two_checkouts_of_one_name_are_one_project_to_the_service(machine: Machine) -> None:
    """What is said about the name is told of neither checkout."""
    other = machine.ctx.home / "elsewhere" / "widgets"
    other.mkdir(parents=True)
    machine.ctx.projects = (*machine.ctx.projects, other)
    machine.look()
    machine.service.reserve(machine.service.join("ada"), "a")
    (told,) = machine.look()
    assert (told.context_id, told.project_dir, told.artifact_path) == ("project:widgets", None, None)


def test_projects_are_asked_about_one_by_one(machine: Machine) -> None:
    """Each by its name, whatever is in it; a reservation belongs to its own."""
    other = machine.ctx.home / "wid gets&project=widgets"
    other.mkdir()
    machine.ctx.projects = (*machine.ctx.projects, other)
    machine.look()
    service = machine.service
    service.reserve(service.join("ada", other.name), "a", project=other.name)
    (told,) = machine.look()
    assert told.project_dir == other


def test_names_come_from_joined_sessions_where_the_service_has_none(machine: Machine) -> None:
    """An older version lists no agents."""
    service = machine.service
    service.misbehave(GET_api_agents=404)
    machine.look()
    ada = service.join("ada")
    machine.join_session("s-1", ada, "ada")
    service.reserve(ada, "a")
    (told,) = machine.look()
    assert isinstance(told.payload, Coordination)
    assert told.payload.holder
    assert told.payload.holder.name == "ada"


@pytest.mark.parametrize(
    "rows",
    [
        None,
        "text",
        7,
        [None, 7, "x", [], {}],
        [{"id": "r", "agent_id": "a"}],
        [{"id": "r", "agent_id": "a", "path_pattern": 7}],
        [{"id": "r", "agent_id": "a", "path_pattern": " "}],
        [{"id": "r", "agent_id": "a", "path_pattern": "x" * 2000}],
        [{"id": "r", "agent_id": "a", "path_pattern": "p", "is_active": False}],
    ],
)
def test_rows_that_are_none_tell_nothing(machine: Machine, rows: Any) -> None:
    """The next look goes on."""
    machine.look()
    machine.service.misbehave(GET_api_reservations={"body": {"reservations": rows}})
    assert machine.look() == []
    assert machine.ctx.cursor.get(PROBLEM) == ""


def test_half_known_rows_are_told_as_far_as_they_go(machine: Machine) -> None:
    """Times that are none, reasons that are none, and the year 1 that Go writes for "never"."""
    machine.look()
    row = {"id": "r", "agent_id": "a", "path_pattern": "p\ud800", "reason": 7, "exclusive": False}
    times = {"created_at": "0001-01-01T00:00:00Z", "expires_at": "soon"}
    machine.service.misbehave(GET_api_reservations={"body": {"reservations": [row | times]}})
    (told,) = machine.look()
    assert isinstance(told.payload, Coordination)
    assert (told.payload.resource_id, told.payload.expires_at, told.occurred_at) == ("p?", None, None)
    assert told.extensions["exclusive"] is False


@pytest.mark.parametrize("fault", ["closed", "half a body", "html", 500, 404])
def test_a_service_that_is_ill_changes_nothing(machine: Machine, fault: object) -> None:
    """What was held stays held; it is asked again a minute later, and then the news are told."""
    service = machine.service
    ada = service.join("ada")
    machine.look()
    key = service.reserve(ada, "a")
    machine.look()
    service.release(ada, key)
    service.reserve(ada, "b")
    service.misbehave(GET_api_reservations=fault)
    assert machine.look() == []
    asked = len(service.list_requests())
    assert machine.look() == []
    assert len(service.list_requests()) == asked
    (service.folder / "faults.json").unlink()
    machine.ctx.sleep(61)
    assert sorted(_say(machine.look())) == [("release", "a"), ("reserve", "b")]


@pytest.mark.parametrize("status", [404, 500])
def test_one_refused_project_does_not_hide_the_others(machine: Machine, status: int) -> None:
    """Not even one that is refused for ever: who was not asked about for longest comes first."""
    other = machine.ctx.home / "gadgets"
    other.mkdir()
    machine.ctx.projects = (other, *machine.ctx.projects)
    service = machine.service
    service.misbehave(**{"GET_api_reservations?project=gadgets": status})
    machine.look()
    machine.ctx.sleep(61)
    machine.look()
    service.reserve(service.join("ada"), "a")
    machine.ctx.sleep(61)
    assert _say(machine.look()) == [("reserve", "a")]


def test_a_service_that_hangs_ends_the_look(machine: Machine) -> None:
    """In five seconds for all projects together; afterwards it is left alone for a minute."""
    for name in ("a", "b", "c"):
        (machine.ctx.home / name).mkdir()
    machine.ctx.projects = (*machine.ctx.projects, *(machine.ctx.home / name for name in ("a", "b", "c")))
    machine.service.misbehave(GET_api="hang")
    began = datetime.now(UTC)
    assert machine.look() == []
    assert machine.look() == []
    assert machine.edit("src/a.py") == []
    assert datetime.now(UTC) - began < timedelta(seconds=9)
    assert "timed out" in (machine.ctx.cursor.get(PROBLEM) or "")


def test_without_a_service_nothing_is_told_and_nothing_fails(machine: Machine) -> None:
    """It went away; it was never there; nothing says that interlock is used."""
    machine.service.stop()
    assert machine.look() == []
    assert machine.edit("src/a.py") == []
    machine.configure(url="")
    assert machine.look() == []
    machine.configure(url=7, socket=["x"], poll_seconds="often", temporary_dir=None, signal_dir=3)
    assert machine.look() == []


def test_the_service_is_found_by_interlocks_own_variables(
    machine: Machine, start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A socket before a URL; the settings of the adapter before both."""
    machine.configure(url="")
    monkeypatch.setenv("INTERMUTE_URL", machine.service.address)
    machine.look()
    assert machine.service.list_requests("GET")
    other = start_service("--socket", str(tmp_path / "s"))
    monkeypatch.setenv("INTERMUTE_SOCKET", str(tmp_path / "s"))
    machine.look()
    assert other.list_requests("GET")
    asked = len(other.list_requests())
    machine.configure(url=machine.service.address)
    machine.look()
    assert len(other.list_requests()) == asked


def test_it_is_not_asked_more_often_than_the_user_wants(machine: Machine) -> None:
    """Every ten seconds when nothing is set."""
    machine.configure(poll_seconds=None)
    machine.look()
    asked = len(machine.service.list_requests())
    machine.look()
    assert len(machine.service.list_requests()) == asked
    machine.ctx.sleep(11)
    machine.look()
    assert len(machine.service.list_requests()) > asked


def test_a_busy_project_is_looked_at_in_time(machine: Machine) -> None:
    """Eight hundred reservations of one run (reference, fact 8), each told once."""
    service = machine.service
    agents = [service.join(f"agent-{number}") for number in range(5)]
    machine.look()
    now = datetime.now(UTC)
    rows = [
        {
            "id": f"r-{number}",
            "agent_id": agents[number % 5],
            "path_pattern": f"src/{number}.py",
            "reason": "auto-reserve: editing",
            "created_at": now.isoformat(),
            "expires_at": (now + timedelta(minutes=15)).isoformat(),
            "is_active": True,
        }
        for number in range(800)
    ]
    service.misbehave(GET_api_reservations={"body": {"reservations": rows}})
    began = datetime.now(UTC)
    assert len(machine.look()) == 800
    assert machine.look() == []
    assert datetime.now(UTC) - began < timedelta(seconds=10)
