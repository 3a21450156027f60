"""Ourselves among the agents: we register under our own name, and act under no other.

Source: ``reference/modules/interlock.md`` section 4.5.
"""

from __future__ import annotations

import attrs
from interhost_hookspecs import AdapterContext
from interhost_hookspecs.positions import keep, recall

from interhost_interlock.client import DownError, LostError, RefusedError
from interhost_interlock.intermute import Identity, Intermute

_UNKNOWN = (401, 403)


def list_identities(ctx: AdapterContext) -> dict[str, Identity]:
    """Who we are, by project."""
    return {project: Identity(**known) for project, known in recall(ctx, "identities").items()}


def identify(project: str, service: Intermute, ctx: AdapterContext) -> Identity:
    """Who we are in a project; we register there if we have not yet.

    Raises:
        ServiceError: We could not.
    """
    try:
        known = list_identities(ctx).get(project) or service.register(project)
    except LostError as error:  # a name that nobody uses does no harm
        raise DownError(str(error)) from error
    keep(ctx, "identities", recall(ctx, "identities") | {project: attrs.asdict(known)})
    return known


def doubt(project: str, error: RefusedError, ctx: AdapterContext) -> None:
    """Register anew the next time, if the service does not know us: its database may be another one."""
    if error.status in _UNKNOWN:
        keep(ctx, "identities", {name: one for name, one in recall(ctx, "identities").items() if name != project})
