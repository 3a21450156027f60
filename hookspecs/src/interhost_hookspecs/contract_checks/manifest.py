"""Checks of the manifest against the hooks that are implemented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import entry_points

from interhost_hookspecs.catalogue import CATALOGUE
from interhost_hookspecs.contract import list_problems
from interhost_hookspecs.contract_checks.subject import Subject
from interhost_hookspecs.markers import API_LEVEL
from interhost_hookspecs.testing.hook_events import HOOK_EVENTS, TOOL_EVENTS

GROUP = "interhost.adapters"
_NAME = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_-]*)?"
_NUMBER = r"(0|[1-9][0-9]*)"
CONSUMED = re.compile(rf"\*|{_NAME}@{_NUMBER}")
# What features require besides plugins: ``bd`` and ``ic``. Source: reference/manifests.md, section 3, point 5.
PROGRAMS = frozenset({"beads", "intercore"})
PRODUCED = re.compile(rf"{_NAME}@{_NUMBER}\.{_NUMBER}")


def fits_the_specifications(subject: Subject) -> Iterator[str]:
    """Its hooks have the names, arguments and types of the specifications, so that the host would take it."""
    yield from list_problems(subject.adapter, subject.name or "adapter")


def states_well_formed_names(subject: Subject) -> Iterator[str]:
    """The ``interbus`` section has the shape that the host reads."""
    if not subject.section:
        yield "key 'interbus': missing or not an object; without it the host does not know the adapter"
    for key, form, example in (
        ("consumes", CONSUMED, "review_pass@1"),
        ("produces", PRODUCED, "review_pass@1.0"),
        ("observes.hooks", re.compile(r"\S+"), "PostToolUse:Bash"),
        ("observes.files", re.compile(r".+"), "docs/**/*.md"),
    ):
        table = subject.observes if key.startswith("observes.") else subject.section
        values = table.get(key.rpartition(".")[2], [])
        if not isinstance(values, list):
            yield f"key 'interbus.{key}': expected a list, got {values!r}"
            continue
        for value in values:
            if not isinstance(value, str) or not form.fullmatch(value):
                yield f"key 'interbus.{key}': expected something like {example}, got {value!r}"
        if len(values) != len({str(value) for value in values}):
            yield f"key 'interbus.{key}': names something twice"
    if not isinstance(subject.section.get("answers", False), bool):
        yield f"key 'interbus.answers': expected true or false, got {subject.section['answers']!r}"


def has_one_name(subject: Subject) -> Iterator[str]:
    """The manifest, the entry point and ``describe_adapter`` call it the same."""
    found = [entry.name for entry in entry_points(group=GROUP) if entry.module == subject.adapter.__name__]
    if not found:
        yield f"no entry point of group {GROUP!r} names {subject.adapter.__name__}; add it to pyproject.toml, install"
    for name in found:
        if name != subject.name:
            yield f"the entry point is called {name!r}, the manifest's key 'name' says {subject.name!r}; make them one"
    if "describe_adapter" not in subject.hooks:
        yield "describe_adapter is not implemented; interhost doctor shows what it answers"
        return
    for info in subject.manager.hook.describe_adapter():
        if info.module != subject.name:
            yield f"describe_adapter() says module {info.module!r}, the manifest {subject.name!r}; make them one"
        if not info.summary.strip() or "\n" in info.summary:
            yield f"describe_adapter() says {info.summary!r}; say in one line what the adapter observes and does"


def is_written_for_this_level(subject: Subject) -> Iterator[str]:
    """Its manifest states the level of these hook specifications."""
    api = subject.section.get("api")
    if api != API_LEVEL or isinstance(api, bool):
        yield f"key 'interbus.api' is {api!r}, these hook specifications have level {API_LEVEL}: the host refuses it"


def consumes_what_it_implements(subject: Subject) -> Iterator[str]:
    """Each intent in ``consumes`` has its ``on_`` hook, and each ``on_`` hook its line."""
    consumes = subject.list_names("consumes")
    wanted = {name: hook_of(name) for name in consumes if name != "*"}
    implemented = {hook for hook in subject.hooks if hook.startswith("on_")}
    for name, hook in wanted.items():
        if hook not in implemented:
            yield f"the manifest consumes {name}, but {hook} is not implemented; write it, or take the line away"
    for hook in sorted(implemented - set(wanted.values())):
        if "*" not in consumes:
            yield f"{hook} is implemented, but 'interbus.consumes' has no line for it, so it would never be called"
    if "*" in consumes and not implemented:
        yield "the manifest consumes everything, but no on_ hook is implemented"


def observes_what_it_implements(subject: Subject) -> Iterator[str]:
    """What the manifest says of hook events and files is what ``observe_hook`` and ``observe`` are there for."""
    hooks, files = subject.list_names("observes.hooks"), subject.list_names("observes.files")
    if hooks and "observe_hook" not in subject.hooks:
        yield "the manifest observes hook events, but observe_hook is not implemented"
    if not hooks and "observe_hook" in subject.hooks:
        yield "observe_hook is implemented, but 'interbus.observes.hooks' names no event, so it would never be called"
    if files and not subject.hooks & {"observe", "observe_hook"}:
        yield "the manifest watches files, but observe is not implemented"
    if subject.section.get("answers") is True and not hooks:
        yield "the manifest says that it answers hooks, but names no hook event that it observes"
    for hook in hooks:
        event, _, tools = hook.partition(":")
        if event not in HOOK_EVENTS and event != "*":
            yield f"the manifest observes {hook!r}, but Claude Code has no event {event!r}"
        if tools and event not in TOOL_EVENTS and event != "*":
            yield f"the manifest observes {hook!r}, but {event} is not about a tool; leave {':' + tools!r} out"


def names_its_companions(subject: Subject) -> Iterator[str]:
    """Each plugin that an integrated feature requires is a companion, recommended or optional."""
    companions, features = subject.manifest.get("companions"), subject.manifest.get("integrated_features")
    groups = companions.values() if isinstance(companions, dict) else []
    named = {name for group in groups if isinstance(group, list) for name in group}
    for feature in features if isinstance(features, list) else []:
        requires = feature.get("requires", []) if isinstance(feature, dict) else []
        for name in requires if isinstance(requires, list) else [requires]:
            if name not in named and name not in PROGRAMS:
                yield f"an integrated feature requires {name!r}; name it in 'companions' as recommended or optional"


def hook_of(intent: str) -> str:
    """The hook that receives an intent, given with its major."""
    name, _, major = intent.partition("@")
    known = CATALOGUE.get(name)
    return f"on_{name}" if known and known.INTENT.partition("@")[2].partition(".")[0] == major else "on_intent"
