"""Documents below ``docs``: what is told of them, and that a phase in a header is nobody's news but interphase's."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ArtifactReady, Change, Draft

if TYPE_CHECKING:
    from .conftest import Machine

PLAN = "# Undo stack\n\n**Bead:** iv-abc1\n**Phase:** planned (as of 2026-02-26T04:06:17Z)\n\nText.\n"


def write(machine: Machine, text: str | bytes, name: str = "docs/plans/p.md") -> Path:
    path = machine.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def written(machine: Machine, text: str | bytes, name: str = "docs/plans/p.md") -> list[Draft]:
    """A document that is written, and what a look tells of it."""
    machine.ctx.changed_files = [write(machine, text, name)]
    return machine.look()


@pytest.fixture
def seen(machine: Machine) -> Machine:
    """A project that was looked at once, when it had one old plan."""
    write(machine, "# Old\n", "docs/plans/old.md")
    machine.look()
    return machine


def test_a_plan_is_told_with_bead_phase_and_title(seen: Machine) -> None:
    """By its content, so that registering it with a run tells nothing new."""
    [draft] = written(seen, PLAN)
    content = sha256(PLAN.encode()).hexdigest()
    path = seen.project / "docs" / "plans" / "p.md"
    assert draft == Draft(
        payload=ArtifactReady(kind="plan", title="Undo stack", change=Change.CREATED, phase="planned", sha256=content),
        context_id="iv-abc1",
        artifact_path=path,
        project_dir=seen.project,
        source_hook="file:docs/plans",
        dedupe_key=f"artifact:plan:{path}:{content}",
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("docs/brainstorms/2026-02-26-mesh-brainstorm.md", "brainstorm"),
        ("docs/prds/2026-02-26-mesh.md", "prd"),
        ("docs/plans/deep/er/p.md", "plan"),
        ("docs/plans/p.criteria.md", "acceptance-criteria"),
        ("docs/plans/p.criteria-results.md", "criteria-results"),
    ],
)
def test_each_folder_has_its_kind(seen: Machine, name: str, kind: str) -> None:
    """And what lies beside a plan is none."""
    [draft] = written(seen, "text without any header", name)
    assert isinstance(draft.payload, ArtifactReady)
    assert (draft.payload.kind, draft.payload.title, draft.context_id) == (kind, None, None)


def test_a_prd_names_its_bead_in_the_front_matter(seen: Machine) -> None:
    """strategy.md writes it there; what is no bead is none."""
    front = "---\nartifact_type: prd\nbead: {}\ntitle: Undo\n---\n\nText.\n"
    [draft] = written(seen, front.format("sylveste-kgfi.3"), "docs/prds/a.md")
    assert (draft.context_id, getattr(draft.payload, "title", "")) == ("sylveste-kgfi.3", "Undo")
    [other] = written(seen, front.format("TBD"), "docs/prds/b.md")
    assert other.context_id is None


def test_a_phase_that_is_written_into_the_header_is_no_change(seen: Machine) -> None:
    """Interphase writes it there and tells the move; only another text is news."""
    written(seen, PLAN)
    assert written(seen, PLAN.replace("planned", "executing")) == []
    assert written(seen, PLAN.replace("**Phase:** planned (as of 2026-02-26T04:06:17Z)\n", "")) == []
    [draft] = written(seen, PLAN + "More.\n")
    assert getattr(draft.payload, "change", "") == "updated"


@pytest.mark.parametrize(
    ("line", "phase"),
    [
        ("**Phase:** planned (as of 2026-02-26T04:06:17Z)", "planned"),
        ("Phase: brainstorm", "brainstorm"),
        ("**Phase**: strategy-reviewed", "strategy-reviewed"),
        ("Phases of the moon", None),
        ("Phase 1 is easy", None),
        ("In **Phase:** planned", None),
    ],
)
def test_a_phase_is_that_of_a_header(seen: Machine, line: str, phase: str | None) -> None:
    """With a colon, at the start of a line; prose about phases is none."""
    [draft] = written(seen, f"# P\n\n{line}\n")
    assert getattr(draft.payload, "phase", "") == phase


def test_a_document_of_before_the_first_look_is_updated(seen: Machine) -> None:
    """It was there; whatever comes later was created, also after it was taken away."""
    [old] = written(seen, "# Old, revised\n", "docs/plans/old.md")
    [new] = written(seen, "# New\n", "docs/plans/new.md")
    assert [getattr(one.payload, "change", "") for one in (old, new)] == ["updated", "created"]


def test_history_is_told_to_whoever_asks_for_it(machine: Machine) -> None:
    """With --backfill what is there was created some time ago."""
    machine.ctx.backfill = True
    assert [getattr(one.payload, "change", "") for one in written(machine, PLAN)] == ["created"]


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00# T\xff\n**Bead:** \xff\n",
        b"# " + b"x" * 2_000_000,
        b"",
        "\ufeff# T\n**Phase:** $(reboot)\n".encode(),
        b"---\n" * 1000,
        b"# a\x1b]0;evil\x07\n",
    ],
)
def test_whatever_a_document_holds_it_is_told(seen: Machine, text: bytes) -> None:
    """No UTF-8, huge, empty, with a byte order mark, with escapes: it exists, which is all that is claimed."""
    [draft] = written(seen, text)
    assert isinstance(draft.payload, ArtifactReady)
    assert draft.payload.sha256 == sha256(text).hexdigest()
    assert len(draft.payload.title or "") <= 300


def test_a_document_that_is_gone_again_is_not_told(seen: Machine) -> None:
    """Between noticing and reading it somebody removed it."""
    path = write(seen, PLAN)
    path.unlink()
    path.mkdir()
    seen.ctx.changed_files = [path]
    assert seen.look() == []
