"""Where sideband files are: ``ROOT/NAMESPACE/CHANNEL/KEY.json``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from interhost.errors import InputError, StateError
from interhost.interband.protocol import is_name, safe_key

ROOT_VARIABLE = "INTERBAND_ROOT"


def sideband_root(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> Path:
    """``$INTERBAND_ROOT``, else ``~/.interband``. It need not exist.

    Args:
        environ: The environment.
        home: The user's home, for whoever knows it otherwise; else ``HOME``, and nothing but ``HOME``, because a shell
            has no other way to know it and must come to the same place.

    Raises:
        StateError: The variable is no absolute path or the root of the file system, or there is no home directory.
    """
    if given := environ.get(ROOT_VARIABLE):
        if not os.path.isabs(given):
            raise StateError(f"{ROOT_VARIABLE}={given!r} is not an absolute path", given)
        if _is_system_root(given):
            raise StateError(f"{ROOT_VARIABLE}={given!r} is the root of the file system", given)
        return Path(given)
    place = str(home) if home else environ.get("HOME", "")
    if not os.path.isabs(place):
        raise StateError("no home directory: HOME is unset or relative", "~", hint=f"set HOME or {ROOT_VARIABLE}")
    return Path(place, ".interband")


def _is_system_root(path: str) -> bool:
    """Whether a path leads to ``/``, by whatever way: ``//``, ``/..``, a link."""
    try:
        return os.path.samefile(path, "/")
    except (OSError, ValueError):
        return False


def channel_dir(root: Path, namespace: str, channel: str) -> Path:
    """The folder of a channel.

    Raises:
        InputError: Namespace or channel is no plain name.
    """
    for what, name in (("namespace", namespace), ("channel", channel)):
        if not is_name(name):
            raise InputError(f"{what} {name!r}: expected a plain name of letters, digits, '.', '_' and '-'")
    return root / namespace / channel


def sideband_path(root: Path, namespace: str, channel: str, key: str) -> Path:
    """The file of a key, whose odd characters become ``_``.

    Raises:
        InputError: Namespace or channel is no plain name.
    """
    return channel_dir(root, namespace, channel) / f"{safe_key(key)}.json"
