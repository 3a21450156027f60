"""From the parts of a fact to an envelope: checked, completed, ready to be stored.

One way in for every door. Source: design sections 4 and 7, step 3.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from interhost.bus.catalogue import resolve_intent
from interhost.bus.envelope import CONTROL, SEVERITIES, Envelope
from interhost.bus.ids import new_id
from interhost.bus.names import ADAPTER_NAME
from interhost.bus.payload import MAX_BYTES, check_payload, parse_payload
from interhost.errors import InputError

DOORS = ("adapter", "hook", "cli", "spool")
_CONTEXT_LENGTH = 256


def compose(
    *,
    intent: str,
    payload: str,
    context_id: str,
    producer: str,
    door: str,
    artifact_path: str | None = None,
    severity: str = "info",
    consumers: Sequence[str] = (),
    source_hook: str | None = None,
    occurred_at: datetime | None = None,
    project_dir: Path | None = None,
    session_id: str | None = None,
    dedupe_key: str | None = None,
    extensions: Mapping[str, object] | None = None,
    event_id: str | None = None,
    allow_unknown: bool = False,
    limit: int = MAX_BYTES,
) -> Envelope:
    """Check the parts of a fact and make them an envelope with an id.

    Args:
        intent: Name, with or without version.
        payload: Text of a JSON object; stored as it is.
        context_id: What the fact is about.
        producer: Who says so.
        door: How it came in.
        artifact_path: The file it is about; relative paths are taken from ``project_dir``.
        severity: ``info``, ``warn`` or ``error``.
        consumers: Adapters it is addressed to.
        source_hook: What the producer saw.
        occurred_at: When it happened; now when left out.
        project_dir: Root of its project.
        session_id: Session it happened in.
        dedupe_key: Natural key of the fact.
        extensions: Further keys for the open map.
        event_id: Id that the producer has given it already.
        allow_unknown: Accept intents that the catalogue does not have.
        limit: Most bytes of the payload's text.

    Raises:
        InputError: Any part is not valid; the message names it.
    """
    name = resolve_intent(intent, allow_unknown=allow_unknown)
    check_payload(name, parse_payload(payload, limit=limit))
    if severity not in SEVERITIES:
        raise InputError(f"severity {severity!r}: expected one of {', '.join(SEVERITIES)}")
    for adapter in (producer, *consumers):
        if not ADAPTER_NAME.fullmatch(adapter):
            raise InputError(f"adapter name {adapter!r}: expected lower-case letters, digits and '-'")
    open_map = {
        **_json(extensions or {}),
        "occurred_at": _timestamp(occurred_at),
        "project_dir": str(project_dir) if project_dir else None,
        "door": door,
    }
    if session_id:
        open_map["session_id"] = _plain("session id", session_id)
    if dedupe_key:
        open_map["dedupe_key"] = _plain("dedupe key", dedupe_key)
    return Envelope(
        event_id=event_id or new_id(),
        intent=name,
        context_id=_plain("context", context_id, _CONTEXT_LENGTH),
        artifact_path=_absolute(artifact_path, project_dir),
        severity=severity,
        producer=producer,
        consumers=tuple(dict.fromkeys(consumers)),
        source_hook=_plain("source hook", source_hook) if source_hook else None,
        payload=payload,
        extensions=open_map,
    )


def _plain(what: str, text: str, length: int = 1024) -> str:
    """Text for one line of a terminal: not empty, no control characters, encodable."""
    if not text.strip():
        raise InputError(f"{what}: expected text, got {text!r}")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InputError(f"{what} {text[:80]!r}: not valid UTF-8 at character {error.start}") from None
    if found := CONTROL.search(text):
        raise InputError(f"{what} {text[:80]!r}: control character {found.group()!r} at {found.start()}")
    if size > length:
        raise InputError(f"{what} {text[:40]!r}...: {size} bytes, the limit is {length}")
    return text


def _json(extensions: Mapping[str, object]) -> Mapping[str, object]:
    """Extensions that can be stored as JSON, and be read again by anyone."""
    if extensions:
        try:
            json.dumps(extensions, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"extensions: not JSON: {error}") from None
    return extensions


def _absolute(path: str | None, project: Path | None) -> str | None:
    if path is None:
        return None
    return os.path.abspath(os.path.join(project or "", _plain("artifact path", path, 4096)))


def _timestamp(when: datetime | None) -> str:
    """RFC 3339 in UTC with milliseconds."""
    if when is not None and when.tzinfo is None:
        raise InputError(f"occurred_at {when.isoformat()}: expected a time zone")
    try:
        when = (when or datetime.now(UTC)).astimezone(UTC)
    except OverflowError:
        raise InputError(f"occurred_at {when}: before or after all years that UTC can name") from None
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
