"""The mark that says whether the database has to be opened for what is wrong with adapters."""

from __future__ import annotations

from pathlib import Path

import pytest

from interhost.bus.bus import Bus
from interhost.bus.problem_mark import is_marked, set_mark
from interhost.errors import BusyError


def test_mark_stands_as_long_as_a_problem_does(tmp_path: Path) -> None:
    """It is there with the first problem, stays with the second, and goes with the records that are let go of."""
    root = str(tmp_path)
    tmp_path.chmod(0o700)
    with Bus(tmp_path) as bus:
        assert not is_marked(root)
        bus.store.set_problem("one", "load", "it broke")
        bus.store.set_problem("two", "load", "it broke, too")
        bus.store.set_problem("one", "load", "")
        bus.store.prune(0)
        assert is_marked(root)
        bus.store.set_problem("two", "load", "")
        bus.store.prune(0)
        assert not is_marked(root)


def clear_and_fail(bus: Bus) -> None:
    """A problem is gone, and then it is not."""
    with bus.database.transaction():
        bus.store.set_problem("one", "load", "")
        raise ZeroDivisionError


def test_problem_that_is_rolled_back_leaves_no_problem_without_a_mark(tmp_path: Path) -> None:
    """Whatever becomes of the transaction around it, a stored problem has its mark."""
    tmp_path.chmod(0o700)
    with Bus(tmp_path) as bus:
        bus.store.set_problem("one", "load", "it broke")
        with pytest.raises(ZeroDivisionError):
            clear_and_fail(bus)
        assert [one.adapter for one in bus.store.problems()] == ["one"]
        assert is_marked(str(tmp_path))


def test_mark_that_cannot_be_set_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Then the problem is not stored either, and whoever wanted to store it tries again."""
    with pytest.raises(BusyError, match="absent/problems: No such file or directory"):
        set_mark(str(tmp_path / "absent"))
