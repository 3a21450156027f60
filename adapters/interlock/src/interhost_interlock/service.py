"""The service: where it is, and how long it is left alone when it did not answer.

Source: ``reference/modules/interlock.md`` sections 4.2 and 4.5.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from interhost_hookspecs import AdapterContext
from interhost_hookspecs.reading import read_time

from interhost_interlock.client import Address, Client, DownError, ServiceError, read_address
from interhost_interlock.intermute import Intermute

DEFAULT_SOCKET = "/var/run/intermute.sock"
DEFAULT_URL = "http://127.0.0.1:7338"

PROBLEM = "problem"
"""Position that keeps why the service could not be observed, for doctor; empty when it could."""

_REST = timedelta(seconds=60)


def find_service(ctx: AdapterContext, environ: Mapping[str, str] = os.environ) -> Intermute | None:
    """The service, with its time running; ``None`` when nothing says that interlock is used here.

    Args:
        ctx: Has the settings, and knows whether interlock is installed.
        environ: Has interlock's own variables.

    Raises:
        DownError: It is configured at a place that may not be asked.
    """
    given = (
        ctx.config.text("socket"),
        ctx.config.text("url"),
        *map(environ.get, ("INTERMUTE_SOCKET", "INTERMUTE_URL")),
    )
    if not any(given) and ctx.module_root() is None:
        return None
    return Intermute(Client(find_address(ctx, environ)))


def find_address(ctx: AdapterContext, environ: Mapping[str, str] = os.environ) -> Address:
    """Where the service is: a configured place first, then that of interlock's variables, then interlock's own.

    Raises:
        DownError: It is a place that may not be asked.
    """
    for socket, url in (
        (ctx.config.text("socket"), ctx.config.text("url")),
        (environ.get("INTERMUTE_SOCKET"), environ.get("INTERMUTE_URL")),
    ):
        if socket and _is_socket(socket):
            return Address(socket=Path(socket))
        if url:
            return read_address(url, allow_remote=ctx.config.is_on("allow_remote"))
        if socket:
            raise DownError(f"{Address(socket=Path(socket))}: there is no such socket")
    return Address(socket=Path(DEFAULT_SOCKET)) if _is_socket(DEFAULT_SOCKET) else read_address(DEFAULT_URL)


def rest(ctx: AdapterContext, error: ServiceError) -> None:
    """Observe nothing for a while: a service that hangs would take up every look."""
    ctx.cursor.set(PROBLEM, f"{ctx.now().isoformat()} {error}")


def is_resting(ctx: AdapterContext) -> bool:
    """Whether the service is left alone."""
    since = read_time((ctx.cursor.get(PROBLEM) or "").partition(" ")[0])
    return since is not None and ctx.now() - since < _REST


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False
