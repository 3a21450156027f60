"""The event log's contract: append, fetch, ack, read.

SQLite is the engine; another one joins by passing ``tests/bus/test_log_contract.py``. Positions are sequence numbers:
strictly increasing in commit order, never reused. Times are microseconds since the epoch.

Source: design section 8; reference/event-log.md section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from interhost.bus.envelope import Envelope

MAX_ATTEMPTS = 5
LEASE_SECONDS = 30.0
BACKOFF_SECONDS = (1.0, 5.0, 30.0, 120.0)
"""Wait before attempts 2, 3, 4 and 5."""


class Appended(NamedTuple):
    """Where an envelope stands in the log, and whether it stood there before."""

    seq: int
    duplicate: bool


class Stored(NamedTuple):
    """An envelope in the log.

    Attributes:
        seq: Its position.
        ts: When it was stored, in microseconds since the epoch; never decreasing in ``seq``.
        envelope: The record itself.
    """

    seq: int
    ts: int
    envelope: Envelope


class Header(NamedTuple):
    """As much of a stored envelope as says who wants it; far cheaper to read than all of it."""

    seq: int
    intent: str
    producer: str
    consumers: tuple[str, ...]
    context_id: str


class Subscription(NamedTuple):
    """What one consumer wants.

    Attributes:
        consumer: Its name; never receives what it produced.
        intents: ``name@major`` each, or ``*`` for everything.
    """

    consumer: str
    intents: tuple[str, ...]

    def wants(self, one: Header | Envelope) -> bool:
        """Whether this consumer is to receive an envelope."""
        if not self.concerns(one):
            return False
        return "*" in self.intents or one.intent.rpartition(".")[0] in self.intents

    def concerns(self, one: Header | Envelope) -> bool:
        """Whether an envelope is addressed to this consumer at all, whatever its intent."""
        return one.producer != self.consumer and (not one.consumers or self.consumer in one.consumers)


class Lease(NamedTuple):
    """One envelope handed to one consumer for a limited time.

    Attributes:
        consumer: Who has it.
        stored: The envelope and its place.
        attempt: 1 for the first.
        token: Proof of the lease; an ack with an older token changes nothing.
        lost: The attempt before this one ended without a word: its worker died or was too slow.
    """

    consumer: str
    stored: Stored
    attempt: int
    token: int
    lost: bool


class DeadLetter(NamedTuple):
    """A delivery that was given up, with its body, so that pruning the log cannot take it."""

    consumer: str
    seq: int
    event_id: str
    attempts: int
    reason: str
    ts: int
    body: str


class Position(NamedTuple):
    """How far a consumer is.

    Attributes:
        subscription: What it wants.
        since: First sequence number it was there for is the one after this.
        head: Everything up to here was offered to it.
        seen: When it was last there, in microseconds since the epoch.
    """

    subscription: Subscription
    since: int
    head: int
    seen: int


class Query(NamedTuple):
    """Which envelopes to read; every condition must hold, ``None`` is no condition.

    Attributes:
        after: Only sequence numbers above this.
        intents: Names, alone or with major or version, or globs such as ``review_*``.
        context_id: Exactly this context.
        producer: Exactly this producer.
        since: Stored at or after this time, in microseconds.
        until: Stored before this time.
        last: Only the newest so many, still in log order; takes the place of a page's limit.
    """

    after: int = 0
    intents: tuple[str, ...] = ()
    context_id: str | None = None
    producer: str | None = None
    since: int | None = None
    until: int | None = None
    last: int | None = None


class Capabilities(NamedTuple):
    """Where engines may differ; everything else is the same for all of them.

    Attributes:
        dedup: How long an id is known: as long as its event is kept, or for the engine's window only.
        fenced_ack: An ack with an older token changes nothing.
        ack_durable: Seconds until an ack survives the death of whoever made it.
        keeps_newest: Pruning never takes the newest event, so that no sequence number is used twice.
    """

    dedup: Literal["retention", "window"]
    fenced_ack: bool
    ack_durable: float
    keeps_newest: bool


class EventLog(Protocol):
    """A durable, append-only log with one position per consumer."""

    @property
    def capabilities(self) -> Capabilities:
        """What this engine promises where engines differ."""

    def append(self, envelope: Envelope) -> Appended:
        """Store an envelope; when this returns, it survives the death of the process.

        The same id with the same content is a duplicate and changes nothing.

        Raises:
            InputError: The id is taken by another content.
        """

    def read(self, query: Query, limit: int = 500) -> list[Stored]:
        """At most ``limit`` envelopes in log order; page on with ``query.after``."""

    def headers(self, after: int, limit: int) -> list[Header]:
        """What stands after a position, in brief and in log order."""

    def get(self, event_id: str) -> Stored | None:
        """One envelope by its id."""

    def end(self) -> int:
        """The last sequence number, 0 when empty."""

    def subscribe(self, subscription: Subscription, *, start: int | None = None) -> None:
        """Make a consumer known, or change what it wants.

        Args:
            subscription: Who wants what.
            start: Position a new consumer begins after; ``None`` is the log's end, so that installing an adapter
                never replays a month of history.
        """

    def positions(self) -> list[Position]:
        """Every known consumer, by name."""

    def fetch(
        self, consumer: str, limit: int = 1, seconds: float = LEASE_SECONDS, *, expected: bool = False
    ) -> list[Lease]:
        """Lease what is due: first attempts in log order per context, and retries whose time has come.

        A delivery whose worker vanished on its last attempt becomes a dead letter here.

        Args:
            consumer: Who asks.
            limit: At most so many.
            seconds: How long a lease lasts.
            expected: The caller knows that there is something, so that looking first would be a waste.
        """

    def has_work(self, consumer: str) -> bool:
        """Whether :meth:`fetch` could find anything."""

    def extend(self, lease: Lease, seconds: float = LEASE_SECONDS) -> bool:
        """Keep a lease for so long from now, never for shorter than it is; False when it is lost."""

    def ack(self, lease: Lease) -> bool:
        """The delivery is over; False when the lease is lost, which changes nothing."""

    def nack(self, lease: Lease, reason: str) -> bool:
        """The attempt failed: again after the backoff, or a dead letter after the last; False when lost."""

    def release(self, lease: Lease, until: int | None = None) -> bool:
        """Give it back without counting the attempt, due now or at ``until`` (microseconds); False when lost."""

    def next_due(self, consumers: Sequence[str]) -> int | None:
        """When the next waiting delivery of these consumers is due, or ``None``."""

    def dead_letters(self) -> list[DeadLetter]:
        """Everything that was given up, oldest first."""

    def redrive(self, consumer: str, seq: int) -> bool:
        """Deliver a dead letter again, with all its attempts; False when there is none, or no such consumer."""

    def reactions(self, event_id: str) -> list[Stored]:
        """Everything that was published as a reaction to an event."""

    def waiting(self, seq: int) -> list[tuple[str, int, int, bool]]:
        """Unfinished deliveries of one event, as (consumer, attempts so far, due, leased)."""

    def leased(self) -> list[tuple[str, int, int]]:
        """Every lease that is out, as (consumer, seq, expiry in microseconds)."""

    def release_consumers(self, unseen: int) -> tuple[str, ...]:
        """Let go of consumers that were not seen since a time, and of what waits for nobody; their names."""

    def prune(self, before: int, keep: int, dead_before: int) -> int:
        """Delete events by age and count, but none that a consumer still needs; how many went.

        Args:
            before: Events stored before this time, in microseconds, may go.
            keep: So many stay; more may go whatever their age.
            dead_before: Dead letters given up before this time go.
        """
