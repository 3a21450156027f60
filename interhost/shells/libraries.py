"""The shell libraries: one line each in a table.

They are installed in one place for all plugins, ``~/.intermod/<library>/<library>.sh``. Source: PRD "Dual-Mode Plugin
Architecture", F1; design decision 13.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from interhost.errors import StateError

_PACKAGE = Path(__file__).resolve().parents[1]
_VERSION = re.compile(r"^# version: (\S+)$", re.MULTILINE)


class Library(NamedTuple):
    """A shell library.

    Attributes:
        name: What it is called; its folder and its main file are called the same.
        variable: The environment variable that names another copy to source.
        files: Where each of its files lies in the package, by its place below the library's folder. The main file
            states the version on a line ``# version: 1.2.3``.
    """

    name: str
    variable: str
    files: Mapping[str, str]

    @property
    def main(self) -> str:
        """The file that hooks source."""
        return f"{self.name}.sh"

    def folder(self, home: Path) -> Path:
        """Where it is installed."""
        return home / ".intermod" / self.name

    def packaged(self) -> dict[str, bytes]:
        """Contents of the packaged files by place, ``VERSION`` among them and last."""
        contents = {place: (_PACKAGE / source).read_bytes() for place, source in self.files.items()}
        return {**contents, "VERSION": f"{self.version()}\n".encode()}

    def version(self) -> str:
        """The packaged version."""
        version = stated_version((_PACKAGE / self.files[self.main]).read_bytes())
        assert version is not None, f"{self.main} states no version"  # noqa: S101 - a test holds the package to it
        return version


LIBRARIES = (
    Library(
        "interbase",
        "INTERMOD_LIB",
        {
            "interbase.sh": "interbase/shell/interbase.sh",
            "interbase-stub.sh": "interbase/shell/interbase-stub.sh",
            "templates/integration.json": "interbase/shell/templates/integration.json",
        },
    ),
    Library(
        "interband",
        "INTERBAND_LIB",
        {
            "interband.sh": "interband/shell/interband.sh",
            "protocol.py": "interband/protocol.py",
            "store.py": "interband/store.py",
        },
    ),
    Library("interbus", "INTERBUS_LIB", {"interbus.sh": "bus/shell/interbus.sh"}),
)
"""Every library that is or will be part of the package."""


def packaged_libraries() -> tuple[Library, ...]:
    """The libraries that this package brings."""
    return tuple(one for one in LIBRARIES if (_PACKAGE / one.files[one.main]).is_file())


def packaged_file(name: str, place: str) -> Path:
    """One file of a library in the package."""
    return _PACKAGE / next(one for one in LIBRARIES if one.name == name).files[place]


def stated_version(content: bytes) -> str | None:
    """The version that a library's main file states, or ``None``."""
    found = _VERSION.search(content[:4096].decode("utf-8", "replace"))
    return found[1] if found else None


def user_home(environ: Mapping[str, str]) -> Path:
    """The home below which hooks look: ``HOME``, and nothing else, because a shell looks there.

    Raises:
        StateError: It is not set, or no absolute path.
    """
    home = environ.get("HOME", "")
    if not os.path.isabs(home):
        raise StateError("no home directory: HOME is empty or relative", "~", hint="set HOME to an absolute path")
    return Path(home)
