"""The MCP server. The only module that imports the SDK.

A tool's failure is a result, not an error of the protocol: the structured error, with ``is_error``, and its text. The
SDK alone would hide what an exception says, and tell of bad arguments in prose only (claude-code.md section 3.2).
"""

from __future__ import annotations

import difflib
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError as SdkToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import ValidationError

from interhost.cli.mcp.failures import bad_arguments, tool_error
from interhost.cli.mcp.sizes import LARGEST, compact, fit
from interhost.cli.mcp.tools import TOOLS, Result, publish
from interhost.cli.output import note
from interhost.interbase.mcp_metrics import McpMetrics
from interhost.interbase.toolerror import ERR_INTERNAL, ERR_NOT_FOUND, ToolError
from interhost.version import own_version

INSTRUCTIONS = """\
Interbus: a durable log of facts from coding-agent plugins (work found, phase changes, reviews, claims, health), and
the adapters that react to them. Use replay to see what happened, trace to see what became of one fact and why,
catalog before the first publish, doctor when something does not arrive. Publish facts, not requests. A failed call
returns type, message, recoverable and data; when recoverable is true, the same call may work later.
"""

_ERROR_CHARS = 4_000
_Answer = CallToolResult | InputRequiredResult
_Handler = Callable[[dict[str, Any], Context[Any, Any] | None], Awaitable[_Answer]]


def serve() -> None:
    """Serve on standard input and output until the client goes away."""
    # The SDK reads its input in a thread that only the end of input ends, so our end by a signal is the kernel's.
    # What was published is on disk by then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        BusServer().run("stdio")
    except* (BrokenPipeError, ConnectionResetError):
        note("interhost mcp: the client went away")


class BusServer(MCPServer[Any]):
    """The tools of :mod:`interhost.cli.mcp.tools`, and ``metrics``."""

    def __init__(self) -> None:
        """Serve nothing yet."""
        self._metrics = McpMetrics()
        self._started = datetime.now(UTC)
        self._tools = {tool.name: tool for tool in [*(_tool(one) for one in TOOLS), _tool(self.metrics)]}
        self._handlers: dict[str, _Handler] = {
            name: self._metrics.instrument(name, self._handler(tool)) for name, tool in self._tools.items()
        }
        super().__init__(
            "interhost",
            version=own_version(),
            instructions=INSTRUCTIONS,
            tools=list(self._tools.values()),
            log_level="WARNING",
        )

    def metrics(self) -> Result:
        """Show how often each tool of this server was called, how long that took, and which errors it had."""
        tools = {
            name: {
                "calls": one.calls,
                "errors": one.errors,
                "error_types": one.error_types,
                "total_ms": round(one.seconds * 1000, 1),
                "slowest_ms": round(one.slowest * 1000, 1),
            }
            for name, one in self._metrics.snapshot().items()
        }
        return {"since": self._started.isoformat(timespec="seconds").replace("+00:00", "Z"), "tools": tools}

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> _Answer:
        """Call a tool; its failure is a result."""
        handler = self._handlers.get(name)
        if handler is None:  # not counted: anybody's names would fill the counters
            return _failure(ToolError(ERR_NOT_FOUND, f"no tool {name!r}", tools=list(self._tools)))
        try:
            return await handler(arguments, context)
        except ToolError as error:
            if error.type == ERR_INTERNAL:
                note(f"interhost mcp: {name}: {error}")
            return _failure(error)

    def _handler(self, tool: Tool) -> _Handler:
        async def handle(arguments: dict[str, Any], context: Context[Any, Any] | None) -> _Answer:
            _refuse_unknown(tool, arguments)
            try:
                answer = await super(BusServer, self).call_tool(tool.name, arguments, context)
            except SdkToolError as error:
                cause = error.__cause__ or error
                if isinstance(cause, ValidationError):
                    raise bad_arguments(tool.name, cause.errors(include_url=False, include_input=False)) from error
                raise tool_error(cause) from error
            return _success(answer)

        return handle


def _tool(function: Callable[..., Result]) -> Tool:
    """A tool with the name, the arguments and the docstring of a function."""
    looks = function is not publish
    annotations = ToolAnnotations(
        read_only_hint=looks, destructive_hint=False, idempotent_hint=looks, open_world_hint=False
    )
    tool = Tool.from_function(function, annotations=annotations, structured_output=True)
    tool.parameters["additionalProperties"] = False
    return tool


def _refuse_unknown(tool: Tool, arguments: dict[str, Any]) -> None:
    """The SDK drops arguments that a tool does not have: a slip would be a call that does something else."""
    known = list(tool.parameters["properties"])
    problems = []
    for name in arguments.keys() - set(known):
        nearest = difflib.get_close_matches(name, known, 1)
        problems.append({"loc": (name,), "msg": "no such argument" + (f"; {nearest[0]}?" if nearest else "")})
    if problems:
        raise bad_arguments(tool.name, problems).with_data(arguments=known)


def _success(answer: _Answer) -> _Answer:
    """The result within bounds, and the same as text, for clients that read no structured content."""
    if isinstance(answer, CallToolResult):
        answer.structured_content = fit(answer.structured_content, LARGEST)
        answer.content = [TextContent(type="text", text=compact(answer.structured_content))]
    return answer


def _failure(error: ToolError) -> CallToolResult:
    hint = error.data.get("hint")
    text = f"{error}\n{hint}" if isinstance(hint, str) else str(error)
    return CallToolResult(
        content=[TextContent(type="text", text=fit(text, _ERROR_CHARS))],
        structured_content=fit(error.as_dict(), _ERROR_CHARS),
        is_error=True,
    )
