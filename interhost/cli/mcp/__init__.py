"""Serve the bus to an agent: an MCP server on standard input and output, with tools to publish, look and check.

Register it with Claude Code, or with any other MCP client:

  claude mcp add interhost -- interhost mcp

Needs the extra: pip install 'interhost[mcp]'.
"""

from __future__ import annotations

import argparse
import sys

from interhost.cli.output import note
from interhost.errors import MissingError, UsageError

_SDK = ("mcp", "mcp_types")
"""Import names of the SDK."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The command has no options."""


def run(args: argparse.Namespace) -> int:
    """Serve until the client goes away."""
    if sys.stdin is None:
        raise UsageError("standard input is closed; an MCP client speaks to us there", hint="interhost mcp --help")
    try:
        from interhost.cli.mcp.server import serve
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _SDK:
            raise
        what = "is not installed" if error.name in _SDK and isinstance(error, ModuleNotFoundError) else "is no mcp 2"
        raise MissingError(f"the MCP SDK {what}: {error}", hint="pip install 'interhost[mcp]'") from None
    if sys.stdin.isatty():
        note("waiting for an MCP client on standard input; 'interhost mcp --help' says how to register this")
    serve()
    return 0
