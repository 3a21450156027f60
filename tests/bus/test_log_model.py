"""The log against a model of a few dictionaries, through operations in any order that hypothesis can think of."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
)

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope
from interhost.bus.log import BACKOFF_SECONDS, LEASE_SECONDS, MAX_ATTEMPTS, Lease, Query, Subscription

SECOND = 1_000_000
WANTS = {"alpha": ("*",), "beta": ("notify@1",)}


@attrs.define
class Delivery:
    """An unfinished delivery in the model; ``token`` is set while somebody holds it."""

    context: str
    attempts: int
    due: int
    token: int | None


@attrs.define
class Consumer:
    """What the model knows of one consumer."""

    head: int = 0
    unfinished: dict[int, Delivery] = attrs.Factory(dict)
    dead: set[int] = attrs.Factory(set)


class LogMachine(RuleBasedStateMachine):
    """Two consumers with a few contexts; leases may be used long after they were lost."""

    leases = Bundle[Lease]("leases")

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.now = 1_800_000_000
        self.events: list[Envelope] = []
        self.consumers = {name: Consumer() for name in WANTS}
        self.bus = self.connect()
        for name, intents in WANTS.items():
            self.bus.log.subscribe(Subscription(name, intents), start=0)

    def connect(self) -> Bus:
        return Bus(Path(self.directory.name), clock=lambda: float(self.now))

    def teardown(self) -> None:
        self.bus.close()
        self.directory.cleanup()

    @rule(
        context=st.sampled_from(["iv-a", "iv-b"]),
        intent=st.sampled_from(["notify@1.0", "notify@2.0", "tool.used@1.0"]),
        producer=st.sampled_from(["cli", "alpha"]),
    )
    def append(self, context: str, intent: str, producer: str) -> None:
        envelope = compose(
            intent=intent,
            payload='{"text": "x"}',
            context_id=context,
            producer=producer,
            door="cli",
            allow_unknown=True,
        )
        self.events.append(envelope)
        assert self.bus.log.append(envelope) == (len(self.events), False)

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def append_again(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.events) - 1))
        assert self.bus.log.append(self.events[number]) == (number + 1, True)

    @rule(target=leases, name=st.sampled_from(list(WANTS)))
    def fetch_one(self, name: str) -> MultipleResults[Lease]:
        return multiple(*self.fetch(name, 1))

    @rule(name=st.sampled_from(list(WANTS)))
    def fetch_several_and_forget_them(self, name: str) -> None:
        self.fetch(name, 3)

    def fetch(self, name: str, limit: int) -> list[Lease]:
        """Fetch from both and compare: first what waits and is ready, then what is new, each in log order."""
        model, now = self.consumers[name], self.now * SECOND
        busy = {
            one.context
            for one in model.unfinished.values()
            if one.token is not None and one.due > now and one.attempts == 1
        }
        expired = {seq for seq, one in model.unfinished.items() if one.due <= now and one.attempts == MAX_ATTEMPTS}
        ready = [
            (seq, one.attempts + 1, one.token is not None)
            for seq, one in sorted(model.unfinished.items())
            if one.due <= now and seq not in expired and (one.attempts or one.context not in busy)
        ]
        fresh = [
            (seq, 1, False)
            for seq, envelope in enumerate(self.events, start=1)
            if seq > model.head and self.wanted(name, envelope) and envelope.context_id not in busy
        ]
        promised = bool(ready or fresh or expired)
        assert self.bus.log.has_work(name) or not promised
        leases = self.bus.log.fetch(name, limit)
        expected = [*ready, *fresh][:limit]
        assert [(lease.stored.seq, lease.attempt, lease.lost) for lease in leases] == expected
        # What ran out of attempts is buried on the way, at the latest by a fetch that comes to the end.
        dead = {letter.seq for letter in self.bus.log.dead_letters() if letter.consumer == name}
        assert model.dead <= dead <= model.dead | expired
        assert len(leases) == limit or dead == model.dead | expired
        for seq in dead - model.dead:
            del model.unfinished[seq]
        model.dead = dead
        (position,) = (one for one in self.bus.log.positions() if one.subscription.consumer == name)
        for seq in range(model.head + 1, position.head + 1):
            if self.wanted(name, self.events[seq - 1]):
                model.unfinished[seq] = Delivery(self.events[seq - 1].context_id, 0, now, None)
        model.head = max(model.head, position.head)
        for lease in leases:
            one = model.unfinished[lease.stored.seq]
            one.attempts, one.due, one.token = lease.attempt, now + int(LEASE_SECONDS * SECOND), lease.token
        return leases

    @staticmethod
    def wanted(name: str, envelope: Envelope) -> bool:
        return envelope.producer != name and ("*" in WANTS[name] or envelope.major in WANTS[name])

    def held(self, lease: Lease) -> Delivery | None:
        one = self.consumers[lease.consumer].unfinished.get(lease.stored.seq)
        return one if one and one.token == lease.token else None

    @rule(lease=leases)
    def ack(self, lease: Lease) -> None:
        held = self.held(lease)
        assert self.bus.log.ack(lease) is (held is not None)
        if held:
            del self.consumers[lease.consumer].unfinished[lease.stored.seq]

    @rule(lease=leases)
    def nack(self, lease: Lease) -> None:
        held, model = self.held(lease), self.consumers[lease.consumer]
        assert self.bus.log.nack(lease, "no luck") is (held is not None)
        if held and held.attempts < MAX_ATTEMPTS:
            held.token, held.due = None, int((self.now + BACKOFF_SECONDS[held.attempts - 1]) * SECOND)
        elif held:
            del model.unfinished[lease.stored.seq]
            model.dead.add(lease.stored.seq)

    @rule(lease=leases, later=st.sampled_from([0, 1, 40]))
    def release(self, lease: Lease, later: int) -> None:
        held, until = self.held(lease), (self.now + later) * SECOND
        assert self.bus.log.release(lease, until if later else None) is (held is not None)
        if held:
            held.token, held.due, held.attempts = None, until, held.attempts - 1

    @rule(lease=leases, seconds=st.sampled_from([1, 60]))
    def extend(self, lease: Lease, seconds: int) -> None:
        held = self.held(lease)
        assert self.bus.log.extend(lease, seconds) is (held is not None)
        if held:
            held.due = max(held.due, (self.now + seconds) * SECOND)  # a lease is never made shorter

    @precondition(lambda self: any(model.dead for model in self.consumers.values()))
    @rule()
    def redrive(self) -> None:
        for name, model in self.consumers.items():
            for seq in model.dead:
                assert self.bus.log.redrive(name, seq)
                assert not self.bus.log.redrive(name, seq)
                model.unfinished[seq] = Delivery(self.events[seq - 1].context_id, 0, self.now * SECOND, None)
            model.dead = set()

    @rule(seconds=st.sampled_from([0, 1, 5, 29, 30, 31, 120]))
    def let_time_pass(self, seconds: int) -> None:
        self.now += seconds

    @rule(name=st.sampled_from(list(WANTS)))
    def lose_a_worker_five_times(self, name: str) -> None:
        """Random steps hardly ever come to a dead letter, so take one way there at once."""
        for _ in range(MAX_ATTEMPTS):
            self.fetch(name, 1)
            self.now += int(LEASE_SECONDS)

    @rule()
    def reopen(self) -> None:
        self.bus.close()
        self.bus = self.connect()

    @invariant()
    def every_event_is_there_once_and_in_order(self) -> None:
        assert [(one.seq, one.envelope) for one in self.bus.log.read(Query())] == list(enumerate(self.events, start=1))

    @invariant()
    def the_dead_are_the_same(self) -> None:
        dead = {(letter.consumer, letter.seq) for letter in self.bus.log.dead_letters()}
        assert dead == {(name, seq) for name, model in self.consumers.items() for seq in model.dead}


TestLogAgainstModel = LogMachine.TestCase
TestLogAgainstModel.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
