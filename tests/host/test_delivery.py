"""How one delivery ends, and what is stored with it."""

from __future__ import annotations

import json
import time
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from interhost_hookspecs import CATALOGUE

from interhost.bus.envelope import MAX_DEPTH
from interhost.bus.log import BACKOFF_SECONDS, MAX_ATTEMPTS, Query
from interhost.host.codec import payload_text, view
from interhost.host.config import Config

if TYPE_CHECKING:
    from tests.conftest import Stage

DONE = """
@hookimpl
def on_notify(intent, ctx):
    SEEN.append(intent.payload.text)
    during()
    return Outcome.done("heard")
"""

RAISES = """
@hookimpl
def on_notify(intent, ctx):
    SEEN.append(intent.payload.text)
    ctx.publish(Draft(payload=Notify(text="never")))
    ctx.advise(Advice(text="never", session_id="s"))
    ctx.cursor.set("place", "never")
    raise KeyError("a bug")
"""


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        ('Outcome.done("did it")', "done", "did it"),
        ('Outcome.skipped("no module")', "skipped", "no module"),
        ('Outcome.degraded("asked a person")', "degraded", "asked a person"),
        ('Outcome.failed("tried")', "failed", "tried"),
        ("None", "skipped", "not this adapter's business"),
    ],
)
def test_returned_outcome_is_recorded_and_final(stage: Stage, answer: str, outcome: str, reason: str) -> None:
    """Whatever is returned is recorded with its reason, and the adapter is never asked again."""
    stage.adapter(
        "echo", ["notify"], f"@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(1)\n    return {answer}\n"
    )
    host = stage.host()
    seq = stage.publish().seq
    assert [(one.outcome, one.reason) for one in host.deliver()] == [(outcome, reason)]
    stage.make_due()
    assert host.deliver() == []
    assert stage.outcomes(seq) == [("echo", 1, outcome, reason)]
    assert stage.seen("echo") == [1]
    assert stage.bus.log.waiting(seq) == []


def test_deferred_comes_back_at_its_time_and_costs_no_attempt(stage: Stage) -> None:
    """``deferred(until)`` waits until then and is attempt 1 again, as often as it is answered."""
    stage.adapter(
        "later",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(1)\n"
        "    if len(SEEN) < 8: return Outcome.deferred(datetime(2100, 1, 1, tzinfo=UTC), 'not yet')\n"
        "    return Outcome.done('now')\n",
    )
    host = stage.host()
    seq = stage.publish().seq
    host.deliver()
    [(_, attempts, due, leased)] = stage.bus.log.waiting(seq)
    assert (attempts, due, leased) == (0, int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000, False)
    assert host.deliver() == []
    for _ in range(7):
        stage.make_due()
        host.deliver()
    assert {(outcome, n) for _, n, outcome, _ in stage.outcomes(seq)} == {("deferred", 1), ("done", 1)}
    assert len(stage.seen("later")) == 8


def test_deferral_until_now_does_not_keep_the_host_busy(stage: Stage) -> None:
    """An adapter that always answers "again, at once" is asked once per pass, not for ever."""
    stage.adapter(
        "eager", ["notify"], "@hookimpl\ndef on_notify(intent, ctx):\n    return Outcome.deferred(ctx.now(), 'now')\n"
    )
    host = stage.host()
    stage.publish()
    assert len(host.deliver()) == 1


@pytest.mark.parametrize("answer", ["True", "'done'", "OutcomeKind.DONE", "[Outcome.done('x')]"])
def test_answer_of_another_type_is_an_error_that_says_so(stage: Stage, answer: str) -> None:
    """Something that is no outcome counts as a failed attempt and names the type."""
    stage.adapter("odd", ["notify"], f"@hookimpl\ndef on_notify(intent, ctx):\n    return {answer}\n")
    host = stage.host()
    seq = stage.publish().seq
    host.deliver()
    [(_, n, outcome, reason)] = stage.outcomes(seq)
    assert (n, outcome) == (1, "error")
    assert reason.startswith("TypeError: answered ")
    assert reason.endswith(", expected Outcome or None")


def test_exception_is_retried_with_backoff_and_dead_after_five(stage: Stage) -> None:
    """Attempts 2 to 5 wait for their backoff; after the fifth the delivery is a dead letter with its reason."""
    stage.adapter("broken", ["notify"], RAISES)
    host = stage.host()
    seq = stage.publish().seq
    for attempt in range(1, MAX_ATTEMPTS + 1):
        before = time.time()
        assert [one.lease.attempt for one in host.deliver()] == [attempt]
        if attempt < MAX_ATTEMPTS:
            [(_, attempts, due, leased)] = stage.bus.log.waiting(seq)
            assert (attempts, leased) == (attempt, False)
            wait = due / 1e6 - before
            assert BACKOFF_SECONDS[attempt - 1] <= wait < BACKOFF_SECONDS[attempt - 1] + 1
            assert host.deliver() == []
        stage.make_due()
    assert host.deliver() == []
    [letter] = stage.bus.log.dead_letters()
    assert (letter.consumer, letter.seq, letter.attempts, letter.reason) == ("broken", seq, 5, "KeyError: 'a bug'")
    assert [(n, outcome) for _, n, outcome, _ in stage.outcomes(seq)] == [(n, "error") for n in range(1, 6)]
    assert stage.said[0] == "broken: notify@1.0: KeyError: 'a bug' (attempt 1)"


def test_raising_adapter_stops_nobody_else(stage: Stage) -> None:
    """In the pass in which one adapter raises, the others receive the same fact and the ones after it."""
    stage.adapter("broken", ["notify"], RAISES)
    stage.adapter("alpha", ["notify"], DONE)
    stage.adapter("zeta", ["notify"], DONE)
    host = stage.host()
    stage.publish(payload={"text": "one"})
    stage.publish(payload={"text": "two"})
    host.deliver()
    assert stage.seen("alpha") == stage.seen("zeta") == stage.seen("broken") == ["one", "two"]


def test_nothing_of_a_raising_call_is_stored(stage: Stage) -> None:
    """Drafts, advice and cursor moves belong to the outcome: without one there are none."""
    stage.adapter("broken", ["notify"], RAISES)
    host = stage.host()
    seq = stage.publish().seq
    host.deliver()
    assert stage.bus.log.end() == seq
    assert stage.bus.store.waiting_advice() == []
    assert stage.bus.store.cursor("broken", "place") is None


def test_result_that_cannot_be_stored_is_a_failed_attempt_and_stores_nothing(stage: Stage) -> None:
    """Where one advice does not fit into the store, the draft, the other advice and the ack go with it."""
    stage.adapter(
        "odd",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n"
        "    ctx.publish(Draft(payload=Notify(text='fits')))\n"
        "    ctx.advise(Advice(text='never', session_id='s'))\n"
        "    ctx.advise(Advice(text='never', session_id='no text: \\udcff'))\n"
        "    return Outcome.done('so it thinks')\n",
    )
    host = stage.host()
    seq = stage.publish().seq
    assert [one.outcome for one in host.deliver()] == ["error"]
    assert stage.bus.log.end() == seq
    assert stage.bus.store.waiting_advice() == []
    assert [(n, outcome) for _, n, outcome, _ in stage.outcomes(seq)] == [(1, "error")]


@pytest.mark.parametrize(
    "error",
    ["RuntimeError('a name \\udcff')", "RuntimeError('one\\ntwo')", "Odd()", "RecursionError('deep')", "MemoryError()"],
)
def test_whatever_is_raised_can_be_recorded(stage: Stage, error: str) -> None:
    """Text that is no UTF-8, several lines, an exception whose ``str()`` raises: each is one line, and stops nobody."""
    stage.adapter(
        "broken",
        ["notify"],
        "class Odd(Exception):\n    def __str__(self): raise ValueError\n"
        f"@hookimpl\ndef on_notify(intent, ctx):\n    raise {error}\n",
    )
    stage.adapter("sound", ["notify"], DONE)
    host = stage.host()
    seq = stage.publish().seq
    for _ in range(MAX_ATTEMPTS):
        host.deliver()
        stage.make_due()
    [letter] = stage.bus.log.dead_letters()
    assert letter.reason.startswith(error.partition("(")[0])
    assert "\n" not in letter.reason
    assert ("sound", 1, "done", "heard") in stage.outcomes(seq)


def test_drafts_of_a_done_delivery_carry_their_cause(stage: Stage) -> None:
    """A reaction is stored with the outcome, names what caused it, is one deeper, and inherits context and project."""
    stage.adapter(
        "worker",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n"
        "    ctx.publish(Draft(payload=ReleaseStatus(state=ReleaseState.PUBLISHED)))\n"
        "    ctx.cursor.set('place', 'here')\n"
        "    ctx.advise(Advice(text='well', session_id='s'))\n"
        "    return Outcome.done('did it')\n",
    )
    host = stage.host()
    first = stage.publish(context_id="wid-9")
    host.deliver()
    [stored] = stage.bus.log.reactions(first.event_id)
    envelope = stored.envelope
    assert (envelope.producer, envelope.context_id, envelope.caused_by, envelope.depth) == (
        "worker",
        "wid-9",
        first.event_id,
        1,
    )
    assert envelope.extensions["project_dir"] == str(stage.project)
    assert stage.bus.store.cursor("worker", "place") == "here"
    assert [advice.text for advice in stage.bus.store.waiting_advice()] == ["well"]


def test_chain_deeper_than_four_stops_visibly(stage: Stage) -> None:
    """Two adapters that answer each other for ever are stopped after four reactions, with a trace that says so."""
    for name, hears, says in (("ping", "notify", "pong.ed"), ("pong", "pong.ed", "notify")):
        hook = "on_notify" if hears == "notify" else "on_intent"
        draft = "Draft(payload=Notify(text='x'))" if says == "notify" else "Draft(payload={}, intent='ping.ed@1.0')"
        stage.adapter(
            name,
            ["notify" if name == "ping" else "ping.ed"],
            f"@hookimpl\ndef {hook}(intent, ctx):\n    SEEN.append(intent.extensions.get('depth', 0))\n"
            f"    ctx.publish({draft})\n    return Outcome.done('answered')\n",
        )
    host = stage.host()
    stage.publish()
    host.deliver()
    assert stage.bus.log.end() == 1 + MAX_DEPTH + 1
    assert sorted([*map(int, map(str, stage.seen("ping"))), *map(int, map(str, stage.seen("pong")))]) == [0, 1, 2, 3, 4]
    [(_, n, outcome, reason)] = stage.outcomes(stage.bus.log.end())
    assert (n, outcome, reason) == (1, "skipped", "chain of reactions deeper than 4")


def test_nobody_receives_what_it_produced(stage: Stage) -> None:
    """An adapter's own fact goes to everybody but itself, also when it is addressed to itself."""
    stage.adapter("echo", ["notify"], DONE)
    stage.adapter("other", ["notify"], DONE)
    host = stage.host()
    stage.publish(producer="echo")
    stage.publish(producer="echo", consumers=["echo"])
    host.deliver()
    assert (stage.seen("echo"), stage.seen("other")) == ([], ["hello"])


def test_addressed_fact_reaches_its_addressee_only(stage: Stage) -> None:
    """``consumers`` narrows the delivery to who is named there."""
    stage.adapter("echo", ["notify"], DONE)
    stage.adapter("other", ["notify"], DONE)
    host = stage.host()
    stage.publish(consumers=["other"])
    host.deliver()
    assert (stage.seen("echo"), stage.seen("other")) == ([], ["hello"])


def test_effect_is_made_once_across_attempts(stage: Stage) -> None:
    """``ctx.once`` says yes the first time; on the retry the module is asked whether it happened."""
    stage.adapter(
        "poster",
        ["notify"],
        "EFFECTS = []\n@hookimpl\ndef on_notify(intent, ctx):\n"
        "    if ctx.once('post', happened=lambda: bool(EFFECTS)): EFFECTS.append(1)\n"
        "    SEEN.append(1)\n    if len(SEEN) < 3: raise OSError('after the effect')\n"
        "    return Outcome.done('posted')\n",
    )
    host = stage.host()
    seq = stage.publish().seq
    for _ in range(3):
        host.deliver()
        stage.make_due()
    assert stage.module("poster").EFFECTS == [1]
    assert stage.outcomes(seq)[-1] == ("poster", 3, "done", "posted")


def test_effect_that_did_not_happen_is_made_by_the_retry(stage: Stage) -> None:
    """Where the module knows that the first attempt did not reach it, the retry makes the effect."""
    stage.adapter(
        "poster",
        ["notify"],
        "EFFECTS = []\n@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(1)\n"
        "    if ctx.once('post', happened=lambda: bool(EFFECTS)):\n"
        "        if len(SEEN) == 1: raise OSError('before the effect')\n"
        "        EFFECTS.append(1)\n    return Outcome.done('posted')\n",
    )
    host = stage.host()
    stage.publish()
    host.deliver()
    stage.make_due()
    assert [one.outcome for one in host.deliver()] == ["done"]
    assert stage.module("poster").EFFECTS == [1]


@pytest.mark.parametrize("happened", ["None", "lambda: None"])
def test_effect_that_nobody_can_tell_of_ends_in_doubt(stage: Stage, happened: str) -> None:
    """A retry that cannot find out ends ``failed: in doubt``, never in a second effect or a further retry."""
    stage.adapter(
        "poster",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n"
        f"    if ctx.once('post', {happened}): SEEN.append(1)\n    raise OSError('who knows')\n",
    )
    host = stage.host()
    seq = stage.publish().seq
    host.deliver()
    stage.make_due()
    [one] = host.deliver()
    assert one.outcome == "failed"
    assert one.reason.startswith("in doubt: whether 'post' happened cannot be told")
    stage.make_due()
    assert host.deliver() == []
    assert stage.seen("poster") == [1]
    assert stage.bus.log.waiting(seq) == []


def test_late_outcome_changes_nothing(stage: Stage) -> None:
    """Where the lease ran out and somebody else has it, neither outcome nor drafts of the slow worker are stored."""
    stage.adapter(
        "slow",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n    during()\n    ctx.publish(Draft(payload=Notify(text='late')))\n"
        "    return Outcome.done('late')\n",
    )
    host = stage.host()
    seq = stage.publish().seq
    vars(stage.module("slow"))["during"] = lambda: stage.change("UPDATE pending SET token = token + 1")
    assert [(one.outcome, one.reason) for one in host.deliver()] == [
        ("late", "the lease had run out; another attempt decides")
    ]
    assert stage.outcomes(seq) == []
    assert stage.bus.log.end() == seq
    assert [(attempts, leased) for _, attempts, _, leased in stage.bus.log.waiting(seq)] == [(1, True)]


def test_lease_of_a_vanished_worker_is_a_recorded_attempt(stage: Stage) -> None:
    """A worker that was killed costs one attempt, which the trace shows, and the next one is made."""
    stage.adapter("echo", ["notify"], DONE)
    host = stage.host()
    seq = stage.publish().seq
    assert len(stage.bus.log.fetch("echo")) == 1
    stage.change("UPDATE pending SET due = 0")
    host.deliver()
    assert stage.outcomes(seq) == [
        ("echo", 1, "error", "the worker went away"),
        ("echo", 2, "done", "heard"),
    ]


def test_delivery_older_than_a_day_is_stale(stage: Stage) -> None:
    """What waited for more than 24 hours is skipped, visibly, without asking the adapter; what is younger is not."""
    stage.adapter("echo", ["notify"], DONE)
    host = stage.host()
    old, young = stage.publish().seq, stage.publish(payload={"text": "young"}).seq
    stage.change("UPDATE event SET ts = ts - 86500000000 WHERE seq = ?", old)
    stage.change("UPDATE event SET ts = ts - 86000000000 WHERE seq = ?", young)
    host.deliver()
    assert stage.outcomes(old) == [("echo", 1, "skipped", "stale: older than 24 h")]
    assert stage.outcomes(young) == [("echo", 1, "done", "heard")]
    assert stage.seen("echo") == ["young"]


def test_dead_letter_is_redriven_however_old_it_is(stage: Stage) -> None:
    """Somebody who redrives a dead letter days later means it: it is delivered, not skipped as stale."""
    stage.adapter("echo", ["notify"], DONE)
    host = stage.host()
    seq = stage.publish().seq
    vars(stage.module("echo"))["during"] = lambda: 1 / 0
    for _ in range(MAX_ATTEMPTS):
        host.deliver()
        stage.make_due()
    stage.change("UPDATE event SET ts = ts - 300000000000")
    vars(stage.module("echo"))["during"] = lambda: None
    assert stage.bus.log.redrive("echo", seq)
    assert [(one.outcome, one.lease.attempt) for one in host.deliver()] == [("done", 1)]


def test_deferral_of_more_than_a_day_is_delivered_in_the_end(stage: Stage) -> None:
    """An adapter that asked for tomorrow gets it tomorrow."""
    stage.adapter(
        "later",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(1)\n"
        "    if len(SEEN) == 1: return Outcome.deferred(ctx.now() + timedelta(hours=30), 'tomorrow')\n"
        "    return Outcome.done('as promised')\n",
    )
    host = stage.host()
    stage.publish()
    host.deliver()
    stage.change("UPDATE event SET ts = ts - 108000000000")
    stage.make_due()
    assert [one.outcome for one in host.deliver()] == ["done"]


def test_ctrl_c_gives_the_delivery_back_uncounted(stage: Stage) -> None:
    """Being told to stop in the middle of a hook ends the host; the next one makes attempt 1, at once."""
    stage.adapter("echo", ["notify"], DONE)
    host = stage.host()
    seq = stage.publish().seq

    def interrupt() -> None:
        raise KeyboardInterrupt

    vars(stage.module("echo"))["during"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        host.deliver()
    assert stage.outcomes(seq) == []
    vars(stage.module("echo"))["during"] = lambda: None
    assert [(one.outcome, one.lease.attempt) for one in host.deliver()] == [("done", 1)]


def test_strict_lets_an_exception_through_and_gives_the_delivery_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``INTERHOST_STRICT=1`` turns the fence into a crash that costs no attempt."""
    stage.adapter("broken", ["notify"], RAISES)
    host = stage.host()
    seq = stage.publish().seq
    monkeypatch.setenv("INTERHOST_STRICT", "1")
    with pytest.raises(KeyError):
        host.deliver()
    assert [(attempts, leased) for _, attempts, _, leased in stage.bus.log.waiting(seq)] == [(0, False)]


def test_printing_never_reaches_stdout(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """What an adapter prints while reacting or observing goes to standard error."""
    stage.adapter(
        "loud",
        ["notify"],
        "@hookimpl\ndef on_notify(intent, ctx):\n    print('reacting')\n    return Outcome.done('loudly')\n"
        "@hookimpl\ndef observe(ctx):\n    print('observing')\n",
    )
    host = stage.host()
    stage.publish()
    host.run_pass()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sorted(printed.err.splitlines()) == ["observing", "reacting"]


def test_unknown_keys_survive_in_the_payload_text(stage: Stage) -> None:
    """The text is the producer's, byte for byte, with keys and numbers that the class does not know."""
    text = '{ "text": "hello",  "new_key": [1.50, "\\u00e9é"] }'
    stage.adapter("echo", ["notify"], "@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(intent.payload_text)\n")
    host = stage.host()
    stage.publish(payload=text)
    host.deliver()
    assert stage.seen("echo") == [text]


def test_own_intent_reaches_on_intent_only(stage: Stage) -> None:
    """``module.name`` arrives as a mapping at ``on_intent``; a canonical one never does."""
    hooks = (
        "@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(('on_notify', intent.name))\n"
        "@hookimpl\ndef on_intent(intent, ctx):\n    SEEN.append(('on_intent', intent.name, intent.payload))\n"
    )
    stage.adapter("echo", ["notify", "widget.turned"], hooks)
    host = stage.host()
    stage.publish()
    stage.publish("widget.turned@1.3", {"by": 2})
    stage.publish("widget.turned@2.0", {"by": 2})
    host.deliver()
    assert stage.seen("echo") == [("on_notify", "notify"), ("on_intent", "widget.turned", {"by": 2})]


def test_consumer_of_everything_gets_another_major_untyped(stage: Stage) -> None:
    """``*`` takes versions that no class here describes: as a mapping through ``on_intent``, never as a wrong class."""
    hooks = (
        "@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(('on_notify', intent.version))\n"
        "@hookimpl\ndef on_intent(intent, ctx):\n    SEEN.append(('on_intent', intent.version, intent.payload))\n"
    )
    stage.adapter("echo", ["notify"], hooks, {"consumes": ["*"]})
    host = stage.host()
    stage.publish("notify@1.7")
    stage.publish("notify@2.0", {"words": "hello"})
    host.deliver()
    assert stage.seen("echo") == [("on_notify", "1.7"), ("on_intent", "2.0", {"words": "hello"})]


def test_facts_of_one_context_arrive_in_log_order(stage: Stage) -> None:
    """First attempts of one context keep the order of the log."""
    stage.adapter("echo", ["notify"], DONE)
    host = stage.host()
    for number in range(20):
        stage.publish(payload={"text": str(number)})
    host.deliver()
    assert stage.seen("echo") == [str(number) for number in range(20)]


def samples(hint: Any) -> Any:
    """A value of a type."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return samples(args[0])
    if origin is tuple:
        return (samples(args[0]), samples(args[0]))
    if origin is Mapping:
        return {"P0": samples(args[1])}
    simple: dict[object, object] = {str: "té\n\u2028xt", int: 3, float: 2.5, bool: True, object: [1, {"x": None}]}
    if hint in simple:
        return simple[hint]
    return full(hint) if attrs.has(hint) else next(iter(hint))


def full(cls: Any) -> Any:
    """An instance with every field set."""
    hints = typing.get_type_hints(cls)
    return cls(**{field.name: samples(hints[field.name]) for field in attrs.fields(cls)})


@pytest.mark.parametrize("cls", CATALOGUE.values(), ids=lambda cls: str(cls.__name__))
def test_payload_view_equals_the_instance_that_was_published(stage: Stage, cls: Any) -> None:
    """Every catalogue class survives publishing: filled completely, and with its required keys only."""
    required = {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING}
    whole = full(cls)
    bare = cls(**{name: getattr(whole, name) for name in required})
    for payload in (whole, bare):
        published = stage.publish(cls.INTENT, payload_text(payload))
        [stored] = stage.bus.log.read(Query(after=published.seq - 1))
        assert view(stored.envelope).payload == payload
    assert len(json.loads(payload_text(bare))) == len(required)


def test_view_says_when_and_where(stage: Stage) -> None:
    """Time, project, artifact and version of the view are the envelope's, typed."""
    published = stage.publish("notify@1.4", artifact_path="docs/a.md")
    [stored] = stage.bus.log.read(Query())
    intent = view(stored.envelope)
    assert (intent.name, intent.version, intent.event_id) == ("notify", "1.4", published.event_id)
    assert (intent.project_dir, intent.artifact_path) == (stage.project, stage.project / "docs" / "a.md")
    assert intent.occurred_at.tzinfo is not None
    assert abs((datetime.now(UTC) - intent.occurred_at).total_seconds()) < 60


def test_config_of_the_adapter_is_what_it_sees(stage: Stage) -> None:
    """``ctx.config`` is the adapter's own table, and empty for one that has none."""
    stage.config("[adapters.echo]\nwide = true\n")
    for name in ("echo", "other"):
        stage.adapter(name, ["notify"], "@hookimpl\ndef on_notify(intent, ctx):\n    SEEN.append(dict(ctx.config))\n")
    host = stage.host()
    stage.publish()
    host.deliver()
    assert (stage.seen("echo"), stage.seen("other")) == ([{"wide": True}], [{}])
    assert isinstance(stage.config(), Config)
