"""Suggest a companion when an adapter has just done something for the first time in a session.

The tips are those of interbase, with its limits and its memory. They go to standard error, and only where somebody
reads it: what a worker without a terminal suggests would count as ignored. Source: PRD feature F3; design section 10,
decisions 6, 9 and 10.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from interhost_hookspecs import OutcomeKind

from interhost.host.delivery import Delivered
from interhost.interbase.nudge_text import as_part
from interhost.interbase.nudges import are_on, settle, suggest
from interhost.manifests.companions import DEFAULT_BENEFIT, TOOLS, read_companions


class Nudging:
    """What one host, or one lane of it, has suggested."""

    def __init__(self) -> None:
        """Nothing so far."""
        self._looked: set[tuple[str, str]] = set()

    def after(self, one: Delivered) -> None:
        """Suggest the first recommended companion that is missing and that there may be a tip about; one at most.

        Called after every delivery; only the first ``done`` of an adapter in a session makes it look. Never raises.
        """
        session = _session(one)
        key = (one.lease.consumer, session)
        if one.outcome != OutcomeKind.DONE or key in self._looked or not are_on() or not _is_read():
            return
        self._looked.add(key)
        try:
            _suggest_one(one.lease.consumer, session, one.lease.stored.envelope.extensions.get("project_dir"))
        except Exception:  # manifests and state are other people's files; no tip is worth a delivery
            return


def _suggest_one(module: str, session: str, project: object) -> None:
    found = read_companions(os.environ, Path.home(), Path(project) if isinstance(project, str) else Path.home())
    for gain in found.modules[module].gains if module in found.modules else ():
        state = found.modules[gain.companion].state
        if gain.kind != "recommended" or gain.companion in TOOLS:
            continue
        if state == "installed":
            settle(gain.companion, module)
        elif state == "missing":
            benefit = "" if gain.benefit == DEFAULT_BENEFIT else as_part(gain.benefit)
            if suggest(gain.companion, benefit, module, session=session):
                return


def _session(one: Delivered) -> str:
    """The session that the fact is of; empty when it does not say."""
    session = one.lease.stored.envelope.extensions.get("session_id")
    return session if isinstance(session, str) else ""


def _is_read() -> bool:
    """Whether standard error is a terminal or goes to another program, rather than into a file or nowhere."""
    try:
        mode = os.fstat(sys.stderr.fileno()).st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stderr.isatty()
    except (OSError, ValueError, AttributeError):
        return False
