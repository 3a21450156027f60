"""What a dry run of ``ic publish`` does not check: clean trees, the remote, the lock. And who wrote the last commit.

Source: ``reference/modules/interpub.md`` sections 5.2 and 5.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from interhost_hookspecs import AdapterContext
from interhost_hookspecs.files import read_text

from interhost_interpub.commands import run_git
from interhost_interpub.kernel import DONE, find_database, list_publishes

ROLE = Path(".config", "intercore", "publish-role")
"""Whether this machine may sign a release, below the user's home."""

APPROVED = ".publish-approved"
"""A person's approval of what an agent wrote, in the plugin's folder."""

_REMOTE_TIMEOUT = 10.0
_AGENT = re.compile(r"claude|codex", re.IGNORECASE)
_CO_AUTHOR = re.compile(r"^co-authored-by:.*(?:claude|codex)", re.IGNORECASE | re.MULTILINE)


def find_head(root: Path, ctx: AdapterContext) -> str | None:
    """The commit that would be released."""
    answer = run_git(["rev-parse", "--verify", "HEAD"], root, ctx)
    head = answer.stdout.strip()
    return head if answer.ok and re.fullmatch(r"[0-9a-f]{40,64}", head) else None


def list_obstacles(root: Path, ctx: AdapterContext) -> Iterator[str]:
    """What would stop a publish of a plugin later than its dry run."""
    yield from find_changes(root, "the plugin", ctx)
    yield from _check_remote(root, ctx)
    yield from find_lock(root)


def find_lock(root: Path) -> Iterator[str]:
    """The publish, of whichever plugin, whose row locks out another one; ``--auto`` would clear it."""
    database = find_database(root)
    rows = list_publishes(database) if database else []
    if rows is None:
        yield f"nobody can tell whether a publish is under way: {database} cannot be read"
    for one in rows or ():
        if one.phase != DONE:
            yield f"a publish of {one.plugin} {one.to_version} is under way, in phase {one.phase}"


def find_changes(folder: Path, what: str, ctx: AdapterContext) -> Iterator[str]:
    """What is not committed in a folder."""
    answer = run_git(["status", "--porcelain"], folder, ctx)
    if not answer.ok:
        yield f"nobody can tell whether {what} is clean: {answer.why}"
    elif answer.stdout:
        yield f"{what} has changes that are not committed"


def needs_approval(root: Path, ctx: AdapterContext) -> bool | None:
    """Whether an agent had a part in the last commit and no approval lies there; ``None`` when nobody can tell."""
    answer = run_git(["log", "-1", "--format=%an <%ae>%n%B"], root, ctx)
    author, _, body = answer.stdout.partition("\n")
    if not answer.ok:
        return None
    return bool(_AGENT.search(author) or _CO_AUTHOR.search(body)) and not (root / APPROVED).is_file()


def is_signer(ctx: AdapterContext) -> bool:
    """Whether this machine is set up to sign releases."""
    return read_text(ctx.home / ROLE, 100).strip() == "signer"


def _check_remote(root: Path, ctx: AdapterContext) -> Iterator[str]:
    upstream = run_git(["rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}"], root, ctx)
    if not upstream.ok:
        yield "the branch has no upstream to push to"
        return
    reached = run_git(["ls-remote", "--quiet", "--exit-code", "--heads"], root, ctx, timeout=_REMOTE_TIMEOUT)
    if not reached.ok:
        yield f"the remote cannot be reached: {reached.why}"
    behind = run_git(["rev-list", "--count", "HEAD..@{upstream}"], root, ctx).stdout.strip()
    if behind != "0":
        yield f"the branch is behind its upstream by {behind or 'an unknown number of'} commits"
