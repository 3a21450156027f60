"""Keeping the index up to date where the user wants it: what is indexed, what is forgotten, and what never is."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ArtifactReady, Change, Completed, Outcome, OutcomeKind, PhaseTransition, StartSprint
from interhost_hookspecs.testing import EPOCH, make_intent
from interhost_intersearch import adapter

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Desk

AT = EPOCH - timedelta(minutes=5)


@pytest.fixture
def kept(desk: Desk) -> Desk:
    """A project with an index, which the user wants to be kept."""
    desk.ctx.config = {"keep_index": True}
    desk.store().put("docs/old.md", (9.0, 0.0, 0.0, 0.0), at=AT)
    return desk


def written(desk: Desk, path: Path, change: Change | None = None, kind: str = "doc") -> Outcome | None:
    """What comes of an artifact that is ready."""
    intent = make_intent(ArtifactReady(kind=kind, change=change), artifact_path=path, project_dir=desk.project)
    outcome: Outcome | None = adapter.on_artifact_ready(intent, desk.ctx)
    return outcome


def start(desk: Desk) -> Outcome:
    """What comes of a sprint that begins."""
    outcome: Outcome = adapter.on_start_sprint(
        make_intent(StartSprint(trigger="claim"), project_dir=desk.project), desk.ctx
    )
    return outcome


def test_by_default_nothing_is_kept(desk: Desk) -> None:
    """It loads a model at every file."""
    desk.store()
    assert written(desk, desk.file("docs/a.md")) is None
    assert start(desk) == Outcome.skipped("keep_index is off")
    assert desk.jobs == []


def test_a_file_that_was_written_is_indexed(kept: Desk) -> None:
    """With the model of the store, which is not emptied (trap 2)."""
    assert written(kept, kept.file("docs/a.md", "auth auth undo")) == Outcome.done("1 indexed")
    assert kept.store().rows() == {"docs/old.md": (9.0, 0.0, 0.0, 0.0), "docs/a.md": (2.0, 0.0, 1.0, 0.0)}
    assert written(kept, kept.project / "docs/a.md") == Outcome.skipped("the index is up to date")
    assert len(kept.jobs) == 1


def test_a_store_of_another_model_keeps_it(desk: Desk) -> None:
    """The library's own default would delete every embedding of this store."""
    desk.ctx.config = {"keep_index": True}
    desk.store(model="all-MiniLM-L6-v2").put("docs/old.md", (9.0,), at=AT)
    assert written(desk, desk.file("docs/a.md")) == Outcome.done("1 indexed")
    assert set(desk.store(model="all-MiniLM-L6-v2").rows()) == {"docs/old.md", "docs/a.md"}
    assert json.loads(desk.jobs[0].stdin or "")["model"] == "all-MiniLM-L6-v2"


def test_a_file_that_is_gone_is_forgotten(kept: Desk) -> None:
    """The tool never does that (trap 3)."""
    assert written(kept, kept.project / "docs/old.md", Change.REMOVED) == Outcome.done("1 removed")
    assert kept.store().rows() == {}


def test_a_plan_is_indexed_and_then_compared(kept: Desk) -> None:
    """One model is loaded, for the index; the comparison takes the embedding from there."""
    kept.file("docs/old.md")
    assert written(kept, kept.file("docs/plans/p.md", "auth"), kind="plan") == Outcome.done("advised: docs/old.md")
    assert len(kept.jobs) == 1


@pytest.mark.parametrize("to", ["brainstorm", "planned"])
def test_documents_are_indexed_before_work_begins(kept: Desk, to: str) -> None:
    """Those that changed since they were indexed; what is gone is forgotten, and only below docs."""
    kept.store().put("src/gone.py", (1.0, 0.0, 0.0, 0.0), at=AT)
    for name in ("docs/a.md", "docs/deep/b.md", "docs/c.txt", "README.md"):
        kept.file(name, name)
    intent = make_intent(PhaseTransition(to=to, phase_model="interphase-8"), project_dir=kept.project)
    assert adapter.on_phase_transition(intent, kept.ctx) == Outcome.done("2 indexed, 1 removed")
    assert set(kept.store().rows()) == {"docs/a.md", "docs/deep/b.md", "src/gone.py"}
    assert start(kept) == Outcome.skipped("the index is up to date")
    kept.file("docs/a.md", "another text")
    assert start(kept) == Outcome.done("1 indexed")
    assert json.loads(kept.jobs[-1].stdin or "")["index"] == ["docs/a.md"]


@pytest.mark.parametrize("to", ["executing", "shipping", "reflect", ""])
def test_other_phases_are_not_its_business(kept: Desk, to: str) -> None:
    """Whatever is written then is told as an artifact."""
    intent = make_intent(PhaseTransition(to=to, phase_model="interphase-8"), project_dir=kept.project)
    assert adapter.on_phase_transition(intent, kept.ctx) is None


def test_many_documents_are_indexed_bit_by_bit(kept: Desk) -> None:
    """Fifty in one go, so that nobody waits for long; the next occasion goes on with the rest."""
    for number in range(60):
        kept.file(f"docs/{number}.md", f"{number}")
    assert start(kept) == Outcome.done("50 indexed, 1 removed")
    assert kept.jobs[0].timeout == 160.0
    assert start(kept) == Outcome.done("10 indexed")


def test_what_is_no_text_of_the_project_is_left_out(kept: Desk) -> None:
    """Outside, through a link, too large (trap 5), with zero bytes, no file, or with an odd name."""
    outside = kept.home / "secret.md"
    outside.write_text("secret")
    link = kept.project / "link.md"
    link.symlink_to(outside)
    (kept.project / "folder.md").mkdir()
    paths = [
        *(outside, link, kept.project / "folder.md", kept.project / ".." / "secret.md"),
        *(kept.file("large.md", "x" * (256 * 1024 + 1)), kept.file("zero.md", "a\0b"), kept.file("a\x1bb.md")),
        *(kept.project / "a\0b.md", kept.project / ("x" * 5000)),
    ]
    for path in paths:
        outcome = written(kept, path)
        assert outcome is None or outcome.kind is OutcomeKind.SKIPPED, path
    assert kept.jobs == []


def test_without_intersearch_or_index_it_is_skipped(kept: Desk) -> None:
    """No index is made for a project that has none."""
    kept.ctx.projects = ()
    assert start(kept).reason.startswith("intersearch has no index of this project")
    kept.ctx.root = None
    assert start(kept) == Outcome.skipped("intersearch is not installed")


def test_a_file_that_the_model_refuses_stops_no_other(kept: Desk) -> None:
    """The outcome says how many there were."""
    kept.file("docs/a.md", "\a")
    kept.file("docs/b.md", "b")
    assert start(kept) == Outcome.failed("1 indexed, 1 failed, 1 removed")


def test_a_library_that_fails_is_said(kept: Desk) -> None:
    """And a plan is not compared on top of it."""
    kept.trouble("raise OSError('no model')")
    outcome = written(kept, kept.file("docs/plans/p.md"), kind="plan")
    assert outcome == Outcome.failed("intersearch: OSError: no model")


@pytest.mark.parametrize("answer", ["", "[]", '{"indexed": "many"}', "{}"])
def test_an_answer_that_says_nothing_is_a_failure(kept: Desk, answer: str) -> None:
    """That something was indexed is not guessed."""
    path = kept.file("docs/a.md")
    interpreter = next(iter(kept.ctx.commands))
    kept.ctx.commands[interpreter] = Completed(argv=(interpreter,), returncode=0, stdout=answer)
    assert written(kept, path) == Outcome.failed("intersearch did not say what it did")
    kept.ctx.config = {}
    assert written(kept, path, kind="plan") == Outcome.failed("intersearch answered no embedding")
