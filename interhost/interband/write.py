"""Writing sideband files, and removing old ones."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from interhost.errors import BusyError, InputError, InterhostError, PayloadError, StateError
from interhost.interband.channels import find_channel, make_key
from interhost.interband.paths import channel_dir, sideband_path
from interhost.interband.protocol import ProtocolError, check_payload, compose, encode
from interhost.interband.read import Envelope, read_sideband, unreadable
from interhost.interband.retention import prune_interval, retention
from interhost.interband.store import prune, replace_file


class Written(NamedTuple):
    """A sideband that was written.

    Attributes:
        path: The file.
        envelope: What it holds now.
        pruned: How many old files of the channel were removed.
    """

    path: Path
    envelope: Envelope
    pruned: int


def write_sideband(
    root: Path,
    namespace: str,
    channel: str,
    key: str | Sequence[str],
    payload: Mapping[str, Any],
    *,
    kind: str = "",
    session_id: str = "",
    any_phase: bool = False,
    sync: bool = False,
    environ: Mapping[str, str] = os.environ,
    now: float | None = None,
) -> Written:
    """Write one sideband, and prune its channel if that is due.

    Args:
        root: See :func:`interhost.interband.paths.sideband_root`.
        namespace: First folder, and ``namespace`` of the envelope.
        channel: Second folder.
        key: Name of the file, or its parts. Project and agent of a coordination signal, given as parts, are written
            into the payload too, because their names may contain the dash that joins them.
        payload: The payload; of a known namespace and type it is held against its rules.
        kind: ``type`` of the envelope; left out, the type of the known channel.
        session_id: Of the envelope; left out, the key of a channel whose files are named after sessions.
        any_phase: Write a phase that the published readers refuse.
        sync: Come back when it would survive a power cut.
        environ: The retention variables.
        now: Unix time.

    Raises:
        PayloadError: The payload breaks a rule; carries key, rule and value.
        InputError: A name, key or payload that cannot be written.
        BusyError: The disk is full.
        StateError: The file cannot be written. The old one is as it was.
    """
    known = find_channel(namespace, channel)
    parts = [key] if isinstance(key, str) else list(key)
    name = make_key(known, parts)
    path = sideband_path(root, namespace, channel, name)
    if not (kind or known.kind):
        raise InputError(f"channel {namespace}/{channel} is not known: say which type it carries")
    payload = {**payload, **(dict(zip(known.key, parts, strict=True)) if len(parts) > 1 else {})}
    session_id = session_id or (name if known.key == ("session_id",) else "")
    document = compose(namespace, kind or known.kind, session_id, payload, now=now)
    _put(path, document, any_phase=any_phase, sync=sync)
    return Written(path, Envelope.from_document(document), _upkeep(root, namespace, channel, environ))


def rewrite_sideband(
    root: Path,
    namespace: str,
    channel: str,
    key: str | Sequence[str],
    changes: Mapping[str, Any],
    *,
    any_phase: bool = False,
    sync: bool = False,
    environ: Mapping[str, str] = os.environ,
    now: float | None = None,
) -> Written:
    """Change some keys of a payload; every other key and every unknown field of the envelope stays as it is.

    The last of two that do so at once wins, as with every write.

    Raises:
        InputError: There is no such file, or it is no envelope of version 1.
        InterhostError: As :func:`write_sideband`.
    """
    known = find_channel(namespace, channel)
    path = sideband_path(root, namespace, channel, make_key(known, [key] if isinstance(key, str) else key))
    found = read_sideband(path)
    if found is None:
        raise InputError(f"{path}: no such sideband to change")
    old = found.envelope
    payload = {**old.payload, **changes}
    new = compose(old.namespace or namespace, old.type or known.kind, old.session_id, payload, now=now)
    document = {**new, "version": old.version, **old.extra}
    _put(path, document, any_phase=any_phase, sync=sync)
    return Written(path, Envelope.from_document(document), _upkeep(root, namespace, channel, environ))


def prune_channel(
    root: Path, namespace: str, channel: str, *, force: bool = False, environ: Mapping[str, str] = os.environ
) -> list[str] | None:
    """Remove what a channel does not keep any longer.

    Args:
        root: See :func:`interhost.interband.paths.sideband_root`.
        namespace: First folder.
        channel: Second folder.
        force: Also when it was done a moment ago.
        environ: The retention variables.

    Returns:
        Names of the files that were removed; ``None`` when it was not due.

    Raises:
        InputError: Namespace or channel is no plain name.
        StateError: The folder cannot be read or written.
    """
    folder = channel_dir(root, namespace, channel)
    keep = retention(environ, namespace, channel)
    try:
        return prune(str(folder), keep.seconds, keep.files, 0 if force else prune_interval(environ), time.time())
    except OSError as error:
        raise unwritable(folder, error) from None


def unwritable(path: Path, error: OSError) -> InterhostError:
    """What to raise for a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BusyError(f"{path}: {error.strerror}", hint="nothing was changed; free some space and try again")
    return unreadable(path, error)


def _put(path: Path, document: Mapping[str, Any], *, any_phase: bool, sync: bool) -> None:
    namespace, kind = document["namespace"], document["type"]
    try:
        check_payload(namespace, kind, document["payload"], any_phase=any_phase)
        data = encode(document)
    except ProtocolError as error:
        if error.problems:
            raise PayloadError(str(error), error.problems) from None
        raise InputError(f"{namespace}/{kind}: {error}") from None
    try:
        replace_file(str(path), data, sync=sync)
    except OSError as error:
        raise unwritable(path, error) from None


def _upkeep(root: Path, namespace: str, channel: str, environ: Mapping[str, str]) -> int:
    """Prune after a write, which has succeeded whatever becomes of this."""
    try:
        return len(prune_channel(root, namespace, channel, environ=environ) or ())
    except (InputError, StateError, BusyError):
        return 0
