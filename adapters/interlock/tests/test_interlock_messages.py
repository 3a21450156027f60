"""Negotiations and commits, read from the inboxes of a real service (reference/modules/interlock.md, rows L6, L7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import ArtifactReady, Coordination, Draft, Holder, Severity

if TYPE_CHECKING:
    from adapters.interlock.tests.conftest import Machine

THREAD = "negotiate-7f0d1c52-2f5e-4a8e-9d3a-0c5b8f6e2a11"


def _payload(draft: Draft) -> Coordination:
    assert isinstance(draft.payload, Coordination)
    return draft.payload


def test_a_request_its_deferral_and_its_end_are_stages_of_one_negotiation(machine: Machine) -> None:
    """About the bead of the reservation; an answer that released nothing is normal."""
    service = machine.service
    ada, bob = service.join("ada"), service.join("bob")
    key = service.reserve(ada, "src/a.py", "parser [bead_id=acme-1]")
    machine.look()
    request = {
        "type": "release-request",
        "file": "src/a.py",
        "holder": ada,
        "reason": "the scaffold needs it",
        "requester": "bob",
        "requester_id": bob,
        "reservation_id": key,
        "thread_id": THREAD,
        "urgency": "normal",
    }
    service.send(bob, [ada], request)
    (told,) = machine.look()
    payload = _payload(told)
    assert (payload.resource, payload.action, payload.resource_id) == ("file", "negotiate", "src/a.py")
    assert (payload.holder, payload.requester) == (Holder(id=ada), Holder(id=bob, name="bob"))
    assert (payload.reservation_id, payload.reason) == (key, "the scaffold needs it")
    assert (told.context_id, told.severity, told.source_hook) == ("acme-1", Severity.INFO, "poll:intermute")
    assert told.artifact_path == machine.project / "src" / "a.py"
    assert told.extensions == {"store": "intermute", "stage": "request", "body": request}
    assert told.occurred_at
    service.send(ada, [bob], {"type": "release-defer", "file": "src/a.py", "eta_minutes": 5, "released": False})
    (defer,) = machine.look()
    assert (_payload(defer).holder, defer.extensions["stage"]) == (Holder(id=ada), "defer")
    ack = {"type": "release-ack", "file": "src/a.py", "released": True, "released_by": "ada", "released_cnt": 0}
    service.send(ada, [bob], ack)
    (end,) = machine.look()
    assert (_payload(end).holder, end.extensions["stage"], end.extensions["body"]) == (None, "ack", ack)
    service.send(bob, [ada], request | {"type": "release-timeout", "urgency": "urgent"})
    (last,) = machine.look()
    assert (last.extensions["stage"], last.severity) == ("timeout", Severity.WARN)
    assert machine.look() == []


def test_a_message_to_many_is_told_once(machine: Machine) -> None:
    """It lies in the inbox of each."""
    service = machine.service
    agents = [service.join(name) for name in ("ada", "bob", "cyd")]
    machine.look()
    digest = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    commit = {"type": "commit", "hash": digest, "short": digest[:7], "message": "Add a parser", "files": ["a", "b"]}
    service.send("ada", agents, commit, subject=f"commit:{digest[:7]}")
    (told,) = machine.look()
    assert told.payload == ArtifactReady(kind="commit", title="Add a parser", commit=digest)
    assert (told.context_id, told.artifact_path, told.project_dir) == (None, None, machine.project)
    assert told.extensions == {"files": ["a", "b"], "agent": "ada"}
    service.send("ada", agents, commit | {"bead_id": "acme-3"})
    (again,) = machine.look()
    assert (again.dedupe_key, again.context_id) == (told.dedupe_key, "acme-3")


def test_what_was_there_before_is_history(machine: Machine) -> None:
    """In a first look, and in an inbox that comes later with messages of before; a new one is read from its start."""
    service = machine.service
    ada = service.join("ada")
    request = {"type": "release-request", "file": "a"}
    for _ in range(150):
        service.send("bob", [ada], request)
    assert machine.look() == []
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    bob = service.join("bob")
    service.send("ada", [bob], request, created_at=old)
    service.send("ada", [bob], request | {"file": "b"})
    assert [_payload(one).resource_id for one in machine.look()] == ["b"]
    service.send("bob", [ada], request | {"file": "c"})
    assert [_payload(one).resource_id for one in machine.look()] == ["c"]


def test_history_is_told_where_the_user_wants_it(machine: Machine) -> None:
    """A backfill reads the inboxes from their start."""
    ada = machine.service.join("ada")
    machine.service.send("bob", [ada], {"type": "release-request", "file": "a"})
    machine.ctx.backfill = True
    assert [_payload(one).resource_id for one in machine.look()] == ["a"]


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        "",
        "[" * 2000,
        [1],
        {"type": 7},
        {"type": "status", "file": "a"},
        {"type": "release-request"},
        {"type": "release-request", "file": 7},
        {"type": "release-request", "file": " "},
        {"type": "release-request", "file": "x" * 2000},
        {"type": "commit"},
        {"type": "commit", "hash": "HEAD; rm -rf /"},
        {"type": "commit", "hash": 7},
    ],
)
def test_other_messages_are_nobodys_business(machine: Machine, body: object) -> None:
    """What agents chat about is theirs; so is what only looks like a negotiation or a commit."""
    ada = machine.service.join("ada")
    machine.look()
    machine.service.send("bob", [ada], body)
    assert machine.look() == []


def test_hostile_messages_are_told_as_values(machine: Machine) -> None:
    """Nothing of them is a path, an id or a bead unless it can be; what is no plain value is left out."""
    ada = machine.service.join("ada")
    machine.look()
    body: dict[str, Any] = {
        "type": "release-request",
        "file": "../../etc/passwd\n\x1b[31m",
        "reservation_id": "a/../b",
        "thread_id": "$(id)",
        "reason": "x" * 100_000,
        "deep": [[[[1]]]],
        "nan": float("nan"),
        "half\ud800": "\ud800",
    }
    machine.service.send("bob", [ada], body)
    (told,) = machine.look()
    assert (told.artifact_path, _payload(told).reservation_id, told.context_id) == (None, None, None)
    assert _payload(told).resource_id == body["file"]
    kept = told.extensions["body"]
    assert isinstance(kept, dict)
    assert set(kept) == {"type", "file", "reservation_id", "thread_id", "reason", "half?"}
    assert (len(kept["reason"]), kept["half?"]) == (1024, "?")


def test_an_inbox_that_is_closed_to_us_hides_no_other(machine: Machine) -> None:
    """A version that shows an inbox only to its owner."""
    service = machine.service
    ada, bob = service.join("ada"), service.join("bob")
    machine.look()
    service.misbehave(**{f"GET_api_inbox_{ada}": 403})
    service.send("x", [ada, bob], {"type": "release-request", "file": "a"})
    assert [_payload(one).resource_id for one in machine.look()] == ["a"]


def test_a_message_without_a_time_counts_after_its_inbox_is_known(machine: Machine) -> None:
    """Nobody can say whether it is older than the first look."""
    service = machine.service
    ada = service.join("ada")
    page = {"messages": [{"message_id": "m-1", "body": {"type": "release-request", "file": "a"}}], "cursor": 1}
    service.misbehave(GET_api_inbox={"body": page})
    assert machine.look() == []
    (service.folder / "faults.json").unlink()
    machine.look()
    service.misbehave(GET_api_inbox={"body": page | {"cursor": 2}})
    (told,) = machine.look()
    assert ada
    assert _payload(told).resource_id == "a"


def test_nothing_of_a_look_that_fails_is_kept(machine: Machine) -> None:
    """The positions stay, so that the next look reads the same again."""
    service = machine.service
    ada, bob = service.join("ada"), service.join("bob")
    machine.look()
    service.send("x", [ada], {"type": "release-request", "file": "a"})
    service.send("x", [bob], {"type": "release-request", "file": "b"})
    service.misbehave(**{f"GET_api_inbox_{ada}": "half a body"})
    assert machine.look() == []
    (service.folder / "faults.json").unlink()
    machine.ctx.sleep(61)
    assert sorted(_payload(one).resource_id for one in machine.look()) == ["a", "b"]
