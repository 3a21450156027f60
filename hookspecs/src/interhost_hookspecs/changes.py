"""What was changed in a project: on the branch, or in the last commit, and what is not committed yet.

A user's repository may name programs that git runs by itself; none of them is run from here, and no lock is taken.
"""

from __future__ import annotations

from pathlib import Path

from interhost_hookspecs.context import AdapterContext

_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
_ENVIRON = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
_DIFF = ("diff", "--name-only", "-z", "--no-ext-diff", "--no-textconv", "--no-renames")


def read_commit(project: Path, ctx: AdapterContext) -> str | None:
    """The commit that is checked out; ``None`` where there is none, no repository, or no git."""
    said = _ask(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], project, ctx)
    return said.strip() or None if said is not None else None


def read_base(project: Path, ctx: AdapterContext) -> str | None:
    """The commit since which :func:`list_changes` counts: where the branch left its upstream, else the one before.

    ``None`` where there is none, no repository, or no git.
    """
    if _ask(["rev-list", "-n1", "@{upstream}..HEAD"], project, ctx):
        said = _ask(["merge-base", "@{upstream}", "HEAD"], project, ctx)
    else:
        said = _ask(["rev-parse", "--verify", "--quiet", "HEAD~1^{commit}"], project, ctx)
    return said.strip() or None if said is not None else None


def list_changes(project: Path, ctx: AdapterContext) -> tuple[str, ...] | None:
    """Paths that were added, changed or removed, relative to the project.

    What was not pushed yet counts, else what the last commit changed; and whatever is not committed, new files too.

    Args:
        project: Root of the repository.
        ctx: Runs git.

    Returns:
        The paths in order, or ``None`` when git cannot say.
    """
    dirty = _ask(["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"], project, ctx)
    ahead = _ask([*_DIFF, "@{upstream}...HEAD"], project, ctx)
    committed = ahead or _ask([*_DIFF, "HEAD~1", "HEAD"], project, ctx)
    if dirty is None:
        return None
    paths = [*(entry[3:] for entry in dirty.split("\0")), *(committed or "").split("\0")]
    return tuple(sorted(set(filter(None, paths))))


def _ask(words: list[str], project: Path, ctx: AdapterContext) -> str | None:
    answer = ctx.run([*_GIT, *words], cwd=project, env=_ENVIRON)
    return answer.stdout if answer.ok else None
