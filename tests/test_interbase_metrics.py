"""McpMetrics: handlers are counted and timed, and only ToolError comes out of them."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interhost.interbase import McpMetrics, ToolError, ToolStats


@pytest.fixture
def metrics() -> McpMetrics:
    """Nothing counted yet."""
    return McpMetrics()


def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


async def add_later(a: int, b: int = 1) -> int:
    """Add, later."""
    await asyncio.sleep(0)
    return a + b


def stats(metrics: McpMetrics, name: str) -> tuple[int, int]:
    """Calls and errors."""
    one = metrics.snapshot()[name]
    return one.calls, one.errors


def test_every_way_to_instrument_counts(metrics: McpMetrics) -> None:
    """As a plain decorator, a called one, a named one, and with the handler at hand."""
    handlers: list[Callable[..., int]] = [
        metrics.instrument(add),
        metrics.instrument()(add),
        metrics.instrument("named")(add),
        metrics.instrument("given", add),
    ]
    assert [handler(1, b=2) for handler in handlers] == [3] * 4
    assert {name: one.calls for name, one in metrics.snapshot().items()} == {"add": 2, "given": 1, "named": 1}


def test_every_way_to_instrument_counts_async_handlers(metrics: McpMetrics) -> None:
    """They stay coroutine functions, which frameworks ask for."""
    handlers = [
        metrics.instrument(add_later),
        metrics.instrument()(add_later),
        metrics.instrument("named")(add_later),
        metrics.instrument("given", add_later),
    ]
    assert all(inspect.iscoroutinefunction(handler) for handler in handlers)
    assert [asyncio.run(handler(1, b=2)) for handler in handlers] == [3] * 4
    assert {name: one.calls for name, one in metrics.snapshot().items()} == {"add_later": 2, "given": 1, "named": 1}


def test_a_handler_looks_as_before(metrics: McpMetrics) -> None:
    """Name, docstring and signature, from which frameworks make schemas."""
    for handler in (add, add_later):
        wrapped = metrics.instrument("other", handler)
        assert (wrapped.__name__, wrapped.__doc__) == (handler.__name__, handler.__doc__)
        assert inspect.signature(wrapped) == inspect.signature(handler)
        assert inspect.unwrap(wrapped) is handler


def test_other_callables_are_handlers_too(metrics: McpMetrics) -> None:
    """Partial functions, objects, and a plain function that hands back a coroutine."""

    class Handler:
        def __call__(self) -> int:
            return 4

    class AsyncHandler:
        async def __call__(self) -> int:
            return 5

    assert metrics.instrument(functools.partial(add, 1))() == 2
    assert metrics.instrument(Handler())() == 4
    assert asyncio.run(metrics.instrument(AsyncHandler())()) == 5
    assert asyncio.run(metrics.instrument("later", lambda: add_later(5))()) == 6
    assert {name: one.calls for name, one in metrics.snapshot().items()} == {
        "AsyncHandler": 1,
        "Handler": 1,
        "add": 1,
        "later": 1,
    }


def test_an_exception_comes_out_as_a_tool_error(metrics: McpMetrics) -> None:
    """Its cause attached; one that is a ToolError already comes out as itself; each is counted by its type."""
    found = ToolError("NOT_FOUND", "x")
    cause = OSError("disk full")

    @metrics.instrument("tool")
    def fail(error: BaseException, around: BaseException | None = None) -> None:
        if around:
            raise around from error
        raise error

    with pytest.raises(ToolError, match=r"\[INTERNAL\] disk full") as caught:
        fail(cause)
    assert caught.value.__cause__ is cause
    for around in (None, OSError("around it")):
        with pytest.raises(ToolError) as caught:
            fail(found, around)
        assert caught.value is found
    assert stats(metrics, "tool") == (3, 3)
    assert metrics.snapshot()["tool"].error_types == {"INTERNAL": 1, "NOT_FOUND": 2}


def test_an_exception_of_an_async_handler_comes_out_as_a_tool_error(metrics: McpMetrics) -> None:
    """Also of a coroutine that a plain handler has handed back, which counts once."""

    async def fail() -> None:
        await asyncio.sleep(0)
        raise OSError("disk full")

    for handler in (metrics.instrument("tool", fail), metrics.instrument("tool", lambda: fail())):
        with pytest.raises(ToolError, match="disk full"):
            asyncio.run(handler())
    assert stats(metrics, "tool") == (2, 2)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_ends_a_program_or_task_passes(metrics: McpMetrics, error: type[BaseException]) -> None:
    """It is no failure of the tool: counted as a call, and not as an error."""

    @metrics.instrument("tool")
    def stop() -> None:
        raise error

    with pytest.raises(error):
        stop()
    assert stats(metrics, "tool") == (1, 0)


def test_a_cancelled_handler_stays_cancelled(metrics: McpMetrics) -> None:
    """A real task that is cancelled while its handler waits."""

    @metrics.instrument("tool")
    async def wait() -> None:
        await asyncio.sleep(60)

    async def main() -> bool:
        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main())
    assert stats(metrics, "tool") == (1, 0)


class Result:
    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)


class Rude:
    @property
    def isError(self) -> bool:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("result", "errors"),
    [
        (Result(isError=True), 1),
        (Result(is_error=True), 1),
        ({"isError": True}, 1),
        ({"is_error": True, "isError": False}, 1),
        (Result(isError=False), 0),
        (Result(isError="no"), 0),
        ({"isError": None}, 0),
        (Rude(), 0),
        (None, 0),
    ],
)
def test_a_result_that_says_error_counts_as_one(metrics: McpMetrics, result: Any, errors: int) -> None:
    """It is handed on as it is: whoever returned it has said it all."""

    async def later() -> Any:
        return result

    assert metrics.instrument("tool", lambda: result)() is result
    assert asyncio.run(metrics.instrument("tool", later)()) is result
    assert stats(metrics, "tool") == (2, 2 * errors)
    assert metrics.snapshot()["tool"].error_types == ({"RESULT": 2} if errors else {})


def test_time_is_measured_from_beginning_to_end(metrics: McpMetrics) -> None:
    """Of an async handler while it waits, too; in seconds."""

    @metrics.instrument("tool")
    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)

    metrics.instrument("plain", time.sleep)(0.03)
    asyncio.run(wait(0.02))
    asyncio.run(wait(0.05))
    one = metrics.snapshot()["tool"]
    assert 0.07 <= one.seconds < 5
    assert 0.05 <= one.slowest < one.seconds
    assert metrics.snapshot()["plain"].seconds >= 0.03


def test_snapshots_are_copies(metrics: McpMetrics) -> None:
    """Neither later calls nor whoever changes one changes another."""
    fail = metrics.instrument("tool", lambda: {"isError": True})
    fail()
    before = metrics.snapshot()
    before["tool"].error_types["RESULT"] = 99
    before["more"] = ToolStats()
    fail()
    after = metrics.snapshot()
    assert (before["tool"].calls, after["tool"].calls) == (1, 2)
    assert (list(after), after["tool"].error_types) == (["tool"], {"RESULT": 2})
    assert ToolStats().error_types == {}


def test_no_call_of_parallel_threads_is_lost(metrics: McpMetrics) -> None:
    """Eight threads of 500 calls each, while others look."""
    handler = metrics.instrument("tool", lambda: {"isError": True})
    threads = [threading.Thread(target=lambda: [handler() for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for one in metrics.snapshot().values():
            assert one.errors == one.calls
    assert stats(metrics, "tool") == (4000, 4000)


def test_types_of_handlers_are_kept(metrics: McpMetrics) -> None:
    """What a type checker sees is what was decorated; checked by mypy, which runs over the tests."""
    plain: Callable[[int], int] = metrics.instrument(add)
    later: Callable[[int], Awaitable[int]] = metrics.instrument("x", add_later)
    assert (plain(1), asyncio.run(_run(later(1)))) == (2, 2)


async def _run(awaitable: Awaitable[int]) -> int:
    return await awaitable
