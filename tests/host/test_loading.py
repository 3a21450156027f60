"""An adapter that cannot be used is refused in one line, and concerns nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from interhost_hookspecs import ContractError

from interhost.errors import AdapterError
from interhost.host.loading import load_adapter

if TYPE_CHECKING:
    from tests.conftest import Stage

GOOD = """
@hookimpl
def on_notify(intent, ctx):
    return Outcome.done("heard")
"""

BROKEN = {
    "import error": (
        "import no_such_module_anywhere",
        "ModuleNotFoundError: No module named 'no_such_module_anywhere'",
    ),
    "syntax error": ("def (", "SyntaxError"),
    "exit at import": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "error with lines": ("raise RuntimeError('one\\ntwo')", "RuntimeError: one two"),
    "error that cannot be shown": (
        "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
        "import of demo_broken.adapter: Odd",
    ),
    "unknown hook": ("@hookimpl\ndef on_nothing(intent, ctx): pass", "on_nothing"),
    "unknown argument": ("@hookimpl\ndef on_notify(intent, context): pass", "context"),
    "async": (
        "@hookimpl\nasync def on_notify(intent, ctx): pass",
        "on_notify is 'async def'; hooks are plain functions",
    ),
    "wrong annotation": (
        "@hookimpl\ndef on_notify(intent: Intent[ReviewPass], ctx): pass",
        "on_notify: 'intent' is annotated Intent[ReviewPass], the specification says Intent[Notify]",
    ),
    "wrong return": (
        "@hookimpl\ndef on_notify(intent, ctx) -> bool: return True",
        "'return' is annotated bool, the specification says",
    ),
    "annotation that is no type": (
        "@hookimpl\ndef on_notify(intent: 'Intent[', ctx): pass",
        "on_notify: annotations cannot be resolved",
    ),
    "annotation of nothing": (
        "@hookimpl\ndef on_notify(intent: 'Path.nothing', ctx): pass",
        "on_notify: annotations cannot be resolved",
    ),
    "wrong annotation under another name": (
        "@hookimpl(specname='on_notify')\ndef hear(intent: int, ctx): pass",
        "on_notify: 'intent' is annotated int, the specification says Intent[Notify]",
    ),
}


@pytest.mark.parametrize(("hooks", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_adapter_is_refused_in_one_line_and_others_load(stage: Stage, hooks: str, reason: str) -> None:
    """Whatever is wrong with one adapter, the reason is one line with its name, and the next one is loaded."""
    stage.adapter("broken", ["notify"], hooks)
    stage.adapter("sound", ["notify"], GOOD)
    host = stage.host()
    assert [adapter.name for adapter in host.adapters] == ["sound"]
    [problem] = stage.bus.store.problems()
    assert (problem.adapter, problem.stage) == ("broken", "load")
    assert reason in problem.reason
    assert stage.said == [f"broken: load: {problem.reason}"]
    assert "\n" not in problem.reason


def test_hook_may_have_another_function_name(stage: Stage) -> None:
    """``specname`` and a second name of a function are fine: the hook counts, not what the function is called."""
    stage.adapter("named", ["notify"], "@hookimpl(specname='on_notify')\ndef hear(intent, ctx):\n    SEEN.append(1)\n")
    host = stage.host()
    stage.publish()
    host.deliver()
    assert stage.seen("named") == [1]


@pytest.mark.parametrize(
    ("consumes", "hooks", "reason"),
    [
        (
            ["notify", "review_pass"],
            GOOD,
            "its manifest consumes what on_review_pass would receive, but on_review_pass is not implemented",
        ),
        ([], GOOD, "on_notify is implemented, but its manifest does not consume that intent"),
        (
            ["notify", "other.fact"],
            GOOD,
            "its manifest consumes what on_intent would receive, but on_intent is not implemented",
        ),
    ],
)
def test_manifest_and_hooks_that_disagree_are_refused(
    stage: Stage, consumes: list[str], hooks: str, reason: str
) -> None:
    """A hook that is promised must be there, and one that is there must be promised: it would never be called."""
    stage.adapter("broken", consumes, hooks)
    [entry] = stage.entries()
    with pytest.raises(AdapterError, match="^" + reason + "$") as caught:
        load_adapter(entry)
    assert (caught.value.adapter, caught.value.hint) == ("broken", "correct broken's integration.json or its hooks")


OBSERVES = "@hookimpl\ndef observe_hook(event, ctx):\n    return None\n"


@pytest.mark.parametrize(
    ("interbus", "hooks", "reason"),
    [
        (
            {"observes": {"hooks": ["Stop"]}},
            "",
            "its manifest observes hook events, but observe_hook is not implemented",
        ),
        ({}, OBSERVES, "observe_hook is implemented, but its manifest observes no hook event"),
        ({"answers": True}, "", "its manifest says that it answers hooks, but observes no hook event"),
    ],
)
def test_manifest_and_observed_hooks_that_disagree_are_refused(
    stage: Stage, interbus: dict[str, object], hooks: str, reason: str
) -> None:
    """What a hook process reads in the manifest is what the adapter does: else an event would be recorded in vain."""
    stage.adapter("broken", [], hooks, {"api": 1, **interbus})
    [entry] = stage.entries()
    with pytest.raises(AdapterError, match="^" + reason + "$"):
        load_adapter(entry)


def test_adapter_that_hears_everything_may_have_any_hook(stage: Stage) -> None:
    """``*`` in the manifest promises every intent, and the hooks that are there decide."""
    stage.adapter("all", [], GOOD, {"consumes": ["*"]})
    [entry] = stage.entries()
    assert load_adapter(entry).implements("on_notify")


def test_other_api_level_is_refused_before_import(stage: Stage) -> None:
    """An adapter of another contract is not even imported, and the hint says what to upgrade."""
    stage.adapter("future", ["notify"], "raise RuntimeError", {"api": 2})
    [entry] = stage.entries()
    with pytest.raises(AdapterError) as caught:
        load_adapter(entry)
    assert str(caught.value) == "written for API level 2, this host has level 1"
    assert caught.value.hint == "upgrade demo-future or interhost"


def test_missing_manifest_is_refused_with_the_listing_problem(stage: Stage) -> None:
    """What the listing has against an adapter is what loading says."""
    stage.adapter("bare", ["notify"], GOOD)
    (stage.site / "demo_bare" / "integration.json").unlink()
    [entry] = stage.entries()
    with pytest.raises(AdapterError) as caught:
        load_adapter(entry)
    assert str(caught.value) == entry.problem != ""


@pytest.mark.parametrize(
    ("hooks", "error"),
    [
        ("import no_such_module_anywhere", ModuleNotFoundError),
        ("import sys; sys.exit(3)", SystemExit),
        ("@hookimpl\nasync def on_notify(intent, ctx): pass", ContractError),
    ],
)
def test_strict_lets_the_error_through(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, hooks: str, error: type[BaseException]
) -> None:
    """``INTERHOST_STRICT=1`` shows an author where it went wrong."""
    monkeypatch.setenv("INTERHOST_STRICT", "1")
    stage.adapter("broken", ["notify"], hooks)
    with pytest.raises(error):
        stage.host()


def test_keyboard_interrupt_at_import_passes(stage: Stage) -> None:
    """Whoever presses Ctrl-C while adapters load ends the host, and no adapter is blamed."""
    stage.adapter("slow", ["notify"], "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        stage.host()
    assert stage.bus.store.problems() == []


def test_printing_at_import_never_reaches_stdout(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to whoever runs us, also while adapters are imported."""
    stage.adapter("loud", ["notify"], 'print("a banner")\n' + GOOD)
    stage.host()
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "a banner\n")


def test_adapter_that_loads_again_has_no_problem_any_more(stage: Stage) -> None:
    """The problem of a mended adapter is cleared by the next host."""
    stage.adapter("broken", ["notify", "review_pass"], GOOD)
    stage.host()
    assert len(stage.bus.store.problems()) == 1
    path = stage.site / "demo_broken" / "integration.json"
    path.write_text(path.read_text().replace('"review_pass@1"', '"notify@1"'))
    assert [adapter.name for adapter in stage.host().adapters] == ["broken"]
    assert stage.bus.store.problems() == []
