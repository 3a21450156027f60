"""The public names, the typed face of the hooks, and what importing all of it costs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import typing

import interhost_hookspecs
import pytest
from interhost_hookspecs import HookCaller, specs

SPECS = {
    name: function
    for name, function in vars(specs).items()
    if inspect.isfunction(function) and hasattr(function, "interhost_spec")
}


def test_the_public_names_are_sorted_and_importable() -> None:
    """The list is the surface: sorted as ruff sorts it, without doubles, each with something behind it."""
    names = interhost_hookspecs.__all__
    constants, classes, functions = (
        [name for name in names if test(name)]
        for test in (str.isupper, lambda name: not name.isupper() and name[0].isupper(), str.islower)
    )
    assert names == [*sorted(constants), *sorted(classes), *sorted(functions)]
    assert len(set(names)) == len(names)
    assert all(hasattr(interhost_hookspecs, name) for name in names)


def test_what_can_be_imported_is_on_the_list() -> None:
    """A name that slips out without being listed would be relied on all the same; modules are no names."""
    importable = {
        name
        for name, value in vars(interhost_hookspecs).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert importable == set(interhost_hookspecs.__all__)


def test_everything_public_is_explained() -> None:
    """Classes and functions say what they are for in their first line."""
    for name in interhost_hookspecs.__all__:
        value = getattr(interhost_hookspecs, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (inspect.getdoc(value) or "").strip(), name


@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_typed_face_says_what_the_specification_says(name: str) -> None:
    """The same parameters, by keyword only; the answer is a list of what the specification may answer."""
    spec, face = inspect.signature(SPECS[name]), inspect.signature(getattr(HookCaller, name))
    _, *parameters = face.parameters.values()
    assert [parameter.name for parameter in parameters] == list(spec.parameters)
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters)
    expected, given = (typing.get_type_hints(one) for one in (SPECS[name], getattr(HookCaller, name)))
    (answer,) = (arg for arg in typing.get_args(expected.pop("return")) if arg is not type(None))
    assert given.pop("return") == list[answer]  # type: ignore[valid-type]
    assert given == expected


def test_the_typed_face_has_no_other_hooks() -> None:
    """What pluggy would not know cannot be called through it."""
    assert {name for name in vars(HookCaller) if not name.startswith("_")} == set(SPECS)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_specification_says_when_with_what_and_what_then(name: str) -> None:
    """Docstrings give the contract in one order: when it is called, arguments, answer, errors."""
    text = inspect.getdoc(SPECS[name]) or ""
    parameters = inspect.signature(SPECS[name]).parameters
    parts = ["Called ", *(["Args:"] if parameters else []), "Returns:", "Raises:"]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    for parameter in parameters:
        assert f"    {parameter}: " in text


def test_importing_it_needs_pluggy_attrs_and_nothing_else() -> None:
    """Whoever installs an adapter installs these two, so nothing else may be imported: asked of a fresh interpreter."""
    modules = [f"interhost_hookspecs.{one.name}" for one in pkgutil.iter_modules(interhost_hookspecs.__path__)]
    script = f"""
import importlib, sys
before = set(sys.modules)
for name in {modules}:
    importlib.import_module(name)
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["attr", "attrs", "interhost_hookspecs", "pluggy"], done.stderr


def test_every_module_of_it_can_be_imported_first() -> None:
    """There is no order of imports in which it falls over."""
    for one in pkgutil.iter_modules(interhost_hookspecs.__path__):
        name = f"interhost_hookspecs.{one.name}"
        assert importlib.import_module(name).__doc__
        done = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
