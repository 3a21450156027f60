"""New events of a kernel's database, each once, whatever became of an earlier look.

``ic`` moves its own position when it has printed; ours moves when the facts are stored. Where its position is ahead, a
look was lost between the two: then everything is read again, and what we have is passed over. A consumer that is not
durable is forgotten after a day.

Source: ``reference/cli-contracts.md`` section 1.9 and section 0.1, facts 12 and 13.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from interhost_hookspecs import AdapterContext
from interhost_hookspecs.reading import encodable, read_object, read_object_lines, read_time

_BATCHES = 200
_WORDS = ("source", "type", "run_id", "from_state", "to_state", "reason")
_LIMIT = 600  # ic divides it by the number of sources


class KernelError(Exception):
    """``ic`` gave no answer that can be used. ``str()`` is one line for doctor, empty where no ``ic`` is installed."""


@frozen(kw_only=True)
class Event:
    """One line of ``ic events tail``; what ``left`` and ``to`` are depends on the source."""

    source: str
    id: int
    kind: str
    run_id: str
    left: str
    to: str
    reason: str
    at: datetime
    keys: Mapping[str, object]


def ask(words: Sequence[str], project: Path, ctx: AdapterContext) -> str:
    """What ``ic`` prints.

    Raises:
        KernelError: It failed, hung, or is not installed.
    """
    answer = ctx.runs.ask(words, project)
    if not answer.ok:
        raise KernelError("" if answer.missing else f"{project}: ic {' '.join(words[:2])}: {answer.why}")
    return answer.stdout


def read_events(project: Path, marks: dict[str, list[object]], ctx: AdapterContext) -> tuple[list[Event], bool]:
    """The events after some marks, in the order of their times, and whether there were no more.

    Args:
        project: Whose database.
        marks: Newest id of each source, with its time; moved to what is returned.
        ctx: Asks ``ic``.

    Raises:
        KernelError: Nothing could be read at all.
    """
    consumer = f"interbus-{hashlib.sha256(str(ctx.home).encode()).hexdigest()[:8]}"
    _begin(consumer, project, marks, ctx)
    found: dict[tuple[str, int], Event] = {}
    is_drained, before = False, ""
    for _ in range(_BATCHES):
        try:
            text = ask(["events", "tail", "--all", f"--consumer={consumer}", f"--limit={_LIMIT}"], project, ctx)
        except KernelError:
            if not found:
                raise
            break  # what it has printed it does not print again
        is_drained = not text.strip()
        if is_drained or text == before:  # a position that cannot be stored does not move
            break
        before = text
        found |= {(one.source, one.id): one for one in _read_lines(text) if _is_new(one, marks)}
    events = sorted(found.values(), key=lambda one: (one.at, one.source, one.id))
    for one in events:
        marks[one.source] = [one.id, one.at.isoformat()]
    return events, is_drained


def _begin(consumer: str, project: Path, marks: Mapping[str, list[object]], ctx: AdapterContext) -> None:
    """Have a durable position, which is not ahead of ours."""
    lines = (line.partition("\t") for line in ask(["events", "cursor", "list"], project, ctx).splitlines())
    known = next((read_object(rest) for name, _, rest in lines if name == consumer), None)
    is_ahead = any(isinstance(at, int) and at > _number(marks, source) for source, at in (known or {}).items())
    if is_ahead:
        ask(["events", "cursor", "reset", consumer], project, ctx)
    if is_ahead or known is None:
        ask(["events", "cursor", "register", consumer, "--durable"], project, ctx)


def _number(marks: Mapping[str, list[object]], source: str) -> int:
    number = marks.get(source, [0])[0]
    return number if isinstance(number, int) else 0


def _is_new(one: Event, marks: Mapping[str, list[object]]) -> bool:
    """Whether an event lies beyond its source's mark; one of a lower number that is younger is of another database."""
    if one.source not in marks or one.id > _number(marks, one.source):
        return True
    before = read_time(marks[one.source][-1], UTC)
    return before is None or one.at > before


def _read_lines(text: str) -> Iterator[Event]:
    for _, keys in read_object_lines(text.split("\n")):
        number, at = keys.get("id"), read_time(keys.get("timestamp"), UTC)
        words = [keys.get(name) or "" for name in _WORDS]
        if type(number) is int and at and all(isinstance(word, str) for word in words):
            source, kind, run_id, left, to, reason = map(encodable, words)
            yield Event(
                source=source, id=number, kind=kind, run_id=run_id, left=left, to=to, reason=reason, at=at, keys=keys
            )
