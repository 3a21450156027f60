"""What bd says of beads, with a real stand-in for it."""

import pytest
from interhost_hookspecs import BdHungError, BdMissingError, BdRefusedError
from interhost_hookspecs.testing import FakeContext


@pytest.mark.parametrize("form", ["plain", "envelope", "wordy"])
def test_a_state_is_read_from_the_program(machine: FakeContext, form: str) -> None:
    """With and without the envelope; a state that is not set is none, however bd says it."""
    project = machine.projects[0]
    (project / ".beads" / form).touch()
    expected = None if form == "wordy" else "planned"
    assert machine.beads.read_state("iv-abc1", "phase", project) == expected
    assert machine.beads.read_state("iv-abc1", "ic_run_id", project) is None


def test_the_three_kinds_of_trouble_are_told_apart(machine: FakeContext) -> None:
    """Refused is final, hung is worth another attempt, missing is nobody's fault; each in one line."""
    project = machine.projects[0]
    with pytest.raises(BdRefusedError, match="resolving iv-zzz: no issue found"):
        machine.beads.read_state("iv-zzz", "phase", project)
    with pytest.raises(BdRefusedError, match="no beads database found"):
        machine.beads.read_state("iv-abc1", "phase", machine.home)
    (project / ".beads" / "hangs").touch()
    with pytest.raises(BdHungError, match="timed out"):
        machine.beads.read_state("iv-abc1", "phase", project)
    del machine.commands["bd"]
    with pytest.raises(BdMissingError, match="not installed"):
        machine.beads.read_state("iv-abc1", "phase", project)


def test_a_bead_is_found_in_the_project_that_tracks_it(machine: FakeContext) -> None:
    """Known projects without a tracker are not asked, and one that does not know the bead is passed over."""
    project = machine.projects[0]
    (machine.home / "other" / ".beads").mkdir(parents=True)
    machine.projects = (machine.home, machine.home / "other", project)
    found = machine.beads.find("iv-abc1")
    assert found is not None
    assert (found[0], found[1]["title"]) == (project, "Sample work")
    assert len(machine.ran) == 2
    assert machine.beads.find("iv-zzz") is None
