"""Reading a sideband wherever it is: interband first, then the file from before.

Source: specification "Interband Sideband Protocol (v1)", "Current Migration State".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interhost.errors import InputError, StateError
from interhost.interband.legacy import LegacyRoots, legacy_roots, read_legacy
from interhost.interband.paths import sideband_path
from interhost.interband.read import Found, read_sideband


def find_sideband(
    root: Path,
    namespace: str,
    channel: str,
    key: str,
    *,
    legacy: LegacyRoots | None,
    check: bool = False,
    max_age: float | None = None,
) -> Found | None:
    """The sideband of a key; where there is none, or none that is fresh, the file from before interband.

    Args:
        root: See :func:`interhost.interband.paths.sideband_root`.
        namespace: First folder.
        channel: Second folder.
        key: Name of the file.
        legacy: Where the files from before are; ``None`` looks for none.
        check: Hold a known payload against its rules, too.
        max_age: Seconds that make one fresh; ``None`` takes a file of any age.

    Returns:
        A fresh one, else an old one, which the caller may refuse; ``None`` when there is no file at all.

    Raises:
        InputError: What is there cannot be used: a version 2 envelope is not replaced by what was before it.
        StateError: It cannot be read.
    """
    found = read_sideband(sideband_path(root, namespace, channel, key), check=check)
    if legacy is None or (found and _is_fresh(found, max_age)):
        return found
    before = read_legacy(legacy, namespace, channel, key, check=check)
    if before and _is_fresh(before, max_age):
        return before
    return found or before


def read_payload(
    root: Path,
    namespace: str,
    channel: str,
    key: str,
    *,
    max_age: float | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Mapping[str, Any] | None:
    """The payload of a key for whoever does well without it.

    Args:
        root: See :func:`interhost.interband.paths.sideband_root`.
        namespace: First folder.
        channel: Second folder.
        key: Name of the file.
        max_age: Seconds; ``None`` takes a file of any age.
        environ: Says where the files from before interband are.

    Returns:
        ``None`` when it is absent, too old, or cannot be used.
    """
    try:
        found = find_sideband(root, namespace, channel, key, legacy=legacy_roots(environ), max_age=max_age)
    except (InputError, StateError):
        return None
    return found.envelope.payload if found and _is_fresh(found, max_age) else None


def _is_fresh(found: Found, max_age: float | None) -> bool:
    return max_age is None or found.is_fresh(max_age)
