"""Graphs as text for other programs to draw; whatever a label holds, it stays a label."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from interhost.cli.output import printable

_MERMAID = {ord(character): f"#{ord(character)};" for character in '#"`<>&\\|'}


class Node(NamedTuple):
    """A box; ``present`` ones are filled."""

    label: str
    present: bool


class Arrow(NamedTuple):
    """A line from one node to another, by their numbers; ``weak`` ones are dashed."""

    source: int
    target: int
    label: str
    weak: bool


def mermaid(nodes: Sequence[Node], arrows: Iterable[Arrow]) -> Iterator[str]:
    """Lines of a Mermaid flowchart."""

    def quoted(text: str) -> str:
        return f'"{printable(text).translate(_MERMAID)}"'

    yield "flowchart LR"
    yield "  classDef present fill:#cfc,stroke:#060"
    for number, node in enumerate(nodes):
        yield f"  m{number}[{quoted(node.label)}]{':::present' if node.present else ''}"
    for arrow in arrows:
        yield f"  m{arrow.source} {'-.->' if arrow.weak else '-->'}|{quoted(arrow.label)}| m{arrow.target}"


def dot(nodes: Sequence[Node], arrows: Iterable[Arrow]) -> Iterator[str]:
    """Lines of a Graphviz graph."""

    def quoted(text: str) -> str:
        return json.dumps(printable(text), ensure_ascii=False)  # escapes the quote and the backslash, as DOT does

    yield "digraph companions {"
    yield "  rankdir=LR; node [shape=box];"
    for number, node in enumerate(nodes):
        yield f"  m{number} [label={quoted(node.label)}{', style=filled' if node.present else ''}];"
    for arrow in arrows:
        style = ", style=dashed" if arrow.weak else ""
        yield f"  m{arrow.source} -> m{arrow.target} [label={quoted(arrow.label)}{style}];"
    yield "}"
