"""HTTP with a service that answers as it should, badly, slowly, or not at all. Every service here is a process."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_interlock.client import (
    TOTAL_SECONDS,
    Address,
    Client,
    DownError,
    LostError,
    RefusedError,
    ServiceError,
    read_address,
)
from interhost_interlock.intermute import Identity, Intermute, is_id

if TYPE_CHECKING:
    from adapters.interlock.tests.conftest import Service

ROWS = "/api/reservations"


@pytest.fixture(params=["tcp", "unix"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, start_service: Callable[..., Service]
) -> tuple[Service, Address]:
    """A service, over each kind of socket, and its address."""
    if request.param == "tcp":
        service = start_service()
        return service, read_address(service.address)
    return start_service("--socket", str(tmp_path / "s")), Address(socket=tmp_path / "s")


def _ask(address: Address, method: str = "GET", path: str = ROWS, *, seconds: float = TOTAL_SECONDS) -> object:
    return Client(address, seconds=seconds).ask(method, path, query={"project": "widgets"})


def test_every_route_over_both_sockets(place: tuple[Service, Address]) -> None:
    """Register, reserve, list, check, release; the release names its owner, and what is gone is released."""
    service, address = place
    intermute = Intermute(Client(address))
    intermute.check_health()
    who = intermute.register("wid gets&x=1")
    intermute.reserve(who, "wid gets&x=1", "src/a b.py", "why [active_bead_id=acme-1]")
    (row,) = intermute.list_reservations("wid gets&x=1")
    assert (row.agent, row.pattern, row.exclusive, row.reason) == (
        who.id,
        "src/a b.py",
        True,
        "why [active_bead_id=acme-1]",
    )
    assert row.expires_at
    assert row.created_at
    assert round((row.expires_at - row.created_at).total_seconds()) == 900
    (conflict,) = intermute.check("wid gets&x=1", "src/a b.py")
    assert (conflict.id, conflict.agent, conflict.name) == (row.id, who.id, "interbus")
    intermute.release(who, row.id)
    intermute.release(who, row.id)
    assert intermute.list_reservations("wid gets&x=1") == []
    (gone,) = intermute.list_reservations_of(who.id)
    assert gone.released_at
    assert [one["headers"]["X-Agent-ID"] for one in service.list_requests("DELETE")] == [who.id, who.id]
    assert {one["headers"]["Host"] for one in service.list_requests("GET")} == {f"127.0.0.1:{address.port}"}


@pytest.mark.parametrize(
    ("status", "said"), [(400, "400 status 400"), (403, "403"), (404, "404"), (409, "409"), (429, "429"), (503, "503")]
)
def test_what_is_refused_keeps_its_status_and_document(service: Service, status: int, said: str) -> None:
    """Whoever asked decides by them; the text says what was asked."""
    service.misbehave(GET_api_reservations=status)
    with pytest.raises(RefusedError, match=f"GET {ROWS}: {said}") as caught:
        _ask(read_address(service.address))
    assert (caught.value.status, caught.value.answer) == (status, {"error": f"status {status}"})


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("closed", "closed connection without response"),
        ("half closed", "closed connection without response"),
        ("half a body", "ended too early"),
        ("half closed body", "ended too early"),
        ("half a chunk", "IncompleteRead"),
        ("endless", "too large"),
        ("oversized", "too large"),
        ("deep", "no JSON object"),
        ("html", "no JSON object"),
        ("array", "no JSON object"),
        ("not utf-8", "no JSON object"),
        ("no http", "SSH-2.0"),
        ("many headers", "100 headers"),
    ],
)
def test_no_damaged_answer_is_taken_for_one(place: tuple[Service, Address], fault: str, why: str) -> None:
    """A question that was answered so is not answered; of a change nobody knows whether it happened."""
    service, address = place
    service.misbehave(GET_api=fault, POST_api=fault)
    with pytest.raises(DownError, match=why):
        _ask(address)
    with pytest.raises(LostError, match=why):
        _ask(address, "POST")


@pytest.mark.parametrize("fault", ["hang", "slow head", "slow body", "informational"])
def test_no_slow_answer_exceeds_the_total(place: tuple[Service, Address], fault: str) -> None:
    """Neither a byte at a time, in head or body, nor an answer that is always about to come."""
    service, address = place
    service.misbehave(GET_api=fault)
    began = time.monotonic()
    with pytest.raises(DownError, match="timed out"):
        _ask(address, seconds=0.5)
    assert 0.4 < time.monotonic() - began < 3


def test_the_limits_are_those_of_interlock_itself(service: Service) -> None:
    """A server that drips for ever costs five seconds, and everything that a client is asked together no more."""
    service.misbehave(GET_api="slow body")
    client = Client(read_address(service.address))
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(DownError, match="timed out"):
            client.ask("GET", ROWS)
    assert 4.5 < time.monotonic() - began < 8


def test_a_connection_that_is_not_accepted_costs_two_seconds() -> None:
    """A listener whose queue is full does not refuse; it lets everybody wait."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        began = time.monotonic()
        with pytest.raises(DownError, match="timed out"):
            _ask(Address(port=full.getsockname()[1]))
        assert 1.5 < time.monotonic() - began < 4
        for one in waiting:
            one.close()


def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    """A closed port, a socket file without a listener, a path that is too long, a regular file."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    dead, long, file = tmp_path / "dead", tmp_path / ("x" * 200), tmp_path / "file"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(dead))
    file.touch()
    for address in (Address(port=port), *(Address(socket=path) for path in (dead, long, file))):
        with pytest.raises(DownError) as caught:
            _ask(address, "POST")
        assert str(caught.value).startswith(f"{address}: ")


def test_no_redirect_is_followed_and_no_proxy_asked(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer counts as what it is; what is set for other programs sends nothing elsewhere."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    service.misbehave(GET_api="redirect")
    with pytest.raises(RefusedError) as caught:
        _ask(read_address(service.address))
    assert caught.value.status == 302
    assert len(service.list_requests()) == 1


def test_an_empty_success_is_one(service: Service) -> None:
    """A release answers 204, and a body may be missing."""
    service.misbehave(GET_api="empty")
    assert _ask(read_address(service.address)) == {}


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:7338", Address()),
        ("http://localhost:7338/", Address()),
        ("http://[::1]:80/base/", Address(host="::1", port=80, prefix="/base")),
        ("http://127.9.9.9", Address(host="127.9.9.9", port=80)),
    ],
)
def test_addresses_of_this_machine(url: str, address: Address) -> None:
    """Loopback addresses, of both families, with a port, a path, or neither."""
    assert read_address(url) == address
    assert read_address(str(address)) == address


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.7:7338",
        "http://169.254.169.254/latest",
        "http://0.0.0.0:7338",
        "http://[::ffff:10.0.0.7]:80",
        "http://example.org",
        "http://localhost.example.org",
        "http://127.0.0.1.nip.io",
        "http://2130706433",
        "http://0x7f.1",
        "http://user:secret@127.0.0.1",
        "http://127.0.0.1@10.0.0.7",
        "https://127.0.0.1",
        "file:///etc/passwd",
        "unix:///var/run/docker.sock",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:7338/?a=b",
        "http://127.0.0.1:7338/#a",
        "http://127.0.0.1/\r\nX-Evil: 1",
        "127.0.0.1:7338",
        "http://",
        "",
        "\x1b]0;x\x07",
    ],
)
def test_no_other_address_is_asked(url: str) -> None:
    """Other machines, names that would be looked up, other protocols, secrets, and tricks with any of these."""
    with pytest.raises(DownError) as caught:
        read_address(url)
    assert str(caught.value).isprintable()


def test_another_machine_is_asked_where_the_user_says_so() -> None:
    """By its address: a name would have to be looked up."""
    assert read_address("http://10.0.0.7:7338", allow_remote=True) == Address(host="10.0.0.7")
    with pytest.raises(DownError, match="expected http:// with an IP address"):
        read_address("http://example.org", allow_remote=True)


HOSTILE = ["a\r\nX-Evil: 1", "a\nb", "../../admin", "..", "a/b", "a b", "ä", "", "x" * 200, "-", None, 7]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_id_from_outside_reaches_a_header_or_a_path(service: Service, value: object) -> None:
    """What a service, or another agent, calls an id is one only if it can be part of both."""
    assert not is_id(value)
    service.misbehave(
        POST_api_agents={"body": {"agent_id": value}},
        GET_api_reservations={"body": {"reservations": [{"id": value, "agent_id": value, "path_pattern": "p"}]}},
        GET_api_agents={"body": {"agents": [{"agent_id": value, "name": "n"}]}},
    )
    intermute = Intermute(Client(read_address(service.address)))
    with pytest.raises(RefusedError, match="names no agent"):
        intermute.register("widgets")
    assert (intermute.list_reservations("widgets"), intermute.list_agents("widgets")) == ([], [])


def test_what_goes_into_a_request_cannot_break_out_of_it(service: Service) -> None:
    """Names and reasons are values of JSON and of a query, whatever is in them; a header that is none is not sent."""
    evil = 'x"}\r\nX-Evil: 1\r\n\r\nDELETE / HTTP/1.1\r\n&project=other#\ud800'
    intermute = Intermute(Client(read_address(service.address)))
    who = intermute.register("widgets")
    intermute.reserve(who, evil.replace("\ud800", ""), evil, evil)
    assert intermute.list_reservations("other") == []
    assert [row.pattern for row in intermute.list_reservations(evil.replace("\ud800", ""))] == [evil[:-1] + "?"]
    before = len(service.list_requests())
    with pytest.raises(ServiceError):
        intermute.release(Identity(id=evil), "r-1")
    assert len(service.list_requests()) == before
    assert not any("X-Evil" in one["headers"] for one in service.list_requests())


def test_an_inbox_is_read_page_by_page_and_no_further_than_it_goes(service: Service) -> None:
    """Each page says where the next begins; one that goes nowhere ends it."""
    agent = service.join("reader")
    for number in range(250):
        service.send("writer", [agent], {"n": number})
    intermute = Intermute(Client(read_address(service.address)))
    pages = list(intermute.read_inbox(agent, "widgets", 0))
    assert [(len(page), after) for page, after in pages] == [(100, 100), (100, 200), (50, 250)]
    assert [one.body["n"] for page, _ in pages for one in page] == list(range(250))
    assert list(intermute.read_inbox(agent, "widgets", 250)) == []
    for cursor in (0, -1, "9", None, True, 1.5):
        service.misbehave(GET_api_inbox={"body": {"messages": [{"message_id": "m"}], "cursor": cursor}})
        assert len(list(intermute.read_inbox(agent, "widgets", 5))) == 0


def test_an_inbox_without_end_ends(service: Service) -> None:
    """A service that has always one more page is asked for twenty."""
    service.misbehave(GET_api_inbox="one more page")
    pages = list(Intermute(Client(read_address(service.address))).read_inbox("a", "widgets", 7))
    assert [after for _, after in pages] == list(range(8, 28))


def test_a_token_goes_with_the_name(start_service: Callable[..., Service]) -> None:
    """Versions since 0.2.19 give one, and take a release only with it."""
    intermute = Intermute(Client(read_address(start_service("--tokens").address)))
    who = intermute.register("widgets")
    assert who.token
    intermute.reserve(who, "widgets", "a", "r")
    (row,) = intermute.list_reservations("widgets")
    with pytest.raises(RefusedError) as caught:
        intermute.release(Identity(id=who.id), row.id)
    assert caught.value.status == 403
    intermute.release(who, row.id)
