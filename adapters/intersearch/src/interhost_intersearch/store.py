"""intersearch's embedding stores, found and read without changing anything.

A store is a SQLite database in a folder that is named after a hash of the project's path, exactly as whoever made it
spelled that path.

Source: ``reference/modules/intersearch.md`` sections 3.2 and 3.5.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen
from interhost_hookspecs import AdapterContext
from interhost_hookspecs.databases import read_rows, sign_database
from interhost_hookspecs.files import modified
from interhost_hookspecs.reading import plain_line

INDEXES = Path(".intersearch", "index")
"""The folder of all stores, below the user's home."""

DATABASE = "embeddings.db"

PATHS = 50
"""Paths that one fact names."""

_DIGITS = 12
_FLOAT = 4
_DAY = timedelta(days=1)

_HEAD = "SELECT (SELECT value FROM meta WHERE key = 'model_name') AS model, count(*) AS count FROM embeddings"
_TOTALS = "SELECT count(*) AS fresh, max(updated) AS newest FROM embeddings WHERE updated > ? AND updated < ?"
_FRESH = "SELECT path FROM embeddings WHERE updated > ? AND updated < ? ORDER BY updated LIMIT ?"


@frozen(kw_only=True)
class Index:
    """The store of a project.

    Attributes:
        path: The database.
        project: The project's root, as the host knows it.
        spelling: The same path as intersearch was given it; another spelling would be another store.
    """

    path: Path
    project: Path
    spelling: str

    @property
    def signature(self) -> str:
        """Is another text once somebody wrote into it."""
        return sign_database(self.path)

    @property
    def written(self) -> float:
        """When somebody last did, as a POSIX timestamp."""
        return max(modified(self.path) or 0.0, modified(self._log) or 0.0)

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{DATABASE}-wal")

    def read(self, after: str, now: datetime) -> Snapshot | None:
        """What it holds; ``None`` when it cannot be read.

        Args:
            after: Rows with a later ``updated`` are fresh.
            now: A row from beyond tomorrow was dated by a wrong clock, and counts for nothing but the total.
        """
        span = (after, (now + _DAY).isoformat())
        head = self.read_head()
        totals = read_rows(self.path, _TOTALS, *span)
        if head is None or not totals:
            return None
        rows = read_rows(self.path, _FRESH, *span, PATHS)
        return Snapshot(
            model=head[0],
            count=head[1],
            fresh=int(totals[0]["fresh"]),
            newest=str(totals[0]["newest"] or after),
            paths=tuple(plain_line(row["path"]) for row in rows or ()),
        )

    def read_head(self) -> tuple[str, int] | None:
        """The name of its model (empty when it does not say), and how many files it has; ``None`` when unreadable."""
        rows = read_rows(self.path, _HEAD)
        return (plain_line(rows[0]["model"]), int(rows[0]["count"])) if rows else None

    def read_vector(self, name: str) -> array[float] | None:
        """The embedding of one file, by its path relative to the project; ``None`` when it has none."""
        rows = read_rows(self.path, "SELECT path, vector FROM embeddings WHERE path = ?", name)
        return next((vector for _, vector in _read_vectors(rows or ())), None)

    def list_vectors(self) -> Iterator[tuple[str, array[float]]]:
        """The paths with their embeddings, at most 10,000."""
        return _read_vectors(read_rows(self.path, "SELECT path, vector FROM embeddings") or ())

    def read_digests(self) -> dict[str, str]:
        """SHA-256 of the content that each file was indexed with, by path; at most 10,000."""
        rows = read_rows(self.path, "SELECT path, sha256 FROM embeddings") or ()
        return {row["path"]: str(row["sha256"]) for row in rows if isinstance(row["path"], str)}


@frozen(kw_only=True)
class Snapshot:
    """What a store holds.

    Attributes:
        model: Name of the model that made the embeddings; empty when the store does not say.
        count: Files in it.
        fresh: How many of them are fresh.
        newest: The latest ``updated`` of them; what was asked for when there is none.
        paths: Some of them, oldest first.
    """

    model: str
    count: int
    fresh: int
    newest: str
    paths: tuple[str, ...]


def list_indexes(ctx: AdapterContext) -> list[Index]:
    """The stores of the projects that the host knows, under every spelling of their paths."""
    folder = ctx.home / INDEXES
    try:
        names = set(os.listdir(folder))
    except OSError:
        return []
    return [
        Index(path=folder / name / DATABASE, project=project, spelling=spelling)
        for project in ctx.projects
        for spelling in _spell(project)
        if (name := _hash(spelling)) in names and os.path.isfile(folder / name / DATABASE)
    ]


def find_index(project: Path | None, ctx: AdapterContext) -> Index | None:
    """The store of a project, by its most usual spelling."""
    return next((index for index in list_indexes(ctx) if index.project == project), None)


def _read_vectors(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, array[float]]]:
    """The paths with their embeddings: 32-bit floats, one after another."""
    for row in rows:
        path, data = row["path"], row["vector"]
        if isinstance(path, str) and isinstance(data, bytes) and len(data) % _FLOAT == 0:
            yield path, array("f", data)


def _spell(project: Path) -> Sequence[str]:
    """How a tool may have been given the path, the most usual first; a relative one is anybody's guess."""
    plain = (str(project), os.path.realpath(project))
    return list(dict.fromkeys([*plain, *(f"{path}/" for path in plain)]))


def _hash(spelling: str) -> str:
    from hashlib import sha256

    return sha256(spelling.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]
