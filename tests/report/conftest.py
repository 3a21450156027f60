"""A bus with a clock of its own, and the facts of a sprint."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.log import Lease, Subscription
from interhost.bus.store import Attempt
from interhost.report.open_points import OpenPoint, list_open_points
from interhost.report.story import Story, tell_story

WIDGETS = Path("/widgets")


class Sprint:
    """A bus, and the time on it: nine o'clock, until a fact is told."""

    def __init__(self, root: Path) -> None:
        self.now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
        self.bus = Bus(root, clock=lambda: self.now.timestamp())

    def tell(
        self,
        intent: str,
        payload: Mapping[str, object],
        *,
        context: str = "iv-abc1",
        minutes: float = 1,
        producer: str = "cli",
        artifact: str | None = None,
        severity: str = "info",
        project: Path = WIDGETS,
        caused_by: str | None = None,
    ) -> str:
        """Publish a fact some minutes after the one before; its id."""
        self.now += timedelta(minutes=minutes)
        envelope = compose(
            intent=intent,
            payload=json.dumps(payload),
            context_id=context,
            producer=producer,
            door="cli",
            artifact_path=artifact,
            severity=severity,
            project_dir=project,
            occurred_at=self.now,
            extensions={"caused_by": caused_by} if caused_by else None,
            allow_unknown=True,
        )
        return self.bus.publish(envelope).event_id

    def move(self, phase: str, *, minutes: float = 1, producer: str = "cli", model: str = "interphase-8") -> str:
        """Tell that the context moved."""
        return self.tell("phase_transition", {"to": phase, "phase_model": model}, minutes=minutes, producer=producer)

    def subscribe(self, consumer: str, *intents: str) -> None:
        """Add a consumer that is there from now on."""
        self.bus.log.subscribe(Subscription(consumer, intents), start=None)

    def take(self, consumer: str) -> Lease:
        """Begin the next delivery."""
        (lease,) = self.bus.log.fetch(consumer, 1)
        return lease

    def end(self, lease: Lease, outcome: str, reason: str) -> None:
        """End a delivery with a final outcome."""
        at = int(self.now.timestamp() * 1e6)
        self.bus.store.record_attempt(lease.stored.seq, Attempt(lease.consumer, lease.attempt, at, at, outcome, reason))
        self.bus.log.ack(lease)

    def story(self, context: str = "iv-abc1") -> Story:
        """What is known of a context now."""
        return tell_story(self.bus, context, self.now)

    def open(self, context: str = "iv-abc1") -> list[OpenPoint]:
        """What is open in it."""
        return list_open_points(self.story(context), self.bus)


@pytest.fixture
def sprint(tmp_path: Path) -> Iterator[Sprint]:
    """A new bus whose clock only ``tell`` moves."""
    sprint = Sprint(tmp_path / "state")
    with sprint.bus:
        yield sprint
