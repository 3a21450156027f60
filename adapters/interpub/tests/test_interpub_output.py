"""What ``ic publish`` prints, in a session's shell and in Clavain's hook after a push.

Texts are those of reference/modules/interpub.md, sections 5.2 and 5.3 (row P5).
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import ReleaseState, ReleaseStatus
from interhost_interpub.output import read_output

from .conftest import record, statuses

if TYPE_CHECKING:
    from .conftest import Machine

USE = "toolu_01A09q90qw90lq917835lq9"
DONE = """\
Publishing demo: 0.1.0 → 0.1.1
  Plugin root:  /home/ada/mono/demo
  Release canary registered: demo v0.1.1 (prior v0.1.0)
  Post-release probe passed
  Published demo v0.1.1
"""
SYNCED = "Syncing demo v0.1.1 to marketplace\n  Synced demo v0.1.1 (marketplace was 0.1.0)\n"
REFUSED = 'level=ERROR msg="publish failed" plugin=demo error="agent-mutated plugin requires human approval"'


def answer(stdout: str = "", stderr: str = "") -> dict[str, object]:
    """What the shell tool answers."""
    return {"stdout": stdout, "stderr": stderr, "interrupted": False, "isImage": False, "noOutputExpected": False}


# Reading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ended", "versions"),
    [(DONE, ReleaseState.PUBLISHED, ("0.1.0", "0.1.1")), (SYNCED, ReleaseState.SYNCED, (None, "0.1.1"))],
)
def test_a_publish_that_ended_well(text: str, ended: ReleaseState, versions: tuple[str | None, str]) -> None:
    """Which plugin, from which version to which."""
    said = read_output(text)
    assert (said.plugin, said.ended, said.failed) == ("demo", ended, "")
    assert (said.from_version, said.to_version) == versions


@pytest.mark.parametrize(
    ("text", "failed", "is_blocked"),
    [
        (REFUSED, "agent-mutated plugin requires human approval", True),
        ('msg="publish failed" error="plugin repo: git worktree has uncommitted changes"', "", True),
        ("AUTO-PUBLISH FAILED for demo (ic exit 2): release artifacts are stale\nmore", "", True),
        ("AUTO-PUBLISH FAILED for demo (ic exit 2): a publish is in progress", "", True),
        ("AUTO-PUBLISH FAILED for demo (ic exit 2):", "no reason given", False),
        ("Publish stale: plugin 0.1.1, marketplace 0.1.0", "stale: plugin 0.1.1, marketplace 0.1.0", True),
        ("  ERROR: push rejected by the remote", "push rejected by the remote", False),
        ("publish failed error=timeout", "timeout", False),
    ],
)
def test_a_publish_that_did_not(text: str, failed: str, is_blocked: bool) -> None:
    """Why not, and whether somebody has to do something first."""
    said = read_output(text)
    assert said.failed
    assert failed in said.failed
    assert (said.ended, said.is_blocked) == (None, is_blocked)


def test_the_exit_status_is_where_it_is_said() -> None:
    """By Clavain's hook, or by Claude Code."""
    assert read_output("AUTO-PUBLISH FAILED for demo (ic exit 2): x").exit == "2"
    assert read_output(f"Exit code 2\n{REFUSED}").exit == "2"
    assert read_output(REFUSED).exit == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "demo is already at 0.1.1",
        "Published demo v0.1.1",
        "Publishing $(x): ../y → --minor",
        "  Published a/b v1",
        "\x00\ud800",
    ],
)
def test_what_says_nothing_is_nothing(text: str) -> None:
    """Neither a name nor a version is made of anything else; prose is no output."""
    said = read_output(text)
    assert (said.plugin, said.to_version, said.failed, said.probe) in ((None, None, "", ""), (None, "1", "", ""))
    assert said.ended is None or said.plugin is None


@pytest.mark.parametrize(
    "text", ["\n" * 200_000, "publish failed " * 20_000, " " * 200_000, "Probe FAILED" * 20_000, "→" * 100_000]
)
def test_a_hostile_output_costs_no_time(text: str) -> None:
    """However long it is; a generous bound, where a careless pattern would take hours."""
    before = time.monotonic()
    read_output(text)
    assert time.monotonic() - before < 10


# In a session's shell -------------------------------------------------------------------------------------------------


def test_a_publish_in_the_shell_is_told_and_its_canary_is_not(machine: Machine) -> None:
    """The first that sees it tells it."""
    machine.begin()
    facts = machine.shell("cd x && ic publish --patch", tool_response=answer(DONE))
    assert statuses(facts) == [("published", None, "0.1.1", "info")]
    assert (facts[0].project_dir, facts[0].source_hook) == (machine.plugin, "PostToolUse:Bash")
    machine.canary(record())
    assert machine.look() == []


def test_a_version_that_is_synced_is_told_as_such(machine: Machine) -> None:
    """The plugin had it, the marketplace did not."""
    facts = machine.shell("scripts/bump-version.sh 0.1.1", tool_response=answer(SYNCED))
    assert statuses(facts) == [("synced", None, "0.1.1", "info")]


def test_a_publish_that_failed_comes_by_another_event(machine: Machine) -> None:
    """A failed tool has no ``PostToolUse``; its text is one, with the status in front."""
    (fact,) = machine.shell("ic publish --auto", "PostToolUseFailure", error=f"Exit code 2\n{REFUSED}")
    assert statuses([fact]) == [("blocked", None, None, "warn")]
    assert isinstance(fact.payload, ReleaseStatus)
    assert fact.payload.reason == "agent-mutated plugin requires human approval"
    assert (fact.payload.module, fact.extensions["exit"]) == ("demo", "2")
    assert str(fact.extensions["tail"]).startswith("Exit code 2 level=ERROR")
    again = machine.shell("ic publish --auto", "PostToolUseFailure", error=f"Exit code 2\n{REFUSED}")
    assert len(again) == 1


def test_a_probe_that_failed_is_an_error(machine: Machine) -> None:
    """Although the release is out."""
    text = DONE.replace("Post-release probe passed", "Probe FAILED: plugin.json invalid")
    assert statuses(machine.shell("ic publish 0.1.1", tool_response=answer(text))) == [
        ("published", None, "0.1.1", "info"),
        ("canary", "probe_failed", "0.1.1", "error"),
    ]


@pytest.mark.parametrize(
    "command",
    [
        "ic publish --dry-run --patch",
        "ic publish doctor --json",
        "ic publish status",
        "echo ic publish",
        "git commit -m 'ic publish'",
        "topic publish",
        "",
    ],
)
def test_other_commands_publish_nothing(machine: Machine, command: str) -> None:
    """Whatever they print."""
    assert machine.shell(command, tool_response=answer(DONE)) == []


def test_a_response_may_have_any_shape(machine: Machine) -> None:
    """A text, a list, nothing."""
    assert len(machine.shell("ic publish", tool_response=DONE)) == 1
    for response in ([{"type": "text", "text": DONE}], None, 7, {"stdout": 7}):
        assert machine.shell("ic publish", tool_response=response) == []


def test_a_publish_of_nobody_knows_what_is_not_told(machine: Machine) -> None:
    """Outside of a plugin, an error that names none."""
    machine.ctx.projects = ()
    assert machine.shell("ic publish", "PostToolUseFailure", error=REFUSED, cwd="/") == []
    assert machine.shell("ic publish", tool_response=answer(DONE))[0].context_id == "project:demo"


HOSTILE = ["git " + "-a " * 2000 + "x", ";a=" * 5000, "x" * 100_000, ";" * 100_000, "\n" * 100_000]


@pytest.mark.parametrize("command", HOSTILE)
def test_a_hostile_command_costs_no_time(machine: Machine, command: str) -> None:
    """Every shell command of every session is looked at."""
    before = time.monotonic()
    machine.shell(command)
    assert time.monotonic() - before < 10


# In Clavain's hook ----------------------------------------------------------------------------------------------------


def attachment(said: str, *, use: str = USE, wrapped: bool = False, **changes: object) -> str:
    """A line of a transcript with what a hook printed."""
    told: dict[str, Any] = {
        "type": "hook_success",
        "hookName": "PostToolUse:Bash",
        "hookEvent": "PostToolUse",
        "toolUseID": use,
        "content": "",
        "stdout": json.dumps({"additionalContext": said}) if wrapped else said,
        "stderr": "",
        "exitCode": 0,
        "command": "${CLAUDE_PLUGIN_ROOT}/hooks/auto-publish.sh",
        **changes,
    }
    entry = {"type": "attachment", "attachment": told, "sessionId": "s", "timestamp": "2026-11-20T11:59:58.250Z"}
    return json.dumps(entry)


def push(machine: Machine, *lines: str, use: str = USE) -> list[Any]:
    """What is told of a push when the transcript has these lines already."""
    path = machine.write(machine.home / "t.jsonl", "".join(f"{line}\n" for line in lines))
    return machine.shell("git add -A && git push -u origin main", transcript_path=str(path), tool_use_id=use)


@pytest.mark.parametrize("wrapped", [True, False])
def test_what_the_hook_said_is_told_whenever_it_is_written(machine: Machine, wrapped: bool) -> None:
    """Before our own hook is looked at, or after it: hooks run beside each other."""
    (fact,) = push(machine, "{}", attachment(DONE, wrapped=wrapped))
    assert statuses([fact]) == [("published", None, "0.1.1", "info")]
    assert str(fact.occurred_at) == "2026-11-20 11:59:58.250000+00:00"
    failed = attachment("AUTO-PUBLISH FAILED for demo (ic exit 2): push rejected", wrapped=wrapped)
    machine.ctx.new_lines = {machine.home / "t.jsonl": [failed]}
    machine.ctx.tails.clear()
    (fact,) = machine.look()
    assert statuses([fact]) == [("failed", None, None, "error")]
    assert fact.source_hook == "transcript:PostToolUse:Bash"


def test_the_hook_of_another_push_is_told_for_its_own(machine: Machine) -> None:
    """Two pushes of one session wait side by side; nothing else in the transcript is theirs."""
    assert push(machine, "{}") == []
    assert push(machine, "{}", use="toolu_2") == []
    stale = "Publish stale: marketplace has 0.1.0"
    machine.ctx.new_lines = {
        machine.home / "t.jsonl": [
            attachment(stale, use="toolu_2"),
            attachment(stale, use="toolu_3"),
            attachment(stale, command="x/auto-publish.sh"),
            attachment(stale, command="cat hooks/auto-publish.sh | sh"),
            attachment(stale)[:-20],
            f"{USE} auto-publish",
            attachment(DONE),
        ]
    }
    machine.ctx.tails.clear()
    assert sorted(statuses(machine.look()))[0] == ("blocked", None, None, "warn")
    assert len(machine.ctx.tails) == 2  # the transcript once, and git's record


def test_a_session_is_not_watched_for_ever(machine: Machine) -> None:
    """A quarter of an hour; then its transcript is left alone."""
    push(machine, "{}")
    machine.ctx.new_lines = {machine.home / "t.jsonl": [attachment(DONE)]}
    machine.ctx.tails.clear()
    machine.ctx.sleep(901)
    assert machine.look() == []
    assert machine.ctx.cursor.get("watched") == "{}"


@pytest.mark.parametrize("path", ["/nowhere/t.jsonl", "/dev/zero", "", 7, None, "a\0b"])
def test_a_transcript_that_is_no_file_of_the_user_is_not_read(machine: Machine, path: object) -> None:
    """A link, a device, nothing."""
    assert machine.shell("git push", transcript_path=path) == []
    link = machine.home / "link"
    link.symlink_to(machine.write(machine.home / "t.jsonl", attachment(DONE)))
    assert machine.shell("git push", transcript_path=str(link)) == []
    assert machine.ctx.cursor.get("watched") is None


def test_only_pushes_are_waited_for(machine: Machine) -> None:
    """Clavain's hook runs after no other command."""
    machine.write(machine.home / "t.jsonl", attachment(DONE))
    for command in ("git status", "git -C x pull", "echo git push", "git stash push"):
        machine.shell(command, transcript_path=str(machine.home / "t.jsonl"))
    assert machine.ctx.cursor.get("watched") is None
    assert len(machine.shell("git -C demo push", transcript_path=str(machine.home / "t.jsonl"))) == 1
