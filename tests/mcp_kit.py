"""A client for ``interhost mcp``: the SDK's own, over the pipes of a real process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mcp import Client, StdioServerParameters, stdio_client

from tests.conftest import Shell

FACT: dict[str, object] = {"intent": "notify", "payload": {"text": "x"}}
ABSENT = "01K9ZQ3V9T6J1W0E4T5N8R2X7C"
"""An id that no log has."""
T = TypeVar("T")


class Answer(NamedTuple):
    """What a client sees of one call."""

    failed: bool
    data: dict[str, Any]
    text: str


async def call(client: Client, tool: str, /, **arguments: object) -> Answer:
    """Call a tool; its text is one block."""
    result = await client.call_tool(tool, arguments)
    assert isinstance(result.structured_content, dict)
    [content] = result.content
    assert content.type == "text"
    return Answer(bool(result.is_error), result.structured_content, content.text)


def talk(shell: Shell, work: Callable[[Client], Awaitable[T]], *, cwd: Path | None = None, **env: str) -> T:
    """Start a server, let a client work with it, and see both end; the server has nothing to say on standard error."""
    [command, *arguments] = shell.argv("interhost", "mcp")
    server = StdioServerParameters(
        command=command, args=arguments, env={**shell.environ, **env}, cwd=cwd or shell.project
    )
    log = shell.base / "mcp.err"

    async def session() -> T:
        with log.open("w") as errors:
            async with Client(stdio_client(server, errlog=errors)) as client:
                return await work(client)

    done = asyncio.run(session())
    assert "Traceback" not in log.read_text()
    return done
