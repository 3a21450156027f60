"""The sessions that are looked at: every hook event names one, with its transcript and its project.

intercheck's own hooks run beside ours, in no order. So an event is never the moment to read what they left: it only
makes the session known, and a later look tells.

Source: ``reference/modules/_wave2-shared-ground.md`` section 1.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from attrs import asdict, define, field
from interhost_hookspecs import AdapterContext, HookEvent, Observation, hookimpl
from interhost_hookspecs.files import find_project, is_own, is_plain_name
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import read_time

from interhost_intercheck.state import read_counters, read_pressure

_KEY = "sessions"
_MOST = 32
_LIFE = timedelta(hours=24)
# A transcript is written asynchronously, and a hook may outlive the session a little.
_REST = timedelta(minutes=10)
# A resumed or forked session's transcript begins with the history of another one.
_BEGINNINGS = ("startup", "clear")


@define
class Session:
    """One session, and what was told of it.

    Attributes:
        id: Its id, which is a plain name.
        transcript: Path of its JSON lines, which are written asynchronously.
        project: Root of the project it works in.
        is_new: It was met before its transcript had any history.
        until: How long it is looked at, RFC 3339: a day after it was last heard of, or a while after its end.
        counters: Syntax errors and format runs, as they were last told.
        level: The pressure, as it was last told.
    """

    id: str
    transcript: str = ""
    project: str = ""
    is_new: bool = False
    until: str = ""
    counters: list[int] = field(factory=lambda: [0, 0])
    level: str = "green"

    def read_lines(self, ctx: AdapterContext) -> tuple[str, ...]:
        """The new lines of the transcript; none of what is no plain file of the user, such as a pipe."""
        path = Path(self.transcript)
        return ctx.tail(path, whole=self.is_new).lines if is_own(path) else ()


@hookimpl
def observe_hook(event: HookEvent, ctx: AdapterContext) -> Observation:
    """Make the event's session known, and tell nothing."""
    cwd, stated = event.cwd, event.raw.get("transcript_path")
    if is_plain_name(event.session_id) and cwd and str(cwd).isprintable() and isinstance(stated, str):
        known = {one.id: one for one in list_sessions(ctx)}
        session = known.pop(event.session_id, None) or _begin(event, stated, ctx)
        session.project = str(find_project(cwd, ctx.projects) or cwd)
        session.transcript = stated
        session.until = (ctx.now() + (_REST if event.name == "SessionEnd" else _LIFE)).isoformat()
        keep_sessions([*known.values(), session], ctx)
    return Observation()


def list_sessions(ctx: AdapterContext) -> list[Session]:
    """The sessions that are looked at, the one that was heard of last at the end."""
    found = [Session(**values) for values in recall(ctx, _KEY).values()]
    return [one for one in found if (until := read_time(one.until)) and ctx.now() < until]


def keep_sessions(sessions: Iterable[Session], ctx: AdapterContext) -> None:
    """Keep what was told of the last ones."""
    keep(ctx, _KEY, {one.id: asdict(one) for one in sessions}, most=_MOST)


def _begin(event: HookEvent, transcript: str, ctx: AdapterContext) -> Session:
    """A session that is met for the first time: what it has left before is not news."""
    begins = event.name == "SessionStart" and event.raw.get("source") in _BEGINNINGS
    session = Session(event.session_id, transcript, is_new=begins or not is_own(Path(transcript)))
    if not begins:
        session.read_lines(ctx)
        session.counters = list(read_counters(session.id, ctx) or session.counters)
        pressure = read_pressure(session.id, ctx)
        session.level = pressure.level if pressure else session.level
    return session
