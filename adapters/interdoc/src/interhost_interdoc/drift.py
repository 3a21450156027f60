"""How documents fall behind: what is asked when something moved, and what of the answers is news.

Source: ``reference/modules/interdoc.md`` sections 3.3 (rows D1, D3 and D5) and 3.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen
from interhost_hookspecs import AdapterContext, Draft, DriftDetected, Severity
from interhost_hookspecs.reading import fact_key, first_count, plain_line

from interhost_interdoc.repository import DOCUMENT, Repository
from interhost_interdoc.scripts import FIX, REFERENCES, UPDATES, check_updates, list_dead, run_fix
from interhost_interdoc.staleness import count_updates

STRUCTURE = "structural"
"""Signal of files that were renamed or deleted since the document was written."""

_MOST = 50
_REASONS = {
    "no_agents_md": f"there is no {DOCUMENT}",
    "uncommitted": f"{DOCUMENT} was never committed",
    "commits": f"{DOCUMENT} is {{commits}} commits behind",
    "stale": f"{DOCUMENT} was last changed {{days}} days ago",
    "stale_shallow": f"{DOCUMENT} was last changed {{days}} days ago, as far as this shallow clone knows",
}


@frozen(kw_only=True)
class Drift:
    """One way in which a document has drifted.

    Attributes:
        signal: What gave it away.
        measure: Is another text when the drift became worth telling again.
        severity: How much attention it deserves.
        source: Who said so.
        detail: One line for people.
        commits_since: Commits since the document was changed, where that was counted.
        more: Extensions of the envelope.
    """

    signal: str
    measure: str
    severity: Severity
    source: str
    detail: str
    commits_since: int | None = None
    more: Mapping[str, object] = field(factory=dict)


def find_staleness(repository: Repository, ctx: AdapterContext) -> Drift | None:
    """Whether the commits have left the document behind: as interdoc says, or counted from git where it is absent.

    Raises:
        UnreadableError: Nobody could say.
        HungError: The answer did not come in time.
    """
    root = ctx.module_root()
    is_asked = root is not None and (root / UPDATES).is_file()
    found = check_updates(root, repository, ctx) if root and is_asked else count_updates(repository, ctx)
    if found is None:
        return None
    reason = plain_line(found.get("reason"))
    commits, days = first_count(found, "commits_since"), first_count(found, "days_since")
    known = _REASONS.get(reason)
    detail = known.format(commits=commits or "some", days=days or "some") if known else reason
    why = f"interdoc has no {UPDATES.name}" if root else "interdoc is not installed"
    return Drift(
        signal=reason,
        # Twice as many are news, one more is not.
        measure=f"{reason}:{(commits or days or 0).bit_length()}",
        severity=Severity.INFO if found.get("action") == "generate" else Severity.WARN,
        source=f"cli:{UPDATES.name}" if is_asked else "git:log",
        detail=detail if is_asked else f"{detail} (counted from git: {why})",
        commits_since=commits,
        more={key: value for key, value in (("days_since", days), ("computed", not is_asked)) if value},
    )


def find_structure(repository: Repository, ctx: AdapterContext) -> Drift | None:
    """Whether files were renamed or deleted; never in a worktree, where the script cannot work.

    Raises:
        UnreadableError: The script did not say.
        HungError: It did not answer in time.
    """
    root = ctx.module_root()
    if not root or not (root / FIX).is_file() or repository.is_linked or not repository.has_document:
        return None
    found = run_fix(root, repository, ctx, dry=True)
    if not found.has_drifted:
        return None
    return Drift(
        signal=STRUCTURE,
        measure=fact_key(STRUCTURE, found.renames, found.deletions),
        severity=Severity.WARN,
        source=f"cli:{FIX.name}",
        detail=f"{found} since {DOCUMENT} was last changed",
        more={
            "renames": [{"old": old, "new": new} for old, new in found.renames[:_MOST]],
            "deletions": list(found.deletions[:_MOST]),
            "new_files": list(found.new_files[:_MOST]),
        },
    )


def find_dead_references(repository: Repository, ctx: AdapterContext) -> Drift | None:
    """Whether the document refers to what is not there. The script is often wrong, so this is for information.

    Raises:
        UnreadableError: The script did not say.
        HungError: It did not answer in time.
    """
    root = ctx.module_root()
    if not root or not (root / REFERENCES).is_file() or not repository.has_document:
        return None
    found = list_dead(root, repository, ctx)
    if found is None:
        return None
    number = f"{len(found)} references" if found else "references that cannot be listed"
    return Drift(
        signal="stale_refs",
        measure=fact_key("stale_refs", found),
        severity=Severity.INFO,
        source=f"cli:{REFERENCES.name}",
        detail=f"{DOCUMENT} has {number} to what does not exist",
        more={"findings": [dict(one) for one in found[:_MOST]]},
    )


@frozen
class Check:
    """One question: what must have moved for it to be asked again, and who answers it."""

    name: str
    follows: frozenset[str]
    find: Callable[[Repository, AdapterContext], Drift | None]


CHECKS: Sequence[Check] = (
    Check("staleness", frozenset({"head", "index", "document"}), find_staleness),
    Check("structure", frozenset({"head", "document"}), find_structure),
    Check("references", frozenset({"head", "document"}), find_dead_references),
)
"""What is asked about a document."""


def compose_drift(drift: Drift, repository: Repository, head: str) -> Draft:
    """The fact; once for the same commit and signal."""
    return Draft(
        payload=DriftDetected(kind="doc", signal=drift.signal, commits_since=drift.commits_since, detail=drift.detail),
        artifact_path=repository.document,
        severity=drift.severity,
        source_hook=drift.source,
        project_dir=repository.root,
        dedupe_key=fact_key("interdoc", "drift", repository.document, head, drift.signal),
        extensions={"head": head, **drift.more},
    )
