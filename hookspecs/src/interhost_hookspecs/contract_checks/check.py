"""One check: a function that names problems, as a call that raises."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from attrs import frozen

from interhost_hookspecs.contract import ContractError
from interhost_hookspecs.contract_checks.subject import Subject, read_subject


@frozen
class ContractCheck:
    """One check that an adapter can be held to.

    Attributes:
        look: Names what is wrong, one line for each problem that says what to do.
    """

    look: Callable[[Subject], Iterable[str]]

    @property
    def name(self) -> str:
        """The promise, such as ``has_one_name``."""
        return self.look.__name__

    def __call__(self, adapter: ModuleType) -> None:
        """Hold an adapter to it.

        Args:
            adapter: The module that the entry point names.

        Raises:
            AssertionError: It does not keep it; each problem on a line of its own.
        """
        __tracebackhide__ = True  # the reader needs the message, not how it was found
        try:
            problems = list(dict.fromkeys(self.look(read_subject(adapter))))  # each machine may have the same
        except ContractError as error:
            problems = error.problems
        if problems:
            raise AssertionError("\n".join([f"{adapter.__name__} does not hold {self.name}:", *problems]))
