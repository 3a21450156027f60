"""The daemon of a project: whether it is at work, what changed under it, and starting it.

It is told of changed files by its socket, which costs no process and answers exactly; the command keeps silent about
a daemon that is not there. The socket lies where everybody may write, so only one of the user's own is believed.

Source: ``reference/modules/tldr-swinton.md`` sections 2.2 (daemon socket, state), 2.3, 2.4, 2.5 (trap 13) and 2.6.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, Outcome
from interhost_hookspecs.files import read_text
from interhost_hookspecs.reading import first_count, plain_line, read_object

from interhost_tldr_swinton.command import SECRETS

FOLDER = Path(".tldrs")
"""Everything that tldr-swinton keeps of a project, below its root."""

STATUS, PID = FOLDER / "status", FOLDER / "daemon.pid"

_SECONDS = 2.0  # it serves one connection after another, and each for five seconds at most
_REPLY = 1 << 20
_PID = re.compile(r"[1-9][0-9]{0,8}")
# The daemon keeps whatever pipe it was started with, and whoever reads that pipe waits for ever.
_START = 'exec tldrs daemon start --project "$1" </dev/null >/dev/null 2>&1'
_NOT_FOUND = 127
_START_SECONDS = 20.0


@frozen
class Tracked:
    """What the daemon says of a changed file: how many it knows, and whether it began to index them."""

    dirty: int | None
    threshold: int | None
    is_indexing: bool


class RefusedError(Exception):
    """The daemon is there and did not take it. ``str()`` says why in one line."""


def read_pid(project: Path) -> int | None:
    """The process that the daemon says it is; ``None`` when it does not."""
    said = read_text(project / PID, 64).strip()
    return int(said) if _PID.fullmatch(said) else None


def is_running(pid: int | None) -> bool:
    """Whether there is such a process."""
    try:
        if pid:
            os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return pid is not None


def notify(path: Path, project: Path, ctx: AdapterContext) -> Tracked | None:
    """Tell the project's daemon that a file changed; ``None`` when there is no daemon.

    Raises:
        RefusedError: It answered with an error, or not in time.
    """
    answer = _ask({"cmd": "notify", "file": str(path)}, project, ctx)
    if answer is None:
        return None
    if answer.get("status") != "ok":
        raise RefusedError(plain_line(answer.get("message")) or "the daemon gave no answer that can be read")
    return Tracked(
        dirty=first_count(answer, "dirty_count"),
        threshold=first_count(answer, "threshold"),
        is_indexing=answer.get("reindex_triggered") is True,
    )


def is_at_work(project: Path, ctx: AdapterContext) -> bool:
    """Whether the project's daemon answers."""
    try:
        answer = _ask({"cmd": "ping"}, project, ctx)
    except RefusedError:
        return True
    return answer is not None


def compose_indexing(tracked: Tracked, project: Path) -> Draft:
    """The fact that the daemon began to index again."""
    return Draft(
        intent="tldr_swinton.index_started@1.0",
        payload={"dirty_count": tracked.dirty, "threshold": tracked.threshold},
        project_dir=project,
    )


def start(project: Path, ctx: AdapterContext) -> Outcome:
    """Start the daemon of a project, with nothing attached to it."""
    if is_at_work(project, ctx) or not ctx.once("start daemon", happened=lambda: is_at_work(project, ctx)):
        return Outcome.done("the daemon is at work")
    argv = ["sh", "-c", _START, "sh", str(project)]
    done = ctx.run(argv, timeout=_START_SECONDS, cwd=project, drop=SECRETS)
    if done.returncode == _NOT_FOUND or done.missing:
        return Outcome.skipped("tldrs is not installed")
    return (
        Outcome.done("the daemon was started") if done.ok else Outcome.failed(f"the daemon did not start: {done.why}")
    )


def _ask(question: dict[str, str], project: Path, ctx: AdapterContext) -> dict[str, Any] | None:
    """What the daemon answers, empty when nobody can read it; ``None`` when there is none."""
    address = _find_socket(project, ctx)
    reply = _exchange(address, question) if address else None
    return None if reply is None else read_object(reply)


def _find_socket(project: Path, ctx: AdapterContext) -> Path | None:
    from hashlib import md5

    name = md5(os.path.realpath(project).encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()[:8]
    path = ctx.config.path("temporary_dir") / f"tldr-{name}.sock"
    try:
        found = path.lstat()
    except OSError:
        return None
    return path if stat.S_ISSOCK(found.st_mode) and found.st_uid == os.getuid() else None


def _exchange(address: Path, question: dict[str, str]) -> bytes | None:
    """One question and its answer, each a line; ``None`` when nobody listens any more."""
    import socket
    from time import monotonic

    reply, end = b"", monotonic() + _SECONDS
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_SECONDS)
        try:
            connection.connect(str(address))
            connection.sendall(json.dumps(question).encode() + b"\n")
            while b"\n" not in reply and len(reply) < _REPLY and (more := connection.recv(1 << 16)):
                reply += more
                connection.settimeout(max(0.01, end - monotonic()))
        except (ConnectionError, FileNotFoundError):
            return None
        except OSError as error:
            raise RefusedError(f"the daemon: {error.strerror or error}") from error
    return reply
