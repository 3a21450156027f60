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
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from interhost.bus.bus import Bus
from interhost.bus.compose import compose
from interhost.bus.envelope import Envelope, one_line
from interhost.bus.ids import id_time, is_id
from interhost.bus.lock import FileLock
from interhost.bus.payload import MAX_BYTES
from interhost.bus.resolve import resolve_context
from interhost.errors import InputError

BATCH = 500
UNFINISHED_SECONDS = 60.0
_HEAD_BYTES = 64 * 1024


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


class _RejectError(Exception):
    """A file that can never become an event."""


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
    with open(fd, "w", encoding="utf-8") as file:
        file.write(text)
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
    for name in names:  # read before the transaction: finding out a context may take a while
        path = bus.root / "spool" / "new" / name
        try:
            envelope = _read(path, bus, adapters, limit)
        except (_RejectError, InputError) as error:
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


def _read(path: Path, bus: Bus, adapters: set[str], limit: int) -> Envelope | None:
    """The envelope in a file; ``None`` while it is being written.

    Raises:
        _RejectError: It can never become one.
        InputError: A part of it is not valid.
    """
    lines = _lines(path, limit)
    if lines is None:
        return None
    if not is_id(path.name):
        raise _RejectError("the file's name is not an event id")
    if (stored := bus.log.get(path.name)) is not None:
        return stored.envelope  # drained before; whatever would be resolved differently now, it is the same event
    head, payload = lines
    draft = _draft(head, path.name)
    extensions = dict(draft.get("extensions") or {})
    project = _optional(extensions.pop("project_dir", None))
    session = _optional(extensions.pop("session_id", None))
    key = _optional(extensions.pop("dedupe_key", None))
    occurred = extensions.pop("occurred_at", None)
    artifact = _optional(draft.get("artifact_path"))
    folder = Path(project) if project else Path.home()
    return compose(
        event_id=path.name,
        intent=str(draft.get("intent")),
        payload=payload,
        context_id=_optional(draft.get("context_id"))
        or resolve_context(
            artifact=folder / artifact if artifact else None,
            project=folder,
            session_id=session,
            environ={"PATH": os.environ.get("PATH", os.defpath)},
            home=Path.home(),
        ),
        producer=_producer(draft.get("producer"), adapters),
        door="spool",
        artifact_path=artifact,
        severity=str(draft.get("severity") or "info"),
        consumers=[str(one) for one in draft.get("consumers") or ()],
        source_hook=_optional(draft.get("source_hook")),
        occurred_at=_time(occurred, path.name),
        project_dir=folder if project else None,
        session_id=session,
        dedupe_key=key,
        extensions=extensions,
        allow_unknown=True,
        limit=limit,
    )


def _lines(path: Path, limit: int) -> tuple[str, str] | None:
    """The two lines of a complete file; ``None`` for a young one that is not complete."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _RejectError(f"cannot be read: {error.strerror}") from None
    with open(fd, "rb") as file:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise _RejectError("is not a regular file")
        if info.st_size > limit + _HEAD_BYTES:
            raise _RejectError(f"{info.st_size:,} bytes, the limit of a payload is {limit:,}")
        data = file.read()
    if data.count(b"\n") < 2 or not data.endswith(b"\n"):
        if time.time() - info.st_mtime < UNFINISHED_SECONDS:
            return None
        raise _RejectError(f"unfinished for more than {UNFINISHED_SECONDS:g} s: its writer went away")
    try:
        head, _, payload = data.decode("utf-8")[:-1].partition("\n")
    except UnicodeDecodeError as error:
        raise _RejectError(f"not valid UTF-8 at byte {error.start}") from None
    return head, payload


def _draft(head: str, event_id: str) -> Mapping[str, Any]:
    try:
        draft = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise _RejectError(f"first line: not JSON: {error}") from None
    if not isinstance(draft, dict) or not isinstance(draft.get("extensions", {}), dict | None):
        raise _RejectError("first line: expected a JSON object")
    if draft.get("event_id", event_id) != event_id:
        raise _RejectError(f"its event_id {draft['event_id']!r} is not its name")
    if not isinstance(draft.get("consumers") or [], list):
        raise _RejectError("first line: key 'consumers': expected a list")
    return draft


def _producer(claim: object, adapters: set[str]) -> str:
    """A shell may say who it is; it is believed when that is an installed adapter, or the command line's own name."""
    return claim if isinstance(claim, str) and (claim in adapters or claim == "cli") else "shell"


def _time(occurred: object, event_id: str) -> Any:
    """When it happened: as the draft says, else when its id was made."""
    from datetime import datetime

    if isinstance(occurred, str):
        with contextlib.suppress(ValueError):
            when = datetime.fromisoformat(occurred)
            if when.tzinfo is not None:
                return when
    return id_time(event_id)


def _optional(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _reject(root: Path, path: Path, why: str) -> None:
    """Set a file aside with its reason; nothing that came in is ever thrown away."""
    target = _folder(root, "rejected") / path.name
    if target.exists():
        target = target.with_name(f"{target.name}.{time.time_ns()}")
    target.with_name(f"{target.name}.why").write_text(f"{why}\n", "utf-8")
    with contextlib.suppress(FileNotFoundError):
        path.rename(target)


def _names(root: Path) -> list[str]:
    try:
        return os.listdir(root / "spool" / "new")
    except OSError:
        return []


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]


def _folder(root: Path, name: str) -> Path:
    folder = root / "spool" / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
