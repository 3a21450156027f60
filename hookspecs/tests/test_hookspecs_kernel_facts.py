"""Facts about the kernel's runs: the same words and the same key, whoever notices."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from interhost_hookspecs import ArtifactReady, GateOutcome, GateResult, GateTier, PhaseTransition
from interhost_hookspecs import files as files_module
from interhost_hookspecs.files import digest
from interhost_hookspecs.kernel_facts import (
    chain_name,
    compose_artifact,
    compose_gate,
    compose_transition,
    gate_key,
    kernel_key,
    list_conditions,
    list_failures,
    read_evidence,
    show_conditions,
)
from interhost_hookspecs.phases import CHAINS

# As reference/cli-contracts.md section 1.5 pastes it.
REASON = (
    '{"conditions":[{"check":"artifact_exists","phase":"brainstorm","result":"fail","count":0,'
    '"detail":"no artifacts found for phase \\"brainstorm\\""}]}'
)


def test_a_key_names_database_source_and_id() -> None:
    """A decision that an event tells besides its move has a key of its own."""
    key = kernel_key(Path("/p/.clavain/intercore.db"), "phase", 7)
    assert key == "ic:/p/.clavain/intercore.db:phase:7"
    assert (gate_key(key), gate_key(None)) == (f"{key}:gate", None)


def test_a_move_is_told_in_the_vocabulary_that_has_the_step() -> None:
    """Never in interphase's, which is no vocabulary of the kernel; a step that none has is the kernel's own."""
    assert compose_transition("r", "planned", "plan-reviewed", "advance") == PhaseTransition(
        to="plan-reviewed",
        phase_model="clavain-9",
        from_phase="planned",
        canonical_to="plan-reviewed",
        trigger="advance",
        run_id="r",
    )
    assert compose_transition(None, "", "shipped", "set", "why\nnot").reason == "why not"
    assert compose_transition(None, "", "shipped", "set").phase_model == "ic"


def test_a_decision_says_what_it_rests_on() -> None:
    """Conditions as they are, and the failed ones as the reason."""
    evidence = read_evidence(REASON)
    assert compose_gate(GateOutcome.BLOCK, GateTier.HARD, "r", "a", "b", evidence) == GateResult(
        outcome=GateOutcome.BLOCK,
        tier=GateTier.HARD,
        target="b",
        from_phase="a",
        reason='no artifacts found for phase "brainstorm"',
        run_id="r",
        evidence=list_conditions(evidence),
    )
    bare = compose_gate(GateOutcome.PASS, GateTier.SOFT, None, "", "", None)
    assert (bare.reason, bare.evidence, bare.target) == (None, None, None)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (f"skipped by hand | {REASON}", 'no artifacts found for phase "brainstorm"'),
        ("auto_advance disabled", "auto_advance disabled"),
        ('{"conditions":[{"check":"verdict_exists","result":"fail"}]}', "verdict_exists"),
        ('{"override_category":"justified"}', '{"override_category": "justified"}'),
        ("{torn", "{torn"),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_a_reason_is_shown_whatever_it_is(reason: object, shown: str) -> None:
    """JSON, free text, one before the other, and nothing at all."""
    assert show_conditions(read_evidence(reason)) == shown


def test_conditions_of_another_shape_are_none() -> None:
    """A list of words has no conditions in it."""
    assert (list_conditions({"conditions": "x"}), list_conditions({"conditions": ["x"]})) == (None, ())
    assert list_failures({"conditions": [{"result": "pass"}]}) == []


def test_a_file_is_the_fact_and_its_content_the_key(tmp_path: Path) -> None:
    """The same file, named in two ways, is one artifact; its title is kept."""
    path = tmp_path / "docs" / "p.md"
    path.parent.mkdir()
    path.write_text("# Plan\n")
    told = compose_artifact("plan", "docs/p.md", tmp_path, bead="iv-abc1", phase="planned", run_id="r", title="Plan")
    content = sha256(b"# Plan\n").hexdigest()
    assert told.payload == ArtifactReady(kind="plan", title="Plan", phase="planned", sha256=content, run_id="r")
    assert (told.artifact_path, told.context_id, told.project_dir) == (path, "iv-abc1", tmp_path)
    assert told.dedupe_key == f"artifact:plan:{path}:{content}"
    assert compose_artifact("plan", str(path), tmp_path).dedupe_key == told.dedupe_key


def test_an_artifact_that_is_no_file_is_its_value(tmp_path: Path) -> None:
    """A commit is told as one, a word as a title; no file is made up."""
    commit = compose_artifact("implementation", "8141f02c", tmp_path, bead="iv-abc1")
    assert commit.payload == ArtifactReady(kind="implementation", title="8141f02c", commit="8141f02c")
    assert (commit.artifact_path, commit.dedupe_key) == (None, "artifact:implementation:iv-abc1:8141f02c")
    word = compose_artifact("prior-art", "none-found", tmp_path)
    assert word.payload == ArtifactReady(kind="prior-art", title="none-found")


def test_a_chain_has_a_name_or_none() -> None:
    """Exactly the same phases, in the same order."""
    assert [chain_name(list(chain)) for chain in CHAINS.values()] == list(CHAINS)
    assert chain_name(("a", "b")) is None


def test_only_plain_files_of_a_bearable_size_have_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a pipe without a writer, one that is gone, an impossible name, and a huge one have none."""
    (tmp_path / "a").write_bytes(b"abcd")
    os.mkfifo(tmp_path / "pipe")
    assert digest(tmp_path / "a") == sha256(b"abcd").hexdigest()
    for name in (".", "pipe", "gone", "a\0b", "x" * 300):
        assert digest(tmp_path / name) is None
    monkeypatch.setattr(files_module, "DIGESTED", 3)
    assert digest(tmp_path / "a") is None
