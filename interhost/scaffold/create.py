"""Create the package of a new adapter.

``template/`` is the adapter of a module called ``widget``, checked and typed with everything else here; a new adapter
is that one with every ``widget`` replaced.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from interhost.errors import InputError

TEMPLATE = Path(__file__).with_name("template")

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 64  # as on the bus
_TAKEN = {
    "hookspecs": "interhost-hookspecs is the distribution that adapters are written against",
    "shell": "facts of shell scripts have that producer",
    "cli": "facts of commands have that producer",
}
# In the name of a Python package or module a "-" cannot stand.
_PLACES = re.compile(r"(?P<module>(?:interhost_|test_)widget)|WIDGET|widget")


def check_name(name: str) -> None:
    """Refuse what cannot be the name of an adapter, and of a distribution and package besides.

    Raises:
        InputError: It cannot; says what can.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise InputError(
            f"name {name!r:.80}: expected lower-case letters and digits, with single '-' between them",
            hint="it becomes the package interhost_<name>; take the name of the module, such as tool-time",
        )
    if name in _TAKEN:
        raise InputError(f"name {name!r} is taken: {_TAKEN[name]}", hint="take the name of the module")


def create_adapter(name: str, folder: Path) -> list[Path]:
    """Write the package of an adapter into a new folder.

    Args:
        name: The adapter's name; see :func:`check_name`.
        folder: Must not exist; folders above it are made.

    Returns:
        The files, relative to the folder.

    Raises:
        InputError: The name cannot be one, the folder exists, or cannot be written; then none is left.
    """
    check_name(name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except (OSError, ValueError) as error:
        raise _refuse(folder, error) from None
    try:
        return [_write(folder / place, text).relative_to(folder) for place, text in _list_files(name)]
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _refuse(folder, error) from None


def rename(text: str, name: str) -> str:
    """A text of the template, or a path in it, for an adapter of this name."""
    module = name.replace("-", "_")
    shapes = {"widget": name, "WIDGET": module.upper()}
    return _PLACES.sub(lambda found: shapes.get(found[0]) or found[0].replace("widget", module), text)


def _list_files(name: str) -> Iterator[tuple[str, str]]:
    """Every file of the template, renamed, in the order of their paths."""
    for folder, folders, files in os.walk(TEMPLATE):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for file in sorted(files):
            path = Path(folder, file)
            yield rename(str(path.relative_to(TEMPLATE)), name), rename(path.read_text("utf-8"), name)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return path


def _refuse(folder: Path, error: Exception) -> InputError:
    why = "exists already" if os.path.lexists(folder) else getattr(error, "strerror", None) or error
    return InputError(f"{folder}: {why}", hint="nothing was changed; name another folder with --dir")
