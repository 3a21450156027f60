"""One file of the spool: from what a shell wrote to an envelope, or why it can never become one.

Source: design section 8; reference/event-log.md section 6.4.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope, one_line
from interhost.bus.ids import id_time, is_id
from interhost.bus.resolve import resolve_context
from interhost.errors import InputError

UNFINISHED_SECONDS = 60.0
_HEAD_BYTES = 64 * 1024


Contexts = dict[tuple[str | None, str | None, str | None], str]
"""What was found out about drafts that do not name their context, by artifact, project and session."""


def read_spooled(path: Path, bus: Bus, adapters: set[str], limit: int, contexts: Contexts) -> Envelope | None:
    """The envelope in a file; ``None`` while it is being written.

    Args:
        path: The file.
        bus: The bus.
        adapters: Names of the installed adapters.
        limit: Most bytes of the payload's text.
        contexts: What other files of the same batch have found out; grows.

    Raises:
        InputError: It can never become one; says why.
    """
    lines = _lines(path, limit)
    if lines is None:
        return None
    if not is_id(path.name):
        raise InputError("the file's name is not an event id")
    head, payload = lines
    draft = _draft(head, path.name)
    if (stored := bus.log.get(path.name)) is not None:
        return _known(stored.envelope, draft, payload)
    extensions = dict(draft.get("extensions") or {})
    project = _optional(extensions.pop("project_dir", None))
    session = _optional(extensions.pop("session_id", None))
    key = _optional(extensions.pop("dedupe_key", None))
    occurred = extensions.pop("occurred_at", None)
    artifact = _optional(draft.get("artifact_path"))
    if project and not os.path.isabs(project):
        raise InputError(f"project_dir {project!r}: expected an absolute path")
    if artifact and not project and not os.path.isabs(artifact):
        raise InputError(f"artifact_path {artifact!r} is relative, and no project_dir says from where")
    return compose(
        event_id=path.name,
        intent=str(draft.get("intent")),
        payload=payload,
        context_id=_optional(draft.get("context_id")) or _context(artifact, project, session, contexts),
        producer=_producer(draft.get("producer"), adapters),
        door="spool",
        artifact_path=artifact,
        severity=str(draft.get("severity") or "info"),
        consumers=[str(one) for one in draft.get("consumers") or ()],
        source_hook=_optional(draft.get("source_hook")),
        occurred_at=_time(occurred, path.name),
        project_dir=Path(project) if project else None,
        session_id=session,
        dedupe_key=key,
        extensions=extensions,
        allow_unknown=True,
        limit=limit,
    )


def _context(artifact: str | None, project: str | None, session: str | None, contexts: Contexts) -> str:
    """What a draft is about that does not say so; the hooks of one session mostly say the same."""
    key = (artifact, project, session)
    if key not in contexts:
        folder = Path(project) if project else Path.home()
        contexts[key] = resolve_context(
            artifact=folder / artifact if artifact else None,
            project=folder,
            session_id=session,
            environ={"PATH": os.environ.get("PATH", os.defpath)},
            home=Path.home(),
        )
    return contexts[key]


def _lines(path: Path, limit: int) -> tuple[str, str] | None:
    """The two lines of a complete file; ``None`` for a young one that is not complete.

    The payload must stand on one line: of a payload on several, nobody could tell the end from the middle.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from None
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        os.close(fd)
        raise InputError("is not a regular file")
    with open(fd, "rb") as file:
        if info.st_size > limit + _HEAD_BYTES:
            raise InputError(f"{info.st_size:,} bytes, the limit of a payload is {limit:,}")
        data = file.read()
    if data.count(b"\n") < 2 or not data.endswith(b"\n"):
        if time.time() - info.st_mtime < UNFINISHED_SECONDS:
            return None
        raise InputError(f"unfinished for more than {UNFINISHED_SECONDS:g} s: its writer went away")
    if data.count(b"\n") > 2:
        raise InputError("has more than two lines; the payload must stand on one")
    try:
        head, _, payload = data.decode("utf-8")[:-1].partition("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"not valid UTF-8 at byte {error.start}") from None
    return head, payload


def _known(stored: Envelope, draft: Mapping[str, Any], payload: str) -> Envelope:
    """What was drained before; whatever would be resolved differently now, it is the same event."""
    if (stored.name, one_line(stored.payload)) != (str(draft.get("intent")).partition("@")[0], one_line(payload)):
        raise InputError("the log has another content under this id")
    return stored


def _draft(head: str, event_id: str) -> Mapping[str, Any]:
    try:
        draft = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise InputError(f"first line: not JSON: {error}") from None
    if not isinstance(draft, dict) or not isinstance(draft.get("extensions", {}), dict | None):
        raise InputError("first line: expected a JSON object")
    if draft.get("event_id", event_id) != event_id:
        raise InputError(f"its event_id {draft['event_id']!r} is not its name")
    if not isinstance(draft.get("consumers") or [], list):
        raise InputError("first line: key 'consumers': expected a list")
    return draft


def _producer(claim: object, adapters: set[str]) -> str:
    """A shell may say who it is; it is believed when that is an installed adapter, or the command line's own name."""
    return claim if isinstance(claim, str) and (claim in adapters or claim == "cli") else "shell"


def _time(occurred: object, event_id: str) -> datetime:
    """When it happened: as the draft says, else when its id was made."""
    if isinstance(occurred, str):
        with contextlib.suppress(ValueError):
            when = datetime.fromisoformat(occurred)
            if when.tzinfo is not None:
                return when
    try:
        return id_time(event_id)
    except ValueError:
        raise InputError("the file's name is an id of a time that no calendar has") from None


def _optional(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
