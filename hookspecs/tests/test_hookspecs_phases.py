"""The five vocabularies of phases."""

import pytest
from interhost_hookspecs.phases import CHAINS, canonical_phase, clean_phase, is_before


def test_the_five_vocabularies_are_as_their_sources_have_them() -> None:
    """Lengths and differences of the chains in reference/cli-contracts.md, section 5.2."""
    assert {name: len(chain) for name, chain in CHAINS.items()} == {
        "interphase-8": 8,
        "clavain-9": 9,
        "clavain-10": 10,
        "ic-9": 9,
        "ic-goal": 7,
    }
    eight = set(CHAINS["interphase-8"])
    assert {name: sorted(set(chain) - eight) for name, chain in CHAINS.items()} == {
        "interphase-8": [],
        "clavain-9": ["reflect"],
        "clavain-10": ["reflect", "strategy-reviewed"],
        "ic-9": ["polish", "reflect", "review"],
        "ic-goal": ["goal-formed", "polish", "reflect", "review"],
    }


@pytest.mark.parametrize("name", CHAINS)
def test_every_chain_goes_forward_in_the_merged_order(name: str) -> None:
    """Whatever vocabulary a bead is in, its later phases are never before its earlier ones."""
    chain = CHAINS[name]
    for index, phase in enumerate(chain):
        later = [one for one in map(canonical_phase, chain[index + 1 :]) if one]
        assert [one for one in later if not is_before(phase, one)] == []
        if canonical := canonical_phase(phase):
            assert [one for one in chain[index:] if is_before(one, canonical)] == []


def test_is_before_knows_missing_and_unknown_phases() -> None:
    """A missing phase is before all, an unknown one before none."""
    assert is_before(None, "brainstorm")
    assert not is_before("reflected", "done")
    assert not is_before("strategy-reviewed", "brainstorm-reviewed")


@pytest.mark.parametrize("value", ["(no phase state set)", "", "  ", None, 7])
def test_what_names_no_phase_is_none(value: object) -> None:
    """Bd's text for an unset state is copied by other modules into their files."""
    assert clean_phase(value) is None
    assert clean_phase("planned") == "planned"
