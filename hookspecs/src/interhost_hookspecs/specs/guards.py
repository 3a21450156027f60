"""Hooks that answer questions about the ecosystem."""

from __future__ import annotations

from interhost_hookspecs.markers import hookspec


@hookspec
def has_ic() -> bool | None:
    """Say whether the ``ic`` command can be used.

    Called when anyone asks ``ctx.guards.has_ic()``. Providers are asked one by one in name order, behind a fence, the
    built-in one last.

    Returns:
        The answer, or ``None`` to leave it to the next provider. No answer at all means "no".

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def has_bd() -> bool | None:
    """Say whether the ``bd`` command can be used.

    Called and answered as ``has_ic``.

    Returns:
        The answer, or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def has_companion(name: str) -> bool | None:
    """Say whether a companion plugin is installed.

    Called and answered as ``has_ic``.

    Args:
        name: Name of the plugin; never empty.

    Returns:
        The answer, or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def in_ecosystem() -> bool | None:
    """Say whether the central interbase install exists.

    Called and answered as ``has_ic``.

    Returns:
        The answer, or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def get_bead() -> str | None:
    """Name the bead that is being worked on.

    Called and answered as ``has_ic``.

    Returns:
        The bead id, an empty string for "there is none", or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """


@hookspec
def in_sprint() -> bool | None:
    """Say whether a bead and an active run exist.

    Called and answered as ``has_ic``.

    Returns:
        The answer, or ``None`` to leave it to the next provider.

    Raises:
        Exception: Recorded against the provider; the next one is asked.
    """
