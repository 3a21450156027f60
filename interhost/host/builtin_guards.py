"""The built-in provider of guards: interbase's own answers, for questions that no adapter has answered.

It is asked last, so that a test or another ecosystem can answer first. Source: design section 6.
"""

from __future__ import annotations

from interhost_hookspecs import hookimpl

from interhost.interbase import guards


@hookimpl
def has_ic() -> bool:
    """Whether ``ic`` is on ``PATH``."""
    return guards.has_ic()


@hookimpl
def has_bd() -> bool:
    """Whether ``bd`` is on ``PATH``."""
    return guards.has_bd()


@hookimpl
def has_companion(name: str) -> bool:
    """Whether Claude Code's cache holds the plugin."""
    return guards.has_companion(name)


@hookimpl
def in_ecosystem() -> bool:
    """Whether the central install exists."""
    return guards.in_ecosystem()


@hookimpl
def get_bead() -> str:
    """The bead of the host's environment."""
    return guards.get_bead()


@hookimpl
def in_sprint() -> bool:
    """Whether there is a bead, and an active run for the host's directory."""
    return guards.in_sprint()
