"""What was changed in a project, by a real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from interhost_hookspecs import Completed
from interhost_hookspecs.changes import list_changes, read_base, read_commit
from interhost_hookspecs.testing import FakeCommand, FakeContext

ENVIRON = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class Repository:
    """A repository in a directory whose name needs quoting, and a context that runs git."""

    def __init__(self, base: Path) -> None:
        self.root = base / "a project's $HOME"
        self.root.mkdir()
        self.environ = {**ENVIRON, "HOME": str(base)}
        self.ctx = FakeContext(base, commands={"git": self._run})
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=self.environ, capture_output=True, text=True, check=True
        )
        return done.stdout

    def write(self, name: str, text: str = "x") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, *names: str) -> str:
        for name in names:
            self.write(name)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD").strip()

    def _run(self, command: FakeCommand) -> Completed:
        done = subprocess.run(
            command.argv,
            cwd=command.cwd,
            env={**self.environ, **command.env},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        return Completed(argv=command.argv, returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository."""
    return Repository(tmp_path)


def test_a_repository_without_commits_has_only_what_is_new(repository: Repository) -> None:
    """Also names that git would quote."""
    assert (read_commit(repository.root, repository.ctx), list_changes(repository.root, repository.ctx)) == (None, ())
    assert read_base(repository.root, repository.ctx) is None
    repository.write('ui/"ü\n.css')
    assert list_changes(repository.root, repository.ctx) == ('ui/"ü\n.css',)


def test_the_last_commit_and_what_is_not_committed_count(repository: Repository) -> None:
    """Added, changed, removed, renamed; ignored files do not."""
    repository.commit("old.css", "gone.css", ".gitignore")
    head = repository.commit("new.css")
    assert read_commit(repository.root, repository.ctx) == head
    assert list_changes(repository.root, repository.ctx) == ("new.css",)
    repository.write(".gitignore", "*.log\n")
    repository.write("a.log")
    (repository.root / "gone.css").unlink()
    repository.git("mv", "old.css", "moved.css")
    assert list_changes(repository.root, repository.ctx) == (
        *(".gitignore", "gone.css", "moved.css", "new.css", "old.css"),
    )


def test_what_was_not_pushed_counts(repository: Repository) -> None:
    """Of a branch with an upstream; when all was pushed, it is the last commit."""
    base = repository.commit("base.css")
    repository.git("clone", "-q", "--bare", ".", "../up.git")
    repository.git("remote", "add", "origin", "../up.git")
    repository.git("fetch", "-q")
    repository.git("branch", "-q", "--set-upstream-to=origin/main")
    one = repository.commit("one.css")
    repository.commit("two.css")
    assert list_changes(repository.root, repository.ctx) == ("one.css", "two.css")
    assert read_base(repository.root, repository.ctx) == base
    repository.git("push", "-q")
    assert list_changes(repository.root, repository.ctx) == ("two.css",)
    assert read_base(repository.root, repository.ctx) == one


def test_no_program_of_the_repository_is_run(repository: Repository) -> None:
    """It may name some for git to run."""
    repository.commit("a.css")
    repository.commit("b.css")
    trap = repository.root / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch '{repository.ctx.home}/PWNED'\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "diff.x.textconv", "diff.x.command", "core.pager"):
        repository.git("config", key, str(trap))
    repository.write(".gitattributes", "*.css diff=x\n")
    repository.write("b.css", "changed")
    changes = list_changes(repository.root, repository.ctx)
    assert changes
    assert "b.css" in changes
    assert not (repository.ctx.home / "PWNED").exists()


def test_without_git_or_a_repository_nobody_can_say(tmp_path: Path) -> None:
    """That is not the same as no changes."""
    ctx = FakeContext(tmp_path)
    assert (read_commit(tmp_path, ctx), list_changes(tmp_path, ctx)) == (None, None)
    ctx.commands["git"] = Completed(argv=("git",), returncode=128, stderr="fatal: not a git repository")
    assert (read_commit(tmp_path, ctx), list_changes(tmp_path, ctx)) == (None, None)
    ctx.commands["git"] = Completed(argv=("git",), returncode=None, problem="timed out after 10 s")
    assert (read_commit(tmp_path, ctx), list_changes(tmp_path, ctx)) == (None, None)
