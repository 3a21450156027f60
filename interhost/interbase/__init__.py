"""Interbase: guards, actions and companion nudges that never raise and never block.

::

    from interhost.interbase import emit_event, has_ic, nudge_companion

It needs nothing of the rest of interhost, and importing it costs next to nothing, because a hook asks one question and
is gone: each name is fetched from its module when it is first used. Source: interface specification 2.0.0.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from interhost.interbase.actions import emit_event, phase_set, session_status
    from interhost.interbase.discovery import ecosystem_root, plugin_cache_path
    from interhost.interbase.guards import get_bead, has_bd, has_companion, has_ic, in_ecosystem, in_sprint
    from interhost.interbase.mcp_metrics import McpMetrics, ToolStats
    from interhost.interbase.nudges import nudge_companion
    from interhost.interbase.toolerror import (
        ERR_CONFLICT,
        ERR_INTERNAL,
        ERR_NOT_FOUND,
        ERR_PERMISSION,
        ERR_TRANSIENT,
        ERR_VALIDATION,
        ToolError,
    )

__all__ = [
    "ERR_CONFLICT",
    "ERR_INTERNAL",
    "ERR_NOT_FOUND",
    "ERR_PERMISSION",
    "ERR_TRANSIENT",
    "ERR_VALIDATION",
    "McpMetrics",
    "ToolError",
    "ToolStats",
    "ecosystem_root",
    "emit_event",
    "get_bead",
    "has_bd",
    "has_companion",
    "has_ic",
    "in_ecosystem",
    "in_sprint",
    "nudge_companion",
    "phase_set",
    "plugin_cache_path",
    "session_status",
]

_MODULES = {
    "actions": ("emit_event", "phase_set", "session_status"),
    "discovery": ("ecosystem_root", "plugin_cache_path"),
    "guards": ("get_bead", "has_bd", "has_companion", "has_ic", "in_ecosystem", "in_sprint"),
    "mcp_metrics": ("McpMetrics", "ToolStats"),
    "nudges": ("nudge_companion",),
}


if not TYPE_CHECKING:  # a type checker is to notice a name that is not there

    def __getattr__(name: str) -> object:
        """Fetch a public name from its module, once."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        home = next((module for module, names in _MODULES.items() if name in names), "toolerror")
        value: object = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """The public names, fetched or not."""
    return sorted({*globals(), *__all__})
