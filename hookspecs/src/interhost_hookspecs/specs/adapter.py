"""Hooks by which an adapter speaks about itself."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from interhost_hookspecs.context import AdapterContext
from interhost_hookspecs.markers import hookspec


@frozen(kw_only=True)
class AdapterInfo:
    """What an adapter says about itself.

    Attributes:
        module: Name of the module behind it.
        summary: What it observes and does, in one line.
        homepage: Where to read more.
    """

    module: str
    summary: str
    homepage: str | None = None


class CheckLevel(StrEnum):
    """What a check found."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@frozen(kw_only=True)
class Check:
    """One line of ``interhost doctor``.

    Attributes:
        name: What was looked at.
        level: ``ok``; ``note`` for what works with less (a module that is not installed); ``problem`` for what needs
            someone's attention.
        detail: What was found.
        hint: What to do when it is not ok.
    """

    name: str
    level: CheckLevel
    detail: str
    hint: str = ""


@hookspec
def describe_adapter() -> AdapterInfo | None:
    """Say what this adapter is.

    Called by ``interhost doctor``.

    Returns:
        Module, summary, homepage.

    Raises:
        Exception: Shown as the adapter's failure.
    """


@hookspec
def check_adapter(ctx: AdapterContext) -> list[Check] | None:
    """Look at what this adapter needs, changing nothing.

    Called by ``interhost doctor``.

    Args:
        ctx: What this adapter may use.

    Returns:
        One check per thing it needs, or ``None``.

    Raises:
        Exception: Shown as a failed check of this adapter.
    """
