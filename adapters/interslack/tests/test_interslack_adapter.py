"""Which facts deserve a message, what the agent posts itself, and what doctor says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import (
    CheckLevel,
    Coordination,
    CoordinationAction,
    DriftDetected,
    GateOutcome,
    GateResult,
    GateTier,
    HealthSignal,
    Level,
    ReleaseState,
    ReleaseStatus,
    Resource,
    ReviewPass,
    Severity,
    Verdict,
)
from interhost_hookspecs.contract_checks import ContractCheck
from interhost_hookspecs.testing import FakeContext, make_hook_event, make_intent, payloads
from interhost_interslack import adapter

if TYPE_CHECKING:
    from adapters.interslack.tests.conftest import Desk

ERROR, WARN, INFO = Severity.ERROR, Severity.WARN, Severity.INFO
STAMP = "1769756026.624319"
SAID = f"✅ Message timestamp: {STAMP}\n"


def test_contract(contract_check: ContractCheck) -> None:
    """The adapter is what its manifest says."""
    contract_check(adapter)


def pressure(level: Level, signal: str = "context_pressure") -> HealthSignal:
    return HealthSignal(signal=signal, level=level)


def review(verdict: Verdict | None) -> ReviewPass:
    return ReviewPass(verdict=verdict, counts={})


@pytest.mark.parametrize(
    ("hook", "payload", "severity", "is_told"),
    [
        ("on_release_status", ReleaseStatus(state=ReleaseState.PUBLISHED), INFO, True),
        ("on_release_status", ReleaseStatus(state=ReleaseState.FAILED), ERROR, True),
        ("on_release_status", ReleaseStatus(state=ReleaseState.CANARY, stated_state="canary_failed"), ERROR, True),
        ("on_release_status", ReleaseStatus(state=ReleaseState.CANARY), INFO, False),
        ("on_release_status", ReleaseStatus(state=ReleaseState.PREPARED), INFO, False),
        ("on_review_pass", review(Verdict.RISKY), ERROR, True),
        ("on_review_pass", review(Verdict.NEEDS_CHANGES), WARN, True),
        ("on_review_pass", review(Verdict.SAFE), INFO, False),
        ("on_review_pass", review(None), ERROR, False),
        ("on_health_signal", pressure(Level.RED), ERROR, True),
        ("on_health_signal", pressure(Level.ORANGE), WARN, False),
        ("on_health_signal", pressure(Level.RED, "syntax"), ERROR, False),
    ],
)
def test_what_people_are_told_of(desk: Desk, hook: str, payload: object, severity: Severity, is_told: bool) -> None:
    """Published, failed, found wanting, full: from the floor on; everything else is not this adapter's business."""
    outcome = getattr(adapter, hook)(make_intent(payload, severity=severity), desk.ctx)
    assert (outcome is not None) == is_told
    assert len(desk.calls) == is_told


OTHERS: list[tuple[str, Any]] = [
    ("on_gate_result", GateResult(outcome=GateOutcome.BLOCK, tier=GateTier.HARD)),
    ("on_drift_detected", DriftDetected(kind="doc")),
    ("on_coordination", Coordination(resource=Resource.FILE, resource_id="a", action=CoordinationAction.CONFLICT)),
    ("on_review_pass", review(Verdict.ERROR)),
    ("on_health_signal", pressure(Level.RED, "syntax")),
    ("on_release_status", ReleaseStatus(state=ReleaseState.BLOCKED)),
]


@pytest.mark.parametrize(("hook", "payload"), OTHERS)
def test_other_errors_are_told_where_they_are_wanted(desk: Desk, hook: str, payload: object) -> None:
    """With ``errors`` on, and only what is an error."""
    call = getattr(adapter, hook)
    for setting, severity, is_told in (
        (None, ERROR, False),
        ("yes", ERROR, False),
        (True, WARN, False),
        (True, ERROR, True),
    ):
        desk.set(errors=setting)
        assert (call(make_intent(payload, severity=severity), desk.ctx) is not None) == is_told
    assert len(desk.calls) == 1


# What the agent posts -------------------------------------------------------------------------------------------------


def posted(command: str, stdout: object = SAID) -> list[object]:
    """What is told of one shell command."""
    event = make_hook_event(
        tool_name="Bash", tool_input={"command": command}, tool_response={"stdout": stdout, "stderr": ""}
    )
    return list(payloads(adapter.observe_hook(event).drafts))


@pytest.mark.parametrize(
    ("command", "stdout", "recipient"),
    [
        ("slackcli messages send --recipient-id=C0AAAAAAA --message='hello xoxb-1'", SAID, "C0AAAAAAA"),
        ('cd /x && slackcli messages send --message "hi" --recipient-id "U0BBBBBBB"', "update!\n" + SAID, "U0BBBBBBB"),
        ("X=1 ~/bin/slackcli messages send --recipient-id=D1CC", SAID, "D1CC"),
        ("slackcli messages send --json --recipient-id=C1D", f'{{"channel_id": "C1D", "ts": "{STAMP}"}}', "C1D"),
        ("slackcli messages send --json", f'{{\n  "channel_id": "C1D",\n  "ts": "{STAMP}"\n}}\n', None),
        ("slackcli messages send --recipient-id=$CHANNEL", SAID, None),
    ],
)
def test_a_message_of_the_agent_is_told_without_its_text(command: str, stdout: str, recipient: str | None) -> None:
    """That it was sent, when, and to whom if the command says so."""
    told = {"state": "sent", "by": "agent", "ts": STAMP, **({"recipient_id": recipient} if recipient else {})}
    assert posted(command, stdout) == [told]


def test_several_messages_of_one_command_are_told_each() -> None:
    """With their recipients where there are as many timestamps as calls."""
    command = "slackcli messages send --recipient-id=C111; slackcli messages send --recipient-id=C222"
    both = posted(command, f"{SAID}✅ Message timestamp: 1769756027.000000\n")
    assert both == [
        {"state": "sent", "by": "agent", "ts": STAMP, "recipient_id": "C111"},
        {"state": "sent", "by": "agent", "ts": "1769756027.000000", "recipient_id": "C222"},
    ]
    assert posted(command) == [{"state": "sent", "by": "agent", "ts": STAMP}]


@pytest.mark.parametrize(
    ("command", "stdout"),
    [
        ("slackcli messages send --recipient-id=C1D", "❌ Error: channel_not_found"),
        ("slackcli messages send --recipient-id=C1D", ["a list"]),
        ("slackcli messages send --recipient-id=C1D", ""),
        ("slackcli messages send --recipient-id=C1D", "Message timestamp: 12345678901234567890.1"),
        ("echo 'slackcli messages send'; cat log", SAID),
        ("grep 'slackcli messages send' history", SAID),
        ("slackcli conversations read C1D --json", f'{{"channel_id": "C1D", "messages": [{{"ts": "{STAMP}"}}]}}'),
        ("my-slackcli messages send", SAID),
        ("npm test", SAID),
        ("", SAID),
    ],
)
def test_what_is_no_proof_of_a_message_is_not_told(command: str, stdout: object) -> None:
    """The command was run as one, and said that it posted."""
    assert posted(command, stdout) == []


def test_what_was_read_is_not_taken_for_what_was_sent() -> None:
    """More timestamps than calls are those of other messages."""
    many = SAID + "".join(f"✅ Message timestamp: 176975602{one}.000000\n" for one in range(9))
    assert len(posted("slackcli messages send --recipient-id=C1D", many)) == 1


def test_the_same_message_has_one_key() -> None:
    """However often the event is shown."""
    event = make_hook_event(
        tool_name="Bash", tool_input={"command": "slackcli messages send"}, tool_response={"stdout": SAID}
    )
    (first,), (second,) = (adapter.observe_hook(event).drafts for _ in range(2))
    assert first.dedupe_key == second.dedupe_key
    assert (first.context_id, first.session_id) == (None, None)  # the event's own


# Doctor ---------------------------------------------------------------------------------------------------------------


def test_doctor_is_content_while_nothing_is_sent(desk: Desk) -> None:
    """Then slackcli is not even looked for."""
    desk.ctx.config = {}
    assert [(one.name, one.level) for one in adapter.check_adapter(desk.ctx)] == [("module", "ok"), ("sending", "ok")]
    assert desk.ctx.ran == []


def test_doctor_looks_for_everything_that_sending_needs(desk: Desk) -> None:
    """Login and address are there; whatever slackcli lists is shown without its secrets."""
    checks = adapter.check_adapter(desk.ctx)
    assert [(one.name, one.level) for one in checks] == [
        ("module", "ok"),
        ("address", "ok"),
        ("slackcli", "ok"),
        ("login", "ok"),
    ]
    assert checks[3].detail == "acme (T0123ABCD) [redacted]"


def test_doctor_names_what_is_not_set(desk: Desk) -> None:
    """The user wants to send, so that is a problem; slackcli that is not there is a note."""
    desk.set(workspace="-x", recipient=None)
    desk.ctx.commands.clear()
    checks = adapter.check_adapter(desk.ctx)
    assert [(one.name, one.level, bool(one.hint)) for one in checks[1:]] == [
        ("address", "problem", True),
        ("slackcli", "note", True),
        ("login", "note", True),
    ]
    assert checks[1].detail == "not set, or not of the right form: workspace, recipient"


def test_doctor_on_an_empty_machine_has_one_note(tmp_path: Path) -> None:
    """The module."""
    checks = adapter.check_adapter(FakeContext(tmp_path, of=adapter))
    assert [one.level for one in checks] == [CheckLevel.NOTE, CheckLevel.OK]


@pytest.mark.parametrize("script", ["\n", ";a=", ";a= ", ";/", "x/", "slackcli messages "])
def test_a_hostile_script_costs_no_time(script: str) -> None:
    """Every command of every session is looked at; a generous bound, where a careless pattern takes hours."""
    before = time.monotonic()
    assert posted(script * 20_000) == []
    assert time.monotonic() - before < 10
