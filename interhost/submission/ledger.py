"""Each submission once: recorded by its key before it is made, and with its result when it was.

While one process makes a submission it holds a lock on a file that is named by the key, and so does every program that
it runs. Whoever comes with the same key waits; when the lock is free and there is no result, nobody is at work any
more: the submission is in doubt, and is not made a second time unless it can be told that it did not happen.

Source: issue "Submissions", idempotency; reference/cli-contracts.md section 2.10 (the programs' own key does nothing).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs
from attrs import evolve, frozen
from interhost_hookspecs import SubmissionCode, SubmissionError, Submitted

from interhost.bus.bus import Bus
from interhost.bus.envelope import Envelope
from interhost.bus.spool import spool_envelope
from interhost.bus.store import StoredSubmission
from interhost.errors import BusyError, StateError
from interhost.submission.programs import SECONDS

R = TypeVar("R", bound=Submitted)
DAY = 24 * 3600.0
WAIT_SECONDS = SECONDS + 15.0
"""What a repeat waits for the one that is under way."""
_PAUSE = 0.02


@frozen(kw_only=True)
class Once(Generic[R]):
    """A submission that is to be made once.

    Attributes:
        key: What makes it one and the same.
        kind: Name of its hook.
        request: What is asked for, as JSON text.
        is_explicit: The key was given, and stands for exactly this request.
        answer: Class of the result.
        make: Makes it, holding some open files in everything it runs; ``None`` when nobody does.
        stands: Whether a known result, of so many seconds ago, is still the answer.
        settle: What one without a result came to; ``None`` when it did not happen.
        tell: The facts in a result or a refusal, which are stored in the transaction that ends it.
    """

    key: str
    kind: str
    request: str
    is_explicit: bool
    answer: type[R]
    make: Callable[[tuple[int, ...]], R | None]
    stands: Callable[[R, float], bool]
    settle: Callable[[StoredSubmission], R | None]
    tell: Callable[[R | SubmissionError], Sequence[Envelope]]


class Ledger:
    """The record of submissions on a bus.

    Args:
        bus: The bus.
        wait: Seconds that a repeat waits for the one under way.
        clock: Seconds since the epoch.
    """

    def __init__(self, bus: Bus, *, wait: float = WAIT_SECONDS, clock: Callable[[], float] = time.time) -> None:
        """Use an open bus."""
        self._bus = bus
        self._wait = wait
        self._clock = clock

    def carry_out(self, once: Once[R]) -> R | None:
        """Make a submission, or answer with what an earlier one with its key came to.

        Raises:
            SubmissionError: It was refused; or an earlier one is under way for too long, or in doubt.
            BusyError: The record cannot be written; nothing was made.
        """
        with _held(_path(self._bus.root, once.key), self._wait) as lock:
            earlier = self._bus.store.find_submission(once.key)
            if earlier is not None:
                if (first := self._first_answer(earlier, once)) is not None:
                    return first
                self._bus.store.finish_submission(once.key, None)
            self._bus.store.begin_submission(once.key, once.kind, once.request)
            return self._make(once, lock)

    def settle(self, key: str, result: R, envelopes: Sequence[Envelope]) -> R:
        """Record how a submission in doubt ended, as somebody has found out.

        Raises:
            BusyError: Not now.
        """
        with self._bus.database.transaction():
            self._bus.store.finish_submission(key, write_result(result))
            publish(self._bus, envelopes)
        return result

    def _first_answer(self, earlier: StoredSubmission, once: Once[R]) -> R | None:
        if once.is_explicit and earlier.request != once.request:
            raise SubmissionError(
                SubmissionCode.INVALID,
                f"key {once.key!r} stands for another request: {earlier.request}",
                remediation="give each request a key of its own",
            )
        if earlier.result is None:
            settled = once.settle(earlier)
            return evolve(self._end(once, settled), repeated=True) if settled else None
        first = read_result(once.answer, earlier.result)
        return evolve(first, repeated=True) if once.stands(first, self._clock() - earlier.ts / 1e6) else None

    def _make(self, once: Once[R], lock: int) -> R | None:
        try:
            result = once.make((lock,))
        except SubmissionError as error:
            if error.in_doubt:
                error.remediation = _and(error.remediation, f"then: interhost submit resolve {once.key}")
            else:
                self._store(once.key, None, once.tell(error))
            raise
        if result is None:
            self._bus.store.finish_submission(once.key, None)
            return None
        return self._end(once, result)

    def _end(self, once: Once[R], result: R) -> R:
        """Store a result; what was made stays made when that fails."""
        problem = self._store(once.key, write_result(result), once.tell(result))
        said = f"not recorded, so that a repeat will be in doubt: {problem}"
        return evolve(result, note=_and(result.note, said)) if problem else result

    def _store(self, key: str, result: str | None, envelopes: Sequence[Envelope]) -> str:
        """Store how a submission ended together with the facts that tell it; why that was not possible."""
        try:
            with self._bus.database.transaction():
                self._bus.store.finish_submission(key, result)
                publish(self._bus, envelopes)
        except (BusyError, StateError) as error:
            leave(self._bus, envelopes)
            return str(error)
        return ""


def publish(bus: Bus, envelopes: Sequence[Envelope]) -> None:
    """Publish facts, all of them or none."""
    with bus.database.transaction():
        for envelope in envelopes:
            bus.publish(envelope)


def leave(bus: Bus, envelopes: Sequence[Envelope]) -> None:
    """The log cannot be had: leave facts where whoever opens it next takes them from."""
    for envelope in envelopes:
        with contextlib.suppress(OSError):
            spool_envelope(bus.root, envelope)


def is_under_way(root: Path, key: str) -> bool:
    """Whether somebody is making a submission at this moment, or a program that was started for it still runs."""
    path = _path(root, key)
    if not path.exists():
        return False
    lock = _try_lock(path)
    if lock is not None:
        os.close(lock)
    return lock is None


def in_doubt(key: str, what: str, *, found: str = "", evidence: dict[str, object] | None = None) -> SubmissionError:
    """The error for a submission that was begun, and nobody can tell how it ended."""
    return SubmissionError(
        SubmissionCode.IN_DOUBT,
        f"an earlier attempt to {what} ended without a word; whether it happened cannot be told" + found,
        remediation=f"look, then say so: interhost submit resolve {key} --happened, or --did-not-happen",
        evidence=evidence,
        in_doubt=True,
    )


def write_result(result: Submitted) -> str:
    """A result as JSON text."""
    return json.dumps(attrs.asdict(result), ensure_ascii=False, separators=(",", ":"))


def read_result(answer: type[R], text: str) -> R:
    """A result from its text; what another version has written beside it is left out."""
    known = {attribute.name for attribute in attrs.fields(answer)}
    values: dict[str, Any] = json.loads(text)
    make: Callable[..., R] = answer
    return make(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key in known}
    )


def digest(*parts: object) -> str:
    """A short name for some values."""
    text = json.dumps(parts, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _and(first: str, second: str) -> str:
    return f"{first}; {second}" if first else second


def _path(root: Path, key: str) -> Path:
    return root / "submissions" / f"{digest(key)}.lock"


@contextlib.contextmanager
def _held(path: Path, seconds: float) -> Iterator[int]:
    """An open file that is locked for as long as it is open, here or in a program that was given it."""
    end = time.monotonic() + seconds
    while (lock := _try_lock(path)) is None:
        if time.monotonic() >= end:
            raise SubmissionError(
                SubmissionCode.TIMEOUT,
                f"another process has been making this submission for more than {seconds:g} s",
                recoverable=True,
                remediation="try again; 'interhost submit pending' shows what is under way",
            )
        time.sleep(_PAUSE)
    try:
        yield lock
    finally:
        # A program that has stayed behind keeps a file without a name, and nobody waits for it.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(lock)


def _try_lock(path: Path) -> int | None:
    """The file, locked; ``None`` when somebody has it, or has just removed it."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}", str(path), hint="'interhost doctor' looks closer") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_ino == os.stat(path).st_ino:
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
