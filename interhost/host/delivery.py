"""Deliver one envelope to one adapter, and record how it ended.

Source: design section 7, steps 4 to 6.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from interhost_hookspecs import InDoubtError, Outcome, OutcomeKind

from interhost.bus.bus import Bus
from interhost.bus.envelope import MAX_DEPTH
from interhost.bus.log import LEASE_SECONDS, Lease
from interhost.bus.store import Attempt
from interhost.host.codec import view
from interhost.host.config import Config
from interhost.host.context import HostContext
from interhost.host.loading import LoadedAdapter, describe, hook_of, is_strict
from interhost.host.providers import Providers

STALE_SECONDS = 24 * 3600
_REASON_LENGTH = 1000
_DEFER_SECONDS = 1.0
"""Shortest deferral: an adapter that always answers "now" must not keep the host from everything else."""


class Delivered(NamedTuple):
    """How one attempt ended; ``outcome`` is an outcome's kind, or ``error`` for an exception."""

    lease: Lease
    outcome: str
    reason: str


def deliver_next(
    bus: Bus,
    adapter: LoadedAdapter,
    config: Config,
    providers: Providers,
    *,
    expected: bool = False,
    on_lease: Callable[[Lease], None] = lambda lease: None,
) -> Delivered | None:
    """Make one attempt for one adapter, or answer ``None`` when nothing is due for it.

    Args:
        bus: The bus.
        adapter: Who is to be asked.
        config: The user's configuration.
        providers: Who answers guards and submissions.
        expected: The caller knows that something is due.
        on_lease: Told what is in hand, for whoever keeps the lease of a slow adapter from running out.
    """
    leases = bus.log.fetch(adapter.name, expected=expected)
    if leases:
        on_lease(leases[0])
    return _deliver(bus, leases[0], adapter, config, providers) if leases else None


def _deliver(bus: Bus, lease: Lease, adapter: LoadedAdapter, config: Config, providers: Providers) -> Delivered:
    started = _now()
    if lease.lost:
        bus.store.record_lost(lease, started)
    context: HostContext | None = None
    try:
        if (outcome := _without_asking(bus, lease)) is None:
            context = _context(bus, lease, adapter, config, providers)
            outcome = _ask(context, lease, adapter)
    except KeyboardInterrupt:
        bus.log.release(lease)  # we are told to stop: the attempt does not count
        raise
    except BaseException as error:  # an adapter that exits, or is cancelled, must not end the others
        if is_strict():
            bus.log.release(lease)
            raise
        return _failed(bus, lease, started, describe(error))
    try:
        return _finish(bus, lease, started, outcome, context)
    except Exception as error:  # what it wanted to store does not fit
        if is_strict():
            raise
        return _failed(bus, lease, started, describe(error))


def _without_asking(bus: Bus, lease: Lease) -> Outcome | None:
    """Outcomes that need no adapter."""
    if lease.stored.envelope.depth > MAX_DEPTH:
        return Outcome.skipped(f"chain of reactions deeper than {MAX_DEPTH}")
    is_old = time.time() - lease.stored.ts / 1e6 > STALE_SECONDS
    if is_old and lease.attempt == 1 and not _was_tried(bus, lease):
        return Outcome.skipped("stale: older than 24 h")
    return None


def _was_tried(bus: Bus, lease: Lease) -> bool:
    """Whether it was offered in time: what was deferred or redriven since is wanted, however old it is by now."""
    return any(attempt.consumer == lease.consumer for attempt in bus.store.attempts(lease.stored.seq))


def _context(bus: Bus, lease: Lease, adapter: LoadedAdapter, config: Config, providers: Providers) -> HostContext:
    envelope = lease.stored.envelope

    def keep_lease(seconds: float) -> None:
        # A command may take longer than a lease lasts; nobody else is to begin meanwhile.
        bus.log.extend(lease, seconds + LEASE_SECONDS)

    return HostContext(
        adapter.name,
        bus,
        config,
        providers,
        settings=adapter.settings,
        cause=envelope,
        intent=view(envelope),
        keep_lease=keep_lease,
    )


def _ask(context: HostContext, lease: Lease, adapter: LoadedAdapter) -> Outcome:
    call = getattr(adapter.hook, hook_of(lease.stored.envelope.intent))
    try:
        answers = call(intent=context.intent, ctx=context)
    except InDoubtError as doubt:
        return Outcome.failed(f"in doubt: whether '{doubt}' happened cannot be told; look at the module")
    answer = answers[0] if answers else Outcome.skipped("not this adapter's business")
    if not isinstance(answer, Outcome):
        raise TypeError(f"answered {type(answer).__name__}, expected Outcome or None")
    return answer


def _finish(bus: Bus, lease: Lease, started: int, outcome: Outcome, context: HostContext | None) -> Delivered:
    """Store the outcome with everything that belongs to it; a late one changes nothing."""
    attempt = Attempt(lease.consumer, lease.attempt, started, _now(), outcome.kind, _bounded(outcome.reason))
    with bus.database.transaction():
        if outcome.kind is OutcomeKind.DEFERRED and outcome.until is not None:
            until = max(int(outcome.until.timestamp() * 1_000_000), _now() + int(_DEFER_SECONDS * 1_000_000))
            held = bus.log.release(lease, until)
        else:
            held = bus.log.ack(lease)
        if not held:
            return Delivered(lease, "late", "the lease had run out; another attempt decides")
        bus.store.record_attempt(lease.stored.seq, attempt)
        if context:
            context.store()
    return Delivered(lease, outcome.kind, attempt.reason)


def _failed(bus: Bus, lease: Lease, started: int, reason: str) -> Delivered:
    with bus.database.transaction():
        if bus.log.nack(lease, reason):
            attempt = Attempt(lease.consumer, lease.attempt, started, _now(), "error", _bounded(reason))
            bus.store.record_attempt(lease.stored.seq, attempt)
    return Delivered(lease, "error", reason)


def _bounded(reason: str) -> str:
    """A reason is one line for people, whatever an adapter makes of it."""
    return reason if len(reason) <= _REASON_LENGTH else reason[:_REASON_LENGTH] + "…"


def describe_failure(one: Delivered) -> str:
    """One line about an attempt that raised."""
    return f"{one.lease.consumer}: {one.lease.stored.envelope.intent}: {one.reason} (attempt {one.lease.attempt})"


def _now() -> int:
    return time.time_ns() // 1000
