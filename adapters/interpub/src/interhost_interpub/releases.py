"""One release, however many traces tell it: what was said last of each plugin, and the facts.

Canary, kernel row, commit and installed version all show the same release, seconds apart. None of them has a key that
the others share, so the last version that was told of a plugin decides, and how far it had come; taking a release back
makes the earlier version the last one again.

Source: ``reference/modules/interpub.md`` sections 5.3 and 5.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeGuard

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, ReleaseState, ReleaseStatus, Severity
from interhost_hookspecs.files import read_head
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import fact_key, first_line, read_object

MANIFEST = Path(".claude-plugin", "plugin.json")
"""What makes a project a plugin."""

REQUEST = "release"
"""Kind of the requests for a release."""

STAGES = (ReleaseState.PUBLISHING, ReleaseState.SYNCED, ReleaseState.PUBLISHED)
"""How far a release has come."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+-]{0,63}")
_MOST = 200


@frozen(kw_only=True)
class Plugin:
    """A project that is a plugin: its root, its name, and the version that its manifest states."""

    root: Path
    name: str
    version: str


def is_name(value: object) -> TypeGuard[str]:
    """Whether a value can be a plugin's name."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def is_version(value: object) -> TypeGuard[str]:
    """Whether a value can be a version: no option, and no path."""
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def read_plugin(root: Path) -> Plugin | None:
    """The plugin of a project; ``None`` when its manifest is absent, damaged, or states no name and version."""
    manifest = read_object(read_head(root / MANIFEST))
    name, version = first_line(manifest, "name"), first_line(manifest, "version")
    return Plugin(root=root, name=name, version=version) if is_name(name) and is_version(version) else None


def find_root(name: str, ctx: AdapterContext) -> Path | None:
    """The only known project that is the plugin of this name; of several copies, none."""
    found = [root for root in ctx.projects if (plugin := read_plugin(root)) and plugin.name == name]
    return found[0] if len(found) == 1 else None


def remember(name: str, version: str, state: ReleaseState, ctx: AdapterContext) -> bool:
    """Note how far a release has come, and say whether that is news."""
    told: dict[str, list[str]] = recall(ctx, "told")
    last_version, last_state = told.pop(name, ["", STAGES[0].value])
    is_news = last_version != version or STAGES.index(ReleaseState(last_state)) < STAGES.index(state)
    told[name] = [version, state.value] if is_news else [last_version, last_state]
    keep(ctx, "told", told, most=_MOST)
    return is_news


def take_back(name: str, version: str, ctx: AdapterContext) -> None:
    """Note that an earlier version is the published one again."""
    told = recall(ctx, "told")
    told[name] = [version, ReleaseState.PUBLISHED.value]
    keep(ctx, "told", told, most=_MOST)


def compose(
    name: str,
    version: str | None,
    state: ReleaseState,
    ctx: AdapterContext,
    *,
    source: str,
    severity: Severity = Severity.INFO,
    stated: str | None = None,
    previous: str | None = None,
    reason: str | None = None,
    at: datetime | None = None,
    root: Path | None = None,
    dry_run: bool | None = None,
    extensions: Mapping[str, object] | None = None,
) -> Draft:
    """A fact about the release of a plugin; about its project, where exactly one is known."""
    root = root or find_root(name, ctx)
    return Draft(
        payload=ReleaseStatus(
            state=state,
            stated_state=stated,
            module=name,
            version=version,
            previous_version=previous,
            dry_run=dry_run,
            reason=reason,
        ),
        context_id=None if root else f"project:{name}",
        artifact_path=root / MANIFEST if root else None,
        project_dir=root,
        severity=severity,
        source_hook=source,
        occurred_at=at,
        dedupe_key=fact_key("interpub", name, version, state, stated, reason, at or ctx.now()),
        extensions=extensions or {},
    )


def tell_once(draft: Draft, ctx: AdapterContext, *, is_news: bool = True) -> list[Draft]:
    """A release that has come further, unless that was told, or is history; whoever was asked for it need not wait."""
    status = draft.payload
    if not isinstance(status, ReleaseStatus) or status.module is None or status.version is None:
        return []
    if not remember(status.module, status.version, status.state, ctx) or not is_news:
        return []
    if status.state is not ReleaseState.PUBLISHING:
        for request in ctx.open_requests(REQUEST):
            if request.details.get("plugin") == status.module:
                ctx.close_request(request, f"{status.state} {status.version}")
    return [draft]
