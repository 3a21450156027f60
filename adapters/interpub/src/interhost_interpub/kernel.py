"""The kernel's table of publishes that are under way, read from its database and never through ``ic``.

A publish that failed has its row removed, so that a row which goes before it is done is all that shows a failure here.
Whoever opens a database in the usual way leaves files beside it; this module does not.

Source: ``reference/modules/interpub.md`` section 5.3, row P2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, ReleaseState, Severity
from interhost_hookspecs.databases import read_rows
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line, read_time
from interhost_hookspecs.sources import watch_states

from interhost_interpub.canaries import read_moment
from interhost_interpub.releases import compose, is_name, is_version, tell_once

DATABASE = Path(".clavain", "intercore.db")
"""The database, below a project or a folder around it."""

DONE = "done"
"""Phase of a publish that is over."""

_FILES = ("intercore.db", "intercore.db-wal")
_COLUMNS = ("id", "plugin", "from_ver", "to_ver", "phase", "started_at", "updated_at")
_MOST = 200


@frozen(kw_only=True)
class Publish:
    """One row: its id, the plugin, the versions, its phase, and when it began and moved."""

    id: str
    plugin: str
    from_version: str | None
    to_version: str
    phase: str
    started_at: datetime | None
    updated_at: datetime | None


def find_database(root: Path) -> Path | None:
    """The database of a project: its own, or the nearest of the folders around it."""
    for folder in (root, *root.parents):
        if (folder / DATABASE).is_file():
            return folder / DATABASE
    return None


def tell_publishes(ctx: AdapterContext) -> Iterator[Draft]:
    """Publishes that began, came to an end, or vanished, in every database that a known project has."""
    for database in dict.fromkeys(found for root in ctx.projects if (found := find_database(root))):
        looks = [news for name in _FILES for _, news in watch_states(name, database.parent, ctx, settle=0.0)]
        rows = list_publishes(database) if looks else None
        if rows is not None:
            yield from _compare(rows, database, ctx, is_news=any(looks))


def list_publishes(database: Path) -> list[Publish] | None:
    """The last rows, the newest last; none where nobody has ever published, ``None`` when nobody can tell."""
    columns = ", ".join(f"substr({name}, 1, 200) AS {name}" for name in _COLUMNS)
    rows = read_rows(database, f"SELECT {columns} FROM publish_state ORDER BY rowid DESC LIMIT {_MOST}")  # noqa: S608 - our own words
    return None if rows is None else [one for row in reversed(rows) if (one := _read(row))]


def _compare(rows: list[Publish], database: Path, ctx: AdapterContext, *, is_news: bool) -> Iterator[Draft]:
    known: dict[str, list[str]] = recall(ctx, f"publishes:{database}")
    for one in rows:
        phase = known.get(one.id, ["", "", ""])[2]
        if phase in (one.phase, DONE) or (phase and one.phase != DONE):
            continue
        state = ReleaseState.PUBLISHED if one.phase == DONE else ReleaseState.PUBLISHING
        draft = compose(
            one.plugin,
            one.to_version,
            state,
            ctx,
            source="db:publish_state",
            stated=one.phase,
            previous=one.from_version,
            at=one.updated_at or one.started_at,
        )
        yield from tell_once(draft, ctx, is_news=is_news)
    now = {one.id: [one.plugin, one.to_version, one.phase] for one in rows}
    for key in known.keys() - now.keys() if len(rows) < _MOST else ():
        plugin, version, phase = known[key]
        if phase != DONE:
            yield _tell_end(plugin, version, phase, ctx)
    keep(ctx, f"publishes:{database}", now)


def _tell_end(plugin: str, version: str, phase: str, ctx: AdapterContext) -> Draft:
    return compose(
        plugin,
        version,
        ReleaseState.FAILED,
        ctx,
        source="db:publish_state",
        severity=Severity.WARN,
        stated="removed",
        reason=f"its row was removed in phase {phase}: the publish failed, or somebody cleared its lock",
    )


def _read(row: Mapping[str, object]) -> Publish | None:
    key, plugin, before, after, phase, started, updated = (plain_line(row[name]) for name in _COLUMNS)
    if not key or not phase or not is_name(plugin) or not is_version(after):
        return None
    return Publish(
        id=key,
        plugin=plugin,
        from_version=before if is_version(before) else None,
        to_version=after,
        phase=phase,
        started_at=_read_time(started),
        updated_at=_read_time(updated),
    )


def _read_time(value: str) -> datetime | None:
    return read_moment(int(value)) if value.isascii() and value.isdecimal() else read_time(value)
