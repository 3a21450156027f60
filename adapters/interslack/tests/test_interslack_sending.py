"""From a fact to a draft, or to a message that is sent once."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from interhost_hookspecs import Completed, Intent, Notify, Outcome, OutcomeKind, Severity
from interhost_hookspecs.testing import make_intent
from interhost_interslack.adapter import on_notify

if TYPE_CHECKING:
    from adapters.interslack.tests.conftest import Desk

FAILURE = "missing_scope for xoxb-1-2-3"


def news(text: str = "The build is green", **more: Any) -> Intent[Notify]:
    """Something that someone should be told."""
    return make_intent(Notify(text=text, **more), severity=Severity.ERROR)


def tell(desk: Desk, intent: Intent[Notify] | None = None) -> Outcome:
    """Deliver one notification."""
    outcome = on_notify(intent or news(), desk.ctx)
    assert outcome
    return outcome


# Drafts ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config", [{}, {"send": False}, {"send": "yes"}, {"send": 1}, {"recipient": "C0AAAAAAA", "workspace": "acme"}]
)
def test_by_default_a_message_is_a_draft(desk: Desk, config: dict[str, object]) -> None:
    """The draft has the text and the exact command; nothing is run, and nothing told."""
    desk.ctx.config = config
    outcome = tell(desk)
    assert outcome.kind is OutcomeKind.DEGRADED
    assert outcome.reason.startswith("sending is off; drafted: ")
    assert "[error] notify - iv-abc1\nThe build is green" in desk.draft
    assert (desk.ctx.ran, desk.ctx.drafts) == ([], [])


def test_the_command_of_a_draft_sends_exactly_its_text(desk: Desk) -> None:
    """Whatever the text is, a shell hands it over as one word."""
    desk.set(send=False)
    tell(desk, news('it\'s $(touch PWNED) `id` "x" ```\n```sh\nrm -rf ~\n``````'))
    (_, text, details), *_ = desk.ctx.requests
    fence = text.split("\n")[4].removesuffix("text")
    assert set(fence) == {"`"}
    assert len(fence) == 7
    command = text.split(f"{fence}sh\n")[1].split(f"\n{fence}\n")[0]
    assert shlex.split(command) == details["command"]
    assert details["command"][:5] == [
        *("slackcli", "messages", "send", "--workspace=acme", "--recipient-id=C0AAAAAAA"),
    ]
    assert details["command"][5] == f"--message={details['text']}"


def test_what_is_not_known_stands_in_capitals(desk: Desk) -> None:
    """A draft can be written before anything is set up."""
    desk.ctx.config = {}
    tell(desk)
    assert "--workspace=WORKSPACE --recipient-id=RECIPIENT" in desk.draft


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"workspace": None}, "workspace"),
        ({"workspace": "--debug"}, "workspace"),
        ({"workspace": "a\nb"}, "workspace"),
        ({"workspace": 7}, "workspace"),
        ({"recipient": None}, "recipient"),
        ({"recipient": "#general"}, "recipient"),
        ({"recipient": "C0AAAAAAA\n"}, "recipient"),
        ({"recipient": ["C0AAAAAAA"]}, "recipient"),
    ],
)
def test_without_an_address_nothing_is_sent(desk: Desk, settings: dict[str, object], missing: str) -> None:
    """The program would take its default workspace: here it is always named, or nothing happens."""
    desk.set(**settings)
    outcome = tell(desk)
    assert outcome.kind is OutcomeKind.DEGRADED
    assert f"no allowed {missing} is set" in outcome.reason
    assert desk.calls == []


# Who is told, and of what ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("floor", "severity", "is_told"),
    [
        (None, Severity.WARN, False),
        (None, Severity.ERROR, True),
        ("warn", Severity.INFO, False),
        ("warn", Severity.WARN, True),
        ("info", Severity.INFO, True),
        ("loud", Severity.WARN, False),
        (3, Severity.WARN, False),
    ],
)
def test_what_is_below_the_floor_is_skipped(desk: Desk, floor: object, severity: Severity, is_told: bool) -> None:
    """Only errors, unless the user says otherwise in a word that is one."""
    desk.set(min_severity=floor)
    outcome = tell(desk, evolve(news(), severity=severity))
    assert (outcome.kind is OutcomeKind.DONE) == is_told
    assert is_told or "below min_severity" in outcome.reason
    assert len(desk.calls) == is_told


def test_a_recipient_of_the_fact_has_to_be_allowed(desk: Desk) -> None:
    """Else a draft: what is meant for one does not go to all."""
    outcome = tell(desk, news(recipient="U0BBBBBBB"))
    assert outcome.reason.startswith("no allowed recipient is set; drafted: ")
    assert desk.calls == []
    desk.set(recipients=["U0BBBBBBB", "$(id)"])
    desk.ctx.effects.clear()
    assert tell(desk, news(recipient="U0BBBBBBB")) == Outcome.done("sent to U0BBBBBBB")
    desk.ctx.effects.clear()
    assert tell(desk, news(recipient="$(id)")).kind is OutcomeKind.DEGRADED
    assert tell(desk, news(recipient="C0AAAAAAA")) == Outcome.done("sent to C0AAAAAAA")


def test_without_the_module_nothing_is_even_drafted(desk: Desk) -> None:
    """Absent or disabled is the same."""
    desk.ctx.root = None
    assert tell(desk) == Outcome.skipped("interslack is not installed")
    assert desk.ctx.requests == []


# Sending --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.1.1", "slackcli version 0.10.9", "", "dev"])
def test_an_old_program_gets_the_text_as_one_word(desk: Desk, version: str) -> None:
    """Also one whose version says nothing; workspace and recipient are explicit."""
    desk.say("version", version)
    assert tell(desk, news("--help; $(id) 'x'\nsecond")) == Outcome.done("sent to C0AAAAAAA")
    ((words, text, mode),) = desk.calls
    assert words[:4] == ["messages", "send", "--workspace=acme", "--recipient-id=C0AAAAAAA"]
    assert (len(words), mode) == (5, None)
    assert text == "[error] notify - iv-abc1\n--help; $(id) 'x'\nsecond"


@pytest.mark.parametrize("version", ["0.11.0", "0.13.0", "1.0.0"])
def test_a_newer_program_gets_a_file_that_only_the_user_can_read(desk: Desk, version: str) -> None:
    """No list of processes shows the text, and the file is gone afterwards."""
    desk.say("version", version)
    assert tell(desk) == Outcome.done("sent to C0AAAAAAA")
    ((words, text, mode),) = desk.calls
    assert [word.partition("=")[0] for word in words[2:]] == [
        "--workspace",
        "--recipient-id",
        "--message-file",
        "--json",
    ]
    assert (text, mode) == ("[error] notify - iv-abc1\nThe build is green", "0o600")
    assert desk.left_behind == []


def test_what_was_sent_is_told_without_its_text(desk: Desk) -> None:
    """Where it stands, under which name, and for which fact."""
    desk.say("version", "0.11.0")
    tell(desk)
    assert desk.facts == [
        {
            "state": "sent",
            "for_event_id": news().event_id,
            "by": "adapter",
            "recipient_id": "C0AAAAAAA",
            "channel_id": "C0AAAAAAA",
            "ts": "1769756026.624319",
            "permalink": "https://acme.slack.com/p1",
            "severity": "info",
        }
    ]
    assert desk.ctx.requests == []


def test_a_failure_is_final_and_its_secrets_are_redacted(desk: Desk) -> None:
    """The first line of what slackcli said, in the outcome, in the fact and in the draft."""
    desk.say("trouble", FAILURE)
    outcome = tell(desk)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason.startswith("failed: ❌ Error: missing_scope for [redacted]; drafted: ")
    (fact,) = desk.facts
    assert (fact["state"], fact["reason"], fact["severity"]) == (
        "failed",
        "❌ Error: missing_scope for [redacted]",
        "warn",
    )
    assert "xoxb" not in json.dumps([desk.facts, desk.draft, outcome.reason])
    assert desk.ctx.drafts[0].artifact_path is not None
    assert desk.ctx.drafts[0].context_id == "iv-abc1"


def test_nobody_logged_in_is_skipped(desk: Desk) -> None:
    """The words of slackcli without a workspace."""
    desk.say("trouble", 'No workspace configured. Run "slackcli auth login" first.')
    outcome = tell(desk)
    assert outcome.kind is OutcomeKind.SKIPPED
    assert "drafted: " in outcome.reason
    assert desk.facts[0]["state"] == "skipped"


def test_without_slackcli_there_is_a_draft(desk: Desk) -> None:
    """Skipped, told, and left to a person."""
    desk.ctx.commands.clear()
    outcome = tell(desk)
    assert outcome.kind is OutcomeKind.SKIPPED
    assert outcome.reason.startswith("slackcli is not installed; drafted: ")
    assert "It could not be sent: slackcli is not installed. The text" in desk.draft


@pytest.mark.parametrize(
    ("trouble", "why"),
    [("hangs", "slackcli: timed out after 30 s"), ("dies", "slackcli was ended by a signal")],
)
def test_what_may_have_been_sent_is_unknown_and_never_sent_again(desk: Desk, trouble: str, why: str) -> None:
    """A hung program and one that was killed may have posted; a second delivery of the same fact does not try."""
    desk.patience = 1.0
    desk.say("trouble", trouble)
    outcome = tell(desk)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason.startswith(f"unknown: {why}; drafted: ")
    assert desk.facts[0]["state"] == "unknown"
    assert "so look into Slack first" in desk.draft
    desk.say("trouble", "")
    again = tell(desk)
    assert again.kind is OutcomeKind.FAILED
    assert again.reason.startswith("unknown: an earlier attempt was interrupted; drafted: ")
    assert len(desk.calls) == 1
    assert desk.left_behind == []


def test_a_timestamp_proves_that_it_was_sent(desk: Desk) -> None:
    """Whatever happened to the program afterwards."""
    said = "✅ Message timestamp: 1769756026.624319\n"
    answers = iter([Completed(argv=(), returncode=0), Completed(argv=(), returncode=None, stdout=said, problem="late")])
    desk.ctx.commands["slackcli"] = lambda command: next(answers)
    assert tell(desk) == Outcome.done("sent to C0AAAAAAA")


@pytest.mark.parametrize("said", ["", "thanks", '{"ts": 7}', '{"ts": "xoxb-1-2"}', "[" * 100_000])
def test_a_good_end_without_a_timestamp_is_good_too(desk: Desk, said: str) -> None:
    """The exit status decides; what is no timestamp is not told as one."""
    answers = iter([Completed(argv=(), returncode=0), Completed(argv=(), returncode=0, stdout=said)])
    desk.ctx.commands["slackcli"] = lambda command: next(answers)
    assert tell(desk).kind is OutcomeKind.DONE
    assert "ts" not in desk.facts[0]


# Limits and threads ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stated", "most"), [(2, 2), (0, 0), (None, 10), ("2", 10), (True, 10)])
def test_beyond_the_limit_messages_are_drafted(desk: Desk, stated: object, most: int) -> None:
    """Within any hour; then there is room again, and what failed has counted."""
    desk.set(per_hour=stated)
    for number in range(most):
        assert tell(desk, evolve(news(), event_id=f"e{number}")).kind is OutcomeKind.DONE
        desk.ctx.effects.clear()
    outcome = tell(desk)
    assert outcome.kind is OutcomeKind.DEGRADED
    assert "per_hour" in outcome.reason
    assert len(desk.calls) == most
    desk.ctx.effects.clear()
    desk.ctx.sleep(3601)
    assert tell(desk).kind is (OutcomeKind.DONE if most else OutcomeKind.DEGRADED)


def answer_to(asked: object) -> Intent[Notify]:
    """A notification that belongs to an earlier one."""
    return evolve(news(), event_id="second", payload_text=json.dumps({"text": "x", "thread_of": asked}))


def test_an_answer_goes_into_the_thread_of_its_question(desk: Desk) -> None:
    """By the timestamp that was kept; an answer to the answer into the same."""
    for place, intent in enumerate((evolve(news(), event_id="first"), answer_to("first"), answer_to("second"))):
        desk.ctx.effects.clear()
        tell(desk, intent)
        words = desk.calls[place][0]
        assert ("--thread-ts=1769756026.624319" in words) == (place > 0)


@pytest.mark.parametrize("asked", ["another", None, 7, ["first"], {"a": 1}])
def test_an_answer_to_what_nobody_knows_starts_no_thread(desk: Desk, asked: object) -> None:
    """It is sent all the same; so is one for another recipient."""
    desk.set(recipients=["U0BBBBBBB"])
    tell(desk, evolve(news(recipient="U0BBBBBBB"), event_id="first"))
    for question in (asked, "first"):
        desk.ctx.effects.clear()
        assert tell(desk, answer_to(question)).kind is OutcomeKind.DONE
        assert len(desk.calls[-1][0]) == 5


def test_a_payload_text_that_is_damaged_asks_for_no_thread(desk: Desk) -> None:
    """What cannot be read names nothing."""
    assert tell(desk, evolve(news(), payload_text="[" * 100_000)).kind is OutcomeKind.DONE


def test_a_hostile_fact_reaches_slackcli_as_text(desk: Desk, tmp_path: Path) -> None:
    """Names and texts of every kind: one word, cleaned, and nothing else happens."""
    intent = make_intent(
        Notify(text="\x1b]0;x\x07<!here>\n'; touch PWNED #", title="$(touch PWNED)"),
        severity=Severity.ERROR,
        context_id="project:`touch PWNED`",
        artifact_path=tmp_path / "../--token=xoxb-1-2\n'\"",
    )
    assert tell(desk, intent).kind is OutcomeKind.DONE
    text = desk.calls[0][1]
    assert "\x1b" not in text
    assert "xoxb" not in text
    assert text.count("\n") == 3
    assert "&lt;!here&gt;" in text
    assert list(tmp_path.rglob("PWNED")) == []
