"""Repositories of every shape: found without git, watched by their files' times, asked with git."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import Completed, DriftDetected
from interhost_interdoc import adapter
from interhost_interdoc.repository import find_repository

if TYPE_CHECKING:
    from .conftest import Machine


def moved(machine: Machine, project: Path) -> set[str]:
    """What differs in a repository since this was last asked."""
    repository = find_repository(project)
    assert repository is not None
    now = repository.read_signatures()
    before = vars(machine).setdefault("before", {})
    found = {name for name in now if before.get(name) != now[name]}
    vars(machine)["before"] = now
    return found


def test_every_way_to_move_is_seen(machine: Machine) -> None:
    """Commits, checkouts, resets, staging and writing, each by the times of a few files."""
    moved(machine, machine.repo)
    assert moved(machine, machine.repo) == set()
    machine.commit({"a": "1"})
    assert "head" in moved(machine, machine.repo)
    machine.git("checkout", "-q", "-b", "other")
    assert "head" in moved(machine, machine.repo)
    machine.git("checkout", "-q", "--detach", "main")
    assert "head" in moved(machine, machine.repo)
    machine.git("checkout", "-q", "main")
    moved(machine, machine.repo)
    machine.git("reset", "-q", "--hard", "HEAD~1")
    assert "head" in moved(machine, machine.repo)
    machine.git("gc", "-q")
    moved(machine, machine.repo)
    machine.commit({"a": "2"})
    assert "head" in moved(machine, machine.repo)
    machine.write("b", "1")
    assert moved(machine, machine.repo) == set()
    machine.git("add", "b")
    assert moved(machine, machine.repo) == {"index"}
    machine.write("AGENTS.md", "# By hand\n")
    assert moved(machine, machine.repo) == {"document"}


def test_a_packed_branch_that_moves_is_seen(machine: Machine) -> None:
    """After a ``gc`` the branch is a line of one file, until it moves."""
    machine.git("pack-refs", "--all")
    moved(machine, machine.repo)
    machine.commit({"a": "1"})
    assert "head" in moved(machine, machine.repo)


def test_a_worktree_moves_with_its_branch(machine: Machine) -> None:
    """Its HEAD and index are its own, its branch lies with all others."""
    tree = machine.base / "tree"
    machine.git("worktree", "add", "-q", "-b", "work", str(tree))
    moved(machine, tree)
    machine.git("commit", "-q", "--allow-empty", "-m", "Work", cwd=tree)
    assert moved(machine, tree) >= {"head"}
    machine.commit({"a": "1"})
    assert moved(machine, tree) == set()


def test_staleness_and_references_are_told_of_a_worktree(machine: Machine) -> None:
    """Only the script that cannot work there is not asked."""
    tree = machine.base / "tree"
    machine.git("worktree", "add", "-q", "-b", "work", str(tree))
    machine.ctx.projects = (tree,)
    machine.look()
    for number in range(3):
        (tree / "a").write_text(str(number))
        machine.git("add", "-A", cwd=tree)
        machine.git("commit", "-q", "-m", "Work", cwd=tree)
    (draft,) = machine.look()
    assert isinstance(draft.payload, DriftDetected)
    assert (draft.payload.signal, draft.artifact_path) == ("commits", tree / "AGENTS.md")
    assert machine.calls == [f"updates {tree}", f"refs {tree} AGENTS.md"]


def test_a_repository_without_commits_is_none_yet(machine: Machine) -> None:
    """Nothing can be told of it: git is not asked, and doctor finds nothing wrong, until the first commit."""
    empty = machine.base / "empty"
    empty.mkdir()
    machine.git("init", "-q", cwd=empty)
    machine.ctx.projects = (empty,)
    assert machine.look() == machine.look() == ()
    assert machine.ctx.ran == []
    assert find_repository(empty) is None
    machine.git("commit", "-q", "--allow-empty", "-m", "begin", cwd=empty)
    assert find_repository(empty) is not None


@pytest.mark.parametrize(
    "content", ["", "gitdir: nowhere\n", "gitdir: /\n", "gitdir: \0\n", "gitdir: a\ngitdir: b\n", "x" * 9999]
)
def test_what_is_no_repository_is_passed_over(machine: Machine, content: str) -> None:
    """No ``.git`` at all, an empty one, or a file that leads nowhere."""
    plain, hollow, odd = (machine.base / name for name in ("plain", "hollow", "odd"))
    for folder in (plain, hollow / ".git", odd):
        folder.mkdir(parents=True)
    (odd / ".git").write_text(content)
    machine.ctx.projects = (plain, hollow, odd, machine.base / "gone")
    assert machine.look() == ()
    assert machine.ctx.ran == []


def test_a_head_that_leads_out_is_only_compared(machine: Machine) -> None:
    """A HEAD is read as text; the place it names is never opened."""
    (machine.repo / ".git" / "HEAD").write_text("ref: ../../../../etc/passwd\0x\n" * 999)
    assert machine.look() == ()


@pytest.mark.parametrize("marker", ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge"])
def test_nothing_is_told_in_mid_rebase(machine: Machine, marker: str) -> None:
    """What a rebase or a merge passes through is not meant to stay; its end is told as one move."""
    (machine.repo / ".git" / marker).touch()
    for number in range(3):
        (machine.repo / "a").write_text(str(number))
        machine.git("add", "a")
        machine.git(
            "update-ref", "HEAD", machine.git("commit-tree", "-p", "HEAD", "-m", "x", machine.git("write-tree"))
        )
    assert machine.look() == ()
    assert machine.ctx.ran == []
    (machine.repo / ".git" / marker).unlink(missing_ok=True)
    assert len(machine.look()) == 1


def test_without_git_nothing_is_told(machine: Machine) -> None:
    """And nothing raises; doctor says what is missing."""
    del machine.ctx.commands["git"]
    machine.commit({"a": "1"})
    assert machine.look() == ()
    assert adapter.check_adapter(machine.ctx)[1].detail == "not installed"
    assert adapter.check_adapter(machine.ctx)[2].detail.endswith("git: not found")


def test_without_bash_nothing_is_told_of_interdoc(machine: Machine) -> None:
    """Commits are still told, which git knows."""
    del machine.ctx.commands["bash"]
    machine.commit({"AGENTS.md": "1", "a": "1"})
    assert len(machine.look()) == 1
    assert "bash is not installed" in adapter.check_adapter(machine.ctx)[2].detail


def test_a_hung_git_is_noted(machine: Machine) -> None:
    """It is ended by the deadline, and asked again when something moves."""
    machine.commit({"a": "1"})
    machine.ctx.commands["git"] = Completed(argv=("git",), returncode=None, problem="timed out after 10 s")
    assert machine.look() == ()
    assert "timed out after 10 s" in adapter.check_adapter(machine.ctx)[2].detail


def test_a_look_runs_no_program_of_the_repository(machine: Machine) -> None:
    """Its configuration names a monitor, a signature program and a diff program: none is started by our git."""
    trap = machine.base / "trap.sh"
    trap.write_text('#!/bin/sh\ntouch "$(dirname "$0")/sprung"\n')
    trap.chmod(0o755)
    machine.ctx.root = None
    machine.commit({"AGENTS.md": "1", "a": "1"})
    for key in ("core.fsmonitor", "gpg.program", "diff.external"):
        machine.git("config", key, str(trap))
    machine.git("config", "log.showSignature", "true")
    machine.look()
    assert not (machine.base / "sprung").exists()
    assert len(machine.ctx.ran) > 2


def test_a_look_leaves_the_index_as_it_is(machine: Machine) -> None:
    """Otherwise each look would be the cause of the next."""
    machine.commit({"a": "1"})
    (machine.repo / "a").touch()
    machine.look()
    machine.ctx.ran.clear()
    machine.look()
    assert machine.ctx.ran == []
