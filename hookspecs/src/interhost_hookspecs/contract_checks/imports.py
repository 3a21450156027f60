"""What a module imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def list_imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module or name that is imported anywhere, as ``package.module.name``, with its line."""
    for node in ast.walk(tree):
        yield from _names(node)


def list_top_imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What is imported while the module itself is: not in functions, not for the type checker only."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        yield from _names(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)


def _names(node: ast.AST) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, node.lineno) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
