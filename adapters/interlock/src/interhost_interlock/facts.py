"""Facts about files that agents hold, want, and give back.

Source: ``reference/modules/interlock.md`` sections 4.4 and 4.7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from interhost_hookspecs import ArtifactReady, Coordination, CoordinationAction, Draft, Holder, Resource, Severity
from interhost_hookspecs.reading import fact_key, is_bead, one_line

from interhost_interlock.places import Place

_TAG = re.compile(r"\[([^\[\]]*)\]\s*\Z")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_NAMES = ("active_bead_id", "bead_id", "thread_id")
AMBIGUOUS = "ambiguous"
"""What ``find_bead`` answers where a reason names several."""


def find_bead(reason: str) -> str | None:
    """The bead in the metadata at the end of a reason; ``AMBIGUOUS`` where several have the same key.

    A reservation for ``[active_bead_id=acme-1.3 bead_id=acme-1]`` is about the first: a child and its parent.
    """
    found = _TAG.search(reason)
    pairs = [pair.partition("=") for pair in found[1].split()] if found else []
    for name in _NAMES:
        beads = {value for key, _, value in pairs if key == name and is_bead(value)}
        if beads:
            return beads.pop() if len(beads) == 1 else AMBIGUOUS
    return None


def compose(
    action: CoordinationAction,
    place: Place,
    pattern: str,
    *,
    key: str,
    source: str,
    holder: Holder | None = None,
    requester: Holder | None = None,
    reservation: str | None = None,
    reason: str = "",
    bead: str | None = None,
    expires_at: datetime | None = None,
    at: datetime | None = None,
    severity: Severity = Severity.INFO,
    session_id: str | None = None,
    extensions: Mapping[str, object],
) -> Draft:
    """One fact about one file or pattern.

    Args:
        action: What happened.
        place: Its project.
        pattern: What it is about.
        key: What makes the fact this one.
        source: Where it was seen.
        holder: Who has it now.
        requester: Who wanted it, or gave it back.
        reservation: Id of the reservation.
        reason: Why.
        bead: What the work is about, or ``AMBIGUOUS``.
        expires_at: When it ends by itself.
        at: When it happened.
        severity: How much attention it deserves.
        session_id: Session of the agent; its bead stands in where there is none.
        extensions: What else is known; what has no value is left out.
    """
    known = {**extensions, "bead": bead if bead == AMBIGUOUS else None}
    return Draft(
        payload=Coordination(
            resource=Resource.FILE,
            resource_id=pattern,
            action=action,
            holder=holder,
            requester=requester,
            reservation_id=reservation,
            expires_at=expires_at.isoformat() if expires_at else None,
            reason=one_line(reason),
        ),
        # Where the bead is ambiguous, nobody else is asked for one.
        context_id=bead if is_bead(bead) else None if place.root and not bead else f"project:{place.name}",
        artifact_path=place.file_of(pattern),
        severity=severity,
        source_hook=source,
        occurred_at=at,
        project_dir=place.root,
        session_id=session_id,
        dedupe_key=key,
        extensions={name: value for name, value in known.items() if value is not None},
    )


def compose_commit(
    place: Place,
    commit: str,
    message: str,
    *,
    source: str,
    files: tuple[str, ...] = (),
    by: str | None = None,
    bead: str | None = None,
    at: datetime | None = None,
) -> Draft | None:
    """A commit that an agent told the others, wherever it was seen; ``None`` for what is no commit.

    Args:
        place: Its project.
        commit: Its hash, whole or short.
        message: Its first line.
        source: Where it was seen.
        files: What it touches.
        by: Who made it.
        bead: What it is about.
        at: When it was told.
    """
    if not _COMMIT.fullmatch(commit):
        return None
    return Draft(
        payload=ArtifactReady(kind="commit", title=one_line(message), commit=commit),
        context_id=bead if is_bead(bead) else None if place.root else f"project:{place.name}",
        source_hook=source,
        occurred_at=at,
        project_dir=place.root,
        dedupe_key=fact_key("interlock", "commit", place.name, commit[:7]),
        extensions={name: value for name, value in {"files": list(files), "agent": by}.items() if value},
    )
