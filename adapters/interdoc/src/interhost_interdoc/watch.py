"""Looking at repositories: nothing is run until HEAD, the index or the document of one has moved.

Source: ``reference/modules/interdoc.md`` section 3.7, "Loop guard".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from interhost_hookspecs import AdapterContext, Draft
from interhost_hookspecs.positions import keep, recall

from interhost_interdoc.documents import read_digest, tell_commits, tell_states
from interhost_interdoc.drift import CHECKS, STRUCTURE, Drift, compose_drift
from interhost_interdoc.fixing import apply_fix, busy_until, find_obstacle
from interhost_interdoc.repository import DOCUMENT, HungError, Repository, UnreadableError

_SEEN = "repositories"
_REMEMBERED = 1000


def tell_moves(repositories: Iterable[Repository], ctx: AdapterContext) -> list[Draft]:
    """What happened in repositories since the last look; the first look at one is silent."""
    seen: dict[str, dict[str, Any]] = recall(ctx, _SEEN)
    drafts: list[Draft] = []
    is_moved = False
    for repository in repositories:
        before, now = seen.get(str(repository.root), {}), repository.read_signatures()
        moved = {name for name, value in now.items() if before.get(name) != value}
        if moved and not (before and repository.is_unsettled):
            look = Look(repository, ctx, before, {**before, **now})
            look.take(moved)
            drafts += look.drafts
            seen[str(repository.root)] = look.seen
            is_moved = True
    if is_moved:
        keep(ctx, _SEEN, seen, most=_REMEMBERED)
    return drafts


def list_problems(ctx: AdapterContext) -> list[str]:
    """What could not be found out when a repository last moved, for doctor."""
    known = recall(ctx, _SEEN)
    return [f"{root}: {found}" for root in map(str, ctx.projects) if (found := known.get(root, {}).get("problem"))]


@define
class Look:
    """One look at a repository in which something has moved.

    Attributes:
        repository: The repository.
        ctx: The adapter's context.
        before: What the last look kept; empty at the first.
        seen: What this one keeps: the signatures, the ``commit`` and the document's ``digest``, the measure of every
            drift that was ``told``, and the ``problem`` that doctor shows.
        drafts: The facts.
    """

    repository: Repository
    ctx: AdapterContext
    before: Mapping[str, Any]
    seen: dict[str, Any]
    drafts: list[Draft] = field(factory=list)

    def take(self, moved: set[str]) -> None:
        """Find out what happened. What cannot be found out is noted, and does not keep the rest from being told."""
        self.seen |= {"problem": "", "digest": self._read_digest()}
        with self._noting():
            head = self.seen["commit"] = self.repository.read_head(self.ctx)
            if self.before or self.ctx.backfill:
                self._tell_documents(head)
                self._tell_drift(head, moved)

    def _tell_documents(self, head: str) -> None:
        """What commits brought, and what somebody wrote that is in none of them."""
        before = self.before.get("commit")
        with self._noting():
            if before != head and (before or self.ctx.backfill):
                self.drafts += tell_commits(self.repository, before, head, self.ctx)
            # A commit may have come as well, and be without it.
            is_written = before is not None and self.seen["digest"] != self.before.get("digest")
            if is_written and (before == head or DOCUMENT in self.repository.list_dirty(self.ctx)):
                self.drafts += tell_states([DOCUMENT], self.repository.root, f"file:{DOCUMENT}")

    def _tell_drift(self, head: str, moved: set[str]) -> None:
        """The drift that is new; a commit of nothing but documents ends all drift."""
        self.seen["told"] = dict(self.before.get("told", {}))
        is_over = self.repository.is_documented(self.ctx)
        for check in CHECKS:
            if not check.follows.isdisjoint(moved):
                with self._noting():
                    self._follow(check.name, None if is_over else check.find(self.repository, self.ctx), head)

    def _follow(self, name: str, drift: Drift | None, head: str) -> None:
        if drift and drift.measure != self.seen["told"].get(name):
            self.drafts.append(compose_drift(drift, self.repository, head))
        self.seen["told"][name] = drift.measure if drift else None
        if drift and drift.signal == STRUCTURE and self.ctx.config.is_on("apply_fixes"):
            self._fix()

    def _fix(self) -> None:
        """Put the documents right at once, unless somebody is at work on them; before shipping it is tried again."""
        root, repository, ctx = self.ctx.module_root(), self.repository, self.ctx
        is_taken = busy_until(repository, ctx) or find_obstacle(repository, ctx) or repository.list_dirty(ctx)
        if root and not is_taken:
            self.drafts += apply_fix(root, repository, ctx)
            self.seen["digest"] = self._read_digest()

    def _read_digest(self) -> str:
        return read_digest(self.repository.document, self.repository.root)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except (UnreadableError, HungError) as error:
            self.seen["problem"] += f"{'; ' if self.seen['problem'] else ''}{error}"
