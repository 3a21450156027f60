"""Count and time the handlers of MCP tools, and let nothing but a :class:`ToolError` out of them.

Source: interface specification, domain 4, metrics middleware.
"""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar, overload

from interhost.interbase.toolerror import ToolError

P = ParamSpec("P")
R = TypeVar("R")


class ToolStats(NamedTuple):
    """What is known of one tool.

    Attributes:
        calls: How often it was called, and had ended.
        errors: How often it raised, or returned a result that says ``isError``.
        seconds: All its calls together.
        slowest: Its longest call, in seconds.
        error_types: Errors by type; ``RESULT`` where a result said so.
    """

    calls: int = 0
    errors: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    error_types: dict[str, int] = {}  # noqa: RUF012 - never changed, only replaced

    def and_one(self, seconds: float, error: str) -> ToolStats:
        """With one more call."""
        types = {**self.error_types, error: self.error_types.get(error, 0) + 1} if error else self.error_types
        return ToolStats(
            self.calls + 1, self.errors + bool(error), self.seconds + seconds, max(self.slowest, seconds), types
        )


class McpMetrics:
    """Counters of any number of tools; may be used from any thread.

    ::

        metrics = McpMetrics()

        @metrics.instrument
        def trace(event_id: str) -> Trace: ...

        @metrics.instrument("replay")
        async def handle_replay(arguments: dict[str, str]) -> list[Event]: ...

        handler = metrics.instrument("publish", publish)
    """

    def __init__(self) -> None:
        """Begin to count."""
        self._lock = threading.Lock()
        self._stats: dict[str, ToolStats] = {}

    @overload
    def instrument(self, name: str, handler: Callable[P, R]) -> Callable[P, R]: ...
    @overload
    def instrument(self, name: Callable[P, R]) -> Callable[P, R]: ...
    @overload
    def instrument(self, name: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def instrument(self, name: Any = None, handler: Any = None) -> Any:
        """Watch a handler.

        As ``@instrument``, ``@instrument()``, ``@instrument(name)`` or ``instrument(name, handler)``.

        An exception comes out as :class:`ToolError`, its cause attached. What ends a program or a task, such as
        ``KeyboardInterrupt`` or a cancellation, passes as it is and counts as a call.

        Args:
            name: What to count it as; the handler's own name when left out.
            handler: The handler, which may be ``async def``.
        """
        if callable(name):
            return self._watched(_name_of(name), name)
        if handler is not None:
            return self._watched(name or _name_of(handler), handler)
        return lambda decorated: self._watched(name or _name_of(decorated), decorated)

    def snapshot(self) -> dict[str, ToolStats]:
        """What is known now, by tool, in name order; a copy."""
        with self._lock:
            stats = sorted(self._stats.items())
        return {name: one._replace(error_types=dict(one.error_types)) for name, one in stats}

    def _watched(self, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        async def awaited(answer: Awaitable[Any], watch: _Watch) -> Any:
            with watch:
                return watch.see(await answer)

        @functools.wraps(handler)
        async def watch_async(*args: Any, **kwargs: Any) -> Any:
            with _Watch(self._count, name) as watch:
                return watch.see(await handler(*args, **kwargs))

        @functools.wraps(handler)
        def watch_plain(*args: Any, **kwargs: Any) -> Any:
            watch = _Watch(self._count, name)
            with watch:
                answer = handler(*args, **kwargs)
                if not inspect.isawaitable(answer):
                    return watch.see(answer)
                watch.is_over = False  # it has only begun
            return awaited(answer, watch)

        return watch_async if _is_async(handler) else watch_plain

    def _count(self, name: str, seconds: float, error: str) -> None:
        with self._lock:
            self._stats[name] = self._stats.get(name, ToolStats()).and_one(seconds, error)


class _Watch:
    """One call."""

    def __init__(self, count: Callable[[str, float, str], None], name: str) -> None:
        self._count = count
        self._name = name
        self._error = ""
        self._begun = time.perf_counter()

    def __enter__(self) -> _Watch:
        self.is_over = True
        return self

    def see(self, answer: R) -> R:
        """Look whether a result says that it is an error."""
        self._error = "RESULT" if _says_error(answer) else ""
        return answer

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None and not self.is_over:
            return
        known = ToolError.wrap(error) if isinstance(error, Exception) else None
        self._count(self._name, time.perf_counter() - self._begun, known.type if known else self._error)
        if known is not None and known is not error:
            raise known


def _is_async(handler: object) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004


def _name_of(handler: object) -> str:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return str(getattr(handler, "__name__", None) or type(handler).__name__)


def _says_error(answer: object) -> bool:
    for name in ("isError", "is_error"):
        try:
            said = answer.get(name) if isinstance(answer, dict) else getattr(answer, name, None)
        except Exception:  # noqa: S112 - a property of somebody's own
            continue
        if said is True:
            return True
    return False
