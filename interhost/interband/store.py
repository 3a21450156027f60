"""Sideband files on the disk: read by one ``open``, replaced at once, removed when they are old.

Bottom of the package together with :mod:`interhost.interband.protocol`, which says what that means for it.
``interband.sh`` runs :func:`main` for whatever bash cannot do by itself.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time

from interhost.interband.protocol import (
    MAX_BYTES,
    TEMPORARY,
    ProtocolError,
    check_envelope,
    check_payload,
    compose,
    decode,
    encode,
    is_temporary,
    safe_key,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

STAMP = ".interband-prune.stamp"
ORPHAN_SECONDS = 3600

# Files ---------------------------------------------------------------------------------------------------------------


def read_file(path: str, *, own: bool = False) -> tuple[bytes, float]:
    """Content and time of last change of a file, by one ``open``: a writer that renames over it meanwhile is no error.

    Args:
        path: The file.
        own: Refuse it unless it belongs to this user: anybody may write into a shared directory.

    Raises:
        OSError: It cannot be opened.
        ProtocolError: It is no regular file, too large, or somebody else's.
    """
    # Opening a pipe would wait for its writer.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise ProtocolError("not a regular file")
        if own and info.st_uid != os.geteuid():
            raise ProtocolError(f"belongs to user {info.st_uid}")
        if info.st_size > MAX_BYTES:
            raise ProtocolError(f"more than {MAX_BYTES:,} bytes")
        return b"".join(iter(lambda: os.read(fd, MAX_BYTES), b"")), info.st_mtime
    finally:
        os.close(fd)


def read_document(path: str) -> dict[str, Any]:
    """The envelope in a file, as it stands there.

    Raises:
        OSError: It cannot be opened.
        ProtocolError: It is none of version 1.
    """
    document = decode(read_file(path)[0])
    check_envelope(document)
    return document


def make_folder(path: str) -> None:
    """Make a folder and those above it, for this user only (mode 0700)."""
    if not os.path.isdir(path):
        if (above := os.path.dirname(path)) != path:
            make_folder(above)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if not os.path.isdir(path):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None


def replace_file(path: str, data: bytes, *, sync: bool = False) -> None:
    """Put a file in place at once, mode 0600: readers see the old or the new one, and nothing is left after a failure.

    Args:
        path: The file; its folder is made if need be.
        data: Its content.
        sync: Come back when it would survive a power cut.

    Raises:
        OSError: It cannot be written.
    """
    folder = os.path.dirname(path)
    make_folder(folder)
    temporary = os.path.join(folder, f"{TEMPORARY}{os.getpid()}.{os.urandom(6).hex()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb", buffering=0) as file:
            os.fchmod(fd, 0o600)  # whatever the umask took away
            while data:
                data = data[file.write(data) :]
            if sync:
                os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        _discard(temporary)
        raise
    if sync:
        _sync_folder(folder)


def _discard(path: str) -> None:
    if os.path.lexists(path):  # nobody has pruned it
        os.unlink(path)


def _sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# Retention -----------------------------------------------------------------------------------------------------------


def prune(folder: str, seconds: int, files: int, interval: int, now: float | None = None) -> list[str] | None:
    """Remove what a channel does not keep any longer, unless that was done a moment ago.

    Args:
        folder: The channel.
        seconds: Files older than this go, by the time of their last change.
        files: At most so many stay, the newest.
        interval: Seconds since the last time, by the stamp file; a stamp in the future does not count.
        now: Unix time.

    Returns:
        Names of the files that were removed; ``None`` when it was not due.

    Raises:
        OSError: The folder cannot be read or written. A folder that does not exist has nothing to remove.
    """
    now = time.time() if now is None else now
    if not os.path.isdir(folder):
        return []
    if not _begin_prune(os.path.join(folder, STAMP), interval, now):
        return None
    kept: list[tuple[float, str]] = []
    old: list[tuple[float, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not stat.S_ISREG(info.st_mode):
                continue
            age, found = now - info.st_mtime, (info.st_mtime, entry.name)
            if is_temporary(entry.name):
                old += [found] if age > ORPHAN_SECONDS else []
            elif entry.name.endswith(".json"):
                (old if age > seconds else kept).append(found)
    old += sorted(kept, reverse=True)[files:]
    return [name for changed, name in old if _remove(os.path.join(folder, name), changed)]


def _begin_prune(stamp: str, interval: int, now: float) -> bool:
    """Whether it is due; then the stamp says that it was done.

    The stamp's time counts, which every implementation sets. Its text is the same time for bash, which cannot ask for
    the time of a file; it is put right where another implementation has only touched the file.
    """
    try:
        last = os.stat(stamp).st_mtime
    except FileNotFoundError:
        last = -1.0
    due = not 0 <= now - last < interval
    moment = int(now if due else last)
    fd = os.open(stamp, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    with open(fd, "r+b", buffering=0) as file:
        if due or file.read(32) != b"%d\n" % moment:
            file.seek(0)
            file.truncate()
            file.write(b"%d\n" % moment)
            os.utime(fd, (moment, moment))
    return due


def _remove(path: str, changed: float) -> bool:
    """Remove a file, unless a writer has renewed it since it was looked at."""
    try:
        if os.lstat(path).st_mtime != changed:
            return False
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


# For interband.sh ----------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """What bash cannot do by itself; one line on standard error and exit code 1 say why not.

    ``key KEY``, ``validate NAMESPACE TYPE``, ``write PATH NAMESPACE TYPE SESSION [SECONDS FILES INTERVAL]``,
    ``envelope PATH``, ``payload PATH``, ``prune FOLDER SECONDS FILES INTERVAL``; a payload comes on standard input.
    """
    command, *rest = arguments
    try:
        _COMMANDS[command](*rest)
    except (ProtocolError, OSError) as error:
        reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else f"{error}"
        where = f"{rest[0]}: " if command in ("envelope", "payload") and isinstance(error, ProtocolError) else ""
        sys.stderr.buffer.write(f"interband: {where}{reason}\n".encode("utf-8", "backslashreplace"))
        return 1
    return 0


def _print(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _shell_write(path: str, namespace: str, kind: str, session_id: str, *retention: str) -> None:
    payload = decode(sys.stdin.buffer.read(MAX_BYTES + 2))
    check_payload(namespace, kind, payload)
    replace_file(path, encode(compose(namespace, kind, session_id, payload)))
    if retention:
        try:  # noqa: SIM105 - contextlib is one more module for every call
            _shell_prune(os.path.dirname(path), *retention)
        except OSError:  # the write has succeeded, whatever becomes of this
            pass


def _shell_prune(folder: str, seconds: str, files: str, interval: str) -> None:
    prune(folder, int(seconds), int(files), int(interval))


_COMMANDS: Mapping[str, Callable[..., None]] = {
    "key": lambda key: _print(safe_key(os.fsencode(key).decode("utf-8", "surrogateescape")).encode() + b"\n"),
    "validate": lambda namespace, kind: check_payload(namespace, kind, decode(sys.stdin.buffer.read(MAX_BYTES + 2))),
    "write": _shell_write,
    "envelope": lambda path: _print(encode(read_document(path))),
    "payload": lambda path: _print(encode(read_document(path)["payload"])),
    "prune": _shell_prune,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
