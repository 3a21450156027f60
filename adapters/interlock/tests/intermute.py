"""A stand-in for intermute, as a program of its own: the routes that interlock uses, and every way to answer badly.

    python intermute.py FOLDER [--socket PATH] [--tokens]

It listens on a free port of 127.0.0.1, or on a Unix socket, and writes where into ``FOLDER/address``. Every request is
a line of ``FOLDER/requests.jsonl``. ``FOLDER/faults.json`` maps the beginning of a request (``GET /api/inbox``) to how
it is answered instead: an HTTP status, or one of the names in ``FAULTS``.

Source: reference/modules/interlock.md, section 4.3 (rows L1, L3 and L6: rows, conflicts, inboxes) and section 4.5
(reservations, 403, 404 and 409, tokens since 0.2.19, ten broadcasts a minute). What is not said there is as plain as
possible here: ids of agents and reservations are UUIDs, and a time is RFC 3339 with Go's fraction of five digits.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import socket
import socketserver
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import Message
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]
_PER_MINUTE = 10


def stamp(time: datetime) -> str:
    """As Go writes it, without the zeros at the end."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-1] + "Z"


class Store:
    """What the service knows."""

    def __init__(self, folder: Path, tokens: bool) -> None:
        self.folder = folder
        self.tokens = tokens
        self.lock = threading.Lock()
        self.agents: list[dict[str, Any]] = []
        self.rows: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.broadcasts: dict[str, list[float]] = {}
        self.kept: tuple[list[dict[str, Any]], ...] = ([], [], [])

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any, headers: Message) -> Answer:
        """The status and the document of one request."""
        match (method, *path.strip("/").split("/")):
            case ("GET", "health"):
                return 200, {"status": "ok"}
            case ("GET", "api", "agents"):
                return 200, {"agents": [one for one in self.agents if one["project"] == query.get("project")]}
            case ("POST", "api", "agents"):
                return self._register(body)
            case ("GET", "api", "reservations"):
                return 200, {"reservations": self._list(query)}
            case ("GET", "api", "reservations", "check"):
                is_exclusive = query.get("exclusive") == "true"
                found = self._conflicts(query.get("project"), query.get("pattern", ""), None, is_exclusive)
                return 200, {"conflicts": found}
            case ("POST", "api", "reservations"):
                return self._reserve(body)
            case ("DELETE", "api", "reservations", key):
                return self._release(unquote(key), headers)
            case ("GET", "api", "inbox", agent):
                return 200, self._inbox(unquote(agent), query)
            case ("POST", "api", "messages"):
                return self._send(body, body.get("to", []))
            case ("POST", "api", "broadcast"):
                return self._broadcast(body)
            case ("POST", "test", "expire"):  # no route of intermute: time passes
                past = datetime.now(UTC) - timedelta(seconds=1)
                for row in self.rows:
                    row["expires_at"] = stamp(past) if row["id"] == body["id"] else row["expires_at"]
                return 200, {}
            case ("POST", "test", "forget"):  # neither: rows that the service no longer has
                self.rows = [row for row in self.rows if row["id"] != body["id"]]
                return 200, {}
            case ("POST", "test", "keep"):  # and a backup of all that it knows
                self.kept = copy.deepcopy((self.agents, self.rows, self.messages))
                return 200, {}
            case ("POST", "test", "restore"):
                self.agents, self.rows, self.messages = copy.deepcopy(self.kept)
                self.broadcasts.clear()
                return 200, {}
        return 404, {"error": "not_found"}

    def _register(self, body: Mapping[str, Any]) -> Answer:
        if not body.get("name"):
            return 400, {"error": "name required"}
        agent = {
            "agent_id": str(uuid.uuid4()),
            "name": body["name"],
            "project": body.get("project", ""),
            "last_seen": stamp(datetime.now(UTC)),
        }
        self.agents.append(agent)
        return 201, {**agent, "token": uuid.uuid5(uuid.NAMESPACE_OID, agent["agent_id"]).hex} if self.tokens else agent

    def _list(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        rows = [self._view(row) for row in self.rows]
        if "agent" in query:
            return [row for row in rows if row["agent_id"] == query["agent"]]
        return [row for row in rows if row["project"] == query.get("project") and row["is_active"]]

    def _view(self, row: Mapping[str, Any]) -> dict[str, Any]:
        is_over = datetime.fromisoformat(row["expires_at"]) <= datetime.now(UTC)
        return {**row, "is_active": "released_at" not in row and not is_over}

    def _conflicts(self, project: str | None, pattern: str, agent: str | None, exclusive: bool) -> list[dict[str, Any]]:
        return [
            {
                "reservation_id": row["id"],
                "agent_id": row["agent_id"],
                "held_by": next((one["name"] for one in self.agents if one["agent_id"] == row["agent_id"]), ""),
                "pattern": row["path_pattern"],
                "reason": row["reason"],
                "expires_at": row["expires_at"],
            }
            for row in map(self._view, self.rows)
            if row["is_active"] and row["project"] == project and row["agent_id"] != agent
            if row["exclusive"] or exclusive
            if pattern == row["path_pattern"]
            or fnmatchcase(pattern, row["path_pattern"])
            or fnmatchcase(row["path_pattern"], pattern)
        ]

    def _reserve(self, body: Mapping[str, Any]) -> Answer:
        if not body.get("agent_id") or not body.get("path_pattern"):
            return 400, {"error": "agent_id and path_pattern required"}
        project, pattern, exclusive = body.get("project"), body["path_pattern"], body.get("exclusive", True)
        if conflicts := self._conflicts(project, pattern, body["agent_id"], exclusive):
            return 409, {"error": "reservation_conflict", "conflicts": conflicts}
        now = datetime.now(UTC)
        row = {
            "id": str(uuid.uuid4()),
            "agent_id": body["agent_id"],
            "project": project,
            "path_pattern": pattern,
            "exclusive": exclusive,
            "reason": body.get("reason", ""),
            "created_at": stamp(now),
            "expires_at": stamp(now + timedelta(minutes=body.get("ttl_minutes") or 30)),
        }
        self.rows.append(row)
        return 201, self._view(row)

    def _release(self, key: str, headers: Message) -> Answer:
        row = next((row for row in self.rows if row["id"] == key), None)
        if row is None or not self._view(row)["is_active"]:
            return 404, {"error": "not_found"}
        token = uuid.uuid5(uuid.NAMESPACE_OID, row["agent_id"]).hex if self.tokens else None
        if headers.get("X-Agent-ID") != row["agent_id"] or headers.get("X-Agent-Token") != token:
            return 403, {"error": "not the owner"}
        row["released_at"] = stamp(datetime.now(UTC))
        return 204, None

    def _inbox(self, agent: str, query: Mapping[str, str]) -> dict[str, Any]:
        since, limit = int(query.get("since_cursor", 0)), int(query.get("limit", 50))
        found = [one for one in self.messages if one["cursor"] > since and agent in one["to"]][:limit]
        shown = [{key: value for key, value in one.items() if key != "cursor"} for one in found]
        return {"messages": shown, "cursor": found[-1]["cursor"] if found else since}

    def _send(self, body: Mapping[str, Any], to: list[str]) -> Answer:
        message = {
            **{key: body.get(key, "") for key in ("project", "from", "subject", "body", "topic", "thread_id")},
            "message_id": str(uuid.uuid4()),
            "to": to,
            "created_at": body.get("created_at") or stamp(datetime.now(UTC)),
            "cursor": len(self.messages) + 1,
        }
        self.messages.append(message)
        return 200, {"message_id": message["message_id"], "cursor": message["cursor"]}

    def _broadcast(self, body: Mapping[str, Any]) -> Answer:
        sent = self.broadcasts.setdefault(body["from"], [])
        sent[:] = [one for one in sent if time.monotonic() - one < 60]
        if len(sent) >= _PER_MINUTE:
            return 429, {"error": "rate_limited"}
        sent.append(time.monotonic())
        return self._send(body, [one["agent_id"] for one in self.agents if one["project"] == body["project"]])


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_GET

    def _serve(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        request = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": text.decode()}
        with self.store.lock, (self.store.folder / "requests.jsonl").open("a") as log:
            log.write(json.dumps(request) + "\n")
        self.close_connection = True
        if fault := self._fault(f"{self.command} {self.path}"):
            self._misbehave(fault)
            return
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = json.loads(text) if text else {}
        with self.store.lock:
            status, document = self.store.answer(self.command, parts.path, query, body, self.headers)
        self._send(status, b"" if document is None else json.dumps(document).encode())

    def _fault(self, request: str) -> Any:
        with contextlib.suppress(FileNotFoundError):
            faults = json.loads((self.store.folder / "faults.json").read_text())
            return next((fault for start, fault in faults.items() if request.startswith(start)), None)
        return None

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _misbehave(self, fault: Any) -> None:
        if isinstance(fault, int):
            self._send(fault, json.dumps({"error": f"status {fault}"}).encode())
        elif isinstance(fault, dict):  # another document
            self._send(fault.get("status", 200), json.dumps(fault["body"]).encode())
        else:
            with contextlib.suppress(OSError):
                FAULTS[fault](self)

    def drip(self, data: bytes, seconds: float = 0.05) -> None:
        """One byte after the other."""
        for byte in data:
            self.wfile.write(bytes([byte]))
            time.sleep(seconds)

    def one_more_page(self) -> None:
        """A full page that is followed by another, for ever."""
        since = int(parse_qs(urlsplit(self.path).query)["since_cursor"][0])
        messages = [{"message_id": f"m-{since}-{number}"} for number in range(100)]
        self._send(200, json.dumps({"messages": messages, "cursor": since + 1}).encode())

    def half_close(self, said: bytes = b"") -> None:
        """Say nothing more, and go on listening."""
        self.wfile.write(said)
        self.connection.shutdown(socket.SHUT_WR)
        self.rfile.read(1)


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FAULTS: Mapping[str, Callable[[Handler], object]] = {
    "hang": lambda one: time.sleep(60),
    "slow head": lambda one: one.drip(_HEAD + b"X-Filler: " + b"x" * 5000),
    "slow body": lambda one: one.drip(_HEAD + b"Content-Length: 5000\r\n\r\n" + b" " * 5000),
    "informational": lambda one: one.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, 0.001),
    "closed": lambda one: one.connection.close(),
    "half closed": lambda one: one.half_close(),
    "half a body": lambda one: one.wfile.write(_HEAD + b'Content-Length: 40\r\n\r\n{"reservations": []}'),
    "half a chunk": lambda one: one.wfile.write(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\n{}"),
    "half closed body": lambda one: one.half_close(_HEAD + b"Content-Length: 40\r\n\r\n{"),
    "endless": lambda one: [
        one.wfile.write(part)
        for part in (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 500)
    ],
    "oversized": lambda one: one._send(200, b'{"reservations": [], "more": "' + b"x" * (5 << 20) + b'"}'),
    "deep": lambda one: one._send(200, b'{"a":' + b"[" * 200_000),
    "html": lambda one: one._send(200, b"<html>proxy</html>", Content_Type="text/html"),
    "array": lambda one: one._send(200, b"[]"),
    "not utf-8": lambda one: one._send(200, b'{"a": "\xff"}'),
    "no http": lambda one: one.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "many headers": lambda one: one.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500 + b"\r\n{}"),
    "redirect": lambda one: one._send(302, b"{}", Location="/health"),
    "one more page": lambda one: one.one_more_page(),
    "empty": lambda one: one._send(200, b""),
}


class Service(socketserver.ThreadingTCPServer):
    """The server, on whatever kind of socket."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--socket")
    parser.add_argument("--tokens", action="store_true")
    options = parser.parse_args()
    Handler.store = Store(options.folder, options.tokens)
    Service.address_family = socket.AF_UNIX if options.socket else socket.AF_INET
    with Service(options.socket or ("127.0.0.1", 0), Handler) as service:
        where = options.socket or f"http://127.0.0.1:{service.server_address[1]}"
        (options.folder / "address.new").write_text(str(where))
        os.replace(options.folder / "address.new", options.folder / "address")
        service.serve_forever()


if __name__ == "__main__":
    main()
