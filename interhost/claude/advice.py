"""Hand waiting advice to Claude, once, in the answer to a hook event.

The answer is one line of ASCII JSON, written at once; the text states who says what, because Claude Code takes orders
in such a place for an attack. Source: reference/claude-code.md sections 1.7 and 6.
"""

from __future__ import annotations

import os

from interhost.bus.advice_marks import mark_of
from interhost.bus.advice_store import AdviceStore, count_characters
from interhost.bus.database import Database
from interhost.errors import BusyError
from interhost.json_scan import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interhost.bus.advice_store import StoredAdvice

MOST_CHARACTERS = 9_900
"""Claude Code puts longer text into a file (its limit is 10,000 characters, as JavaScript counts them)."""
_HEADING = "Noted by other modules, through interhost:"
ROOM = MOST_CHARACTERS - len(_HEADING)
"""What is left of it for advice."""
_CUT = " … (cut: longer than a hook may say)"
_DEADLINE = 0.3


def hand_out(root: str, event: Mapping[str, object], marks: set[str]) -> None:
    """Print what waits for an event's session and for what that is about.

    Args:
        root: State directory.
        event: The event; its answer carries the text.
        marks: Who has advice waiting.
    """
    session = session_of(event)
    contexts = contexts_of(event) if any(mark.startswith("c-") for mark in marks) else []
    ears = {mark_of(session, None), *(mark_of(None, one) for one in contexts)}
    if not marks & ears:
        return
    try:
        database = Database(root, deadline=_DEADLINE)
        try:
            store = AdviceStore(database)
            taken = store.take_advice(session, contexts, most=ROOM)
            if taken and not _write(answer(str(event["hook_event_name"]), taken)):
                store.give_back_advice(taken)
        finally:
            database.close()
    except BusyError:
        return  # the next hook hands it out


def answer(event: str, taken: Sequence[StoredAdvice]) -> str:
    """The answer to an event that says what was advised: one line of ASCII JSON.

    Further lines of a text are indented: none can pass for another adapter's words.
    """
    said = (one.text.strip().replace("\n", "\n  ") for one in taken)
    text = "\n".join([_HEADING, *(f"- {one.adapter}: {words}" for one, words in zip(taken, said, strict=True))])
    if count_characters(text) > MOST_CHARACTERS:
        text = _first_characters(text, MOST_CHARACTERS - len(_CUT)) + _CUT
    return f'{{"hookSpecificOutput":{{"hookEventName":{quote(event)},"additionalContext":{quote(text)}}}}}'


def _first_characters(text: str, most: int) -> str:
    """The beginning of a text, as :func:`count_characters` counts; half a character at its end is left out."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "ignore")


def session_of(event: Mapping[str, object]) -> str | None:
    """The session of an event."""
    session = event.get("session_id")
    return session if isinstance(session, str) and session else None


def contexts_of(event: Mapping[str, object]) -> list[str]:
    """What its session is about, as far as that can be told without asking another program."""
    from pathlib import Path

    from interhost.bus.project import project_root
    from interhost.bus.resolve import session_contexts

    cwd = event.get("cwd")
    folder = Path(cwd) if isinstance(cwd, str) and os.path.isabs(cwd) else None
    return session_contexts(session_of(event), project_root(folder) if folder else None, os.environ, Path.home())


def _write(line: str) -> bool:
    """Whether somebody reads it."""
    try:
        return os.write(1, f"{line}\n".encode()) > len(line)
    except OSError:
        return False
