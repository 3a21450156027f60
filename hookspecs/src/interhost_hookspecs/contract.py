"""Hold an adapter against the hook specifications, before anything is called.

The host refuses an adapter with problems; an author's tests call :func:`list_problems` and see the same words.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable

from pluggy import HookImpl, PluginManager, PluginValidationError

from interhost_hookspecs import specs


class ContractError(Exception):
    """An adapter does not fit the hook specifications.

    Attributes:
        adapter: Name of the adapter.
        problems: Every problem found, one line each.
    """

    def __init__(self, adapter: str, problems: list[str]) -> None:
        """Join the problems into one line."""
        super().__init__(f"{adapter}: {'; '.join(problems)}")
        self.adapter = adapter
        self.problems = problems


def register_adapter(plugin: object, name: str) -> PluginManager:
    """Register one adapter with a manager of its own.

    A manager each means that no adapter can break, wrap or reorder the calls of another.

    Args:
        plugin: The adapter's module, or any object with ``@hookimpl`` functions.
        name: Name to register it under.

    Raises:
        ContractError: An implementation has no specification, takes an unknown argument, is ``async def``, or is
            annotated with other types than its specification.
    """
    manager = PluginManager("interhost")
    manager.add_hookspecs(specs)
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except PluginValidationError as error:
        raise ContractError(name, [_one_line(error)]) from error
    problems = [problem for hook, impl in _implementations(manager, plugin) for problem in _problems(hook, impl)]
    if problems:
        raise ContractError(name, problems)
    return manager


def list_problems(plugin: object, name: str = "adapter") -> list[str]:
    """Name everything that would make the host refuse this adapter; empty when it fits."""
    try:
        register_adapter(plugin, name)
    except ContractError as error:
        return error.problems
    return []


def _implementations(manager: PluginManager, plugin: object) -> list[tuple[str, HookImpl]]:
    callers = manager.get_hookcallers(plugin) or []
    return [(caller.name, impl) for caller in callers for impl in caller.get_hookimpls() if impl.plugin is plugin]


def _problems(name: str, impl: HookImpl) -> list[str]:
    function: Callable[..., object] = impl.function
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return [f"{name} is 'async def'; hooks are plain functions (use ctx.run for slow commands)"]
    expected = typing.get_type_hints(getattr(specs, name))
    try:
        given = typing.get_type_hints(function)
    except Exception as error:  # a name imported only under TYPE_CHECKING, or text that is no type
        return [f"{name}: annotations cannot be resolved ({error}); import the types of hooks at run time"]
    return [
        f"{name}: '{key}' is annotated {_show(hint)}, the specification says {_show(expected[key])}"
        for key, hint in given.items()
        if key in expected and not _fits(key, hint, expected[key])
    ]


def _fits(key: str, given: object, expected: object) -> bool:
    """Whether an annotation matches; one that always answers may leave ``None`` out of its return type."""
    return given == expected or (key == "return" and given in typing.get_args(expected))


def _show(hint: object) -> str:
    """Name a type without its modules."""
    text = hint.__qualname__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
    return re.sub(r"\w+\.", "", text)


def _one_line(error: PluginValidationError) -> str:
    """Say what pluggy refused in one line."""
    return " ".join(str(error.args[-1] if error.args else error).split())
