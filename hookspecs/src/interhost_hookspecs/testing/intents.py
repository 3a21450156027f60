"""Intents and requests as the host would hand them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from interhost_hookspecs.catalogue import Payload
from interhost_hookspecs.context import Request
from interhost_hookspecs.intent import Draft, Intent, Severity

P = TypeVar("P")

EPOCH = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""The time at which a fake context's clock starts."""


def make_intent(
    payload: P,
    *,
    context_id: str = "iv-abc1",
    artifact_path: Path | None = None,
    producer: str = "cli",
    severity: Severity = Severity.INFO,
    event_id: str = "01K9ZZZZZZ0000000000000000",
    project_dir: Path | None = None,
    extensions: Mapping[str, object] | None = None,
) -> Intent[P]:
    """An intent as the host would deliver it."""
    name, _, version = getattr(type(payload), "INTENT", "test.intent@1.0").partition("@")
    return Intent(
        event_id=event_id,
        name=name,
        version=version,
        context_id=context_id,
        payload=payload,
        payload_text="{}",
        severity=severity,
        producer=producer,
        artifact_path=artifact_path,
        consumers=(),
        source_hook=None,
        occurred_at=EPOCH,
        project_dir=project_dir,
        extensions=extensions or {},
    )


def make_request(
    document: Path,
    project: Path,
    *,
    kind: str = "review",
    context_id: str = "iv-abc1",
    event_id: str = "01K9ZZZZZZ0000000000000001",
    age: timedelta = timedelta(hours=1),
) -> Request:
    """An open request for something to be done with a document, as the host would find it."""
    return Request(
        path=project / "requests" / f"{event_id}-{kind}.md",
        kind=kind,
        context_id=context_id,
        artifact_path=document,
        project_dir=project,
        asked_at=EPOCH - age,
        expires=EPOCH - age + timedelta(days=1),
        details={"path": str(document), "event_id": event_id},
    )


def payloads(drafts: Sequence[Draft]) -> list[Payload | Mapping[str, object]]:
    """The payloads of some drafts, for comparing in one line."""
    return [draft.payload for draft in drafts]
