"""Reserving in the kernel's store, where the service does not run: ``ic coordination``.

Source: ``reference/modules/interlock.md`` section 4.5; ``reference/cli-contracts.md`` section 1.1.
"""

from __future__ import annotations

from pathlib import Path

from interhost_hookspecs import AdapterContext
from interhost_hookspecs.positions import keep, recall
from interhost_hookspecs.reading import first_line, plain_line, read_object
from interhost_hookspecs.runs import DATABASE

from interhost_interlock.intermute import NAME, TTL_MINUTES, is_id

_HELD = 1
_MOST = 256


def has_kernel(root: Path, ctx: AdapterContext) -> bool:
    """Whether a project has a kernel's database; without one, every command of ``ic`` would create it."""
    return ctx.guards.has_ic() and (root / DATABASE).is_file()


def reserve_lock(name: str, reason: str, bead: str, root: Path, ctx: AdapterContext) -> tuple[bool, str]:
    """Reserve a file for as long as the service would; the kernel itself tells who stood in the way.

    Args:
        name: The file, as the project has it.
        reason: Why.
        bead: For whom it is given back.
        root: The project.
        ctx: Runs the command, and remembers the lock.

    Returns:
        Whether it is reserved, and who holds it or what went wrong.
    """
    words = [f"--owner={NAME}", f"--scope={root}", f"--pattern={name}", f"--ttl={TTL_MINUTES * 60}"]
    answer = ctx.runs.ask(["coordination", "reserve", *words, f"--reason={reason}"], root)
    record = read_object(answer.stdout)
    if answer.ok:
        lock = first_line(record, "lock.id", "lock.lock_id")
        if is_id(lock):
            keep(ctx, "locks", recall(ctx, "locks") | {lock: [str(root), bead]}, most=_MOST)
        return True, ""
    owner = plain_line(first_line(record, "conflict.blocker_owner"), 80) if answer.returncode == _HELD else ""
    return False, f"held by {owner}" if owner else f"ic: {answer.why}"


def release_locks(bead: str, ctx: AdapterContext) -> tuple[int, list[str]]:
    """Release the locks that we took for a bead, each by its id: by owner, ``ic`` would release all of ours.

    Returns:
        How many are released, and what went wrong with the others.
    """
    locks: dict[str, list[str]] = recall(ctx, "locks")
    released, problems = 0, []
    for lock, (root, owner) in list(locks.items()):
        if owner != bead:
            continue
        answer = ctx.runs.ask(["coordination", "release", lock], Path(root))
        if answer.returncode in (0, _HELD):  # 1: it has run out
            released += answer.ok
            del locks[lock]
        else:
            problems.append(f"ic: {answer.why}")
    keep(ctx, "locks", locks)
    return released, problems
