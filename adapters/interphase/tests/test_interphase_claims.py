"""Who claims which bead."""

import json
import time
from pathlib import Path

import pytest
from interhost_hookspecs import Coordination, CoordinationAction, Draft, Holder, HookEvent, Resource, Severity
from interhost_hookspecs.testing import EPOCH, FakeContext, make_hook_event
from interhost_interphase import adapter
from interhost_interphase.adapter import observe, observe_hook
from interhost_interphase.claims import find_claimed, read_marker

NOW = int(EPOCH.timestamp())


def marker(ctx: FakeContext, session: str, text: str = "iv-abc1\n") -> Path:
    """A marker as interphase's autoclaim leaves it (reference/modules/interphase.md, section 1.3, row P10)."""
    path = ctx.home / "tmp" / f"interphase-bead-{session}"
    path.write_text(text)
    return path


def told(drafts: tuple[Draft, ...]) -> list[tuple[str, str, str | None]]:
    """Action, bead and session of every fact."""
    return [
        (one.payload.action.value, one.payload.resource_id, one.session_id)
        for one in drafts
        if isinstance(one.payload, Coordination)
    ]


def look(ctx: FakeContext) -> list[tuple[str, str, str | None]]:
    return told(observe(ctx).drafts)


def test_a_marker_is_a_claim(machine: FakeContext) -> None:
    """The bead is the resource, the session holds it; the same marker is told once."""
    marker(machine, "sess-1")
    [fact] = observe(machine).drafts
    assert fact == Draft(
        payload=Coordination(
            resource=Resource.BEAD,
            resource_id="iv-abc1",
            action=CoordinationAction.CLAIM,
            holder=Holder(session_id="sess-1"),
        ),
        context_id="iv-abc1",
        session_id="sess-1",
        source_hook="file:interphase-bead",
    )
    assert look(machine) == []


def test_a_session_that_turns_to_another_bead_claims_that_one(machine: FakeContext) -> None:
    """The marker is written over; the first bead is not released by that."""
    marker(machine, "s1")
    look(machine)
    marker(machine, "s1", "iv-abc2.1\n")
    assert look(machine) == [("claim", "iv-abc2.1", "s1")]


@pytest.mark.parametrize(
    ("text", "beads"),
    [("--claim\n", []), ("iv-1\niv-2\n", ["iv-1", "iv-2"]), ("", []), ("\0\xff\n", []), ("iv-1", ["iv-1"])],
    ids=["a flag taken for an id", "two ids", "still empty", "garbage", "no newline"],
)
def test_a_marker_may_hold_anything(machine: FakeContext, text: str, beads: list[str]) -> None:
    """Interphase's pattern writes flags and several lines into it; only bead ids count."""
    marker(machine, "s1", text)
    assert look(machine) == [("claim", bead, "s1") for bead in beads]


def test_a_marker_that_was_empty_is_read_when_it_is_full(machine: FakeContext) -> None:
    """A look between the making and the writing of a marker loses nothing."""
    marker(machine, "s1", "")
    assert look(machine) == []
    marker(machine, "s1")
    assert look(machine) == [("claim", "iv-abc1", "s1")]


@pytest.mark.parametrize("bd", [True, False])
def test_a_marker_that_goes_is_a_release(machine: FakeContext, bd: bool) -> None:
    """The session's end removes it; the bead is free, whether or not bd can be asked."""
    if not bd:
        del machine.commands["bd"]
    path = marker(machine, "s1")
    look(machine)
    path.unlink()
    [fact] = observe(machine).drafts
    assert told((fact,)) == [("release", "iv-abc1", "s1")]
    assert isinstance(fact.payload, Coordination)
    assert (fact.payload.holder, fact.payload.requester) == (None, Holder(session_id="s1"))
    assert look(machine) == []


def test_a_temporary_directory_that_was_cleaned_releases_nothing(machine: FakeContext) -> None:
    """While bd still has the claim, a marker that is gone proves nothing."""
    issue = {"id": "iv-abc1", "title": "Sample work", "labels": ["claimed_by:s1", "claimed_at:1795170929"]}
    (machine.projects[0] / ".beads" / "iv-abc1" / "issue.json").write_text(json.dumps(issue))
    path = marker(machine, "s1")
    look(machine)
    path.unlink()
    assert look(machine) == []


def test_heartbeats_are_no_facts(machine: FakeContext) -> None:
    """Every command of an agent touches one: they are left alone."""
    (machine.home / "tmp" / "clavain-heartbeat-iv-abc1-s1").touch()
    assert look(machine) == []


def test_what_others_leave_in_the_temporary_directory_is_not_believed(machine: FakeContext) -> None:
    """A link, a folder or a missing directory tells nothing."""
    (machine.home / "elsewhere").write_text("iv-abc1\n")
    (machine.home / "tmp" / "interphase-bead-s1").symlink_to(machine.home / "elsewhere")
    (machine.home / "tmp" / "interphase-bead-s2").mkdir()
    assert look(machine) == []
    assert (
        told(observe(FakeContext(machine.home, of=adapter, config={"temporary_dir": "/nonexistent/tmp"})).drafts) == []
    )


def test_a_file_that_goes_away_meanwhile_tells_nothing(tmp_path: Path) -> None:
    """Between the look at the directory and the look into the file, a session may end."""
    gone = tmp_path / "interphase-bead-s1"
    assert read_marker(gone) == []
    assert read_marker(tmp_path / ("x" * 300)) == []


# Collisions ----------------------------------------------------------------------------------------------------------


def hook(ctx: FakeContext, tool_input: object) -> HookEvent:
    """A PostToolUse as Claude Code sends it."""
    answer = {"stdout": "", "stderr": "Error claiming iv-abc1"}
    return make_hook_event(session_id="me", cwd=str(ctx.projects[0]), tool_input=tool_input, tool_response=answer)


def claimed(ctx: FakeContext, by: str, age: int, command: str = "bd update iv-abc1 --claim") -> tuple[Draft, ...]:
    """What a claiming command tells while bd has this state (rows P10, P11 and P13)."""
    bead = ctx.projects[0] / ".beads" / "iv-abc1"
    (bead / "claimed_by").write_text(by)
    (bead / "claimed_at").write_text(str(NOW - age) if age else "0")
    return observe_hook(hook(ctx, {"command": command}), ctx).drafts


def test_a_claim_of_what_another_session_holds_is_a_conflict(machine: FakeContext) -> None:
    """Interphase tells it to the agent alone; here it is told with both sessions."""
    [fact] = claimed(machine, "sess-0001", 60)
    assert fact.payload == Coordination(
        resource=Resource.BEAD,
        resource_id="iv-abc1",
        action=CoordinationAction.CONFLICT,
        holder=Holder(session_id="sess-0001"),
        requester=Holder(session_id="me"),
    )
    assert (fact.context_id, fact.severity, fact.source_hook) == ("iv-abc1", Severity.WARN, "PostToolUse:Bash")


@pytest.mark.parametrize(("by", "age"), [("me", 60), ("released", 0), ("", 60), ("sess-0001", 2700), ("sess-0001", 0)])
def test_a_claim_of_what_is_free_is_no_conflict(machine: FakeContext, by: str, age: int) -> None:
    """Ours, released, unclaimed, or untouched for 45 minutes: interphase takes it, and the marker tells that."""
    assert claimed(machine, by, age) == ()


@pytest.mark.parametrize("tool_input", [None, "bd claim iv-abc1", {}, {"command": 7}, {"command": "ls"}])
def test_other_commands_ask_nobody(machine: FakeContext, tool_input: object) -> None:
    """What does not claim costs no call of bd, whatever shape the hook's document has."""
    assert observe_hook(hook(machine, tool_input), machine).drafts == ()
    assert machine.ran == []


def test_a_bd_that_cannot_say_leaves_it_open(machine: FakeContext) -> None:
    """A missing or failing bd is no conflict."""
    assert claimed(machine, "other", 60, "bd claim iv-unknown") == ()
    del machine.commands["bd"]
    assert claimed(machine, "other", 60) == ()


@pytest.mark.parametrize(
    ("command", "beads"),
    [
        ("bd update iv-1 --claim", ["iv-1"]),
        ("bd update --claim iv-1", ["iv-1"]),
        ("bd update iv-1 --claim && bd update iv-2.1 --claim", ["iv-1", "iv-2.1"]),
        ("bd update iv-1 --claim\nbd claim iv-1", ["iv-1"]),
        ("cd x; BEADS_DIR=y bd --json update iv-1 iv-2 --status=in_progress | jq .", ["iv-1", "iv-2"]),
        ("bd update iv-1 --status in_progress --assignee my-agent", ["iv-1"]),
        ('bd update iv-1 --title "a b-c d" --claim', ["iv-1"]),
        ("bd update iv-1 --status=closed", []),
        ("bd update iv-1 --claimed", []),
        ("bd show iv-1", []),
        ("echo 'bd claim iv-1'", []),
        ("abd claim iv-1", []),
    ],
)
def test_every_way_to_claim_is_known(command: str, beads: list[str]) -> None:
    """Flags before and behind the id, several commands and several ids, and none that only look like it."""
    assert find_claimed(command) == beads


@pytest.mark.parametrize("script", ["\n", ";a=", ";a= ", "bd -a ", "\nbd -a", 'bd claim -a "'])
def test_a_hostile_script_costs_no_time(script: str) -> None:
    """Every command of every session is looked at; a generous bound, where a careless pattern takes hours."""
    before = time.monotonic()
    assert find_claimed(script * 20_000) == []
    assert time.monotonic() - before < 10
