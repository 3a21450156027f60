"""The bead and phase of a session, in a file that others own.

Clavain's command is its author, and interphase writes it, too. So it is written only where there is none, or where it
names the same bead and is older; and with a reason by which interphase's adapter knows that it is no new move.

Source: ``reference/modules/interline.md`` sections 3.3 and 3.5.
"""

from __future__ import annotations

import os.path

from interhost_hookspecs import AdapterContext, Intent, Outcome, PhaseTransition, SidebandError, hookimpl
from interhost_hookspecs.files import is_plain_name, list_by_age
from interhost_hookspecs.phases import canonical_phase
from interhost_hookspecs.reading import first_number

from interhost_interline.display import is_layer_off, session_of, written

CHANNEL = ("interphase", "bead")
"""Namespace and channel of the file."""

OWN_REASON = "interbus:"
"""Begins the reason of what is written in reaction to a fact."""

_MOST = 64


@hookimpl
def on_phase_transition(intent: Intent[PhaseTransition], ctx: AdapterContext) -> Outcome:
    """Show the phase of the session's bead, where that file is not somebody else's to write."""
    named, phase = session_of(intent), canonical_phase(intent.payload.to)
    sessions = [named] if named else _list_sessions(intent.bead, ctx)
    if intent.bead is None or not sessions:
        return Outcome.skipped("no bead of a session")
    if phase is None:
        return Outcome.skipped(f"no reader of the file knows the phase {intent.payload.to or '(empty)'}")
    if is_layer_off("bead", ctx):
        return Outcome.skipped("the layer bead is off in ~/.claude/interline.json")
    at = int(intent.occurred_at.timestamp())
    owners = {session: _find_owner(session, intent.bead, at, ctx) for session in sessions}
    if all(owners.values()):
        return Outcome.skipped(owners[sessions[0]])
    payload = {"id": intent.bead, "phase": phase, "reason": f"{OWN_REASON}{intent.event_id}", "ts": at}
    try:
        for session in (session for session, owner in owners.items() if not owner):
            ctx.sideband.write(*CHANNEL, session, payload)
    except SidebandError as error:
        return Outcome.failed(str(error))
    return written(f"{intent.bead} ({phase})", ctx)


def _list_sessions(bead: str | None, ctx: AdapterContext) -> list[str]:
    """The sessions whose file names a bead: a move that was made for it outside any session is theirs to show."""
    root = ctx.sideband.root
    files = list_by_age(root.joinpath(*CHANNEL).glob("*.json")) if root and bead else []
    names = [path.stem for _, path in files[-_MOST:] if is_plain_name(path.stem)]
    return [name for name in names if (ctx.sideband.read(*CHANNEL, name, fresh=True) or {}).get("id") == bead]


def _find_owner(session: str, bead: str, at: int, ctx: AdapterContext) -> str:
    """Why the file is not ours to write; empty when it is."""
    current = ctx.sideband.read(*CHANNEL, session)
    if current is None:
        root = ctx.sideband.root
        is_there = root is not None and os.path.lexists(root.joinpath(*CHANNEL, f"{session}.json"))
        return "the file is there and cannot be read: left to its author" if is_there else ""
    if current.get("id") != bead:
        return "the file names another bead: left to its author"
    since, is_ours = first_number(current, "ts"), str(current.get("reason")).startswith(OWN_REASON)
    # Of two moves within a second, which is what the file counts in, the second is told second.
    is_older = since is not None and (since < at or (is_ours and since == at))
    return "" if is_older else "the file is as new: left to its author"
