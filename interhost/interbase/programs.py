"""Find a program and run it: never for longer than its budget, and with nothing of ours in its hands.

``interhost.process`` does more and costs 40 ms of imports, which is more than the programs themselves take; this costs
none. Source: interface specification, conventions.
"""

import os
import time

GUARD_SECONDS = 2.0
"""What a question may take, its programs included."""
ACTION_SECONDS = 10.0
"""What an action may take."""
_GRACE_SECONDS = 0.3
_SIGTERM, _SIGKILL = 15, 9  # the module costs 7 ms
_MAX_ERRORS = 64 << 10


def find_program(name: str) -> str | None:
    """The path of a program, or ``None``. It is not run.

    An empty or relative entry of ``PATH`` does not count: it would be whatever repository we happen to be in.
    """
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = f"{folder}/{name}"
        if folder.startswith("/") and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def run_program(argv: list[str], until: float, *, keep_errors: bool = False) -> tuple[int | None, str]:
    """Run a program with nothing on its standard input, and none of our files but ``/dev/null``.

    At the end of its time its whole process group gets SIGTERM, and a moment later SIGKILL. A child that it leaves
    behind when it ends by itself is left alone, and delays nothing.

    Args:
        argv: Its path, and arguments.
        until: When the answer must be there, on the monotonic clock.
        keep_errors: Read what it wrote to standard error, at most 64 KiB.

    Returns:
        Its exit status, below 0 for a signal, ``None`` when it did not end in time; and what it wrote.

    Raises:
        OSError: It could not be started.
        ValueError: An argument that no program can have.
    """
    errors = _scratch() if keep_errors else None
    try:
        status = _wait(_start(argv, errors), until)
        return status, _read(errors) if errors is not None else ""
    finally:
        if errors is not None:
            os.close(errors)


def _start(argv: list[str], errors: int | None) -> int:
    # Whoever waits for the end of a pipe of ours waits for everybody who holds it.
    actions: list[tuple[object, ...]] = [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd > 2]
    nothing = [0, 1, 2]
    if errors is not None:  # first, because it has the number of a standard file where one of ours is closed
        actions.append((os.POSIX_SPAWN_DUP2, errors, nothing.pop()))
    actions += [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in nothing]
    return os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsid=True)


def _inheritable() -> list[int]:
    found = []
    for name in os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else []:
        try:
            if os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # the listing's own, closed by now
            continue
    return found


def _wait(child: int, until: float) -> int | None:
    """Wait for the end, and bring it about when the time is over, or when we are told to stop."""
    status: int | None = None
    ended = False
    try:
        ended, status = _poll(child, until - _GRACE_SECONDS)
    finally:
        if not ended:
            _signal(child, _SIGTERM)
            ended, _ = _poll(child, min(until, time.monotonic() + _GRACE_SECONDS))
            _signal(child, _SIGKILL)  # its children, too, which may have ignored the other
            if not ended:
                os.waitpid(child, 0)
    return status


def _poll(child: int, until: float) -> tuple[bool, int | None]:
    """Whether it has ended, and with what status."""
    pause = 0.0002
    while True:
        try:
            pid, status = os.waitpid(child, os.WNOHANG)
        except ChildProcessError:  # whoever runs us has said that nobody waits for children
            return True, None
        if pid:
            return True, os.waitstatus_to_exitcode(status)
        left = until - time.monotonic()
        if left <= 0:
            return False, None
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 0.02)


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _scratch() -> int | None:
    """A file without a name: of a pipe, a child that stays would keep us waiting or lose its end."""
    path = f"{os.environ.get('TMPDIR') or '/tmp'}/.interbase-{os.getpid()}-{time.time_ns()}"  # noqa: S108 - exclusive
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.unlink(path)
    except OSError:
        return None
    return fd


def _read(fd: int) -> str:
    return os.pread(fd, _MAX_ERRORS, 0).decode("utf-8", "replace")
