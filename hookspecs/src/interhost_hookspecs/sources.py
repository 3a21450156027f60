"""Tables of files that tell facts, one row per kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from attrs import frozen

from interhost_hookspecs.context import AdapterContext

T_co = TypeVar("T_co", covariant=True)


@frozen
class Source(Generic[T_co]):
    """Files that tell the same kind of facts.

    Attributes:
        pattern: Glob below a root.
        tell: Makes of a changed file what it tells: of its path, its root, and the context.
        settle: Seconds a file must have been left alone; a file that is replaced as a whole needs none.
    """

    pattern: str
    tell: Callable[[Path, Path, AdapterContext], Iterable[T_co]]
    settle: float = 2.0


def tell_changes(sources: Iterable[Source[T_co]], root: Path, ctx: AdapterContext) -> Iterator[T_co]:
    """What the files below a root tell that changed since the last look; two rows may have the same pattern."""
    for source in sources:
        for path in ctx.changed(source.pattern, root=root, settle=source.settle):
            yield from source.tell(path, root, ctx)
