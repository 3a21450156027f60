"""The contract checks: a good adapter holds them all, and each finds what it is there for."""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest
from interhost_hookspecs import DiscoverWork, Draft, Finding, Notify, Payload, ReviewPass
from interhost_hookspecs.contract_checks import CHECKS, ContractCheck
from interhost_hookspecs.contract_checks.imports import list_top_imports
from interhost_hookspecs.contract_checks.making import list_made
from interhost_hookspecs.contract_checks.payloads import list_misfits

BY_NAME = {check.name: check for check in CHECKS}
GOOD = '''"""A good adapter."""

from attrs import evolve
from interhost_hookspecs import *
from interhost_hookspecs import DriftDetected, Notify, ReviewPass
from interhost_hookspecs.checks import check_program


@hookimpl
def observe(ctx: AdapterContext) -> Observation:
    lines = ctx.tail(ctx.config.path("file")).lines
    return Observation(drafts=tuple(Draft(payload=Notify(text=line)) for line in lines))


@hookimpl
def observe_hook(event: HookEvent) -> Observation:
    said = [Notify(text=event.command)] if event.command else []
    return Observation(drafts=tuple(Draft(payload=one) for one in said))


@hookimpl
def on_review_pass(intent: Intent[ReviewPass], ctx: AdapterContext) -> Outcome | None:
    if not ctx.config.is_on("loud"):
        return None
    ctx.publish(Draft(payload={"n": 1}, intent="widget.turned@1.0"))
    return Outcome.done("said")


@hookimpl
def describe_adapter() -> AdapterInfo:
    return AdapterInfo(module="widget", summary="Watches widgets.")


@hookimpl
def check_adapter(ctx: AdapterContext) -> list[Check]:
    return [check_program(ctx, "widget", "install widget")]
'''
BROKEN = """

def broken():
    return Check(name="x", level=CheckLevel.PROBLEM, detail="broken")
"""
SECTION: Mapping[str, object] = {
    "api": 1,
    "consumes": ["review_pass@1"],
    "produces": ["notify@1.0", "widget.turned@1.0"],
    "observes": {"hooks": ["PostToolUse:Bash"], "files": ["/tmp/widget.txt"]},
    "answers": True,
    "settings": {
        "file": {"type": "path", "default": "/tmp/widget.txt", "doc": "Where widgets are written."},
        "loud": {"type": "boolean", "default": False, "doc": "Say more."},
    },
}
_NUMBERS = count()

Adapter = Callable[..., ModuleType]


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Adapter:
    """Install an adapter: its code, its ``interbus`` section, its entry point, further keys of the manifest."""

    def install(
        code: str = GOOD, section: object = SECTION, *, entry: str = "widget", lib: str = "", **manifest: object
    ) -> ModuleType:
        package = f"interhost_widget_{next(_NUMBERS)}"
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "adapter.py").write_text(code.replace("PACKAGE", package))
        (folder / "lib.py").write_text(lib)
        (folder / "integration.json").write_text(json.dumps({"name": "widget", "interbus": section, **manifest}))
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[interhost.adapters]\n{entry} = {package}.adapter\n" if entry else "")
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module(f"{package}.adapter")

    return install


def problems(check: str, adapter: ModuleType) -> str:
    """What a check says; empty when it holds."""
    try:
        BY_NAME[check](adapter)
    except AssertionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_a_good_adapter_holds_every_check(check: ContractCheck, adapter: Adapter) -> None:
    """Nothing is found where nothing is wrong."""
    check(adapter())


TELL = "return Observation(drafts=tuple(Draft(payload=Notify(text=line)) for line in lines))"
LOOK = "return Observation(drafts=tuple(Draft(payload=one) for one in said))"
CODE = [
    ("fits_the_specifications", "ctx: AdapterContext) -> list", "context: AdapterContext) -> list", "context"),
    ("survives_every_intent", "intent: Intent[ReviewPass]", "intent: Intent[Notify]", "the specification says"),
    ("has_one_name", 'module="widget"', 'module="gadget"', "describe_adapter() says module 'gadget'"),
    ("has_one_name", "Watches widgets.", "", "say in one line"),
    ("has_one_name", "@hookimpl\ndef describe", "def describe", "describe_adapter is not implemented"),
    (
        "consumes_what_it_implements",
        "review_pass(intent: Intent[ReviewPass]",
        "notify(intent: Intent[Notify]",
        "consumes review_pass@1, but on_review_pass",
    ),
    (
        "consumes_what_it_implements",
        "review_pass(intent: Intent[ReviewPass]",
        "notify(intent: Intent[Notify]",
        "on_notify is implemented, but",
    ),
    ("produces_what_it_makes", "Notify(text=line)", "DriftDetected(kind=line)", "makes drift_detected@1.0, but"),
    ("produces_what_it_makes", "Notify(text=", "dict(text=", "names notify@1.0, but nothing in"),
    ("produces_what_it_makes", "widget.turned", "widget.tilted", "makes widget.tilted@1.0, but"),
    ("observes_what_it_implements", "@hookimpl\ndef observe_hook", "def hidden", "observe_hook is not implemented"),
    ("reads_its_settings", 'is_on("loud")', 'is_on("noisy")', "setting 'loud' is in the manifest, but nothing in"),
    ("reads_its_settings", 'is_on("loud")', 'is_on("noisy")', "asks for the setting 'noisy'; add it"),
    ("reads_its_settings", 'ctx.config.is_on("loud")', 'ctx.config["noisy"]', "asks for the setting 'noisy'"),
    ("imports_nothing_of_the_host", "import evolve", "import evolve\nimport interhost.errors", "imports interhost.er"),
    ("answers_without_heavy_imports", "import evolve", "import evolve\nimport sqlite3", "imports sqlite3 while"),
    ("answers_without_heavy_imports", "import evolve", "import evolve\nfrom http import client", "imports http.client"),
    (
        "answers_without_heavy_imports",
        "import evolve",
        "import evolve\nimport PACKAGE.lib",
        ".lib, line 1: imports hash",
    ),
    (
        "checks_an_empty_machine",
        "return [check_program",
        "raise OSError('no')\n    return [check_program",
        "OSError: no",
    ),
    ("checks_an_empty_machine", '"install widget"', '""', "without a hint"),
    ("checks_an_empty_machine", "return [check_program", "return [broken(), check_program", "names a problem"),
    (
        "checks_an_empty_machine",
        "@hookimpl\ndef check_adapter",
        "def check_adapter",
        "check_adapter is not implemented",
    ),
    ("tells_nothing_of_an_empty_machine", "for line in lines", "for line in ['x']", "observe told something"),
    ("tells_nothing_of_an_empty_machine", "ctx.tail(", "open(", "observe raised on an empty machine: raised File"),
    (
        "tells_nothing_of_an_empty_machine",
        TELL,
        "return [lines]",
        "observe answered [()]; expected Observation or None",
    ),
    (
        "survives_every_hook_event",
        "event.command)] if event.command",
        'event.raw["tool_input"]["command"])] if 1',
        "Key",
    ),
    ("survives_every_hook_event", "text=event.command", "text=event.raw", "a Notify whose 'text' is {"),
    ("survives_every_hook_event", LOOK, "return said or None", "observe_hook of PreToolUse:Bash: answered [Notify("),
    (
        "survives_every_intent",
        "if not ctx",
        "intent.artifact_path.stat()\n    if not ctx",
        "'NoneType' object has",
    ),
    ("survives_every_intent", "return None", "return True", "answered True; expected Outcome or None"),
    ("survives_every_intent", "return None", "ctx.publish(Draft(payload={}))", "without 'intent'"),
    (
        "reads_any_text_in_time",
        "said = [Notify",
        "import re; re.search(r'\\s*y', event.command[:60000])\n    said = [Notify",
        "observe_hook reads a text that repeats '\\n' in more than linear time",
    ),
    *(
        ("hands_nothing_hostile_on", "return None", code, says)
        for code, says in (
            ("ctx.run([str(intent.artifact_path.name)])", "runs a program that a fact names"),
            ("ctx.run(['sh', '-c', f'cat {intent.artifact_path}'])", "builds a line of a shell from a fact"),
            ("ctx.run(['bd', 'show', intent.payload.report])", "bd takes a text of a fact for an option"),
            ("ctx.request('x', f'Read: {intent.payload.report}')", "a request has a line that a fact wrote"),
            ("ctx.request('x', intent.payload.report.replace('\\n', ' '))", "a request has the character '\\r'"),
            ("ctx.request('x', 'a' * 70000)", "a request has 70000 characters"),
            ("ctx.advise(Advice(text=f'Read {intent.artifact_path}'))", "advice has a line that a fact wrote"),
            ("import os; ctx.run(['bd', os.environ['INTERHOST_CONTRACT_TOKEN']])", "hands on a secret of the env"),
            ("(ctx.home.parent / 'x').write_text('')", "the adapter wrote x outside the user's home"),
        )
    ),
]


@pytest.mark.parametrize(("check", "old", "new", "says"), CODE, ids=[f"{row[0]}-{row[3]:.20}" for row in CODE])
def test_wrong_code_is_found(adapter: Adapter, check: str, old: str, new: str, says: str) -> None:
    """Each check names what is wrong, in a line of its own."""
    assert old in GOOD
    assert says in problems(check, adapter(GOOD.replace(old, new) + BROKEN, lib="import hashlib\n"))


MANIFEST: list[tuple[str, dict[str, object], str]] = [
    ("states_well_formed_names", {"consumes": ["review_pass@1.0"]}, "expected something like review_pass@1, got"),
    ("states_well_formed_names", {"produces": ["notify@1"]}, "expected something like review_pass@1.0, got 'notify@1'"),
    ("states_well_formed_names", {"produces": "notify@1.0"}, "key 'interbus.produces': expected a list"),
    ("states_well_formed_names", {"consumes": ["review_pass@1"] * 2}, "names something twice"),
    ("states_well_formed_names", {"observes": {"hooks": ["Post Tool"]}}, "key 'interbus.observes.hooks': expected"),
    ("states_well_formed_names", {"answers": 1}, "expected true or false, got 1"),
    ("is_written_for_this_level", {"api": 2}, "key 'interbus.api' is 2"),
    ("is_written_for_this_level", {"api": True}, "key 'interbus.api' is True"),
    ("consumes_what_it_implements", {"consumes": []}, "on_review_pass is implemented, but 'interbus.consumes' has no"),
    ("consumes_what_it_implements", {"consumes": ["review_pass@2"]}, "consumes review_pass@2, but on_intent is not"),
    ("produces_what_it_makes", {"produces": ["notify@1.0"]}, "makes widget.turned@1.0, but 'interbus.produces'"),
    ("produces_what_it_makes", {"produces": ["notify@1.0", "widget.x@1.0"]}, "nothing in"),
    ("observes_what_it_implements", {"observes": {"hooks": []}}, "so it would never be called"),
    ("observes_what_it_implements", {"observes": {"hooks": []}}, "answers hooks, but names no hook event"),
    ("observes_what_it_implements", {"observes": {"hooks": ["Stopp"]}}, "Claude Code has no event 'Stopp'"),
    ("observes_what_it_implements", {"observes": {"hooks": ["Stop:Bash"]}}, "Stop is not about a tool"),
    ("reads_its_settings", {"settings": {"loud": {"type": "bool"}}}, "type 'bool'; expected one of boolean, string"),
    ("reads_its_settings", {"settings": {"loud": {"type": "boolean"}}}, "setting 'loud' has no default"),
    ("reads_its_settings", {"settings": {"loud": {"type": "integer", "default": True}}}, "default True is no integer"),
    ("reads_its_settings", {"settings": {"loud": {"type": "boolean", "default": False}}}, "has no 'doc'"),
    ("reads_its_settings", {"settings": {"loud": {"type": "string", "default": ""}}}, "config.is_on('loud'), but the"),
]


@pytest.mark.parametrize(("check", "change", "says"), MANIFEST, ids=[f"{row[0]}-{row[2]:.20}" for row in MANIFEST])
def test_a_wrong_manifest_is_found(adapter: Adapter, check: str, change: dict[str, object], says: str) -> None:
    """What the manifest says and the code is not, or the host would refuse."""
    assert says in problems(check, adapter(GOOD, {**SECTION, **change}))


def test_a_manifest_without_the_section_is_found(adapter: Adapter) -> None:
    """The host would not know what the adapter offers."""
    assert "key 'interbus': missing" in problems("states_well_formed_names", adapter(GOOD, None))


def test_files_need_a_hook_that_looks(adapter: Adapter) -> None:
    """An adapter that only reacts watches no file, and consumes what it reacts to."""
    bare = adapter("from interhost_hookspecs import hookimpl\n", {**SECTION, "consumes": ["*"], "answers": False})
    assert "watches files, but observe is not implemented" in problems("observes_what_it_implements", bare)
    assert "consumes everything, but no on_ hook" in problems("consumes_what_it_implements", bare)
    assert [problems(one, bare) for one in ("tells_nothing_of_an_empty_machine", "survives_every_hook_event")] == [
        ""
    ] * 2


def test_a_name_is_the_entry_points_name(adapter: Adapter) -> None:
    """Not installed, or under another name."""
    assert "no entry point of group 'interhost.adapters' names" in problems("has_one_name", adapter(entry=""))
    assert "entry point is called 'gadget'" in problems("has_one_name", adapter(entry="gadget"))


@pytest.mark.parametrize("requires", ["cog", ["bd", "cog"]])
def test_a_required_plugin_is_a_companion(adapter: Adapter, requires: object) -> None:
    """Programs that are no plugins need no naming."""
    features = [{"feature": "Turns", "requires": requires}, {"feature": "Tracks", "requires": ["beads", "intercore"]}]
    found = problems("names_its_companions", adapter(integrated_features=features, companions={"optional": ["bd"]}))
    assert found.splitlines()[1:] == [
        "an integrated feature requires 'cog'; name it in 'companions' as recommended or optional"
    ]


def test_a_damaged_manifest_is_one_line(adapter: Adapter) -> None:
    """Whatever is checked, the reader learns first that there is nothing to check against."""
    module = adapter()
    Path(str(module.__file__)).with_name("integration.json").write_text("{")
    assert "an adapter's manifest lies in its package" in problems("has_one_name", module)


SOURCES = [
    ("def f(x: Notify) -> type[Notify]: ...\ny: Notify = x", set()),
    ("isinstance(x, Notify); issubclass(x, Notify); type(x) is Notify; z = {Notify: 1}; Notify | None", set()),
    ("match x:\n case Notify(text=t): ...", set()),
    ("class X(Notify): ...", set()),
    ("Notify.INTENT", set()),
    ("def f(x: Intent[Notify]): return x.payload.text", set()),
    ("y: list[Notify] = [Notify(text='x')]", {"notify@1.0"}),
    ("partial(Notify, text='x')", {"notify@1.0"}),
    ("{'x': Notify}", {"notify@1.0"}),
    ("interhost_hookspecs.Notify(text='x')", {"notify@1.0"}),
    ("Draft(payload={}, intent=Notify.INTENT)", {"notify@1.0"}),
    ("Draft(payload={}, intent='notify@1.0')", {"notify@1.0"}),
    ("Draft(payload={}, intent='widget.turned@1.0')", {"widget.turned@1.0"}),
    ("x = cast(Notify, y)", set()),
    ("def f(x: Intent[Notify]): return evolve(x.payload, text='x')", {"notify@1.0"}),
    ("def f(x: Notify): return attrs.evolve(x, text='x')", {"notify@1.0"}),
    ("def f(x):\n if isinstance(x.payload, Notify):\n  y = x.payload\n  return evolve(y, text='x')", {"notify@1.0"}),
    ("def f(x): return evolve(x, text='x')", set()),
    ("from interhost_hookspecs.kernel_facts import compose_gate\ncompose_gate(x)", {"gate_result@1.0"}),
    ("from interhost_hookspecs.kernel_facts import compose_artifact as a\nmap(a, x)", {"artifact_ready@1.0"}),
    ("from interhost_hookspecs.kernel_facts import compose_gate, gate_key\ngate_key(x)", set()),
]


@pytest.mark.parametrize(("code", "intents"), SOURCES, ids=[row[0] for row in SOURCES])
def test_what_a_source_makes(code: str, intents: set[str]) -> None:
    """Calls and values make an intent; annotations, tests and patterns do not."""
    assert list_made([ast.parse(f"from interhost_hookspecs import Notify\n{code}")]) == intents


PAYLOADS = [
    (Notify(text="x", title=None), ""),
    (ReviewPass(verdict=None, counts={"P0": 1}, top=(Finding(severity="P1", title="x"),)), ""),
    (DiscoverWork(action="plan", title="x", score=1), ""),
    ({"n": 1}, "without 'intent'"),
    (Notify(text=""), "a Notify whose 'text' is ''"),
    (Notify(text="x", link=7), "a Notify whose 'link' is 7"),  # type: ignore[arg-type]  # what a careless adapter makes
    (DiscoverWork(action="plan", title="x", rank=True), "'rank' is True"),
    (DiscoverWork(action="plan", title="x", score="1"), "'score' is '1'"),  # type: ignore[arg-type]
    (ReviewPass(verdict="safe", counts={}), "'verdict' is 'safe'"),  # type: ignore[arg-type]
    (ReviewPass(verdict=None, counts={"P0": "1"}), "'counts' is {'P0': '1'}"),  # type: ignore[dict-item]
    (ReviewPass(verdict=None, counts={}, inputs=("a", 1)), "'inputs' is ('a', 1)"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("payload", "says"), PAYLOADS, ids=[row[1] or type(row[0]).__name__ for row in PAYLOADS])
def test_what_is_told_is_of_its_class(payload: Payload | Mapping[str, object], says: str) -> None:
    """Key by key, as the host will check it."""
    found = "".join(list_misfits([Draft(payload=payload)]))
    assert says in found
    assert bool(found) is bool(says)


def test_only_what_runs_at_the_top_is_imported_there() -> None:
    """Functions and the type checker's imports cost nothing."""
    code = "import a\nif TYPE_CHECKING:\n import b\nelse:\n import c\ntry:\n from d import e\nexcept X:\n import f\n"
    code += "def g():\n import h\nclass I:\n import j\n"
    assert {name for name, _ in list_top_imports(ast.parse(code))} == {"a", "c", "d.e", "f", "j"}


def test_the_plugin_makes_one_test_per_check(adapter: Adapter, tmp_path: Path) -> None:
    """What an author sees: a name per check, and for a broken one the problem, without how it was found."""
    module = adapter(GOOD.replace('module="widget"', 'module="gadget"'))
    (tmp_path / "test_widget.py").write_text(
        f"from {module.__name__.partition('.')[0]} import adapter\n\n"
        "def test_contract(contract_check):\n    contract_check(adapter)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_widget.py"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"1 failed, {len(CHECKS) - 1} passed" in ran.stdout
    assert "test_contract[has_one_name]" in ran.stdout
    assert "describe_adapter() says module 'gadget', the manifest 'widget'; make them one" in ran.stdout
    assert "check.py" not in ran.stdout
