"""One recorded hook event: a file in ``spool/hooks`` until a worker takes it in.

Its first line is a JSON object of strings: what the hook knew besides (``at``, microseconds since the epoch;
``bead`` and ``adapters``, from its environment). The rest is the event's document as it came. The name begins with the
time, so that name order is the order of events; a file that is there is complete, because it was renamed into place.

Written by a hook, which cannot afford the database's imports; without them for that reason.
Source: design section 7, step 1.
"""

from __future__ import annotations

import os
import time

from interhost.json_scan import quote, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "spool/hooks"
_ORPHAN_SECONDS = 3600


def write_record(root: str, head: Mapping[str, str], document: str) -> None:
    """Record an event; when this returns, it survives the end of this process and of every other.

    Args:
        root: State directory.
        head: What is known besides.
        document: The event as it came.

    Raises:
        OSError: It could not be recorded.
    """
    folder = f"{root}/{FOLDER}"
    name = f"{time.time_ns():020d}-{os.getpid()}"
    first = ",".join(f"{quote(key)}:{quote(value)}" for key, value in head.items())
    text = f"{{{first}}}\n{document}"
    try:
        fd = _create(f"{folder}/.{name}")
    except FileNotFoundError:
        os.makedirs(folder, 0o700, exist_ok=True)
        fd = _create(f"{folder}/.{name}")
    try:
        with open(fd, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        os.rename(f"{folder}/.{name}", f"{folder}/{name}")
    except OSError:
        os.unlink(f"{folder}/.{name}")
        raise


def list_records(root: str) -> list[str]:
    """Paths of the recorded events, oldest first."""
    folder = f"{root}/{FOLDER}"
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [f"{folder}/{name}" for name in sorted(names) if not name.startswith(".")]


def read_record(path: str) -> tuple[dict[str, str], str] | None:
    """Head and document of a record; ``None`` when somebody else has taken it in.

    Of a file that no hook wrote, all is document.
    """
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    first, _, document = text.partition("\n")
    head = scan(first)
    if head is None or not isinstance(head[0], dict) or not document:
        return {}, text
    return {key: value for key, value in head[0].items() if isinstance(value, str)}, document


def sweep_orphans(root: str) -> None:
    """Remove what killed hooks left half written; an hour old, so that nobody is still at it."""
    folder = f"{root}/{FOLDER}"
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = f"{folder}/{name}"
        try:
            if name.startswith(".") and time.time() - os.stat(path).st_mtime > _ORPHAN_SECONDS:
                os.unlink(path)
        except OSError:
            continue


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
