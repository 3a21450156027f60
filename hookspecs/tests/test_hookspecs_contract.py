"""What makes the host refuse an adapter, in the words its author sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from interhost_hookspecs import (
    AdapterContext,
    Check,
    ContractError,
    Intent,
    Notify,
    Outcome,
    ReviewPass,
    hookimpl,
    list_problems,
    register_adapter,
)

if TYPE_CHECKING:
    from interhost_hookspecs import Observation


def adapter(*functions: Callable[..., object]) -> SimpleNamespace:
    """An adapter of some functions, marked and named as they are."""
    return SimpleNamespace(**{function.__name__: hookimpl(function) for function in functions})


def test_an_adapter_that_fits_has_no_problems() -> None:
    """Arguments may be left out, annotations too, and helpers without a mark are nobody's business."""

    def on_notify(intent: Intent[Notify], ctx: AdapterContext) -> Outcome | None:
        return None

    def on_review_pass(ctx):  # type: ignore[no-untyped-def]
        return None

    def has_ic() -> bool | None:
        return True

    plugin = adapter(on_notify, on_review_pass, has_ic)
    plugin.on_anything_at_all = lambda x, y: None
    assert list_problems(plugin) == []


def test_an_answer_may_be_narrower() -> None:
    """Who always answers need not promise None, and who never answers may say so."""

    def on_notify(intent: Intent[Notify]) -> Outcome:
        return Outcome.done("x")

    def on_review_pass(intent: Intent[ReviewPass]) -> None:
        return None

    def check_adapter(ctx: AdapterContext) -> list[Check]:
        return []

    assert list_problems(adapter(on_notify, on_review_pass, check_adapter)) == []


def unknown_hook() -> object:
    def on_everything(intent: Intent[Any]) -> None: ...

    return adapter(on_everything)


def unknown_argument() -> object:
    def on_notify(intent: Intent[Notify], context: AdapterContext) -> None: ...

    return adapter(on_notify)


def coroutine() -> object:
    async def on_notify(intent: Intent[Notify]) -> None: ...

    return adapter(on_notify)


def asynchronous_generator() -> object:
    async def on_notify(intent: Intent[Notify]) -> Any:
        yield None

    return adapter(on_notify)


def other_payload() -> object:
    def on_notify(intent: Intent[ReviewPass]) -> None: ...

    return adapter(on_notify)


def other_answer() -> object:
    def on_notify(intent: Intent[Notify]) -> bool:
        return True

    return adapter(on_notify)


def wider_answer() -> object:
    def has_ic() -> bool | str | None:
        return True

    return adapter(has_ic)


def other_context() -> object:
    def observe(ctx: Mapping[str, object]) -> None: ...

    return adapter(observe)


def annotations_for_the_checker_only() -> object:
    def observe(ctx: AdapterContext) -> Observation | None:
        return None

    return adapter(observe)


def annotations_of_nothing() -> object:
    def observe(ctx):  # type: ignore[no-untyped-def]
        return None

    observe.__annotations__["ctx"] = "Outcome.Missing"
    return adapter(observe)


def annotations_that_are_no_python() -> object:
    def observe(ctx):  # type: ignore[no-untyped-def]
        return None

    observe.__annotations__["ctx"] = "what ever"
    return adapter(observe)


def under_another_name() -> object:
    def listen(intent: Intent[ReviewPass]) -> None: ...

    return SimpleNamespace(listen=hookimpl(specname="on_notify")(listen))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (unknown_hook, ["unknown hook 'on_everything'"]),
        (unknown_argument, ["hook 'on_notify'", "context"]),
        (coroutine, ["on_notify is 'async def'", "plain functions"]),
        (asynchronous_generator, ["on_notify is 'async def'"]),
        (other_payload, ["on_notify: 'intent' is annotated Intent[ReviewPass], the specification says Intent[Notify]"]),
        (other_answer, ["on_notify: 'return' is annotated bool, the specification says", "Outcome"]),
        (wider_answer, ["has_ic: 'return' is annotated"]),
        (other_context, ["observe: 'ctx' is annotated", "the specification says AdapterContext"]),
        (annotations_for_the_checker_only, ["observe: annotations cannot be resolved", "Observation", "at run time"]),
        (annotations_of_nothing, ["observe: annotations cannot be resolved", "Missing"]),
        (annotations_that_are_no_python, ["observe: annotations cannot be resolved"]),
        (under_another_name, ["on_notify: 'intent' is annotated Intent[ReviewPass]", "Intent[Notify]"]),
    ],
)
def test_a_problem_is_one_line_that_names_hook_and_rule(make: Callable[[], object], words: list[str]) -> None:
    """The author's test and the host say the same."""
    plugin = make()
    (problem,) = list_problems(plugin)
    assert "\n" not in problem
    for word in words:
        assert word in problem
    with pytest.raises(ContractError) as caught:
        register_adapter(plugin, "mine")
    assert (caught.value.adapter, caught.value.problems) == ("mine", [problem.replace("'adapter'", "'mine'")])
    assert str(caught.value).startswith("mine: ")


def test_every_problem_is_listed_at_once() -> None:
    """An author need not mend them one by one."""

    def on_notify(intent: Intent[ReviewPass], ctx: Notify) -> bool:
        return True

    async def on_review_pass(intent: Intent[ReviewPass]) -> None: ...

    assert len(list_problems(adapter(on_notify, on_review_pass))) == 4


def test_each_adapter_has_a_manager_of_its_own() -> None:
    """A call reaches that adapter only, so nobody can wrap, reorder or end the calls of another."""

    def answering(answer: str) -> SimpleNamespace:
        def get_bead() -> str:
            return answer

        return adapter(get_bead)

    managers = [register_adapter(answering(answer), answer) for answer in ("one", "two")]
    assert [manager.hook.get_bead() for manager in managers] == [["one"], ["two"]]


def test_methods_of_an_object_are_hooks_too() -> None:
    """An adapter is its module, or any object."""

    class Adapter:
        @hookimpl
        def get_bead(self) -> str:
            return "iv-a1"

        @hookimpl
        def observe(self, ctx: Notify) -> None: ...

    assert list_problems(Adapter()) == ["observe: 'ctx' is annotated Notify, the specification says AdapterContext"]
