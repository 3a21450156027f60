"""Real programs in an adapter's tests."""

from __future__ import annotations

import time
from pathlib import Path

from interhost_hookspecs.testing import FakeContext, Programs


def context(tmp_path: Path, programs: Programs) -> FakeContext:
    """A context that may run ``tool``."""
    return FakeContext(tmp_path, commands=programs.named("tool"))


def test_a_stand_in_is_run_for_real(tmp_path: Path) -> None:
    """With arguments, input, variables and folder as the adapter gave them; its answer is what it said."""
    programs = Programs(tmp_path, environ={"ONE": "1", "TWO": "1"})
    programs.install("tool", '#!/bin/sh\necho "$HOME $ONE $TWO $PWD $1" && cat && printf "\\377" >&2 && exit 3\n')
    (tmp_path / "a b").mkdir()
    answer = context(tmp_path, programs).run(["tool", "x y"], cwd=tmp_path / "a b", stdin="in", env={"TWO": "2"})
    assert (answer.returncode, answer.stdout) == (3, f"{tmp_path} 1 2 {tmp_path}/a b x y\nin")
    assert (answer.stderr, answer.ok) == ("\N{REPLACEMENT CHARACTER}", False)
    assert [command.argv for command in programs.ran] == [("tool", "x y")]


def test_it_runs_where_it_is_told(tmp_path: Path) -> None:
    """By the adapter, by the test, or at home; without input it reads nothing."""
    for cwd in (None, tmp_path / "project"):
        (cwd or tmp_path).mkdir(exist_ok=True)
        programs = Programs(tmp_path, cwd=cwd)
        programs.install("tool", "#!/bin/sh\npwd && cat\n")
        assert context(tmp_path, programs).run(["tool"]).stdout == f"{cwd or tmp_path}\n"


def test_a_program_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """Whether the test named it or not."""
    ctx = context(tmp_path, Programs(tmp_path, environ={"PATH": str(tmp_path)}))
    for name in ("tool", "other"):
        answer = ctx.run([name])
        assert (answer.missing, answer.problem) == (True, f"{name}: not found")


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """After the test's limit; what it says is the adapter's own deadline, and what it had printed is kept.

    Its child would keep its output open for a minute.
    """
    programs = Programs(tmp_path, limit=lambda command: 0.5 if "hang" in command.argv else None)
    programs.install("tool", "#!/bin/sh\nsleep 60 &\necho begun\nwait\n")
    begin = time.monotonic()
    answer = context(tmp_path, programs).run(["tool", "hang"], timeout=30)
    assert time.monotonic() - begin < 20
    assert (answer.returncode, answer.stdout) == (None, "begun\n")
    assert answer.problem == "tool: timed out after 30 s"
