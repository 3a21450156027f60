"""Runs of the kernel, as ``ic`` tells them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interhost_hookspecs import Completed, KernelRun
from interhost_hookspecs.phases import CHAINS
from interhost_hookspecs.testing import FakeCommand, FakeContext

# As reference/cli-contracts.md section 1.5 has it, with the scope that a sprint's run has.
RUN: dict[str, object] = {
    "created_at": 1795170949,
    "id": "sv1dft5o",
    "phase": "strategized",
    "scope_id": "iv-abc1",
    "status": "active",
}


class Kernel:
    """An ``ic`` that has some runs and actions, and a project with its database."""

    def __init__(self, project: Path, *runs: dict[str, object]) -> None:
        self.project = project
        self.runs = [{**RUN, **run} for run in runs]
        self.actions: list[dict[str, object]] = []
        self.adding = 0
        self.ctx = FakeContext(project, commands={"ic": self.answer})
        (project / ".clavain").mkdir()
        (project / ".clavain" / "intercore.db").touch()

    def answer(self, command: FakeCommand) -> Completed:
        assert (command.argv[1:3], command.cwd) == (("--json", "--timeout=5s"), self.project)
        words = command.argv[3:]
        if words[:2] == ("run", "status"):
            found: object = next((one for one in self.runs if one["id"] == words[2]), {"error": "not found"})
        else:
            found = self.actions if words[:3] == ("run", "action", "list") else self.runs
        adding = words[:3] == ("run", "action", "add")
        return Completed(argv=command.argv, returncode=self.adding if adding else 0, stdout=json.dumps(found))

    @property
    def run(self) -> KernelRun:
        run = self.ctx.runs.read("sv1dft5o", self.project)
        assert run is not None
        return run


def run_in(phase: str | None, chain: object = CHAINS["ic-9"]) -> KernelRun:
    assert isinstance(chain, tuple)
    return KernelRun(id="r", project=Path("/p"), phase=phase, phases=chain, is_active=True)


def test_a_run_is_read_by_its_id(tmp_path: Path) -> None:
    """Without phases of its own it has the kernel's."""
    run = Kernel(tmp_path, {}).run
    assert (run.id, run.phase, run.following, run.is_active) == ("sv1dft5o", "strategized", "planned", True)
    assert run.phases == CHAINS["ic-9"]


def test_a_run_with_phases_of_its_own_follows_them(tmp_path: Path) -> None:
    """And one that is over is not active."""
    run = Kernel(tmp_path, {"phases": ["strategized", "shipped"], "status": "completed"}).run
    assert (run.following, run.is_active) == ("shipped", False)


@pytest.mark.parametrize("text", ["", "usage: ic", "[]", "null"])
def test_an_answer_that_is_no_run_is_none(tmp_path: Path, text: str) -> None:
    """Help texts, log lines, and nothing at all."""
    kernel = Kernel(tmp_path)
    kernel.ctx.commands["ic"] = Completed(argv=("ic",), returncode=0, stdout=text)
    assert kernel.ctx.runs.read("r", tmp_path) is None
    assert kernel.ctx.runs.find_active("iv-abc1", tmp_path) is None


def test_ic_is_not_asked_where_there_is_no_database(tmp_path: Path) -> None:
    """Every command would create an empty one."""
    ctx = FakeContext(tmp_path, commands={"ic": Completed(argv=("ic",), returncode=0, stdout=json.dumps([RUN]))})
    assert ctx.runs.read("sv1dft5o", tmp_path) is None
    assert ctx.runs.find_active("iv-abc1", tmp_path) is None
    assert ctx.ran == []


def test_the_newest_run_of_a_bead_is_found(tmp_path: Path) -> None:
    """Another bead's is not; a run whose age is not known is the oldest."""
    kernel = Kernel(
        tmp_path,
        {"id": "old", "created_at": 1},
        {"id": "new", "created_at": 2},
        {"id": "odd", "created_at": "yesterday"},
        {"id": "other", "created_at": 3, "scope_id": "iv-zzz"},
    )
    found = kernel.ctx.runs.find_active("iv-abc1", tmp_path)
    assert found is not None
    assert found.id == "new"
    assert kernel.ctx.runs.find_active("iv-none", tmp_path) is None


def test_a_project_has_the_runs_that_belong_to_no_bead(tmp_path: Path) -> None:
    """Of its own: one database may serve several."""
    kernel = Kernel(
        tmp_path,
        {"id": "beads"},
        {"id": "ours", "scope_id": None, "project_dir": str(tmp_path)},
        {"id": "theirs", "scope_id": None, "project_dir": "/elsewhere", "created_at": 1 << 40},
    )
    found = kernel.ctx.runs.find_active("project:x", tmp_path)
    assert found is not None
    assert found.id == "ours"


@pytest.mark.parametrize(
    ("phase", "following"), [("brainstorm", "brainstorm-reviewed"), ("done", None), ("shipping", None), (None, None)]
)
def test_the_phase_that_follows_is_that_of_the_chain(phase: str | None, following: str | None) -> None:
    """None at the end, and from where the chain does not have."""
    assert run_in(phase).following == following


@pytest.mark.parametrize(
    ("wanted", "phase"),
    [("planned", "planned"), ("strategized", "strategized"), ("brainstorm", "strategized"), (None, "strategized")],
)
def test_a_phase_that_is_past_is_not_waited_for(wanted: str | None, phase: str) -> None:
    """The present one takes its place; so it does for a phase that the run does not have."""
    assert run_in("strategized").upcoming(wanted) == phase
    assert run_in("strategized").upcoming("shipping") == "strategized"
    assert run_in("unheard-of").upcoming(wanted) == "unheard-of"


def test_an_action_is_added_to_a_phase(tmp_path: Path) -> None:
    """With its arguments as JSON, for the session of the sprint."""
    kernel = Kernel(tmp_path, {})
    assert kernel.ctx.runs.add_action(kernel.run, "planned", "/x:review", ["docs/p.md"])
    assert kernel.ctx.ran[-1][3:] == (
        *("run", "action", "add", "sv1dft5o", "--phase=planned"),
        *("--command=/x:review", '--args=["docs/p.md"]', "--mode=interactive"),
    )


@pytest.mark.parametrize(
    ("args", "is_same"), [(["docs/p.md"], True), (["${artifact:plan}"], True), (["docs/q.md"], False), (None, False)]
)
def test_a_refusal_is_held_against_what_stands_there(tmp_path: Path, args: list[str] | None, is_same: bool) -> None:
    """The same action is as good as added, also as Clavain seeds it; another document's is not."""
    kernel = Kernel(tmp_path, {})
    kernel.adding = 1
    kernel.actions = [{"command": "/x:review", "args": args}]
    runs, run = kernel.ctx.runs, kernel.run
    assert runs.add_action(run, "planned", "/x:review", ["docs/p.md"], seeded=["${artifact:plan}"]) is is_same
    assert not runs.add_action(run, "planned", "/x:other", ["docs/p.md"])


def test_any_other_failure_added_nothing(tmp_path: Path) -> None:
    """A version that has no actions ends with 3; nothing is listed then."""
    kernel = Kernel(tmp_path, {})
    run, kernel.adding = kernel.run, 3
    assert not kernel.ctx.runs.add_action(run, "planned", "/x:review", [])
    assert kernel.ctx.ran[-1][5] == "add"


def test_any_question_is_asked_for_json_and_with_patience(tmp_path: Path) -> None:
    """The kernel's own wait for its database is 100 ms, and its flags stand anywhere."""
    kernel = Kernel(tmp_path, {})
    assert json.loads(kernel.ctx.runs.ask(["run", "list"], tmp_path).stdout)[0]["id"] == "sv1dft5o"
    assert kernel.ctx.ran == [("ic", "--json", "--timeout=5s", "run", "list")]


@pytest.mark.parametrize("run_id", ["--db=/tmp/x", "-h", "", "a b", "../x"])
def test_an_id_that_could_be_an_option_is_no_run(tmp_path: Path, run_id: str) -> None:
    """The database may be a stranger's, as the tracker's state may."""
    kernel = Kernel(tmp_path, {"id": run_id, "status": "active", "scope_id": "iv-b"})
    assert kernel.ctx.runs.read(run_id, tmp_path) is None
    assert kernel.ctx.ran == []
    assert kernel.ctx.runs.find_active("iv-b", tmp_path) is None
