"""Start the one detached worker that does what a hook must not wait for.

The hook takes the worker's lock itself and hands it over, open, to the process it starts: between two hooks there is
no moment in which both could start one. The worker holds none of the hook's descriptors, because Claude Code waits
until the last of them is closed, and leaves its session. Source: reference/claude-code.md sections 4.2 and 6.8.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

WORKER_LOCK = "drain.lock"
RESIDENT_LOCK = "resident.lock"
STAMP = "drained"
"""Its time says when the last worker ended, or was started."""
LOOK_SECONDS = 30.0
"""How long modules are left alone while hooks come and nobody observes them."""

_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The site-packages of the interpreter come first; ours are for a --user installation, which -I leaves out. Not in the
# user's directory, which may be removed while we stand in it.
_PROGRAM = (
    "import os, sys; os.chdir('/'); sys.path.append(sys.argv.pop(1));"
    "from interhost.cli.main import interhost; sys.exit(interhost(sys.argv[1:]))"
)


def is_due(root: str) -> bool:
    """Whether something may be left to do: a publish, or time for the modules' files."""
    ended = _time(f"{root}/{STAMP}")
    if not 0 <= time.time() - ended <= LOOK_SECONDS:  # a stamp of tomorrow was a clock's mistake
        return True
    return _time(f"{root}/wake") > ended or _has_files(f"{root}/spool/new")


def stamp(root: str) -> None:
    """A worker has just ended, or is about to begin."""
    fd = os.open(f"{root}/{STAMP}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.utime(fd)
    os.close(fd)


def start_worker(root: str) -> bool:
    """Start a worker, unless one is at work or a resident host is.

    Raises:
        OSError: It could not be started.
    """
    if is_held(root, RESIDENT_LOCK):
        return False
    lock = os.open(f"{root}/{WORKER_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stamp(root)
        start_process(["run", "--drain", "--quiet", "--lock-fd"], hand_over=lock)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def start_process(command: Sequence[str], *, hand_over: int | None = None) -> int:
    """Start ``interhost COMMAND`` in a session of its own and without our descriptors; its process id.

    Args:
        command: What it is to do.
        hand_over: A descriptor for it; its number there is the command's last argument.
    """
    for name in os.listdir("/dev/fd"):  # what somebody left open in us must not stay open in it
        try:
            os.set_inheritable(int(name), False)
        except OSError:  # the listing's own, closed by now
            continue
    argv = [sys.executable, "-I", "-c", _PROGRAM, _HOME, *command]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    if hand_over is None:
        return os.posix_spawn(sys.executable, argv, os.environ, file_actions=actions, setsid=True)
    copy = fcntl.fcntl(hand_over, fcntl.F_DUPFD, 3)  # inheritable, and out of the way of the three above
    try:
        return os.posix_spawn(sys.executable, [*argv, str(copy)], os.environ, file_actions=actions, setsid=True)
    finally:
        os.close(copy)


def is_held(root: str, lock: str) -> bool:
    """Whether a worker or a resident host is at work, as its lock says."""
    try:
        fd = os.open(f"{root}/{lock}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _time(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _has_files(folder: str) -> bool:
    try:
        return bool(os.listdir(folder))
    except OSError:
        return False
