"""The spool: the door for producers that cannot wait for the log.

One file per event in ``spool/new``, named by the event's id: a line of JSON (the draft), and a line with the payload's
text. It is complete when its second line ends. Whoever opens the log next drains it, in name order, each file in the
log before it is removed; a crash in between is harmless, because the id is known by then.

Source: design section 8; reference/event-log.md section 6.4.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from interhost.bus.bus import Bus
from interhost.bus.envelope import Envelope, one_line
from interhost.bus.lock import FileLock
from interhost.bus.payload import MAX_BYTES
from interhost.bus.spool_file import Contexts, read_spooled
from interhost.errors import InputError

BATCH = 500


class Drained(NamedTuple):
    """What one drain did.

    Attributes:
        stored: Events that are in the log now.
        rejected: Files that were set aside, each with its reason beside it.
        waiting: Files that are not finished yet.
    """

    stored: int
    rejected: int
    waiting: int


def spool_envelope(root: Path, envelope: Envelope) -> Path:
    """Leave an envelope in the spool, because the log cannot be had in time.

    Raises:
        OSError: Not even that was possible.
    """
    head = {
        "event_id": envelope.event_id,
        "intent": envelope.intent,
        "context_id": envelope.context_id,
        "artifact_path": envelope.artifact_path,
        "severity": envelope.severity,
        "producer": envelope.producer,
        "consumers": envelope.consumers,
        "source_hook": envelope.source_hook,
        "extensions": envelope.extensions,
    }
    path = _folder(root, "new") / envelope.event_id
    text = f"{json.dumps(head, separators=(',', ':'))}\n{one_line(envelope.payload)}\n"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        path.unlink(missing_ok=True)  # the caller says that it failed: it must not be found half done
        raise
    return path


def drain_spool(bus: Bus, adapters: Callable[[], set[str]], *, limit: int = MAX_BYTES) -> Drained:
    """Move what is in the spool into the log; nothing, while somebody else does.

    Args:
        bus: The bus.
        adapters: Names of the installed adapters; a producer's claim to be one is believed only then.
        limit: Most bytes of a payload's text.
    """
    names = _names(bus.root)
    if not names:
        return Drained(0, 0, 0)
    lock = FileLock(bus.root / "spool.lock")
    try:
        if not lock.try_acquire():
            return Drained(0, 0, len(names))
        total = Drained(0, 0, 0)
        known = adapters()
        for batch in _batches(sorted(_names(bus.root))):
            total = Drained(*map(sum, zip(total, _drain_batch(bus, batch, known, limit), strict=True)))
        return total
    finally:
        lock.close()


def set_aside(root: Path, text: str, why: str) -> Path:
    """Keep what can never become an event, with its reason beside it; the same text is kept once."""
    import hashlib  # 3 ms that every publish would pay

    path = _folder(root, "rejected") / f"draft-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}"
    path.with_name(f"{path.name}.why").write_text(f"{why}\n", "utf-8", "replace")
    path.write_text(f"{text}\n", "utf-8", "replace")
    return path


def waiting_files(root: Path) -> int:
    """How many files nobody has taken in yet."""
    return len(_names(root))


def rejected_files(root: Path) -> list[tuple[Path, str]]:
    """Every file that was set aside, with the reason."""
    folder = root / "spool" / "rejected"
    found = []
    for path in sorted(folder.glob("*.why")) if folder.is_dir() else []:
        with contextlib.suppress(OSError):
            found.append((path.with_suffix(""), path.read_text("utf-8", "replace").strip()))
    return found


def _drain_batch(bus: Bus, names: list[str], adapters: set[str], limit: int) -> Drained:
    """One transaction; the files go when it is committed."""
    ready: list[tuple[Path, Envelope]] = []
    done: list[Path] = []
    rejected: list[tuple[Path, str]] = []
    waiting = 0
    folder = bus.root / "spool" / "new"
    contexts: Contexts = {}
    for name in names:  # read before the transaction: finding out a context may take a while
        path = folder / name
        try:
            envelope = read_spooled(path, bus, adapters, limit, contexts)
        except InputError as error:
            rejected.append((path, str(error)))
            continue
        if envelope is None:
            waiting += 1
        else:
            ready.append((path, envelope))
    with bus.database.transaction():
        for path, envelope in ready:
            try:
                bus.publish(envelope)
            except InputError as error:
                rejected.append((path, str(error)))
            else:
                done.append(path)
    for path in done:
        path.unlink(missing_ok=True)
    for path, why in rejected:
        _reject(bus.root, path, why)
    return Drained(len(done), len(rejected), waiting)


def _reject(root: Path, path: Path, why: str) -> None:
    """Set a file aside with its reason; nothing that came in is ever thrown away."""
    with contextlib.suppress(OSError):  # no room for the reason: it stays, and keeps nobody else from being stored
        target = _folder(root, "rejected") / path.name
        if os.path.lexists(target):
            target = target.with_name(f"{target.name}.{time.time_ns()}")
        target.with_name(f"{target.name}.why").write_text(f"{why}\n", "utf-8", "replace")
        path.rename(target)


def _names(root: Path) -> list[str]:
    try:
        return os.listdir(f"{root}/spool/new")  # every second, where a host stays
    except OSError:
        return []


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]


def _folder(root: Path, name: str) -> Path:
    folder = root / "spool" / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
