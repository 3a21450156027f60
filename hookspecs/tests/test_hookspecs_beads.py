"""Every shape in which bd answers, and what it is asked."""

from pathlib import Path
from typing import Any

import pytest
from interhost_hookspecs import BdError, BdHungError, BdMissingError, BdRefusedError, Completed
from interhost_hookspecs.beads import parse_issue, parse_issues, parse_state
from interhost_hookspecs.testing import FakeCommand, FakeContext


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("executing\n", "executing"),
        ("(no phase state set)\n", None),
        ("null", None),
        ('"plan-reviewed"', "plan-reviewed"),
        ('{"dimension":"phase","issue_id":"iv-abc1","schema_version":1,"value":"planned"}', "planned"),
        ('{"dimension":"phase","issue_id":"iv-abc1","value":null}', None),
        ('{"value":"(no phase state set)"}', None),
        ('[{"issue_id":"iv-abc1","value":"planned"}]', "planned"),
        ("[]", None),
        ('{"schema_version":1,"data":{"dimension":"phase","value":"planned"}}', "planned"),
        ('{"schema_version":1,"data":[{"value":"planned"}]}', "planned"),
        ('{"schema_version":1,"data":null}', None),
        ('{"dimension":"claimed_at","value":"1795170929"}', "1795170929"),
    ],
)
def test_every_shape_of_a_state_is_read(text: str, phase: str | None) -> None:
    """Plain and JSON, array and object, with and without the envelope."""
    assert parse_state(text) == phase


@pytest.mark.parametrize(
    "text", ["", "\n", "true", '{"error":"x"}', "Error: no beads database found", '[["",1]]', "[" * 100_000]
)
def test_what_is_no_state_is_refused(text: str) -> None:
    """Errors and empty output are not mistaken for an unset state."""
    with pytest.raises(ValueError, match="no state in"):
        parse_state(text)


@pytest.mark.parametrize(
    "text",
    [
        '[{"id":"iv-1","priority":1}]',
        '{"id":"iv-1","priority":1}',
        '{"schema_version":1,"data":[{"id":"iv-1","priority":1}]}',
        '{"schema_version":1,"data":{"id":"iv-1","priority":1}}',
    ],
)
def test_every_shape_of_an_issue_is_read(text: str) -> None:
    """Bd prints an array, its documentation promises an object, version 2 puts either into an envelope."""
    assert parse_issue(text) == {"id": "iv-1", "priority": 1}


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"error":"no issues found"}', '[{"id":7}]', "Error: x"])
def test_what_is_no_issue_is_none(text: str) -> None:
    """Before February 2026 bd said nothing at all about an unknown id, and ended well."""
    assert parse_issue(text) is None


def tracker(tmp_path: Path, *, now: str = "planned", setting: Completed | None = None) -> FakeContext:
    """A context with a ``bd`` that has one bead in one state, whatever it is told to set."""

    def bd(command: FakeCommand) -> Completed:
        if "set-state" in command.argv:
            return setting or Completed(argv=command.argv, returncode=0, stdout="done")
        return Completed(argv=command.argv, returncode=0, stdout=f'{{"value": "{now}"}}')

    return FakeContext(tmp_path, commands={"bd": bd})


def test_a_state_is_set_and_read_back(tmp_path: Path) -> None:
    """Two commands, both where the bead's database is."""
    ctx = tracker(tmp_path)
    ctx.beads.set_state("iv-1", "phase", "planned", reason="because", project=tmp_path)
    assert ctx.ran == [
        ("bd", "set-state", "iv-1", "phase=planned", "--reason", "because"),
        ("bd", "--json", "state", "iv-1", "phase"),
    ]


def test_a_command_that_ends_well_is_not_believed(tmp_path: Path) -> None:
    """The state that is there now counts, and what the command said goes into the error."""
    with pytest.raises(BdRefusedError, match="bd left iv-1 in planned: done"):
        tracker(tmp_path).beads.set_state("iv-1", "phase", "executing", reason="x")
    with pytest.raises(BdRefusedError, match="bd left iv-1 in no owner: done"):
        tracker(tmp_path, now="(no owner state set)").beads.set_state("iv-1", "owner", "me", reason="x")


def test_a_setting_that_hung_may_have_happened(tmp_path: Path) -> None:
    """Then nothing is wrong; otherwise the error says that it hung."""
    hung = Completed(argv=("bd",), returncode=None, problem="timed out after 10 s")
    tracker(tmp_path, setting=hung).beads.set_state("iv-1", "phase", "planned", reason="x")
    with pytest.raises(BdRefusedError, match="timed out after 10 s"):
        tracker(tmp_path, setting=hung).beads.set_state("iv-1", "phase", "done", reason="x")


def test_another_command_is_held_against_bd(tmp_path: Path) -> None:
    """A module's own library changes states behind our back; its name stands in the error."""
    ctx, answer = tracker(tmp_path), Completed(argv=("bash",), returncode=0, stderr="Error: database is locked")
    ctx.beads.confirm_state("iv-1", "phase", "planned", answer, by="interphase")
    with pytest.raises(BdRefusedError, match="interphase left iv-1 in planned: Error: database is locked"):
        ctx.beads.confirm_state("iv-1", "phase", "done", answer, by="interphase")
    ctx.commands["bd"] = Completed(argv=("bd",), returncode=1, stderr="no such bead")
    with pytest.raises(BdRefusedError, match="interphase: Error: database is locked; bd cannot say the phase of iv-1"):
        ctx.beads.confirm_state("iv-1", "phase", "done", answer, by="interphase")


def test_an_answer_that_names_no_state_is_refused(tmp_path: Path) -> None:
    """It ended well, and said something else."""
    ctx = FakeContext(tmp_path, commands={"bd": Completed(argv=("bd",), returncode=0, stdout="well, well")})
    with pytest.raises(BdRefusedError, match="bd's answer for iv-1 names no phase: well, well"):
        ctx.beads.read_state("iv-1", "phase")


def test_a_bead_is_not_found_where_bd_is_missing_or_hangs(tmp_path: Path) -> None:
    """One answer for all who only want a title: nothing is known."""
    (tmp_path / ".beads").mkdir()
    ctx = FakeContext(tmp_path, projects=(tmp_path,))
    assert ctx.beads.find("iv-1") is None
    ctx.commands["bd"] = Completed(argv=("bd",), returncode=None, problem="timed out")
    assert ctx.beads.find("iv-1") is None


def test_the_kinds_of_trouble_have_one_family() -> None:
    """Whoever cares for none of them catches one."""
    assert {kind.__base__ for kind in (BdMissingError, BdRefusedError, BdHungError)} == {BdError}


@pytest.mark.parametrize(
    "text",
    [
        '[{"id":"iv-1","priority":1},{"id":7},"x"]',
        '{"schema_version":1,"data":[{"id":"iv-1","priority":1}]}',
    ],
)
def test_every_shape_of_a_list_is_read(text: str) -> None:
    """With and without the envelope; what is no issue is left out."""
    assert parse_issues(text) == [{"id": "iv-1", "priority": 1}]


@pytest.mark.parametrize(
    "text", ["[]", "null", '{"data":[]}', "No ready work found\n", "✨ No open issues", "no in_progress issues found."]
)
def test_a_list_may_be_empty(text: str) -> None:
    """Said as JSON or in words."""
    assert parse_issues(text) == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "{}", "7", '{"error":"database is locked"}', '{"data":{"id":"iv-1"}}'),
        *("Error: no beads database found", "No workspace configured", "[" * 100_000),
    ],
)
def test_silence_and_errors_are_no_empty_list(text: str) -> None:
    """That there is nothing to do is said by bd, or not at all."""
    with pytest.raises(ValueError, match="no list in"):
        parse_issues(text)


def test_everything_is_listed(tmp_path: Path) -> None:
    """Without a limit, bd would hide what comes after 50 or 100."""
    ctx = FakeContext(tmp_path, commands={"bd": Completed(argv=("bd",), returncode=0, stdout='[{"id":"iv-1"}]')})
    assert ctx.beads.list_ready() == ctx.beads.list_by_status("in_progress", tmp_path) == [{"id": "iv-1"}]
    assert ctx.ran == [
        ("bd", "--json", "ready", "--limit=0"),
        ("bd", "--json", "list", "--status=in_progress", "--limit=0"),
    ]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"returncode": 1, "stderr": "Error: no beads database found"}, "bd ready: Error: no beads database found"),
        ({"returncode": 0, "stdout": "well, well"}, "bd ready answered no list: well, well"),
        ({"returncode": 0}, "bd ready answered no list: exit status 0"),
        ({"returncode": None, "missing": True}, "bd is not installed"),
        ({"returncode": None, "problem": "timed out after 10 s"}, "bd: timed out after 10 s"),
    ],
)
def test_no_answer_is_no_empty_list(tmp_path: Path, answer: dict[str, Any], why: str) -> None:
    """Whoever asks learns why."""
    ctx = FakeContext(tmp_path, commands={"bd": Completed(argv=("bd",), **answer)})
    with pytest.raises(BdError, match=why):
        ctx.beads.list_ready()
