"""Who claims which bead: the marker files of interphase, and collisions, which its hook tells only to the agent.

A session's marker names the bead it claimed; the session's end removes it. Heartbeats are too many to be facts.

Source: ``reference/modules/interphase.md`` sections 1.2 and 1.3, rows P10 to P13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from interhost_hookspecs import (
    AdapterContext,
    BdError,
    Coordination,
    CoordinationAction,
    Draft,
    Holder,
    HookEvent,
    Observation,
    Resource,
    Severity,
    hookimpl,
)
from interhost_hookspecs.files import is_own, read_text
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import is_bead

MARKERS = "interphase-bead-*"
"""The marker files, in the temporary directory; the session stands for the ``*``."""

# interphase takes a claim over once nobody has touched it for this long.
_FRESH_SECONDS = 2700
_NOBODY = (None, "released")
# A call of bd where a command begins, up to the end of that command. What precedes it cannot reach over the beginning
# of another command, or a long script would be read anew from each of its lines.
_CALL = re.compile(
    r"(?:^|[;&|(\n])[^\S\n]*(?:\w+=[^\s;&|(]+\s+)*"
    r"bd\s+(?:-\S+\s+)*(?P<verb>claim|update)\s+(?P<rest>[^;&|)\n]*)"
)
_CLAIMS = re.compile(r"\s(?:--claim|(?:--status|-s)[= ]in_progress)(?!\S)")
# A flag with its value, which is no id, although a name such as my-agent looks like one.
_VALUE = re.compile(r"(?<!\S)-(?!-claim|-json|-quiet|q\b)[\w-]+(?:=\S*|\s+(?:\"[^\"]*\"|'[^']*'|\S+))")


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Tell when a shell command tried to claim a bead that another session holds."""
    return Observation(drafts=tuple(_list_collisions(event, ctx)))


def list_claims(ctx: AdapterContext, folder: Path) -> Iterator[Draft]:
    """Claims and releases since the last look, by what became of the markers in ``folder``."""
    before: dict[str, list[str]] = recall(ctx, "claims")
    changed = ctx.changed(MARKERS, root=folder, settle=0.0)
    now = {_session(path): read_marker(path) for path in folder.glob(MARKERS)}
    for session in map(_session, changed):
        for bead in now.get(session, ()):
            if bead not in before.get(session, ()):
                yield _compose(CoordinationAction.CLAIM, bead, holder=session)
    for session in sorted(before.keys() - now.keys()):
        for bead in before[session]:
            if not _is_held(ctx, bead, session):
                yield _compose(CoordinationAction.RELEASE, bead, requester=session)
    keep(ctx, "claims", now)


def find_claimed(command: str) -> list[str]:
    """The beads that a shell command claims: every ``bd claim ID`` and ``bd update ID --claim`` in it.

    interphase's own pattern takes a flag for an id, and two ids for one.
    """
    calls = [found["rest"] for found in _CALL.finditer(command) if found["verb"] == "claim" or _CLAIMS.search(found[0])]
    return list(dict.fromkeys(word for rest in calls for word in _VALUE.sub("", rest).split() if is_bead(word)))


def read_marker(path: Path) -> list[str]:
    """The beads a marker names; it may hold several lines, and words that are none."""
    return [word for word in read_text(path).split() if is_bead(word)] if is_own(path) else []


def _list_collisions(event: HookEvent, ctx: AdapterContext) -> Iterator[Draft]:
    for bead in find_claimed(event.command):
        try:
            holder = ctx.beads.read_state(bead, "claimed_by", event.cwd)
            if holder in (*_NOBODY, event.session_id):
                continue
            since = ctx.beads.read_state(bead, "claimed_at", event.cwd) or ""
        except BdError:
            continue
        if since.isdecimal() and ctx.now().timestamp() - int(since) < _FRESH_SECONDS:
            yield _compose(CoordinationAction.CONFLICT, bead, holder=holder, requester=event.session_id)


def _session(path: Path) -> str:
    return path.name.removeprefix(MARKERS[:-1])


def _is_held(ctx: AdapterContext, bead: str, session: str) -> bool:
    """Whether ``bd`` still has the claim although its marker is gone; where nobody can say, it is over."""
    found = ctx.beads.find(bead)
    labels = found[1].get("labels") if found else None
    return isinstance(labels, list) and f"claimed_by:{session}" in labels


def _compose(
    action: CoordinationAction, bead: str, *, holder: str | None = None, requester: str | None = None
) -> Draft:
    """One fact about one bead: who has it now, and who wanted it or gave it back."""
    is_conflict = action is CoordinationAction.CONFLICT
    return Draft(
        payload=Coordination(
            resource=Resource.BEAD,
            resource_id=bead,
            action=action,
            holder=Holder(session_id=holder) if holder else None,
            requester=Holder(session_id=requester) if requester else None,
        ),
        context_id=bead,
        severity=Severity.WARN if is_conflict else Severity.INFO,
        session_id=requester or holder,
        source_hook="PostToolUse:Bash" if is_conflict else "file:interphase-bead",
    )
