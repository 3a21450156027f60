"""Which intents a package makes, read from its source.

A payload class counts where it is called or handed on as a value (``partial(Notify, …)``, a table of classes), not
where it is only named: in annotations, ``isinstance``, patterns, keys of tables. ``evolve`` of a consumed payload makes
one, too, and so does a function of the hook specifications that calls one (``compose_gate``). A module's own intents
are the texts of that form.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterable, Iterator

from interhost_hookspecs.catalogue import CATALOGUE
from interhost_hookspecs.contract_checks.manifest import PRODUCED

CLASSES = {cls.__name__: cls.INTENT for cls in CATALOGUE.values()}
_TESTS = frozenset({"cast", "isinstance", "issubclass"})
_COPIES = frozenset({"attrs.evolve", "evolve"})


def list_made(modules: Iterable[ast.Module]) -> set[str]:
    """The intents, as ``name@major.minor``."""
    return {intent for tree in modules for intent in _Maker(tree).made}


def _made_by_tool(module: str, name: str) -> set[str]:
    """The intents whose payloads a function of the hook specifications makes; none for whatever else has the name."""
    tool = getattr(importlib.import_module(module), name, None)
    if not inspect.isfunction(tool):
        return set()
    calls = (node.func for node in ast.walk(ast.parse(inspect.getsource(tool))) if isinstance(node, ast.Call))
    return {CLASSES[one.id] for one in calls if isinstance(one, ast.Name) and one.id in CLASSES}


class _Maker(ast.NodeVisitor):
    """Walks one module, past everything that only names a class."""

    def __init__(self, tree: ast.Module) -> None:
        self.made: set[str] = set()
        imported = [
            (alias, str(node.module))
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "interhost_hookspecs"
            for alias in node.names
        ]
        self._bound = {one.asname or one.name: CLASSES[one.name] for one, _ in imported if one.name in CLASSES}
        self._tools = {one.asname or one.name: _made_by_tool(module, one.name) for one, module in imported}
        self.visit(tree)

    def _intent(self, node: ast.AST) -> str | None:
        """The intent of a payload class that an expression names."""
        if isinstance(node, ast.Name):
            return self._bound.get(node.id)
        return CLASSES.get(node.attr) if isinstance(node, ast.Attribute) else None

    def visit_Name(self, node: ast.Name) -> None:
        if intent := self._intent(node):
            self.made.add(intent)
        self.made.update(self._tools.get(node.id, ()))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if intent := self._intent(node):
            self.made.add(intent)
        elif self._intent(node.value) is None:  # what a class has, such as Notify.INTENT, makes nothing
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and PRODUCED.fullmatch(node.value) and "." in node.value.partition("@")[0]:
            self.made.add(node.value)

    def visit_keyword(self, node: ast.keyword) -> None:
        """``intent=Notify.INTENT`` and ``intent="notify@1.0"`` make one."""
        if node.arg == "intent":
            if isinstance(node.value, ast.Attribute) and (intent := self._intent(node.value.value)):
                self.made.add(intent)
            if isinstance(node.value, ast.Constant) and node.value.value in CLASSES.values():
                self.made.add(str(node.value.value))
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _TESTS:
            self.visit(node.args[-1 if name == "cast" else 0])
            return
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.made.update(self._list_copied(node))
        for child in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, *node.body):
            if child:
                self.visit(child)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for child in (*node.decorator_list, *node.body):
            self.visit(child)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self._intent(node.slice) is None:
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for child in (node.left, *node.comparators):
            if self._intent(child) is None:
                self.visit(child)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not isinstance(node.op, ast.BitOr):
            self.generic_visit(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        for child in (*node.patterns, *node.kwd_patterns):
            self.visit(child)

    def visit_Dict(self, node: ast.Dict) -> None:
        for child in node.values:
            self.visit(child)

    def _list_copied(self, function: ast.FunctionDef) -> Iterator[str]:
        """Intents whose payloads a function copies with ``evolve``, known from its annotations and ``isinstance``."""
        known: dict[str, str] = {}
        for argument in (*function.args.args, *function.args.kwonlyargs):
            note = argument.annotation
            if isinstance(note, ast.Subscript) and (intent := self._intent(note.slice)):
                known[f"{argument.arg}.payload"] = intent
            elif note and (intent := self._intent(note)):
                known[argument.arg] = intent
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                if node.func.id == "isinstance" and (intent := self._intent(node.args[1])):
                    known[ast.unparse(node.args[0])] = intent
            elif isinstance(node, ast.Assign) and (intent := known.get(ast.unparse(node.value))):
                known[ast.unparse(node.targets[0])] = intent
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in _COPIES:
                yield from filter(None, [known.get(ast.unparse(node.args[0]))])
