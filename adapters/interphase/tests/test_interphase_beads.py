"""Every shape in which bd answers."""

import pytest
from interhost_hookspecs.testing import FakeContext
from interhost_interphase.beads import (
    BdHungError,
    BdMissingError,
    BdRefusedError,
    find_issue,
    parse_issue,
    parse_state,
    read_state,
)


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


@pytest.mark.parametrize("form", ["plain", "envelope", "wordy"])
def test_a_state_is_read_from_the_program(machine: FakeContext, form: str) -> None:
    """With and without the envelope; a state that is not set is none, however bd says it."""
    project = machine.projects[0]
    (project / ".beads" / form).touch()
    expected = None if form == "wordy" else "planned"
    assert read_state(machine, "iv-abc1", "phase", project) == expected
    assert read_state(machine, "iv-abc1", "ic_run_id", project) is None


def test_the_three_kinds_of_trouble_are_told_apart(machine: FakeContext) -> None:
    """Refused is final, hung is worth another attempt, missing is nobody's fault; each in one line."""
    project = machine.projects[0]
    with pytest.raises(BdRefusedError, match="resolving iv-zzz: no issue found"):
        read_state(machine, "iv-zzz", "phase", project)
    with pytest.raises(BdRefusedError, match="no beads database found"):
        read_state(machine, "iv-abc1", "phase", machine.home)
    (project / ".beads" / "hangs").touch()
    with pytest.raises(BdHungError, match="timed out"):
        read_state(machine, "iv-abc1", "phase", project)
    del machine.commands["bd"]
    with pytest.raises(BdMissingError, match="not installed"):
        read_state(machine, "iv-abc1", "phase", project)


def test_a_bead_is_found_in_the_project_that_tracks_it(machine: FakeContext) -> None:
    """Known projects without a tracker are not asked, and one that does not know the bead is passed over."""
    project = machine.projects[0]
    (machine.home / "other" / ".beads").mkdir(parents=True)
    machine.projects = (machine.home, machine.home / "other", project)
    found = find_issue(machine, "iv-abc1")
    assert found is not None
    assert (found[0], found[1]["title"]) == (project, "Sample work")
    assert len(machine.ran) == 2
    assert find_issue(machine, "iv-zzz") is None
