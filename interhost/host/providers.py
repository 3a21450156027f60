"""Guards and submissions: questions and writes that providers answer, asked one by one behind a fence.

pluggy's ``firstresult`` would let one provider that raises end the call for all. Source: design section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import NamedTuple, TypeVar, cast

from interhost_hookspecs import (
    HookCaller,
    SubmissionError,
    register_adapter,
)

from interhost.host import builtin_guards
from interhost.host.loading import LoadedAdapter, describe, is_strict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from interhost.submission.programs import Desk
T = TypeVar("T")
Report = Callable[[str, str, str], None]
BUILT_IN = "interbase"


class Provider(NamedTuple):
    """Somebody who may answer."""

    name: str
    hook: HookCaller


class Providers:
    """Every loaded adapter that may answer, in name order, and after them interbase.

    Args:
        adapters: The loaded adapters.
        report: Called with (adapter, hook, reason) for each provider that is asked; an empty reason when it went well.
    """

    def __init__(self, adapters: Sequence[LoadedAdapter], report: Report) -> None:
        """Keep the providers."""
        self._all = [Provider(adapter.name, adapter.hook) for adapter in adapters]
        self._all.append(Provider(BUILT_IN, cast(HookCaller, register_adapter(builtin_guards, BUILT_IN).hook)))
        self._report = report

    def reporting(self, report: Report) -> Providers:
        """The same providers, with another place for what goes wrong: a thread has its own connection."""
        others = copy(self)
        others._report = report
        return others

    def ask(self, question: Callable[[HookCaller], Sequence[T]], hook: str, then: Sequence[Provider] = ()) -> T | None:
        """The first answer, or ``None``. A provider that raises is reported and passed over.

        Args:
            question: Asks one provider.
            hook: Name of the hook, for the report.
            then: Further providers, asked last.

        Raises:
            SubmissionError: A provider refused, which is an answer.
        """
        for provider in (*self._all, *then):
            try:
                answers = question(provider.hook)
            except SubmissionError:
                raise
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if is_strict():
                    raise
                self._report(provider.name, hook, describe(error))
                continue
            self._report(provider.name, hook, "")
            if answers:
                return answers[0]
        return None

    def ask_for_submission(self, question: Callable[[HookCaller], Sequence[T]], hook: str, desk: Desk) -> T | None:
        """The first answer of an adapter, else of ``clavain-cli``, else of ``ic``; see :meth:`ask`.

        Args:
            question: Asks one provider.
            hook: Name of the hook.
            desk: Where the built-in ones are at work.
        """
        from interhost.submission.builtin import ByPolicy, WithoutPolicy  # 10 ms, for few

        built_in = {"clavain-cli": ByPolicy(desk), "ic": WithoutPolicy(desk)}
        then = [Provider(name, cast(HookCaller, register_adapter(one, name).hook)) for name, one in built_in.items()]
        return self.ask(question, hook, then)


class HostGuards:
    """See :class:`interhost_hookspecs.Guards`. Who answers last is interbase; no answer means "no"."""

    def __init__(self, providers: Providers) -> None:
        """Ask these providers."""
        self._providers = providers

    def has_ic(self) -> bool:
        """Whether ``ic`` can be used."""
        return bool(self._providers.ask(lambda hook: hook.has_ic(), "has_ic"))

    def has_bd(self) -> bool:
        """Whether ``bd`` can be used."""
        return bool(self._providers.ask(lambda hook: hook.has_bd(), "has_bd"))

    def has_companion(self, name: str) -> bool:
        """Whether a plugin is installed."""
        return bool(name and self._providers.ask(lambda hook: hook.has_companion(name=name), "has_companion"))

    def in_ecosystem(self) -> bool:
        """Whether the central interbase install exists."""
        return bool(self._providers.ask(lambda hook: hook.in_ecosystem(), "in_ecosystem"))

    def get_bead(self) -> str:
        """The current bead."""
        return self._providers.ask(lambda hook: hook.get_bead(), "get_bead") or ""

    def in_sprint(self) -> bool:
        """Whether a sprint is on."""
        return bool(self._providers.ask(lambda hook: hook.in_sprint(), "in_sprint"))
