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
        method: How, such as ``is_on``; empty for ``config["x"]``.
        line: Where.
    """

    name: str | None
    method: str
    line: int


def list_reads(tree: ast.Module) -> Iterator[Read]:
    """Every ``config.is_on("x")``, ``config["x"]`` and other call on ``config`` that names a setting first."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_config(node.value):
            yield Read(_text(node.slice), "", node.lineno)
        elif isinstance(node, ast.Call) and node.args and (method := _method(node.func)):
            yield Read(_text(node.args[0]), method, node.lineno)


def list_strings(tree: ast.Module) -> Iterator[str]:
    """Every text of the source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _method(node: ast.AST) -> str:
    """The method of ``config`` that an expression names; empty for everything else."""
    return node.attr if isinstance(node, ast.Attribute) and _is_config(node.value) else ""


def _is_config(node: ast.AST) -> bool:
    """Whether an expression is ``ctx.config``, or what a function calls ``config``."""
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) == _CONFIG


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
