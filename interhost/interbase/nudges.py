"""Suggest a companion that is missing, seldom enough to be read.

Two tips a session, each companion once, and none after three that were ignored. What was not recorded is not shown, and
where nothing is shown nothing is written. Source: PRD feature F3; interface specification, domain 3; design section 10,
decisions 6, 7, 9 and 10.
"""

import os

from interhost.interbase.guards import has_companion
from interhost.interbase.nudge_files import NudgeFiles, safe_session
from interhost.interbase.nudge_state import DISMISSED_AFTER, Entry
from interhost.interbase.places import home
from interhost.interbase.terminal import can_say, say

MOST_PER_SESSION = 2
WAIT_SECONDS = 1.0
"""How long a tip waits for the lock; past it, there is none."""
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def nudge_companion(companion: str, benefit: str, plugin: str = "unknown") -> None:
    """Suggest installing a companion, on standard error, unless it is there or there were tips enough.

    Call it when something has just worked, never when a session begins.

    Args:
        companion: Its name. What cannot be the name of a plugin is never suggested.
        benefit: What it is good for, as the end of a sentence. Empty: what the manifests say.
        plugin: Who suggests it.
    """
    try:
        suggest(companion, benefit, plugin)
    except Exception:  # damaged state that we do not know, a full disk, a lock that is held: no tip
        return


def suggest(companion: str, benefit: str, plugin: str = "unknown", *, session: str | None = None) -> bool:
    """As :func:`nudge_companion`; whether a tip was shown.

    Args:
        companion: Its name.
        benefit: What it is good for.
        plugin: Who suggests it.
        session: The session it belongs to; that of the environment when left out.

    Raises:
        OSError: It could not be recorded, and was not shown.
    """
    if not are_on() or not is_name(companion) or not os.path.isdir(home()):
        return False
    plugin = plugin if is_name(plugin) else "unknown"
    files = NudgeFiles(home())
    if has_companion(companion):
        settle(companion, plugin)
        return False
    session = safe_session(session, os.environ.get("CLAUDE_SESSION_ID"), os.environ.get("CLAUDE_CODE_SESSION_ID"))
    if not can_say() or not _is_wanted(files, session, companion, plugin):
        return False
    from interhost.interbase.nudge_text import tip

    line = tip(companion, benefit, plugin)
    if not _record(files, session, companion, plugin):
        return False
    say(line)
    return True


def settle(companion: str, plugin: str) -> None:
    """The companion is there: end its tips, if there were any.

    Raises:
        OSError: It could not be recorded.
    """
    files, pair = NudgeFiles(home()), f"{plugin}:{companion}"
    if not os.path.isdir(home()) or not _is_open(files, pair):
        return
    with files.lock(WAIT_SECONDS):
        if _is_open(files, pair):
            state = files.state()
            state.entries[pair] = state.entries[pair]._replace(dismissed=True)
            files.save(state)


def are_on() -> bool:
    """Whether the user wants tips: ``INTERHOST_NUDGES``."""
    return os.environ.get("INTERHOST_NUDGES", "").lower() not in ("off", "0", "no", "false")


def is_name(name: object) -> bool:
    """Whether something can be the name of a plugin, and part of the name of a file."""
    return isinstance(name, str) and 0 < len(name) <= 100 and name[0] not in ".-" and _NAME.issuperset(name)


def _is_wanted(files: NudgeFiles, session: str, companion: str, plugin: str) -> bool:
    if files.has_flag(session, companion) or files.count(session) >= MOST_PER_SESSION:
        return False
    return not files.state().entries.get(f"{plugin}:{companion}", Entry()).is_over


def _record(files: NudgeFiles, session: str, companion: str, plugin: str) -> bool:
    """Record a tip, if it is still wanted once nobody else decides."""
    with files.lock(WAIT_SECONDS):
        if not _is_wanted(files, session, companion, plugin):
            return False
        state, pair = files.state(), f"{plugin}:{companion}"
        entry = state.entries.get(pair, Entry())
        ignores = entry.ignores + 1
        state.entries[pair] = entry._replace(ignores=ignores, dismissed=ignores >= DISMISSED_AFTER)
        files.record(state, session, files.count(session) + 1, companion)
        files.prune()
    return True


def _is_open(files: NudgeFiles, pair: str) -> bool:
    entry = files.state().entries.get(pair)
    return entry is not None and not entry.dismissed
