"""Projects as intermute knows them, and the paths in them.

intermute calls a project by the name of its directory, so two checkouts of one name are one project to it. What it
says about such a name is told of the name, and of neither checkout.

Source: ``reference/modules/interlock.md`` section 4.5.
"""

from __future__ import annotations

import os.path
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext
from interhost_hookspecs.reading import encodable

_MOST_PROJECTS = 16
_GLOB = frozenset("*?[]{}")


@frozen
class Place:
    """A project as intermute knows it.

    Attributes:
        name: Its name there.
        root: Its directory; ``None`` when several have the name.
    """

    name: str
    root: Path | None

    def name_of(self, pattern: str) -> str | None:
        """What the project calls the file that a path or pattern names; ``None`` for globs and what lies outside."""
        is_plain = self.root and pattern.isprintable() and not _GLOB.intersection(pattern)
        return relative(pattern, self.root) if self.root and is_plain else None

    def file_of(self, pattern: str) -> Path | None:
        """That file."""
        name = self.name_of(pattern)
        return self.root / name if self.root and name else None


def list_places(ctx: AdapterContext) -> list[Place]:
    """The projects that the host knows, as intermute calls them; the last used first."""
    roots: dict[str, list[Path]] = {}
    for root in ctx.projects:
        if root.name and root.name.isprintable() and encodable(root.name) == root.name:
            roots.setdefault(root.name, []).append(root)
    return [Place(name, found[0] if len(found) == 1 else None) for name, found in list(roots.items())[:_MOST_PROJECTS]]


def locate(path: str, ctx: AdapterContext) -> tuple[Place, str] | None:
    """The innermost known project that an absolute path lies in, and its name there."""
    for root in sorted(ctx.projects, key=lambda one: len(one.parts), reverse=True):
        if os.path.isabs(path) and (name := relative(path, root)):
            return Place(root.name, root), name
    return None


def relative(path: str, root: Path) -> str | None:
    """A path as the project has it; ``None`` when it leads out of it, or is the project itself."""
    try:
        for resolve in (os.path.normpath, os.path.realpath):  # a project may be entered through a link
            base, whole = f"{resolve(root)}/", resolve(os.path.join(root, path))
            if whole.startswith(base):
                return whole.removeprefix(base)
    except (OSError, ValueError):
        pass
    return None
