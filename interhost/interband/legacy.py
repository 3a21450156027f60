"""The files from before interband, which some programs still write and some still read.

``/tmp/clavain-bead-<session>.json`` and ``/tmp/clavain-dispatch-<pid>.json`` hold a payload without an envelope;
``/var/run/intermute/signals/<project>-<agent>.jsonl`` has one signal per line, the last one counts.

Source: specification "Interband Sideband Protocol (v1)", "Current Migration State"; reference/cli-contracts.md section
5.7; reference/modules/interlock.md, L5.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from interhost.errors import InputError, StateError
from interhost.interband.channels import find_channel
from interhost.interband.protocol import MAX_BYTES, VERSION, ProtocolError, check_payload, decode, encode, safe_key
from interhost.interband.read import Envelope, Found, unreadable
from interhost.interband.store import read_file, replace_file

if TYPE_CHECKING:
    from interhost.interband.write import Written

FOLDER_VARIABLE = "INTERBAND_LEGACY_DIR"
SIGNALS_VARIABLE = "INTERLOCK_SIGNAL_DIR"
_FILES = {("interphase", "bead"): "clavain-bead-", ("clavain", "dispatch"): "clavain-dispatch-"}
_SIGNALS = ("interlock", "coordination")


class LegacyRoots(NamedTuple):
    """Where the old files are.

    Attributes:
        folder: Of beads and dispatches. Everybody may write there, so only the user's own files are read.
        signals: Of coordination signals, which a service may own.
    """

    folder: Path
    signals: Path


def legacy_roots(environ: Mapping[str, str] = os.environ) -> LegacyRoots:
    """Where the programs that wrote them look: ``/tmp`` and ``/var/run/intermute/signals``, unless variables differ.

    Raises:
        StateError: A variable is not an absolute path.
    """
    folder = environ.get(FOLDER_VARIABLE) or "/tmp"  # noqa: S108 - the place is theirs
    signals = environ.get(SIGNALS_VARIABLE) or "/var/run/intermute/signals"
    for variable, place in ((FOLDER_VARIABLE, folder), (SIGNALS_VARIABLE, signals)):
        if not os.path.isabs(place):
            raise StateError(f"{variable}={place!r} is not an absolute path", place)
    return LegacyRoots(Path(folder), Path(signals))


def legacy_path(roots: LegacyRoots, namespace: str, channel: str, key: str) -> Path | None:
    """The old file of a key; ``None`` for a channel that never had any."""
    if (namespace, channel) == _SIGNALS:
        return roots.signals / f"{safe_key(key)}.jsonl"
    if prefix := _FILES.get((namespace, channel)):
        return roots.folder / f"{prefix}{safe_key(key)}.json"
    return None


def read_legacy(
    roots: LegacyRoots, namespace: str, channel: str, key: str, *, check: bool = False, now: float | None = None
) -> Found | None:
    """Read an old file as if it were a sideband.

    Returns:
        What was found; ``None`` when there is none.

    Raises:
        InputError: It holds no JSON object, or belongs to somebody else.
        StateError: It cannot be read.
    """
    path = legacy_path(roots, namespace, channel, key)
    if path is None:
        return None
    known = find_channel(namespace, channel)
    signals = path.suffix == ".jsonl"
    try:
        data, changed = _read_end(path) if signals else read_file(str(path), own=True)
        payload = _last_line(data) if signals else decode(data)
        if check:
            check_payload(namespace, known.kind, payload, any_phase=True)
    except ProtocolError as error:
        raise InputError(f"{path}: {error}") from None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from None
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(changed))
    session = key if known.key == ("session_id",) else ""
    envelope = Envelope(VERSION, namespace, known.kind, session, moment, payload, {})
    return Found(path, envelope, (time.time() if now is None else now) - changed, legacy=True)


def write_legacy(roots: LegacyRoots, written: Written) -> Path:
    """Write the old file, too: the payload by itself, or one more line of signals.

    Args:
        roots: Where.
        written: What was written as a sideband.

    Raises:
        InputError: The channel never had old files.
        BusyError: The disk is full.
        StateError: It cannot be written. The sideband is.
    """
    from interhost.interband.write import unwritable  # who only reads, as hooks do, need not know how to write

    channel, key = written.path.parent, written.path.stem
    path = require_legacy(roots, channel.parent.name, channel.name, key)
    payload = written.envelope.payload
    try:
        if path.suffix == ".jsonl":
            _append(path, {"version": 1, **payload})
        else:
            replace_file(str(path), encode(payload))
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def require_legacy(roots: LegacyRoots, namespace: str, channel: str, key: str) -> Path:
    """The old file of a key.

    Raises:
        InputError: The channel never had any.
    """
    path = legacy_path(roots, namespace, channel, key)
    if path is None:
        raise InputError(
            f"{namespace}/{channel} never had files from before interband: there is nothing to write twice"
        )
    return path


def _append(path: Path, signal: Mapping[str, Any]) -> None:
    """Add a line by one write, which no other appending writer can come between."""
    data = encode(signal)
    # Opening a pipe would wait for its reader.
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if info.st_size and os.pread(fd, 1, info.st_size - 1) != b"\n":
            data = b"\n" + data  # what a writer that was killed has left stays a line of its own
        if os.write(fd, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(fd)


def _read_end(path: Path) -> tuple[bytes, float]:
    """The last mebibyte of a file that only grows, and when it did so last."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise ProtocolError("not a regular file")
        return os.pread(fd, MAX_BYTES, max(0, info.st_size - MAX_BYTES)), info.st_mtime
    finally:
        os.close(fd)


def _last_line(data: bytes) -> dict[str, Any]:
    """The last line that is complete and an object; one that is being written has no newline yet."""
    for line in reversed(data.split(b"\n")[:-1]):
        try:
            return decode(line)
        except ProtocolError:
            continue
    raise ProtocolError("no line of it is a complete JSON object")
