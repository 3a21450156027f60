"""States of a project that are compared with the last look: the daemon, a build that hangs, and two databases.

A look takes the times of a few files and asks whether one process exists. Only where that gives another text than last
time is anything opened.

Source: ``reference/modules/tldr-swinton.md`` sections 2.2 (state) and 2.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen
from interhost_hookspecs import AdapterContext, Draft, HealthSignal, Level, Severity
from interhost_hookspecs.databases import sign_database
from interhost_hookspecs.files import modified, read_text, signature
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import plain_line

from interhost_tldr_swinton.daemon import PID, STATUS, is_running, read_pid
from interhost_tldr_swinton.records import DELIVERIES, WORKBENCH, look_at_deliveries, look_at_workbench

LOCKS = (Path(".tldrs", "index", ".build.lock"), Path(".tldrs", "index", ".build_in_progress"))
"""What marks a build of the index by meaning as under way."""

_AT_WORK = frozenset({"indexing", "ready"})
_REMEMBERED = 1000

State = dict[str, Any]


@frozen
class Watch:
    """One state of a project.

    Attributes:
        name: Its name among those that are kept.
        sign: A text that is another one when the state may have changed; from the project and what was kept.
        look: What to keep now, and what that tells, if it is news.
    """

    name: str
    sign: Callable[[Path, Mapping[str, Any], AdapterContext], str]
    look: Callable[[Path, Mapping[str, Any], AdapterContext, bool], tuple[State, list[Draft]]]


def tell_states(ctx: AdapterContext) -> list[Draft]:
    """What changed in the states of every project; the first look at one is silent."""
    before: dict[str, State] = recall(ctx, "states")
    after, drafts = dict(before), list[Draft]()
    for project in ctx.projects:
        for watch in WATCHES:
            name = f"{watch.name} {project}"
            kept, is_news = before.get(name, {}), name in before or ctx.backfill
            sign = watch.sign(project, kept, ctx)
            if not is_news or kept.get("sign") != sign:
                found, told = watch.look(project, kept, ctx, is_news)
                # What is written while it is read is looked at again.
                is_still = sign == watch.sign(project, kept, ctx)
                after[name] = {**found, "sign": watch.sign(project, found, ctx) if is_still else sign}
                drafts += told if is_news else ()
    if after != before:
        keep(ctx, "states", after, most=_REMEMBERED)
    return drafts


def _sign_daemon(project: Path, kept: Mapping[str, Any], ctx: AdapterContext) -> str:
    alive = is_running(kept.get("pid"))
    return f"{signature(project / STATUS)} {signature(project / PID)} {alive}"


def _look_at_daemon(
    project: Path, kept: Mapping[str, Any], ctx: AdapterContext, is_news: bool
) -> tuple[State, list[Draft]]:
    """What the daemon says of itself, and whether it is gone without having said so."""
    state, pid = plain_line(read_text(project / STATUS, 256), 40), read_pid(project)
    is_dead = state in _AT_WORK and pid is not None and not is_running(pid)
    drafts = []
    if state and state != kept.get("state"):
        payload = {"state": state, "pid": pid if state in _AT_WORK else None}
        drafts.append(_compose(project, intent="tldr_swinton.daemon@1.0", payload=payload))
    if is_dead is not bool(kept.get("dead")):
        detail = f"the daemon is gone, and its status still says {state}" if is_dead else "the daemon is in order again"
        drafts.append(_compose_level("code_daemon", is_dead, detail, project, STATUS, stated_level=state or None))
    return {"state": state, "pid": pid, "dead": is_dead and is_news}, drafts


def _sign_locks(project: Path, kept: Mapping[str, Any], ctx: AdapterContext) -> str:
    return " ".join(_list_stuck(project, ctx))


def _look_at_locks(
    project: Path, kept: Mapping[str, Any], ctx: AdapterContext, is_news: bool
) -> tuple[State, list[Draft]]:
    """A build that has been under way for too long, once; and that it is over."""
    stuck, limit = list(_list_stuck(project, ctx)), ctx.config.count("stuck_minutes")
    drafts = []
    if bool(stuck) is not bool(kept.get("stuck")):
        path = project / LOCKS[0].parent / (stuck[0] if stuck else LOCKS[0].name)
        minutes = int((ctx.now().timestamp() - (modified(path) or 0.0)) / 60) if stuck else None
        detail = f"{path.name} has been there for {minutes} minutes" if stuck else "the build of the index is over"
        more = {"value": minutes, "unit": "minutes", "threshold": limit} if stuck else {}
        drafts.append(_compose_level("index_build", bool(stuck), detail, project, path.relative_to(project), **more))
    return {"stuck": bool(stuck) and is_news}, drafts


def _list_stuck(project: Path, ctx: AdapterContext) -> Iterator[str]:
    limit = ctx.now().timestamp() - 60 * ctx.config.count("stuck_minutes")
    return (lock.name for lock in LOCKS if (time := modified(project / lock)) is not None and time <= limit)


def _compose_level(signal: str, is_bad: bool, detail: str, project: Path, path: Path, **more: Any) -> Draft:
    payload = HealthSignal(signal=signal, level=Level.YELLOW if is_bad else Level.GREEN, detail=detail, **more)
    return _compose(project, payload=payload, path=path, severity=Severity.WARN if is_bad else Severity.INFO)


def _compose(project: Path, *, path: Path = STATUS, **parts: Any) -> Draft:
    return Draft(artifact_path=project / path, source_hook=f"file:{path.name}", project_dir=project, **parts)


WATCHES: Sequence[Watch] = (
    Watch("daemon", _sign_daemon, _look_at_daemon),
    Watch("locks", _sign_locks, _look_at_locks),
    Watch("deliveries", lambda project, kept, ctx: sign_database(project / DELIVERIES), look_at_deliveries),
    Watch("workbench", lambda project, kept, ctx: sign_database(project / WORKBENCH), look_at_workbench),
)
"""The states of a project."""
