"""Advice: text that waits for a session or a context, and is handed out once.

A part of the host's records that hooks open by itself: without pathlib, typing and what they import, which would cost
the one that hands advice out as much as all the rest. Source: design sections 7 and 8.
"""

from __future__ import annotations

import time

from interhost.bus import problem_mark
from interhost.bus.advice_marks import keep_marks, mark_of, set_mark
from interhost.errors import BusyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from interhost.bus.database import Database


class StoredAdvice:
    """Text waiting for a session or a context.

    Attributes:
        id: Its row.
        adapter: Who advises.
        session_id: The session that is to hear it.
        context_id: What it is about, where it is for no session by itself.
        text: The text.
    """

    def __init__(self, id: int, adapter: str, session_id: str | None, context_id: str | None, text: str) -> None:
        """Keep a row."""
        self.id = id
        self.adapter = adapter
        self.session_id = session_id
        self.context_id = context_id
        self.text = text

    @property
    def characters(self) -> int:
        """How much room it takes on a line of its own, behind its adapter's name."""
        return count_characters(self.adapter) + count_characters(self.text) + 5

    def is_for(self, session_id: str | None, contexts: Sequence[str]) -> bool:
        """Whether a session is to hear it; what names a session is for nobody else."""
        return self.session_id == session_id if self.session_id else self.context_id in contexts


def count_characters(text: str) -> int:
    """Length of a text as JavaScript, and so Claude Code, counts it: what is beyond the basic plane counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class AdviceStore:
    """Advice in an open database.

    Args:
        database: The file, shared with the log.
        clock: Seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        """Use an open database."""
        self._db = database
        self._root = database.root
        self._clock = clock

    def add_advice(
        self, adapter: str, text: str, *, session_id: str | None, context_id: str | None, expires: int | None
    ) -> None:
        """Keep text for a session or a context; the same text for the same ears is kept once."""
        with self._db.transaction():
            set_mark(self._root, mark_of(session_id, context_id))
            self._db.change(
                "INSERT INTO advice(adapter, session_id, context_id, text, ts, expires) SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
                "WHERE NOT EXISTS(SELECT 1 FROM advice WHERE given IS NULL AND adapter = ?1 AND session_id IS ?2 "
                "AND context_id IS ?3 AND text = ?4)",
                adapter,
                session_id,
                context_id,
                text,
                self._now(),
                expires,
            )

    def waiting_advice(self) -> list[StoredAdvice]:
        """Advice that was not handed out and has not expired, oldest first."""
        rows = self._db.rows(
            "SELECT id, adapter, session_id, context_id, text FROM advice "
            "WHERE given IS NULL AND (expires IS NULL OR expires > ?) ORDER BY id",
            self._now(),
        )
        return [StoredAdvice(*row) for row in rows]

    def listen(self, session_id: str | None, contexts: Sequence[str], *, most: int | None = None) -> list[StoredAdvice]:
        """Advice that waits for a session or for its contexts, oldest first.

        Args:
            session_id: The session.
            contexts: What it is about.
            most: Most characters, counting who says it, unless the first alone has more; the rest waits for the next.
        """
        heard: list[StoredAdvice] = []
        for one in self.waiting_advice():
            if one.is_for(session_id, contexts):
                if most is not None and heard and sum(each.characters for each in (*heard, one)) > most:
                    break
                heard.append(one)
        return heard

    def take_advice(
        self, session_id: str | None, contexts: Sequence[str], *, most: int | None = None
    ) -> list[StoredAdvice]:
        """Advice as :meth:`listen` finds it, handed out once: whoever asks next does not get it again."""
        with self._db.transaction():
            taken = self.listen(session_id, contexts, most=most)
            for one in taken:
                self._db.change("UPDATE advice SET given = ? WHERE id = ?", self._now(), one.id)
        try:
            self._sweep_marks()
        except BusyError:  # a mark too many costs a look; what is taken must be handed out
            return taken
        return taken

    def give_back_advice(self, taken: Sequence[StoredAdvice]) -> None:
        """It was not heard: whoever asks next gets it."""
        with self._db.transaction():
            for one in taken:
                set_mark(self._root, mark_of(one.session_id, one.context_id))
                self._db.change("UPDATE advice SET given = NULL WHERE id = ?", one.id)

    def _sweep_marks(self) -> None:
        """In a transaction of its own: a mark may go only when what it stood for is committed as given."""
        with self._db.transaction():
            keep_marks(self._root, {mark_of(one.session_id, one.context_id) for one in self.waiting_advice()})
            if not self._db.rows("SELECT 1 FROM problem LIMIT 1"):
                problem_mark.remove_mark(self._root)

    def _now(self) -> int:
        return int(self._clock() * 1_000_000)
