"""Noticing sidebands that change: each new content once, by (path, timestamp, hash of the payload).

A sideband is a snapshot: what was written and overwritten between two looks is not seen.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from interhost.errors import InputError, StateError
from interhost.interband.paths import channel_dir
from interhost.interband.protocol import is_name
from interhost.interband.read import Envelope, read_sideband


class Sideband(NamedTuple):
    """One file, by its place.

    Attributes:
        path: The file.
        namespace: First folder.
        channel: Second folder.
        key: Its name without ``.json``.
    """

    path: Path
    namespace: str
    channel: str
    key: str


class Change(NamedTuple):
    """A file with a new content; ``envelope`` is ``None`` and ``problem`` says why where that cannot be read."""

    sideband: Sideband
    envelope: Envelope | None
    problem: str = ""


def find_sidebands(root: Path, namespace: str = "", channel: str = "") -> Iterator[Sideband]:
    """Every sideband below a root, in the order of their names; temporary and stamp files are none.

    Args and errors: as :func:`find_channels`.
    """
    for space, name in find_channels(root, namespace, channel):
        folder = root / space / name
        for file in _names(folder):
            if file.endswith(".json") and not file.startswith("."):
                yield Sideband(folder / file, space, name, file.removesuffix(".json"))


def find_channels(root: Path, namespace: str = "", channel: str = "") -> Iterator[tuple[str, str]]:
    """Every channel below a root that has a folder, as (namespace, channel).

    Args:
        root: See :func:`interhost.interband.paths.sideband_root`.
        namespace: Only of this one.
        channel: Only this one.

    Raises:
        InputError: Namespace or channel is no plain name.
    """
    channel_dir(root, namespace or "any", channel or "any")
    for space in [namespace] if namespace else _folders(root):
        yield from ((space, name) for name in _folders(root / space) if channel in ("", name))


class Watcher:
    """What has changed since the last look.

    Args:
        root: See :func:`interhost.interband.paths.sideband_root`.
        namespace: Only of this one.
        channel: Only of this one.
        position: ``position`` of an earlier watcher; ``None`` begins with nothing seen.
    """

    def __init__(self, root: Path, namespace: str = "", channel: str = "", *, position: str | None = None) -> None:
        """Take up an earlier position."""
        self._where = (root, namespace, channel)
        self._root = root
        self._seen: dict[str, list[str | int]] = json.loads(position) if position else {}

    @property
    def position(self) -> str:
        """What was seen, as JSON, to be stored and given to a later watcher: of each file its identity and state."""
        return json.dumps(self._seen, sort_keys=True)

    def look(self) -> list[Change]:
        """Every file whose content is new; one that went away is forgotten."""
        changes = []
        seen: dict[str, list[str | int]] = {}
        for sideband in find_sidebands(*self._where):
            name = str(sideband.path.relative_to(self._root))
            state, (before, *last) = _stat(sideband.path), self._seen.get(name, [""])
            if state and state == last:
                seen[name] = self._seen[name]
            elif state and (change := _read(sideband)):
                seen[name] = [identity(change), *state]
                if seen[name][0] != before:
                    changes.append(change)
        self._seen = seen
        return changes


def identity(change: Change) -> str:
    """What makes a content the same: timestamp and payload; of a file that cannot be read, the reason."""
    if change.envelope is None:
        return _hash(change.problem)
    return _hash([change.envelope.timestamp, change.envelope.payload])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def _read(sideband: Sideband) -> Change | None:
    try:
        found = read_sideband(sideband.path)
    except (InputError, StateError) as error:
        return Change(sideband, None, str(error))
    return Change(sideband, found.envelope) if found else None


def _stat(path: Path) -> list[int]:
    """What changes whenever the file does: a rename brings another inode, a write in place another time or size."""
    try:
        info = path.stat()
    except OSError:
        return []
    return [info.st_ino, info.st_mtime_ns, info.st_ctime_ns, info.st_size]


def _folders(folder: Path) -> list[str]:
    return [name for name in _names(folder) if is_name(name) and (folder / name).is_dir()]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
