"""Tables of files that tell facts, one row per kind of file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from attrs import frozen

from interhost_hookspecs.context import AdapterContext
from interhost_hookspecs.files import is_readable

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


def watch_states(pattern: str, root: Path, ctx: AdapterContext, *, settle: float = 2.0) -> Iterator[tuple[Path, bool]]:
    """Changed files whose content replaces the one before, each with whether that is news.

    Whoever tells such a file compares it with what it said before, and needs something to begin with: at the first
    look at a root, the files that are there come, too, as no news.

    Args:
        pattern: Glob below the root.
        root: Directory to look in.
        ctx: Knows what changed.
        settle: Seconds a file must have been left alone.
    """
    changed, known = ctx.changed(pattern, root=root, settle=settle), f"states:{pattern}:{root}"
    if ctx.cursor.get(known) is None:
        ctx.cursor.set(known, "known")
        yield from ((path, False) for path in sorted(root.glob(pattern)) if path.is_file() and path not in changed)
    yield from ((path, True) for path in changed)


def tail_lines(path: Path, ctx: AdapterContext) -> tuple[str, ...]:
    """New lines of a log in a place that nobody vouches for, such as a project: none while it is no readable file.

    ``ctx.tail`` raises for a directory or a log of somebody else, which would end the look at all other places, too.
    """
    try:
        os.stat(path)
    except FileNotFoundError:
        return ctx.tail(path).lines  # what comes later is new from its first line
    except (OSError, ValueError):  # a folder of the path is no folder
        return ()
    return ctx.tail(path).lines if is_readable(path) else ()
