"""Keeping a store up to date, where the user turned ``keep_index`` on: it loads a model, which takes time and memory.

Only a store that exists is kept, and with its own model. Indexing the same content again changes nothing, so a repeated
attempt does no harm.

Source: ``reference/modules/intersearch.md`` sections 3.5 and 3.6.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from interhost_hookspecs import AdapterContext, Outcome
from interhost_hookspecs.files import digest, read_head

from interhost_intersearch.engine import EngineError, MissingError, find_interpreter, find_store, update

DOCUMENTS = "docs/**/*.md"
"""What is indexed before work begins, so that later searches are warm."""

# intersearch's own limit, which it applies only when it finds files by itself.
_LARGEST = 256 * 1024
# So many are indexed in one go; the next sprint goes on with the rest.
_MOST = 50


def keep_files(project: Path | None, paths: Sequence[Path] | None, ctx: AdapterContext) -> Outcome:
    """Index files that changed, and forget those that are gone.

    Args:
        project: Root of the project.
        paths: The files; ``None`` for all documents, and for everything in the store that is not there any more.
        ctx: Runs intersearch.
    """
    try:
        find_interpreter(ctx)
        index, model = find_store(project, ctx)
        known = index.read_digests()
        wanted = paths if paths is not None else _list_documents(index.project, known)
        names, missing = _sort(wanted, index.project)
        stale = [name for name in names if digest(index.project / name) != known.get(name)]
        gone = [name for name in missing if name in known]
        if not stale and not gone:
            return Outcome.skipped("the index is up to date")
        counts = update(stale[:_MOST], gone, index, model, ctx)
    except MissingError as error:
        return Outcome.skipped(str(error))
    except EngineError as error:
        return Outcome.failed(str(error))
    said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    return Outcome.failed(said) if counts["failed"] else Outcome.done(said)


def _list_documents(project: Path, known: Iterable[str]) -> list[Path]:
    """The documents that are there, and those that the store has: intersearch itself never forgets a deleted one."""
    return [*project.glob(DOCUMENTS), *(project / name for name in known if fnmatchcase(name, "docs/*.md"))]


def _sort(paths: Iterable[Path], project: Path) -> tuple[list[str], list[str]]:
    """The files that can be indexed, and those that are gone, by their paths within the project; no others."""
    names, gone = dict[str, None](), dict[str, None]()
    for path in map(Path, map(os.path.normpath, paths)):
        if not path.is_relative_to(project) or not str(path).isprintable():
            continue
        name = str(path.relative_to(project))
        if not os.path.lexists(path):
            gone[name] = None
        elif _is_text(path, project):
            names[name] = None
    return list(names), list(gone)


def _is_text(path: Path, project: Path) -> bool:
    """Whether it is a file of the project, links resolved, with text of a size that intersearch would take."""
    try:
        real = path.resolve(strict=True)
        is_inside = real.is_file() and real.is_relative_to(project.resolve()) and real.stat().st_size <= _LARGEST
    except (OSError, RuntimeError, ValueError):
        return False
    return is_inside and b"\0" not in read_head(real)
