"""Where to continue: the phase, the last artifact, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from interhost.report.open_points import OpenPoint
from interhost.report.story import Moment, Story


class Continuation(NamedTuple):
    """The point at which an interrupted sprint goes on.

    Attributes:
        phase: The phase the context is in; ``None`` when nobody told one.
        following: The phase after it; ``None`` at the end, and in a vocabulary that is not known.
        checkpoint: The newest artifact, or ``None``.
        first: What is open and should be looked at first, or ``None``; what only waits for a host is not.
    """

    phase: str | None
    following: str | None
    checkpoint: Moment | None
    first: OpenPoint | None

    @property
    def text(self) -> str:
        """In one line: what to do next."""
        if self.first:
            return f"{self.first.state}: {self.first.text}"
        if self.following:
            return f"go on from {self.phase} to {self.following}"
        if self.phase == "done":
            return "nothing: it is done"
        return "nothing is known to be open"


def find_continuation(story: Story, points: Sequence[OpenPoint]) -> Continuation:
    """Where to go on with a context.

    Args:
        story: What is known of it.
        points: What is open in it, the first one first.
    """
    last = story.spans[-1] if story.spans else None
    artifacts = [one for one in story.moments if one.name == "artifact_ready" and one.stored.envelope.artifact_path]
    return Continuation(
        phase=last.phase if last else None,
        following=last.following if last else None,
        checkpoint=artifacts[-1] if artifacts else None,
        first=next((one for one in points if one.state != "waiting"), None),
    )
