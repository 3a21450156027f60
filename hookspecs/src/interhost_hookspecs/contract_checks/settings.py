"""Which settings a module reads, and how."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from attrs import frozen

_CONFIG = "config"


@frozen
class Read:
    """One place where ``ctx.config`` is asked.

    Attributes:
        name: The setting; ``None`` where the source puts the name together.
        line: Where.
        default: What is taken when it is not set; ``None`` where nothing is named.
        is_strict: Whether only ``true`` counts as on.
    """

    name: str | None
    line: int
    default: object
    is_strict: bool


def list_reads(tree: ast.Module) -> Iterator[Read]:
    """Every ``config.get("x")``, ``config["x"]`` and other call on ``config`` that names a setting first."""
    strict = {
        id(node.left)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Is | ast.IsNot)
        and isinstance(node.comparators[0], ast.Constant)
        and node.comparators[0].value is True
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_config(node.value):
            yield Read(_text(node.slice), node.lineno, None, id(node) in strict)
        elif isinstance(node, ast.Call) and node.args and _is_config(getattr(node.func, "value", node)):
            default = node.args[1].value if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) else None
            yield Read(_text(node.args[0]), node.lineno, default, id(node) in strict)


def list_strings(tree: ast.Module) -> Iterator[str]:
    """Every text of the source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_config(node: ast.AST) -> bool:
    """Whether an expression is ``ctx.config``, or what a function calls ``config``."""
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) == _CONFIG


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
