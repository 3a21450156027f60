"""The state directory: where it is, and whether it can be trusted.

Source: design section 8. State is private: whoever can write here can make adapters act.
"""

from __future__ import annotations

import os
import stat

from interhost.errors import StateError

TYPE_CHECKING = False  # typing and pathlib cost a hook more than it spends on everything else
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROOT_VARIABLE = "INTERBUS_ROOT"
_NETWORK = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs"),
        *("nfs4", "ocfs2", "orangefs", "smb3", "smbfs"),
        *("fuse.cephfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    )
)


def state_root(environ: Mapping[str, str] = os.environ) -> Path:
    """The state directory, as :func:`root_path` says it."""
    from pathlib import Path

    return Path(root_path(environ))


def root_path(environ: Mapping[str, str] = os.environ) -> str:
    """The state directory: ``$INTERBUS_ROOT``, else ``~/.interbus``. It need not exist.

    Raises:
        StateError: The variable is not an absolute path, or there is no home directory to fall back on.
    """
    if given := environ.get(ROOT_VARIABLE):
        if not os.path.isabs(given):
            raise StateError(f"{ROOT_VARIABLE}={given!r} is not an absolute path", given)
        return given
    # An empty HOME would make "~" the root directory.
    home = os.path.expanduser("~") if environ.get("HOME", "unset") else ""
    if not os.path.isabs(home):
        raise StateError("no home directory: HOME is empty or relative", "~", hint=f"set HOME or {ROOT_VARIABLE}")
    return f"{home.rstrip('/')}/.interbus"


def ensure_root(root: Path) -> Path:
    """The state directory, as :func:`prepare_root` leaves it."""
    prepare_root(os.fspath(root))
    return root


def prepare_root(root: str) -> None:
    """Create the state directory if need be (mode 0700) and check that only its owner can write to it.

    Raises:
        StateError: It cannot be created or written, belongs to somebody else, or others may write to it.
    """
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
        info = os.stat(root)
    except OSError as error:
        raise StateError(
            f"state directory {root}: {error.strerror}", root, hint=f"set {ROOT_VARIABLE} to a writable directory"
        ) from error
    if info.st_uid != os.geteuid():
        raise StateError(
            f"state directory {root} belongs to user {info.st_uid}, not to you ({os.geteuid()})",
            root,
            hint=f"set {ROOT_VARIABLE} to a directory of your own",
        )
    if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StateError(
            f"state directory {root} can be written by others (mode {stat.S_IMODE(info.st_mode):04o})",
            root,
            hint=f"chmod 700 {root}",
        )
    if not os.access(root, os.W_OK | os.X_OK):
        raise StateError(
            f"state directory {root} cannot be written", root, hint=f"chmod 700 {root}, or set {ROOT_VARIABLE}"
        )
    if kind := network_file_system(info.st_dev):
        raise StateError(
            f"state directory {root} is on a network file system ({kind}), where locks and the log are not safe",
            root,
            hint=f"set {ROOT_VARIABLE} to a directory on a local disk",
        )


def network_file_system(device: int, mounts: str | Path = "/proc/self/mountinfo") -> str:
    """Kind of network file system behind a device; empty for a local one, or where the kernel cannot tell.

    Args:
        device: ``st_dev`` of a directory. Local disks have a major number, and nothing more is read for them.
        mounts: The kernel's list of mounts.
    """
    if os.major(device):
        return ""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        fields, _, source = line.partition(" - ")
        if fields.split(" ", 3)[2] == wanted:
            kind = source.split(" ", 1)[0]
            return kind if kind in _NETWORK else ""
    return ""
