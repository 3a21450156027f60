"""``interhost hook``: take one event of Claude Code from standard input, record it, and be gone.

In this order: read, record, let adapters answer that must answer now, hand out advice, see to a worker. Whatever goes
wrong is one line on standard error and exit status 0: a hook must never stop a session, and 2 would block its tool.
Source: design section 7, step 1; reference/claude-code.md section 6.
"""

from __future__ import annotations

import os
import time

from interhost.bus.advice_marks import list_marks
from interhost.bus.hook_index import ADAPTERS_VARIABLE, find_observers, read_index, read_said
from interhost.bus.hook_record import write_record
from interhost.bus.state import prepare_root, root_path
from interhost.claude.events import can_hear
from interhost.claude.stdin import read_document
from interhost.claude.worker import is_due, start_worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SEEN = "hook-seen"
"""Its time says when Claude Code last called us, for doctor."""


def main(ignored: Sequence[str] = ()) -> int:
    """Handle the event on standard input; 0, whatever happens.

    Args:
        ignored: Options that a hook does not have: no reason to lose an event.
    """
    _fill_descriptors()
    if ignored:
        _say(f"has no option {ignored[0]!r}; see 'interhost hook --help'")
    _fenced(_handle)
    return 0


def _fill_descriptors() -> None:
    """Claude's answer goes to number 1: no file that is opened later may get it, because we were started without."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest number that is free; what is written there fails


def _handle() -> None:
    if os.isatty(0):
        _say("reads a hook event from standard input; 'interhost hook --explain FILE' shows what it would do")
        return
    text, event = read_document(0)
    if not text:
        return
    root = root_path(os.environ)
    prepare_root(root)  # where others may write, or we may not, nothing is to be found or left
    if not isinstance(event, dict) or not isinstance(event.get("hook_event_name"), str):
        _refuse(root, text)
        return
    index = read_index(root)
    observers = _observers(index, event)
    unknown = index is None  # then nobody knows whether it is observed; it is recorded, and the worker finds out
    if unknown or observers:
        _fenced(lambda: _record(root, text))
    _fenced(lambda: _answer(root, event, observers))
    _fenced(lambda: _start(root, due=unknown or bool(observers) or (bool(index) and is_due(root))))


def _answer(root: str, event: dict[str, object], observers: Mapping[str, bool]) -> None:
    """What Claude is told: by adapters that look at this event now, and by all that have said something before."""
    if answering := [name for name, answers in observers.items() if answers]:
        from interhost.claude.answer import await_answers

        await_answers(root, answering, event)
    if can_hear(event) and (marks := list_marks(root)):
        from interhost.claude.advice import hand_out

        hand_out(root, event, marks)


def _start(root: str, *, due: bool) -> None:
    _touch(f"{root}/{SEEN}")
    if due:
        start_worker(root)


def _fenced(step: Callable[[], None]) -> None:
    """Take a step. One that fails stops neither the next one nor the session."""
    try:
        step()
    except BaseException as error:  # KeyboardInterrupt included: the exit status is Claude Code's business
        if os.environ.get("INTERHOST_STRICT") == "1":
            import traceback

            traceback.print_exc()
        _say(f"{type(error).__name__}: {error}")


def _observers(index: object, event: dict[str, object]) -> dict[str, bool]:
    if not isinstance(index, dict):
        return {}
    tool = event.get("tool_name")
    name = str(event.get("hook_event_name"))
    return find_observers(index, read_said(os.environ), name, tool if isinstance(tool, str) else None)


def _record(root: str, text: str) -> None:
    head = {"at": str(time.time_ns() // 1000)}
    for key, variable in (("bead", "CLAVAIN_BEAD_ID"), ("adapters", ADAPTERS_VARIABLE)):
        if value := os.environ.get(variable):
            head[key] = value
    write_record(root, head, text)


def _refuse(root: str, text: str) -> None:
    """What is no event is kept where doctor names it: the last one, because a broken caller calls again."""
    why = "expected one JSON object with a text under 'hook_event_name'"
    folder = f"{root}/spool/rejected"
    os.makedirs(folder, 0o700, exist_ok=True)
    for name, content in (("hook-event", text), ("hook-event.why", f"{why}\n")):
        fd = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(content.encode("utf-8", "replace"))
    _say(f"{why}; what came is in {folder}/hook-event")


def _touch(path: str) -> None:
    try:
        os.utime(path)
    except OSError:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _say(line: str) -> None:
    """One line on standard error, which Claude Code keeps in its debug log."""
    try:
        one_line = " ".join(line.split())
        os.write(2, f"interhost hook: {one_line}\n".encode("utf-8", "replace"))
    except OSError:  # nobody reads it
        return
