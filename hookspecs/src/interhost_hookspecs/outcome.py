"""How a delivery ends.

Source: design sections 2 and 7.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from interhost_hookspecs.plain import plain_reason


class OutcomeKind(StrEnum):
    """The five ways a hook can answer. All but ``deferred`` are final."""

    DONE = "done"
    SKIPPED = "skipped"
    DEGRADED = "degraded"
    FAILED = "failed"
    DEFERRED = "deferred"


@frozen
class Outcome:
    """What came of one delivery.

    A returned outcome is never retried; only an exception is. ``deferred`` asks for the same intent again at
    ``until`` and costs no attempt.

    Attributes:
        kind: How it ended.
        reason: One line for people: what was done, or why not. Control characters in it become blanks.
        until: For ``deferred`` only: when to deliver again, with time zone.
    """

    kind: OutcomeKind
    reason: str = field(converter=plain_reason)
    until: datetime | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse a reason that is no text, a deferral without a usable time, and a time without a deferral."""
        if not isinstance(self.reason, str):
            raise TypeError(f"outcome {self.kind}: 'reason' is one line of text, not {self.reason!r}")
        if (self.kind is OutcomeKind.DEFERRED) != (self.until is not None):
            raise ValueError(f"outcome {self.kind}: 'until' is given exactly when the outcome is deferred")
        if self.until is not None and self.until.tzinfo is None:
            raise ValueError("outcome deferred: 'until' needs a time zone, such as datetime.now(UTC)")

    @classmethod
    def done(cls, reason: str) -> Outcome:
        """It acted, and there is evidence."""
        return cls(OutcomeKind.DONE, reason)

    @classmethod
    def skipped(cls, reason: str) -> Outcome:
        """It did not act, rightly: the module is missing, or policy or circumstances say no."""
        return cls(OutcomeKind.SKIPPED, reason)

    @classmethod
    def degraded(cls, reason: str) -> Outcome:
        """It acted by a lesser means, such as a request file instead of a review."""
        return cls(OutcomeKind.DEGRADED, reason)

    @classmethod
    def failed(cls, reason: str) -> Outcome:
        """It tried and did not succeed, and trying again would not help."""
        return cls(OutcomeKind.FAILED, reason)

    @classmethod
    def deferred(cls, until: datetime, reason: str) -> Outcome:
        """Not now: deliver again at ``until``."""
        return cls(OutcomeKind.DEFERRED, reason, until)
