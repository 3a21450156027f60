"""HTTP with a service on this machine: bounded in time and size, JSON only, and it goes where it was told to go.

No redirect is followed, no proxy asked, no name looked up: a lookup cannot be given a deadline.

Source: ``reference/modules/interlock.md`` sections 4.2 and 4.5.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from attrs import frozen
from interhost_hookspecs.reading import plain_line, read_json

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from _typeshed import ReadableBuffer, WriteableBuffer

CONNECT_SECONDS = 2.0
"""Longest that a connection may take."""

TOTAL_SECONDS = 5.0
"""Longest that a client may take for everything it is asked."""

MOST_BYTES = 4 << 20
"""Most of one answer; a busy project of 800 reservations is 0.3 MB."""

_PATH = "/-._~"


class ServiceError(Exception):
    """The service gave no answer that can be used. ``str()`` is one line a person can act on.

    ServiceError
    ├── DownError       nobody is there, or only reading failed: nothing can have happened
    ├── LostError       something was sent, and no whole answer came back: it may have happened
    └── RefusedError    it answered, and said no
    """


class DownError(ServiceError):
    """Nobody is there, or a question was not answered."""


class LostError(ServiceError):
    """What was asked for may have happened."""


class RefusedError(ServiceError):
    """An answer other than success.

    Attributes:
        status: HTTP status.
        answer: The JSON object that came with it; empty where there was none.
    """

    def __init__(self, message: str, status: int, answer: Mapping[str, Any]) -> None:
        """Keep what a caller decides by."""
        super().__init__(message)
        self.status = status
        self.answer = answer


@frozen(kw_only=True)
class Address:
    """Where the service is.

    Attributes:
        host: IP address.
        port: TCP port.
        prefix: Path before every route, without a ``/`` at its end.
        socket: Unix socket, which is then used instead of TCP.
    """

    host: str = "127.0.0.1"
    port: int = 7338
    prefix: str = ""
    socket: Path | None = None

    def __str__(self) -> str:
        """As people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return plain_line(str(self.socket) if self.socket else f"http://{host}:{self.port}{self.prefix}")


def read_address(url: str, *, allow_remote: bool = False) -> Address:
    """The address in an ``http:`` URL.

    Args:
        url: What somebody has configured.
        allow_remote: Other machines are allowed, too.

    Raises:
        DownError: It is none, or not one that may be used.
    """
    shown = plain_line(url, 80)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise DownError(f"{shown}: expected http:// with an IP address or localhost") from error
    if parts.scheme != "http" or parts.query or parts.fragment or "@" in parts.netloc or not url.isprintable():
        raise DownError(f"{shown}: expected http://ADDRESS:PORT, without user, query and fragment")
    if not address.is_loopback and not allow_remote:
        raise DownError(f"{shown}: another machine is asked only with allow_remote = true")
    return Address(host=str(address), port=port or 80, prefix=quote(parts.path.rstrip("/"), safe=f"{_PATH}%"))


class Client:
    """One exchange with a service: a few questions that together end in time.

    Args:
        address: Where it is.
        seconds: For all of them, counted from now.
    """

    def __init__(self, address: Address, *, seconds: float = TOTAL_SECONDS) -> None:
        """Start the clock."""
        self.address = address
        self._ends = time.monotonic() + seconds

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Send one request.

        Args:
            method: ``GET``, ``POST`` or ``DELETE``.
            path: Route; its segments are quoted already where they come from outside.
            query: Parameters.
            body: JSON object.
            headers: Further headers.

        Returns:
            The JSON object in the answer; an empty one where a success says nothing.

        Raises:
            ServiceError: See the three kinds.
        """
        import http.client  # 15 ms, which listing adapters need not pay

        target = f"{self.address.prefix}{path}" + (f"?{urlencode(query, errors='replace')}" if query else "")
        data = json.dumps(body).encode() if body is not None else None
        sent = {"Accept": "application/json", "Connection": "close", **(headers or {})}
        if data is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(self.address.host, self.address.port)
        connection.sock = self._connect()
        try:
            connection.request(method, target, body=data, headers=sent)
            with connection.getresponse() as response:
                return _read(response, f"{method} {path}")
        except (OSError, ValueError, http.client.HTTPException) as error:
            what = LostError if method != "GET" else DownError
            raise what(f"{self.address}: {_why(error)}") from error
        finally:
            connection.close()

    def _connect(self) -> _TimedSocket:
        family, place = _place(self.address)
        connected = _TimedSocket(family, socket.SOCK_STREAM)
        try:
            connected.ends = self._ends
            connected.settimeout(min(CONNECT_SECONDS, connected.left()))
            connected.connect(place)
        except OSError as error:
            connected.close()
            raise DownError(f"{self.address}: {_why(error)}") from error
        return connected


class _TimedSocket(socket.socket):
    """A socket whose every wait ends at the same moment: a timeout alone begins anew with each byte that drips in."""

    ends = 0.0

    def left(self) -> float:
        """Seconds until then.

        Raises:
            TimeoutError: There are none.
        """
        if (left := self.ends - time.monotonic()) <= 0:
            raise TimeoutError("timed out")
        return left

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        """Wait no longer than that."""
        self.settimeout(self.left())
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        """Likewise; this timeout is one for all of the data."""
        self.settimeout(self.left())
        super().sendall(data, flags)


def _place(address: Address) -> tuple[int, Any]:
    if address.socket:
        return socket.AF_UNIX, str(address.socket)
    return (socket.AF_INET6 if ":" in address.host else socket.AF_INET), (address.host, address.port)


def _read(response: HTTPResponse, what: str) -> Mapping[str, Any]:
    """The object in an answer."""
    data = response.read(MOST_BYTES + 1)
    # read() with a limit does not say that the connection was closed before its end.
    if len(data) > MOST_BYTES or response.length:
        raise ValueError("the answer is too large" if len(data) > MOST_BYTES else "the answer ended too early")
    answer = read_json(data)
    found = answer if isinstance(answer, dict) else {}
    if not 200 <= response.status < 300:
        said = plain_line(found.get("error"), 120) or plain_line(response.reason, 120)
        raise RefusedError(f"{plain_line(what, 120)}: {response.status} {said}".rstrip(), response.status, found)
    if not found and data.strip() not in (b"", b"{}"):
        raise ValueError("the answer is no JSON object")
    return found


def _why(error: Exception) -> str:
    return plain_line(str(error) or type(error).__name__, 160)
