"""Which copy of a shell library hooks get, and why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from interhost.errors import StateError
from interhost.interbase.versions import version_key
from interhost.process import run_process
from interhost.shells.install import installed_version, read_file
from interhost.shells.libraries import Library

_PARSE_SECONDS = 5.0


class Status(NamedTuple):
    """A library on this machine.

    Attributes:
        name: The library.
        state: Of the installed copy against the packaged one: ``current``, ``older``, ``newer``, ``changed``
            (of the same version or of none, with other content), ``missing`` or ``broken``.
        installed: Version of the installed copy; empty when it has none or does not say.
        packaged: Version of the packaged one.
        path: Where it is, or would be, installed.
        active: The copy that hooks source, or ``None`` when they have to do without.
        why: Why that one.
        hint: What to do about it; empty when all is well.
    """

    name: str
    state: str
    installed: str
    packaged: str
    path: Path
    active: Path | None
    why: str
    hint: str


def read_status(library: Library, home: Path, environ: Mapping[str, str]) -> Status:
    """Look at one library; nothing of it is executed.

    Args:
        library: Which one.
        home: The user's home.
        environ: Environment variables, as hooks have them.
    """
    path = library.folder(home) / library.main
    problem = _problem(path, environ)
    installed = "" if problem else installed_version(library, home) or ""
    state = _compare(library, home, installed) if not problem else "broken" if os.path.lexists(path) else "missing"
    active, why = path, f"it is installed, and {library.variable} is not set"
    hint = (
        "" if state in ("current", "newer") else f"'interhost shell install {library.name}' installs the packaged copy"
    )
    if given := environ.get(library.variable):
        active, why, problem = Path(given), f"{library.variable} names it", _problem(Path(given), environ)
        hint = f"unset {library.variable}, or let it name a copy that hooks can use" if problem else ""
    if problem:
        why = f"{active} {problem}"
    return Status(library.name, state, installed, library.version(), path, None if problem else active, why, hint)


def list_notes(environ: Mapping[str, str]) -> list[str]:
    """What the libraries would need and is not there, one line each."""
    search = environ.get("PATH", "")
    notes = []
    if not shutil.which("flock", path=search):
        notes.append("flock is not on PATH: hooks in shell show no tips, because they could not be counted")
    if not shutil.which("timeout", path=search):
        notes.append("timeout is not on PATH: interbase uses its own watchdog, which costs a process more")
    return notes


def _compare(library: Library, home: Path, installed: str) -> str:
    folder, packaged = library.folder(home), library.packaged()
    key, own = version_key(installed), version_key(library.version())
    if key.is_version and key != own:
        return "newer" if key > own else "older"
    return "current" if all(_read(folder / place) == content for place, content in packaged.items()) else "changed"


def _problem(path: Path, environ: Mapping[str, str]) -> str:
    """Why hooks cannot source a file; empty when they can."""
    if not os.path.lexists(path):
        return "is not there"
    if not _read(path):
        return "is no file that can be read, or is empty"
    bash = shutil.which("bash", path=environ.get("PATH", ""))
    if bash is None:
        return ""
    parsed = run_process([bash, "-n", str(path)], timeout=_PARSE_SECONDS, env={"PATH": environ.get("PATH", "")})
    if parsed.returncode == 0:
        return ""
    lines = (parsed.problem or parsed.stderr).strip().splitlines()
    return f"does not parse: {lines[0].removeprefix(f'{path}: ') if lines else 'no reason given'}"


def _read(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except StateError:
        return None
