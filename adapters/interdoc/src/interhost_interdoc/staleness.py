"""How far the document is behind the commits, counted from git where interdoc cannot be asked.

The reasons are those of ``check-updates.sh``, so that nobody need care who counted.

Source: ``reference/modules/interdoc.md`` section 3.3, rows D1 and D2.
"""

from __future__ import annotations

from collections.abc import Mapping

from interhost_hookspecs import AdapterContext

from interhost_interdoc.repository import DOCUMENT, Repository

_DAY = 86_400


def count_updates(repository: Repository, ctx: AdapterContext) -> Mapping[str, object] | None:
    """Why the document is stale, as ``check-updates.sh`` says it; ``None`` when it is not, or somebody edits it.

    Raises:
        UnreadableError: git refused.
        HungError: git did not answer in time.
    """
    if not repository.has_document:
        return {"action": "generate", "reason": "no_agents_md"}
    last = repository.ask(ctx, "log", "-1", "--format=%H %ct", "--", DOCUMENT).split()
    if not last:
        return {"action": "update", "reason": "uncommitted"}
    if DOCUMENT in repository.list_dirty(ctx):
        return None
    since = int(repository.ask(ctx, "rev-list", "--count", f"{last[0]}..HEAD"))
    if not since:
        return None
    if since >= ctx.config.count("stale_commits"):
        return {"action": "update", "reason": "commits", "commits_since": since}
    days = int(ctx.now().timestamp() - int(last[1])) // _DAY
    if days >= ctx.config.count("stale_days"):
        # The history of a shallow clone ends somewhere: the document may be older, and the commits more.
        reason = "stale_shallow" if repository.is_shallow else "stale"
        return {"action": "update", "reason": reason, "days_since": days, "commits_since": since}
    return None
