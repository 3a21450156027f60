"""Finding the published bash library, for shells that want that one.

Source: specification "Interband Sideband Protocol (v1)", "Loader Resolution".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

VARIABLE = "INTERBAND_LIB"
OURS = Path(__file__).with_name("shell") / "interband.sh"


def find_library(environ: Mapping[str, str], start: Path) -> Path | None:
    """The published library: the first place that has it.

    ``INTERBAND_LIB``; ``core/interband/lib`` of a repository around ``start``; a checkout ``interband`` beside it, or
    beside what is around it; ``~/.local/share/interband/lib``. A relative ``INTERBAND_LIB`` and files that others than
    this user and root may have written are passed over, because whoever asks is going to run them.

    Args:
        environ: The environment.
        start: Folder of whoever asks, absolute.
    """
    return next((path for path in _places(environ, start) if _is_trusted(path)), None)


def _places(environ: Mapping[str, str], start: Path) -> Iterator[Path]:
    around = [start, *start.parents]
    given, home = environ.get(VARIABLE, ""), environ.get("HOME", "")
    if os.path.isabs(given):
        yield Path(given)
    yield from (folder / "core/interband/lib/interband.sh" for folder in around)
    yield from (folder.parent / "interband/lib/interband.sh" for folder in around)
    if os.path.isabs(home):
        yield Path(home, ".local/share/interband/lib/interband.sh")


def _is_trusted(path: Path) -> bool:
    try:
        info = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(info.st_mode) and info.st_uid in (0, os.geteuid()) and not info.st_mode & stat.S_IWOTH
