"""Questions about the ecosystem. Each answers within two seconds, never raises, and takes "cannot be told" for "no".

Source: interface specification, domain 1; design section 10, decision 5.
"""

import os
import time

from interhost.interbase.places import home, list_versions, working_directory
from interhost.interbase.programs import GUARD_SECONDS, find_program, run_program


def has_ic() -> bool:
    """Whether ``PATH`` has an executable ``ic``, the kernel; it is not run."""
    return find_program("ic") is not None


def has_bd() -> bool:
    """Whether ``PATH`` has an executable ``bd``, the tracker of beads; it is not run."""
    return find_program("bd") is not None


def has_companion(name: str) -> bool:
    """Whether Claude Code's cache holds a plugin of this name, of whatever version and marketplace."""
    return bool(list_versions(name))


def in_ecosystem() -> bool:
    """Whether the central install exists: ``INTERMOD_LIB``, else ``~/.intermod/interbase/interbase.sh``."""
    library = os.environ.get("INTERMOD_LIB", "")
    if not library and home():
        library = f"{home()}/.intermod/interbase/interbase.sh"
    return os.path.isfile(library)


def get_bead() -> str:
    """The bead that is worked on, from ``CLAVAIN_BEAD_ID``; empty when there is none."""
    return os.environ.get("CLAVAIN_BEAD_ID", "")


def in_sprint() -> bool:
    """Whether there is a bead, and the kernel has an active run for this directory."""
    if not get_bead():
        return False
    ic = find_program("ic")
    return ic is not None and has_run(ic)


def has_run(ic: str) -> bool:
    """Whether the kernel has an active run for this directory.

    Specified is ``--project=.``, but ``ic`` stores absolute paths and compares texts, so the absolute path is asked for
    when that says no. Both share the time. Source: reference/cli-contracts.md section 1.3.
    """
    until = time.monotonic() + GUARD_SECONDS
    try:
        if run_program([ic, "run", "current", "--project=."], until)[0] == 0:
            return True
        project = f"--project={working_directory()}"
        return time.monotonic() < until and run_program([ic, "run", "current", project], until)[0] == 0
    except (OSError, ValueError):
        return False
