"""A message from a fact to Slack, through the real host: drafted, sent once, and never sent a second time.

The stand-in for ``slackcli`` prints what reference/modules/interslack.md section 6.2 shows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Shell

NEWS = '{"text": "The gate of iv-abc1 waits for you"}'
# With a file `deadly` beside it, it takes its host with it once it has posted.
_SLACKCLI = """#!/bin/sh
[ "$1" = --version ] && { echo 0.1.1; exit 0; }
printf '%s\\n' "$*" >> "$0.log"
[ -e "$0.deadly" ] && kill -9 $PPID
printf '\\342\\234\\205 Message timestamp: 1769756026.624319\\n'
"""


@pytest.fixture(autouse=True)
def enabled(shell: Shell) -> None:
    """The adapter of this flow is on."""
    shell.enable("interslack")


@pytest.fixture
def slack(shell: Shell) -> Shell:
    """A machine with interslack and slackcli, and a host that has looked once."""
    (shell.home / "plugins" / "interslack").mkdir(parents=True)
    program = shell.base / "bin" / "slackcli"
    program.parent.mkdir()
    program.write_text(_SLACKCLI)
    program.chmod(0o755)
    shell.environ["INTERHOST_INTERSLACK_ROOT"] = str(shell.home / "plugins" / "interslack")
    shell.environ["PATH"] = f"{program.parent}:{shell.environ['PATH']}"
    shell.run("interhost", "run", "--once")
    return shell


def _turn_on(shell: Shell) -> None:
    (shell.root / "config.toml").write_text(
        '[adapters.interslack]\nsend = true\nworkspace = "acme"\nrecipient = "C0AAAAAAA"\n'
    )


def _posted(shell: Shell) -> list[str]:
    log = shell.base / "bin" / "slackcli.log"
    return log.read_text().split("messages send ")[1:] if log.exists() else []


def _facts(shell: Shell) -> list[dict[str, Any]]:
    return [one for one in shell.run("interbus", "replay").records if one["intent"] == "interslack.message@1.0"]


def test_a_draft_waits_for_a_person(slack: Shell) -> None:
    """Out of the box nothing leaves the machine; what the draft says can be sent by hand."""
    event = slack.publish("notify", NEWS, "--severity", "error", "--context", "iv-abc1")["event_id"]
    assert "degraded" in slack.run("interhost", "run", "--once").out
    draft = slack.root / "requests" / "interslack" / f"{event}-message.md"
    assert "The gate of iv-abc1 waits for you" in draft.read_text()
    assert (_posted(slack), _facts(slack)) == ([], [])


def test_a_message_is_sent_once(slack: Shell) -> None:
    """The fact of it is about the same context, knows its cause, and has no text."""
    _turn_on(slack)
    event = slack.publish("notify", NEWS, "--severity", "error", "--context", "iv-abc1")["event_id"]
    slack.publish("notify", '{"text": "lunch"}')
    for _ in range(2):
        slack.run("interhost", "run", "--drain")
    (posted,) = _posted(slack)
    assert posted.startswith("--workspace=acme --recipient-id=C0AAAAAAA --message=[error] notify - iv-abc1")
    (fact,) = _facts(slack)
    assert (fact["context_id"], fact["extensions"]["caused_by"]) == ("iv-abc1", event)
    assert fact["payload"] == {
        "state": "sent",
        "for_event_id": event,
        "by": "adapter",
        "recipient_id": "C0AAAAAAA",
        "ts": "1769756026.624319",
    }


def test_a_host_that_dies_in_mid_message_sends_no_second_one(slack: Shell) -> None:
    """The next one says that it does not know, and asks a person to look."""
    _turn_on(slack)
    deadly = slack.base / "bin" / "slackcli.deadly"
    deadly.touch()
    event = slack.publish("notify", NEWS, "--severity", "error")["event_id"]
    assert slack.start("interhost", "run", "--drain").end().code == -9
    deadly.unlink()
    slack.change("UPDATE pending SET due = 0")  # the lease runs out
    slack.run("interhost", "run", "--drain")
    assert len(_posted(slack)) == 1
    (fact,) = _facts(slack)
    assert (fact["payload"]["state"], fact["severity"]) == ("unknown", "warn")
    draft = slack.root / "requests" / "interslack" / f"{event}-message.md"
    assert "look into Slack first" in draft.read_text()


def test_a_message_of_the_agent_is_told(slack: Shell) -> None:
    """By the hook, once, however often it is registered."""
    event = {
        "session_id": "s-1",
        "hook_event_name": "PostToolUse",
        "cwd": str(slack.project),
        "tool_name": "Bash",
        "tool_use_id": "toolu_1",
        "tool_input": {"command": "slackcli messages send --recipient-id=C0AAAAAAA --message='see xoxb-1-2'"},
        "tool_response": {"stdout": "✅ Message timestamp: 1769756026.624319\n", "stderr": "", "interrupted": False},
    }
    slack.publish()
    for _ in range(2):
        slack.run("interhost", "hook", stdin=json.dumps(event))
    slack.until(lambda: _facts(slack))
    slack.run("interhost", "run", "--drain")
    (fact,) = _facts(slack)
    assert fact["payload"] == {"state": "sent", "by": "agent", "ts": "1769756026.624319", "recipient_id": "C0AAAAAAA"}
    assert (fact["context_id"], fact["source_hook"]) == ("project:widgets", "PostToolUse:Bash")


def test_doctor_and_list_know_it(slack: Shell) -> None:
    """As any other adapter."""
    assert "interslack" in slack.run("interhost", "list").out
    assert "off: messages are drafted" in slack.run("interhost", "doctor").out
