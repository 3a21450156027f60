"""Files that ``ic publish`` leaves in the user's home: the canary of each release, and the installed versions.

Source: ``reference/modules/interpub.md`` section 5.3, rows P1 and P3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from interhost_hookspecs import AdapterContext, Draft, ReleaseState, Severity
from interhost_hookspecs.files import read_head
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import (
    first_count,
    first_line,
    plain_line,
    read_object,
    read_objects,
    read_time,
    value_at,
)

from interhost_interpub.releases import compose, find_root, is_name, is_version, take_back, tell_once

CANARIES, INSTALLED = ".clavain/release-canaries.json", ".claude/plugins/installed_plugins.json"
"""The files, below the user's home."""

CHECKS: Mapping[str, Severity] = MappingProxyType(
    {"passed": Severity.INFO, "failed": Severity.ERROR, "rolled_back": Severity.WARN}
)
"""What became of a canary; ``pending`` is not yet anything."""

MOST_BYTES = 4 << 20
"""Bytes of the largest file that is read; a larger one counts as damaged."""

_MOST = 200


def tell_canaries(path: Path, ctx: AdapterContext, is_news: bool) -> Iterator[Draft]:
    """Releases, and what their canaries came to; the record of a plugin is replaced by its next release."""
    known: dict[str, list[object]] = recall(ctx, "canaries")
    for record in read_objects(read_head(path, MOST_BYTES + 1))[:_MOST]:
        name, version = first_line(record, "plugin"), first_line(record, "version")
        if not is_name(name) or not is_version(version):
            continue
        key, status = f"{name}@{first_line(record, 'marketplace')}", first_line(record, "status") or ""
        release: list[object] = [version, first_count(record, "published_at")]
        before = known.pop(key, [None, None, ""])
        known[key] = [*release, status]
        if before[:2] != release:
            yield from tell_once(_compose_release(name, version, record, ctx), ctx, is_news=is_news)
        if known[key] != before and status in CHECKS:
            if status == "rolled_back":
                take_back(name, _prior(record) or "", ctx)
            if is_news:
                yield _compose_check(name, version, status, record, ctx)
    keep(ctx, "canaries", known, most=_MOST)


def tell_installed(path: Path, ctx: AdapterContext, is_news: bool) -> Iterator[Draft]:
    """Other versions of the user's own plugins that were installed; those of other plugins are no releases of ours."""
    plugins = value_at(read_object(read_head(path, MOST_BYTES + 1)), "plugins")
    known: dict[str, str] = recall(ctx, "installed")
    for key, records in list(plugins.items())[:_MOST] if isinstance(plugins, dict) else ():
        name, record = key.partition("@")[0], records[0] if isinstance(records, list) and records else None
        version = first_line(record, "version")
        if not is_name(name) or not is_version(version):
            continue
        before = known.pop(key, None)
        known[key] = version
        if before != version and (root := find_root(name, ctx)):
            draft = compose(
                name,
                version,
                ReleaseState.SYNCED,
                ctx,
                source="file:installed_plugins.json",
                stated="installed",
                previous=before,
                at=read_time(value_at(record, "lastUpdated")),
                root=root,
                extensions={"git_sha": first_line(record, "gitCommitSha")},
            )
            yield from tell_once(draft, ctx, is_news=is_news and before is not None)
    keep(ctx, "installed", known, most=_MOST)


def read_moment(value: object) -> datetime | None:
    """A time in seconds since the epoch, as a whole number."""
    is_moment = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 33
    return datetime.fromtimestamp(value, UTC) if is_moment and isinstance(value, int) else None


def _compose_release(name: str, version: str, record: Mapping[str, object], ctx: AdapterContext) -> Draft:
    return compose(
        name,
        version,
        ReleaseState.PUBLISHED,
        ctx,
        source="file:release-canaries.json",
        previous=_prior(record),
        at=read_moment(record.get("published_at")),
        extensions={"marketplace": first_line(record, "marketplace")},
    )


def _compose_check(name: str, version: str, status: str, record: Mapping[str, object], ctx: AdapterContext) -> Draft:
    way_back = {"rollback": f"ic publish rollback {name}"} if status == "failed" else {}
    return compose(
        name,
        version,
        ReleaseState.CANARY,
        ctx,
        source="file:release-canaries.json",
        severity=CHECKS[status],
        stated=status,
        previous=_prior(record),
        reason=plain_line(record.get("note")) or None,
        at=read_moment(record.get("checked_at")),
        extensions={"marketplace": first_line(record, "marketplace"), **way_back},
    )


def _prior(record: Mapping[str, object]) -> str | None:
    stated = first_line(record, "prior_version")
    return stated if is_version(stated) else None
