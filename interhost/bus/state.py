"""The state directory: where it is, and whether it can be trusted.

Source: design section 8. State is private: whoever can write here can make adapters act.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from interhost.errors import StateError

ROOT_VARIABLE = "INTERBUS_ROOT"


def state_root(environ: Mapping[str, str] = os.environ) -> Path:
    """The state directory: ``$INTERBUS_ROOT``, else ``~/.interbus``. It need not exist.

    Raises:
        StateError: The variable is not an absolute path, or there is no home directory to fall back on.
    """
    if given := environ.get(ROOT_VARIABLE):
        if not os.path.isabs(given):
            raise StateError(f"{ROOT_VARIABLE}={given!r} is not an absolute path", given)
        return Path(given)
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        raise StateError("no home directory: HOME is unset", "~", hint=f"set HOME or {ROOT_VARIABLE}")
    return Path(home, ".interbus")


def ensure_root(root: Path) -> Path:
    """Create the state directory if need be (mode 0700) and check that only its owner can write to it.

    Raises:
        StateError: It cannot be created or written, belongs to somebody else, or others may write to it.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = root.stat()
    except OSError as error:
        raise StateError(
            f"state directory {root}: {error.strerror}", str(root), hint=f"set {ROOT_VARIABLE} to a writable directory"
        ) from error
    if info.st_uid != os.geteuid():
        raise StateError(
            f"state directory {root} belongs to user {info.st_uid}, not to you ({os.geteuid()})",
            str(root),
            hint=f"set {ROOT_VARIABLE} to a directory of your own",
        )
    if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StateError(
            f"state directory {root} can be written by others (mode {stat.S_IMODE(info.st_mode):04o})",
            str(root),
            hint=f"chmod 700 {root}",
        )
    if not os.access(root, os.W_OK | os.X_OK):
        raise StateError(
            f"state directory {root} cannot be written", str(root), hint=f"chmod 700 {root}, or set {ROOT_VARIABLE}"
        )
    return root
